//! Samples × features: the dense product that every encoding begins with.

use super::Matrix;
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Samples of one task.
const ROWS: usize = 64;

/// x Wᵀ [samples × features] into `out`; each entry depends on its sample and feature alone.
pub(crate) fn products(samples: &Matrix, weights: &Matrix, out: &mut Matrix) {
    let (width, inputs) = (weights.n_rows(), weights.n_columns());
    out.reset(samples.n_rows(), width);
    let Ok(right) = ArrayView2::from_shape((width, inputs), weights.data()) else { return };
    out.par_blocks_mut(ROWS).zip(samples.data().par_chunks((ROWS * inputs).max(1))).for_each(|(out, rows)| {
        let n = rows.len() / inputs.max(1);
        if let Ok(left) = ArrayView2::from_shape((n, inputs), rows) {
            for (row, product) in out.chunks_exact_mut(width).zip(left.dot(&right.t()).rows()) {
                for (o, p) in row.iter_mut().zip(product) {
                    *o = *p;
                }
            }
        }
    });
}
