//! The self-consistent equations: one encoder, its amounts, and its iteration to a fixed point.

use super::joint::{JointDistribution, entropy};
use ndarray::{Array1, Array2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Clusters whose probability is below this are empty.
const EMPTY: f64 = 1e-14;
/// Clusters whose p(y|t) differ by less than this in total are one: merging them loses no more than its square of
/// I(T;Y), and never adds to I(X;T).
const EQUAL: f64 = 1e-6;
/// Stands for the logarithm of zero: finite, so that its product with a probability of zero is zero and not NaN.
const LOG_ZERO: f64 = -1e30;
/// Iterations over which the Lagrangian must stand still, and after which equal clusters are merged.
const WINDOW: usize = 50;
/// Share of the Lagrangian by which it may still fall over a window.
const STILL: f64 = 1e-13;

/// What every iteration needs of the joint distribution.
pub(super) struct Problem {
    p_x: Array1<f64>,
    /// p(y|x) [inputs × classes].
    conditional: Array2<f64>,
    /// p(x) p(y|x).
    joint: Array2<f64>,
    /// Σ_y p(y|x) log p(y|x).
    negative_entropy: Array1<f64>,
    target_entropy: f64,
}

/// When an iteration ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) tolerance: f64,
    pub(super) max_iterations: usize,
}

/// q(t|x) [inputs × clusters]; every row sums to one.
#[derive(Debug, Clone)]
pub(super) struct Encoder(pub(super) Array2<f64>);

/// An encoder that an iteration ended in, and what it is worth.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) encoder: Encoder,
    pub(super) i_xt: f64,
    pub(super) i_ty: f64,
    pub(super) h_t: f64,
    pub(super) iterations: usize,
    pub(super) converged: bool,
}

impl Found {
    pub(super) fn lagrangian(&self, beta: f64) -> f64 {
        self.i_xt - beta * self.i_ty
    }
}

impl Problem {
    pub(super) fn new(joint: &JointDistribution) -> Self {
        let conditional = joint.conditional().to_owned();
        let p_x = Array1::from_vec(joint.p_x().to_vec());
        let negative_entropy = conditional.rows().into_iter().map(|row| -entropy(&row.to_vec())).collect();
        let weighted = &conditional * &p_x.view().insert_axis(Axis(1));
        Self { p_x, conditional, joint: weighted, negative_entropy, target_entropy: joint.target_entropy() }
    }

    pub(super) fn n_inputs(&self) -> usize {
        self.p_x.len()
    }

    /// A cluster for every input.
    pub(super) fn identity(&self) -> Encoder {
        Encoder(Array2::eye(self.n_inputs()))
    }

    /// All inputs in one cluster.
    pub(super) fn constant(&self) -> Encoder {
        Encoder(Array2::ones((self.n_inputs(), 1)))
    }

    /// Every input leans towards a cluster at random.
    pub(super) fn random(&self, clusters: usize, generator: &mut ChaCha8Rng) -> Encoder {
        let mut q =
            Array2::from_shape_simple_fn((self.n_inputs(), clusters), || (4.0 * generator.random::<f64>()).exp());
        normalise_rows(&mut q);
        Encoder(q)
    }

    /// Every cluster, largest first, in two halves that differ a little, as long as there are no more than `most`.
    pub(super) fn split(&self, encoder: &Encoder, most: usize, generator: &mut ChaCha8Rng) -> Encoder {
        const SIZE: f64 = 0.05;
        let p_t = self.p_x.dot(&encoder.0);
        let mut order: Vec<usize> = (0..p_t.len()).collect();
        order.sort_by(|a, b| p_t[*b].total_cmp(&p_t[*a]).then(a.cmp(b)));
        let halved = &order[..most.saturating_sub(p_t.len()).min(p_t.len())];
        let mut q = Array2::from_shape_fn((self.n_inputs(), p_t.len() + halved.len()), |(x, t)| {
            encoder.0.get((x, t)).copied().unwrap_or(0.0)
        });
        for (new, &old) in halved.iter().enumerate() {
            for x in 0..self.n_inputs() {
                let share = 0.5 + SIZE * (generator.random::<f64>() - 0.5);
                let whole = encoder.0[[x, old]];
                q[[x, old]] = share * whole;
                q[[x, p_t.len() + new]] = (1.0 - share) * whole;
            }
        }
        Encoder(q)
    }

    /// Iterates to a fixed point at a β, then drops clusters that are empty and merges those that are equal.
    pub(super) fn solve(&self, start: &Encoder, beta: f64, stop: Stop) -> Found {
        let mut q = start.0.clone();
        let (mut iterations, mut converged) = (0, false);
        let mut window = f64::INFINITY;
        while iterations < stop.max_iterations && !converged {
            let next = self.step(&mut q, beta);
            let change = next.iter().zip(&q).fold(0f64, |most, (a, b)| most.max((a - b).abs()));
            q = next;
            iterations += 1;
            converged = change < stop.tolerance;
            if !converged && iterations % WINDOW == 0 {
                let (i_xt, i_ty, _) = self.amounts(&q);
                let lagrangian = i_xt - beta * i_ty;
                converged = window - lagrangian < STILL * (1.0 + lagrangian.abs());
                window = lagrangian;
                // Most of a start's clusters are soon equal: carrying them along would cost the most of the time.
                q = self.merged(q);
            }
        }
        let encoder = Encoder(self.merged(q));
        let (i_xt, i_ty, h_t) = self.amounts(&encoder.0);
        Found { encoder, i_xt, i_ty, h_t, iterations, converged }
    }

    /// One round of the equations, in the logarithm: q(t|x) ∝ p(t) exp(−β KL(p(y|x) ‖ p(y|t))). Empty clusters are
    /// taken off `q` first.
    fn step(&self, q: &mut Array2<f64>, beta: f64) -> Array2<f64> {
        let mut p_t = self.p_x.dot(q);
        if p_t.iter().any(|p| *p < EMPTY) {
            let kept: Vec<usize> = (0..p_t.len()).filter(|&t| p_t[t] >= EMPTY).collect();
            *q = q.select(Axis(1), &kept);
            normalise_rows(q);
            p_t = self.p_x.dot(q);
        }
        let mut log_decoder = self.decoder(q, &p_t);
        log_decoder.mapv_inplace(|p| if p > 0.0 { p.ln() } else { LOG_ZERO });
        // −KL, but for the part of x alone, which normalising takes out where it is finite: here it keeps numbers small.
        let mut weights = self.conditional.dot(&log_decoder.t());
        for (mut row, own) in weights.rows_mut().into_iter().zip(&self.negative_entropy) {
            row.zip_mut_with(&p_t, |cross, p| *cross = p.ln() - beta * (own - *cross));
            let most = row.fold(f64::NEG_INFINITY, |most, v| most.max(*v));
            row.mapv_inplace(|v| (v - most).exp());
            let sum = row.sum();
            row /= sum;
        }
        weights
    }

    /// p(y|t) [clusters × classes].
    fn decoder(&self, q: &Array2<f64>, p_t: &Array1<f64>) -> Array2<f64> {
        q.t().dot(&self.joint) / p_t.view().insert_axis(Axis(1))
    }

    /// I(X;T), I(T;Y) and H(T).
    fn amounts(&self, q: &Array2<f64>) -> (f64, f64, f64) {
        let p_t = self.p_x.dot(q);
        let h_t = entropy(&p_t.to_vec());
        let noise: f64 = q.rows().into_iter().zip(&self.p_x).map(|(row, p)| p * entropy(&row.to_vec())).sum();
        let decoder = self.decoder(q, &p_t);
        let left: f64 = decoder
            .rows()
            .into_iter()
            .zip(&p_t)
            .filter(|(_, p)| **p > 0.0)
            .map(|(row, p)| p * entropy(&row.to_vec()))
            .sum();
        ((h_t - noise).max(0.0), (self.target_entropy - left).max(0.0), h_t)
    }

    /// The encoder with empty clusters dropped and equal ones made one.
    fn merged(&self, mut q: Array2<f64>) -> Array2<f64> {
        let p_t = self.p_x.dot(&q);
        let kept: Vec<usize> = (0..p_t.len()).filter(|&t| p_t[t] >= EMPTY).collect();
        if kept.len() < p_t.len() {
            q = q.select(Axis(1), &kept);
            normalise_rows(&mut q);
        }
        let p_t = self.p_x.dot(&q);
        let decoder = self.decoder(&q, &p_t);
        let mut groups: Vec<usize> = Vec::new();
        let mut merged = Array2::zeros((q.nrows(), 0));
        for t in 0..p_t.len() {
            let distance =
                |g: usize| decoder.row(t).iter().zip(decoder.row(g)).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0;
            match groups.iter().position(|&g| distance(g) < EQUAL) {
                Some(at) => {
                    let mut column = merged.column_mut(at);
                    column += &q.column(t);
                }
                None => {
                    groups.push(t);
                    // Shapes agree: a column of q.
                    let _ = merged.push_column(q.column(t));
                }
            }
        }
        merged
    }
}

fn normalise_rows(q: &mut Array2<f64>) {
    for mut row in q.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
}
