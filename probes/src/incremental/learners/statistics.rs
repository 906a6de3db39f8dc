//! Sums over the samples seen: all that the learners in closed form keep.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Counts and sums of each class, and the sum of x xᵀ over all. A sample counts once, however often it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statistics {
    /// Samples of each class.
    pub(super) counts: Array1<f64>,
    /// Sum of each class [classes × features].
    pub(super) sums: Array2<f64>,
    /// Sum of x xᵀ [features × features]; empty where nobody reads it.
    pub(super) products: Array2<f64>,
    seen: Vec<bool>,
}

impl Statistics {
    /// Of no samples yet.
    pub(super) fn new(samples: usize, features: usize, classes: usize, products: bool) -> Self {
        let side = if products { features } else { 0 };
        Self {
            counts: Array1::zeros(classes),
            sums: Array2::zeros((classes, features)),
            products: Array2::zeros((side, side)),
            seen: vec![false; samples],
        }
    }

    /// Adds the rows that were not seen before; whether there were any.
    pub(super) fn add(&mut self, inputs: ArrayView2<'_, f64>, labels: &[u32], rows: &[usize]) -> bool {
        let new: Vec<usize> = rows.iter().copied().filter(|&r| !std::mem::replace(&mut self.seen[r], true)).collect();
        for &row in &new {
            let class = labels[row] as usize;
            self.counts[class] += 1.0;
            self.sums.row_mut(class).zip_mut_with(&inputs.row(row), |s, &x| *s += x);
        }
        if !self.products.is_empty() && !new.is_empty() {
            let x = inputs.select(Axis(0), &new);
            general_mat_mul(1.0, &x.t(), &x, 1.0, &mut self.products);
        }
        !new.is_empty()
    }

    /// Samples of all classes.
    pub(super) fn total(&self) -> f64 {
        self.counts.sum()
    }

    /// Mean of each class [classes × features]; zero where none was seen.
    pub(super) fn means(&self) -> Array2<f64> {
        let mut means = self.sums.clone();
        for (mut mean, &count) in means.outer_iter_mut().zip(&self.counts) {
            mean /= count.max(1.0);
        }
        means
    }
}
