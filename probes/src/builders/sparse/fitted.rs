//! A fitted sparse bottleneck.

use crate::builders::check_embeddings;
use crate::builders::similarity::cosines;
use crate::{Bottleneck, Head, Names, ProbeError, Record, Scale};
use ndarray::{Array2, ArrayView2};
use serde_json::json;

/// Embeddings → scaled similarities to concept vectors → layer → class scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SparseBottleneck {
    pub(super) builder: &'static str,
    pub(super) names: Names,
    /// What cosines are multiplied by.
    pub(super) scale: f64,
    /// Of unit length [concepts × features].
    pub(super) vectors: Array2<f64>,
    /// [concepts × units]; without one the similarities themselves are the concepts.
    pub(super) layer: Option<Array2<f64>>,
    pub(super) head: Head,
    /// [concepts × 2].
    pub(super) corrections: Array2<f64>,
}

impl SparseBottleneck {
    pub(super) fn read(builder: &'static str, record: &Record) -> Result<Self, ProbeError> {
        let (l, k) = (record.names.concepts.len(), record.names.classes.len());
        let has_layer: bool = record.setting("layer")?;
        Ok(Self {
            builder,
            names: record.names.clone(),
            scale: record.setting("scale")?,
            vectors: record.matrix("vectors", (l, record.n_features))?,
            layer: if has_layer { Some(record.matrix("layer", (l, l))?) } else { None },
            head: Head {
                weights: record.matrix("head.weights", (l, k))?,
                intercepts: record.vector("head.intercepts", k)?,
            },
            corrections: record.matrix("corrections", (l, 2))?,
        })
    }
}

impl Bottleneck for SparseBottleneck {
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
        Scale::Similarity
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        let similarities = cosines(embeddings, self.vectors.view()) * self.scale;
        Ok(match &self.layer {
            Some(layer) => similarities.dot(layer),
            None => similarities,
        })
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(concepts, self.vectors.nrows())?;
        Ok(self.head.scores(concepts))
    }

    fn record(&self) -> Record {
        let settings = json!({ "scale": self.scale, "layer": self.layer.is_some() });
        let record = Record::new(self.builder, &self.names, self.n_features(), settings)
            .with_matrix("vectors", self.vectors.view())
            .with_matrix("head.weights", self.head.weights.view())
            .with_vector("head.intercepts", self.head.intercepts.view())
            .with_matrix("corrections", self.corrections.view());
        match &self.layer {
            Some(layer) => record.with_matrix("layer", layer.view()),
            None => record,
        }
    }

    fn head(&self) -> Option<Head> {
        Some(self.head.clone())
    }

    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        Some(Box::new(Self { head, ..self.clone() }))
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        Some(self.corrections.clone())
    }
}
