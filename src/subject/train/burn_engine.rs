//! Training by burn's automatic differentiation.

use super::config::TrainConfig;
use super::engine::Engine;
use super::gradients::{GradientMoments, annealed_noise_std};
use super::model::{Model, StepNoise, matrix, to_host};
use super::optimiser::{self, SavedState, Steps};
use super::random::{Purpose, stream};
use super::session::{Scores, TrainingData};
use crate::subject::Network;
use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Axis;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

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
        let training = &config.training;
        let draw = |purpose| stream(config.seed, purpose, epoch);
        let (mut dropout, mut activation) = (draw(Purpose::Dropout), draw(Purpose::ActivationNoise));
        let mut gradient_noise = draw(Purpose::GradientNoise);
        let mut order = data.train.to_vec();
        order.shuffle(&mut draw(Purpose::Shuffle));
        let mut total = 0.0;
        for rows in order.chunks(training.batch_size) {
            let inputs = matrix(data.inputs.select(Axis(0), rows).view(), device);
            let one_hot = matrix(data.one_hot(rows).view(), device);
            let mut noise = StepNoise { dropout: &mut dropout, activation: &mut activation };
            let logits = model.forward(inputs, training, &mut noise);
            let loss = model.loss(logits, one_hot);
            total += to_host(&loss)?.iter().map(|&l| f64::from(l)).sum::<f64>() * rows.len() as f64;
            let mut gradients = loss.backward();
            let noise_std = annealed_noise_std(training.gradient_noise, *step) as f32;
            for layer in 0..model.weights.len() {
                let missing = || format!("layer {} has no gradient", layer + 1);
                let mut gradient = model.weights[layer].grad_remove(&mut gradients).with_context(missing)?;
                let mut bias_gradient = model.biases[layer].grad_remove(&mut gradients).with_context(missing)?;
                // The statistics are of the data's gradient alone, without penalty and noise.
                if let Some(moments) = moments.get_mut(layer) {
                    moments.add(&to_host(&gradient)?);
                }
                let weight = model.weights[layer].clone().inner();
                if training.l2 > 0.0 {
                    gradient = gradient + weight.clone() * training.l2 as f32;
                }
                if noise_std > 0.0 {
                    let (of_weight, of_bias) = (gradient.dims(), bias_gradient.dims());
                    gradient =
                        gradient.clone() + gaussian(of_weight, noise_std, &mut gradient_noise, &gradient.device());
                    bias_gradient = bias_gradient.clone()
                        + gaussian(of_bias, noise_std, &mut gradient_noise, &bias_gradient.device());
                }
                let bias = model.biases[layer].clone().inner();
                let weight = optimiser.step_weight(layer, weight, gradient);
                model.weights[layer] = Tensor::from_inner(weight).require_grad();
                model.biases[layer] =
                    Tensor::from_inner(optimiser.step_bias(layer, bias, bias_gradient)).require_grad();
            }
            *step += 1;
        }
        Ok(total / order.len() as f64)
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

pub(super) fn gaussian<const D: usize>(
    shape: [usize; D],
    std: f32,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    let draw = || -> f32 { StandardNormal.sample(rng) };
    let values: Vec<f32> = std::iter::repeat_with(draw).take(shape.iter().product()).map(|z| z * std).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
