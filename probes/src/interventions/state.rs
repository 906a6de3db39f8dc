//! Concepts under correction, and what the bottleneck would say if some of them were known.

use crate::{Bottleneck, Head, ProbeError, best_class};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut1, Axis};
use std::fmt::Debug;

/// What is known of a batch of samples after some corrections.
#[derive(Debug, Clone, Copy)]
pub struct Correction<'a> {
    /// Concepts [samples × concepts] as the bottleneck predicted them.
    pub predicted: ArrayView2<'a, f64>,
    /// The same, with what was corrected set to its new value.
    pub corrected: ArrayView2<'a, f64>,
    /// What was corrected.
    pub mask: &'a Array2<bool>,
    /// Embeddings [samples × features] of the samples.
    pub embeddings: ArrayView2<'a, f64>,
}

/// What corrections of some concepts say about the others.
pub trait Propagation: Debug + Send + Sync {
    /// Concepts [samples × concepts] in the light of what was corrected; corrected ones must stay as they are.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn propagate(&self, correction: Correction<'_>) -> Result<Array2<f64>, ProbeError>;

    /// Whether the other concepts always stay as they are.
    fn is_independent(&self) -> bool {
        false
    }
}

/// Corrections say nothing about other concepts: what concept bottlenecks without a model of the concepts assume.
#[derive(Debug, Clone, Copy, Default)]
pub struct Independent;

impl Propagation for Independent {
    fn propagate(&self, correction: Correction<'_>) -> Result<Array2<f64>, ProbeError> {
        Ok(correction.corrected.to_owned())
    }

    fn is_independent(&self) -> bool {
        true
    }
}

/// A bottleneck with what a simulation needs of it beforehand.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) bottleneck: &'a dyn Bottleneck,
    pub(crate) propagation: &'a dyn Propagation,
    /// Values [concepts × 2] of "absent" and "present".
    pub(crate) corrections: Array2<f64>,
    /// The head, where scores are affine in the concepts and corrections stay where they are made.
    linear: Option<Head>,
    /// Whether they are so given the embedding, with weights of each sample's own.
    own_weights: bool,
}

impl<'a> Model<'a> {
    /// Looks at how scores depend on concepts; `embeddings` are samples to try that on.
    pub(crate) fn new(
        bottleneck: &'a dyn Bottleneck,
        propagation: &'a dyn Propagation,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Self, ProbeError> {
        let corrections = bottleneck.corrections().ok_or_else(|| {
            let builder = bottleneck.builder();
            ProbeError::Data(format!("{builder} has features and no concepts: there is nothing to correct"))
        })?;
        let mut model = Self { bottleneck, propagation, corrections, linear: None, own_weights: false };
        model.own_weights = propagation.is_independent() && bottleneck.attention().is_some();
        if let Some(head) = bottleneck.head().filter(|_| propagation.is_independent())
            && model.is_affine(&head, embeddings)?
        {
            model.linear = Some(head);
        }
        Ok(model)
    }

    /// The same without the short cut of a linear head.
    #[cfg(test)]
    pub(crate) fn without_shortcut(mut self) -> Self {
        self.linear = None;
        self.own_weights = false;
        self
    }

    #[cfg(test)]
    pub(crate) fn has_shortcut(&self) -> bool {
        self.linear.is_some()
    }

    /// Whether scores move as the head says when every other concept is set to "present": a head that is only part of
    /// the way to the scores must not be taken for all of it.
    fn is_affine(&self, head: &Head, embeddings: ArrayView2<'_, f64>) -> Result<bool, ProbeError> {
        let few = embeddings.slice_axis(Axis(0), (0..embeddings.nrows().min(16)).into());
        let before = self.bottleneck.concepts(few)?;
        let mut after = before.clone();
        after.indexed_iter_mut().filter(|((i, j), _)| (i + j) % 2 == 0).for_each(|((_, j), v)| {
            *v = self.corrections[[j, 1]];
        });
        let expected = self.bottleneck.scores(before.view(), few)? + (&after - &before).dot(&head.weights);
        let found = self.bottleneck.scores(after.view(), few)?;
        let size = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
        Ok(found.iter().zip(&expected).all(|(f, e)| (f - e).abs() <= 1e-9 * size))
    }

    /// [`presence`] of this bottleneck's concepts.
    pub(crate) fn presence(&self, concepts: ArrayView2<'_, f64>) -> Array2<f64> {
        let own = self.bottleneck.concept_probabilities(concepts);
        own.unwrap_or_else(|| between(concepts, &self.corrections))
    }
}

/// Probability [samples × concepts] that a concept is present: the bottleneck's own, or, where its scale has none, its
/// place between the values that stand for absent (0) and present (1). `None` where it has features and no concepts.
pub fn presence(bottleneck: &dyn Bottleneck, concepts: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let corrections = bottleneck.corrections()?;
    Some(bottleneck.concept_probabilities(concepts).unwrap_or_else(|| between(concepts, &corrections)))
}

fn between(concepts: ArrayView2<'_, f64>, corrections: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn(concepts.dim(), |(i, j)| {
        let (low, high) = (corrections[[j, 0]], corrections[[j, 1]]);
        if high == low { 0.5 } else { ((concepts[[i, j]] - low) / (high - low)).clamp(0.0, 1.0) }
    })
}

/// A batch of samples between two corrections.
#[derive(Debug, Clone)]
pub(crate) struct State<'a> {
    pub(crate) model: &'a Model<'a>,
    embeddings: Array2<f64>,
    predicted: Array2<f64>,
    /// Concepts [samples × concepts] as they stand.
    pub(crate) concepts: Array2<f64>,
    mask: Array2<bool>,
    /// Scores [samples × classes] of the concepts as they stand.
    pub(crate) scores: Array2<f64>,
    /// Weights [samples × concepts × classes] of each sample's own, where scores are affine in the concepts given the
    /// embedding: they are found once, and not by running the network anew for each correction.
    own: Option<Array3<f64>>,
    /// Scores before anything was corrected.
    first: Array2<f64>,
}

impl<'a> State<'a> {
    /// Samples of which nothing is corrected yet.
    pub(crate) fn new(model: &'a Model<'a>, embeddings: Array2<f64>) -> Result<Self, ProbeError> {
        let predicted = model.bottleneck.concepts(embeddings.view())?;
        let scores = model.bottleneck.scores(predicted.view(), embeddings.view())?;
        let mask = Array2::from_elem(predicted.dim(), false);
        let attention = model.bottleneck.attention().filter(|_| model.own_weights);
        let own = attention.map(|a| a.weights(embeddings.view())).transpose()?;
        Ok(Self { model, embeddings, concepts: predicted.clone(), predicted, mask, first: scores.clone(), scores, own })
    }

    /// Sets concepts of one sample to what the person said; what they do not know stays.
    pub(crate) fn correct(&mut self, row: usize, members: &[usize], told: ArrayView2<'_, f64>) {
        for &concept in members {
            let answer = told[[row, concept]];
            if !answer.is_nan() {
                self.concepts[[row, concept]] = self.model.corrections[[concept, usize::from(answer >= 0.5)]];
                self.mask[[row, concept]] = true;
            }
        }
    }

    /// Brings the other concepts and the scores up to date.
    pub(crate) fn refresh(&mut self) -> Result<(), ProbeError> {
        if let Some(own) = &self.own {
            self.scores.assign(&self.first);
            let moves = &self.concepts - &self.predicted;
            for ((mut scores, own), moves) in self.scores.outer_iter_mut().zip(own.outer_iter()).zip(moves.outer_iter())
            {
                scores += &moves.dot(&own);
            }
            return Ok(());
        }
        if !self.model.propagation.is_independent() {
            self.concepts = self.propagated(self.concepts.view(), &self.mask, None)?;
        }
        self.scores = self.model.bottleneck.scores(self.concepts.view(), self.embeddings.view())?;
        Ok(())
    }

    /// Class of each sample as things stand.
    pub(crate) fn classes(&self) -> Vec<u32> {
        best_class(self.scores.view())
    }

    /// Class probabilities [samples × classes] as things stand.
    pub(crate) fn probabilities(&self) -> Array2<f64> {
        self.model.bottleneck.class_probabilities(self.scores.view())
    }

    /// Scores [rows × classes] of these samples if these concepts had the values [rows × members]; NaN leaves one as it
    /// is. `known` says that the values are corrections, which other concepts follow.
    pub(crate) fn scores_if(
        &self,
        rows: &[usize],
        members: &[usize],
        values: ArrayView2<'_, f64>,
        known: bool,
    ) -> Result<Array2<f64>, ProbeError> {
        if self.model.linear.is_some() || self.own.is_some() {
            let mut scores = self.scores.select(Axis(0), rows);
            for (i, mut row) in scores.outer_iter_mut().enumerate() {
                for (m, &concept) in members.iter().enumerate() {
                    let change = values[[i, m]] - self.concepts[[rows[i], concept]];
                    if change != 0.0 && !change.is_nan() {
                        self.add(&mut row, change, rows[i], concept);
                    }
                }
            }
            return Ok(scores);
        }
        let mut concepts = self.concepts.select(Axis(0), rows);
        let mut mask = self.mask.select(Axis(0), rows);
        for i in 0..rows.len() {
            for (m, &concept) in members.iter().enumerate() {
                if !values[[i, m]].is_nan() {
                    concepts[[i, concept]] = values[[i, m]];
                    mask[[i, concept]] = true;
                }
            }
        }
        if known && !self.model.propagation.is_independent() {
            concepts = self.propagated(concepts.view(), &mask, Some(rows))?;
        }
        self.model.bottleneck.scores(concepts.view(), self.embeddings.select(Axis(0), rows).view())
    }

    /// Adds to the scores of a sample what so much more of a concept does.
    fn add(&self, scores: &mut ArrayViewMut1<'_, f64>, change: f64, sample: usize, concept: usize) {
        match (&self.own, &self.model.linear) {
            (Some(own), _) => {
                scores.scaled_add(change, &own.index_axis(Axis(0), sample).index_axis(Axis(0), concept));
            }
            (None, Some(head)) => scores.scaled_add(change, &head.weights.row(concept)),
            (None, None) => {}
        }
    }

    fn propagated(
        &self,
        corrected: ArrayView2<'_, f64>,
        mask: &Array2<bool>,
        rows: Option<&[usize]>,
    ) -> Result<Array2<f64>, ProbeError> {
        let all: Vec<usize> = (0..self.predicted.nrows()).collect();
        let rows = rows.unwrap_or(&all);
        let (predicted, embeddings) = (self.predicted.select(Axis(0), rows), self.embeddings.select(Axis(0), rows));
        self.model.propagation.propagate(Correction {
            predicted: predicted.view(),
            corrected,
            mask,
            embeddings: embeddings.view(),
        })
    }

    /// Class probabilities [rows × classes] if these concepts were known to have these values.
    pub(crate) fn probabilities_if(
        &self,
        rows: &[usize],
        members: &[usize],
        values: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>, ProbeError> {
        let scores = self.scores_if(rows, members, values, true)?;
        Ok(self.model.bottleneck.class_probabilities(scores.view()))
    }
}
