//! What a network is trained for. An objective is one file and one line in the list.

mod cs_ib;
mod hsic;
mod mse;
mod nib;
mod vib;

use super::config::Denominator;
use anyhow::Result;
use burn::tensor::Tensor;
use narrows_estimators::KernelWidth;

/// Whether the code is the encoder's value, or a draw around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeNoise {
    /// The value itself.
    None,
    /// Gaussian noise of standard deviation 1 in every direction. The encoder's last layer is linear, so that the size
    /// of the code decides what the noise hides.
    Unit,
    /// Gaussian noise whose standard deviations the encoder says, sample by sample and unit by unit.
    Learned,
}

/// A minibatch on its way through the network.
pub(super) struct Pass {
    /// Standardised inputs [samples × features].
    pub(super) inputs: Tensor<2>,
    /// Standardised target [samples × 1].
    pub(super) target: Tensor<2>,
    /// Mean of the code [samples × units].
    pub(super) mean: Tensor<2>,
    /// Its standard deviations, where they are learned.
    pub(super) std: Option<Tensor<2>>,
    /// The code that was decoded: the mean, or a draw around it.
    pub(super) code: Tensor<2>,
    /// Prediction [samples × 1].
    pub(super) predicted: Tensor<2>,
}

/// How kernels are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct KernelSettings {
    pub(super) width: KernelWidth,
    pub(super) denominator: Denominator,
}

type Loss = fn(&Pass, f64, &KernelSettings) -> Result<Tensor<1>>;

/// One way of training.
#[derive(Clone, Copy)]
pub struct Objective {
    /// Name in configs and tables.
    pub name: &'static str,
    /// One line: the loss, and where it comes from.
    pub summary: &'static str,
    /// What the code is.
    pub noise: CodeNoise,
    /// The weights β of the bottleneck that are tried by default; zero alone where there is no bottleneck.
    pub betas: &'static [f64],
    pub(super) loss: Loss,
}

/// All of them.
pub const OBJECTIVES: &[Objective] =
    &[mse::OBJECTIVE, cs_ib::OBJECTIVE, vib::OBJECTIVE, nib::OBJECTIVE, hsic::OBJECTIVE];

impl Objective {
    /// The objective of this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        OBJECTIVES.iter().find(|o| o.name == name)
    }

    /// Whether it has a bottleneck that β weighs.
    pub fn has_bottleneck(&self) -> bool {
        self.betas != [0.0]
    }

    /// All names, for messages.
    pub fn names() -> String {
        OBJECTIVES.iter().map(|o| o.name).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Debug for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Mean squared error of a minibatch, in units of the target's variance.
fn squared_error(pass: &Pass) -> Tensor<1> {
    (pass.predicted.clone() - pass.target.clone()).square().mean()
}

#[cfg(test)]
mod tests;
