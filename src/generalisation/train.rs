//! One trained model of either kind: its weights, their posterior, its scores and its representations.

use super::config::{ConfigFile, Kind};
use super::data::Samples;
use super::plan::ModelPlan;
use super::stochastic::{self, Encoder, cross_entropy, norm};
use crate::subject::train::{OptimiserConfig, OptimiserKind, TrainConfig, TrainingData, fit};
use crate::subject::{Architecture, Network, Output};
use anyhow::Result;
use narrows_datasets::Dataset;
use narrows_estimators::posterior::{Posterior, Swag};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// A model that was trained.
pub(super) struct Trained {
    pub(super) network: Trainee,
    pub(super) posterior: Posterior,
}

/// The network itself.
pub(super) enum Trainee {
    Stochastic(Encoder),
    Dense(Network),
}

/// What a layer makes of some inputs.
pub(super) enum Representation {
    /// Mean and standard deviation of a Gaussian code, both [inputs × units].
    Code { means: Array2<f32>, stds: Array2<f32> },
    /// Activations [inputs × units].
    Values(Array2<f32>),
}

/// Loss in nats and share of errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score {
    pub(super) loss: f64,
    pub(super) error: f64,
}

/// Trains a model; `None` when it diverged.
pub(super) fn trained(config: &ConfigFile, plan: &ModelPlan, samples: &Samples) -> Result<Option<Trained>> {
    let (train, classes) = (&samples.train, samples.train.n_classes);
    let layers = plan.setting.layers(train.n_features(), classes);
    match config.network.kind {
        Kind::Stochastic => {
            let mut swag = None;
            let encoder = stochastic::train(
                &plan.setting,
                &config.training,
                train.inputs.view(),
                &train.labels,
                &layers,
                plan.seed,
                &mut |epoch, encoder| collect(&mut swag, config, epoch, || encoder.weights()),
            )?;
            encoder.map(|e| finished(Trainee::Stochastic(e), swag)).transpose()
        }
        Kind::Dense => {
            let mut swag = None;
            // The rows of both, so that the training can watch the test set.
            let inputs = concatenate![Axis(0), train.inputs, samples.test.inputs];
            let labels: Vec<u32> = train.labels.iter().chain(&samples.test.labels).copied().collect();
            let rows: Vec<usize> = (0..labels.len()).collect();
            let (train_rows, test_rows) = rows.split_at(train.len());
            let data = TrainingData {
                inputs: inputs.view(),
                labels: &labels,
                n_classes: classes,
                train: train_rows,
                test: test_rows,
            };
            let fitted = fit(&dense_config(config, plan, layers), &data, &mut |epoch, network| {
                collect(&mut swag, config, epoch, || dense_weights(network))
            });
            match fitted {
                Ok(network) => Ok(Some(finished(Trainee::Dense(network), swag)?)),
                Err(e) if format!("{e:#}").contains("diverged") => Ok(None),
                Err(e) => Err(e),
            }
        }
    }
}

fn dense_config(config: &ConfigFile, plan: &ModelPlan, layers: Vec<usize>) -> TrainConfig {
    let own = &config.training;
    TrainConfig {
        run: plan.name.clone(),
        seed: plan.seed,
        convolutions: None,
        architecture: Architecture {
            layers,
            activation: config.network.activation,
            output: Output::Softmax,
            keys: None,
        },
        initialiser: config.network.initialiser,
        training: crate::subject::train::TrainingConfig {
            epochs: own.epochs,
            batch_size: own.batch_size,
            optimiser: OptimiserConfig {
                kind: OptimiserKind::Sgd,
                learning_rate: own.learning_rate,
                momentum: own.momentum,
                weight_decay: 0.0,
            },
            l2: plan.setting.weight_decay,
            ..Default::default()
        },
    }
}

/// Adds the weights after an epoch to the posterior, beyond the epoch at which it starts.
fn collect(swag: &mut Option<Swag>, config: &ConfigFile, epoch: u64, weights: impl Fn() -> Vec<f32>) -> Result<()> {
    if epoch <= config.swag.start {
        return Ok(());
    }
    let weights = weights();
    let swag = match swag {
        Some(swag) => swag,
        none => none.insert(Swag::new(weights.len(), config.swag.rank)?),
    };
    Ok(swag.collect(&weights)?)
}

fn finished(network: Trainee, swag: Option<Swag>) -> Result<Trained> {
    let swag =
        swag.ok_or_else(|| anyhow::anyhow!("no weights were collected: swag.start is beyond training.epochs"))?;
    Ok(Trained { network, posterior: swag.posterior()? })
}

fn dense_weights(network: &Network) -> Vec<f32> {
    network.layers.iter().flat_map(|l| l.weight.iter().chain(&l.bias)).copied().collect()
}

impl Trainee {
    /// Names of the layers, and the number of parameters up to and with each, in the posterior's order.
    pub(super) fn ends(&self) -> Vec<(String, usize)> {
        match self {
            Self::Stochastic(encoder) => {
                let [own, all] = encoder.ends();
                vec![("encoder".into(), own), ("classifier".into(), all)]
            }
            Self::Dense(network) => {
                let mut end = 0;
                let names = network.architecture.layer_names();
                let ends = network.layers.iter().map(|l| {
                    end += l.weight.len() + l.bias.len();
                    end
                });
                names.into_iter().zip(ends.collect::<Vec<_>>()).collect()
            }
        }
    }

    /// Frobenius norm of each weight matrix and bias.
    pub(super) fn norms(&self) -> Vec<f64> {
        match self {
            Self::Stochastic(encoder) => encoder.norms(),
            Self::Dense(network) => {
                network.layers.iter().flat_map(|l| [norm(l.weight.iter()), norm(l.bias.iter())]).collect()
            }
        }
    }

    /// Loss and error on a data set.
    pub(super) fn score(&self, data: &Dataset, draws: usize, seed: u64) -> Score {
        match self {
            Self::Stochastic(encoder) => {
                let (loss, error) = encoder.evaluate(data.inputs.view(), &data.labels, draws, seed);
                Score { loss, error }
            }
            Self::Dense(network) => {
                let logits = network.logits(data.inputs.view());
                let (mut loss, mut wrong) = (0.0, 0usize);
                for (row, &label) in logits.outer_iter().zip(&data.labels) {
                    let (entropy, right) = cross_entropy(row, label);
                    loss += entropy;
                    wrong += usize::from(!right);
                }
                let n = data.len() as f64;
                Score { loss: loss / n, error: wrong as f64 / n }
            }
        }
    }

    /// The representations of some inputs, by layer; the output of a dense network is none.
    pub(super) fn representations(&self, inputs: ArrayView2<'_, f32>) -> Result<Vec<(String, Representation)>> {
        Ok(match self {
            Self::Stochastic(encoder) => {
                let (means, stds) = encoder.codes(inputs);
                vec![("encoder".into(), Representation::Code { means, stds })]
            }
            Self::Dense(network) => {
                let mut layers = network.trace(inputs)?;
                layers.pop();
                layers.into_iter().map(|l| (l.name, Representation::Values(l.values))).collect()
            }
        })
    }
}
