//! Concept banks: a direction in the space of embeddings for each concept (concept activation vectors, Kim et al.
//! 2018), as post-hoc concept bottlenecks use them (Yuksekgonul, Wang & Zou 2023).
//!
//! A vector comes from labelled samples — by default a linear support-vector machine whose C is chosen on held-out
//! samples — or is given (a text embedding). Of the labelled samples at most `per_side` positives and negatives are
//! drawn, without replacement, and both sides weigh the same: a rare concept keeps all of its positives, a frequent one
//! does not cost minutes, and the threshold does not follow the concept's frequency. The authors draw equal numbers,
//! with replacement where there are too few, so that the same sample can train and validate; that is not done here.

mod auc;
mod direction;
mod fit;
mod hygiene;
mod margins;
mod plan;

mod sample;
#[cfg(test)]
mod tests;

pub use auc::{Separation, separation};
pub use direction::Method;
pub use fit::Dropped;
pub use hygiene::{cosines, representatives};
pub use margins::MarginStatistics;
pub(crate) use margins::quantile;
pub use plan::BankPlan;
pub(crate) use plan::LIST;

use crate::builders::check_embeddings;
use crate::{ConceptData, Measure, Observer, ProbeError};
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

/// A concept's unit vector and threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct ConceptVector {
    /// Its name.
    pub name: String,
    /// Its number among the concepts of the data.
    pub column: usize,
    /// Unit vector c/‖c‖, one number a feature.
    pub vector: Array1<f64>,
    /// b/‖c‖: the margin of an embedding e is `vector·e + intercept`.
    pub intercept: f64,
    /// The C that was chosen, where the method has one.
    pub cost: Option<f64>,
    /// Training samples that have the concept, of all that say.
    pub positives: usize,
    /// Training samples that do not.
    pub negatives: usize,
    /// Statistics of the margins of the samples that the vector was fitted to.
    pub margins: MarginStatistics,
    /// Balanced accuracy on those samples.
    pub train_accuracy: f64,
    /// Accuracy and AUC on the held-out samples; none for a given vector.
    pub validation: Option<Separation>,
    /// Of the permutation test, where there was one.
    pub p_value: Option<f64>,
    /// Margins that stand for absent and present: means over all training samples that lack and have the concept; for
    /// a given vector the 5 % and 95 % quantiles of its similarities.
    pub corrections: [f64; 2],
    /// Whether the fit reached its minimum.
    pub converged: bool,
}

/// The vectors of several concepts.
#[derive(Debug, Clone, PartialEq)]
pub struct Bank {
    /// Concepts in the order of the data.
    pub concepts: Vec<ConceptVector>,
    /// Those that are left out.
    pub dropped: Vec<Dropped>,
}

impl Bank {
    /// Fits a vector for every labelled concept.
    ///
    /// # Errors
    /// When there are no concept labels, or no concept is left.
    pub fn fit(
        plan: &BankPlan,
        data: &ConceptData,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Self, ProbeError> {
        let labels = data.concepts().ok_or_else(|| {
            ProbeError::Data("a bank from labels needs concept labels; with concept vectors, say source=vectors".into())
        })?;
        Self::fit_labels(plan, data.embeddings(), labels, &data.names().concepts, seed, observer)
    }

    /// Fits a vector for every column of concept labels [samples × concepts] (NaN where missing), without classes.
    ///
    /// # Errors
    /// When rows or names do not fit, a value is not finite, or no concept is left.
    pub fn fit_labels(
        plan: &BankPlan,
        embeddings: ArrayView2<'_, f64>,
        labels: ArrayView2<'_, f64>,
        names: &[String],
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Self, ProbeError> {
        let (rows, total) = labels.dim();
        if rows != embeddings.nrows() {
            let embeddings = embeddings.nrows();
            return Err(ProbeError::LengthMismatch { embeddings, other: rows, what: "rows of concepts" });
        }
        if names.len() != total {
            let what = format!("names for {total} columns of concepts");
            return Err(ProbeError::Shape { what, found: names.len(), expected: total });
        }
        check_embeddings(embeddings, embeddings.ncols())?;
        let mut fitted = Vec::with_capacity(total);
        let columns: Vec<usize> = (0..total).collect();
        // As many concepts at a time as keep the threads busy: progress is told in between.
        for part in columns.chunks(4 * rayon::current_num_threads().max(1)) {
            let one =
                |&column: &usize| fit::concept(plan, embeddings, labels.column(column), (column, &names[column]), seed);
            fitted.extend(part.par_iter().map(one).collect::<Result<Vec<_>, _>>()?);
            observer.progress(fitted.len(), total);
        }
        let (mut concepts, mut dropped) = (vec![], vec![]);
        for outcome in fitted {
            match outcome {
                Ok(concept) => concepts.push(concept),
                Err(reason) => dropped.push(reason),
            }
        }
        Self { concepts, dropped }.merged(plan.merge)
    }

    /// The vectors of the data, normalised, with intercept 0.
    ///
    /// # Errors
    /// When there are no concept vectors.
    pub fn given(plan: &BankPlan, data: &ConceptData) -> Result<Self, ProbeError> {
        let vectors = data.vectors().ok_or_else(|| {
            ProbeError::Data("a bank from vectors needs concept vectors; with concept labels, say source=labels".into())
        })?;
        let concept = |(column, vector): (usize, ndarray::ArrayView1<'_, f64>)| {
            let vector = &vector / vector.dot(&vector).sqrt();
            let margins = data.embeddings().dot(&vector).to_vec();
            let mut sorted = margins.clone();
            sorted.sort_by(f64::total_cmp);
            ConceptVector {
                name: data.names().concepts[column].clone(),
                column,
                vector,
                intercept: 0.0,
                cost: None,
                positives: 0,
                negatives: 0,
                margins: MarginStatistics::new(&margins),
                train_accuracy: f64::NAN,
                validation: None,
                p_value: None,
                corrections: [quantile(&sorted, 0.05), quantile(&sorted, 0.95)],
                converged: true,
            }
        };
        Self { concepts: vectors.outer_iter().enumerate().map(concept).collect(), dropped: vec![] }.merged(plan.merge)
    }

    /// Drops the worse of two vectors (by validation AUC; the later one where there is none) that are nearly the same.
    fn merged(mut self, threshold: f64) -> Result<Self, ProbeError> {
        if self.concepts.is_empty() {
            let why: Vec<String> = self.dropped.iter().map(|d| format!("'{}': {}", d.name, d.reason)).collect();
            return Err(ProbeError::Data(format!("no concept is left in the bank: {}", why.join("; "))));
        }
        let cosines = cosines(self.vectors().view());
        let merit: Vec<f64> = self.concepts.iter().map(|c| c.validation.map_or(0.0, |v| v.auc)).collect();
        let stands = representatives(&cosines, &merit, threshold);
        let mut kept = vec![];
        for (place, concept) in self.concepts.iter().enumerate() {
            if stands[place] == place {
                kept.push(concept.clone());
            } else {
                let (other, cosine) = (&self.concepts[stands[place]].name, cosines[[place, stands[place]]]);
                let reason = format!("its vector is that of '{other}' (cosine {cosine:.3}, merge {threshold})");
                self.dropped.push(Dropped { name: concept.name.clone(), reason });
            }
        }
        self.concepts = kept;
        Ok(self)
    }

    /// Unit vectors [concepts × features].
    pub fn vectors(&self) -> Array2<f64> {
        let features = self.concepts.first().map_or(0, |c| c.vector.len());
        Array2::from_shape_fn((self.concepts.len(), features), |(j, f)| self.concepts[j].vector[f])
    }

    /// Intercepts of the margins.
    pub fn intercepts(&self) -> Array1<f64> {
        self.concepts.iter().map(|c| c.intercept).collect()
    }

    /// Margins [samples × concepts] of embeddings [samples × features].
    ///
    /// # Errors
    /// When the width is another than that of the vectors, or a value is not finite.
    pub fn margins(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        let vectors = self.vectors();
        check_embeddings(embeddings, vectors.ncols())?;
        Ok(embeddings.dot(&vectors.t()) + &self.intercepts())
    }

    /// What is known of each vector.
    pub fn measures(&self) -> Vec<Measure> {
        let mut measures = vec![];
        let cosines = cosines(self.vectors().view());
        for (place, concept) in self.concepts.iter().enumerate() {
            let mut add = |metric, value| measures.push(Measure::concept(metric, &concept.name, value));
            concept.cost.into_iter().for_each(|c| add("bank_c", c));
            if let Some(validation) = concept.validation {
                add("bank_positives", concept.positives as f64);
                add("bank_negatives", concept.negatives as f64);
                add("bank_train_accuracy", concept.train_accuracy);
                add("bank_validation_accuracy", validation.balanced_accuracy);
                let auc = Measure::concept("bank_validation_auc", &concept.name, validation.auc);
                measures.push(Measure { std_error: Some(validation.std_error), ..auc });
            }
            let mut add = |metric, value| measures.push(Measure::concept(metric, &concept.name, value));
            concept.p_value.into_iter().for_each(|p| add("bank_p_value", p));
            let others = (0..self.concepts.len()).filter(|&o| o != place).map(|o| cosines[[place, o]]);
            others.reduce(f64::max).into_iter().for_each(|c| add("bank_nearest_cosine", c));
            measures.extend(concept.margins.measures(&concept.name));
        }
        measures
    }

    /// What the user should know: dropped concepts, fits without a minimum, vectors no better than chance.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> =
            self.dropped.iter().map(|d| format!("the concept '{}' is left out: {}", d.name, d.reason)).collect();
        let named = |chosen: &dyn Fn(&ConceptVector) -> bool| {
            let names: Vec<&str> = self.concepts.iter().filter(|c| chosen(c)).map(|c| c.name.as_str()).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        if let Some(names) = named(&|c| !c.converged) {
            warnings
                .push(format!("no minimum was found for the vectors of: {names}; smaller costs (c=) converge faster"));
        }
        if let Some(names) = named(&|c| c.validation.is_some_and(|v| v.auc - 2.0 * v.std_error < 0.5)) {
            warnings.push(format!("vectors no better than chance on held-out samples: {names}; min-auc drops them"));
        }
        warnings
    }
}
