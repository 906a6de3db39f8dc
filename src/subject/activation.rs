//! Activation functions of dense networks.

use serde::{Deserialize, Serialize};
use statrs::function::erf::erf;

/// The function that a hidden layer applies to each unit. Constants are PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// tanh x
    Tanh,
    /// max(x, 0)
    Relu,
    /// x above zero, 0.01 x below
    LeakyRelu,
    /// x above zero, eˣ − 1 below
    Elu,
    /// x Φ(x) with the exact normal distribution function
    Gelu,
    /// log(1 + eˣ)
    Softplus,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x / (1 + |x|)
    Softsign,
    /// x
    #[serde(alias = "linear")]
    Identity,
}

/// Slope of the leaky ReLU below zero.
pub(super) const LEAKY_SLOPE: f32 = 0.01;

impl Activation {
    /// All of them, in the order in which help lists them.
    pub const ALL: [Activation; 9] = [
        Activation::Tanh,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Gelu,
        Activation::Softplus,
        Activation::Sigmoid,
        Activation::Softsign,
        Activation::Identity,
    ];

    /// The function's value at `x`.
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Activation::Tanh => x.tanh(),
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu => {
                if x >= 0.0 {
                    x
                } else {
                    LEAKY_SLOPE * x
                }
            }
            Activation::Elu => {
                if x > 0.0 {
                    x
                } else {
                    x.exp_m1()
                }
            }
            Activation::Gelu => {
                let x = f64::from(x);
                (0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))) as f32
            }
            // log(1 + eˣ) without overflow for large x.
            Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Activation::Sigmoid => sigmoid(x),
            Activation::Softsign => x / (1.0 + x.abs()),
            Activation::Identity => x,
        }
    }

    /// The value at which the function saturates from below and that units reach exactly or nearly so.
    pub fn lower_saturation(self) -> Option<f32> {
        match self {
            Activation::Relu | Activation::Softplus | Activation::Sigmoid => Some(0.0),
            Activation::Tanh | Activation::Elu | Activation::Softsign => Some(-1.0),
            Activation::LeakyRelu | Activation::Gelu | Activation::Identity => None,
        }
    }
}

/// What the last layer applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Class probabilities that sum to one; trained by cross entropy.
    #[default]
    Softmax,
    /// A probability for each unit by itself; trained by binary cross entropy.
    Sigmoid,
    /// The logits as they are; trained by cross entropy.
    #[serde(alias = "linear", alias = "logits", alias = "none")]
    Identity,
}

impl Output {
    /// Applies the function to one sample's logits, in place.
    pub fn apply(self, logits: &mut [f32]) {
        match self {
            Output::Softmax => {
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let mut total = 0.0;
                for v in logits.iter_mut() {
                    *v = (*v - largest).exp();
                    total += *v;
                }
                for v in logits {
                    *v /= total;
                }
            }
            Output::Sigmoid => logits.iter_mut().for_each(|v| *v = sigmoid(*v)),
            Output::Identity => {}
        }
    }

    /// The lower end of the function's values, where it has one.
    pub fn lower_saturation(self) -> Option<f32> {
        match self {
            Output::Softmax | Output::Sigmoid => Some(0.0),
            Output::Identity => None,
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of torch.nn.functional at −2, −0.5, 0, 0.5 and 2.
    #[test]
    fn agrees_with_pytorch() {
        let at = [-2.0f32, -0.5, 0.0, 0.5, 2.0];
        let table: [(Activation, [f32; 5]); 9] = [
            (Activation::Tanh, [-0.964_027_6, -0.462_117_16, 0.0, 0.462_117_16, 0.964_027_6]),
            (Activation::Relu, [0.0, 0.0, 0.0, 0.5, 2.0]),
            (Activation::LeakyRelu, [-0.02, -0.005, 0.0, 0.5, 2.0]),
            (Activation::Elu, [-0.864_664_7, -0.393_469_34, 0.0, 0.5, 2.0]),
            (Activation::Gelu, [-0.045_500_264, -0.154_268_77, 0.0, 0.345_731_23, 1.954_499_7]),
            (Activation::Softplus, [0.126_928_01, 0.474_077, std::f32::consts::LN_2, 0.974_077, 2.126_928]),
            (Activation::Sigmoid, [0.119_202_92, 0.377_540_68, 0.5, 0.622_459_35, 0.880_797_1]),
            (Activation::Softsign, [-0.666_666_7, -0.333_333_34, 0.0, 0.333_333_34, 0.666_666_7]),
            (Activation::Identity, at),
        ];
        for (activation, expected) in table {
            for (x, y) in at.into_iter().zip(expected) {
                assert!((activation.apply(x) - y).abs() < 2e-7, "{activation:?}({x}) = {}", activation.apply(x));
            }
        }
    }

    #[test]
    fn extremes_stay_finite() {
        for activation in Activation::ALL {
            assert!(activation.apply(-1e4).is_finite() && activation.apply(1e4).is_finite(), "{activation:?}");
        }
        let mut logits = [1e4f32, -1e4, 0.0];
        Output::Softmax.apply(&mut logits);
        assert_eq!(logits, [1.0, 0.0, 0.0]);
    }
}
