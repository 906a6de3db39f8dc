//! The concept information plane: I(X;Ĉ) against I(Ĉ;Y) of a bottleneck as it stands.
//!
//! Scores are a function of the input, so that I(X;Ĉ) is infinite unless something limits the resolution at which they
//! are read; which, is the estimator's choice and part of the number. The default adds Gaussian noise of standard
//! deviation 0.1 to each score and bounds both sides by pairwise distances ("Estimating mixture entropy with pairwise
//! distances", Kolchinsky & Tracey 2017): beliefs that differ by less than about a tenth count as the same. Give
//! probabilities, not log odds, so that the unit of the noise means the same through training. With N samples neither
//! side can exceed log N; many concepts come near it, and the estimate says `saturated`.

use super::Metric;
use crate::ProbeError;
use narrows_estimators::{Estimate, LayerSample, PlaneEstimator, Targets, ValueRange};
use ndarray::ArrayView2;

/// The estimator that is used where none is named.
pub const DEFAULT_PLANE: &str = "kde:variance=0.01";

/// I(X;Ĉ), I(Ĉ;Y) and H(Ĉ) in bits of scores [samples × concepts] by any estimator of the information plane.
///
/// # Errors
/// When the estimator refuses: one class, too few samples, values that are not finite, or inputs that it must see.
pub fn concept_plane(
    concepts: ArrayView2<'_, f64>,
    labels: &[u32],
    estimator: &dyn PlaneEstimator,
) -> Result<Vec<Metric>, ProbeError> {
    let targets = Targets::new(labels)?;
    let scores = concepts.mapv(|v| v as f32);
    let mut layer = LayerSample::new(scores.view(), &targets)?;
    if let Some(range) = ValueRange::of(scores.view()) {
        layer = layer.with_run_range(range);
    }
    let found = estimator.estimate_layer(&layer)?;
    let parameters = format!("estimator={} {}", estimator.name(), estimator.parameters());
    let of = |name, estimate: &Estimate| {
        let mut metric = Metric::new(name, estimate.value.bits(), estimate.n_samples).parameters(parameters.trim());
        if let Some(error) = estimate.std_error {
            metric = metric.error(error.bits());
        }
        estimate.warnings.iter().fold(metric, |metric, warning| metric.flag(flag(*warning)))
    };
    Ok(vec![
        of("plane_input_bits", &found.i_xt).chance(0.0),
        of("plane_class_bits", &found.i_ty).chance(0.0),
        of("plane_entropy_bits", &found.h_t),
    ])
}

/// The flags that bear on a plane of concepts; the rest under one name.
fn flag(warning: narrows_estimators::Warning) -> &'static str {
    use narrows_estimators::Warning;
    match warning {
        Warning::Saturated => "saturated",
        Warning::Negative => "negative",
        Warning::HighDimension => "high_dimension",
        Warning::Undersampled => "undersampled",
        Warning::NoNoise => "no_noise",
        _ => "see_estimator",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_estimators::registry;
    use ndarray::Array2;

    #[test]
    fn sure_beliefs_hold_their_patterns_and_even_ones_nothing() {
        let labels: Vec<u32> = (0..400).map(|i| u32::from(i % 4 == 3)).collect();
        let sure = Array2::from_shape_fn((400, 2), |(i, j)| f64::from(u32::from((i >> j) & 1 == 1)));
        let estimator = registry::plane(DEFAULT_PLANE).unwrap();
        let of = |c: &Array2<f64>| concept_plane(c.view(), &labels, estimator.as_ref()).unwrap();
        let found = of(&sure);
        // Four equally frequent patterns, ten standard deviations of noise apart: two bits; Y follows from them.
        assert!((found[0].value.unwrap() - 2.0).abs() < 0.02, "{:?}", found[0]);
        assert!((found[1].value.unwrap() - 0.811_278).abs() < 0.02, "{:?}", found[1]);
        let even = of(&Array2::from_elem((400, 2), 0.5));
        assert!(even[0].value.unwrap().abs() < 1e-6 && even[1].value.unwrap().abs() < 1e-6);
        assert!(concept_plane(sure.view(), &[1; 400], estimator.as_ref()).is_err());
    }
}
