//! The network as burn tensors: forward pass with noise, loss.

use super::config::TrainingConfig;
use super::minibatches::Differentiable;
use crate::subject::activation::LEAKY_SLOPE;
use crate::subject::{Activation, Architecture, Dense, Network, Output};
use anyhow::{Result, anyhow};
use burn::tensor::{Device, Tensor, TensorData, activation};
use ndarray::{Array1, Array2, ArrayView2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Weights [inputs × outputs] (the transpose of PyTorch's layout: it saves one transposition a step) and biases.
pub(super) struct Model {
    pub(super) weights: Vec<Tensor<2>>,
    pub(super) biases: Vec<Tensor<1>>,
    architecture: Architecture,
}

/// What is random inside one forward pass of training.
pub(super) struct StepNoise<'a> {
    pub(super) dropout: &'a mut ChaCha8Rng,
    pub(super) activation: &'a mut ChaCha8Rng,
}

pub(crate) fn matrix(values: ArrayView2<'_, f32>, device: &Device) -> Tensor<2> {
    let shape = [values.nrows(), values.ncols()];
    Tensor::from_data(TensorData::new(values.iter().copied().collect(), shape), device)
}

/// The values of a tensor, on the host.
pub(crate) fn to_host<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    tensor.to_data().try_to_vec::<f32>().map_err(|e| anyhow!("reading a tensor back from the device: {e:?}"))
}

impl Model {
    pub(super) fn from_network(network: &Network, device: &Device) -> Self {
        let weights = network.layers.iter().map(|l| matrix(l.weight.t(), device).require_grad()).collect();
        let biases = network
            .layers
            .iter()
            .map(|l| Tensor::from_data(TensorData::new(l.bias.to_vec(), [l.bias.len()]), device).require_grad())
            .collect();
        Self { weights, biases, architecture: network.architecture.clone() }
    }

    pub(super) fn to_network(&self) -> Result<Network> {
        let layers = self
            .weights
            .iter()
            .zip(&self.biases)
            .map(|(weight, bias)| {
                let [inputs, outputs] = weight.dims();
                let transposed = Array2::from_shape_vec((inputs, outputs), to_host(weight)?)?;
                Ok(Dense {
                    weight: transposed.t().as_standard_layout().into_owned(),
                    bias: Array1::from_vec(to_host(bias)?),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Network { architecture: self.architecture.clone(), layers })
    }

    /// Logits of a minibatch, with dropout and noise on every hidden layer.
    pub(super) fn forward(&self, inputs: Tensor<2>, training: &TrainingConfig, noise: &mut StepNoise<'_>) -> Tensor<2> {
        let mut current = inputs;
        for (index, (weight, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            current = current.matmul(weight.clone()) + bias.clone().unsqueeze();
            if index + 1 == self.weights.len() {
                break;
            }
            current = apply(self.architecture.activation, current);
            current = perturbed(current, training, noise);
        }
        current
    }
}

impl Differentiable for Model {
    fn minibatch_loss(
        &self,
        inputs: Tensor<2>,
        one_hot: Tensor<2>,
        training: &TrainingConfig,
        mut noise: StepNoise<'_>,
    ) -> Tensor<1> {
        loss(self.architecture.output, self.forward(inputs, training, &mut noise), one_hot)
    }

    fn parameters(&mut self) -> (&mut [Tensor<2>], &mut [Tensor<1>]) {
        (&mut self.weights, &mut self.biases)
    }
}

/// Mean loss of a minibatch in nats, from logits and one-hot labels.
pub(super) fn loss(output: Output, logits: Tensor<2>, one_hot: Tensor<2>) -> Tensor<1> {
    let batch = logits.dims()[0] as f32;
    let total = match output {
        Output::Softmax | Output::Identity => -(activation::log_softmax(logits, 1) * one_hot).sum(),
        // −y log σ(z) − (1−y) log(1−σ(z)) = softplus(z) − y z
        Output::Sigmoid => (activation::softplus(logits.clone(), 1.0) - logits * one_hot).sum(),
    };
    total / batch
}

/// What a hidden layer yields, with the noise and the dropout of training.
pub(super) fn perturbed<const D: usize>(
    mut current: Tensor<D>,
    training: &TrainingConfig,
    noise: &mut StepNoise<'_>,
) -> Tensor<D> {
    let (shape, device) = (current.dims(), current.device());
    let count = shape.iter().product();
    let tensor_of = |draws: Vec<f32>| Tensor::<D>::from_data(TensorData::new(draws, shape), &device);
    if training.activation_noise > 0.0 {
        let std = training.activation_noise as f32;
        let draw = || -> f32 { StandardNormal.sample(noise.activation) };
        let draws = std::iter::repeat_with(draw).take(count).map(|z| z * std);
        current = if training.relative_activation_noise {
            current * tensor_of(draws.map(|z| 1.0 + z).collect())
        } else {
            current + tensor_of(draws.collect())
        };
    }
    if training.dropout > 0.0 {
        // Kept units are scaled up, so that evaluation needs no scaling.
        let dropped = training.dropout as f32;
        let kept = 1.0 / (1.0 - dropped);
        let draw = || if noise.dropout.random::<f32>() < dropped { 0.0 } else { kept };
        let mask = std::iter::repeat_with(draw).take(count).collect();
        current = current * tensor_of(mask);
    }
    current
}

/// The function of each value.
pub(super) fn apply<const D: usize>(function: Activation, x: Tensor<D>) -> Tensor<D> {
    match function {
        Activation::Tanh => activation::tanh(x),
        Activation::Relu => activation::relu(x),
        Activation::LeakyRelu => activation::leaky_relu(x, f64::from(LEAKY_SLOPE)),
        Activation::Elu => activation::elu(x, 1.0),
        Activation::Gelu => activation::gelu(x),
        Activation::Softplus => activation::softplus(x, 1.0),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Softsign => activation::softsign(x),
        Activation::Identity => x,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Device as Choice, Initialiser};
    use super::*;
    use crate::subject::train::random::{Purpose, stream};

    /// Both devices and the plain forward pass agree, for every activation.
    #[test]
    fn burn_and_the_plain_pass_agree() {
        let x = Array2::from_shape_fn((7, 4), |(i, k)| ((i * 5 + k) as f32 * 0.7).sin());
        for function in Activation::ALL {
            let architecture =
                Architecture { layers: vec![4, 6, 3, 2], activation: function, output: Output::Softmax, keys: None };
            let network = Initialiser::XavierUniform.network(&architecture, 3);
            let plain = network.logits(x.view());
            for choice in [Choice::Flex, Choice::Ndarray] {
                let device = choice.autodiff();
                let model = Model::from_network(&network, &device);
                let mut rngs = [stream(0, Purpose::Dropout, 0), stream(0, Purpose::ActivationNoise, 0)];
                let [dropout, activation] = &mut rngs;
                let mut noise = StepNoise { dropout, activation };
                let logits = model.forward(matrix(x.view(), &device), &TrainingConfig::default(), &mut noise);
                for (a, b) in to_host(&logits).unwrap().iter().zip(plain.iter()) {
                    assert!((a - b).abs() < 1e-5, "{function:?} on {choice:?}: {a} and {b}");
                }
                assert_eq!(model.to_network().unwrap(), network);
            }
        }
    }

    #[test]
    fn losses_are_the_textbook_ones() {
        let device = Choice::Flex.autodiff();
        let logits = matrix(ndarray::array![[1.0f32, -1.0], [0.5, 2.0]].view(), &device);
        let one_hot = matrix(ndarray::array![[1.0f32, 0.0], [1.0, 0.0]].view(), &device);
        let found = |output| to_host(&loss(output, logits.clone(), one_hot.clone())).unwrap()[0];
        let cross_entropy = ((1.0 + (-2f32).exp()).ln() + (1.0 + 1.5f32.exp()).ln()) / 2.0;
        assert!((found(Output::Softmax) - cross_entropy).abs() < 1e-6);
        let s = |z: f32| 1.0 / (1.0 + (-z).exp());
        let binary = -(s(1.0).ln() + (1.0 - s(-1.0)).ln() + s(0.5).ln() + (1.0 - s(2.0)).ln()) / 2.0;
        assert!((found(Output::Sigmoid) - binary).abs() < 1e-6);
    }
}
