//! The columns that a predictor is fitted to, centred, one after another in memory.
//!
//! The intercept is not penalised, so centring the columns changes nothing but the intercept; it keeps the weighted
//! second moments far from cancellation.

use crate::ProbeError;
use crate::data::check_finite;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};
use rayon::prelude::*;

/// Columns of a second-moment matrix that are computed in one matrix product.
const BLOCK: usize = 64;

/// Samples whose scores one thread computes together.
const SAMPLES: usize = 2048;

/// Matrices of one width above each other.
fn stacked(parts: Vec<Array2<f64>>, shape: (usize, usize)) -> Array2<f64> {
    let mut whole = Array2::zeros(shape);
    let mut from = 0;
    for part in parts {
        let to = from + part.nrows();
        whole.slice_axis_mut(Axis(0), Slice::from(from..to)).assign(&part);
        from = to;
    }
    whole
}

/// Centred columns [features × samples].
#[derive(Debug, Clone)]
pub(super) struct Design {
    columns: Array2<f64>,
    /// The same in single precision, for curvatures alone: what decides where the minimum lies is in double.
    single: Array2<f32>,
    means: Array1<f64>,
}

impl Design {
    /// From samples [samples × features].
    pub(super) fn new(x: ArrayView2<'_, f64>) -> Result<Self, ProbeError> {
        let (samples, features) = x.dim();
        if samples < 2 || features == 0 {
            return Err(ProbeError::TooSmall { samples, features });
        }
        check_finite("concepts", x)?;
        let mut columns = x.t().as_standard_layout().into_owned();
        let means = columns.sum_axis(Axis(1)) / samples as f64;
        for (mut column, &mean) in columns.outer_iter_mut().zip(&means) {
            column -= mean;
            // What rounding leaves of a constant column must not be taken for a signal.
            let largest = column.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            if largest <= 1e-12 * mean.abs() {
                column.fill(0.0);
            }
        }
        let single = columns.mapv(|v| v as f32);
        Ok(Self { columns, single, means })
    }

    pub(super) fn features(&self) -> usize {
        self.columns.nrows()
    }

    pub(super) fn samples(&self) -> usize {
        self.columns.ncols()
    }

    /// The intercept for columns as they were given, from the one for centred columns.
    pub(super) fn intercept(&self, centred: f64, weights: &[f64]) -> f64 {
        centred - self.means.iter().zip(weights).map(|(m, w)| m * w).sum::<f64>()
    }

    /// Σᵢ residualᵢ xᵢ / N.
    pub(super) fn gradient(&self, residual: &[f64]) -> Array1<f64> {
        self.columns.dot(&ArrayView1::from(residual)) / self.samples() as f64
    }

    /// The same for several classes: residuals [samples × classes] to [features × classes].
    pub(super) fn gradients(&self, residual: &Array2<f64>) -> Array2<f64> {
        let parts: Vec<_> = self.columns.axis_chunks_iter(Axis(0), BLOCK / 4).collect();
        let parts: Vec<Array2<f64>> = parts.into_par_iter().map(|rows| rows.dot(residual)).collect();
        stacked(parts, (self.features(), residual.ncols())) / self.samples() as f64
    }

    /// Scores [samples × classes] of weights [features × classes].
    pub(super) fn scores_of(&self, weights: ArrayView2<'_, f64>) -> Array2<f64> {
        let parts: Vec<_> = self.columns.axis_chunks_iter(Axis(1), SAMPLES).collect();
        let parts: Vec<Array2<f64>> = parts.into_par_iter().map(|part| part.t().dot(&weights)).collect();
        stacked(parts, (self.samples(), weights.ncols()))
    }

    /// Adds `factor` times a column.
    pub(super) fn add(&self, to: &mut [f64], factor: f64, feature: usize) {
        for (t, x) in to.iter_mut().zip(self.columns.row(feature)) {
            *t += factor * x;
        }
    }

    /// Weighted covariance (1/N) Σ dᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ of some features around their weighted mean, which is what
    /// remains of the second derivative when the intercept follows along; and the weighted means x̄ by feature.
    pub(super) fn curvature(&self, set: &[usize], weight: &[f64]) -> (Array2<f64>, Vec<f64>) {
        let (n, size) = (self.samples(), set.len());
        let roots: Vec<f32> = weight.iter().map(|d| d.sqrt() as f32).collect();
        let mut scaled = Array2::<f32>::zeros((size, n));
        for (mut row, &feature) in scaled.outer_iter_mut().zip(set) {
            row.iter_mut().zip(self.single.row(feature)).zip(&roots).for_each(|((s, x), r)| *s = x * r);
        }
        let total: f64 = weight.iter().sum();
        let weights = ArrayView1::from(weight);
        let sums: Vec<f64> = set.iter().map(|&f| self.columns.row(f).dot(&weights)).collect();
        let mut gram = Array2::<f32>::zeros((size, size));
        for from in (0..size).step_by(BLOCK) {
            // The upper triangle by block rows: half of the products.
            let to = (from + BLOCK).min(size);
            let right = scaled.slice_axis(Axis(0), Slice::from(from..));
            let left = scaled.slice_axis(Axis(0), Slice::from(from..to));
            let mut rows = gram.slice_axis_mut(Axis(0), Slice::from(from..to));
            general_mat_mul(1.0, &left, &right.t(), 0.0, &mut rows.slice_axis_mut(Axis(1), Slice::from(from..)));
        }
        let covariance = Array2::from_shape_fn((size, size), |(i, j)| {
            let (i, j) = (i.min(j), i.max(j));
            (f64::from(gram[[i, j]]) - sums[i] * sums[j] / total) / n as f64
        });
        (covariance, sums.iter().map(|s| s / total).collect())
    }
}
