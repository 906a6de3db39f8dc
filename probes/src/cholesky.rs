//! Cholesky factors of small symmetric positive definite matrices.

use ndarray::{Array2, ArrayView2, ArrayViewMut1};

/// The lower factor L with L Lᵀ = A.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky(Array2<f64>);

impl Cholesky {
    /// Factorises; `None` where the matrix is not positive definite in double precision.
    pub(crate) fn new(matrix: ArrayView2<'_, f64>) -> Option<Self> {
        let n = matrix.nrows();
        let mut l = Array2::<f64>::zeros((n, n));
        for i in 0..n {
            for j in 0..=i {
                let inner: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
                let rest = matrix[[i, j]] - inner;
                if i == j {
                    if !(rest > 0.0 && rest.is_finite()) {
                        return None;
                    }
                    l[[i, i]] = rest.sqrt();
                } else {
                    l[[i, j]] = rest / l[[j, j]];
                }
            }
        }
        Some(Self(l))
    }

    /// L⁻¹ b in place.
    pub(crate) fn forward(&self, mut b: ArrayViewMut1<'_, f64>) {
        for i in 0..b.len() {
            let inner: f64 = (0..i).map(|k| self.0[[i, k]] * b[k]).sum();
            b[i] = (b[i] - inner) / self.0[[i, i]];
        }
    }

    /// L⁻ᵀ b in place.
    pub(crate) fn backward(&self, mut b: ArrayViewMut1<'_, f64>) {
        for i in (0..b.len()).rev() {
            let inner: f64 = (i + 1..b.len()).map(|k| self.0[[k, i]] * b[k]).sum();
            b[i] = (b[i] - inner) / self.0[[i, i]];
        }
    }

    /// A⁻¹ b in place.
    pub(crate) fn solve(&self, mut b: ArrayViewMut1<'_, f64>) {
        self.forward(b.view_mut());
        self.backward(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn solves_and_refuses() {
        let a = array![[4.0, 2.0, 0.5], [2.0, 3.0, 0.1], [0.5, 0.1, 1.0]];
        let truth = array![1.0, -2.0, 3.0];
        let mut b = a.dot(&truth);
        Cholesky::new(a.view()).unwrap().solve(b.view_mut());
        assert!((b - truth).iter().all(|d| d.abs() < 1e-14));
        assert!(Cholesky::new(array![[1.0, 2.0], [2.0, 1.0]].view()).is_none());
    }
}
