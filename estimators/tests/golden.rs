//! Values computed once in 64-bit numpy from the formulas, on data that are written here in full.
//!
//! N = 60; X[i,j] = sin(0.7 i + 1.3 j) + 0.1 cos(2.1 i (j+1)); Z = X W; T = tanh Z; R = max(Z, 0); y = 7 i mod 3.

#![allow(clippy::unwrap_used)]

use narrows_estimators::{LayerSample, Targets, registry};
use ndarray::{Array2, array};

fn layers() -> (Array2<f32>, Array2<f32>, Targets) {
    let x = Array2::from_shape_fn((60, 3), |(i, j)| {
        let (i, j) = (i as f64, j as f64);
        (0.7 * i + 1.3 * j).sin() + 0.1 * (2.1 * i * (j + 1.0)).cos()
    });
    let z = x.dot(&array![[0.9, -0.4], [0.3, 0.8], [-0.6, 0.5]]);
    let labels: Vec<u32> = (0..60).map(|i| (7 * i) % 3).collect();
    (z.mapv(|v| v.tanh() as f32), z.mapv(|v| v.max(0.0) as f32), Targets::new(&labels).unwrap())
}

/// I(X;T) and I(T;Y) in bits.
fn plane(spec: &str, t: &Array2<f32>, targets: &Targets, low: Option<f32>) -> (f64, f64) {
    let layer = LayerSample::new(t.view(), targets).unwrap().with_lower_saturation(low);
    let found = registry::parse(spec).unwrap().estimate(&layer).unwrap();
    (found.i_xt.value.bits(), found.i_ty.value.bits())
}

fn check(spec: &str, t: &Array2<f32>, low: Option<f32>, expected: (f64, f64), tolerance: f64) {
    let (_, _, targets) = layers();
    let found = plane(spec, t, &targets, low);
    assert!(
        (found.0 - expected.0).abs() < tolerance && (found.1 - expected.1).abs() < tolerance,
        "{spec}: {found:?}, expected {expected:?}"
    );
}

#[test]
fn kernel_bounds() {
    let (t, _, _) = layers();
    check("kde:variance=1e-3", &t, None, (3.9453983181, 1.5849624233), 2e-6);
    check("kde-lower:variance=1e-3", &t, None, (3.4687896491, 1.5811974734), 2e-6);
    check("kde:variance=0.1", &t, None, (2.6412631764, 1.0450169472), 2e-6);
    check("kde-lower:variance=0.1", &t, None, (1.7140254982, 0.2953835668), 2e-6);
}

#[test]
fn fixed_width_bins() {
    let (t, _, _) = layers();
    check("binning:width=0.07", &t, None, (4.3712411708, 1.5849625007), 1e-9);
    check("binning:width=0.5", &t, None, (2.9628066317, 1.3124872416), 1e-9);
}

#[test]
fn thirty_edges_on_tanhs_range_are_twenty_nine_bins() {
    let (t, _, _) = layers();
    check("binning:bins=29,range=-1..1", &t, None, (4.2001634624, 1.5849625007), 1e-9);
}

#[test]
fn entropy_based_adaptive_bins() {
    let (t, r, _) = layers();
    check("adaptive:bins=5", &r, Some(0.0), (3.0885694337, 1.3692215528), 1e-9);
    check("adaptive:bins=30", &r, Some(0.0), (5.0667843963, 1.5182958341), 1e-9);
    check("adaptive:bins=5", &t, Some(-1.0), (3.7206484635, 1.5199602586), 1e-9);
    check("adaptive:bins=30", &t, Some(-1.0), (5.2817276789, 1.5849625007), 1e-9);
}
