//! The vocabulary of concept bottlenecks.

use crate::interventions::Propagation;
use crate::{Attention, JointModel, Names, ProbeError, Record};
use ndarray::{Array1, Array2, Array3, ArrayView2, Zip};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// What the numbers between embeddings and classes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Probabilities that a concept is present, in [0, 1].
    Probability,
    /// Log odds that a concept is present.
    Logit,
    /// Signed distances from a hyperplane: positive means present.
    Margin,
    /// Similarities to a concept's vector: larger means more of it, without a threshold.
    Similarity,
    /// Features without a name: there are no concepts (linear probe, black box).
    Feature,
}

/// The linear map from concepts to class scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Weights [concepts × classes].
    pub weights: Array2<f64>,
    /// One a class.
    pub intercepts: Array1<f64>,
}

impl Head {
    /// Scores [samples × classes] of concepts [samples × concepts].
    pub fn scores(&self, concepts: ArrayView2<'_, f64>) -> Array2<f64> {
        concepts.dot(&self.weights) + &self.intercepts
    }

    /// Mean number of weights that are not zero a class: NEC, the number of effective concepts.
    pub fn concepts_per_class(&self) -> f64 {
        self.weights.iter().filter(|&&w| w != 0.0).count() as f64 / self.weights.ncols().max(1) as f64
    }
}

/// Embeddings → concepts → class scores.
pub trait Bottleneck: Debug + Send + Sync {
    /// Name of the builder that fitted it.
    fn builder(&self) -> &'static str;

    /// Names of its concepts (features where it has none) and classes.
    fn names(&self) -> &Names;

    /// Features of the embeddings that it takes.
    fn n_features(&self) -> usize;

    /// What its concepts are measured in.
    fn scale(&self) -> Scale;

    /// Concepts [samples × concepts] of embeddings [samples × features].
    ///
    /// # Errors
    /// When the number of features is not that of the fit, or a value is not finite.
    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError>;

    /// Class scores [samples × classes] of concepts; the largest is the prediction, and their softmax its
    /// probabilities unless [`Bottleneck::class_probabilities`] says otherwise. The embeddings of the same samples are
    /// read only by bottlenecks that let something pass beside the concepts ([`Bottleneck::bypasses`]).
    ///
    /// # Errors
    /// When the number of concepts, features or samples does not fit.
    fn scores(&self, concepts: ArrayView2<'_, f64>, embeddings: ArrayView2<'_, f64>)
    -> Result<Array2<f64>, ProbeError>;

    /// Everything that brings it back, by [`crate::registry::restore`].
    fn record(&self) -> Record;

    /// The linear map from concepts to scores, where it is one.
    fn head(&self) -> Option<Head> {
        None
    }

    /// The same bottleneck with another linear head; `None` where its head is not linear.
    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        let _ = head;
        None
    }

    /// Whether scores depend on embeddings otherwise than through the concepts.
    fn bypasses(&self) -> bool {
        false
    }

    /// For each concept the values [concepts × 2] that stand for "known to be absent" and "known to be present" when a
    /// person corrects it; `None` where the concepts are features.
    fn corrections(&self) -> Option<Array2<f64>>;

    /// Probabilities [samples × concepts] that a concept is present, where its scale allows that.
    fn concept_probabilities(&self, concepts: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
        match self.scale() {
            Scale::Probability => Some(concepts.to_owned()),
            Scale::Logit => Some(concepts.mapv(|z| 1.0 / (1.0 + (-z).exp()))),
            Scale::Margin | Scale::Similarity | Scale::Feature => None,
        }
    }

    /// What the head reads of each concept [samples × concepts × width], where that is more than the number in
    /// [`Bottleneck::concepts`] (concept embeddings); `None` where it is that number.
    ///
    /// # Errors
    /// As [`Bottleneck::scores`].
    fn representation(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Option<Array3<f64>>, ProbeError> {
        let _ = (concepts, embeddings);
        Ok(None)
    }

    /// ln p(class | concepts) [patterns × classes] where nothing but concepts is known: `present` [patterns × concepts]
    /// holds 1 for present and 0 for absent ones. `None` where the class never depends on concepts alone, or there are
    /// none.
    ///
    /// # Errors
    /// When the number of concepts does not fit.
    fn class_given_concepts(&self, present: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, ProbeError> {
        let Some(corrections) = self.corrections().filter(|_| !self.bypasses()) else { return Ok(None) };
        if present.ncols() != corrections.nrows() {
            let (found, expected) = (present.ncols(), corrections.nrows());
            return Err(ProbeError::Shape { what: "concepts of the patterns".into(), found, expected });
        }
        let concepts = Array2::from_shape_fn(present.dim(), |(i, j)| {
            let [absent, there] = [corrections[[j, 0]], corrections[[j, 1]]];
            absent + present[[i, j]] * (there - absent)
        });
        let nothing = Array2::zeros((present.nrows(), self.n_features()));
        let scores = self.scores(concepts.view(), nothing.view())?;
        Ok(Some(self.class_probabilities(scores.view()).mapv(f64::ln)))
    }

    /// p(c_k = 1 | x) [samples × concepts] by the embedding alone, where [`Bottleneck::concepts`] has weighed in the class
    /// and the other concepts; `None` where it has not.
    ///
    /// # Errors
    /// As [`Bottleneck::concepts`].
    fn concepts_alone(&self, embeddings: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, ProbeError> {
        let _ = embeddings;
        Ok(None)
    }

    /// The joint model of concepts and class that it is, if it is one.
    fn joint(&self) -> Option<&dyn JointModel> {
        None
    }

    /// What a correction of some concepts says about the others, if it says something.
    fn propagation(&self) -> Option<&dyn Propagation> {
        None
    }

    /// Where in an embedding that is a grid its concepts are seen, if it attends to cells.
    fn attention(&self) -> Option<&dyn Attention> {
        None
    }

    /// Class probabilities [samples × classes] of scores.
    fn class_probabilities(&self, scores: ArrayView2<'_, f64>) -> Array2<f64> {
        softmax(scores)
    }

    /// Scores [samples × classes] of embeddings.
    ///
    /// # Errors
    /// As [`Bottleneck::concepts`].
    fn predict(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        self.scores(self.concepts(embeddings)?.view(), embeddings)
    }

    /// Share of samples whose largest score is at their label.
    ///
    /// # Errors
    /// As [`Bottleneck::concepts`].
    fn accuracy(&self, embeddings: ArrayView2<'_, f64>, labels: &[u32]) -> Result<f64, ProbeError> {
        let scores = self.predict(embeddings)?;
        if scores.nrows() != labels.len() {
            return Err(ProbeError::LengthMismatch { embeddings: scores.nrows(), other: labels.len(), what: "labels" });
        }
        let right = best_class(scores.view()).iter().zip(labels).filter(|(found, label)| found == label).count();
        Ok(right as f64 / labels.len() as f64)
    }
}

/// Concepts with those that `mask` marks set to what a person knows of them: `truth` [samples × concepts] holds 0 and
/// 1, `corrections` [concepts × 2] what those are on the bottleneck's own scale.
pub fn intervene(
    concepts: ArrayView2<'_, f64>,
    mask: &Array2<bool>,
    truth: ArrayView2<'_, f64>,
    corrections: &Array2<f64>,
) -> Array2<f64> {
    let mut corrected = concepts.to_owned();
    Zip::indexed(&mut corrected).and(mask).and(truth).for_each(|(_, j), value, &known, &truth| {
        if known && !truth.is_nan() {
            *value = corrections[[j, usize::from(truth >= 0.5)]];
        }
    });
    corrected
}

/// The class of the largest score of each sample; of equal ones the first.
pub fn best_class(scores: ArrayView2<'_, f64>) -> Vec<u32> {
    let best = |row: ndarray::ArrayView1<'_, f64>| {
        row.iter().enumerate().fold(0, |best, (k, &v)| if v > row[best] { k } else { best }) as u32
    };
    scores.outer_iter().map(best).collect()
}

/// Softmax of each row.
pub fn softmax(scores: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = scores.to_owned();
    for mut row in out.outer_iter_mut() {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|s| (s - largest).exp());
        let total = row.sum();
        row.mapv_inplace(|e| e / total);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_correction_sets_the_scale_s_own_values_and_leaves_the_rest() {
        let concepts = array![[0.3, 0.4], [0.5, 0.6]];
        let mask = array![[true, false], [true, true]];
        let truth = array![[1.0, 1.0], [0.0, f64::NAN]];
        let found = intervene(concepts.view(), &mask, truth.view(), &array![[-5.0, 5.0], [-7.0, 7.0]]);
        assert_eq!(found, array![[5.0, 0.4], [-5.0, 0.6]]);
    }

    #[test]
    fn softmax_survives_large_scores_and_ties_go_to_the_first() {
        let p = softmax(array![[1000.0, 1000.0, 0.0]].view());
        assert!((p[[0, 0]] - 0.5).abs() < 1e-15 && p[[0, 2]] == 0.0);
        assert_eq!(best_class(array![[2.0, 2.0], [1.0, 3.0]].view()), [0, 1]);
    }
}
