//! A convolutional autoencoder of images, as that in front of the estimator of Butakov et al. 2024 (section 4), in burn.
//!
//! Every stage of the encoder halves the side with a 3 × 3 convolution; two dense layers make a code of what is left,
//! and the decoder is the same backwards with transposed convolutions. Weights are shared over the image, and so far
//! fewer than those of a dense autoencoder.

use super::training::{Fitting, Pass, whole};
use super::{Compressed, Encoder, EncoderEntry};
use crate::linalg::centred;
use crate::neural::{Weights, widths_of, widths_text};
use crate::pair;
use crate::registry::ParameterDoc;
use crate::{Estimator, EstimatorError, Parameters, Transform, Variable};
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor, TensorData, activation};
use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// A convolutional autoencoder, trained for the mean squared error by Adam.
///
/// A tenth of the samples is held out to stop by; the codes and the reconstruction error are of all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConvolutionalAutoencoder {
    /// Numbers in a code, at least 1.
    pub components: usize,
    /// Channels, height and width of an image, whose pixels stand in that order; without it, a square of one channel.
    pub image: Option<[usize; 3]>,
    /// Channels after each halving of the side.
    pub channels: Vec<usize>,
    /// Units between the convolutions and the code.
    pub hidden: usize,
    /// How it is trained.
    pub fitting: Fitting,
}

const NAME: &str = "conv-autoencoder";
const DOCS: [ParameterDoc; 4] = Fitting::docs("5000");

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: NAME,
    summary: "the narrow layer of a convolutional network that rebuilds images (after Butakov et al. 2024)",
    parameters: &[
        ParameterDoc { name: "components", default: "4", meaning: "numbers in a code" },
        ParameterDoc {
            name: "image",
            default: "",
            meaning: "HEIGHTxWIDTH or CHANNELSxHEIGHTxWIDTH of a row of the data; by itself, a square of one channel",
        },
        ParameterDoc { name: "channels", default: "8x16", meaning: "of each convolution, which halves the side" },
        ParameterDoc { name: "hidden", default: "64", meaning: "units between the convolutions and the code" },
        DOCS[0],
        DOCS[1],
        DOCS[2],
        DOCS[3],
    ],
    build: |p| Ok(Box::new(ConvolutionalAutoencoder::from_parameters(p)?)),
    stream: None,
};

impl ConvolutionalAutoencoder {
    /// With codes of so many numbers.
    pub fn new(components: usize) -> Self {
        Self { components, image: None, channels: vec![8, 16], hidden: 64, fitting: Fitting::new(5000) }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let default = Self::new(4);
        let image = match widths_of(p, "image")? {
            None => None,
            Some(sizes) => match sizes[..] {
                [height, width] => Some([1, height, width]),
                [channels, height, width] => Some([channels, height, width]),
                _ => return Err(p.bad("image", &widths_text(&sizes), "it must be such as 16x16 or 3x32x32")),
            },
        };
        Ok(Self {
            components: whole(p, "components", default.components)?,
            image,
            channels: widths_of(p, "channels")?.unwrap_or(default.channels),
            hidden: whole(p, "hidden", default.hidden)?,
            fitting: Fitting::read(p, default.fitting)?,
        })
    }

    /// The image's channels, height and width.
    fn image_of(&self, features: usize) -> Result<[usize; 3], EstimatorError> {
        let image = self.image.unwrap_or_else(|| {
            let side = features.isqrt();
            [1, side, side]
        });
        if image.iter().product::<usize>() == features {
            return Ok(image);
        }
        let given = self.image.map_or_else(|| "not given".to_owned(), |image| widths_text(&image));
        Err(EstimatorError::BadParameter {
            estimator: NAME,
            name: "image".into(),
            value: given,
            rule: format!("the data have {features} features, and its sizes must multiply to that"),
        })
    }
}

impl Estimator for ConvolutionalAutoencoder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let image = self.image.map_or_else(String::new, |image| format!("image={} ", widths_text(&image)));
        format!(
            "components={} {image}channels={} hidden={} {}",
            self.components,
            widths_text(&self.channels),
            self.hidden,
            self.fitting.text()
        )
    }
}

impl Encoder for ConvolutionalAutoencoder {
    fn compress(&self, data: ArrayView2<'_, f64>) -> Result<Compressed, EstimatorError> {
        pair::check(&[Variable::Continuous(data)])?;
        // For its check of the range of numbers.
        Transform::Standard.apply(data)?;
        let shape = Shape::new(self.image_of(data.ncols())?, &self.channels, self.hidden, self.components);
        // One scale for all pixels: each over its own would make a picture of the corners' noise.
        let mut x = centred(data);
        let scale = (x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64).sqrt();
        if scale > 0.0 {
            x /= scale;
        }
        self.fitting.train(
            &x.mapv(|v| v as f32),
            |random| shape.network(random),
            |network, input, into| shape.add_gradient(network, &input, into),
            |network, x| shape.pass(network, x),
        )
    }
}

/// Rows that are encoded at once outside training.
const AT_ONCE: usize = 1024;

/// What the network's tensors are.
struct Shape {
    /// Channels, height and width before and after every convolution.
    stages: Vec<[usize; 3]>,
    hidden: usize,
    components: usize,
}

/// Weights and biases in the order in which they are used.
#[derive(Clone)]
struct Network {
    values: Vec<Vec<f32>>,
}

impl Weights for Network {
    fn slices(&self) -> Vec<&[f32]> {
        self.values.iter().map(Vec::as_slice).collect()
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        self.values.iter_mut().map(Vec::as_mut_slice).collect()
    }
}

/// The network's weights as burn's tensors, in the order in which they are used.
struct Tensors {
    convolutions: Vec<(Tensor<4>, Tensor<1>)>,
    dense: Vec<(Tensor<2>, Tensor<1>)>,
    transposed: Vec<(Tensor<4>, Tensor<1>)>,
}

impl Shape {
    fn new(image: [usize; 3], channels: &[usize], hidden: usize, components: usize) -> Self {
        let mut stages = vec![image];
        for &channels in channels {
            let [_, height, width] = stages[stages.len() - 1];
            stages.push([channels, height.div_ceil(2), width.div_ceil(2)]);
        }
        Self { stages, hidden, components }
    }

    /// Numbers that the last convolution leaves.
    fn flat(&self) -> usize {
        self.stages[self.stages.len() - 1].iter().product()
    }

    /// Inputs and outputs of the dense layers: to the code and back.
    fn dense(&self) -> [(usize, usize); 4] {
        let (flat, hidden, components) = (self.flat(), self.hidden, self.components);
        [(flat, hidden), (hidden, components), (components, hidden), (hidden, flat)]
    }

    /// Normal weights of variance 2/inputs before rectified layers and 1/inputs before the others, biases of zero.
    fn network(&self, random: &mut ChaCha8Rng) -> Network {
        let mut values = Vec::new();
        let mut layer = |count: usize, inputs: usize, outputs: usize, gain: f32| {
            let scale = (gain / inputs as f32).sqrt();
            let draw = || -> f32 { StandardNormal.sample(&mut *random) };
            values.push(std::iter::repeat_with(draw).take(count).map(|z| z * scale).collect());
            values.push(vec![0.0; outputs]);
        };
        for pair in self.stages.windows(2) {
            layer(pair[1][0] * pair[0][0] * 9, pair[0][0] * 9, pair[1][0], 2.0);
        }
        for (number, (inputs, outputs)) in self.dense().into_iter().enumerate() {
            layer(inputs * outputs, inputs, outputs, if number == 1 { 1.0 } else { 2.0 });
        }
        for (number, pair) in self.stages.windows(2).enumerate().rev() {
            // Of nine weights an output sees those of a quarter of the inputs' places.
            let inputs = (pair[1][0] * 9).div_ceil(4);
            layer(pair[1][0] * pair[0][0] * 9, inputs, pair[0][0], if number == 0 { 1.0 } else { 2.0 });
        }
        Network { values }
    }

    fn tensors(&self, network: &Network, device: &Device) -> Tensors {
        let mut values = network.values.iter();
        let mut next = || values.next().cloned().unwrap_or_default();
        let convolutions = self
            .stages
            .windows(2)
            .map(|pair| (tensor(next(), [pair[1][0], pair[0][0], 3, 3], device), tensor(next(), [pair[1][0]], device)))
            .collect();
        let dense = self
            .dense()
            .into_iter()
            .map(|(inputs, outputs)| (tensor(next(), [inputs, outputs], device), tensor(next(), [outputs], device)))
            .collect();
        let transposed = self
            .stages
            .windows(2)
            .rev()
            .map(|pair| (tensor(next(), [pair[1][0], pair[0][0], 3, 3], device), tensor(next(), [pair[0][0]], device)))
            .collect();
        Tensors { convolutions, dense, transposed }
    }

    fn encode(&self, tensors: &Tensors, input: Tensor<2>) -> Tensor<2> {
        let rows = input.dims()[0];
        let [channels, height, width] = self.stages[0];
        let mut image = input.reshape([rows, channels, height, width]);
        for (weight, bias) in &tensors.convolutions {
            let options = ConvOptions::new([2, 2], [1, 1], [1, 1], 1);
            image = activation::relu(conv2d(image, weight.clone(), Some(bias.clone()), options));
        }
        let hidden = activation::relu(through(&tensors.dense[0], image.reshape([rows, self.flat()])));
        through(&tensors.dense[1], hidden)
    }

    fn decode(&self, tensors: &Tensors, codes: Tensor<2>) -> Tensor<2> {
        let rows = codes.dims()[0];
        let hidden = activation::relu(through(&tensors.dense[2], codes));
        let flat = activation::relu(through(&tensors.dense[3], hidden));
        let last = self.stages.len() - 1;
        let [channels, height, width] = self.stages[last];
        let mut image = flat.reshape([rows, channels, height, width]);
        for (number, (weight, bias)) in tensors.transposed.iter().enumerate() {
            let [_, height, width] = self.stages[last - 1 - number];
            // Even sides lose a pixel on the way down, which is put back here.
            let lost = [usize::from(height % 2 == 0), usize::from(width % 2 == 0)];
            let options = ConvTransposeOptions::new([2, 2], [1, 1], lost, [1, 1], 1);
            image = conv_transpose2d(image, weight.clone(), Some(bias.clone()), options);
            if number + 1 < tensors.transposed.len() {
                image = activation::relu(image);
            }
        }
        image.reshape([rows, self.stages[0].iter().product::<usize>()])
    }

    fn add_gradient(&self, network: &Network, input: &Array2<f32>, into: &mut Network) {
        let device = Device::flex().autodiff();
        let tensors = self.tensors(network, &device).tracked();
        let input = tensor(input.iter().copied().collect(), [input.nrows(), input.ncols()], &device);
        let rebuilt = self.decode(&tensors, self.encode(&tensors, input.clone()));
        let mut gradients = (rebuilt - input).square().mean().backward();
        let mut sums = into.values.iter_mut();
        let mut add = |found: Option<Vec<f32>>| {
            if let (Some(sum), Some(found)) = (sums.next(), found) {
                sum.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
            }
        };
        for (weight, bias) in &tensors.convolutions {
            add(weight.grad_remove(&mut gradients).map(numbers));
            add(bias.grad_remove(&mut gradients).map(numbers));
        }
        for (weight, bias) in &tensors.dense {
            add(weight.grad_remove(&mut gradients).map(numbers));
            add(bias.grad_remove(&mut gradients).map(numbers));
        }
        for (weight, bias) in &tensors.transposed {
            add(weight.grad_remove(&mut gradients).map(numbers));
            add(bias.grad_remove(&mut gradients).map(numbers));
        }
    }

    fn pass(&self, network: &Network, x: &Array2<f32>) -> Pass {
        let device = Device::flex();
        let tensors = self.tensors(network, &device);
        let (mut codes, mut rebuilt) = (Vec::new(), Vec::new());
        for rows in x.axis_chunks_iter(ndarray::Axis(0), AT_ONCE) {
            let input = tensor(rows.iter().copied().collect(), [rows.nrows(), rows.ncols()], &device);
            let code = self.encode(&tensors, input);
            codes.extend(numbers(code.clone()));
            rebuilt.extend(numbers(self.decode(&tensors, code)));
        }
        let matrix = |values: Vec<f32>, columns: usize| {
            // The shape is that of the network's output.
            Array2::from_shape_vec((x.nrows(), columns), values).unwrap_or_else(|_| Array2::zeros((x.nrows(), columns)))
        };
        Pass { codes: matrix(codes, self.components), rebuilt: matrix(rebuilt, x.ncols()) }
    }
}

impl Tensors {
    /// The same, with derivatives.
    fn tracked(self) -> Self {
        let four = |layers: Vec<(Tensor<4>, Tensor<1>)>| {
            layers.into_iter().map(|(weight, bias)| (weight.require_grad(), bias.require_grad())).collect()
        };
        Self {
            convolutions: four(self.convolutions),
            dense: self.dense.into_iter().map(|(w, b)| (w.require_grad(), b.require_grad())).collect(),
            transposed: four(self.transposed),
        }
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn through((weight, bias): &(Tensor<2>, Tensor<1>), input: Tensor<2>) -> Tensor<2> {
    input.matmul(weight.clone()) + bias.clone().unsqueeze()
}

/// The values of a tensor, which are 32-bit as all that is made here.
fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pca;
    use crate::random::generator;

    /// A bright spot somewhere in an image of this size.
    fn spots(n: usize, [channels, height, width]: [usize; 3]) -> Array2<f64> {
        Array2::from_shape_fn((n, channels * height * width), |(i, pixel)| {
            let (y, x) = ((pixel / width % height) as f64, (pixel % width) as f64);
            let (cy, cx) = ((i as f64 * 0.618_034).fract(), (i as f64 * 0.754_878).fract());
            let (dy, dx) = (y - cy * (height - 1) as f64, x - cx * (width - 1) as f64);
            (-(dx * dx + dy * dy) / 4.0).exp()
        })
    }

    #[test]
    fn two_numbers_rebuild_a_spot_better_than_two_principal_components() {
        let x = spots(600, [1, 8, 8]);
        let encoder = ConvolutionalAutoencoder {
            channels: vec![4, 8],
            hidden: 32,
            fitting: Fitting::new(1500),
            ..ConvolutionalAutoencoder::new(2)
        };
        let found = encoder.compress(x.view()).unwrap();
        let linear = Pca::new(2).compress(x.view()).unwrap();
        assert_eq!(found.codes.dim(), (600, 2));
        let (ours, theirs) = (found.reconstruction_error, linear.reconstruction_error);
        assert!(ours < 0.1 && theirs > 0.3, "{ours} {theirs}");
    }

    #[test]
    fn derivatives_agree_with_finite_differences_on_odd_sides_and_channels() {
        let shape = Shape::new([2, 5, 6], &[3, 4], 7, 2);
        let x = spots(9, [2, 5, 6]).mapv(|v| v as f32);
        let mut network = shape.network(&mut generator(2, 0));
        let mut gradient = network.zeros();
        shape.add_gradient(&network, &x, &mut gradient);
        let loss = |network: &Network| {
            let rebuilt = shape.pass(network, &x).rebuilt;
            rebuilt.iter().zip(&x).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / x.len() as f64
        };
        assert_eq!(gradient.values.len(), 16);
        const H: f32 = 1e-2;
        for layer in 0..gradient.values.len() {
            for k in (0..gradient.values[layer].len()).step_by(5) {
                let at = network.values[layer][k];
                network.values[layer][k] = at + H;
                let up = loss(&network);
                network.values[layer][k] = at - H;
                let down = loss(&network);
                network.values[layer][k] = at;
                let (found, told) = ((up - down) / (2.0 * f64::from(H)), f64::from(gradient.values[layer][k]));
                assert!((found - told).abs() < 2e-3 + 0.05 * found.abs(), "layer {layer} {k}: {told} for {found}");
            }
        }
    }

    #[test]
    fn an_image_that_is_none_is_refused() {
        let x = spots(30, [1, 3, 5]);
        let refused = |image| {
            let encoder = ConvolutionalAutoencoder { image, ..ConvolutionalAutoencoder::new(1) };
            encoder.compress(x.view()).unwrap_err().to_string()
        };
        assert!(refused(None).contains("15 features"), "{}", refused(None));
        assert!(refused(Some([3, 2, 2])).contains("3x2x2"), "{}", refused(Some([3, 2, 2])));
    }
}
