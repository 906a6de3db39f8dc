//! Gated codes: whether a feature is active is decided apart from how strongly (Rajamanoharan et al. 2024, "Improving
//! dictionary learning with gated sparse autoencoders").
//!
//! With c = x − b and q = c·w: the gate `π = q + b_gate`, the magnitude `m = e^r q + b_mag`, the code
//! `z = 1[π > 0] · ReLU(m)` (eq. 5–7). `L = mean_B (‖x − x̂(z)‖² + λ Σ ReLU(π) + ‖x − x̂'(ReLU(π))‖²)` (eq. 8), where x̂' uses
//! the decoder and its bias as constants. The step function passes no derivative: the gate learns from the last two.

use super::settings::{self, Common};
use super::{Entry, Scene, Settings, Variant, Weights, l1};
use crate::Activation;
use crate::kernel::Entries;
use narrows_estimators::registry::ParameterDoc;

pub(super) const ENTRY: Entry = Entry {
    name: "gated",
    summary: "a gate that chooses and a magnitude that measures (Rajamanoharan et al. 2024)",
    parameters: &[
        ParameterDoc { name: "lambda", default: "0.1", meaning: "weight of the mean sum of the open gates" },
        settings::learning_rate("0.001"),
        settings::WARM_UP,
        settings::DECAY,
        settings::sparsity_warm_up("0.1"),
        settings::clip("0"),
        settings::DEAD_AFTER,
        settings::RESAMPLE,
        settings::NORMALISE,
    ],
    build: |p| {
        Ok(Settings { variant: Box::new(Gated { lambda: l1::lambda(p)? }), common: Common::read(p, &l1::DEFAULTS)? })
    },
};

/// Places of its own vectors.
const LOG_SCALE: usize = 0;
const MAGNITUDE_BIAS: usize = 1;

#[derive(Debug)]
struct Gated {
    lambda: f32,
}

impl Variant for Gated {
    fn own(&self) -> Vec<(&'static str, f32)> {
        vec![("log_scale", 0.0), ("magnitude_bias", 0.0)]
    }

    fn select(&self, scene: &Scene<'_>) -> Entries {
        let own = &scene.weights.own;
        let scales: Vec<f32> = own[LOG_SCALE].iter().map(|r| r.exp()).collect();
        Entries::of_rows(scene.products.n_rows(), |sample, row| {
            for (j, &q) in scene.products.row(sample).iter().enumerate() {
                if q + scene.weights.encoder_bias[j] > 0.0 {
                    let magnitude = scales[j] * q + own[MAGNITUDE_BIAS][j];
                    if magnitude > 0.0 {
                        row.push((j as u32, magnitude));
                    }
                }
            }
        })
    }

    fn backward(&self, scene: &Scene<'_>, entries: &mut Entries, own: &mut [Vec<f32>], _: f32) -> f64 {
        let scales: Vec<f32> = scene.weights.own[LOG_SCALE].iter().map(|r| r.exp()).collect();
        for sample in 0..entries.n_samples() {
            let products = scene.products.row(sample);
            for place in entries.range(sample) {
                let feature = entries.features[place] as usize;
                let by_magnitude = entries.slopes[place];
                own[MAGNITUDE_BIAS][feature] += by_magnitude;
                let by_product = by_magnitude * scales[feature];
                own[LOG_SCALE][feature] += by_product * products[feature];
                entries.slopes[place] = by_product;
            }
        }
        0.0
    }

    fn second(&self, scene: &Scene<'_>) -> Option<Entries> {
        Some(Entries::of_rows(scene.products.n_rows(), |sample, row| scene.above(sample, 0.0, row)))
    }

    fn backward_second(&self, entries: &mut Entries, warmth: f32) -> f64 {
        l1::penalise(entries, self.lambda * warmth)
    }

    fn bias_follows_codes(&self) -> bool {
        false
    }

    fn activation(&self, weights: &Weights, _: f64, scale: f32) -> Activation {
        Activation::Gated {
            log_scales: weights.own[LOG_SCALE].iter().copied().collect(),
            magnitude_biases: weights.own[MAGNITUDE_BIAS].iter().map(|b| b * scale).collect(),
        }
    }
}
