//! The Gaussian noise that a layer is taken to carry: its size, and what is known of it in closed form.

use crate::{EstimatorError, LayerSample, Parameters, Targets};
use serde::{Deserialize, Serialize};

/// What the noise variance is multiplied by, at each layer and checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseScale {
    /// Nothing: the same variance everywhere.
    Fixed,
    /// The largest absolute activation, as in aKDE.
    Max,
    /// The distance from the smallest to the largest activation.
    Range,
    /// The standard deviation of all activations of the layer.
    Std,
}

impl NoiseScale {
    pub(super) const ALL: [NoiseScale; 4] = [NoiseScale::Fixed, NoiseScale::Max, NoiseScale::Range, NoiseScale::Std];

    pub(super) fn name(self) -> &'static str {
        match self {
            NoiseScale::Fixed => "fixed",
            NoiseScale::Max => "max",
            NoiseScale::Range => "range",
            NoiseScale::Std => "std",
        }
    }

    fn of(self, layer: &LayerSample<'_>) -> f64 {
        if self == NoiseScale::Fixed {
            return 1.0;
        }
        let t = layer.activations();
        let (mut low, mut high, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        for v in t.iter().map(|&v| f64::from(v)) {
            low = low.min(v);
            high = high.max(v);
            sum += v;
        }
        match self {
            NoiseScale::Fixed => 1.0,
            NoiseScale::Max => low.abs().max(high.abs()),
            NoiseScale::Range => high - low,
            NoiseScale::Std => {
                let n = t.len() as f64;
                (t.iter().map(|&v| (f64::from(v) - sum / n).powi(2)).sum::<f64>() / n).sqrt()
            }
        }
    }
}

impl NoiseScale {
    /// The variance of the noise on a layer.
    pub(super) fn variance(self, variance: f64, layer: &LayerSample<'_>) -> f64 {
        // A layer that is zero throughout has no scale; any noise gives it zero information.
        let scale = self.of(layer);
        (variance * if scale > 0.0 { scale } else { 1.0 }).max(SMALLEST_VARIANCE)
    }
}

pub(super) const VARIANCE_RULE: &str = "it must be a positive number";

/// Below it the exponents of the kernels leave the range of 32-bit numbers.
const SMALLEST_VARIANCE: f64 = 1e-30;

/// The parameters `variance` and `scale`.
pub(super) fn read(p: &Parameters, default: NoiseScale) -> Result<(f64, NoiseScale), EstimatorError> {
    let variance = p.value("variance", VARIANCE_RULE, |v: &f64| v.is_finite() && *v > 0.0)?.unwrap_or(1e-3);
    let scale = p.text("scale").map_or(Ok(default), |text| {
        let found = NoiseScale::ALL.into_iter().find(|s| s.name() == text);
        found.ok_or_else(|| p.bad("scale", text, "it must be fixed, max, range or std"))
    })?;
    Ok((variance, scale))
}

/// What a sample tells of the others of its class at most: Σ p(y) log N_y.
pub(super) fn alone_in_class(targets: &Targets) -> f64 {
    let n = targets.len() as f64;
    targets.counts().iter().map(|&c| c as f64 / n * (c as f64).ln()).sum()
}

/// Entropy of Gaussian noise of this variance in `d` dimensions.
pub(super) fn noise_entropy(variance: f64, d: usize) -> f64 {
    d as f64 / 2.0 * ((2.0 * std::f64::consts::PI * variance).ln() + 1.0)
}
