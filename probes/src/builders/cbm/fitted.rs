//! A fitted concept bottleneck model.

use crate::builders::layers::Layers;
use crate::builders::outer_quantiles;
use crate::train::sigmoid;
use crate::{Bottleneck, Head, Names, ProbeError, Record, Scale};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What the head reads of the log odds z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reading {
    /// σ(z).
    Sigmoid,
    /// z.
    Logit,
    /// 1 if z ≥ 0, else 0.
    Hard,
}

impl Reading {
    /// Of log odds.
    pub(super) fn of(self, odds: Array2<f64>) -> Array2<f64> {
        match self {
            Reading::Sigmoid => odds.mapv(|z| 1.0 / (1.0 + (-z).exp())),
            Reading::Logit => odds,
            Reading::Hard => odds.mapv(|z| f64::from(z >= 0.0)),
        }
    }

    /// [`Reading::of`] in training.
    pub(super) fn in_training(self, odds: &Array2<f32>) -> Array2<f32> {
        match self {
            Reading::Sigmoid => odds.mapv(sigmoid),
            Reading::Logit => odds.clone(),
            Reading::Hard => odds.mapv(|z| f32::from(z >= 0.0)),
        }
    }

    fn scale(self) -> Scale {
        if self == Reading::Logit { Scale::Logit } else { Scale::Probability }
    }
}

/// Embeddings → log odds → what the head reads → class scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConceptNetwork {
    builder: &'static str,
    names: Names,
    reading: Reading,
    concepts: Layers,
    head: Layers,
    /// [concepts × 2].
    corrections: Array2<f64>,
}

impl ConceptNetwork {
    /// With the values that stand for "absent" and "present": 0 and 1, or the outer quantiles of the log odds that the
    /// concept predictor gives `embeddings`, those of the training.
    pub(super) fn new(
        builder: &'static str,
        names: Names,
        reading: Reading,
        (concepts, head): (Layers, Layers),
        embeddings: ArrayView2<'_, f64>,
    ) -> Self {
        let corrections = match reading {
            Reading::Logit => outer_quantiles(concepts.forward(embeddings).view()),
            _ => Array2::from_shape_fn((names.concepts.len(), 2), |(_, present)| present as f64),
        };
        Self { builder, names, reading, concepts, head, corrections }
    }

    pub(super) fn read(builder: &'static str, record: &Record) -> Result<Self, ProbeError> {
        let (concepts, classes) = (record.names.concepts.len(), record.names.classes.len());
        Ok(Self {
            builder,
            names: record.names.clone(),
            reading: record.setting("bottleneck")?,
            concepts: Layers::read("concepts", record, record.n_features, concepts)?,
            head: Layers::read("head", record, concepts, classes)?,
            corrections: record.matrix("corrections", (concepts, 2))?,
        })
    }
}

impl Bottleneck for ConceptNetwork {
    fn builder(&self) -> &'static str {
        self.builder
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.concepts.inputs()
    }

    fn scale(&self) -> Scale {
        self.reading.scale()
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        Ok(self.reading.of(self.concepts.of_embeddings(embeddings)?))
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        self.head.of_embeddings(concepts)
    }

    fn record(&self) -> Record {
        let settings = json!({
            "bottleneck": self.reading,
            "concepts": self.concepts.plan(),
            "head": self.head.plan(),
        });
        let record = Record::new(self.builder, &self.names, self.n_features(), settings)
            .with_matrix("corrections", self.corrections.view());
        self.head.write("head", self.concepts.write("concepts", record))
    }

    fn head(&self) -> Option<Head> {
        self.head.head()
    }

    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        self.head.head()?;
        Some(Box::new(Self { head: Layers::linear(head), ..self.clone() }))
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        Some(self.corrections.clone())
    }
}
