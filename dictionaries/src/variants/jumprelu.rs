//! JumpReLU codes with a threshold for each feature that is learned (Rajamanoharan et al. 2024, "Jumping ahead").
//!
//! `z = p · 1[p > θ]`, θ = e^t > 0. The jump passes no derivative to p; to θ it passes that of a jump blurred by a
//! rectangle of width ε (their eq. 11–12): `∂z/∂θ = −(θ/ε)·K((p − θ)/ε)`, `∂1[p > θ]/∂θ = −(1/ε)·K((p − θ)/ε)`, where K(u) = 1
//! for |u| < ½. What is added to the error is one of
//! - `target`: λ (L0/L0* − 1)², L0 the mean number of active features (as dictionary_learning has it),
//! - `step`: λ L0 (their eq. 9),
//! - `tanh`: λ mean_B Σ_j tanh(4 z_j) (Anthropic, January 2025; decoder rows have unit norm here).

use super::settings::{self, Common, Defaults};
use super::{Entry, Scene, Settings, Variant, Weights};
use crate::Activation;
use crate::kernel::Entries;
use narrows_estimators::registry::ParameterDoc;

pub(super) const ENTRY: Entry = Entry {
    name: "jumprelu",
    summary: "a learned threshold for each feature (Rajamanoharan et al. 2024)",
    parameters: &[
        ParameterDoc {
            name: "penalty",
            default: "target",
            meaning: "target, step or tanh: what keeps the codes sparse",
        },
        ParameterDoc {
            name: "target-l0",
            default: "32",
            meaning: "mean number of active features, with penalty=target",
        },
        ParameterDoc {
            name: "lambda",
            default: "1 with target, 0.01 with step, 0.1 with tanh",
            meaning: "weight of the penalty",
        },
        ParameterDoc { name: "bandwidth", default: "0.05", meaning: "ε, width of the blurred jump" },
        ParameterDoc { name: "threshold", default: "0.05", meaning: "θ at the start" },
        settings::learning_rate("0.001"),
        settings::WARM_UP,
        settings::DECAY,
        settings::sparsity_warm_up("0.2"),
        settings::clip("1"),
        settings::DEAD_AFTER,
        settings::AUXILIARY,
        settings::NORMALISE,
    ],
    build: |p| {
        let positive = |v: &f32| v.is_finite() && *v > 0.0;
        let rule = "it must be positive";
        let lambda = p.value("lambda", rule, positive)?;
        let target = p.value("target-l0", rule, positive)?;
        let penalty = match p.text("penalty").unwrap_or("target") {
            "target" => Penalty::Target { weight: lambda.unwrap_or(1.0), target: target.unwrap_or(32.0) },
            other if target.is_some() => {
                return Err(p.bad("target-l0", other, "only penalty=target has one").into());
            }
            "step" => Penalty::Step { weight: lambda.unwrap_or(0.01) },
            "tanh" => Penalty::Tanh { weight: lambda.unwrap_or(0.1) },
            other => return Err(p.bad("penalty", other, "it must be target, step or tanh").into()),
        };
        let variant = JumpRelu {
            penalty,
            bandwidth: p.value("bandwidth", rule, positive)?.unwrap_or(0.05),
            threshold: p.value("threshold", rule, positive)?.unwrap_or(0.05),
        };
        let defaults = Defaults { sparsity_warm_up: 0.2, ..super::topk::DEFAULTS };
        Ok(Settings { variant: Box::new(variant), common: Common::read(p, &defaults)? })
    },
};

/// Steepness of the tanh penalty.
const STEEPNESS: f32 = 4.0;

#[derive(Debug)]
enum Penalty {
    Target { weight: f32, target: f32 },
    Step { weight: f32 },
    Tanh { weight: f32 },
}

#[derive(Debug)]
struct JumpRelu {
    penalty: Penalty,
    bandwidth: f32,
    threshold: f32,
}

impl Variant for JumpRelu {
    fn own(&self) -> Vec<(&'static str, f32)> {
        vec![("log_threshold", self.threshold.ln())]
    }

    // Entries below the threshold, as far as the blurred jump reaches, have value zero.
    fn select(&self, scene: &Scene<'_>) -> Entries {
        let thresholds: Vec<f32> = scene.weights.own[0].iter().map(|t| t.exp()).collect();
        Entries::of_rows(scene.products.n_rows(), |sample, row| {
            for (j, &threshold) in thresholds.iter().enumerate() {
                let pre = scene.pre(sample, j);
                if pre > threshold {
                    row.push((j as u32, pre));
                } else if pre > threshold - self.bandwidth / 2.0 {
                    row.push((j as u32, 0.0));
                }
            }
        })
    }

    fn backward(&self, scene: &Scene<'_>, entries: &mut Entries, own: &mut [Vec<f32>], warmth: f32) -> f64 {
        let samples = entries.n_samples() as f32;
        let active = entries.values.iter().filter(|v| **v > 0.0).count() as f32 / samples;
        // Derivative of the penalty by the activity of one entry, and the loss.
        let (by_activity, mut loss) = match self.penalty {
            Penalty::Target { weight, target } => {
                let excess = active / target - 1.0;
                (warmth * weight * 2.0 * excess / (target * samples), f64::from(warmth * weight * excess * excess))
            }
            Penalty::Step { weight } => (warmth * weight / samples, f64::from(warmth * weight * active)),
            Penalty::Tanh { .. } => (0.0, 0.0),
        };
        for sample in 0..entries.n_samples() {
            for place in entries.range(sample) {
                let feature = entries.features[place] as usize;
                let threshold = scene.weights.own[0][feature].exp();
                if let Penalty::Tanh { weight } = self.penalty {
                    let tanh = (STEEPNESS * entries.values[place]).tanh();
                    loss += f64::from(warmth * weight * tanh / samples);
                    entries.slopes[place] += warmth * weight * STEEPNESS * (1.0 - tanh * tanh) / samples;
                }
                let by_value = entries.slopes[place];
                let pre = scene.pre(sample, feature);
                if (pre - threshold).abs() < self.bandwidth / 2.0 {
                    let by_threshold = -(by_value * threshold + by_activity) / self.bandwidth;
                    own[0][feature] += by_threshold * threshold;
                }
                if entries.values[place] == 0.0 {
                    entries.slopes[place] = 0.0;
                }
            }
        }
        loss
    }

    fn activation(&self, weights: &Weights, _: f64, scale: f32) -> Activation {
        Activation::JumpRelu { thresholds: weights.own[0].iter().map(|t| t.exp() * scale).collect() }
    }
}
