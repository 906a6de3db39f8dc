//! A fitted concept embedding model.

use super::NAME;
use crate::builders::check_embeddings;
use crate::builders::layers::Layers;
use crate::{Bottleneck, Names, ProbeError, Record, Scale};
use ndarray::{Array2, Array3, ArrayView2, Axis, Slice, concatenate};
use serde_json::json;

/// Samples whose vectors are held at once: there are 2m numbers of each concept.
const ROWS: usize = 512;

/// Embeddings → two vectors a concept → probabilities → mixed vectors → class scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConceptEmbedding {
    names: Names,
    /// m.
    width: usize,
    contexts: Layers,
    scorer: Layers,
    head: Layers,
}

impl ConceptEmbedding {
    pub(super) fn new(names: Names, width: usize, contexts: Layers, scorer: Layers, head: Layers) -> Self {
        Self { names, width, contexts, scorer, head }
    }

    pub(super) fn read(record: &Record) -> Result<Self, ProbeError> {
        let (l, k) = (record.names.concepts.len(), record.names.classes.len());
        let width: usize = record.setting("width")?;
        let vectors = l.checked_mul(width).and_then(|n| n.checked_mul(2));
        let vectors = vectors.ok_or_else(|| ProbeError::Record(format!("a width of {width} is too large")))?;
        Ok(Self {
            names: record.names.clone(),
            width,
            contexts: Layers::read("contexts", record, record.n_features, vectors)?,
            scorer: Layers::read("scorer", record, 2 * width, 1)?,
            head: Layers::read("head", record, l * width, k)?,
        })
    }

    /// Both vectors of every concept [samples × concepts × 2m].
    fn vectors(&self, embeddings: ArrayView2<'_, f64>) -> Array3<f64> {
        let shape = (embeddings.nrows(), self.names.concepts.len(), 2 * self.width);
        let contexts = self.contexts.forward(embeddings);
        contexts.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("as many outputs as vectors"))
    }

    /// Probabilities [samples × concepts].
    fn probabilities(&self, vectors: &Array3<f64>) -> Array2<f64> {
        let (samples, concepts, both) = vectors.dim();
        let pairs = vectors.view().into_shape_with_order((samples * concepts, both));
        let odds = self.scorer.forward(pairs.unwrap_or_else(|_| unreachable!("rows follow each other")));
        let odds = odds.into_shape_with_order((samples, concepts));
        odds.unwrap_or_else(|_| unreachable!("one of each pair")).mapv(|z| 1.0 / (1.0 + (-z).exp()))
    }

    /// The vectors mixed by the probabilities [samples × concepts × m].
    fn mixed(&self, vectors: &Array3<f64>, probabilities: ArrayView2<'_, f64>) -> Array3<f64> {
        let p = probabilities.insert_axis(Axis(2));
        let (present, absent) = vectors.view().split_at(Axis(2), self.width);
        &present * &p + &absent * &p.mapv(|p| 1.0 - p)
    }

    fn scores_of(&self, vectors: &Array3<f64>, probabilities: ArrayView2<'_, f64>) -> Array2<f64> {
        let mixed = self.mixed(vectors, probabilities);
        let shape = (mixed.dim().0, mixed.dim().1 * mixed.dim().2);
        let flat = mixed.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("rows follow each other"));
        self.head.forward(flat.view())
    }

    /// Some samples at a time: `part` of their embeddings and the range of their rows.
    fn in_parts<D: ndarray::RemoveAxis>(
        embeddings: ArrayView2<'_, f64>,
        part: impl Fn(ArrayView2<'_, f64>, Slice) -> ndarray::Array<f64, D>,
    ) -> Result<ndarray::Array<f64, D>, ProbeError> {
        let n = embeddings.nrows();
        let starts = (0..n.max(1)).step_by(ROWS);
        let parts: Vec<_> = starts
            .map(|from| {
                let rows = Slice::from(from..(from + ROWS).min(n));
                part(embeddings.slice_axis(Axis(0), rows), rows)
            })
            .collect();
        let views: Vec<_> = parts.iter().map(|p| p.view()).collect();
        concatenate(Axis(0), &views).map_err(|e| ProbeError::Data(format!("{NAME}: {e}")))
    }

    fn check(&self, concepts: ArrayView2<'_, f64>, embeddings: ArrayView2<'_, f64>) -> Result<(), ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        check_embeddings(concepts, self.names.concepts.len())?;
        if concepts.nrows() != embeddings.nrows() {
            return Err(ProbeError::LengthMismatch {
                embeddings: embeddings.nrows(),
                other: concepts.nrows(),
                what: "rows of concepts",
            });
        }
        Ok(())
    }
}

impl Bottleneck for ConceptEmbedding {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.contexts.inputs()
    }

    fn scale(&self) -> Scale {
        Scale::Probability
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        Self::in_parts(embeddings, |part, _| self.probabilities(&self.vectors(part)))
    }

    fn scores(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>, ProbeError> {
        self.check(concepts, embeddings)?;
        Self::in_parts(embeddings, |part, rows| self.scores_of(&self.vectors(part), concepts.slice_axis(Axis(0), rows)))
    }

    fn predict(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        // The vectors serve both the probabilities and the scores.
        Self::in_parts(embeddings, |part, _| {
            let vectors = self.vectors(part);
            self.scores_of(&vectors, self.probabilities(&vectors).view())
        })
    }

    fn record(&self) -> Record {
        let settings = json!({
            "width": self.width,
            "contexts": self.contexts.plan(),
            "scorer": self.scorer.plan(),
            "head": self.head.plan(),
        });
        let record = Record::new(NAME, &self.names, self.n_features(), settings);
        let record = self.contexts.write("contexts", record);
        self.head.write("head", self.scorer.write("scorer", record))
    }

    fn bypasses(&self) -> bool {
        true
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        Some(Array2::from_shape_fn((self.names.concepts.len(), 2), |(_, present)| present as f64))
    }

    fn representation(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Option<Array3<f64>>, ProbeError> {
        self.check(concepts, embeddings)?;
        let mix = |part: ArrayView2<'_, f64>, rows| self.mixed(&self.vectors(part), concepts.slice_axis(Axis(0), rows));
        Self::in_parts(embeddings, mix).map(Some)
    }
}
