//! One epoch of minibatches by automatic differentiation, whatever the network.

use super::config::{TrainConfig, TrainingConfig};
use super::gradients::{GradientMoments, annealed_noise_std};
use super::model::{StepNoise, matrix, to_host};
use super::optimiser::Steps;
use super::random::{Purpose, stream};
use super::session::TrainingData;
use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Axis;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A network whose loss burn can differentiate.
pub(super) trait Differentiable {
    /// Mean loss of a minibatch in nats, with the noise and the dropout of training.
    fn minibatch_loss(
        &self,
        inputs: Tensor<2>,
        one_hot: Tensor<2>,
        training: &TrainingConfig,
        noise: StepNoise<'_>,
    ) -> Tensor<1>;
    /// Weights and biases, layer by layer.
    fn parameters(&mut self) -> (&mut [Tensor<2>], &mut [Tensor<1>]);
}

/// Which epoch of which training.
pub(super) struct Epoch<'a, 'd> {
    pub(super) config: &'a TrainConfig,
    pub(super) data: TrainingData<'d>,
    pub(super) device: &'a Device,
    pub(super) number: u64,
}

impl Epoch<'_, '_> {
    /// All minibatches. Adds each layer's gradients to `moments`, if there are any, counts the updates in `step`, and
    /// yields the mean loss over the samples, each as its minibatch found it.
    pub(super) fn run(
        &self,
        model: &mut impl Differentiable,
        optimiser: &mut dyn Steps,
        step: &mut u64,
        moments: &mut [GradientMoments],
    ) -> Result<f64> {
        let Self { config, data, device, number } = *self;
        let training = &config.training;
        let draw = |purpose| stream(config.seed, purpose, number);
        let (mut dropout, mut activation) = (draw(Purpose::Dropout), draw(Purpose::ActivationNoise));
        let mut gradient_noise = draw(Purpose::GradientNoise);
        let mut order = data.train.to_vec();
        order.shuffle(&mut draw(Purpose::Shuffle));
        let mut total = 0.0;
        for rows in order.chunks(training.batch_size) {
            let inputs = matrix(data.inputs.select(Axis(0), rows).view(), device);
            let one_hot = matrix(data.one_hot(rows).view(), device);
            let noise = StepNoise { dropout: &mut dropout, activation: &mut activation };
            let loss = model.minibatch_loss(inputs, one_hot, training, noise);
            total += to_host(&loss)?.iter().map(|&l| f64::from(l)).sum::<f64>() * rows.len() as f64;
            let mut gradients = loss.backward();
            let noise_std = annealed_noise_std(training.gradient_noise, *step) as f32;
            let (weights, biases) = model.parameters();
            for (layer, (weight, bias)) in weights.iter_mut().zip(biases).enumerate() {
                let missing = || format!("layer {} has no gradient", layer + 1);
                let mut gradient = weight.grad_remove(&mut gradients).with_context(missing)?;
                let mut bias_gradient = bias.grad_remove(&mut gradients).with_context(missing)?;
                // The statistics are of the data's gradient alone, without penalty and noise.
                if let Some(moments) = moments.get_mut(layer) {
                    moments.add(&to_host(&gradient)?);
                }
                let plain = weight.clone().inner();
                if training.l2 > 0.0 {
                    gradient = gradient + plain.clone() * training.l2 as f32;
                }
                if noise_std > 0.0 {
                    gradient = disturbed(gradient, noise_std, &mut gradient_noise);
                    bias_gradient = disturbed(bias_gradient, noise_std, &mut gradient_noise);
                }
                *weight = Tensor::from_inner(optimiser.step_weight(layer, plain, gradient)).require_grad();
                let plain = bias.clone().inner();
                *bias = Tensor::from_inner(optimiser.step_bias(layer, plain, bias_gradient)).require_grad();
            }
            *step += 1;
        }
        Ok(total / order.len().max(1) as f64)
    }
}

/// A gradient with Gaussian noise on it.
fn disturbed<const D: usize>(gradient: Tensor<D>, std: f32, rng: &mut ChaCha8Rng) -> Tensor<D> {
    let (shape, device) = (gradient.dims(), gradient.device());
    let draw = || -> f32 { StandardNormal.sample(rng) };
    let values: Vec<f32> = std::iter::repeat_with(draw).take(shape.iter().product()).map(|z| z * std).collect();
    gradient + Tensor::from_data(TensorData::new(values, shape), &device)
}
