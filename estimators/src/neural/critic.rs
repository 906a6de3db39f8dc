//! Critics: networks that give every pair (x, y) a score, high where the pair looks drawn together.

use super::mlp::{Activation, Mlp, Trace};
use super::weights::Weights;
use crate::random::generator;
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// How a critic sees a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticKind {
    /// The inner product of an encoding of x and one of y: B² scores cost 2·B passes.
    Separable,
    /// A network of x and y side by side: B² scores cost B² passes.
    Joint,
}

/// Outputs of the encoders of a separable critic.
const EMBEDDING: usize = 32;

/// By which the initial weights of last layers are multiplied: the scores begin near zero, and so does every bound.
/// Without it the exponentials of a fresh critic's scores spoil the first hundreds of steps of the bounds that average
/// them.
const DAMPING: f32 = 0.2;

/// A critic's weights.
#[derive(Debug, Clone)]
pub(super) enum Critic {
    Separable(Mlp, Mlp),
    /// The first layer's part of x, its part of y, and the layers after it. The parts meet only by addition, and so a
    /// batch goes through the first layer once a sample and not once a pair.
    Joint((Mlp, Mlp), Mlp),
}

const ACTIVATION: Activation = Activation::Relu;

/// What the backward pass needs of a forward pass.
pub(super) struct CriticTrace {
    x: Trace,
    y: Trace,
    pairs: Option<Trace>,
}

impl Critic {
    pub(super) fn new(kind: CriticKind, d_x: usize, d_y: usize, hidden: &[usize], seed: u64) -> Self {
        let random = &mut generator(seed, 2);
        match kind {
            CriticKind::Separable => {
                let mut encoder =
                    |d| Mlp::new(&[&[d], hidden, &[EMBEDDING]].concat(), ACTIVATION, random).damped(DAMPING);
                Critic::Separable(encoder(d_x), encoder(d_y))
            }
            CriticKind::Joint => {
                let parts =
                    (Mlp::new(&[d_x, hidden[0]], ACTIVATION, random), Mlp::new(&[d_y, hidden[0]], ACTIVATION, random));
                Critic::Joint(parts, Mlp::new(&[hidden, &[1]].concat(), ACTIVATION, random).damped(DAMPING))
            }
        }
    }

    /// What both variables become before they meet: [samples × width] each.
    pub(super) fn encode(&self, x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) -> (Array2<f32>, Array2<f32>) {
        let (Critic::Separable(of_x, of_y) | Critic::Joint((of_x, of_y), _)) = self;
        (of_x.forward(x), of_y.forward(y))
    }

    /// The scores [rows of x × rows of y] of encoded variables.
    pub(super) fn scores(&self, x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) -> Array2<f32> {
        match self {
            Critic::Separable(..) => x.dot(&y.t()),
            Critic::Joint(_, rest) => square(rest.forward(pairs(x, y).view()), x.nrows(), y.nrows()),
        }
    }

    /// The scores of a batch, every x with every y: [B × B].
    pub(super) fn trace(&self, x: Array2<f32>, y: Array2<f32>) -> (Array2<f32>, CriticTrace) {
        let (Critic::Separable(of_x, of_y) | Critic::Joint((of_x, of_y), _)) = self;
        let (x, y) = (of_x.trace(x), of_y.trace(y));
        match self {
            Critic::Separable(..) => (x.output().dot(&y.output().t()), CriticTrace { x, y, pairs: None }),
            Critic::Joint(_, rest) => {
                let trace = rest.trace(pairs(x.output().view(), y.output().view()));
                let scores = square(trace.output().clone(), x.output().nrows(), y.output().nrows());
                (scores, CriticTrace { x, y, pairs: Some(trace) })
            }
        }
    }

    /// Adds to `gradient` the derivatives by the weights, given those by the scores.
    pub(super) fn backward(&self, trace: &CriticTrace, slope: Array2<f32>, gradient: &mut Critic) {
        match (self, gradient) {
            (Critic::Separable(of_x, of_y), Critic::Separable(into_x, into_y)) => {
                of_x.backward_to_first(&trace.x, slope.dot(trace.y.output()), into_x);
                of_y.backward_to_first(&trace.y, slope.t().dot(trace.x.output()), into_y);
            }
            (Critic::Joint((of_x, of_y), rest), Critic::Joint((into_x, into_y), into_rest)) => {
                let Some(pairs) = &trace.pairs else { return };
                let (rows, columns) = slope.dim();
                let slope: Array2<f32> = square(slope, rows * columns, 1);
                let mut slope = rest.backward(pairs, slope, into_rest);
                ACTIVATION.pull_back(&mut slope, pairs.input());
                let width = slope.ncols();
                let mut by_x = Array2::zeros((rows, width));
                let mut by_y = Array2::<f32>::zeros((columns, width));
                for (block, mut sum) in slope.axis_chunks_iter(Axis(0), columns).zip(by_x.rows_mut()) {
                    by_y += &block;
                    sum += &block.sum_axis(Axis(0));
                }
                of_x.backward_to_first(&trace.x, by_x, into_x);
                of_y.backward_to_first(&trace.y, by_y, into_y);
            }
            _ => unreachable!("a gradient has the shape of its critic"),
        }
    }
}

/// Every row of `x` plus every row of `y`, activated: [rows of x · rows of y × width].
fn pairs(x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut out = Array2::zeros((x.nrows() * y.nrows(), x.ncols()));
    for (mut block, row) in out.axis_chunks_iter_mut(Axis(0), y.nrows()).zip(x.rows()) {
        block.assign(&y);
        block += &row;
    }
    ACTIVATION.apply(&mut out);
    out
}

/// The same numbers in another shape of as many.
fn square(values: Array2<f32>, rows: usize, columns: usize) -> Array2<f32> {
    let flat = values.into_iter().collect();
    Array2::from_shape_vec((rows, columns), flat).unwrap_or_else(|_| Array2::zeros((rows, columns)))
}

impl Weights for Critic {
    fn slices(&self) -> Vec<&[f32]> {
        match self {
            Critic::Separable(x, y) => [x.slices(), y.slices()].concat(),
            Critic::Joint(parts, rest) => [parts.slices(), rest.slices()].concat(),
        }
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let (mut all, rest) = match self {
            Critic::Separable(x, y) => (x.slices_mut(), y.slices_mut()),
            Critic::Joint(parts, rest) => (parts.slices_mut(), rest.slices_mut()),
        };
        all.extend(rest);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> (Array2<f32>, Array2<f32>) {
        let wave = |phase: f32| move |(i, j): (usize, usize)| ((i * 5 + j) as f32 * 0.9 + phase).sin();
        (Array2::from_shape_fn((6, 2), wave(0.0)), Array2::from_shape_fn((6, 3), wave(1.0)))
    }

    /// A sum of the scores in which each has a weight of its own.
    fn mixed(scores: &Array2<f32>) -> f64 {
        scores.iter().enumerate().map(|(k, &s)| f64::from(s) * (k as f64).cos()).sum()
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        let (x, y) = inputs();
        for kind in [CriticKind::Separable, CriticKind::Joint] {
            let mut critic = Critic::new(kind, 2, 3, &[5, 4], 1);
            let (scores, trace) = critic.trace(x.clone(), y.clone());
            let slope = Array2::from_shape_fn((6, 6), |(i, j)| ((i * 6 + j) as f32).cos());
            let mut gradient = critic.zeros();
            critic.backward(&trace, slope, &mut gradient);
            let (code_x, code_y) = critic.encode(x.view(), y.view());
            assert!((&critic.scores(code_x.view(), code_y.view()) - &scores).iter().all(|d| d.abs() < 1e-5));
            let analytic: Vec<Vec<f32>> = gradient.slices().iter().map(|s| s.to_vec()).collect();
            const H: f32 = 1e-3;
            for (s, slice) in analytic.iter().enumerate() {
                for (k, &expected) in slice.iter().enumerate() {
                    let at = critic.slices()[s][k];
                    let mut with = |value: f32| {
                        critic.slices_mut()[s][k] = value;
                        mixed(&critic.trace(x.clone(), y.clone()).0)
                    };
                    let found = (with(at + H) - with(at - H)) / (2.0 * f64::from(H));
                    with(at);
                    assert!(
                        (found - f64::from(expected)).abs() < 0.02 + 0.02 * found.abs(),
                        "{kind:?} {found} for {expected}"
                    );
                }
            }
        }
    }
}
