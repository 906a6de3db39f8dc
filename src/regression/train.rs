//! Training of one network for one objective, weight and seed.

use super::config::ConfigFile;
use super::data::Prepared;
use super::model::{Model, column};
use super::network::RegressionNetwork;
use super::objective::{KernelSettings, Objective};
use super::random::{Purpose, stream};
use crate::subject::train::{OptimiserConfig, OptimiserKind, build_optimiser, matrix};
use anyhow::{Context, Result, ensure};
use burn::tensor::{Device, Tensor};
use ndarray::Axis;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

/// A trained network: as it was after the epoch with the smallest error on the validation samples. (The published program
/// takes the epoch with the smallest error on the test samples, which makes that error too small.)
pub(super) struct Trained {
    pub(super) network: RegressionNetwork,
    pub(super) best_epoch: u64,
}

pub(super) fn train(
    prepared: &Prepared,
    objective: &Objective,
    beta: f64,
    seed: u64,
    config: &ConfigFile,
    device: &Device,
) -> Result<Trained> {
    let (features, samples) = (prepared.train.inputs.ncols(), prepared.train.target.len());
    let fresh = RegressionNetwork::new(features, config.network.hidden, config.network.code, objective.noise, seed);
    let adam = OptimiserConfig {
        kind: OptimiserKind::Adam,
        learning_rate: config.training.learning_rate,
        ..OptimiserConfig::default()
    };
    let mut optimiser = build_optimiser(&adam, fresh.layers.len());
    let mut model = Model::new(&fresh, device, true);
    let settings = KernelSettings { width: config.kernel.width, denominator: config.kernel.denominator };
    let batches = samples.div_ceil(config.training.batch_size);
    let validation = &prepared.validation;
    let mut best: Option<(f64, Trained)> = None;
    for epoch in 1..=config.training.epochs {
        let mut order: Vec<usize> = (0..samples).collect();
        order.shuffle(&mut stream(seed, Purpose::Shuffle, epoch));
        let mut rng = stream(seed, Purpose::CodeNoise, epoch);
        let mut draw = |count: usize| (0..count).map(|_| StandardNormal.sample(&mut rng)).collect();
        for batch in 0..batches {
            // Of equal size: a small last one would have its own bias of the kernel sums.
            let rows = &order[batch * samples / batches..(batch + 1) * samples / batches];
            let inputs = matrix(prepared.train.inputs.select(Axis(0), rows).view(), device);
            let target = column(prepared.train.target.select(Axis(0), rows).view(), device);
            let pass = model.forward(inputs, target, &mut draw);
            let mut gradients = (objective.loss)(&pass, beta, &settings)?.backward();
            for layer in 0..model.weights.len() {
                let missing = || format!("layer {} has no gradient", layer + 1);
                let weight_gradient = model.weights[layer].grad_remove(&mut gradients).with_context(missing)?;
                let bias_gradient = model.biases[layer].grad_remove(&mut gradients).with_context(missing)?;
                let (weight, bias) = (model.weights[layer].clone().inner(), model.biases[layer].clone().inner());
                let weight = optimiser.step_weight(layer, weight, weight_gradient);
                let bias = optimiser.step_bias(layer, bias, bias_gradient);
                model.weights[layer] = Tensor::from_inner(weight).require_grad();
                model.biases[layer] = Tensor::from_inner(bias).require_grad();
            }
        }
        let network = model.to_network()?;
        let error = network.rmse(validation.inputs.view(), &validation.target);
        ensure!(
            error.is_finite(),
            "{} with beta = {beta}, seed {seed}: the prediction is no number after epoch {epoch}: the training has diverged; \
             lower training.learning_rate or this beta",
            objective.name
        );
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, Trained { network, best_epoch: epoch }));
        }
    }
    best.map(|(_, trained)| trained).context("training.epochs is zero")
}
