//! The same networks in burn, whose automatic differentiation the written-out passes are held to.

use super::network::Mlp;
use burn::tensor::{Device, Gradients, Tensor, TensorData, activation};
use ndarray::Array2;

/// Weights as tensors that record gradients.
pub(crate) struct Held {
    weights: Vec<Tensor<2>>,
    biases: Vec<Tensor<1>>,
    leak: f64,
    closing: bool,
}

pub(crate) fn matrix(values: &Array2<f32>, device: &Device) -> Tensor<2> {
    let shape = [values.nrows(), values.ncols()];
    Tensor::from_data(TensorData::new(values.iter().copied().collect::<Vec<f32>>(), shape), device)
}

pub(crate) fn vector(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

pub(crate) fn network(net: &Mlp, device: &Device) -> Held {
    Held {
        weights: net.layers.iter().map(|l| matrix(&l.weights, device).require_grad()).collect(),
        biases: net.layers.iter().map(|l| vector(l.bias.as_slice().unwrap(), device).require_grad()).collect(),
        leak: f64::from(net.leak()),
        closing: net.closing(),
    }
}

impl Held {
    pub(crate) fn forward(&self, mut value: Tensor<2>) -> Tensor<2> {
        for (layer, (weights, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            value = value.matmul(weights.clone()) + bias.clone().unsqueeze();
            if self.closing || layer + 1 < self.weights.len() {
                value = activation::leaky_relu(value, self.leak);
            }
        }
        value
    }

    /// In the order of the network's own slices.
    pub(crate) fn gradients(&self, gradients: &Gradients) -> Vec<Vec<f32>> {
        let of = |data: TensorData| data.try_to_vec::<f32>().unwrap();
        let pairs = self.weights.iter().zip(&self.biases);
        pairs
            .flat_map(|(w, b)| [of(w.grad(gradients).unwrap().to_data()), of(b.grad(gradients).unwrap().to_data())])
            .collect()
    }
}

/// Each number of `found` within `tolerance` of `expected`, relative to the largest of these where that is above one.
pub(crate) fn assert_near(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{i}: {a} for {b}");
    }
}
