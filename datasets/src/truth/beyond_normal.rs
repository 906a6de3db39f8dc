//! The forty tasks of "Beyond Normal: On the Evaluation of Mutual Information Estimators" (Czyż, Grabowski, Vogt,
//! Beerenwinkel & Marx, NeurIPS 2023), with the parameters of its published task list.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::closed_form;
use super::maps::{self, bimodal, half_cube, normal_cdf, spiral, swiss_roll, wiggly_x, wiggly_y};
use super::rows::{Denominator, equicorrelated_normals, paired_normals};
use super::task::{Draw, Task};

/// The correlation of the bivariate normal that most one-dimensional tasks are maps of.
const RHO: f64 = 0.75;
/// The correlation of the two pairs of the sparse normals, and every correlation of the dense ones.
const RHO_SPARSE: f64 = 0.8;
const RHO_DENSE: f64 = 0.5;

/// The forty tasks, each with its exact information.
pub fn beyond_normal() -> Vec<Task> {
    let one = || Normal { dim: 1, pairs: 1, rho: RHO };
    let mut tasks = vec![
        one().through("1v1-normal-0.75", "bivariate normal of correlation 0.75", |_| {}, |_| {}),
        one().through("normal_cdf@1v1", "that normal through its distribution function", to_uniform, to_uniform),
        additive_noise("1v1-additive-0.1", 0.1),
        additive_noise("1v1-additive-0.75", 0.75),
        one().through(
            "1v1-bimodal-0.75",
            "that normal with margins of two modes",
            |x| each(x, |v| bimodal(v, maps::BIMODAL_X)),
            |y| each(y, |v| bimodal(v, maps::BIMODAL_Y)),
        ),
        one().through("wiggly@1v1", "that normal with wiggly axes", |x| each(x, wiggly_x), |y| each(y, wiggly_y)),
        one().through("half_cube@1v1", "that normal with longer tails, x√|x|", to_half_cube, to_half_cube),
        student_identity(1, 1, false),
        student_identity(1, 1, true),
        one().rolled("swissroll 2x1"),
    ];
    tasks.extend([2, 3, 5, 25, 50].map(dense));
    tasks.extend([2, 3, 5, 25].map(|dim| {
        let summary = "normal with two correlated pairs, the other coordinates independent";
        two_pair(dim).through(&format!("2pair-{dim}-{dim}"), summary, |_| {}, |_| {})
    }));
    let students = [(2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)];
    tasks.extend(students.map(|(dim, dof)| student_identity(dim, dof, false)));
    tasks.extend([3, 5, 25].map(|dim| {
        let name = format!("normal_cdf@2pair-{dim}");
        two_pair(dim).through(&name, "the two-pair normal through the distribution function", to_uniform, to_uniform)
    }));
    tasks.extend([3, 5, 25].map(|dim| {
        let name = format!("half_cube@2pair-{dim}");
        two_pair(dim).through(&name, "the two-pair normal with longer tails, x√|x|", to_half_cube, to_half_cube)
    }));
    tasks.extend([3, 5, 25].map(|dim| {
        let name = format!("spiral@2pair-{dim}");
        two_pair(dim).through(&name, "the two-pair normal on spirals", |x| spiral(x, 0), |y| spiral(y, 1))
    }));
    tasks.extend([3, 5, 25].map(|dim| {
        let uniform_spiral = |row: &mut [f64], plane| {
            to_uniform(row);
            spiral(row, plane);
        };
        two_pair(dim).through(
            &format!("spiral@normal_cdf@2pair-{dim}"),
            "the two-pair normal through the distribution function, then on spirals",
            move |x| uniform_spiral(x, 0),
            move |y| uniform_spiral(y, 1),
        )
    }));
    tasks.extend([(2, 1), (3, 2), (5, 2)].map(|(dim, dof)| student_identity(dim, dof, true)));
    tasks
}

/// Standard normals where the first `pairs` coordinates are correlated one to one.
struct Normal {
    dim: usize,
    pairs: usize,
    rho: f64,
}

fn two_pair(dim: usize) -> Normal {
    Normal { dim, pairs: 2, rho: RHO_SPARSE }
}

impl Normal {
    fn draw(&self) -> impl Fn(&mut ChaCha8Rng, &mut [f64], &mut [f64]) + use<> {
        let (pairs, information) = (self.pairs, closed_form::normal(self.rho));
        move |rng, x, y| paired_normals(rng, x, y, pairs, information)
    }

    fn information(&self) -> f64 {
        self.pairs as f64 * closed_form::normal(self.rho)
    }

    /// The task of these normals with each variable through a map of its rows.
    fn through(
        self,
        name: &str,
        summary: &str,
        map_x: impl Fn(&mut [f64]) + Send + Sync + 'static,
        map_y: impl Fn(&mut [f64]) + Send + Sync + 'static,
    ) -> Task {
        let base = self.draw();
        let draw = Draw::row(move |rng, x, y| {
            base(rng, x, y);
            map_x(x);
            map_y(y);
        });
        task(name, summary, (self.dim, self.dim), self.information(), draw)
    }

    /// The task of these one-dimensional normals made uniform, with X wound up in the plane.
    fn rolled(self, name: &str) -> Task {
        let base = self.draw();
        let draw = Draw::row(move |rng, x, y| {
            base(rng, &mut x[..1], y);
            x.copy_from_slice(&swiss_roll(normal_cdf(x[0])));
            to_uniform(y);
        });
        task(name, "the uniform pair of correlated ranks, X on a Swiss roll", (2, 1), self.information(), draw)
    }
}

fn task(name: &str, summary: &str, dims: (usize, usize), information: f64, draw: Draw) -> Task {
    let (name, family, summary) = (name.into(), "beyond-normal".into(), summary.into());
    Task { name, family, summary, dims, information, draw }
}

fn each(row: &mut [f64], map: impl Fn(f64) -> f64) {
    row.iter_mut().for_each(|v| *v = map(*v));
}

fn to_uniform(row: &mut [f64]) {
    each(row, normal_cdf);
}

fn to_half_cube(row: &mut [f64]) {
    each(row, half_cube);
}

fn additive_noise(name: &str, epsilon: f64) -> Task {
    let draw = Draw::row(move |rng, x, y| {
        x[0] = rng.random();
        y[0] = x[0] + epsilon * (2.0 * rng.random::<f64>() - 1.0);
    });
    let summary = format!("uniform X, and Y = X + uniform noise within ±{epsilon}");
    task(name, &summary, (1, 1), closed_form::additive_noise(epsilon), draw)
}

fn dense(dim: usize) -> Task {
    let draw = Draw::row(|rng, x, y| equicorrelated_normals(rng, x, y, RHO_DENSE));
    let information = closed_form::equicorrelated_normal(dim, RHO_DENSE);
    task(&format!("dense-{dim}-{dim}"), "normal, every correlation 0.5", (dim, dim), information, draw)
}

/// Student rows of identity dispersion, where `asinh` through the inverse hyperbolic sine that takes their tails in.
fn student_identity(dim: usize, dof: u32, asinh: bool) -> Task {
    let prefix = if asinh { "asinh@" } else { "" };
    let name = format!("{prefix}student-{dim}-{dim}-{dof}");
    let map = if asinh { " through asinh" } else { "" };
    let summary = format!("uncorrelated Student variables, {dof} degree(s) of freedom, one denominator{map}");
    let denominator = Denominator::new(dof);
    let draw = Draw::row(move |rng, x, y| {
        paired_normals(rng, x, y, 0, 0.0);
        denominator.divide(rng, x, y);
        if asinh {
            each(x, f64::asinh);
            each(y, f64::asinh);
        }
    });
    task(&name, &summary, (dim, dim), closed_form::student_excess(dof, dim, dim), draw)
}
