//! A Newton step of all classes together, on the weights that are not zero.
//!
//! While no weight changes its sign the penalty is smooth, and the classes, which coordinate descent visits one after
//! the other, can move together: the Newton equations of all weights that are not zero and of all intercepts, by
//! conjugate gradients with products `H v` (never H itself), each class's own block as the preconditioner. A weight
//! that would change its sign stops at zero.

use super::Penalty;
use super::design::Design;
use crate::cholesky::Cholesky;
use ndarray::{Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;

/// Conjugate-gradient steps at most.
const STEPS: usize = 30;

/// The residual of the Newton equations, as a share of the gradient, at which they count as solved.
const SOLVED: f64 = 5e-2;

/// Weights [features × classes] that are not zero, and what surrounds them.
pub(super) struct Support<'a> {
    pub(super) design: &'a Design,
    /// Probabilities [samples × classes].
    pub(super) probabilities: ArrayView2<'a, f64>,
    pub(super) weights: &'a Array2<f64>,
    /// Gradient of the loss [features × classes].
    pub(super) gradient: &'a Array2<f64>,
    pub(super) penalty: Penalty,
}

impl Support<'_> {
    /// The step [features + 1 × classes], intercepts last; zero where the weight is zero.
    pub(super) fn step(&self) -> Array2<f64> {
        let (features, classes) = self.weights.dim();
        let mut residual = Array2::zeros((features + 1, classes));
        for ((j, k), &w) in self.weights.indexed_iter().filter(|(_, w)| **w != 0.0) {
            let slope = self.penalty.absolute().copysign(w) + self.penalty.quadratic() * w;
            residual[[j, k]] = -(self.gradient[[j, k]] + slope);
        }
        let blocks = self.blocks();
        let dot = |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let start = dot(&residual, &residual).sqrt();
        let mut step = Array2::<f64>::zeros(residual.raw_dim());
        let mut solved = self.precondition(&blocks, &residual);
        let mut direction = solved.clone();
        let mut power = dot(&residual, &solved);
        for _ in 0..STEPS {
            let image = self.product(&direction);
            let curvature = dot(&direction, &image);
            // Directions that change no probability have no curvature: there is nothing left to gain along them.
            if curvature <= 1e-300 || power <= 0.0 {
                break;
            }
            let length = power / curvature;
            step.scaled_add(length, &direction);
            residual.scaled_add(-length, &image);
            if dot(&residual, &residual).sqrt() <= SOLVED * start {
                break;
            }
            solved = self.precondition(&blocks, &residual);
            let next = dot(&residual, &solved);
            direction = &solved + &(direction * (next / power));
            power = next;
        }
        step
    }

    /// The second derivative times a direction, on the support.
    fn product(&self, direction: &Array2<f64>) -> Array2<f64> {
        let features = self.design.features();
        let n = self.design.samples() as f64;
        let weights = direction.slice_axis(Axis(0), (..features).into());
        let mut moved = self.design.scores_of(weights);
        moved += &direction.row(features);
        for (mut row, p) in moved.outer_iter_mut().zip(self.probabilities.outer_iter()) {
            let mean = row.dot(&p);
            Zip::from(&mut row).and(p).for_each(|m, &p| *m = p * (*m - mean));
        }
        let mut image = Array2::zeros(direction.raw_dim());
        let inner = self.design.gradients(&moved) + &(&weights * self.penalty.quadratic());
        for ((j, k), _) in self.weights.indexed_iter().filter(|(_, w)| **w != 0.0) {
            image[[j, k]] = inner[[j, k]];
        }
        image.row_mut(features).assign(&(moved.sum_axis(Axis(0)) / n));
        image
    }

    /// Each class's own second derivatives on its support, the intercept following along.
    fn blocks(&self) -> Vec<(Vec<usize>, Option<Cholesky>, f64)> {
        let block = |k: usize| {
            let set: Vec<usize> = (0..self.weights.nrows()).filter(|&j| self.weights[[j, k]] != 0.0).collect();
            let weight: Vec<f64> = self.probabilities.column(k).iter().map(|p| (p * (1.0 - p)).max(1e-12)).collect();
            let total = weight.iter().sum::<f64>() / weight.len() as f64;
            let (mut matrix, _) = self.design.curvature(&set, &weight);
            let ridge = 1e-6 * matrix.diag().iter().fold(0.0f64, |m, v| m.max(v.abs())) + 1e-300;
            matrix.diag_mut().mapv_inplace(|v| v + self.penalty.quadratic() + ridge);
            (set, Cholesky::new(matrix.view()), total)
        };
        (0..self.weights.ncols()).into_par_iter().map(block).collect()
    }

    fn precondition(&self, blocks: &[(Vec<usize>, Option<Cholesky>, f64)], residual: &Array2<f64>) -> Array2<f64> {
        let mut solved = residual.clone();
        let last = residual.nrows() - 1;
        for (k, (set, factor, total)) in blocks.iter().enumerate() {
            let mut part: ndarray::Array1<f64> = set.iter().map(|&j| residual[[j, k]]).collect();
            if let Some(factor) = factor {
                factor.solve(part.view_mut());
            }
            set.iter().zip(&part).for_each(|(&j, &v)| solved[[j, k]] = v);
            solved[[last, k]] = residual[[last, k]] / total;
        }
        solved
    }
}
