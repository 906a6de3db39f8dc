//! The weight of the global energy, chosen after training.
//!
//! The energies are trained each by itself, and the concept energies already hold how frequent a concept is: added at
//! full weight the global energy counts that twice. How much of it helps depends on the data, so the weight is chosen by
//! what is predicted for rows that nothing was trained on: the mean number of wrong concepts and classes a row.

use super::choices::Inference;
use super::fitted::Energy;
use crate::{Bottleneck, ProbeError, best_class};
use ndarray::{ArrayView2, Zip};

/// Weights that are tried; the first of the best is taken.
const TRIED: [f64; 11] = [0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0];

/// Rows that are looked at, at most.
pub(super) const ROWS: usize = 1000;

/// The chosen weight, with the mean number of wrong concepts and classes a row at each weight that was tried.
///
/// # Errors
/// As [`Bottleneck::concepts`].
pub(super) fn choose(
    model: &Energy,
    embeddings: ArrayView2<'_, f64>,
    concepts: ArrayView2<'_, f64>,
    labels: &[u32],
) -> Result<(f64, Vec<(f64, f64)>), ProbeError> {
    let mut tried = vec![];
    for weight in TRIED {
        let mut model = model.clone();
        model.choices.weights.global = weight;
        tried.push((weight, mistakes(&model, embeddings, concepts, labels)?));
    }
    let best = tried.iter().fold(tried[0], |best, &next| if next.1 < best.1 { next } else { best });
    Ok((best.0, tried))
}

/// Mean number of wrong concepts and classes a row.
pub(super) fn mistakes(
    model: &Energy,
    embeddings: ArrayView2<'_, f64>,
    concepts: ArrayView2<'_, f64>,
    labels: &[u32],
) -> Result<f64, ProbeError> {
    let found = model.concepts(embeddings)?;
    let mut wrong = 0usize;
    Zip::from(&found).and(concepts).for_each(|p, c| wrong += usize::from(!c.is_nan() && (*p >= 0.5) != (*c >= 0.5)));
    let classes = best_class(model.scores(found.view(), embeddings)?.view());
    wrong += classes.iter().zip(labels).filter(|(found, label)| found != label).count();
    Ok(wrong as f64 / labels.len() as f64)
}

/// Whether concepts are inferred from all energies, so that the weight moves them.
pub(super) fn is_joint(model: &Energy) -> bool {
    model.choices.method(model.names.concepts.len()) != Inference::FeedForward
}
