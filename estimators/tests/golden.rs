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
    let found = registry::plane(spec).unwrap().estimate_layer(&layer).unwrap();
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

#[test]
fn bins_on_the_layers_own_range() {
    let (t, r, _) = layers();
    check("binning:bins=30,range=epoch", &t, None, (4.366132729, 1.584962501), 1e-8);
    check("binning:bins=30,range=epoch", &r, None, (4.327108723, 1.484265101), 1e-8);
    check("binning:bins=5,range=epoch", &t, None, (3.235979290, 1.384962501), 1e-8);
    check("binning:bins=5,range=epoch", &r, None, (2.637643715, 0.8532935919), 1e-8);
}

#[test]
fn miller_madow_in_every_entropy() {
    let (t, r, _) = layers();
    check("binning:width=0.5,correction=miller-madow", &t, None, (3.046963842, 1.312487242), 1e-8);
    check("binning:width=0.07,correction=miller-madow", &t, None, (4.635735262, 1.609007418), 1e-8);
    check("binning:bins=30,range=epoch,correction=miller-madow", &r, None, (4.615647731, 1.496287560), 1e-8);
}

#[test]
fn noise_that_follows_the_largest_activation() {
    let (t, r, targets) = layers();
    check("adaptive-kde:variance=1e-3", &t, None, (3.982366458, 1.584962476), 2e-6);
    check("adaptive-kde:variance=1e-3", &r, None, (3.655624477, 1.418654787), 2e-6);
    check("kde-lower:variance=1e-3,scale=max", &t, None, (3.490242624, 1.582310241), 2e-6);
    let layer = LayerSample::new(r.view(), &targets).unwrap();
    let found = registry::plane("adaptive-kde").unwrap().estimate_layer(&layer).unwrap();
    assert!((found.noise_variance.unwrap() - 1.407874274e-3).abs() < 1e-9);
    // The differential entropy of the layer with its noise, in nats.
    assert!((found.h_t.value.0 + 1.193911454).abs() < 1e-5);
}

#[test]
fn the_noisy_layers_entropy() {
    let (t, _, targets) = layers();
    let layer = LayerSample::new(t.view(), &targets).unwrap();
    for (spec, nats) in [
        ("kde:variance=0.1", 2.366076097),
        ("kde-lower:variance=0.1", 1.723363915),
        ("kde:variance=1e-3", -1.335136492),
    ] {
        let found = registry::plane(spec).unwrap().estimate_layer(&layer).unwrap().h_t.value.0;
        assert!((found - nats).abs() < 1e-5, "{spec}: {found} for {nats}");
    }
}
