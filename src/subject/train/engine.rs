//! What works out the steps of a training.

use super::Device;
use super::burn_engine::Burn;
use super::config::TrainConfig;
use super::fused::Fused;
use super::gradients::GradientMoments;
use super::optimiser::SavedState;
use super::session::{Scores, TrainingData};
use crate::subject::Network;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `training.engine`: what works out the steps. All engines draw the same random numbers in the same order, and train
/// the same network up to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// `fused`, unless a device other than the default is asked for.
    #[default]
    Auto,
    /// Passes written out for dense networks, on the CPU: the fastest by far where layers are small.
    Fused,
    /// burn's automatic differentiation, on `training.device`.
    Burn,
}

/// One training's network and optimiser.
pub(super) trait Engine {
    /// All minibatches of an epoch. Adds the gradient of each layer's weights, of the loss alone, to `moments`: one a
    /// layer, or none where they are not wanted. `step` counts the updates. Yields the mean loss over the samples, each
    /// as its minibatch found it.
    fn epoch(&mut self, epoch: u64, step: &mut u64, moments: &mut [GradientMoments]) -> Result<f64>;
    /// The network as it is.
    fn network(&self) -> Result<Network>;
    /// Losses and accuracies of the network as it is.
    fn scores(&mut self) -> Result<Scores>;
    /// What the next step depends on, beside the network.
    fn save(&self) -> Result<SavedState>;
    /// Goes back to what was saved.
    fn restore(&mut self, saved: SavedState) -> Result<()>;
}

/// The engine that the config asks for, with this network and a fresh optimiser.
pub(super) fn build<'e, 'c: 'e, 'd: 'e>(
    config: &'c TrainConfig,
    data: TrainingData<'d>,
    network: &Network,
) -> Result<Box<dyn Engine + 'e>> {
    let training = &config.training;
    let burn = match training.engine {
        EngineKind::Auto => training.device != Device::default(),
        EngineKind::Fused => {
            ensure!(
                training.device == Device::default(),
                "training.engine = \"fused\" works without burn, so it has no training.device = {:?}; leave one of \
                 them out",
                training.device
            );
            false
        }
        EngineKind::Burn => true,
    };
    Ok(if burn { Box::new(Burn::new(config, data, network)) } else { Box::new(Fused::new(config, data, network)) })
}
