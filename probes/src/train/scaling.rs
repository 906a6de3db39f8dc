//! Standardised inputs: a learning rate means the same whatever the units of the embeddings.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Mean and spread of each feature. What is fitted to standardised features is folded back, so that the bottleneck
/// takes the embeddings as they are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) mean: Array1<f64>,
    /// Standard deviations; 1 for a constant feature, which carries nothing.
    pub(crate) spread: Array1<f64>,
}

impl Scaling {
    /// Of the columns of `values` [samples × features].
    pub(crate) fn of(values: ArrayView2<'_, f64>) -> Self {
        let mean = values.sum_axis(Axis(0)) / values.nrows() as f64;
        let spread = values.std_axis(Axis(0), 0.0).mapv(|s| if s > 0.0 { s } else { 1.0 });
        Self { mean, spread }
    }

    /// The values less the mean, in units of the spread.
    pub(crate) fn apply(&self, values: ArrayView2<'_, f64>) -> Array2<f32> {
        let mut out = Array2::zeros(values.dim());
        for (mut to, row) in out.outer_iter_mut().zip(values.outer_iter()) {
            for (((t, &v), &m), &s) in to.iter_mut().zip(row).zip(&self.mean).zip(&self.spread) {
                *t = ((v - m) / s) as f32;
            }
        }
        out
    }
}

/// In single precision, row after row.
pub(crate) fn single(values: ArrayView2<'_, f64>) -> Array2<f32> {
    Array2::from_shape_vec(values.dim(), values.iter().map(|&v| v as f32).collect())
        .unwrap_or_else(|_| unreachable!("as many values as the shape says"))
}
