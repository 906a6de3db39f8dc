//! Training without a graph: forward and backward pass written out for dense networks.
//!
//! A step of a network of some hundred weights is a few microseconds of arithmetic, of which a general automatic
//! differentiation makes a millisecond. Here a minibatch goes through all layers in pieces that stay in the nearest
//! cache, with activations and losses on whole vectors. Streams and the order of draws are those of the other engine,
//! so that both train the same network up to rounding.

mod function;
mod loss;
mod optimiser;
mod parameters;
mod pass;
mod product;
mod vector;

use super::config::TrainConfig;
use super::engine::Engine;
use super::gradients::{GradientMoments, annealed_noise_std};
use super::optimiser::SavedState;
use super::random::{Purpose, stream};
use super::session::{Scores, TrainingData};
use crate::subject::Network;
use anyhow::Result;
use loss::Tally;
use ndarray::{Array2, ArrayView2, CowArray};
use optimiser::Flat;
use parameters::{Place, from_network, places, to_network};
use pass::{Draws, Workspace};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use vector::LANES;

/// Samples that are scored at once.
const SCORED: usize = 512;

/// The engine.
pub(super) struct Fused<'c, 'd> {
    config: &'c TrainConfig,
    data: TrainingData<'d>,
    /// Row after row.
    inputs: CowArray<'d, f32, ndarray::Ix2>,
    places: Vec<Place>,
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    optimiser: Flat,
    work: Workspace,
    draws: Draws,
}

impl<'c, 'd> Fused<'c, 'd> {
    pub(super) fn new(config: &'c TrainConfig, data: TrainingData<'d>, network: &Network) -> Self {
        let places = places(&config.architecture);
        let parameters = from_network(network);
        Self {
            config,
            data,
            inputs: if data.inputs.is_standard_layout() { data.inputs.into() } else { standard(data.inputs).into() },
            gradient: vec![0.0; parameters.len()],
            optimiser: Flat::new(&config.training.optimiser, parameters.len()),
            work: Workspace::new(&config.architecture, places.clone()),
            draws: Draws::default(),
            places,
            parameters,
        }
    }

    /// Losses of these rows: mean and share of right answers.
    fn score(&mut self, rows: &[usize]) -> Result<(f64, f64)> {
        let mut tally = Tally::new();
        for rows in rows.chunks(SCORED) {
            self.work.load(self.inputs.view(), self.data.labels, rows);
            self.work.score(&self.parameters, &mut tally)?;
        }
        Ok((tally.loss() / rows.len() as f64, tally.right() as f64 / rows.len() as f64))
    }

    /// Draws what is random in a pass: layer by layer, sample by sample.
    fn draw(&mut self, samples: usize, dropout: &mut ChaCha8Rng, activation: &mut ChaCha8Rng) {
        let training = &self.config.training;
        let hidden: Vec<usize> = self.places.iter().skip(1).map(|p| p.inputs).collect();
        if training.activation_noise > 0.0 {
            let std = training.activation_noise as f32;
            let noise = |rng: &mut ChaCha8Rng| -> f32 { std * Distribution::<f32>::sample(&StandardNormal, rng) };
            if training.relative_activation_noise {
                let scale = |rng: &mut ChaCha8Rng| 1.0 + noise(rng);
                fill(&self.work, &mut self.draws.scale, &hidden, samples, activation, scale);
            } else {
                fill(&self.work, &mut self.draws.noise, &hidden, samples, activation, noise);
            }
        }
        if training.dropout > 0.0 {
            // Kept units are scaled up, so that evaluation needs no scaling.
            let dropped = training.dropout as f32;
            let kept = 1.0 / (1.0 - dropped);
            let mask = |rng: &mut ChaCha8Rng| if rng.random::<f32>() < dropped { 0.0 } else { kept };
            fill(&self.work, &mut self.draws.mask, &hidden, samples, dropout, mask);
        }
    }

    /// Adds penalty and noise to the data's gradient.
    fn regularise(&mut self, noise_std: f32, rng: &mut ChaCha8Rng) {
        let l2 = self.config.training.l2 as f32;
        for place in &self.places {
            if l2 > 0.0 {
                let weights = &self.parameters[place.weight.clone()];
                for (g, &w) in self.gradient[place.weight.clone()].iter_mut().zip(weights) {
                    *g += w * l2;
                }
            }
            if noise_std > 0.0 {
                let mut draw = || -> f32 { noise_std * Distribution::<f32>::sample(&StandardNormal, rng) };
                // Input by input, as the other engine's weights are laid out.
                for input in 0..place.inputs {
                    for output in 0..place.outputs {
                        self.gradient[place.weight.start + output * place.inputs + input] += draw();
                    }
                }
                for g in &mut self.gradient[place.bias.clone()] {
                    *g += draw();
                }
            }
        }
    }
}

/// A copy that lies row after row.
fn standard(inputs: ArrayView2<'_, f32>) -> Array2<f32> {
    inputs.as_standard_layout().into_owned()
}

fn fill(
    work: &Workspace,
    layers: &mut Vec<Vec<vector::Lanes>>,
    hidden: &[usize],
    samples: usize,
    rng: &mut ChaCha8Rng,
    mut draw: impl FnMut(&mut ChaCha8Rng) -> f32,
) {
    layers.resize(hidden.len(), Vec::new());
    for (values, &units) in layers.iter_mut().zip(hidden) {
        values.clear();
        values.resize(samples.div_ceil(LANES) * units, [0.0; LANES]);
        for sample in 0..samples {
            for unit in 0..units {
                values[work.at(units, unit, sample / LANES)][sample % LANES] = draw(rng);
            }
        }
    }
}

impl Engine for Fused<'_, '_> {
    fn epoch(&mut self, epoch: u64, step: &mut u64, moments: &mut [GradientMoments]) -> Result<f64> {
        let stream = |purpose| stream(self.config.seed, purpose, epoch);
        let (mut dropout, mut activation) = (stream(Purpose::Dropout), stream(Purpose::ActivationNoise));
        let mut gradient_noise = stream(Purpose::GradientNoise);
        let mut order = self.data.train.to_vec();
        order.shuffle(&mut stream(Purpose::Shuffle));
        let mut loss = 0.0;
        for rows in order.chunks(self.config.training.batch_size) {
            self.work.load(self.inputs.view(), self.data.labels, rows);
            self.draw(rows.len(), &mut dropout, &mut activation);
            let mut tally = Tally::new();
            self.work.step(&self.parameters, &self.draws, &mut tally, &mut self.gradient)?;
            loss += tally.loss();
            // The statistics are of the data's gradient alone, without penalty and noise.
            for (moments, place) in moments.iter_mut().zip(&self.places) {
                moments.add(&self.gradient[place.weight.clone()]);
            }
            self.regularise(annealed_noise_std(self.config.training.gradient_noise, *step) as f32, &mut gradient_noise);
            self.optimiser.step(&mut self.parameters, &self.gradient);
            *step += 1;
        }
        Ok(loss / order.len() as f64)
    }

    fn network(&self) -> Result<Network> {
        to_network(&self.parameters, &self.places, &self.config.architecture)
    }

    fn scores(&mut self) -> Result<Scores> {
        let (train_loss, train_accuracy) = self.score(self.data.train)?;
        let (test_loss, test_accuracy) = self.score(self.data.test)?;
        Ok(Scores { train_loss, test_loss, train_accuracy, test_accuracy })
    }

    fn save(&self) -> Result<SavedState> {
        Ok(self.optimiser.save())
    }

    fn restore(&mut self, saved: SavedState) -> Result<()> {
        self.optimiser.restore(saved)
    }
}

#[cfg(test)]
mod tests;
