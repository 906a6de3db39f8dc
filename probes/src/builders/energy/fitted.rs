//! A fitted energy-based bottleneck.

use super::NAME;
use super::choices::Choices;
use super::parts::{Parts, Tables};
use crate::builders::check_embeddings;
use crate::interventions::{Correction, Propagation};
use crate::{Bottleneck, JointModel, Known, Names, ProbeError, Record, Scale};
use ndarray::{Array2, ArrayView2};
use serde_json::json;

/// Three energies of embeddings, concepts and class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Energy {
    pub(super) names: Names,
    pub(super) parts: Parts,
    pub(super) tables: Tables,
    pub(super) choices: Choices,
}

impl Energy {
    pub(super) fn new(names: Names, parts: Parts, choices: Choices) -> Self {
        let tables = Tables::of(&parts);
        Self { names, parts, tables, choices }
    }

    pub(super) fn read(record: &Record) -> Result<Self, ProbeError> {
        let parts = Parts::read(record)?;
        let choices: Choices = record.setting("inference")?;
        choices.check_numbers()?;
        choices.check(record.names.concepts.len())?;
        Ok(Self::new(record.names.clone(), parts, choices))
    }

    fn check_concepts(&self, concepts: ArrayView2<'_, f64>) -> Result<(), ProbeError> {
        let (found, expected) = (concepts.ncols(), self.names.concepts.len());
        if found != expected {
            return Err(ProbeError::Shape { what: "concepts of an energy-based bottleneck".into(), found, expected });
        }
        crate::data::check_finite("concepts", concepts)
    }
}

impl Bottleneck for Energy {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.parts.n_features()
    }

    fn scale(&self) -> Scale {
        Scale::Probability
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        Ok(self.infer(embeddings, Known::default())?.concepts)
    }

    /// −w_y E_class(x, ·) − w_g E_global(ĉ, ·), of which a softmax is q(y) in mean-field inference. (Normalising
    /// E_global over classes would add the same number to all of them.)
    fn scores(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        self.check_concepts(concepts)?;
        if concepts.nrows() != embeddings.nrows() {
            let (embeddings, other) = (embeddings.nrows(), concepts.nrows());
            return Err(ProbeError::LengthMismatch { embeddings, other, what: "rows of concepts" });
        }
        let weights = self.choices.weights;
        let class = self.tables.evidence(&self.parts, embeddings).class;
        let global = self.tables.global(&self.tables.projected(concepts));
        Ok(class * -weights.class - global * weights.global)
    }

    fn record(&self) -> Record {
        let mut settings = self.parts.plan();
        settings["inference"] = json!(self.choices);
        self.parts.write(Record::new(NAME, &self.names, self.n_features(), settings))
    }

    fn bypasses(&self) -> bool {
        true
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        Some(Array2::from_shape_fn((self.names.concepts.len(), 2), |(_, present)| present as f64))
    }

    /// p(y | c) = softmax_y(−E_global(c, y)).
    fn class_given_concepts(&self, present: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, ProbeError> {
        self.check_concepts(present)?;
        let mut out = -self.tables.global(&self.tables.projected(present));
        for mut row in out.outer_iter_mut() {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total = largest + row.iter().map(|s| (s - largest).exp()).sum::<f64>().ln();
            row -= total;
        }
        Ok(Some(out))
    }

    /// softmax(−E_concept(x, ·)) of each concept.
    fn concepts_alone(&self, embeddings: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        let odds = self.tables.evidence(&self.parts, embeddings).odds;
        Ok(Some(odds.mapv(|z| 1.0 / (1.0 + (-z).exp()))))
    }

    fn joint(&self) -> Option<&dyn JointModel> {
        Some(self)
    }

    fn propagation(&self) -> Option<&dyn Propagation> {
        Some(self)
    }
}

impl Propagation for Energy {
    /// Corrected concepts are known; the others become their marginals under p(c_U, y | x, c_I) (Xu et al. 2024,
    /// proposition 3.1).
    fn propagate(&self, correction: Correction<'_>) -> Result<Array2<f64>, ProbeError> {
        let known = Known { concepts: Some((correction.corrected, correction.mask)), classes: None };
        let mut concepts = self.infer(correction.embeddings, known)?.concepts;
        // Where nothing was corrected nothing moves.
        for ((mut row, mask), predicted) in
            concepts.outer_iter_mut().zip(correction.mask.outer_iter()).zip(correction.predicted.outer_iter())
        {
            if !mask.iter().any(|known| *known) {
                row.assign(&predicted);
            }
        }
        Ok(concepts)
    }
}
