//! A dense network with its backward pass written out.

use super::weights::Weights;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// `output = input · weights + bias`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense {
    /// [inputs × outputs].
    pub(crate) weights: Array2<f32>,
    pub(crate) bias: Array1<f32>,
}

/// What a network is made of, beside its weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// Inputs, units of the hidden layers, outputs.
    pub(crate) widths: Vec<usize>,
    /// Slope of the activation below zero: 0 is ReLU.
    pub(crate) leak: f32,
    /// Whether the activation follows the last layer as well.
    pub(crate) closing: bool,
    /// Share of the hidden units that is dropped in a training step; the others are scaled up.
    pub(crate) dropout: f32,
}

impl Shape {
    /// ReLU between `inputs`, `hidden` and `outputs`.
    pub(crate) fn relu(inputs: usize, hidden: &[usize], outputs: usize, dropout: f64) -> Self {
        let widths = [&[inputs], hidden, &[outputs]].concat();
        Self { widths, leak: 0.0, closing: false, dropout: dropout as f32 }
    }
}

/// Dense layers with an activation between them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mlp {
    pub(crate) layers: Vec<Dense>,
    leak: f32,
    closing: bool,
    dropout: f32,
}

/// The values of a forward pass that its backward pass needs: the input of each layer, and the output.
pub(crate) struct Trace {
    values: Vec<Array2<f32>>,
    /// Of the layer of that number: 0, or 1 / (1 − dropout).
    masks: Vec<Option<Array2<f32>>>,
}

impl Trace {
    pub(crate) fn output(&self) -> &Array2<f32> {
        &self.values[self.values.len() - 1]
    }
}

impl Mlp {
    /// Weights and biases uniform within ±1/√inputs: PyTorch's default, which the released codes of the bottlenecks
    /// use.
    pub(crate) fn new(shape: &Shape, random: &mut ChaCha8Rng) -> Self {
        let layers = shape.widths.windows(2).map(|w| {
            let limit = 1.0 / (w[0] as f32).sqrt();
            let mut draw = || random.random_range(-limit..limit);
            Dense {
                weights: Array2::from_shape_simple_fn((w[0], w[1]), &mut draw),
                bias: Array1::from_shape_simple_fn(w[1], &mut draw),
            }
        });
        Self { layers: layers.collect(), leak: shape.leak, closing: shape.closing, dropout: shape.dropout }
    }

    /// Slope of the activation below zero.
    pub(crate) fn leak(&self) -> f32 {
        self.leak
    }

    /// Whether the activation follows the last layer as well.
    pub(crate) fn closing(&self) -> bool {
        self.closing
    }

    /// The outputs of `input` [rows × inputs], without dropout.
    pub(crate) fn forward(&self, input: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut value = self.through(0, input);
        for layer in 1..self.layers.len() {
            value = self.through(layer, value.view());
        }
        value
    }

    /// [`Mlp::forward`] with dropout, that keeps what [`Mlp::backward`] needs.
    pub(crate) fn trace(&self, input: Array2<f32>, random: &mut ChaCha8Rng) -> Trace {
        let mut trace = Trace { values: vec![input], masks: vec![] };
        for layer in 0..self.layers.len() {
            let mut value = self.through(layer, trace.values[layer].view());
            let mask = (self.dropout > 0.0 && layer + 1 < self.layers.len()).then(|| {
                let kept = 1.0 / (1.0 - self.dropout);
                let mask = Array2::from_shape_simple_fn(value.dim(), || {
                    if random.random_range(0.0..1.0f32) < self.dropout { 0.0 } else { kept }
                });
                value *= &mask;
                mask
            });
            trace.values.push(value);
            trace.masks.push(mask);
        }
        trace
    }

    fn activated(&self, layer: usize) -> bool {
        self.closing || layer + 1 < self.layers.len()
    }

    fn through(&self, layer: usize, input: ArrayView2<'_, f32>) -> Array2<f32> {
        let dense = &self.layers[layer];
        let mut out = input.dot(&dense.weights);
        out += &dense.bias;
        if self.activated(layer) {
            let leak = self.leak;
            // Written so that a NaN stays one.
            out.mapv_inplace(|v| if v < 0.0 { leak * v } else { v });
        }
        out
    }

    /// Adds the derivatives by the weights to `gradient`, given those by the output; returns those by what the first
    /// layer's product yields. For a network whose input is data, nothing more is needed; see [`Mlp::by_input`].
    pub(crate) fn backward(&self, trace: &Trace, mut slope: Array2<f32>, gradient: &mut Mlp) -> Array2<f32> {
        for layer in (0..self.layers.len()).rev() {
            if let Some(mask) = &trace.masks[layer] {
                slope *= mask;
            }
            if self.activated(layer) {
                // The sign of the output is that of the argument (where dropped, the slope is zero already).
                let leak = self.leak;
                slope.zip_mut_with(&trace.values[layer + 1], |s, &o| *s *= if o > 0.0 { 1.0 } else { leak });
            }
            let into = &mut gradient.layers[layer];
            general_mat_mul(1.0, &trace.values[layer].t(), &slope, 1.0, &mut into.weights);
            into.bias += &slope.sum_axis(Axis(0));
            if layer > 0 {
                slope = slope.dot(&self.layers[layer].weights.t());
            }
        }
        slope
    }

    /// The derivatives by the input, from what [`Mlp::backward`] returned.
    pub(crate) fn by_input(&self, slope: &Array2<f32>) -> Array2<f32> {
        slope.dot(&self.layers[0].weights.t())
    }
}

impl Weights for Mlp {
    fn slices(&self) -> Vec<&[f32]> {
        self.layers.iter().flat_map(|l| [l.weights.as_slice(), l.bias.as_slice()]).flatten().collect()
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        self.layers.iter_mut().flat_map(|l| [l.weights.as_slice_mut(), l.bias.as_slice_mut()]).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::oracle::{assert_near, matrix, network};
    use crate::train::{Purpose, stream};
    use burn::tensor::Device;

    /// Half the sum of squares of the output less 0.3, by burn: its gradients by weights and biases, and by the input.
    fn by_burn(net: &Mlp, x: &Array2<f32>) -> (Vec<Vec<f32>>, Vec<f32>) {
        let device = Device::flex().autodiff();
        let held = network(net, &device);
        let input = matrix(x, &device).require_grad();
        let loss = ((held.forward(input.clone()) - 0.3).powi_scalar(2) * 0.5).sum();
        let gradients = loss.backward();
        let by_input = input.grad(&gradients).unwrap().to_data().try_to_vec::<f32>().unwrap();
        (held.gradients(&gradients), by_input)
    }

    #[test]
    fn derivatives_are_those_of_burn() {
        for (leak, closing, widths) in
            [(0.0, false, vec![3, 7, 5, 2]), (0.01, true, vec![3, 7, 2]), (0.0, false, vec![3, 2])]
        {
            let shape = Shape { widths, leak, closing, dropout: 0.0 };
            let net = Mlp::new(&shape, &mut stream(3, Purpose::Weights, 0, 0));
            let x = Array2::from_shape_fn((11, 3), |(i, j)| ((i * 3 + j) as f32 * 1.7).sin());
            let trace = net.trace(x.clone(), &mut stream(0, Purpose::Noise, 0, 0));
            assert_eq!(trace.output(), net.forward(x.view()));
            let mut gradient = net.clone();
            gradient.clear();
            let slope = net.backward(&trace, trace.output() - 0.3, &mut gradient);
            let (expected, by_input) = by_burn(&net, &x);
            for (found, expected) in gradient.slices().iter().zip(&expected) {
                assert_near(found, expected, 1e-5);
            }
            assert_near(net.by_input(&slope).as_slice().unwrap(), &by_input, 1e-5);
        }
    }

    #[test]
    fn dropout_drops_its_share_keeps_the_mean_and_stops_the_gradient() {
        let shape = Shape { dropout: 0.3, ..Shape::relu(1, &[2000], 1, 0.0) };
        let mut net = Mlp::new(&shape, &mut stream(3, Purpose::Weights, 0, 0));
        net.layers[0].weights.fill(1.0);
        net.layers[0].bias.fill(0.0);
        let trace = net.trace(Array2::ones((1, 1)), &mut stream(0, Purpose::Noise, 0, 0));
        let dropped = trace.values[1].iter().filter(|&&v| v == 0.0).count();
        assert!((550..650).contains(&dropped), "{dropped}");
        assert!((trace.values[1].mean().unwrap() - 1.0).abs() < 0.05);
        let mut gradient = net.clone();
        gradient.clear();
        net.backward(&trace, Array2::ones((1, 1)), &mut gradient);
        for (unit, &value) in trace.values[1].iter().enumerate() {
            assert_eq!(gradient.layers[0].weights[[0, unit]] == 0.0, value == 0.0);
        }
    }

    #[test]
    fn a_nan_stays_one() {
        let net = Mlp::new(&Shape::relu(2, &[4], 1, 0.0), &mut stream(3, Purpose::Weights, 0, 0));
        assert!(net.forward(ndarray::array![[f32::NAN, 0.0]].view())[[0, 0]].is_nan());
    }
}
