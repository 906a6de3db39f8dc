//! Mixtures of normals, some bent afterwards: "On the Properties and Estimation of Pointwise Mutual Information Profiles"
//! (Czyż, Grabowski, Vogt, Beerenwinkel & Marx 2023), with the parameters and names of its published tasks.
//!
//! The published values are Monte Carlo means. Here they are integrals, to six decimals: all dependence of X and Y goes
//! through two numbers (one of X, one of Y), and through one where a share of the pairs is broken up: there the log
//! ratio of densities of the two pairs is a constant plus a difference of two exponential variables.

use rand::RngExt;

use super::closed_form;
use super::maps::{spiral_at_speed, waves};
use super::rows::paired_normals;
use super::task::{Draw, Task};

/// Normal rows whose coordinates are independent, but for the first of X and of Y that are correlated one to one.
#[derive(Debug, Clone)]
struct Component {
    weight: f64,
    /// Means of the coordinates of X, then of Y.
    means: Vec<f64>,
    /// Standard deviations in the same order; a negative one mirrors the coordinate, and so the sign of its correlation.
    deviations: Vec<f64>,
    pairs: usize,
    rho: f64,
}

impl Component {
    fn new(weight: f64, means: Vec<f64>, variances: Vec<f64>) -> Self {
        Self { weight, means, deviations: variances.into_iter().map(f64::sqrt).collect(), pairs: 0, rho: 0.0 }
    }

    fn correlated(self, pairs: usize, rho: f64) -> Self {
        Self { pairs, rho, ..self }
    }

    /// For one coordinate each.
    fn mirrored_y(mut self) -> Self {
        self.deviations.iter_mut().skip(1).for_each(|d| *d = -*d);
        self
    }
}

/// The tasks, each with its information integrated numerically.
pub fn mixtures() -> Vec<Task> {
    let still: fn(&mut [f64]) = |_| {};
    let mut tasks = vec![
        task("1v1-X-0.9", "two crossing normals of correlation ±0.9", 1, 0.408443, cross(), still),
        task("1v1-AI", "six normals that spell AI", 1, 0.775953, letters(), still),
        task("2v1-galaxy-0.5-3.0", "two balls, X wound into a spiral galaxy", 2, 0.494298, balls(), |x| {
            spiral_at_speed(x, 0, 0.5);
        }),
        task(
            "2v1-waves-12-5.0-3.0",
            "twelve normals at four heights of Y, X bent into waves",
            2,
            1.307017,
            row(),
            waves,
        ),
    ];
    let concentric = [
        (3, 5, 0.455423),
        (3, 10, 0.559916),
        (5, 5, 0.627391),
        (5, 10, 0.751451),
        (25, 5, 1.190768),
        (25, 10, 1.387585),
    ];
    tasks.extend(concentric.map(|(dim, n, information)| {
        let name = format!("{dim}v1-concentric_gaussians-{n}");
        task(&name, "concentric normals; Y says which, almost without noise", dim, information, shells(dim, n), still)
    }));
    tasks.extend([(5, 0.2, 0.635759), (5, 0.5, 0.269626), (25, 0.2, 0.635759), (25, 0.5, 0.269626)].map(
        |(dim, share, information)| {
            let name = format!("mult-sparse-w-inliers-{dim}-{dim}-2-2.0-{share}");
            let summary = "the two-pair normal, a share of its pairs broken up";
            task(&name, summary, dim, information, inliers(dim, share), still)
        },
    ));
    tasks
}

fn task(
    name: &str,
    summary: &str,
    dim_x: usize,
    information: f64,
    components: Vec<Component>,
    map_x: fn(&mut [f64]),
) -> Task {
    let dims = (dim_x, components.first().map_or(0, |c| c.means.len()) - dim_x);
    let draw = Draw::row(move |rng, x, y| {
        let mut level: f64 = rng.random();
        let chosen = components.iter().find(|c| {
            level -= c.weight;
            level < 0.0
        });
        // Weights that sum to a little less than 1 leave the rest to the last.
        let Some(component) = chosen.or(components.last()) else { return };
        paired_normals(rng, x, y, component.pairs, closed_form::normal(component.rho));
        let places = component.means.iter().zip(&component.deviations);
        x.iter_mut().chain(y).zip(places).for_each(|(v, (mean, deviation))| *v = mean + deviation * *v);
        map_x(x);
    });
    let (name, family, summary) = (name.into(), "mixtures".into(), summary.into());
    Task { name, family, summary, dims, information, draw }
}

fn cross() -> Vec<Component> {
    let half = || Component::new(0.5, vec![0.0; 2], vec![1.0; 2]).correlated(1, 0.9);
    vec![half(), half().mirrored_y()]
}

fn letters() -> Vec<Component> {
    let sixth = |x, y, variance_x, variance_y| Component::new(1.0 / 6.0, vec![x, y], vec![variance_x, variance_y]);
    vec![
        sixth(1.0, 0.0, 0.01, 0.2),
        sixth(1.0, 1.0, 0.05, 0.001),
        sixth(1.0, -1.0, 0.05, 0.001),
        sixth(-0.8, -0.2, 0.03, 0.001),
        sixth(-1.2, 0.0, 0.04, 0.2).correlated(1, 0.95),
        sixth(-0.4, 0.0, 0.04, 0.2).correlated(1, 0.95).mirrored_y(),
    ]
}

fn balls() -> Vec<Component> {
    [-1.5, 1.5].map(|at| Component::new(0.5, vec![at; 3], vec![1.0; 3])).to_vec()
}

fn row() -> Vec<Component> {
    let place = |k: u32| vec![1.5 * f64::from(k), 0.0, 1.5 * f64::from(k % 4)];
    (0..12).map(|k| Component::new(1.0 / 12.0, place(k), vec![0.1, 1.0, 0.1])).collect()
}

fn shells(dim: usize, n: u32) -> Vec<Component> {
    let last = |first: f64, last: f64| [vec![first; dim], vec![last]].concat();
    let shell = |i: f64| Component::new(1.0 / f64::from(n), last(0.0, i), last(i * i, 1e-4));
    (1..=n).map(|i| shell(f64::from(i))).collect()
}

fn inliers(dim: usize, share: f64) -> Vec<Component> {
    let normal = |weight| Component::new(weight, vec![0.0; 2 * dim], vec![1.0; 2 * dim]);
    vec![normal(1.0 - share).correlated(2, 0.8), normal(share)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::TruthVariable;

    fn ln_normal(z: f64) -> f64 {
        -0.5 * z * z - 0.5 * (2.0 * std::f64::consts::PI).ln()
    }

    /// ln Σ weight · e^term.
    fn ln_mix(terms: impl Iterator<Item = f64> + Clone) -> f64 {
        let top = terms.clone().fold(f64::NEG_INFINITY, f64::max);
        top + terms.map(|t| (t - top).exp()).sum::<f64>().ln()
    }

    /// ln p(x, y) / p(x) p(y) of a mixture.
    fn pointwise(components: &[Component], x: &[f64], y: &[f64]) -> f64 {
        let scores = |c: &Component| -> Vec<f64> {
            let values = x.iter().chain(y).zip(c.means.iter().zip(&c.deviations));
            values.map(|(v, (mean, deviation))| (v - mean) / deviation).collect()
        };
        let side = |c: &Component, range: std::ops::Range<usize>| -> f64 {
            let scores = scores(c);
            range.map(|i| ln_normal(scores[i]) - c.deviations[i].abs().ln()).sum()
        };
        let (p, q) = (x.len(), x.len() + y.len());
        let dependence = |c: &Component| -> f64 {
            let (s, rest) = (scores(c), 1.0 - c.rho * c.rho);
            let pair =
                |i: usize| ln_normal((s[p + i] - c.rho * s[i]) / rest.sqrt()) - rest.ln() / 2.0 - ln_normal(s[p + i]);
            (0..c.pairs).map(pair).sum()
        };
        let mix = |of: &dyn Fn(&Component) -> f64| ln_mix(components.iter().map(|c| c.weight.ln() + of(c)));
        mix(&|c| side(c, 0..q) + dependence(c)) - mix(&|c| side(c, 0..p)) - mix(&|c| side(c, p..q))
    }

    #[test]
    fn the_integrals_agree_with_monte_carlo() {
        let n = 30_000;
        for task in mixtures() {
            // Of the bent ones the straight mixtures are drawn: the maps are one to one and have tests of their own.
            let (components, dim_x) = match task.name() {
                "1v1-X-0.9" => (cross(), 1),
                "1v1-AI" => (letters(), 1),
                "2v1-galaxy-0.5-3.0" => (balls(), 2),
                "2v1-waves-12-5.0-3.0" => (row(), 2),
                name => match name.split_once("v1-concentric_gaussians-") {
                    Some((dim, n)) => (shells(dim.parse().unwrap(), n.parse().unwrap()), task.dim_x()),
                    None => (inliers(task.dim_x(), name.rsplit('-').next().unwrap().parse().unwrap()), task.dim_x()),
                },
            };
            let straight = super::task("", "", dim_x, 0.0, components.clone(), |_| {});
            let pairs = straight.sample(n, 8);
            let (TruthVariable::Continuous(x), TruthVariable::Continuous(y)) = (pairs.x, pairs.y) else { panic!() };
            assert_eq!((x.ncols(), y.ncols()), (task.dim_x(), task.dim_y()));
            let terms: Vec<f64> = x
                .rows()
                .into_iter()
                .zip(y.rows())
                .map(|(x, y)| pointwise(&components, x.as_slice().unwrap(), y.as_slice().unwrap()))
                .collect();
            let mean = terms.iter().sum::<f64>() / n as f64;
            let error = (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n as f64).powi(2)).sqrt();
            let truth = task.mutual_information();
            assert!(error < 0.01 && (mean - truth).abs() < 4.0 * error, "{task:?}: {mean} ± {error}");
        }
    }

    #[test]
    fn the_bent_ones_are_bent() {
        for (task, components) in mixtures().iter().skip(2).zip([balls(), row()]) {
            let straight = super::task("", "", 2, 0.0, components, |_| {}).sample(50, 3);
            let bent = task.sample(50, 3);
            assert_eq!(straight.y, bent.y);
            assert_ne!(straight.x, bent.x);
            assert_eq!(bent, task.sample(50, 3));
        }
    }
}
