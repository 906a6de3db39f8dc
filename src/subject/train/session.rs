//! One training from its first epoch, or from its last saved state, to its last epoch.

use super::config::TrainConfig;
use super::gradients::{GradientMoments, annealed_noise_std};
use super::model::{Model, StepNoise, matrix, to_host};
use super::optimiser::{self, Steps};
use super::random::{Purpose, stream};
use super::state::TrainingState;
use crate::checkpoint::write_safetensors;
use crate::subject::network::tensors_of;
use crate::subject::{Dense, NOISE_METADATA, Network, Output};
use crate::table::TrainingRow;
use anyhow::{Context, Result};
use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// How much work a kill can cost at most, beyond the epoch under way.
pub(super) const STATE_INTERVAL: Duration = Duration::from_secs(2);

/// What a network is trained and tested on.
#[derive(Debug, Clone, Copy)]
pub struct TrainingData<'a> {
    /// Inputs [samples × features].
    pub inputs: ArrayView2<'a, f32>,
    /// Class of each sample.
    pub labels: &'a [u32],
    /// Number of classes.
    pub n_classes: usize,
    /// Rows to train on.
    pub train: &'a [usize],
    /// Rows to test on.
    pub test: &'a [usize],
}

/// Where a training reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// What to train, and how.
    pub config: &'a TrainConfig,
    /// On what.
    pub data: TrainingData<'a>,
    /// Folder of the checkpoints, which exists.
    pub checkpoints: &'a Path,
    /// Folder of this training's state, which exists; a state in it is gone on from.
    pub state: &'a Path,
}

/// Is told of every finished epoch.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// Trains one network; saves checkpoints and state; yields the rows of the training table.
///
/// # Errors
/// When a file cannot be written, a saved state does not fit the config, or the loss stops being a number.
pub fn train(session: &Session<'_>, progress: Progress<'_>) -> Result<Vec<TrainingRow>> {
    let Session { config, data, .. } = session;
    if let Some(convolutions) = &config.convolutions {
        return super::convolutional::train(session, convolutions, progress);
    }
    let (state_file, table_file) = (session.state.join("state.safetensors"), session.state.join("rows.csv"));
    let device = config.training.device.autodiff();
    let mut optimiser = optimiser::build(&config.training.optimiser, config.architecture.depth());
    let (mut model, mut step, first_epoch);
    let mut table;
    if state_file.exists() {
        let state = TrainingState::read(&state_file, &config.architecture)?;
        optimiser.restore(state.optimiser, &device.clone().inner())?;
        model = Model::from_network(&state.network, &device);
        (step, first_epoch) = (state.step, state.epoch + 1);
        table = fs::OpenOptions::new()
            .append(true)
            .open(&table_file)
            .with_context(|| format!("cannot open {}", table_file.display()))?;
        // Rows written after the state was saved will be written again.
        table.set_len(state.table_bytes)?;
    } else {
        let network = config.initialiser.network(&config.architecture, config.seed);
        model = Model::from_network(&network, &device);
        (step, first_epoch) = (0, 1);
        table = fs::File::create(&table_file).with_context(|| format!("cannot create {}", table_file.display()))?;
        append(&mut table, &epoch_rows(config, &data.evaluated(&network), 0, 0, &network, &[]))?;
        save_checkpoint(session, &network, 0, 0)?;
    }
    progress(first_epoch - 1);

    let epochs = config.training.epochs;
    let mut saved = Instant::now();
    for epoch in first_epoch..=epochs {
        let moments = run_epoch(config, data, &mut model, optimiser.as_mut(), &device, epoch, &mut step)?;
        let network = model.to_network()?;
        let scores = data.evaluated(&network);
        config.ensure_finite(scores.train_loss, epoch)?;
        append(&mut table, &epoch_rows(config, &scores, epoch, step, &network, &moments))?;
        if config.training.checkpoints.saves(epoch, epochs) {
            save_checkpoint(session, &network, epoch, step)?;
        }
        if saved.elapsed() >= STATE_INTERVAL || epoch == epochs {
            table.sync_data()?;
            let table_bytes = table.metadata()?.len();
            TrainingState { epoch, step, network, optimiser: optimiser.save()?, table_bytes }.write(&state_file)?;
            saved = Instant::now();
        }
        progress(epoch);
    }

    drop(table);
    read_rows(&table_file)
}

/// The rows that were written epoch by epoch.
pub(super) fn read_rows(table_file: &Path) -> Result<Vec<TrainingRow>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(table_file)?;
    reader.deserialize().map(|row| row.with_context(|| format!("{} is damaged", table_file.display()))).collect()
}

/// All minibatches of one epoch; yields each layer's gradient statistics.
pub(super) fn run_epoch(
    config: &TrainConfig,
    data: &TrainingData<'_>,
    model: &mut Model,
    optimiser: &mut dyn Steps,
    device: &burn::tensor::Device,
    epoch: u64,
    step: &mut u64,
) -> Result<Vec<GradientMoments>> {
    let training = &config.training;
    let draw = |purpose| stream(config.seed, purpose, epoch);
    let (mut dropout, mut activation) = (draw(Purpose::Dropout), draw(Purpose::ActivationNoise));
    let mut gradient_noise = draw(Purpose::GradientNoise);
    let mut order = data.train.to_vec();
    order.shuffle(&mut draw(Purpose::Shuffle));
    let mut moments: Vec<GradientMoments> =
        config.architecture.layers.windows(2).map(|sizes| GradientMoments::new(sizes[0] * sizes[1])).collect();
    for rows in order.chunks(training.batch_size) {
        let inputs = matrix(data.inputs.select(Axis(0), rows).view(), device);
        let one_hot = matrix(data.one_hot(rows).view(), device);
        let mut noise = StepNoise { dropout: &mut dropout, activation: &mut activation };
        let logits = model.forward(inputs, training, &mut noise);
        let mut gradients = model.loss(logits, one_hot).backward();
        let noise_std = annealed_noise_std(training.gradient_noise, *step) as f32;
        for (layer, moments) in moments.iter_mut().enumerate() {
            let missing = || format!("layer {} has no gradient", layer + 1);
            let mut gradient = model.weights[layer].grad_remove(&mut gradients).with_context(missing)?;
            let mut bias_gradient = model.biases[layer].grad_remove(&mut gradients).with_context(missing)?;
            // The statistics are of the data's gradient alone, without penalty and noise.
            moments.add(&to_host(&gradient)?);
            let weight = model.weights[layer].clone().inner();
            if training.l2 > 0.0 {
                gradient = gradient + weight.clone() * training.l2 as f32;
            }
            if noise_std > 0.0 {
                gradient =
                    gradient.clone() + gaussian(gradient.dims(), noise_std, &mut gradient_noise, &gradient.device());
                let dims = bias_gradient.dims();
                bias_gradient =
                    bias_gradient.clone() + gaussian(dims, noise_std, &mut gradient_noise, &bias_gradient.device());
            }
            let bias = model.biases[layer].clone().inner();
            model.weights[layer] = Tensor::from_inner(optimiser.step_weight(layer, weight, gradient)).require_grad();
            model.biases[layer] = Tensor::from_inner(optimiser.step_bias(layer, bias, bias_gradient)).require_grad();
        }
        *step += 1;
    }
    Ok(moments)
}

pub(super) fn gaussian<const D: usize>(
    shape: [usize; D],
    std: f32,
    rng: &mut rand_chacha::ChaCha8Rng,
    device: &burn::tensor::Device,
) -> Tensor<D> {
    let draw = || -> f32 { StandardNormal.sample(rng) };
    let values: Vec<f32> = std::iter::repeat_with(draw).take(shape.iter().product()).map(|z| z * std).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Losses in nats and accuracies, without dropout or noise.
pub(super) struct Scores {
    pub(super) train_loss: f64,
    pub(super) test_loss: f64,
    pub(super) train_accuracy: f64,
    pub(super) test_accuracy: f64,
}

impl TrainingData<'_> {
    pub(super) fn one_hot(&self, rows: &[usize]) -> Array2<f32> {
        let mut one_hot = Array2::zeros((rows.len(), self.n_classes));
        for (i, &row) in rows.iter().enumerate() {
            one_hot[[i, self.labels[row] as usize]] = 1.0;
        }
        one_hot
    }

    pub(super) fn evaluated(&self, network: &Network) -> Scores {
        let (train_loss, train_accuracy) = self.score(network, self.train);
        let (test_loss, test_accuracy) = self.score(network, self.test);
        Scores { train_loss, test_loss, train_accuracy, test_accuracy }
    }

    fn score(&self, network: &Network, rows: &[usize]) -> (f64, f64) {
        let logits = network.logits(self.inputs.select(Axis(0), rows).view());
        self.score_logits(&logits, network.architecture.output, rows)
    }

    /// Loss in nats and accuracy of the logits of some rows.
    pub(super) fn score_logits(&self, logits: &Array2<f32>, output: Output, rows: &[usize]) -> (f64, f64) {
        let (mut loss, mut right) = (0.0, 0usize);
        for (row, &sample) in logits.outer_iter().zip(rows) {
            let label = self.labels[sample] as usize;
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            loss += match output {
                Output::Softmax | Output::Identity => {
                    let total: f64 = row.iter().map(|&z| f64::from(z - largest).exp()).sum();
                    total.ln() + f64::from(largest) - f64::from(row[label])
                }
                Output::Sigmoid => row
                    .iter()
                    .enumerate()
                    .map(|(k, &z)| {
                        let z = f64::from(z);
                        z.max(0.0) + (-z.abs()).exp().ln_1p() - if k == label { z } else { 0.0 }
                    })
                    .sum(),
            };
            // The first of equal logits, as everywhere.
            right += usize::from(row.iter().position(|&z| z == largest) == Some(label));
        }
        (loss / rows.len() as f64, right as f64 / rows.len() as f64)
    }
}

fn epoch_rows(
    config: &TrainConfig,
    scores: &Scores,
    epoch: u64,
    step: u64,
    network: &Network,
    moments: &[GradientMoments],
) -> Vec<TrainingRow> {
    layer_rows(config, scores, epoch, step, (&config.architecture.layer_names(), &network.layers), moments)
}

/// The rows of an epoch; layers come with their names.
pub(super) fn layer_rows(
    config: &TrainConfig,
    scores: &Scores,
    epoch: u64,
    step: u64,
    (names, layers): (&[String], &[Dense]),
    moments: &[GradientMoments],
) -> Vec<TrainingRow> {
    let row = |layer: &str, layer_index, quantity: &str, value: Option<f64>, unit: &str| TrainingRow {
        run: config.run.clone(),
        seed: config.seed,
        epoch,
        step,
        layer: layer.into(),
        layer_index,
        quantity: quantity.into(),
        value: value.filter(|v| v.is_finite()),
        unit: unit.into(),
    };
    let mut rows = vec![
        row("", None, "train_loss", Some(scores.train_loss), "nats"),
        row("", None, "test_loss", Some(scores.test_loss), "nats"),
        row("", None, "train_accuracy", Some(scores.train_accuracy), "share"),
        row("", None, "test_accuracy", Some(scores.test_accuracy), "share"),
    ];
    for (index, (layer, name)) in layers.iter().zip(names).enumerate() {
        let norm = layer.weight.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
        let at = Some(index as u64 + 1);
        rows.push(row(name, at, "weight_norm", Some(norm), "norm"));
        if let Some(norms) = moments.get(index).and_then(|m| m.norms(norm)) {
            rows.push(row(name, at, "gradient_mean_norm", Some(norms.mean), "ratio"));
            rows.push(row(name, at, "gradient_std_norm", Some(norms.std), "ratio"));
            // With a single minibatch an epoch there is no spread, and the ratio is left empty.
            rows.push(row(name, at, "gradient_snr", Some(norms.mean / norms.std), "ratio"));
        }
    }
    rows
}

pub(super) fn append(table: &mut fs::File, rows: &[TrainingRow]) -> Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    table.write_all(&writer.into_inner().context("flushing training rows")?).context("writing training rows")
}

fn save_checkpoint(session: &Session<'_>, network: &Network, epoch: u64, step: u64) -> Result<()> {
    save_tensors(session, tensors_of(network), epoch, step)
}

/// Saves a checkpoint of these tensors, with everything that is needed for running it.
pub(super) fn save_tensors(
    session: &Session<'_>,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
    epoch: u64,
    step: u64,
) -> Result<()> {
    let config = session.config;
    let architecture = match &config.convolutions {
        Some(convolutions) => convolutions.description(&config.architecture).to_string(),
        None => serde_json::to_string(&config.architecture)?,
    };
    let mut metadata: BTreeMap<String, String> = [
        ("epoch", epoch.to_string()),
        ("step", step.to_string()),
        ("seed", config.seed.to_string()),
        ("run", config.run.clone()),
        ("architecture", architecture),
        ("format", "pt".to_string()),
    ]
    .map(|(k, v)| (k.to_string(), v))
    .into();
    let noise = config.training.noise();
    if noise.is_some() {
        metadata.insert(NOISE_METADATA.into(), serde_json::to_string(&noise)?);
    }
    let views: Vec<_> =
        tensors.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), values.as_slice())).collect();
    write_safetensors(&session.checkpoints.join(format!("epoch_{epoch:05}.safetensors")), &views, &metadata)?;
    Ok(())
}
