//! Training by burn's automatic differentiation.

use super::config::TrainConfig;
use super::engine::Engine;
use super::gradients::GradientMoments;
use super::minibatches::Epoch;
use super::model::Model;
use super::optimiser::{self, SavedState, Steps};
use super::session::{Scores, TrainingData};
use crate::subject::Network;
use anyhow::Result;
use burn::tensor::Device;

/// The engine.
pub(super) struct Burn<'c, 'd> {
    config: &'c TrainConfig,
    data: TrainingData<'d>,
    device: Device,
    model: Model,
    optimiser: Box<dyn Steps>,
}

impl<'c, 'd> Burn<'c, 'd> {
    pub(super) fn new(config: &'c TrainConfig, data: TrainingData<'d>, network: &Network) -> Self {
        let device = config.training.device.autodiff();
        let model = Model::from_network(network, &device);
        let optimiser = optimiser::build(&config.training.optimiser, config.architecture.depth());
        Self { config, data, device, model, optimiser }
    }
}

impl Engine for Burn<'_, '_> {
    fn epoch(&mut self, epoch: u64, step: &mut u64, moments: &mut [GradientMoments]) -> Result<f64> {
        let Self { config, data, device, model, optimiser } = self;
        Epoch { config, data: *data, device, number: epoch }.run(model, optimiser.as_mut(), step, moments)
    }

    fn network(&self) -> Result<Network> {
        self.model.to_network()
    }

    fn scores(&mut self) -> Result<Scores> {
        Ok(self.data.evaluated(&self.model.to_network()?))
    }

    fn save(&self) -> Result<SavedState> {
        self.optimiser.save()
    }

    fn restore(&mut self, saved: SavedState) -> Result<()> {
        self.optimiser.restore(saved, &self.device.clone().inner())
    }
}
