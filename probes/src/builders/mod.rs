//! The builders, one file each.

pub(crate) mod cbm;
pub(crate) mod cem;
pub(crate) mod cms;
pub(crate) mod codebook;
pub(crate) mod concept_centric;
pub(crate) mod discover;
pub(crate) mod energy;
pub(crate) mod key_value;
mod layers;
pub(crate) mod linear_probe;
pub(crate) mod mlp;
pub(crate) mod posthoc;
mod similarity;
pub(crate) mod sparse;
#[cfg(test)]
pub(crate) mod toys;

use crate::data::check_finite;
use crate::{ConceptData, ProbeError};
use ndarray::{Array2, ArrayView2};

/// Refuses embeddings of another width than the fit's, and values that are not finite.
pub(crate) fn check_embeddings(embeddings: ArrayView2<'_, f64>, expected: usize) -> Result<(), ProbeError> {
    if embeddings.ncols() != expected {
        return Err(ProbeError::WrongWidth { found: embeddings.ncols(), expected });
    }
    check_finite("embeddings", embeddings)
}

/// The concept labels of data that need them; each concept has at least one.
pub(crate) fn concept_labels<'a>(
    builder: &'static str,
    data: &'a ConceptData,
) -> Result<ArrayView2<'a, f64>, ProbeError> {
    let what = "concept labels (a matrix of samples × concepts)";
    let labels = data.concepts().ok_or(ProbeError::Needs { builder, what })?;
    match labels.columns().into_iter().position(|c| c.iter().all(|v| v.is_nan())) {
        Some(j) => {
            let name = &data.names().concepts[j];
            Err(ProbeError::Data(format!("{builder}: the concept '{name}' has no label in any row: leave it out")))
        }
        None => Ok(labels),
    }
}

/// The 5 % and 95 % quantiles of each column, interpolated linearly [columns × 2]: what "absent" and "present" are
/// taken to be on a scale that has no values of its own for them (Koh et al. 2020, section 4.2).
pub(crate) fn outer_quantiles(values: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((values.ncols(), 2));
    for (column, mut quantiles) in values.columns().into_iter().zip(out.outer_iter_mut()) {
        let mut sorted = column.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        for (quantile, share) in quantiles.iter_mut().zip([0.05, 0.95]) {
            let place = share * (sorted.len() - 1) as f64;
            let (below, part) = (place.floor() as usize, place.fract());
            let above = sorted[(below + 1).min(sorted.len() - 1)];
            *quantile = sorted[below] + part * (above - sorted[below]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_quantiles_are_interpolated() {
        let values = Array2::from_shape_fn((11, 2), |(i, j)| if j == 0 { (10 - i) as f64 } else { 7.0 });
        assert_eq!(outer_quantiles(values.view()), ndarray::array![[0.5, 9.5], [7.0, 7.0]]);
    }
}
