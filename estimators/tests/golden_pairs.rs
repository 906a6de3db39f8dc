//! Mutual informations and entropies computed once in 64-bit numpy from the formulas, on data that are written here in
//! full.
//!
//! N = 60; X[i,j] = sin(0.7 i + 1.3 j) + 0.1 cos(2.1 i (j+1)); T = tanh(X W); y1 = sin(0.31 i).

#![allow(clippy::unwrap_used)]

use narrows_estimators::{
    ConditionalWeights, Estimate, Variable, cauchy_schwarz_divergence, conditional_cauchy_schwarz, registry,
};
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

fn labels() -> Vec<u32> {
    (0..60).map(|i| (7 * i) % 3).collect()
}

const LN_2: f64 = std::f64::consts::LN_2;

#[test]
fn cauchy_schwarz_and_hsic() {
    let (x, t) = (x(), t());
    // The reference is in bits.
    close(information("cauchy-schwarz:sigma=1", &x, &t).value.0, 0.592919284118 * LN_2, "quadratic information");
    close(information("cauchy-schwarz:sigma=1", &x, &x).value.0, 0.831052219322 * LN_2, "of itself");
    close(information("cauchy-schwarz:sigma=1,normalised=yes", &x, &t).value.0, 0.968722653658, "normalised");
    close(information("hsic:sigma=1", &x, &t).value.0, 0.0983922959588, "hsic");
    let y1 = Array2::from_shape_fn((60, 1), |(i, _)| (0.31 * i as f64).sin());
    let y2 = &y1 * 0.9 + 0.05;
    let weights =
        [(ConditionalWeights::SumOfSquares, 0.00555958866053), (ConditionalWeights::SquareOfSum, 0.00538100940206)];
    for (weights, bits) in weights {
        let found = conditional_cauchy_schwarz(x.view(), y1.view(), y2.view(), 1.0, 1.0, weights).unwrap();
        close(found, bits * LN_2, "conditional divergence");
    }
    let shifted = &x + 0.5;
    let found = cauchy_schwarz_divergence(x.view(), shifted.view(), 1.0).unwrap();
    close(found, 0.455179332279, "divergence");
}

#[test]
fn matrix_renyi() {
    let (x, t) = (x(), t());
    close(information("renyi:sigma=1,tolerance=1e-14", &x, &t).value.0, 1.55430833333 * LN_2, "renyi");
    close(information("renyi:sigma=0.5,tolerance=1e-14", &x, &t).value.0, 2.61793100679 * LN_2, "renyi, narrow");
    let h =
        registry::entropy("renyi:sigma=1,tolerance=1e-14").unwrap().entropy(Variable::Continuous(t.view())).unwrap();
    close(h.value.0, 1.86468152927 * LN_2, "renyi entropy");
}

#[test]
fn leave_one_out_density() {
    let t = t();
    let found = registry::entropy("loo-kde:bandwidth=0.3").unwrap().entropy(Variable::Continuous(t.view())).unwrap();
    close(found.value.0, 1.39493581317, "leave-one-out density");
}

#[test]
fn kernel_bounds_of_entropy_and_the_interval_of_opposite_bounds() {
    let t = t();
    let labels = labels();
    let entropy =
        |spec: &str| registry::entropy(spec).unwrap().entropy(Variable::Continuous(t.view())).unwrap().value.0;
    assert!((entropy("kde:variance=0.1") - 2.36607609725).abs() < 2e-6);
    assert!((entropy("kde-lower:variance=0.1") - 1.72336391488).abs() < 2e-6);
    for (variance, low, high) in [("1e-3", 1.10835375432, 2.05780614243), ("0.1", 0.117779268992, 1.22262124499)] {
        for name in ["kde", "kde-lower"] {
            let estimator = registry::mutual_information(&format!("{name}:variance={variance}")).unwrap();
            let found = estimator.estimate(Variable::Continuous(t.view()), Variable::Discrete(&labels)).unwrap();
            for (detail, truth) in [("bound_low_nats", low), ("bound_high_nats", high)] {
                let bits = found.detail(detail).unwrap() / LN_2;
                assert!((bits - truth).abs() < 2e-6, "{name} {variance} {detail}: {bits} for {truth}");
            }
        }
    }
}
