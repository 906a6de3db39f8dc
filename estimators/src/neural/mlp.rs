//! A small dense network with its backward pass written out.
//!
//! The networks of the neural estimators have some thousand weights. A step of such a network is a few small matrix
//! products, which a general automatic differentiation spends most of its time arranging; here they are called
//! directly. Single precision, one thread, and so the same numbers on any number of threads.

use super::weights::Weights;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// `output = input · weights + bias`.
#[derive(Debug, Clone, PartialEq)]
struct Dense {
    /// [inputs × outputs].
    weights: Array2<f32>,
    bias: Array1<f32>,
}

/// What follows every layer but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// max(0, v).
    Relu,
    /// tanh v.
    Tanh,
}

impl Activation {
    pub(crate) fn apply(self, values: &mut Array2<f32>) {
        match self {
            Activation::Relu => values.mapv_inplace(|v| v.max(0.0)),
            Activation::Tanh => values.mapv_inplace(f32::tanh),
        }
    }

    /// Multiplies `slope` by the derivative, which both functions have as a function of their `output`.
    pub(crate) fn pull_back(self, slope: &mut Array2<f32>, output: &Array2<f32>) {
        match self {
            Activation::Relu => slope.zip_mut_with(output, |s, &o| *s = if o > 0.0 { *s } else { 0.0 }),
            Activation::Tanh => slope.zip_mut_with(output, |s, &o| *s *= 1.0 - o * o),
        }
    }
}

/// Dense layers with an activation between them, none after the last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mlp {
    layers: Vec<Dense>,
    activation: Activation,
}

/// The values of a forward pass that its backward pass needs: the input of each layer, and the output.
pub(crate) struct Trace {
    values: Vec<Array2<f32>>,
}

impl Trace {
    pub(crate) fn input(&self) -> &Array2<f32> {
        &self.values[0]
    }

    pub(crate) fn output(&self) -> &Array2<f32> {
        &self.values[self.values.len() - 1]
    }
}

impl Mlp {
    /// Layers from `widths[0]` inputs to the last of `widths` outputs; normal weights of variance 2/inputs (He et al.
    /// 2015) for rectified layers and 1/inputs for the others, biases of zero.
    pub(crate) fn new(widths: &[usize], activation: Activation, random: &mut ChaCha8Rng) -> Self {
        let last = widths.len() - 2;
        let layers = widths.windows(2).enumerate().map(|(i, w)| {
            let gain: f32 = if activation == Activation::Relu && i < last { 2.0 } else { 1.0 };
            let scale = (gain / w[0] as f32).sqrt();
            let normal = StandardNormal;
            let weights = Array2::from_shape_simple_fn((w[0], w[1]), || {
                let z: f32 = normal.sample(random);
                z * scale
            });
            Dense { weights, bias: Array1::zeros(w[1]) }
        });
        Self { layers: layers.collect(), activation }
    }

    /// The last layer's weights times `factor`.
    pub(crate) fn damped(mut self, factor: f32) -> Self {
        if let Some(last) = self.layers.last_mut() {
            last.weights *= factor;
        }
        self
    }

    /// The outputs of `input`, [rows × inputs].
    pub(crate) fn forward(&self, input: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut value = self.through(0, input);
        for i in 1..self.layers.len() {
            value = self.through(i, value.view());
        }
        value
    }

    /// [`Mlp::forward`] that keeps what [`Mlp::backward`] needs.
    pub(crate) fn trace(&self, input: Array2<f32>) -> Trace {
        let mut values = vec![input];
        for i in 0..self.layers.len() {
            values.push(self.through(i, values[i].view()));
        }
        Trace { values }
    }

    fn through(&self, layer: usize, input: ArrayView2<'_, f32>) -> Array2<f32> {
        let dense = &self.layers[layer];
        let mut out = input.dot(&dense.weights);
        out += &dense.bias;
        if layer + 1 < self.layers.len() {
            self.activation.apply(&mut out);
        }
        out
    }

    /// Adds the derivatives by the weights to `gradient`, given those by the output; returns those by the input.
    pub(crate) fn backward(&self, trace: &Trace, slope: Array2<f32>, gradient: &mut Mlp) -> Array2<f32> {
        let slope = self.backward_to_first(trace, slope, gradient);
        slope.dot(&self.layers[0].weights.t())
    }

    /// [`Mlp::backward`] for a network whose input is data: the derivatives by the input are not worked out.
    pub(crate) fn backward_to_first(&self, trace: &Trace, mut slope: Array2<f32>, gradient: &mut Mlp) -> Array2<f32> {
        for i in (0..self.layers.len()).rev() {
            let into = &mut gradient.layers[i];
            general_mat_mul(1.0, &trace.values[i].t(), &slope, 1.0, &mut into.weights);
            into.bias += &slope.sum_axis(Axis(0));
            if i > 0 {
                slope = slope.dot(&self.layers[i].weights.t());
                self.activation.pull_back(&mut slope, &trace.values[i]);
            }
        }
        slope
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
    use crate::random::generator;

    /// Half the sum of squares of the output less a target, in double precision.
    fn loss(net: &Mlp, x: &Array2<f32>) -> f64 {
        net.forward(x.view()).iter().map(|&v| (f64::from(v) - 0.3).powi(2) / 2.0).sum()
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        for activation in [Activation::Tanh, Activation::Relu] {
            let mut net = Mlp::new(&[3, 7, 5, 2], activation, &mut generator(3, 0));
            let x = Array2::from_shape_fn((11, 3), |(i, j)| ((i * 3 + j) as f32 * 1.7).sin());
            let trace = net.trace(x.clone());
            let mut gradient = net.zeros();
            let by_input = net.backward(&trace, trace.output() - 0.3, &mut gradient);
            let analytic: Vec<Vec<f32>> = gradient.slices().iter().map(|s| s.to_vec()).collect();
            const H: f32 = 2e-3;
            for (s, slice) in analytic.iter().enumerate() {
                for (k, &expected) in slice.iter().enumerate() {
                    let at = net.slices()[s][k];
                    net.slices_mut()[s][k] = at + H;
                    let up = loss(&net, &x);
                    net.slices_mut()[s][k] = at - H;
                    let down = loss(&net, &x);
                    net.slices_mut()[s][k] = at;
                    let found = (up - down) / (2.0 * f64::from(H));
                    assert!((found - f64::from(expected)).abs() < 1e-2 + 1e-2 * found.abs(), "{found} for {expected}");
                }
            }
            for i in 0..11 {
                let mut moved = x.clone();
                moved[[i, 1]] += H;
                let up = loss(&net, &moved);
                moved[[i, 1]] -= 2.0 * H;
                let found = (up - loss(&net, &moved)) / (2.0 * f64::from(H));
                assert!((found - f64::from(by_input[[i, 1]])).abs() < 1e-2, "{found} for {}", by_input[[i, 1]]);
            }
        }
    }
}
