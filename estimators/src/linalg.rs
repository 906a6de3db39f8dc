//! The little linear algebra that estimators need, on top of nalgebra.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Columns less their means.
pub(crate) fn centred(x: ArrayView2<'_, f64>) -> Array2<f64> {
    &x - &means(x)
}

/// Mean of each column; zeros when there are no rows.
pub(crate) fn means(x: ArrayView2<'_, f64>) -> Array1<f64> {
    x.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(x.ncols()))
}

/// The columns of both, of equally many rows.
pub(crate) fn side_by_side(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Array2<f64> {
    ndarray::concatenate![Axis(1), x, y]
}

/// Standard deviation of each column (divisor N).
pub(crate) fn standard_deviations(x: ArrayView2<'_, f64>) -> Vec<f64> {
    x.std_axis(Axis(0), 0.0).to_vec()
}

/// Columns less their means over their standard deviations; a constant column becomes zero.
pub(crate) fn standardised(x: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut z = centred(x);
    for mut column in z.columns_mut() {
        let std = (column.iter().map(|v| v * v).sum::<f64>() / column.len() as f64).sqrt();
        if std > 0.0 {
            column.mapv_inplace(|v| v / std);
        }
    }
    z
}

/// The same matrix as nalgebra has it.
pub(crate) fn to_nalgebra(x: ArrayView2<'_, f64>) -> DMatrix<f64> {
    DMatrix::from_fn(x.nrows(), x.ncols(), |i, j| x[[i, j]])
}

/// log det of a symmetric positive definite matrix; `None` when it is not one.
pub(crate) fn log_determinant(symmetric: &DMatrix<f64>) -> Option<f64> {
    let factor = symmetric.clone().cholesky()?;
    let diagonal = factor.l_dirty().diagonal();
    let sum = 2.0 * diagonal.iter().map(|d| d.ln()).sum::<f64>();
    sum.is_finite().then_some(sum)
}

/// Eigenvalues of a symmetric matrix, largest first.
pub(crate) fn eigenvalues(symmetric: DMatrix<f64>) -> DVector<f64> {
    let mut values: Vec<f64> = symmetric.symmetric_eigenvalues().iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    DVector::from_vec(values)
}

/// A variable turned and scaled to identity covariance.
pub(crate) struct Whitened {
    /// [N × rank]: directions without spread are left out.
    pub(crate) values: Array2<f64>,
    /// log of the factor by which volumes were divided.
    pub(crate) log_scale: f64,
}

impl Whitened {
    /// The variable as it is.
    pub(crate) fn not(x: ArrayView2<'_, f64>) -> Self {
        Self { values: x.to_owned(), log_scale: 0.0 }
    }
}

/// Principal components of the columns, each divided by its standard deviation.
///
/// Components are those of the standardised columns, so that the outcome does not depend on the columns' units; one
/// whose variance is below 10⁻¹⁰ of the largest is rounding, and is left out.
pub(crate) fn whitened(x: ArrayView2<'_, f64>) -> Whitened {
    if x.ncols() == 0 {
        return Whitened::not(x);
    }
    let z = standardised(x);
    let scales = standard_deviations(x);
    let (turn, variances) = whitening((z.t().dot(&z) / z.nrows() as f64).view());
    let log_scale = scales.iter().filter(|s| **s > 0.0).map(|s| s.ln()).sum::<f64>()
        + variances.iter().map(|v| v.ln() / 2.0).sum::<f64>();
    Whitened { values: z.dot(&turn), log_scale }
}

/// What turns and scales standardised columns of this correlation matrix [D × D] to identity covariance, [D × rank], and
/// the variances of the directions that are kept.
pub(crate) fn whitening(correlation: ArrayView2<'_, f64>) -> (Array2<f64>, Vec<f64>) {
    let eigen = to_nalgebra(correlation).symmetric_eigen();
    let largest = eigen.eigenvalues.iter().copied().fold(0.0, f64::max);
    let kept: Vec<usize> =
        (0..correlation.ncols()).filter(|&i| eigen.eigenvalues[i] > 1e-10 * largest && largest > 0.0).collect();
    let turn = Array2::from_shape_fn((correlation.ncols(), kept.len()), |(row, column)| {
        eigen.eigenvectors[(row, kept[column])] / eigen.eigenvalues[kept[column]].sqrt()
    });
    (turn, kept.iter().map(|&i| eigen.eigenvalues[i]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn determinant_and_eigenvalues_of_a_known_matrix() {
        let c = DMatrix::from_row_slice(2, 2, &[2.0 / 3.0, 0.0, 0.0, 6.0]);
        assert!((log_determinant(&c).unwrap() - 4f64.ln()).abs() < 1e-14);
        assert!((eigenvalues(c)[0] - 6.0).abs() < 1e-14);
        assert_eq!(log_determinant(&DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 1.0])), None);
    }

    #[test]
    fn a_constant_column_standardises_to_zero() {
        let z = standardised(array![[1.0, 7.0], [3.0, 7.0]].view());
        assert_eq!(z, array![[-1.0, 0.0], [1.0, 0.0]]);
    }
}
