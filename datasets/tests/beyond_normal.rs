//! The forty tasks of the "Beyond Normal" benchmark are the published ones, and their samples are theirs.

#![allow(clippy::unwrap_used)]

use narrows_datasets::truth::{Pairs, TruthVariable, beyond_normal};
use ndarray::Array2;
use statrs::function::erf::{erfc, erfc_inv};

fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

/// Names and information, in nats, as published.
const PUBLISHED: [(&str, f64); 40] = [
    ("1v1-normal-0.75", 0.4133),
    ("normal_cdf@1v1", 0.4133),
    ("1v1-additive-0.1", 1.7094),
    ("1v1-additive-0.75", 0.3333),
    ("1v1-bimodal-0.75", 0.4133),
    ("wiggly@1v1", 0.4133),
    ("half_cube@1v1", 0.4133),
    ("student-1-1-1", 0.2242),
    ("asinh@student-1-1-1", 0.2242),
    ("swissroll 2x1", 0.4133),
    ("dense-2-2", 0.2939),
    ("dense-3-3", 0.4133),
    ("dense-5-5", 0.5928),
    ("dense-25-25", 1.2922),
    ("dense-50-50", 1.6243),
    ("2pair-2-2", 1.0217),
    ("2pair-3-3", 1.0217),
    ("2pair-5-5", 1.0217),
    ("2pair-25-25", 1.0217),
    ("student-2-2-1", 0.4319),
    ("student-2-2-2", 0.1931),
    ("student-3-3-2", 0.2909),
    ("student-3-3-3", 0.1787),
    ("student-5-5-2", 0.4482),
    ("student-5-5-3", 0.2985),
    ("normal_cdf@2pair-3", 1.0217),
    ("normal_cdf@2pair-5", 1.0217),
    ("normal_cdf@2pair-25", 1.0217),
    ("half_cube@2pair-3", 1.0217),
    ("half_cube@2pair-5", 1.0217),
    ("half_cube@2pair-25", 1.0217),
    ("spiral@2pair-3", 1.0217),
    ("spiral@2pair-5", 1.0217),
    ("spiral@2pair-25", 1.0217),
    ("spiral@normal_cdf@2pair-3", 1.0217),
    ("spiral@normal_cdf@2pair-5", 1.0217),
    ("spiral@normal_cdf@2pair-25", 1.0217),
    ("asinh@student-2-2-1", 0.4319),
    ("asinh@student-3-3-2", 0.2909),
    ("asinh@student-5-5-2", 0.4482),
];

fn values(pairs: Pairs) -> (Array2<f64>, Array2<f64>) {
    match (pairs.x, pairs.y) {
        (TruthVariable::Continuous(x), TruthVariable::Continuous(y)) => (x, y),
        _ => panic!("labels"),
    }
}

fn sample(name: &str, n: usize) -> (Array2<f64>, Array2<f64>) {
    values(beyond_normal().iter().find(|t| t.name() == name).unwrap().sample(n, 5))
}

fn covariance(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> f64 {
    let (a, b): (Vec<f64>, Vec<f64>) = (a.collect(), b.collect());
    let n = a.len() as f64;
    let (p, q) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    a.iter().zip(&b).map(|(a, b)| (a - p) * (b - q)).sum::<f64>() / n
}

#[test]
fn the_forty_tasks_are_the_published_ones() {
    let tasks = beyond_normal();
    let found: Vec<_> = tasks.iter().map(|t| (t.name(), (t.mutual_information() * 1e4).round() / 1e4)).collect();
    assert_eq!(found, PUBLISHED);
    for task in tasks {
        let (x, y) = values(task.sample(50, 1));
        assert_eq!((x.dim(), y.dim()), ((50, task.dim_x()), (50, task.dim_y())), "{task:?}");
        assert!(x.iter().chain(&y).all(|v| v.is_finite()));
        assert_eq!((x.clone(), y.clone()), values(task.sample(50, 1)));
        assert_ne!(x, values(task.sample(50, 2)).0);
        assert_eq!(x.row(7), values(task.sample(8, 1)).0.row(7));
        assert_eq!(task.family(), "beyond-normal");
    }
}

#[test]
fn normals_have_their_covariance() {
    let n = 40_000;
    for (name, pairs, rho, other) in
        [("1v1-normal-0.75", 1, 0.75, 0.0), ("2pair-5-5", 2, 0.8, 0.0), ("dense-5-5", 5, 0.5, 0.5)]
    {
        let (x, y) = sample(name, n);
        let all: Vec<_> = x.columns().into_iter().chain(y.columns()).collect();
        for (i, a) in all.iter().enumerate() {
            assert!(a.mean().unwrap().abs() < 0.025);
            for (j, b) in all.iter().enumerate() {
                let paired = j == i + x.ncols() && i < pairs || i == j + x.ncols() && j < pairs;
                let want = if i == j {
                    1.0
                } else if paired {
                    rho
                } else {
                    other
                };
                let found = covariance(a.iter().copied(), b.iter().copied());
                assert!((found - want).abs() < 0.035, "{name} {i} {j}: {found}");
            }
        }
    }
}

#[test]
fn students_share_one_denominator() {
    // ln|x| = ln|normal| − ½ ln(χ²/ν): the covariance of two coordinates, of X and Y or of one, is ψ'(ν/2)/4.
    let quarter_trigamma = |dof: u32| match dof {
        1 => std::f64::consts::PI.powi(2) / 8.0,
        2 => std::f64::consts::PI.powi(2) / 24.0,
        _ => std::f64::consts::PI.powi(2) / 8.0 - 1.0,
    };
    for (name, dof) in [("student-1-1-1", 1), ("student-2-2-2", 2), ("student-3-3-3", 3)] {
        let (x, y) = sample(name, 100_000);
        let last = x.ncols() - 1;
        let logs = |column: usize, of: &Array2<f64>| of.column(column).mapv(|v| v.abs().ln()).into_iter();
        let want = quarter_trigamma(dof);
        assert!((covariance(logs(0, &x), logs(last, &y)) - want).abs() < 0.03, "{name}");
        // |normal| has ψ'(½)/4 of its own.
        let variance = want + std::f64::consts::PI.powi(2) / 8.0;
        assert!((covariance(logs(0, &x), logs(0, &x)) - variance).abs() < 0.06, "{name}");
        if last > 0 {
            assert!((covariance(logs(0, &x), logs(last, &x)) - want).abs() < 0.03, "{name}");
        }
    }
}

#[test]
fn maps_are_those_of_the_same_base() {
    let near = |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + b.abs()));
    let (x, y) = sample("1v1-normal-0.75", 200);
    let undone = |name: &str, undo: fn(f64) -> f64| {
        let (x, y) = sample(name, 200);
        (x.mapv(undo), y.mapv(undo))
    };
    let (a, b) = undone("half_cube@1v1", |v| v.signum() * v.abs().powf(2.0 / 3.0));
    assert!(near(&a, &x) && near(&b, &y));
    let probit: fn(f64) -> f64 = |u| -std::f64::consts::SQRT_2 * erfc_inv(2.0 * u);
    let (a, b) = undone("normal_cdf@1v1", probit);
    assert!(near(&a, &x) && near(&b, &y));
    let (a, b) = sample("1v1-bimodal-0.75", 200);
    assert!(near(&a.mapv(|v| probit(0.3 * normal_cdf(v) + 0.7 * normal_cdf(v - 5.0))), &x));
    assert!(near(&b.mapv(|v| probit(0.5 * normal_cdf(v + 1.0) + 0.5 * normal_cdf(v - 3.0))), &y));
    let (roll, b) = sample("swissroll 2x1", 200);
    let t = Array2::from_shape_fn((200, 1), |(i, _)| 21.0 * roll[[i, 0]].hypot(roll[[i, 1]]));
    assert!(near(&t.mapv(|t| probit((t / (1.5 * std::f64::consts::PI) - 1.0) / 2.0)), &x) && near(&b.mapv(probit), &y));
    let (a, b) = undone("asinh@student-2-2-1", f64::sinh);
    let (x, y) = sample("student-2-2-1", 200);
    assert!(near(&a, &x) && near(&b, &y));
    let ((x, y), (a, b)) = (sample("2pair-3-3", 200), sample("spiral@2pair-3", 200));
    assert!(x.column(2) == a.column(2) && y.column(0) == b.column(0) && x != a && y != b);
}

#[test]
fn additive_noise_is_uniform_within_epsilon() {
    for (name, epsilon) in [("1v1-additive-0.1", 0.1), ("1v1-additive-0.75", 0.75)] {
        let (x, y) = sample(name, 20_000);
        let noise = &y - &x;
        assert!(noise.iter().all(|e| e.abs() <= epsilon) && noise.iter().any(|e| *e < -0.99 * epsilon));
        let of = |v: &Array2<f64>| covariance(v.iter().copied(), v.iter().copied());
        assert!((of(&noise) / (epsilon * epsilon / 3.0) - 1.0).abs() < 0.03);
        assert!((of(&x) * 12.0 - 1.0).abs() < 0.03);
        assert!(covariance(x.iter().copied(), noise.iter().copied()).abs() < 0.01);
    }
}
