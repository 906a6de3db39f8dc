//! What can be chosen about inference, beside the trained numbers.

use crate::ProbeError;
use serde::{Deserialize, Serialize};

/// What p(y | c) or p(c, y) of the global term is normalised over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Partition {
    /// The classes alone: E_global is known up to a function of c.
    Class,
    /// Concepts and classes, by pseudo-likelihood.
    Joint,
}

/// How concepts and class are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Inference {
    /// Exact for few concepts, mean field for more.
    Auto,
    /// All patterns of the concepts.
    Exact,
    /// Independent concepts and class that are nearest to the joint distribution.
    MeanField,
    /// Descent on relaxed concepts and class.
    Gradient,
    /// A Markov chain over concepts and class.
    Sampling,
    /// Each energy by itself.
    FeedForward,
}

/// What corrections are weighed against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Evidential {
    /// All energies: p(c_U, y | x, c_I).
    Joint,
    /// The global energy alone: p(c_U, y | c_I).
    Global,
}

/// Weights of the energies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weighing {
    /// w_c, of every concept energy.
    pub(super) concept: f64,
    /// w_y, of the class energy.
    pub(super) class: f64,
    /// w_g, of the global energy.
    pub(super) global: f64,
}

/// The gradient inference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Descent {
    /// Adam's learning rate for logits.
    pub(super) rate: f64,
    /// Most steps.
    pub(super) steps: usize,
    /// Steps without a gain after which a sample stops.
    pub(super) patience: usize,
    /// What counts as a gain, in nats.
    pub(super) delta: f64,
    /// Starts: the first from zero, the others from random logits.
    pub(super) restarts: usize,
    /// Of the random logits.
    pub(super) seed: u64,
}

/// The inference by sampling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chain {
    /// Sweeps of a sample; the first fifth is not counted.
    pub(super) sweeps: usize,
    /// Of the draws.
    pub(super) seed: u64,
}

/// All choices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choices {
    pub(super) partition: Partition,
    pub(super) inference: Inference,
    pub(super) weights: Weighing,
    pub(super) correction: Evidential,
    /// w_g where concepts are known.
    pub(super) correction_weight: f64,
    pub(super) descent: Descent,
    /// The inference by sampling.
    pub(super) chain: Chain,
}

/// Unknown concepts whose patterns are summed over at most.
pub(super) const MOST_EXACT: usize = 20;

/// Concepts up to which `auto` is exact.
pub(super) const AUTO_EXACT: usize = 16;

impl Choices {
    /// Weights where no concept is known, and where some are.
    pub(super) fn weighing(&self, corrected: bool) -> Weighing {
        let global = self.correction_weight;
        match (corrected, self.correction) {
            (false, _) => self.weights,
            (true, Evidential::Joint) => Weighing { global, ..self.weights },
            (true, Evidential::Global) => Weighing { concept: 0.0, class: 0.0, global },
        }
    }

    /// The method for so many concepts: never `Auto`.
    pub(super) fn method(&self, concepts: usize) -> Inference {
        match self.inference {
            Inference::Auto if concepts <= AUTO_EXACT => Inference::Exact,
            Inference::Auto => Inference::MeanField,
            given => given,
        }
    }

    /// # Errors
    /// When so many concepts are too many for the method.
    pub(super) fn check(&self, concepts: usize) -> Result<(), ProbeError> {
        if self.inference == Inference::Exact && concepts > MOST_EXACT {
            return Err(ProbeError::Data(format!(
                "energy: inference = exact sums over all patterns of at most {MOST_EXACT} concepts, but there are \
                 {concepts}: use inference=mean-field, sampling or gradient"
            )));
        }
        Ok(())
    }

    /// # Errors
    /// When a number in a record is none that could have been given.
    pub(super) fn check_numbers(&self) -> Result<(), ProbeError> {
        let Weighing { concept, class, global } = self.weights;
        let Descent { rate, steps, patience, delta, restarts, .. } = self.descent;
        let numbers = [concept, class, global, self.correction_weight, rate, delta];
        let counted = steps > 0 && patience > 0 && restarts > 0 && self.chain.sweeps > 0;
        if numbers.iter().all(|v| v.is_finite() && *v >= 0.0) && rate > 0.0 && counted {
            return Ok(());
        }
        Err(ProbeError::Record("its weights or steps of inference are not numbers of at least 0".into()))
    }
}
