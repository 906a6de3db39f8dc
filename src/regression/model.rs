//! The regression network as tensors that gradients flow through.

use super::network::{ENCODER, LAYERS, LEAST_DEVIATION, RegressionNetwork, SHIFT};
use super::objective::{CodeNoise, Pass};
use crate::subject::train::{matrix, to_host};
use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor, TensorData, activation};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Weights [inputs × outputs] and biases on a device.
pub(super) struct Model {
    pub(super) weights: Vec<Tensor<2>>,
    pub(super) biases: Vec<Tensor<1>>,
    noise: CodeNoise,
}

/// A column of values as a tensor [samples × 1].
pub(super) fn column(values: ArrayView1<'_, f32>, device: &Device) -> Tensor<2> {
    let samples = values.len();
    Tensor::from_data(TensorData::new(values.to_vec(), [samples, 1]), device)
}

impl Model {
    /// The network on a device; `trained` tells whether gradients of its weights are wanted.
    pub(super) fn new(network: &RegressionNetwork, device: &Device, trained: bool) -> Self {
        let weights = network.layers.iter().map(|(w, _)| matrix(w.view(), device));
        let biases =
            network.layers.iter().map(|(_, b)| Tensor::<1>::from_data(TensorData::new(b.to_vec(), [b.len()]), device));
        let (weights, biases) = if trained {
            (weights.map(Tensor::require_grad).collect(), biases.map(Tensor::require_grad).collect())
        } else {
            (weights.collect(), biases.collect())
        };
        Self { weights, biases, noise: network.noise }
    }

    pub(super) fn to_network(&self) -> Result<RegressionNetwork> {
        let layer = |(w, b): (&Tensor<2>, &Tensor<1>)| {
            let [inputs, outputs] = w.dims();
            let values = (to_host(w)?, to_host(b)?);
            Ok((Array2::from_shape_vec((inputs, outputs), values.0)?, Array1::from_vec(values.1)))
        };
        let layers = self.weights.iter().zip(&self.biases).map(layer).collect::<Result<_>>()?;
        Ok(RegressionNetwork { layers, noise: self.noise })
    }

    fn run(&self, layers: std::ops::Range<usize>, inputs: Tensor<2>) -> Tensor<2> {
        let last = layers.end - 1;
        layers.fold(inputs, |current, index| {
            let next = current.matmul(self.weights[index].clone()) + self.biases[index].clone().unsqueeze();
            if index < last { activation::relu(next) } else { next }
        })
    }

    /// A pass with noise: `draw` gives standard normal values for a shape.
    pub(super) fn forward(
        &self,
        inputs: Tensor<2>,
        target: Tensor<2>,
        draw: &mut dyn FnMut(usize) -> Vec<f32>,
    ) -> Pass {
        let device = inputs.device();
        let raw = self.run(0..ENCODER, inputs.clone());
        let samples = raw.dims()[0];
        let mut noise =
            |units: usize| Tensor::<2>::from_data(TensorData::new(draw(samples * units), [samples, units]), &device);
        let (mean, std, code) = match self.noise {
            CodeNoise::None => (raw.clone(), None, raw),
            CodeNoise::Unit => {
                let code = raw.clone() + noise(raw.dims()[1]);
                (raw, None, code)
            }
            CodeNoise::Learned => {
                let units = raw.dims()[1] / 2;
                let mean = raw.clone().narrow(1, 0, units);
                let std = activation::softplus(raw.narrow(1, units, units) - SHIFT, 1.0) + LEAST_DEVIATION;
                let code = mean.clone() + std.clone() * noise(units);
                (mean, Some(std), code)
            }
        };
        let predicted = self.run(ENCODER..LAYERS, code.clone());
        Pass { inputs, target, mean, std, code, predicted }
    }

    /// Gradient of the summed squared error by the inputs [samples × features]; each sample's own, as no sample's error
    /// depends on another.
    pub(super) fn input_gradient(
        &self,
        inputs: ArrayView2<'_, f32>,
        target: ArrayView1<'_, f32>,
        device: &Device,
    ) -> Result<Array2<f32>> {
        let tracked = matrix(inputs, device).require_grad();
        let raw = self.run(0..ENCODER, tracked.clone());
        let mean = match self.noise {
            CodeNoise::Learned => {
                let units = raw.dims()[1] / 2;
                raw.narrow(1, 0, units)
            }
            CodeNoise::None | CodeNoise::Unit => raw,
        };
        let error = (self.run(ENCODER..LAYERS, mean) - column(target, device)).square().sum();
        let gradient = tracked.grad(&error.backward()).context("the inputs have no gradient")?;
        Ok(Array2::from_shape_vec(inputs.dim(), to_host(&gradient)?)?)
    }
}
