//! The builders, one file each.

pub(crate) mod linear_probe;
pub(crate) mod posthoc;

use crate::ProbeError;
use crate::data::check_finite;
use ndarray::ArrayView2;

/// Refuses embeddings of another width than the fit's, and values that are not finite.
pub(crate) fn check_embeddings(embeddings: ArrayView2<'_, f64>, expected: usize) -> Result<(), ProbeError> {
    if embeddings.ncols() != expected {
        return Err(ProbeError::WrongWidth { found: embeddings.ncols(), expected });
    }
    check_finite("embeddings", embeddings)
}
