//! Mutual informations and entropies computed once in 64-bit numpy from the formulas, on data that are written here in
//! full.
//!
//! N = 60; X[i,j] = sin(0.7 i + 1.3 j) + 0.1 cos(2.1 i (j+1)); T = tanh(X W); y1 = sin(0.31 i).

#![allow(clippy::unwrap_used)]

use narrows_estimators::{Estimate, Variable, registry};
use ndarray::{Array2, Axis, array};

fn x() -> Array2<f64> {
    Array2::from_shape_fn((60, 3), |(i, j)| {
        let (i, j) = (i as f64, j as f64);
        (0.7 * i + 1.3 * j).sin() + 0.1 * (2.1 * i * (j + 1.0)).cos()
    })
}

fn t() -> Array2<f64> {
    x().dot(&array![[0.9, -0.4], [0.3, 0.8], [-0.6, 0.5]]).mapv(f64::tanh)
}

fn information(spec: &str, x: &Array2<f64>, y: &Array2<f64>) -> Estimate {
    let estimator = registry::mutual_information(spec).unwrap();
    estimator.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap()
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found:.10}, expected {expected}");
}

#[test]
fn ksg_first_and_second() {
    let (x, t) = (x(), t());
    let first = [(1, 3.2037593018), (3, 2.5670926352), (5, 2.3191561272)];
    let second = [(1, 3.5798704130), (3, 2.8187593018), (5, 2.3798704130)];
    for engine in ["auto", "tree", "scan", "kdtree"] {
        for (variant, values) in [(1, first), (2, second)] {
            for (k, expected) in values {
                let spec = format!("ksg:k={k},variant={variant},transform=none,engine={engine}");
                close(information(&spec, &x, &t).value.0, expected, &spec);
            }
        }
    }
}

#[test]
fn ksg_below_zero_is_reported_as_it_is() {
    let x0 = x().select(Axis(1), &[0]);
    let y1 = Array2::from_shape_fn((60, 1), |(i, _)| (0.31 * i as f64).sin());
    for (k, expected) in [(1, -0.3744666525), (3, -0.1871141894), (5, -0.1214279975)] {
        let spec = format!("ksg:k={k},transform=none");
        let found = information(&spec, &x0, &y1);
        close(found.value.0, expected, &spec);
        assert!(found.warnings.contains(&narrows_estimators::Warning::Negative));
        assert_eq!(found.clipped().value.0, 0.0);
    }
}

#[test]
fn kozachenko_leonenko() {
    let t = t();
    let spec = "kozachenko-leonenko:k=3,weights=no,whiten=no";
    let found = registry::entropy(spec).unwrap().entropy(Variable::Continuous(t.view())).unwrap();
    // The reference has ψ(N) where the estimator has log(N − 1).
    let psi_60 = (1..60).map(|m| 1.0 / m as f64).sum::<f64>() - 0.577_215_664_901_532_9;
    close(found.value.0 - 59f64.ln() + psi_60, -2.6132302892, spec);
}

#[test]
fn gaussian_and_its_copula() {
    let (x, t) = (x(), t());
    close(information("gaussian:bias=no", &x, &t).value.0, 5.37572434448, "gaussian");
    close(information("gaussian-copula:bias=no", &x, &t).value.0, 2.56892320367, "gaussian-copula");
}
