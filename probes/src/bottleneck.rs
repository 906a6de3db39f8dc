//! The vocabulary of concept bottlenecks.

use crate::{ConceptData, ProbeError};
use ndarray::{Array2, ArrayView2, Zip};

/// Parameters of a bottleneck, ready to be fitted.
pub trait Builder {
    /// What a fit yields.
    type Fitted: Bottleneck;

    /// Name in tables and on the command line.
    fn name(&self) -> &'static str;

    /// Fits the bottleneck.
    ///
    /// # Errors
    /// When the data do not allow it; see [`ProbeError`].
    fn fit(&self, data: &ConceptData) -> Result<Self::Fitted, ProbeError>;
}

/// Embeddings → concepts → class scores.
pub trait Bottleneck {
    /// Concepts [samples × concepts] of embeddings [samples × features].
    ///
    /// # Errors
    /// When the number of features is not that of the fit, or a value is not finite.
    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError>;

    /// Class scores [samples × classes] of concepts; the largest is the prediction.
    ///
    /// # Errors
    /// When the number of concepts is not that of the fit.
    fn predict(&self, concepts: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError>;

    /// Weights [concepts × classes] of the prediction.
    fn weights(&self) -> ArrayView2<'_, f64>;

    /// Concepts with those that `mask` marks replaced by the truth, as a person would correct them.
    fn intervene(&self, concepts: &Array2<f64>, mask: &Array2<bool>, truth: &Array2<f64>) -> Array2<f64> {
        Zip::from(concepts)
            .and(mask)
            .and(truth)
            .map_collect(|&concept, &corrected, &true_value| if corrected { true_value } else { concept })
    }

    /// Share of samples whose largest score is at their label.
    ///
    /// # Errors
    /// As [`Bottleneck::concepts`].
    fn accuracy(&self, embeddings: ArrayView2<'_, f64>, labels: &[u32]) -> Result<f64, ProbeError> {
        let scores = self.predict(self.concepts(embeddings)?.view())?;
        if scores.nrows() != labels.len() {
            return Err(ProbeError::LengthMismatch { embeddings: scores.nrows(), other: labels.len(), what: "labels" });
        }
        let right = scores.outer_iter().zip(labels).filter(|(row, label)| {
            let best = row.iter().enumerate().fold(0, |best, (k, &v)| if v > row[best] { k } else { best });
            best == **label as usize
        });
        Ok(right.count() as f64 / labels.len() as f64)
    }
}
