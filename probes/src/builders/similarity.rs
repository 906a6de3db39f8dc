//! Similarities of embeddings to concept vectors in the same space.

use ndarray::{Array2, ArrayView2};

/// The rows at unit length; a row of zeros stays one.
pub(crate) fn unit_rows(values: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = values.as_standard_layout().into_owned();
    for mut row in out.outer_iter_mut() {
        let norm = row.dot(&row).sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
    out
}

/// Cosines [rows of a × rows of b]; those of a row of zeros are zero.
pub(crate) fn cosines(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    unit_rows(a).dot(&unit_rows(b).t())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn cosines_do_not_know_lengths() {
        let found = cosines(array![[3.0, 0.0], [0.0, 0.0], [-5.0, 5.0]].view(), array![[7.0, 0.0], [1.0, 1.0]].view());
        let half = 0.5f64.sqrt();
        let expected = array![[1.0, half], [0.0, 0.0], [-half, 0.0]];
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found}");
    }
}
