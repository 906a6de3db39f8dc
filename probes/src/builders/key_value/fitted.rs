//! A fitted memory as a bottleneck.

use super::NAME;
use super::plan::told;
use crate::builders::check_embeddings;
use crate::train::single;
use crate::{Bottleneck, Names, ProbeError, Record, Scale};
use narrows_dictionaries::key_value::{KeyValueMemory, Split, Splitter};
use ndarray::{Array1, Array2, Array3, ArrayView2};
use serde_json::json;

/// A fitted key–value bottleneck. Its concepts are the numbers of the fetched pairs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyValue {
    names: Names,
    memory: KeyValueMemory,
    /// Pairs that may be fetched, where some may not.
    allowed: Option<Vec<bool>>,
}

impl KeyValue {
    pub(super) fn new(memory: &KeyValueMemory, classes: &[String], mask: bool) -> Self {
        let concepts = (1..=memory.splitter.heads).flat_map(|head| {
            (1..=memory.nearest).map(move |n| {
                if memory.nearest == 1 { format!("head{head}") } else { format!("head{head} nearest{n}") }
            })
        });
        let names = Names { concepts: concepts.collect(), classes: classes.to_vec() };
        Self { names, memory: memory.clone(), allowed: mask.then(|| memory.used()) }
    }

    /// The first pair of the head of a concept.
    fn first(&self, concept: usize) -> usize {
        concept / self.memory.nearest * self.memory.pairs
    }

    /// The row of values that a concept of this value stands for.
    fn row(&self, concept: usize, value: f64) -> Result<usize, ProbeError> {
        if value.fract() == 0.0 && (0.0..self.memory.pairs as f64).contains(&value) {
            return Ok(self.first(concept) + value as usize);
        }
        Err(ProbeError::Data(format!(
            "key-value: {} = {value}, but a concept is the number of a pair, from 0 to {}",
            self.names.concepts[concept],
            self.memory.pairs - 1
        )))
    }

    fn check_concepts(&self, concepts: ArrayView2<'_, f64>) -> Result<(), ProbeError> {
        let expected = self.names.concepts.len();
        if concepts.ncols() == expected {
            Ok(())
        } else {
            Err(ProbeError::WrongWidth { found: concepts.ncols(), expected })
        }
    }
}

impl Bottleneck for KeyValue {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.memory.splitter.inputs
    }

    fn scale(&self) -> Scale {
        Scale::Feature
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        let fetched = self.memory.fetch(single(embeddings).view(), self.allowed.as_deref()).map_err(told)?;
        Ok(Array2::from_shape_fn(fetched.pairs.dim(), |(i, c)| f64::from(fetched.pairs[[i, c]]) - self.first(c) as f64))
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        self.check_concepts(concepts)?;
        let mut scores = Array2::zeros((concepts.nrows(), self.memory.classes()));
        for (mut row, concepts) in scores.outer_iter_mut().zip(concepts.outer_iter()) {
            for (concept, &value) in concepts.iter().enumerate() {
                let values = self.memory.values.row(self.row(concept, value)?);
                row.zip_mut_with(&values, |s: &mut f64, &v| *s += f64::from(v));
            }
            row /= self.memory.splitter.heads as f64;
        }
        Ok(scores)
    }

    fn representation(
        &self,
        concepts: ArrayView2<'_, f64>,
        _: ArrayView2<'_, f64>,
    ) -> Result<Option<Array3<f64>>, ProbeError> {
        self.check_concepts(concepts)?;
        let mut fetched = Array3::zeros((concepts.nrows(), concepts.ncols(), self.memory.classes()));
        for ((i, concept), &value) in concepts.indexed_iter() {
            let values = self.memory.values.row(self.row(concept, value)?);
            values.iter().enumerate().for_each(|(k, &v)| fetched[[i, concept, k]] = f64::from(v));
        }
        Ok(Some(fetched))
    }

    fn record(&self) -> Record {
        let memory = &self.memory;
        let splitter = &memory.splitter;
        let settings = json!({
            "splitter": kind_name(splitter.kind),
            "heads": splitter.heads,
            "key_dimension": splitter.key_dimension,
            "pairs": memory.pairs,
            "nearest": memory.nearest,
            "mask_unused": self.allowed.is_some(),
        });
        let counts: Array1<f64> = memory.counts.iter().map(|&c| c as f64).collect();
        let record = Record::new(NAME, &self.names, splitter.inputs, settings)
            .with_matrix("keys", memory.keys.mapv(f64::from).view())
            .with_matrix("values", memory.values.mapv(f64::from).view())
            .with_vector("counts", counts.view());
        match splitter.kind {
            Split::Projection => record.with_matrix("projection", splitter.projection.mapv(f64::from).view()),
            Split::Chunks | Split::Identity => record,
        }
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        None
    }
}

fn kind_name(kind: Split) -> &'static str {
    match kind {
        Split::Projection => "projection",
        Split::Chunks => "chunks",
        Split::Identity => "identity",
    }
}

/// Brings back what [`Bottleneck::record`] wrote.
pub(super) fn restore(record: &Record) -> Result<Box<dyn Bottleneck>, ProbeError> {
    let damaged = |e: narrows_dictionaries::DictionaryError| ProbeError::Record(e.to_string());
    let (heads, key_dimension): (usize, usize) = (record.setting("heads")?, record.setting("key_dimension")?);
    let (pairs, nearest): (usize, usize) = (record.setting("pairs")?, record.setting("nearest")?);
    let name: String = record.setting("splitter")?;
    let kinds = [Split::Projection, Split::Chunks, Split::Identity];
    let kind = kinds
        .into_iter()
        .find(|k| kind_name(*k) == name)
        .ok_or_else(|| ProbeError::Record(format!("setting 'splitter': there is no '{name}'")))?;
    let too_many = || ProbeError::Record("the sizes of heads, pairs and keys are too large".into());
    let all = heads.checked_mul(pairs).ok_or_else(too_many)?;
    let columns = heads.checked_mul(key_dimension).ok_or_else(too_many)?;
    let inputs = record.n_features;
    let projection = match kind {
        Split::Projection => single(record.matrix("projection", (inputs, columns))?.view()),
        Split::Chunks | Split::Identity => Array2::zeros((0, 0)),
    };
    // What a splitter of these sizes would be must be what was written down.
    if kind != Split::Projection {
        let expected = Splitter::new(kind, inputs, heads, key_dimension, 0).map_err(damaged)?.key_dimension;
        if expected != key_dimension {
            return Err(ProbeError::Record(format!("setting 'key_dimension' is {key_dimension}, not {expected}")));
        }
    }
    let counts = record.vector("counts", all)?.iter().map(|&c| c as u64).collect();
    let memory = KeyValueMemory {
        splitter: Splitter { kind, inputs, heads, key_dimension, projection },
        pairs,
        nearest,
        keys: single(record.matrix("keys", (all, key_dimension))?.view()),
        values: single(record.matrix("values", (all, record.names.classes.len()))?.view()),
        counts,
    };
    memory.check().map_err(damaged)?;
    Ok(Box::new(KeyValue::new(&memory, &record.names.classes, record.setting("mask_unused")?)))
}
