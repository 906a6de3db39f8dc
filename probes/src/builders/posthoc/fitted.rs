//! A fitted post-hoc bottleneck, with or without a residual.

use crate::bank::Bank;
use crate::builders::check_embeddings;
use crate::{Bottleneck, ConceptData, Head, Names, ProbeError, Record, Scale};
use ndarray::{Array1, Array2, ArrayView2};
use serde_json::json;

/// Distances from hyperplanes, a linear predictor on them, and in the hybrid one on the embeddings too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FittedPosthoc {
    builder: &'static str,
    names: Names,
    /// Unit vectors [concepts × features].
    vectors: Array2<f64>,
    intercepts: Array1<f64>,
    scale: Scale,
    /// Margins of absent and present [concepts × 2].
    corrections: Array2<f64>,
    head: Head,
    /// What the embeddings add: weights [features × classes].
    residual: Option<Head>,
}

impl FittedPosthoc {
    pub(super) fn new(bank: &Bank, scale: Scale, data: &ConceptData, head: Head) -> Self {
        let concepts = bank.concepts.iter().map(|c| c.name.clone()).collect();
        Self {
            builder: super::NAME,
            names: Names { concepts, classes: data.names().classes.clone() },
            vectors: bank.vectors(),
            intercepts: bank.intercepts(),
            scale,
            corrections: Array2::from_shape_fn((bank.concepts.len(), 2), |(j, side)| {
                bank.concepts[j].corrections[side]
            }),
            head,
            residual: None,
        }
    }

    /// With a residual: the hybrid.
    pub(super) fn with_residual(self, residual: Head) -> Self {
        Self { builder: super::hybrid::NAME, residual: Some(residual), ..self }
    }

    pub(super) fn restore(record: &Record) -> Result<Self, ProbeError> {
        let (concepts, classes) = (record.names.concepts.len(), record.names.classes.len());
        let head = |prefix: &str, rows| -> Result<Head, ProbeError> {
            Ok(Head {
                weights: record.matrix(&format!("{prefix}.weights"), (rows, classes))?,
                intercepts: record.vector(&format!("{prefix}.intercepts"), classes)?,
            })
        };
        let hybrid = record.builder == super::hybrid::NAME;
        Ok(Self {
            builder: if hybrid { super::hybrid::NAME } else { super::NAME },
            names: record.names.clone(),
            vectors: record.matrix("bank.vectors", (concepts, record.n_features))?,
            intercepts: record.vector("bank.intercepts", concepts)?,
            scale: record.setting("scale")?,
            corrections: record.matrix("bank.corrections", (concepts, 2))?,
            head: head("head", concepts)?,
            residual: hybrid.then(|| head("residual", record.n_features)).transpose()?,
        })
    }
}

impl Bottleneck for FittedPosthoc {
    fn builder(&self) -> &'static str {
        self.builder
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.vectors.ncols()
    }

    fn scale(&self) -> Scale {
        self.scale
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        Ok(embeddings.dot(&self.vectors.t()) + &self.intercepts)
    }

    fn scores(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>, ProbeError> {
        if concepts.ncols() != self.vectors.nrows() {
            let (found, expected) = (concepts.ncols(), self.vectors.nrows());
            return Err(ProbeError::Shape { what: "concepts of a sample".into(), found, expected });
        }
        let scores = self.head.scores(concepts);
        let Some(residual) = &self.residual else { return Ok(scores) };
        check_embeddings(embeddings, self.n_features())?;
        if embeddings.nrows() != concepts.nrows() {
            let (embeddings, other) = (embeddings.nrows(), concepts.nrows());
            return Err(ProbeError::LengthMismatch { embeddings, other, what: "rows of concepts" });
        }
        Ok(scores + residual.scores(embeddings))
    }

    fn record(&self) -> Record {
        let record = Record::new(self.builder, &self.names, self.n_features(), json!({ "scale": self.scale }))
            .with_matrix("bank.vectors", self.vectors.view())
            .with_vector("bank.intercepts", self.intercepts.view())
            .with_matrix("bank.corrections", self.corrections.view())
            .with_matrix("head.weights", self.head.weights.view())
            .with_vector("head.intercepts", self.head.intercepts.view());
        match &self.residual {
            None => record,
            Some(residual) => record
                .with_matrix("residual.weights", residual.weights.view())
                .with_vector("residual.intercepts", residual.intercepts.view()),
        }
    }

    fn head(&self) -> Option<Head> {
        Some(self.head.clone())
    }

    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        Some(Box::new(Self { head, ..self.clone() }))
    }

    fn bypasses(&self) -> bool {
        self.residual.is_some()
    }

    /// Mean margins of training samples that lack and have the concept; for given vectors the 5 % and 95 % quantiles of
    /// the training samples' similarities (Koh et al. 2020 set logits so), as nobody knows there who has it.
    fn corrections(&self) -> Option<Array2<f64>> {
        Some(self.corrections.clone())
    }
}
