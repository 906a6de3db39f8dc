//! The network as burn tensors: forward pass with noise.

use super::Convolutions;
use super::convolve::{convolve, pool};
use crate::subject::train::config::TrainingConfig;
use crate::subject::train::minibatches::Differentiable;
use crate::subject::train::model::{StepNoise, apply, loss, matrix, perturbed, to_host};
use crate::subject::{Architecture, Dense};
use anyhow::Result;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Samples that are run at once where nothing is learned.
const BATCH: usize = 256;

/// Weights [outputs × inputs] and biases of all layers, the blocks' first.
pub(super) struct Model<'a> {
    pub(super) weights: Vec<Tensor<2>>,
    pub(super) biases: Vec<Tensor<1>>,
    convolutions: &'a Convolutions,
    head: &'a Architecture,
}

impl<'a> Model<'a> {
    pub(super) fn of(
        layers: &[Dense],
        convolutions: &'a Convolutions,
        head: &'a Architecture,
        device: &Device,
    ) -> Self {
        let bias = |layer: &Dense| Tensor::from_data(TensorData::new(layer.bias.to_vec(), [layer.bias.len()]), device);
        Self {
            weights: layers.iter().map(|l| matrix(l.weight.view(), device).require_grad()).collect(),
            biases: layers.iter().map(|l| bias(l).require_grad()).collect(),
            convolutions,
            head,
        }
    }

    /// The weights, on the host.
    pub(super) fn layers(&self) -> Result<Vec<Dense>> {
        let of = |(weight, bias): (&Tensor<2>, &Tensor<1>)| {
            let [outputs, inputs] = weight.dims();
            Ok(Dense {
                weight: Array2::from_shape_vec((outputs, inputs), to_host(weight)?)?,
                bias: Array1::from_vec(to_host(bias)?),
            })
        };
        self.weights.iter().zip(&self.biases).map(of).collect()
    }

    /// Logits of a minibatch [samples × values of a sample]; with dropout and noise on every hidden layer, if any is given.
    pub(super) fn forward(&self, inputs: Tensor<2>, mut noise: Option<(&TrainingConfig, StepNoise<'_>)>) -> Tensor<2> {
        let samples = inputs.dims()[0];
        let [channels, height, width] = self.convolutions.input;
        let mut maps: Tensor<4> = inputs.reshape([samples, channels, height, width]);
        let mut layers = self.weights.iter().cloned().zip(self.biases.iter().cloned());
        for (weight, bias) in layers.by_ref().take(self.convolutions.channels.len()) {
            maps = pool(convolve(maps, weight, bias, self.convolutions), self.convolutions.pool);
            maps = apply(self.head.activation, maps);
            if let Some((training, noise)) = &mut noise {
                maps = perturbed(maps, training, noise);
            }
        }
        let [_, channels, height, width] = maps.dims();
        let mut current: Tensor<2> = if self.convolutions.mean_pool {
            maps.reshape([samples, channels, height * width]).mean_dim(2).reshape([samples, channels])
        } else {
            maps.reshape([samples, channels * height * width])
        };
        let last = self.head.depth() - 1;
        for (index, (weight, bias)) in layers.enumerate() {
            current = current.matmul(weight.transpose()) + bias.unsqueeze();
            if index < last {
                current = apply(self.head.activation, current);
                if let Some((training, noise)) = &mut noise {
                    current = perturbed(current, training, noise);
                }
            }
        }
        current
    }

    /// The same network that records nothing.
    fn inner(&self) -> Self {
        Self {
            weights: self.weights.iter().map(|w| w.clone().inner()).collect(),
            biases: self.biases.iter().map(|b| b.clone().inner()).collect(),
            convolutions: self.convolutions,
            head: self.head,
        }
    }

    /// Logits of some rows of the data, without dropout and noise.
    pub(super) fn logits(&self, inputs: ArrayView2<'_, f32>, rows: &[usize]) -> Result<Array2<f32>> {
        let quiet = self.inner();
        let device = quiet.biases[0].device();
        let mut logits = Vec::with_capacity(rows.len() * quiet.biases.last().map_or(0, |b| b.dims()[0]));
        for rows in rows.chunks(BATCH) {
            let batch = matrix(inputs.select(Axis(0), rows).view(), &device);
            logits.extend(to_host(&quiet.forward(batch, None))?);
        }
        let classes = logits.len() / rows.len().max(1);
        Ok(Array2::from_shape_vec((rows.len(), classes), logits)?)
    }
}

impl Differentiable for Model<'_> {
    fn minibatch_loss(
        &self,
        inputs: Tensor<2>,
        one_hot: Tensor<2>,
        training: &TrainingConfig,
        noise: StepNoise<'_>,
    ) -> Tensor<1> {
        loss(self.head.output, self.forward(inputs, Some((training, noise))), one_hot)
    }

    fn parameters(&mut self) -> (&mut [Tensor<2>], &mut [Tensor<1>]) {
        (&mut self.weights, &mut self.biases)
    }
}
