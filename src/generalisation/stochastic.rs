//! A stochastic encoder with a linear classifier, and its training with a constraint on the information of its code, as
//! in the toy study of Kawaguchi et al. 2023.
//!
//! The code of an input is Z ~ N(μ(x), diag σ(x)²), where μ and σ are networks of the same layers, relu between them and
//! a softplus at the end of σ. Trained by reparameterisation, z = μ + σε. Its gradients are written out: the constraint
//! is a sum over all pairs of inputs, which a graph of tensors would hold in memory many times over.

use super::config::TrainingConfig;
use super::plan::Setting;
use crate::subject::train::numbered;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviations are kept above this, as in the paper's code.
const SMALLEST_STD: f32 = 1e-10;

/// What a random stream is for.
#[derive(Clone, Copy)]
enum Purpose {
    Weights = 21,
    Shuffle = 22,
    Code = 23,
    Constraint = 24,
    Evaluation = 25,
}

fn stream(seed: u64, purpose: Purpose, epoch: u64) -> ChaCha8Rng {
    numbered(seed, purpose as u64, epoch)
}

fn normal(shape: (usize, usize), rng: &mut ChaCha8Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn(shape, || StandardNormal.sample(rng))
}

/// Layers with relu between them.
#[derive(Debug, Clone, PartialEq)]
struct Mlp {
    /// [outputs × inputs] and `[outputs]`.
    layers: Vec<(Array2<f32>, Array1<f32>)>,
}

impl Mlp {
    /// Weights and biases uniform on ±1/√inputs, as PyTorch starts its linear layers.
    fn new(sizes: &[usize], rng: &mut ChaCha8Rng) -> Self {
        let layers = sizes.windows(2).map(|s| {
            let limit = 1.0 / (s[0] as f32).sqrt();
            let mut draw = || rng.random_range(-limit..limit);
            (Array2::from_shape_simple_fn((s[1], s[0]), &mut draw), Array1::from_shape_simple_fn(s[1], &mut draw))
        });
        Self { layers: layers.collect() }
    }

    /// The input of each layer, and what the last one yields.
    fn forward(&self, x: ArrayView2<'_, f32>) -> Vec<Array2<f32>> {
        let mut values = vec![x.to_owned()];
        for (l, (weight, bias)) in self.layers.iter().enumerate() {
            let mut next = values[l].dot(&weight.t()) + bias;
            if l + 1 < self.layers.len() {
                next.mapv_inplace(|v| v.max(0.0));
            }
            values.push(next);
        }
        values
    }

    /// Adds to `gradients` (a pair for each layer) what `outer`, the gradient at the output, comes to; yields that at
    /// the input.
    fn backward(&self, values: &[Array2<f32>], outer: Array2<f32>, gradients: &mut Mlp) -> Array2<f32> {
        let mut outer = outer;
        for (l, (weight, _)) in self.layers.iter().enumerate().rev() {
            if l + 1 < self.layers.len() {
                Zip::from(&mut outer).and(&values[l + 1]).for_each(|g, &v| {
                    if v <= 0.0 {
                        *g = 0.0;
                    }
                });
            }
            gradients.layers[l].0 += &outer.t().dot(&values[l]);
            gradients.layers[l].1 += &outer.sum_axis(Axis(0));
            outer = outer.dot(weight);
        }
        outer
    }

    fn parameters(&self) -> usize {
        self.layers.iter().map(|(w, b)| w.len() + b.len()).sum()
    }
}

/// Encoder and classifier; also the shape of their gradients.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Encoder {
    mean: Mlp,
    std: Mlp,
    classifier: Mlp,
}

/// One pass over some inputs.
struct Pass {
    mean: Vec<Array2<f32>>,
    std: Vec<Array2<f32>>,
    sigma: Array2<f32>,
    noise: Array2<f32>,
    code: Array2<f32>,
}

impl Encoder {
    /// With fresh weights; `layers` are the units from the input over the hidden layers to the classes.
    pub(super) fn new(layers: &[usize], seed: u64) -> Self {
        let mut rng = stream(seed, Purpose::Weights, 0);
        let (encoder, classifier) = (&layers[..layers.len() - 1], &layers[layers.len() - 2..]);
        Self {
            mean: Mlp::new(encoder, &mut rng),
            std: Mlp::new(encoder, &mut rng),
            classifier: Mlp::new(classifier, &mut rng),
        }
    }

    fn parts(&self) -> [&Mlp; 3] {
        [&self.mean, &self.std, &self.classifier]
    }

    fn layers(&self) -> impl Iterator<Item = &(Array2<f32>, Array1<f32>)> {
        self.parts().into_iter().flat_map(|m| m.layers.iter())
    }

    /// All parameters: those of μ, of σ, of the classifier.
    pub(super) fn weights(&self) -> Vec<f32> {
        self.layers().flat_map(|(w, b)| w.iter().chain(b)).copied().collect()
    }

    /// Frobenius norm of each weight matrix and bias.
    pub(super) fn norms(&self) -> Vec<f64> {
        self.layers().flat_map(|(w, b)| [norm(w.iter()), norm(b.iter())]).collect()
    }

    /// How many of the parameters are the encoder's, and how many there are.
    pub(super) fn ends(&self) -> [usize; 2] {
        let encoder = self.mean.parameters() + self.std.parameters();
        [encoder, encoder + self.classifier.parameters()]
    }

    /// μ and σ [inputs × code] of these inputs.
    pub(super) fn codes(&self, inputs: ArrayView2<'_, f32>) -> (Array2<f32>, Array2<f32>) {
        let last = |values: Vec<Array2<f32>>| values.into_iter().next_back().unwrap_or_default();
        (last(self.mean.forward(inputs)), last(self.std.forward(inputs)).mapv(sigma_of))
    }

    fn pass(&self, inputs: ArrayView2<'_, f32>, rng: &mut ChaCha8Rng) -> Pass {
        let (mean, std) = (self.mean.forward(inputs), self.std.forward(inputs));
        let depth = self.mean.layers.len();
        let sigma = std[depth].mapv(sigma_of);
        let noise = normal(sigma.dim(), rng);
        let code = &mean[depth] + &(&sigma * &noise);
        Pass { mean, std, sigma, noise, code }
    }

    /// Adds the gradients at μ and σ to those of the weights.
    fn encoder_backward(&self, pass: &Pass, at_mean: Array2<f32>, at_sigma: Array2<f32>, gradients: &mut Encoder) {
        let mut at_std = at_sigma;
        // d softplus = logistic function.
        Zip::from(&mut at_std).and(&pass.std[pass.std.len() - 1]).for_each(|g, &s| *g /= 1.0 + (-s).exp());
        self.mean.backward(&pass.mean, at_mean, &mut gradients.mean);
        self.std.backward(&pass.std, at_std, &mut gradients.std);
    }

    /// Mean cross-entropy in nats of a minibatch, and its gradient, which is added.
    fn supervised(
        &self,
        inputs: ArrayView2<'_, f32>,
        labels: &[u32],
        rng: &mut ChaCha8Rng,
        gradients: &mut Encoder,
    ) -> f64 {
        let pass = self.pass(inputs, rng);
        let values = self.classifier.forward(pass.code.view());
        let mut at_logits = values[1].clone();
        let mut loss = 0.0;
        let n = labels.len() as f32;
        for (mut row, &label) in at_logits.outer_iter_mut().zip(labels) {
            loss += cross_entropy(row.view(), label).0;
            softmax(&mut row);
            row[label as usize] -= 1.0;
            row /= n;
        }
        let at_code = self.classifier.backward(&values, at_logits, &mut gradients.classifier);
        let at_sigma = &at_code * &pass.noise;
        self.encoder_backward(&pass, at_code, at_sigma, gradients);
        loss / f64::from(n)
    }

    /// The Monte Carlo estimate of I(X;Z) in nats on these inputs, and `factor` times its gradient, which is added.
    fn information(
        &self,
        inputs: ArrayView2<'_, f32>,
        factor: f64,
        rng: &mut ChaCha8Rng,
        gradients: &mut Encoder,
    ) -> f64 {
        let pass = self.pass(inputs, rng);
        let (mean, sigma, code) = (&pass.mean[pass.mean.len() - 1], &pass.sigma, &pass.code);
        let (n, dimensions) = sigma.dim();
        let log_stds: Vec<f64> = sigma.outer_iter().map(|r| r.iter().map(|s| f64::from(*s).ln()).sum()).collect();
        let inverse = sigma.mapv(f32::recip);
        let (mut at_code, mut at_mean, mut at_sigma) =
            (Array2::<f32>::zeros((n, dimensions)), Array2::zeros((n, dimensions)), Array2::zeros((n, dimensions)));
        let mut total = 0.0;
        let share = (factor / n as f64) as f32;
        for i in 0..n {
            let z = code.row(i);
            let logs: Vec<f64> = (0..n)
                .map(|j| {
                    let square: f32 = Zip::from(&z)
                        .and(&mean.row(j))
                        .and(&inverse.row(j))
                        .fold(0.0, |sum, z, m, inv| sum + ((z - m) * inv).powi(2));
                    -log_stds[j] - 0.5 * f64::from(square)
                })
                .collect();
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logs.iter().map(|l| (l - largest).exp()).sum();
            total += logs[i] - (largest + (sum / n as f64).ln());
            // log p(z|x) falls with log σ, and with z = μ + σε in nothing else.
            Zip::from(at_sigma.row_mut(i)).and(inverse.row(i)).for_each(|g, inv| *g -= share * inv);
            for j in 0..n {
                let weight = ((logs[j] - largest).exp() / sum) as f32 * share;
                if weight == 0.0 {
                    continue;
                }
                for k in 0..dimensions {
                    let inv = inverse[[j, k]];
                    let apart = (z[k] - mean[[j, k]]) * inv;
                    at_code[[i, k]] += weight * apart * inv;
                    at_mean[[j, k]] -= weight * apart * inv;
                    at_sigma[[j, k]] -= weight * (apart * apart - 1.0) * inv;
                }
            }
        }
        at_mean += &at_code;
        at_sigma += &(&at_code * &pass.noise);
        self.encoder_backward(&pass, at_mean, at_sigma, gradients);
        total / n as f64
    }

    /// Mean loss in nats and share of errors, over draws of the code.
    pub(super) fn evaluate(&self, inputs: ArrayView2<'_, f32>, labels: &[u32], draws: usize, seed: u64) -> (f64, f64) {
        let (mean, sigma) = self.codes(inputs);
        let mut rng = stream(seed, Purpose::Evaluation, 0);
        let (mut loss, mut wrong) = (0.0, 0usize);
        for _ in 0..draws {
            let code = &mean + &(&sigma * &normal(sigma.dim(), &mut rng));
            let values = self.classifier.forward(code.view());
            for (row, &label) in values[1].outer_iter().zip(labels) {
                let (entropy, right) = cross_entropy(row.view(), label);
                loss += entropy;
                wrong += usize::from(!right);
            }
        }
        let n = (draws * labels.len()) as f64;
        (loss / n, wrong as f64 / n)
    }

    fn zeros(&self) -> Self {
        let zero = |m: &Mlp| Mlp {
            layers: m.layers.iter().map(|(w, b)| (Array2::zeros(w.dim()), Array1::zeros(b.dim()))).collect(),
        };
        Self { mean: zero(&self.mean), std: zero(&self.std), classifier: zero(&self.classifier) }
    }

    fn layers_mut(&mut self) -> impl Iterator<Item = &mut (Array2<f32>, Array1<f32>)> {
        [&mut self.mean, &mut self.std, &mut self.classifier].into_iter().flat_map(|m| m.layers.iter_mut())
    }

    /// PyTorch's step: velocity ← momentum · velocity + gradient + decay · weight; weight ← weight − rate · velocity.
    fn step(&mut self, mut gradients: Encoder, velocity: &mut Encoder, training: &TrainingConfig, decay: f64) {
        let (rate, momentum, decay) = (training.learning_rate as f32, training.momentum as f32, decay as f32);
        let rule = |w: &mut f32, v: &mut f32, g: &f32| {
            *v = momentum * *v + g + decay * *w;
            *w -= rate * *v;
        };
        for (((w, b), (vw, vb)), (gw, gb)) in self.layers_mut().zip(velocity.layers_mut()).zip(gradients.layers_mut()) {
            Zip::from(w).and(vw).and(&*gw).for_each(rule);
            Zip::from(b).and(vb).and(&*gb).for_each(rule);
        }
    }
}

/// Trains an encoder; `observe` sees it after every epoch, from 1. `None` when the loss stops being a number.
pub(super) fn train<E>(
    setting: &Setting,
    training: &TrainingConfig,
    inputs: ArrayView2<'_, f32>,
    labels: &[u32],
    layers: &[usize],
    seed: u64,
    observe: &mut dyn FnMut(u64, &Encoder) -> Result<(), E>,
) -> Result<Option<Encoder>, E> {
    let mut encoder = Encoder::new(layers, seed);
    let mut velocity = encoder.zeros();
    let mut multiplier = 0.0;
    for epoch in 1..=training.epochs {
        let mut rows: Vec<usize> = (0..labels.len()).collect();
        rows.shuffle(&mut stream(seed, Purpose::Shuffle, epoch));
        let mut code = stream(seed, Purpose::Code, epoch);
        let mut constraint = stream(seed, Purpose::Constraint, epoch);
        for batch in rows.chunks(training.batch_size) {
            let mut gradients = encoder.zeros();
            let own: Vec<u32> = batch.iter().map(|&r| labels[r]).collect();
            let loss = encoder.supervised(inputs.select(Axis(0), batch).view(), &own, &mut code, &mut gradients);
            if !loss.is_finite() {
                return Ok(None);
            }
            if setting.constraint_rate > 0.0 {
                // The loss is cross-entropy + λ (target − I), and λ climbs along its own gradient.
                let mut sample: Vec<usize> = (0..labels.len()).collect();
                if sample.len() > training.constraint_samples {
                    sample.shuffle(&mut constraint);
                    sample.truncate(training.constraint_samples);
                }
                let chosen = inputs.select(Axis(0), &sample);
                let found = encoder.information(chosen.view(), -multiplier, &mut constraint, &mut gradients);
                if !found.is_finite() {
                    return Ok(None);
                }
                multiplier += setting.constraint_rate * (training.constraint_target - found);
            }
            encoder.step(gradients, &mut velocity, training, setting.weight_decay);
        }
        if encoder.layers().any(|(w, b)| w.iter().chain(b).any(|w| !w.is_finite())) {
            return Ok(None);
        }
        observe(epoch, &encoder)?;
    }
    Ok(Some(encoder))
}

fn sigma_of(v: f32) -> f32 {
    // log(1 + eᵛ), without overflow.
    (v.max(0.0) + (-v.abs()).exp().ln_1p()).max(SMALLEST_STD)
}

/// Cross-entropy in nats, and whether the first of the largest logits is the label's.
pub(super) fn cross_entropy(logits: ArrayView1<'_, f32>, label: u32) -> (f64, bool) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|&z| f64::from(z - largest).exp()).sum();
    let own = logits.get(label as usize).copied().unwrap_or(f32::NAN);
    (
        total.ln() + f64::from(largest) - f64::from(own),
        logits.iter().position(|&z| z == largest) == Some(label as usize),
    )
}

/// Euclidean norm.
pub(super) fn norm<'a>(values: impl Iterator<Item = &'a f32>) -> f64 {
    values.map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt()
}

fn softmax(row: &mut ndarray::ArrayViewMut1<'_, f32>) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.mapv_inplace(|z| (z - largest).exp());
    let sum = row.sum();
    row.mapv_inplace(|e| e / sum);
}

#[cfg(test)]
#[path = "stochastic_tests.rs"]
mod tests;
