//! A small network that predicts classes or concepts from features, for metrics that ask what *can* be predicted.
//!
//! `z = W₂ tanh(W₁x + b₁) + W₃x + b₂`: a linear model plus hidden units, so that the linear model is a special case.
//! Features are standardised by the training rows. Full-batch L-BFGS minimises the cross entropy with a small L2
//! penalty; a fifth of the training rows is kept aside, and the weights that predict it best are those that stay: an
//! overconfident predictor would make information out of noise. Everything follows from the seed, and not from the
//! number of threads.

use super::random::generator;
use crate::lbfgs::minimise;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

/// What a predictor is and how long it learns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predictor {
    /// Hidden units; 0 leaves logistic regression.
    pub hidden: usize,
    /// L2 penalty of the weights.
    pub penalty: f64,
    /// Evaluations of the loss without gain on the rows kept aside after which it ends.
    pub patience: usize,
    /// Iterations at most.
    pub iterations: usize,
    /// Seed of the first weights and of the rows kept aside.
    pub seed: u64,
}

impl Default for Predictor {
    fn default() -> Self {
        Self { hidden: 32, penalty: 1e-4, patience: 15, iterations: 200, seed: 0 }
    }
}

/// What is to be predicted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal<'a> {
    /// One of so many classes a row; probabilities by softmax.
    Classes(&'a [u32], usize),
    /// Several concepts a row [rows × concepts], NaN where unknown; probabilities one by one.
    Concepts(ArrayView2<'a, f64>),
}

impl Goal<'_> {
    fn width(&self) -> usize {
        match self {
            Goal::Classes(_, k) => *k,
            Goal::Concepts(c) => c.ncols(),
        }
    }

    fn select(&self, rows: &[usize]) -> Owned {
        match self {
            Goal::Classes(labels, k) => Owned::Classes(rows.iter().map(|&r| labels[r]).collect(), *k),
            Goal::Concepts(c) => Owned::Concepts(c.select(Axis(0), rows)),
        }
    }
}

enum Owned {
    Classes(Vec<u32>, usize),
    Concepts(Array2<f64>),
}

impl Owned {
    fn view(&self) -> Goal<'_> {
        match self {
            Owned::Classes(labels, k) => Goal::Classes(labels, *k),
            Owned::Concepts(c) => Goal::Concepts(c.view()),
        }
    }
}

/// A predictor that has learnt.
pub(crate) struct Learnt {
    shape: Shape,
    parameters: Vec<f64>,
    mean: Array1<f64>,
    spread: Array1<f64>,
    classes: bool,
}

/// Features, hidden units, outputs.
#[derive(Debug, Clone, Copy)]
struct Shape {
    d: usize,
    h: usize,
    m: usize,
}

/// Views of the parameters: W₁ [d × h], b₁ [h], W₂ [h × m], W₃ [d × m], b₂ [m], one after the other.
struct Layers<'a> {
    w1: ArrayView2<'a, f64>,
    b1: ArrayView1<'a, f64>,
    w2: ArrayView2<'a, f64>,
    w3: ArrayView2<'a, f64>,
    b2: ArrayView1<'a, f64>,
}

impl Shape {
    fn len(&self) -> usize {
        self.d * self.h + self.h + self.h * self.m + self.d * self.m + self.m
    }

    fn layers<'a>(&self, p: &'a [f64]) -> Layers<'a> {
        let Shape { d, h, m } = *self;
        let (w1, rest) = p.split_at(d * h);
        let (b1, rest) = rest.split_at(h);
        let (w2, rest) = rest.split_at(h * m);
        let (w3, b2) = rest.split_at(d * m);
        let matrix = |values: &'a [f64], rows, columns| {
            ArrayView2::from_shape((rows, columns), values).unwrap_or_else(|_| unreachable!("split by the shape"))
        };
        Layers { w1: matrix(w1, d, h), b1: b1.into(), w2: matrix(w2, h, m), w3: matrix(w3, d, m), b2: b2.into() }
    }
}

impl Predictor {
    /// Learns from rows of features [rows × features].
    pub(crate) fn learn(&self, x: ArrayView2<'_, f64>, goal: Goal<'_>) -> Learnt {
        let (n, d) = x.dim();
        let shape = Shape { d, h: self.hidden, m: goal.width() };
        let mean = x.sum_axis(Axis(0)) / n.max(1) as f64;
        let spread = x.std_axis(Axis(0), 0.0).mapv(|s| if s > 1e-12 { s } else { 1.0 });
        let x = (&x - &mean) / &spread;
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut generator(self.seed, 1));
        // Of a handful of rows none can be spared.
        let aside = if n >= 20 { n / 5 } else { 0 };
        let (kept, rest) = order.split_at(aside);
        let (x_kept, goal_kept) = (x.select(Axis(0), kept), goal.select(kept));
        let (x_rest, goal_rest) = (x.select(Axis(0), rest), goal.select(rest));
        let start = self.start(shape);
        let mut best = (f64::INFINITY, start.clone());
        let mut without_gain = 0;
        let (parameters, _) = minimise(
            |p| {
                if aside > 0 {
                    let held_out = loss(shape, p, x_kept.view(), goal_kept.view(), 0.0).0;
                    if held_out < best.0 - 1e-6 {
                        best = (held_out, p.to_vec());
                        without_gain = 0;
                    } else {
                        without_gain += 1;
                    }
                    if without_gain > self.patience {
                        // The minimiser ends where the gradient vanishes: this is how it is told to.
                        return (f64::NEG_INFINITY, vec![0.0; p.len()]);
                    }
                }
                loss(shape, p, x_rest.view(), goal_rest.view(), self.penalty)
            },
            start,
            1e-5,
            self.iterations,
        );
        let parameters = if aside > 0 { best.1 } else { parameters };
        Learnt { shape, parameters, mean, spread, classes: matches!(goal, Goal::Classes(..)) }
    }

    /// Hidden weights as normal numbers of variance 1/d, so that no unit starts saturated; the rest at zero, where the
    /// prediction is even.
    fn start(&self, shape: Shape) -> Vec<f64> {
        let rng = &mut generator(self.seed, 0);
        let mut start = vec![0.0; shape.len()];
        let scale = 1.0 / (shape.d.max(1) as f64).sqrt();
        for value in &mut start[..shape.d * shape.h] {
            *value = scale * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, rng);
        }
        // Biases spread the kinks over the data: with one feature all units would bend at its mean otherwise.
        for value in &mut start[shape.d * shape.h..(shape.d + 1) * shape.h] {
            *value = 2.0 * rng.random::<f64>() - 1.0;
        }
        for value in &mut start[(shape.d + 1) * shape.h..(shape.d + 1) * shape.h + shape.h * shape.m] {
            *value = 0.1 * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, rng);
        }
        start
    }
}

impl Learnt {
    /// Probabilities [rows × classes or concepts].
    pub(crate) fn predict(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let x = (&x - &self.mean) / &self.spread;
        let (_, z) = forward(&self.shape.layers(&self.parameters), x.view());
        if self.classes { crate::softmax(z.view()) } else { z.mapv(|z| 1.0 / (1.0 + (-z).exp())) }
    }

    /// Training means of the features.
    pub(crate) fn mean(&self) -> &Array1<f64> {
        &self.mean
    }
}

/// Hidden activations and outputs.
fn forward(layers: &Layers<'_>, x: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
    let hidden = (x.dot(&layers.w1) + layers.b1).mapv(f64::tanh);
    let z = hidden.dot(&layers.w2) + x.dot(&layers.w3) + layers.b2;
    (hidden, z)
}

/// Mean cross entropy with penalty, and its gradient.
fn loss(shape: Shape, p: &[f64], x: ArrayView2<'_, f64>, goal: Goal<'_>, penalty: f64) -> (f64, Vec<f64>) {
    let layers = shape.layers(p);
    let (hidden, mut z) = forward(&layers, x);
    let mut total = 0.0;
    match goal {
        Goal::Classes(labels, _) => {
            let n = labels.len().max(1) as f64;
            for (mut row, &label) in z.outer_iter_mut().zip(labels) {
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|s| (s - largest).exp()).sum();
                total += (sum.ln() + largest - row[label as usize]) / n;
                row.mapv_inplace(|s| (s - largest).exp() / sum / n);
                row[label as usize] -= 1.0 / n;
            }
        }
        Goal::Concepts(truth) => {
            let n = truth.iter().filter(|t| !t.is_nan()).count().max(1) as f64;
            for (z, &t) in z.iter_mut().zip(truth) {
                if t.is_nan() {
                    *z = 0.0;
                    continue;
                }
                // ln(1 + e^z) − t z without overflow.
                total += (z.max(0.0) + (-z.abs()).exp().ln_1p() - t * *z) / n;
                *z = (1.0 / (1.0 + (-*z).exp()) - t) / n;
            }
        }
    }
    let weights = shape.len() - shape.m;
    total += 0.5 * penalty * p[..weights].iter().map(|w| w * w).sum::<f64>();
    let through = z.dot(&layers.w2.t()) * hidden.mapv(|h| 1.0 - h * h);
    let mut gradient = Vec::with_capacity(p.len());
    gradient.extend(x.t().dot(&through));
    gradient.extend(through.sum_axis(Axis(0)));
    gradient.extend(hidden.t().dot(&z));
    gradient.extend(x.t().dot(&z));
    gradient.iter_mut().zip(&p[..weights]).for_each(|(g, w)| *g += penalty * w);
    gradient.extend(z.sum_axis(Axis(0)));
    (total, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_gradient_is_that_of_the_value() {
        let shape = Shape { d: 2, h: 3, m: 2 };
        let x = array![[0.3, -1.0], [1.2, 0.4], [-0.7, 0.9]];
        let concepts = array![[1.0, 0.0], [0.0, f64::NAN], [1.0, 1.0]];
        let at: Vec<f64> = (0..shape.len()).map(|i| (i as f64 * 0.7).sin()).collect();
        for goal in [Goal::Classes(&[0, 1, 1], 2), Goal::Concepts(concepts.view())] {
            let (_, gradient) = loss(shape, &at, x.view(), goal, 0.1);
            for i in 0..at.len() {
                let (mut up, mut down) = (at.clone(), at.clone());
                up[i] += 1e-6;
                down[i] -= 1e-6;
                let slope =
                    (loss(shape, &up, x.view(), goal, 0.1).0 - loss(shape, &down, x.view(), goal, 0.1).0) / 2e-6;
                assert!((slope - gradient[i]).abs() < 1e-8, "{i}");
            }
        }
    }

    #[test]
    fn hidden_units_read_an_exclusive_or_and_a_line_cannot() {
        let rng = &mut generator(2, 0);
        let x = Array2::from_shape_fn((600, 2), |_| rng.random::<f64>());
        let labels: Vec<u32> = x.outer_iter().map(|r| u32::from((r[0] > 0.5) != (r[1] > 0.5))).collect();
        let accuracy = |hidden| {
            let learnt = Predictor { hidden, ..Predictor::default() }.learn(x.view(), Goal::Classes(&labels, 2));
            let found = crate::best_class(learnt.predict(x.view()).view());
            found.iter().zip(&labels).filter(|(a, b)| a == b).count() as f64 / 600.0
        };
        assert!(accuracy(32) > 0.95, "{}", accuracy(32));
        assert!(accuracy(0) < 0.7);
    }

    #[test]
    fn noise_is_predicted_by_its_frequencies() {
        // With 40 features of noise and 200 rows a network that does not stop in time is sure of everything.
        let rng = &mut generator(3, 0);
        let x = Array2::from_shape_fn((200, 40), |_| rng.random::<f64>());
        let labels: Vec<u32> = (0..200).map(|_| u32::from(rng.random::<f64>() < 0.5)).collect();
        let learnt = Predictor::default().learn(x.view(), Goal::Classes(&labels, 2));
        let fresh = Array2::from_shape_fn((500, 40), |_| rng.random::<f64>());
        let p = learnt.predict(fresh.view());
        let nll: f64 = p.outer_iter().map(|r| -0.5 * (r[0].ln() + r[1].ln())).sum::<f64>() / 500.0;
        assert!(nll < std::f64::consts::LN_2 + 0.1, "{nll}");
    }
}
