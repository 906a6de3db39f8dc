//! Ridge regression of several targets, in double precision.

use crate::DictionaryError;
use ndarray::{Array2, ArrayView2, Axis};

/// The map W [inputs × outputs] of least `‖X W − Y‖² + λ‖W‖²`, without an intercept: `(XᵀX + λI)⁻¹XᵀY`, or where there
/// are fewer rows than inputs the same as `Xᵀ(XXᵀ + λI)⁻¹Y`.
///
/// # Errors
/// When λ is not above zero, the rows differ in number, or a value is so large that the system cannot be solved.
pub fn ridge(x: ArrayView2<f64>, y: ArrayView2<f64>, penalty: f64) -> Result<Array2<f64>, DictionaryError> {
    if !(penalty > 0.0 && penalty.is_finite()) {
        return Err(DictionaryError::BadParameter { name: "ridge", value: penalty, rule: "it must be above zero" });
    }
    if x.nrows() != y.nrows() {
        let what = "rows of what is predicted (those it is predicted from are expected)".into();
        return Err(DictionaryError::Shape { what, found: y.nrows(), expected: x.nrows() });
    }
    let dual = x.nrows() < x.ncols();
    let gram = if dual { x.dot(&x.t()) } else { x.t().dot(&x) };
    let right = ridge_of_products(gram, if dual { y.to_owned() } else { x.t().dot(&y) }, penalty)?;
    Ok(if dual { x.t().dot(&right) } else { right })
}

/// `(G + λI)⁻¹ B` of a matrix of products G (XᵀX) and B (XᵀY), for whoever gathers them piece by piece.
///
/// # Errors
/// When the system cannot be solved.
pub fn ridge_of_products(
    mut gram: Array2<f64>,
    mut right: Array2<f64>,
    penalty: f64,
) -> Result<Array2<f64>, DictionaryError> {
    gram.diag_mut().mapv_inplace(|v| v + penalty);
    if !factorise(&mut gram) {
        return Err(DictionaryError::Data("the ridge regression cannot be solved: a larger penalty helps".into()));
    }
    substitute(&gram, &mut right);
    Ok(right)
}

/// Cholesky's lower factor in place; `false` where the matrix is not positive definite.
fn factorise(a: &mut Array2<f64>) -> bool {
    for i in 0..a.nrows() {
        let (above, mut rest) = a.view_mut().split_at(Axis(0), i);
        let mut row = rest.row_mut(0);
        let Some(row) = row.as_slice_mut() else { return false };
        for j in 0..i {
            let Some(other) = above.row(j).to_slice() else { return false };
            let inner: f64 = row[..j].iter().zip(other).map(|(p, q)| p * q).sum();
            row[j] = (row[j] - inner) / other[j];
        }
        let left = row[i] - row[..i].iter().map(|v| v * v).sum::<f64>();
        if !(left > 0.0 && left.is_finite()) {
            return false;
        }
        row[i] = left.sqrt();
    }
    true
}

/// A⁻¹ B in place, with the factor of A.
fn substitute(l: &Array2<f64>, b: &mut Array2<f64>) {
    let n = l.nrows();
    for i in 0..n {
        let (above, mut rest) = b.view_mut().split_at(Axis(0), i);
        let mut row = rest.row_mut(0);
        (0..i).for_each(|k| row.scaled_add(-l[[i, k]], &above.row(k)));
        row /= l[[i, i]];
    }
    for i in (0..n).rev() {
        let (mut until, below) = b.view_mut().split_at(Axis(0), i + 1);
        let mut row = until.row_mut(i);
        (i + 1..n).for_each(|k| row.scaled_add(-l[[k, i]], &below.row(k - i - 1)));
        row /= l[[i, i]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, columns: usize, seed: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            (((i * 7919 + j * 104_729 + seed * 31) % 1009) as f64 / 504.5) - 1.0
        })
    }

    /// At the minimum the gradient Xᵀ(XW − Y) + λW is zero, whichever way it was found.
    #[test]
    fn both_ways_end_at_the_minimum() {
        for (rows, inputs) in [(30, 7), (7, 30), (5, 5)] {
            let (x, y) = (matrix(rows, inputs, 1), matrix(rows, 3, 2));
            let w = ridge(x.view(), y.view(), 0.5).unwrap();
            let gradient = x.t().dot(&(x.dot(&w) - &y)) + &w * 0.5;
            assert!(gradient.iter().all(|g| g.abs() < 1e-10), "{rows}×{inputs}: {gradient}");
        }
    }

    #[test]
    fn what_cannot_be_solved_is_told() {
        let (x, y) = (matrix(4, 3, 1), matrix(4, 2, 2));
        let message = |x: &Array2<f64>, y: &Array2<f64>, l| ridge(x.view(), y.view(), l).unwrap_err().to_string();
        assert_eq!(message(&x, &y, 0.0), "ridge = 0, but it must be above zero");
        assert!(message(&x, &matrix(5, 2, 2), 1.0).contains("5 found, 4 expected"));
        assert!(message(&(x * 1e200), &y, 1.0).contains("cannot be solved"));
    }
}
