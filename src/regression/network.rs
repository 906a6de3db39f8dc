//! The regression network on the host: where training begins and ends, and what it is measured by.

use super::objective::CodeNoise;
use super::random::{Purpose, stream};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Layers of the encoder; the others decode.
pub(super) const ENCODER: usize = 3;
/// Layers altogether.
pub(super) const LAYERS: usize = 5;

/// Encoder d–hidden–hidden–code and decoder code–hidden–1, ReLU between the layers of each; the code and the prediction
/// are linear.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RegressionNetwork {
    /// Weights [inputs × outputs] and biases of each layer.
    pub(super) layers: Vec<(Array2<f32>, Array1<f32>)>,
    pub(super) noise: CodeNoise,
}

/// What an encoder says of samples.
pub(super) struct Code {
    /// [samples × units]
    pub(super) mean: Array2<f32>,
    /// Standard deviations, of stochastic encoders.
    pub(super) std: Option<Array2<f32>>,
}

impl RegressionNetwork {
    /// Fresh weights: uniform on ±1/√inputs, biases too (PyTorch's default, which the published program leaves in place).
    ///
    /// Every objective of a seed starts from the same weights; those that say standard deviations have columns more.
    pub(super) fn new(features: usize, hidden: usize, code: usize, noise: CodeNoise, seed: u64) -> Self {
        let sizes = [(features, hidden), (hidden, hidden), (hidden, code), (code, hidden), (hidden, 1)];
        let mut rng = stream(seed, Purpose::Weights, 0);
        let mut layers: Vec<(Array2<f32>, Array1<f32>)> = sizes
            .iter()
            .map(|&(inputs, outputs)| {
                let limit = 1.0 / (inputs as f32).sqrt();
                let mut draw = || rng.random_range(-limit..limit);
                (
                    Array2::from_shape_simple_fn((inputs, outputs), &mut draw),
                    Array1::from_shape_simple_fn(outputs, draw),
                )
            })
            .collect();
        if noise == CodeNoise::Learned {
            // Drawn last, so that the others' draws are the same.
            let limit = 1.0 / (hidden as f32).sqrt();
            let more = Array2::from_shape_simple_fn((hidden, code), || rng.random_range(-limit..limit));
            let (weight, bias) = &layers[ENCODER - 1];
            let wide =
                Array2::from_shape_fn(
                    (hidden, 2 * code),
                    |(i, j)| {
                        if j < code { weight[[i, j]] } else { more[[i, j - code]] }
                    },
                );
            let bias = bias.iter().copied().chain(std::iter::repeat_n(0.0, code)).collect();
            layers[ENCODER - 1] = (wide, bias);
        }
        Self { layers, noise }
    }

    pub(super) fn encode(&self, inputs: ArrayView2<'_, f32>) -> Code {
        let raw = run(&self.layers[..ENCODER], inputs);
        match self.noise {
            CodeNoise::None => Code { mean: raw, std: None },
            CodeNoise::Unit => Code { std: Some(Array2::ones(raw.dim())), mean: raw },
            CodeNoise::Learned => {
                let (mean, raw) = raw.view().split_at(Axis(1), raw.ncols() / 2);
                Code { mean: mean.to_owned(), std: Some(raw.mapv(deviation)) }
            }
        }
    }

    /// The prediction from the code's mean: noise is for training and for I(X;T).
    pub(super) fn predict(&self, inputs: ArrayView2<'_, f32>) -> Array1<f32> {
        run(&self.layers[ENCODER..], self.encode(inputs).mean.view()).column(0).to_owned()
    }

    /// Root mean squared error, on the scale of the target that it is given.
    pub(super) fn rmse(&self, inputs: ArrayView2<'_, f32>, target: &Array1<f32>) -> f64 {
        let predicted = self.predict(inputs);
        let total: f64 = predicted.iter().zip(target).map(|(p, y)| f64::from(p - y).powi(2)).sum();
        (total / target.len() as f64).sqrt()
    }
}

impl Code {
    /// A draw of the code; its mean where there is no noise.
    pub(super) fn sample(&self, seed: u64) -> Array2<f64> {
        let mut code = self.mean.mapv(f64::from);
        if let Some(std) = &self.std {
            let mut rng = stream(seed, Purpose::EvaluationNoise, 0);
            for (t, s) in code.iter_mut().zip(std) {
                let z: f64 = StandardNormal.sample(&mut rng);
                *t += f64::from(*s) * z;
            }
        }
        code
    }
}

/// Standard deviation from what the encoder says: softplus(v − 5), as Alemi et al. have it, so that training starts with
/// little noise; never zero.
fn deviation(raw: f32) -> f32 {
    let v = raw - SHIFT;
    v.max(0.0) + (-v.abs()).exp().ln_1p() + LEAST_DEVIATION
}

pub(super) const SHIFT: f32 = 5.0;
pub(super) const LEAST_DEVIATION: f32 = 1e-6;

fn run(layers: &[(Array2<f32>, Array1<f32>)], inputs: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut current = inputs.to_owned();
    for (index, (weight, bias)) in layers.iter().enumerate() {
        current = current.dot(weight) + bias;
        if index + 1 < layers.len() {
            current.mapv_inplace(|v| v.max(0.0));
        }
    }
    current
}
