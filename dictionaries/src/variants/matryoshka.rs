//! Nested dictionaries: prefixes of the features must reconstruct the input on their own (Bussmann et al. 2025, "Learning
//! multi-level features with Matryoshka sparse autoencoders").
//!
//! `L = Σ_m w_m · mean_B ‖x − (z_{1…m} W_{1…m} + b)‖²` over the prefixes, each with the same weight 1/n; codes are
//! BatchTopK's over all features.

use super::settings::{self, Common};
use super::{Entry, Scene, Settings, Variant, Weights, batch_topk, topk};
use crate::kernel::Entries;
use crate::{Activation, DictionaryError};
use narrows_estimators::registry::ParameterDoc;

pub(super) const ENTRY: Entry = Entry {
    name: "matryoshka",
    summary: "BatchTopK whose first features must do on their own, too (Bussmann et al. 2025)",
    parameters: &[
        ParameterDoc { name: "k", default: "32", meaning: "features that are active in a sample, on average" },
        ParameterDoc {
            name: "prefixes",
            default: "0.03125/0.09375/0.21875/0.46875",
            meaning: "shares of the features in the nested dictionaries but the whole, rising, between slashes",
        },
        batch_topk::THRESHOLD_RATE,
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
        let text = p.text("prefixes").unwrap_or("0.03125/0.09375/0.21875/0.46875");
        let shares: Option<Vec<f64>> = text.split('/').map(|s| s.trim().parse().ok()).collect();
        let shares = shares
            .filter(|s| s.iter().all(|v| *v > 0.0 && *v < 1.0) && s.windows(2).all(|w| w[0] < w[1]))
            .ok_or_else(|| p.bad("prefixes", text, "they must be rising shares between 0 and 1, as in 0.1/0.3"))?;
        let variant = Matryoshka { k, shares, threshold_rate: batch_topk::threshold_rate(p)? };
        Ok(Settings { variant: Box::new(variant), common: Common::read(p, &topk::DEFAULTS)? })
    },
};

#[derive(Debug)]
struct Matryoshka {
    k: f64,
    shares: Vec<f64>,
    threshold_rate: f64,
}

impl Variant for Matryoshka {
    fn check(&self, width: usize) -> Result<(), DictionaryError> {
        topk::at_most_all(self.k, width)
    }

    fn prefixes(&self, width: usize) -> Vec<usize> {
        let mut ends: Vec<usize> =
            self.shares.iter().map(|s| ((s * width as f64).round() as usize).clamp(1, width)).collect();
        ends.push(width);
        // In a narrow dictionary some may coincide.
        ends.dedup();
        ends
    }

    fn select(&self, scene: &Scene<'_>) -> Entries {
        batch_topk::select(scene, self.k)
    }

    fn backward(&self, _: &Scene<'_>, _: &mut Entries, _: &mut [Vec<f32>], _: f32) -> f64 {
        0.0
    }

    fn threshold_rate(&self) -> Option<f64> {
        Some(self.threshold_rate)
    }

    fn activation(&self, weights: &Weights, threshold: f64, scale: f32) -> Activation {
        batch_topk::jump(weights, threshold, scale)
    }
}
