//! Functions of one value, or of all values of a sample, that have no weights.

use super::graph::{Graph, float, int, ints};

/// A function without weights. Constants are PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x above zero, 0.01 x below
    LeakyRelu,
    /// x above zero, eˣ − 1 below
    Elu,
    /// The self-normalising ELU
    Selu,
    /// x Φ(x) with the exact normal distribution function
    Gelu,
    /// The approximation of x Φ(x) by tanh
    GeluTanh,
    /// x / (1 + e⁻ˣ), also called swish
    Silu,
    /// x tanh(log(1 + eˣ))
    Mish,
    /// tanh x
    Tanh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// min(max(x / 6 + 1/2, 0), 1)
    HardSigmoid,
    /// x times the hard sigmoid
    HardSwish,
    /// log(1 + eˣ)
    Softplus,
    /// x / (1 + |x|)
    Softsign,
    /// Softmax over the channels of an image, over the last axis of anything else
    Softmax,
    /// Logarithm of the softmax, over the same axis
    LogSoftmax,
}

impl Function {
    /// All of them, with the names by which descriptions call them.
    pub const ALL: [(&'static str, Function); 18] = [
        ("identity", Function::Identity),
        ("relu", Function::Relu),
        ("relu6", Function::Relu6),
        ("leaky-relu", Function::LeakyRelu),
        ("elu", Function::Elu),
        ("selu", Function::Selu),
        ("gelu", Function::Gelu),
        ("gelu-tanh", Function::GeluTanh),
        ("silu", Function::Silu),
        ("mish", Function::Mish),
        ("tanh", Function::Tanh),
        ("sigmoid", Function::Sigmoid),
        ("hard-sigmoid", Function::HardSigmoid),
        ("hard-swish", Function::HardSwish),
        ("softplus", Function::Softplus),
        ("softsign", Function::Softsign),
        ("softmax", Function::Softmax),
        ("log-softmax", Function::LogSoftmax),
    ];

    /// The function of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(n, _)| *n == name).map(|(_, function)| function)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, f)| *f == self).map_or("identity", |(name, _)| name)
    }

    /// The value at which the function saturates from below and that units reach exactly or nearly so.
    pub fn lower_saturation(self) -> Option<f32> {
        match self {
            Self::Relu | Self::Relu6 | Self::Sigmoid | Self::HardSigmoid | Self::Softplus | Self::Softmax => Some(0.0),
            Self::Tanh | Self::Elu | Self::Softsign => Some(-1.0),
            _ => None,
        }
    }

    /// Applies the function to the tensor `x` of `rank` axes, the batch's included; the result is called `out`.
    pub(super) fn apply(self, g: &mut Graph, x: &str, rank: usize, out: &str) {
        // Of an image [batch, channels, height, width] the channels, else the last axis.
        let axis = if rank >= 4 { 1 } else { -1 };
        let part = |n: &str| format!("{out}/{n}");
        match self {
            Self::Identity => g.node("Identity", &[x], vec![], out),
            Self::Relu => g.node("Relu", &[x], vec![], out),
            Self::Relu6 => {
                let (low, high) = (g.scalar(0.0), g.scalar(6.0));
                g.node("Clip", &[x, &low, &high], vec![], out);
            }
            Self::LeakyRelu => g.node("LeakyRelu", &[x], vec![float("alpha", 0.01)], out),
            Self::Elu => g.node("Elu", &[x], vec![float("alpha", 1.0)], out),
            Self::Selu => {
                // Klambauer et al. 2017, eq. 2, to more digits than a 32-bit float has.
                let constants = vec![float("alpha", 1.673_263_2), float("gamma", 1.050_701)];
                g.node("Selu", &[x], constants, out);
            }
            Self::Gelu => {
                let (scale, one, half) = (g.scalar(std::f32::consts::FRAC_1_SQRT_2), g.scalar(1.0), g.scalar(0.5));
                g.node("Mul", &[x, &scale], vec![], &part("scaled"));
                g.node("Erf", &[&part("scaled")], vec![], &part("erf"));
                g.node("Add", &[&part("erf"), &one], vec![], &part("sum"));
                g.node("Mul", &[x, &part("sum")], vec![], &part("product"));
                g.node("Mul", &[&part("product"), &half], vec![], out);
            }
            Self::GeluTanh => {
                // (1 + tanh u) / 2 = 1 / (1 + e^−2u).
                let (cubic, one) = (g.scalar(0.044_715), g.scalar(1.0));
                let scale = g.scalar(-2.0 * (2.0 / std::f32::consts::PI).sqrt());
                g.node("Mul", &[x, x], vec![], &part("square"));
                g.node("Mul", &[&part("square"), &cubic], vec![], &part("cubic"));
                g.node("Add", &[&part("cubic"), &one], vec![], &part("factor"));
                g.node("Mul", &[x, &part("factor")], vec![], &part("inner"));
                g.node("Mul", &[&part("inner"), &scale], vec![], &part("scaled"));
                gated(g, x, &part("scaled"), out);
            }
            Self::Silu => {
                g.node("Neg", &[x], vec![], &part("neg"));
                gated(g, x, &part("neg"), out);
            }
            Self::Mish => {
                softplus(g, x, &part("softplus"));
                g.node("Tanh", &[&part("softplus")], vec![], &part("tanh"));
                g.node("Mul", &[x, &part("tanh")], vec![], out);
            }
            Self::Tanh => g.node("Tanh", &[x], vec![], out),
            Self::Sigmoid => g.node("Sigmoid", &[x], vec![], out),
            Self::HardSigmoid => hard_sigmoid(g, x, out),
            Self::HardSwish => {
                hard_sigmoid(g, x, &part("gate"));
                g.node("Mul", &[x, &part("gate")], vec![], out);
            }
            Self::Softplus => softplus(g, x, out),
            Self::Softsign => g.node("Softsign", &[x], vec![], out),
            Self::Softmax => g.node("Softmax", &[x], vec![int("axis", axis)], out),
            Self::LogSoftmax => log_softmax(g, x, if rank >= 4 { 1 } else { rank as i64 - 1 }, out),
        }
    }
}

fn hard_sigmoid(g: &mut Graph, x: &str, out: &str) {
    g.node("HardSigmoid", &[x], vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)], out);
}

/// x / (1 + eᵘ): the runner's tanh and sigmoid do not quite reach their limits, which shows where x is large.
fn gated(g: &mut Graph, x: &str, u: &str, out: &str) {
    let part = |n: &str| format!("{out}/{n}");
    let one = g.scalar(1.0);
    g.node("Exp", &[u], vec![], &part("exp"));
    g.node("Add", &[&part("exp"), &one], vec![], &part("divisor"));
    g.node("Div", &[x, &part("divisor")], vec![], out);
}

/// max(x, 0) + log(1 + e^−|x|): the runner's own operator overflows from x = 89 on.
fn softplus(g: &mut Graph, x: &str, out: &str) {
    let part = |n: &str| format!("{out}/{n}");
    let one = g.scalar(1.0);
    g.node("Abs", &[x], vec![], &part("abs"));
    g.node("Neg", &[&part("abs")], vec![], &part("neg"));
    g.node("Exp", &[&part("neg")], vec![], &part("exp"));
    g.node("Add", &[&part("exp"), &one], vec![], &part("sum"));
    g.node("Log", &[&part("sum")], vec![], &part("log"));
    g.node("Relu", &[x], vec![], &part("relu"));
    g.node("Add", &[&part("relu"), &part("log")], vec![], out);
}

/// x − m − log Σ e^(x − m), where m is the largest: the runner's own operator takes the logarithm of a softmax, which is
/// −∞ where the softmax is below 1e-38.
fn log_softmax(g: &mut Graph, x: &str, axis: i64, out: &str) {
    let part = |n: &str| format!("{out}/{n}");
    let axes = g.wholes(&[axis]);
    g.node("ReduceMax", &[x], vec![ints("axes", [axis]), int("keepdims", 1)], &part("largest"));
    g.node("Sub", &[x, &part("largest")], vec![], &part("lowered"));
    g.node("Exp", &[&part("lowered")], vec![], &part("exp"));
    g.node("ReduceSum", &[&part("exp"), &axes], vec![int("keepdims", 1)], &part("sum"));
    g.node("Log", &[&part("sum")], vec![], &part("log"));
    g.node("Sub", &[&part("lowered"), &part("log")], vec![], out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::modules::testing::{close, run_graph};

    /// Values of PyTorch 2.15: `torch.nn.functional.f(torch.tensor([[-200., -1.5, 0., 0.7, 7., 200.]]))`.
    #[test]
    fn functions_are_pytorchs() {
        let x = [-200.0f32, -1.5, 0.0, 0.7, 7.0, 200.0];
        let expected = EXPECTED;
        assert_eq!(expected.len(), Function::ALL.len());
        for (name, values) in expected {
            let function = Function::of_name(name).unwrap();
            assert_eq!(function.name(), name);
            let y = run_graph(&[1, 6], &x, |g| function.apply(g, "input", 2, "y"));
            close(name, &y, &values, 1e-6);
        }
    }

    #[rustfmt::skip]
    const EXPECTED: [(&str, [f32; 6]); 18] = [
        ("identity", [-200.0, -1.5, 0.0, 0.7, 7.0, 200.0]),
        ("relu", [0.0, 0.0, 0.0, 0.7, 7.0, 200.0]),
        ("relu6", [0.0, 0.0, 0.0, 0.7, 6.0, 6.0]),
        ("leaky-relu", [-2.0, -0.015, 0.0, 0.7, 7.0, 200.0]),
        ("elu", [-1.0, -0.77686983, 0.0, 0.7, 7.0, 200.0]),
        ("selu", [-1.7580993, -1.3658143, 0.0, 0.7354907, 7.354907, 210.1402]),
        ("gelu", [0.0, -0.10021086, 0.0, 0.53062546, 7.0, 200.0]),
        ("gelu-tanh", [0.0, -0.10042843, 0.0, 0.53057015, 7.0, 200.0]),
        ("silu", [0.0, -0.27363828, 0.0, 0.46773142, 6.993623, 200.0]),
        ("mish", [0.0, -0.29809976, 0.0, 0.56114835, 6.9999886, 200.0]),
        ("tanh", [-1.0, -0.90514827, 0.0, 0.6043678, 0.99999833, 1.0]),
        ("sigmoid", [0.0, 0.18242553, 0.5, 0.66818774, 0.999089, 1.0]),
        ("hard-sigmoid", [0.0, 0.25, 0.5, 0.6166667, 1.0, 1.0]),
        ("hard-swish", [0.0, -0.375, 0.0, 0.43166664, 7.0, 200.0]),
        ("softplus", [0.0, 0.20141329, std::f32::consts::LN_2, 1.103186, 7.0009117, 200.0]),
        ("softsign", [-0.99502486, -0.6, 0.0, 0.41176468, 0.875, 0.99502486]),
        ("softmax", [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
        ("log-softmax", [-400.0, -201.5, -200.0, -199.3, -193.0, 0.0]),
    ];

    #[test]
    fn a_softmax_of_images_is_over_the_channels() {
        let x = [0.0f32, 1.0, 0.0, 1.0 + 3f32.ln()];
        let y = run_graph(&[1, 2, 1, 2], &x, |g| Function::Softmax.apply(g, "input", 4, "y"));
        close("softmax", &y, &[0.5, 0.25, 0.5, 0.75], 1e-6);
    }
}
