//! The k·B largest activations of a batch of B samples (Bussmann et al. 2024, "BatchTopK sparse autoencoders").
//!
//! A sample may have more than k and another fewer. What is used afterwards cannot look at other samples: it is a
//! JumpReLU whose threshold is a moving average of the smallest activation that a batch kept (their eq. 5).

use super::settings::{self, Common};
use super::{Entry, Scene, Settings, Variant, Weights, topk};
use crate::kernel::{Entries, Row, largest_of_all};
use crate::{Activation, DictionaryError};
use narrows_estimators::registry::ParameterDoc;
use ndarray::Array1;
use rayon::prelude::*;

pub(super) const ENTRY: Entry = Entry {
    name: "batch-topk",
    summary: "the k·B largest activations of a batch of B samples (Bussmann et al. 2024)",
    parameters: &[
        ParameterDoc { name: "k", default: "32", meaning: "features that are active in a sample, on average" },
        THRESHOLD_RATE,
        settings::learning_rate("0.001"),
        settings::WARM_UP,
        settings::DECAY,
        settings::clip("1"),
        settings::DEAD_AFTER,
        settings::AUXILIARY,
        settings::NORMALISE,
    ],
    build: |p| {
        let k = p.value("k", "it must be positive", |v: &f64| v.is_finite() && *v > 0.0)?.unwrap_or(32.0);
        let variant = BatchTopK { k, threshold_rate: threshold_rate(p)? };
        Ok(Settings { variant: Box::new(variant), common: Common::read(p, &topk::DEFAULTS)? })
    },
};

pub(super) const THRESHOLD_RATE: ParameterDoc = ParameterDoc {
    name: "threshold-rate",
    default: "0.01",
    meaning: "part by which the threshold moves, at each step, to the smallest activation of the batch",
};

pub(super) fn threshold_rate(p: &narrows_estimators::Parameters) -> Result<f64, DictionaryError> {
    let rule = "it must be above 0 and at most 1";
    Ok(p.value("threshold-rate", rule, |v: &f64| *v > 0.0 && *v <= 1.0)?.unwrap_or(0.01))
}

#[derive(Debug)]
struct BatchTopK {
    k: f64,
    threshold_rate: f64,
}

impl Variant for BatchTopK {
    fn check(&self, width: usize) -> Result<(), DictionaryError> {
        topk::at_most_all(self.k, width)
    }

    fn select(&self, scene: &Scene<'_>) -> Entries {
        select(scene, self.k)
    }

    fn backward(&self, _: &Scene<'_>, _: &mut Entries, _: &mut [Vec<f32>], _: f32) -> f64 {
        0.0
    }

    fn threshold_rate(&self) -> Option<f64> {
        Some(self.threshold_rate)
    }

    fn activation(&self, weights: &Weights, threshold: f64, scale: f32) -> Activation {
        jump(weights, threshold, scale)
    }
}

/// Samples from which it is guessed what none of the largest activations is below.
const GUESS: usize = 16;

/// The k·B largest activations; of those equal to the smallest, the first ones.
pub(super) fn select(scene: &Scene<'_>, k: f64) -> Entries {
    let samples = scene.products.n_rows();
    let most = (k * samples as f64).round() as usize;
    let rows_above = |bound: f32, samples: usize| -> Vec<Row> {
        (0..samples)
            .into_par_iter()
            .map(|sample| {
                let mut row = vec![];
                scene.above(sample, bound, &mut row);
                row
            })
            .collect()
    };
    // Most activations are far from the largest: a few samples tell a bound that twice as many as are wanted exceed.
    // Should it have been too high, all are looked at.
    let few = GUESS.min(samples);
    let guess = largest_of_all(&rows_above(0.0, few), 2 * (k * few as f64).ceil() as usize).map_or(0.0, |g| g.0);
    let mut rows = rows_above(guess, samples);
    if guess > 0.0 && rows.iter().map(Vec::len).sum::<usize>() < most {
        rows = rows_above(0.0, samples);
    }
    if let Some((least, mut equal)) = largest_of_all(&rows, most) {
        for row in &mut rows {
            row.retain(|&(_, value)| {
                let kept = value > least || (value == least && equal > 0);
                equal -= usize::from(kept && value == least);
                kept
            });
        }
    }
    Entries::of_rows(samples, |sample, row| row.extend_from_slice(&rows[sample]))
}

/// One threshold for all features.
pub(super) fn jump(weights: &Weights, threshold: f64, scale: f32) -> Activation {
    let threshold = (threshold * f64::from(scale)) as f32;
    Activation::JumpRelu { thresholds: Array1::from_elem(weights.encoder_bias.len(), threshold) }
}
