//! What every estimator in the registry must obey: to be listed is to be tested.

#![allow(clippy::unwrap_used)]

use narrows_estimators::{Estimate, InputCodes, LayerSample, PlaneEstimate, Targets, ValueRange, registry};
use ndarray::{Array2, Axis};

const N: usize = 300;

/// Uniform in [-1, 1], by the finaliser of splitmix64 on the position.
fn activations(seed: u64, width: usize) -> Array2<f32> {
    Array2::from_shape_fn((N, width), |(i, k)| {
        let mut z = (seed << 40 | (i as u64) << 20 | k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

fn labels() -> Vec<u32> {
    (0..N as u32).map(|i| i * i % 4).collect()
}

/// What a sample of the input is, for estimators that look at its values: three numbers that the activations are of.
fn inputs(t: &Array2<f32>) -> Array2<f64> {
    Array2::from_shape_fn((t.nrows(), 3), |(i, k)| {
        f64::from(t[[i, k % t.ncols()]]) + 0.5 * f64::from(activations(9, 3)[[i, k]])
    })
}

fn estimate(name: &str, t: &Array2<f32>, labels: &[u32]) -> PlaneEstimate {
    estimate_of(name, &inputs(t), t, labels)
}

fn estimate_of(name: &str, x: &Array2<f64>, t: &Array2<f32>, labels: &[u32]) -> PlaneEstimate {
    let targets = Targets::new(labels).unwrap();
    let range = ValueRange::of(t.view()).unwrap();
    let estimator = registry::plane(name).unwrap();
    let codes = InputCodes::new(x.view(), &[registry::plane(name).unwrap()]).unwrap();
    let layer = LayerSample::new(t.view(), &targets).unwrap().with_run_range(range).with_inputs(&codes).unwrap();
    estimator.estimate_layer(&layer).unwrap()
}

fn every(check: impl Fn(&str)) {
    assert!(!registry::ESTIMATORS.is_empty());
    for entry in registry::ESTIMATORS.iter().filter(|e| e.is_plane()) {
        check(entry.name);
    }
}

/// Every estimator whose I(X;T) is of the samples as states of their own, with log N for a ceiling that it respects:
/// all but those that estimate densities of the input's values.
fn every_of_states(check: impl Fn(&str)) {
    every(|name| {
        if registry::plane(name).unwrap().needs_inputs().is_none() {
            check(name);
        }
    });
}

/// By how much an estimate may move when its noise is drawn anew.
///
/// Near the ceiling log N few draws decide, and only the draw that has them knows of its error: the larger one counts.
fn noise(name: &str, a: &Estimate, b: &Estimate) -> f64 {
    let error = a.std_error.unwrap().0.max(b.std_error.unwrap().0);
    if name == "gaussian-channel" { 0.02 + 4.0 * error } else { 1e-6 }
}

#[test]
fn the_order_of_samples_does_not_matter() {
    let (t, y) = (activations(1, 3), labels());
    let order: Vec<usize> = (0..N).map(|i| (i * 7) % N).collect();
    let (shuffled, y2) = (t.select(Axis(0), &order), order.iter().map(|&i| y[i]).collect::<Vec<_>>());
    every(|name| {
        let x = inputs(&t);
        let a = estimate_of(name, &x, &t, &y);
        let b = estimate_of(name, &x.select(Axis(0), &order), &shuffled, &y2);
        assert!((a.i_xt.value.0 - b.i_xt.value.0).abs() < noise(name, &a.i_xt, &b.i_xt), "{name}");
        assert!((a.i_ty.value.0 - b.i_ty.value.0).abs() < noise(name, &a.i_ty, &b.i_ty), "{name}");
    });
}

#[test]
fn the_order_of_units_does_not_matter() {
    let (t, y) = (activations(2, 4), labels());
    let turned = t.select(Axis(1), &[3, 1, 0, 2]);
    every(|name| {
        let x = inputs(&t);
        let (a, b) = (estimate_of(name, &x, &t, &y), estimate_of(name, &x, &turned, &y));
        assert!((a.i_xt.value.0 - b.i_xt.value.0).abs() < noise(name, &a.i_xt, &b.i_xt), "{name}: {a:?} {b:?}");
    });
}

#[test]
fn information_stays_within_its_limits() {
    let y = labels();
    let h_y = Targets::new(&y).unwrap().entropy();
    for width in [1, 2, 30] {
        let t = activations(3, width);
        every_of_states(|name| {
            let e = estimate(name, &t, &y);
            assert!(e.i_xt.value.0 >= -1e-9 && e.i_xt.value.0 <= (N as f64).ln() + 1e-6, "{name}: {:?}", e.i_xt);
            assert!(e.i_ty.value.0 >= -1e-6 && e.i_ty.value.0 <= h_y + 1e-6, "{name}: {:?}", e.i_ty);
            assert!(e.i_ty.value.0 <= e.i_xt.value.0 + 1e-6, "{name}");
        });
    }
}

#[test]
fn a_layer_that_is_the_label_tells_the_label_and_no_more() {
    let y = labels();
    let t = Array2::from_shape_fn((N, 1), |(i, _)| y[i] as f32);
    let h_y = Targets::new(&y).unwrap().entropy();
    every_of_states(|name| {
        // Steps of 1 are far apart for every default but the lower bound's, which sees 2σ for σ.
        let e = estimate(name, &t, &y);
        assert!((e.i_ty.value.0 - h_y).abs() < 1e-3 && (e.i_xt.value.0 - h_y).abs() < 1e-3, "{name}: {e:?} for {h_y}");
    });
}

#[test]
fn a_constant_layer_tells_nothing() {
    let t = Array2::from_elem((N, 3), 0.25f32);
    every(|name| {
        let e = estimate(name, &t, &labels());
        assert!(e.i_xt.value.0.abs() < 1e-9 && e.i_ty.value.0.abs() < 1e-9, "{name}: {e:?}");
    });
}

#[test]
fn every_sample_alone_is_flagged_as_saturated() {
    let wide = activations(4, 50);
    every_of_states(|name| {
        let e = estimate(name, &wide, &labels());
        assert!(e.i_xt.warnings.contains(&narrows_estimators::Warning::Saturated), "{name}: {e:?}");
    });
}

#[test]
fn the_input_is_not_changed_and_the_answer_repeats() {
    let (t, y) = (activations(5, 3), labels());
    let before = t.clone();
    every(|name| {
        assert_eq!(estimate(name, &t, &y), estimate(name, &t, &y), "{name}");
        assert_eq!(t, before, "{name}");
    });
}

#[test]
fn the_standard_error_is_finite_and_the_noise_is_told() {
    every(|name| {
        let e = estimate(name, &activations(6, 3), &labels());
        assert!(e.i_xt.std_error.unwrap().0.is_finite() && e.i_ty.std_error.unwrap().0 > 0.0, "{name}");
        let of_noise = name.contains("kde") || name == "gaussian-channel";
        assert_eq!(e.noise_variance.is_some(), of_noise, "{name}");
        let told = e.i_xt.warnings.contains(&narrows_estimators::Warning::NoNoise);
        assert_eq!(told, name == "lossy", "{name}: {:?}", e.i_xt);
    });
}

#[test]
fn what_a_layer_tells_beyond_the_target_is_the_difference() {
    every(|name| {
        let e = estimate(name, &activations(8, 3), &labels());
        let given = e.i_xt_given_y.unwrap();
        assert!((given.value.0 - (e.i_xt.value.0 - e.i_ty.value.0)).abs() < 1e-9, "{name}");
        assert!(given.std_error.unwrap().0.is_finite(), "{name}");
    });
}

#[test]
fn values_of_the_input_are_asked_for_by_whoever_needs_them() {
    let (t, y) = (activations(7, 3), labels());
    let targets = Targets::new(&y).unwrap();
    every(|name| {
        let estimator = registry::plane(name).unwrap();
        let layer = LayerSample::new(t.view(), &targets).unwrap();
        let layer = layer.with_run_range(ValueRange::of(t.view()).unwrap());
        let found = estimator.estimate_layer(&layer);
        match estimator.needs_inputs() {
            None => assert!(found.is_ok(), "{name}"),
            Some(_) => assert!(found.unwrap_err().to_string().contains("--inputs"), "{name}"),
        }
    });
}
