//! Scores of a bottleneck under many edited heads, without running it again for each.

use crate::{Bottleneck, Head, ProbeError};
use ndarray::{Array2, ArrayView2};

/// A bottleneck whose head can be edited.
#[derive(Debug, Clone)]
pub struct Editable<'a> {
    bottleneck: &'a dyn Bottleneck,
    head: Head,
}

impl<'a> Editable<'a> {
    /// Looks whether its head is linear.
    ///
    /// # Errors
    /// When it is not, or the concepts are features without a name.
    pub fn new(bottleneck: &'a dyn Bottleneck) -> Result<Self, ProbeError> {
        let builder = bottleneck.builder();
        let none = |why| ProbeError::Data(format!("{builder} cannot be edited: {why}"));
        let head = bottleneck.head().ok_or_else(|| {
            none("its head is not linear, so that a class has no weights; posthoc, cbm-* with a linear head and sparse-* can be")
        })?;
        if bottleneck.with_head(head.clone()).is_none() {
            return Err(none("its weights cannot be replaced"));
        }
        Ok(Self { bottleneck, head })
    }

    /// Its head as it is.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The bottleneck with another head.
    ///
    /// # Errors
    /// When it does not take it.
    pub fn with(&self, head: &Head) -> Result<Box<dyn Bottleneck>, ProbeError> {
        let refused = || ProbeError::Data(format!("{} does not take the edited head", self.bottleneck.builder()));
        self.bottleneck.with_head(head.clone()).ok_or_else(refused)
    }

    /// Its scores of samples, ready for other heads.
    ///
    /// # Errors
    /// Whatever the bottleneck refuses.
    pub fn scores(&self, embeddings: ArrayView2<'_, f64>) -> Result<EditedScores, ProbeError> {
        let concepts = self.bottleneck.concepts(embeddings)?;
        let scores = self.bottleneck.scores(concepts.view(), embeddings)?;
        let found = EditedScores { rest: &scores - &concepts.dot(&self.head.weights), concepts, scores };
        found.check(self, embeddings)?;
        Ok(found)
    }
}

/// Scores of samples, and what of them does not come from the weights (intercepts, what passes beside the concepts).
#[derive(Debug, Clone)]
pub struct EditedScores {
    /// [samples × concepts]
    pub(super) concepts: Array2<f64>,
    /// [samples × classes]
    pub(super) scores: Array2<f64>,
    rest: Array2<f64>,
}

impl EditedScores {
    /// Scores [samples × classes] with the head as it is.
    pub fn before(&self) -> ArrayView2<'_, f64> {
        self.scores.view()
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.scores.nrows()
    }

    /// Scores [samples × classes] with another head; only classes whose weights differ are worked out.
    pub fn with(&self, before: &Head, after: &Head) -> Array2<f64> {
        let mut scores = self.scores.clone();
        for k in 0..scores.ncols() {
            let shift = after.intercepts[k] - before.intercepts[k];
            if shift != 0.0 || after.weights.column(k) != before.weights.column(k) {
                let column = self.concepts.dot(&after.weights.column(k)) + self.rest.column(k) + shift;
                scores.column_mut(k).assign(&column);
            }
        }
        scores
    }

    /// Some of the samples.
    pub fn rows(&self, rows: &[usize]) -> Self {
        let select = |a: &Array2<f64>| a.select(ndarray::Axis(0), rows);
        Self { concepts: select(&self.concepts), scores: select(&self.scores), rest: select(&self.rest) }
    }

    /// Whether the bottleneck itself says the same under a head with halved weights.
    fn check(&self, of: &Editable<'_>, embeddings: ArrayView2<'_, f64>) -> Result<(), ProbeError> {
        let few: Vec<usize> = (0..self.n_samples().min(16)).collect();
        let own = self.rows(&few);
        let other = Head { weights: &of.head.weights * 0.5, intercepts: &of.head.intercepts + 0.25 };
        let embeddings = embeddings.select(ndarray::Axis(0), &few);
        let found = of.with(&other)?.scores(own.concepts.view(), embeddings.view())?;
        let expected = own.with(&of.head, &other);
        let size = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
        if found.iter().zip(&expected).any(|(f, e)| (f - e).abs() > 1e-9 * size) {
            let builder = of.bottleneck.builder();
            return Err(ProbeError::Data(format!(
                "{builder} cannot be edited: its scores do not follow the weights of its head"
            )));
        }
        Ok(())
    }
}
