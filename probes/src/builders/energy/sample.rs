//! One sample in the eyes of inference: what its embedding says, and what is known beside it.

use super::choices::Weighing;

/// All that the methods read of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    /// Log odds of each concept by itself.
    pub(super) odds: &'a [f64],
    /// E_class.
    pub(super) class: &'a [f64],
    /// Probabilities of known concepts; NaN where unknown.
    pub(super) known: &'a [f64],
    /// The class, where it is known.
    pub(super) label: Option<usize>,
    pub(super) weights: Weighing,
}

/// Probabilities of concepts and classes of one sample, and the steps that they took.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) concepts: Vec<f64>,
    pub(super) classes: Vec<f64>,
    pub(super) steps: usize,
}

impl Sample<'_> {
    /// Each concept by its own energy, the known ones as they are.
    pub(super) fn own_concepts(&self, weight: f64) -> Vec<f64> {
        self.odds.iter().zip(self.known).map(|(z, c)| if c.is_nan() { sigmoid(weight * z) } else { *c }).collect()
    }

    /// Probabilities of the classes of these energies.
    pub(super) fn classes(&self, energies: &[f64]) -> Vec<f64> {
        if let Some(label) = self.label {
            return (0..energies.len()).map(|m| f64::from(u8::from(m == label))).collect();
        }
        let least = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let mut p: Vec<f64> = energies.iter().map(|e| (least - e).exp()).collect();
        let total: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= total);
        p
    }

    /// Each energy's own softmax, no joint inference.
    pub(super) fn feed_forward(&self) -> Found {
        Found { concepts: self.own_concepts(1.0), classes: self.classes(self.class), steps: 0 }
    }
}

/// 1 / (1 + e^−z), without overflow.
pub(super) fn sigmoid(z: f64) -> f64 {
    let e = (-z.abs()).exp();
    if z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// ln Σ exp(−E) of energies.
pub(super) fn log_partition(energies: &[f64]) -> f64 {
    let least = energies.iter().copied().fold(f64::INFINITY, f64::min);
    energies.iter().map(|e| (least - e).exp()).sum::<f64>().ln() - least
}
