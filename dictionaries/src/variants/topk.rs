//! The k largest activations of each sample (Makhzani & Frey 2014; Gao et al. 2024, "Scaling and evaluating sparse
//! autoencoders").
//!
//! `z = TopK(ReLU(c·w + b_enc))`, `L = mean_B ‖x − x̂‖²` and the auxiliary loss of dead features (Gao et al., A.2). The
//! choice passes no derivative; the chosen pass theirs unchanged.

use super::settings::{self, Common, Defaults};
use super::{Entry, Scene, Settings, Variant, Weights};
use crate::kernel::Entries;
use crate::{Activation, DictionaryError};
use narrows_estimators::registry::ParameterDoc;

pub(super) const ENTRY: Entry = Entry {
    name: "topk",
    summary: "the k largest activations of each sample (Gao et al. 2024)",
    parameters: &[
        ParameterDoc { name: "k", default: "32", meaning: "features that may be active in a sample" },
        settings::learning_rate("0.001"),
        settings::WARM_UP,
        settings::DECAY,
        settings::clip("1"),
        settings::DEAD_AFTER,
        settings::AUXILIARY,
        settings::NORMALISE,
    ],
    build: |p| {
        let k = p.value("k", "it must be a number of features, at least 1", |v: &usize| *v > 0)?.unwrap_or(32);
        Ok(Settings { variant: Box::new(TopK { k }), common: Common::read(p, &DEFAULTS)? })
    },
};

/// Also of its relatives.
pub(super) const DEFAULTS: Defaults =
    Defaults { learning_rate: 1e-3, sparsity_warm_up: 0.0, clip: 1.0, auxiliary: 1.0 / 32.0, resample: 0.0 };

#[derive(Debug)]
struct TopK {
    k: usize,
}

impl Variant for TopK {
    fn check(&self, width: usize) -> Result<(), DictionaryError> {
        at_most_all(self.k as f64, width)
    }

    fn select(&self, scene: &Scene<'_>) -> Entries {
        Entries::of_rows(scene.products.n_rows(), |sample, row| scene.top(sample, self.k, row))
    }

    fn backward(&self, _: &Scene<'_>, _: &mut Entries, _: &mut [Vec<f32>], _: f32) -> f64 {
        0.0
    }

    fn activation(&self, _: &Weights, _: f64, _: f32) -> Activation {
        Activation::TopK { k: self.k }
    }
}

pub(super) fn at_most_all(k: f64, width: usize) -> Result<(), DictionaryError> {
    if k <= width as f64 {
        Ok(())
    } else {
        Err(DictionaryError::BadParameter { name: "k", value: k, rule: "the dictionary has fewer features" })
    }
}
