//! ReLU codes and an L1 penalty (Bricken et al. 2023, "Towards monosemanticity"; Cunningham et al. 2023).
//!
//! `L = mean_B (‖x − x̂‖² + λ Σ_j z_j)`, decoder rows of unit norm, so that the penalty cannot be escaped by scaling.

use super::settings::{self, Common, Defaults};
use super::{Entry, Scene, Settings, Variant, Weights};
use crate::kernel::Entries;
use crate::{Activation, DictionaryError};
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;

pub(super) const ENTRY: Entry = Entry {
    name: "l1",
    summary: "ReLU codes with an L1 penalty (Bricken et al. 2023)",
    parameters: &[
        ParameterDoc { name: "lambda", default: "0.1", meaning: "weight of the mean sum of the activations" },
        settings::learning_rate("0.001"),
        settings::WARM_UP,
        settings::DECAY,
        settings::sparsity_warm_up("0.1"),
        settings::clip("0"),
        settings::DEAD_AFTER,
        settings::RESAMPLE,
        settings::NORMALISE,
    ],
    build: |p| Ok(Settings { variant: Box::new(L1 { lambda: lambda(p)? }), common: Common::read(p, &DEFAULTS)? }),
};

/// Also of the gated variant, as is λ.
pub(super) const DEFAULTS: Defaults =
    Defaults { learning_rate: 1e-3, sparsity_warm_up: 0.1, clip: 0.0, auxiliary: 0.0, resample: 0.1 };

/// λ as it is given.
pub(super) fn lambda(p: &Parameters) -> Result<f32, DictionaryError> {
    Ok(p.value("lambda", "it must not be negative", |v: &f32| v.is_finite() && *v >= 0.0)?.unwrap_or(0.1))
}

#[derive(Debug)]
struct L1 {
    lambda: f32,
}

impl Variant for L1 {
    fn select(&self, scene: &Scene<'_>) -> Entries {
        Entries::of_rows(scene.products.n_rows(), |sample, row| scene.above(sample, 0.0, row))
    }

    fn backward(&self, _: &Scene<'_>, entries: &mut Entries, _: &mut [Vec<f32>], warmth: f32) -> f64 {
        penalise(entries, self.lambda * warmth)
    }

    fn activation(&self, _: &Weights, _: f64, _: f32) -> Activation {
        Activation::Relu
    }
}

/// `λ · mean_B Σ_j z_j` of positive values, and its derivative.
pub(super) fn penalise(entries: &mut Entries, lambda: f32) -> f64 {
    let samples = entries.n_samples() as f64;
    let slope = lambda / samples as f32;
    entries.slopes.iter_mut().for_each(|s| *s += slope);
    f64::from(lambda) * entries.values.iter().map(|&v| f64::from(v)).sum::<f64>() / samples
}
