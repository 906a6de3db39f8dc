//! What a bottleneck is fitted to.

use crate::ProbeError;
use ndarray::{Array2, ArrayView2};

/// Embeddings with labels, and concept labels where there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct ConceptData {
    embeddings: Array2<f64>,
    labels: Vec<u32>,
    n_classes: usize,
    concepts: Option<Array2<f64>>,
}

impl ConceptData {
    /// Embeddings [samples × features] with the class of each sample, from 0 without gaps.
    ///
    /// # Errors
    /// When the lengths differ, there are fewer than two samples or classes, or a value is not finite.
    pub fn new(embeddings: Array2<f64>, labels: Vec<u32>) -> Result<Self, ProbeError> {
        let (samples, features) = embeddings.dim();
        if samples != labels.len() {
            return Err(ProbeError::LengthMismatch { embeddings: samples, other: labels.len(), what: "labels" });
        }
        if samples < 2 || features == 0 {
            return Err(ProbeError::TooSmall { samples, features });
        }
        check_finite("embeddings", embeddings.view())?;
        if labels.iter().all(|&l| l == labels[0]) {
            return Err(ProbeError::OneClass { label: labels[0] });
        }
        let n_classes = labels.iter().max().map_or(0, |&l| l as usize + 1);
        Ok(Self { embeddings, labels, n_classes, concepts: None })
    }

    /// Adds concept labels [samples × concepts] in [0, 1]; NaN where a label is missing.
    ///
    /// # Errors
    /// When the number of rows differs.
    pub fn with_concepts(mut self, concepts: Array2<f64>) -> Result<Self, ProbeError> {
        if concepts.nrows() != self.labels.len() {
            return Err(ProbeError::LengthMismatch {
                embeddings: self.labels.len(),
                other: concepts.nrows(),
                what: "rows of concepts",
            });
        }
        self.concepts = Some(concepts);
        Ok(self)
    }

    /// Embeddings [samples × features].
    pub fn embeddings(&self) -> ArrayView2<'_, f64> {
        self.embeddings.view()
    }

    /// Class of each sample.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Number of classes, the largest label and one.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Concept labels, where there are any.
    pub fn concepts(&self) -> Option<ArrayView2<'_, f64>> {
        self.concepts.as_ref().map(|c| c.view())
    }

    /// Share of the most frequent class: what guessing achieves.
    pub fn majority_share(&self) -> f64 {
        let mut counts = vec![0usize; self.n_classes];
        for &l in &self.labels {
            counts[l as usize] += 1;
        }
        counts.iter().max().map_or(0.0, |&c| c as f64 / self.labels.len() as f64)
    }
}

pub(crate) fn check_finite(what: &'static str, values: ArrayView2<'_, f64>) -> Result<(), ProbeError> {
    match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => Err(ProbeError::NotFinite { what, row: row + 1, column: column + 1, value }),
        None => Ok(()),
    }
}
