//! The network in training: dense layers, a codebook in place of the last hidden activations, a linear head; its backward
//! pass written out, as those of the other builders are.

use crate::ProbeError;
use crate::train::{Dense, Mlp, Purpose, Shape, Weights, cross_entropy, stream};
use narrows_dictionaries::DictionaryError;
use narrows_dictionaries::codebook::{Codebook, Combine, Settings, SnapLoss};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What the layer norm adds to a variance, as PyTorch's does.
const EPSILON: f32 = 1e-5;

/// Embeddings → hidden activations → codes → class scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CodeNetwork {
    pub(super) encoder: Mlp,
    pub(super) book: Codebook,
    pub(super) head: Dense,
}

/// What the codebook refuses, as this crate says it.
pub(super) fn told(error: DictionaryError) -> ProbeError {
    ProbeError::Data(format!("codebook: {error}"))
}

impl CodeNetwork {
    /// Random weights; codes are normal.
    pub(super) fn new(
        inputs: usize,
        hidden: &[usize],
        classes: usize,
        settings: Settings,
        seed: u64,
    ) -> Result<Self, ProbeError> {
        let widths = [&[inputs], hidden].concat();
        let width = widths[widths.len() - 1];
        let mut random = stream(seed, Purpose::Weights, 0, 0);
        let encoder = Mlp::new(&Shape { widths, leak: 0.0, closing: true, dropout: 0.0 }, &mut random);
        let limit = 1.0 / (width as f32).sqrt();
        let mut draw = || random.random_range(-limit..limit);
        let head = Dense {
            weights: Array2::from_shape_simple_fn((width, classes), &mut draw),
            bias: Array1::from_shape_simple_fn(classes, &mut draw),
        };
        Ok(Self { encoder, book: Codebook::new(width, settings, seed, 0).map_err(told)?, head })
    }

    /// Scores of inputs that are scaled already.
    pub(super) fn scores(&self, input: ArrayView2<'_, f32>) -> Result<Array2<f32>, ProbeError> {
        let snapped = self.book.apply(self.encoder.forward(input).view()).map_err(told)?;
        Ok(snapped.dot(&self.head.weights) + &self.head.bias)
    }

    /// Adds the gradient of the mean loss over these rows to `into`; yields that loss in nats and the codes that fired.
    ///
    /// The gradient goes straight through the codebook: what reaches its output reaches the layer-normed activations, with
    /// the commitment of the variants that have one.
    pub(super) fn gradient(
        &self,
        input: Array2<f32>,
        labels: &[u32],
        noise: &mut ChaCha8Rng,
        into: &mut Self,
    ) -> Result<(f64, Array2<u32>), ProbeError> {
        let trace = self.encoder.trace(input, noise);
        let activations = trace.output();
        let normed = self.book.normed(activations.view()).map_err(told)?;
        let ids = self.book.ids(activations.view()).map_err(told)?;
        let snapped = self.book.look_up(ids.view()).map_err(told)?;
        let scores = snapped.dot(&self.head.weights) + &self.head.bias;
        let (loss, slope) = cross_entropy(&scores, labels.iter().copied());
        general_mat_mul(1.0, &snapped.t(), &slope, 1.0, &mut into.head.weights);
        into.head.bias += &slope.sum_axis(Axis(0));
        let task = slope.dot(&self.head.weights.t());
        let error = &snapped - &normed;
        self.to_codes(&task, &error, &ids, &mut into.book.codes);
        let by_normed = match self.book.settings.loss {
            SnapLoss::FullAeLoss { beta } | SnapLoss::VqVae { beta } => &task - &(&error * (2.0 * beta as f32)),
            SnapLoss::Base | SnapLoss::AeLoss => task,
        };
        let by_activations = self.through_norm(activations, &by_normed, &mut into.book);
        self.encoder.backward(&trace, by_activations, &mut into.encoder);
        Ok((loss, ids))
    }

    /// The gradient of the codes: the task's through the lookup, and that of the mean squared error of reconstruction.
    fn to_codes(&self, task: &Array2<f32>, error: &Array2<f32>, ids: &Array2<u32>, codes: &mut Array2<f32>) {
        let Settings { codes: count, k, loss, combine, .. } = self.book.settings;
        let share = if combine == Combine::Mean { 1.0 / k as f32 } else { 1.0 };
        let by_task = if matches!(loss, SnapLoss::VqVae { .. }) { 0.0 } else { share };
        let by_error = if loss == SnapLoss::Base { 0.0 } else { 2.0 * share / task.nrows() as f32 };
        let width = codes.ncols();
        for ((ids, task), error) in ids.outer_iter().zip(task.outer_iter()).zip(error.outer_iter()) {
            for (place, &id) in ids.iter().enumerate() {
                let group = place / k;
                let part = (group * width..(group + 1) * width).into();
                let mut code = codes.row_mut(group * count + id as usize);
                code.scaled_add(by_task, &task.slice_axis(Axis(0), part));
                code.scaled_add(by_error, &error.slice_axis(Axis(0), part));
            }
        }
    }

    /// From the derivatives by the layer-normed activations those by the activations; adds those by gain and shift.
    fn through_norm(&self, activations: &Array2<f32>, by_normed: &Array2<f32>, into: &mut Codebook) -> Array2<f32> {
        let width = self.book.codes.ncols();
        let mut out = by_normed * &self.book.gain;
        into.shift += &by_normed.sum_axis(Axis(0));
        for ((x, g), mut slope) in activations.outer_iter().zip(by_normed.outer_iter()).zip(out.outer_iter_mut()) {
            for group in 0..self.book.settings.groups {
                let part = (group * width..(group + 1) * width).into();
                let x = x.slice_axis(Axis(0), part);
                let n = width as f32;
                let centred = &x - x.sum() / n;
                let scale = (centred.dot(&centred) / n + EPSILON).sqrt().recip();
                let unit = centred * scale;
                let mut slope = slope.slice_axis_mut(Axis(0), part);
                let (mean, along) = (slope.sum() / n, slope.dot(&unit) / n);
                slope.zip_mut_with(&unit, |s, &u| *s = scale * (*s - mean - u * along));
                let mut gain = into.gain.slice_axis_mut(Axis(0), part);
                gain += &(&unit * &g.slice_axis(Axis(0), part));
            }
        }
        out
    }
}

impl Weights for CodeNetwork {
    fn slices(&self) -> Vec<&[f32]> {
        let mut all = self.encoder.slices();
        let book = [self.book.gain.as_slice(), self.book.shift.as_slice(), self.book.codes.as_slice()];
        all.extend(book.into_iter().chain([self.head.weights.as_slice(), self.head.bias.as_slice()]).flatten());
        all
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let mut all = self.encoder.slices_mut();
        let book = [self.book.gain.as_slice_mut(), self.book.shift.as_slice_mut(), self.book.codes.as_slice_mut()];
        all.extend(book.into_iter().chain([self.head.weights.as_slice_mut(), self.head.bias.as_slice_mut()]).flatten());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::oracle::{assert_near, matrix};
    use burn::tensor::{Device, activation};
    use narrows_dictionaries::codebook::CodebookTensors;

    #[test]
    fn gradients_are_those_of_burn() {
        for (loss, k, groups) in [("base", 1, 1), ("aeloss", 2, 1), ("fullaeloss-0.3", 2, 2), ("vqvae-0.25", 1, 3)] {
            let settings = Settings { codes: 5, k, groups, loss: loss.parse().unwrap(), ..Settings::default() };
            let mut net = CodeNetwork::new(4, &[6], 3, settings, 2).unwrap();
            net.book.gain = Array1::from_shape_fn(6, |j| 1.0 + 0.1 * j as f32);
            net.encoder.layers[0].bias.fill(0.5);
            let x = Array2::from_shape_fn((9, 4), |(i, j)| ((i * 4 + j) as f32 * 1.1).sin());
            let labels: Vec<u32> = (0..9).map(|i| i % 3).collect();
            let mut found = net.clone();
            found.clear();
            let (value, ids) =
                net.gradient(x.clone(), &labels, &mut stream(0, Purpose::Noise, 0, 0), &mut found).unwrap();

            let device = Device::flex().autodiff();
            let held = |m: &Array2<f32>| matrix(m, &device).require_grad();
            let row = |v: &Array1<f32>| held(&v.clone().insert_axis(Axis(0)));
            let (w, b) = (held(&net.encoder.layers[0].weights), row(&net.encoder.layers[0].bias));
            let (head, bias) = (held(&net.head.weights), row(&net.head.bias));
            let tensors = CodebookTensors::new(&net.book, &device);
            let hidden = activation::relu(matrix(&x, &device).matmul(w.clone()) + b.clone());
            let snapped = tensors.forward(hidden).unwrap();
            assert_eq!(snapped.ids, ids);
            let truth = Array2::from_shape_fn((9, 3), |(i, c)| f32::from(labels[i] as usize == c));
            let logs = activation::log_softmax(snapped.output.clone().matmul(head.clone()) + bias.clone(), 1);
            let task = -(logs * matrix(&truth, &device)).sum() / 9.0;
            assert!((f64::from(task.clone().into_scalar::<f32>()) - value).abs() < 1e-5);
            let mut gradients = snapped.added_to(task).backward();
            let mut expected: Vec<Vec<f32>> = vec![];
            for tensor in [w, b] {
                expected.push(tensor.grad_remove(&mut gradients).unwrap().to_data().try_to_vec().unwrap());
            }
            for tensor in [tensors.gain, tensors.shift] {
                expected.push(tensor.grad_remove(&mut gradients).unwrap().to_data().try_to_vec().unwrap());
            }
            for tensor in [tensors.codes, head, bias] {
                expected.push(tensor.grad_remove(&mut gradients).unwrap().to_data().try_to_vec().unwrap());
            }
            for (found, expected) in found.slices().iter().zip(&expected) {
                assert_near(found, expected, 1e-4);
            }
        }
    }
}
