//! A fitted network with a codebook as a bottleneck.

use super::NAME;
use super::network::{CodeNetwork, told};
use crate::builders::layers::Layers;
use crate::train::{Scaling, single};
use crate::{Bottleneck, Head, Names, ProbeError, Record, Scale};
use narrows_dictionaries::codebook::{Codebook, Combine, Settings};
use ndarray::{Array2, ArrayView2, Axis};
use serde_json::json;

/// A fitted bottleneck of codes. Its concepts say which codes fire.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CodeBottleneck {
    names: Names,
    encoder: Layers,
    book: Codebook,
    /// From codes [groups · codes] to scores.
    head: Head,
}

impl CodeBottleneck {
    pub(super) fn new(network: &CodeNetwork, scaling: &Scaling, classes: &[String]) -> Self {
        let book = network.book.clone();
        let settings = &book.settings;
        let share = if settings.combine == Combine::Mean { 1.0 / settings.k as f64 } else { 1.0 };
        let width = book.codes.ncols();
        // A code's contribution to the scores is the same wherever it fires: the head is linear in which ones do.
        let mut weights = Array2::<f64>::zeros((book.codes.nrows(), classes.len()));
        for group in 0..settings.groups {
            let own = (group * settings.codes..(group + 1) * settings.codes).into();
            let codes = book.codes.slice_axis(Axis(0), own).mapv(f64::from);
            let columns = (group * width..(group + 1) * width).into();
            let through = network.head.weights.slice_axis(Axis(0), columns).mapv(f64::from);
            weights.slice_axis_mut(Axis(0), own).assign(&(codes.dot(&through) * share));
        }
        let head = Head { weights, intercepts: network.head.bias.mapv(f64::from) };
        let names = Names { concepts: concept_names(settings), classes: classes.to_vec() };
        Self { names, encoder: Layers::new(&network.encoder, Some(scaling)), book, head }
    }
}

fn concept_names(settings: &Settings) -> Vec<String> {
    let of_group = |group: usize| (1..=settings.codes).map(move |code| format!("group{group} code{code}"));
    (1..=settings.groups).flat_map(of_group).collect()
}

impl Bottleneck for CodeBottleneck {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.encoder.inputs()
    }

    fn scale(&self) -> Scale {
        Scale::Feature
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        let hidden = single(self.encoder.of_embeddings(embeddings)?.view());
        let ids = self.book.ids(hidden.view()).map_err(told)?;
        let Settings { codes, k, .. } = self.book.settings;
        let mut firing = Array2::zeros((ids.nrows(), self.names.concepts.len()));
        for ((sample, place), &id) in ids.indexed_iter() {
            firing[[sample, place / k * codes + id as usize]] = 1.0;
        }
        Ok(firing)
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        if concepts.ncols() != self.names.concepts.len() {
            let expected = self.names.concepts.len();
            return Err(ProbeError::WrongWidth { found: concepts.ncols(), expected });
        }
        Ok(self.head.scores(concepts))
    }

    fn record(&self) -> Record {
        let settings = json!({ "encoder": self.encoder.plan(), "codebook": self.book.settings });
        let record = Record::new(NAME, &self.names, self.n_features(), settings)
            .with_vector("codebook.gain", self.book.gain.mapv(f64::from).view())
            .with_vector("codebook.shift", self.book.shift.mapv(f64::from).view())
            .with_matrix("codebook.codes", self.book.codes.mapv(f64::from).view())
            .with_matrix("head.weights", self.head.weights.view())
            .with_vector("head.intercepts", self.head.intercepts.view());
        self.encoder.write("encoder", record)
    }

    fn head(&self) -> Option<Head> {
        Some(self.head.clone())
    }

    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        Some(Box::new(Self { head, ..self.clone() }))
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        None
    }
}

/// Brings back what [`Bottleneck::record`] wrote.
pub(super) fn restore(record: &Record) -> Result<Box<dyn Bottleneck>, ProbeError> {
    let damaged = |e: narrows_dictionaries::DictionaryError| ProbeError::Record(e.to_string());
    let settings: Settings = record.setting("codebook")?;
    let width = record.tensors.get("codebook.gain").map_or(0, |g| g.len());
    settings.check(width).map_err(damaged)?;
    let count = settings.groups.checked_mul(settings.codes);
    let count = count.ok_or_else(|| ProbeError::Record("the codebook's sizes are too large".into()))?;
    let encoder = Layers::read("encoder", record, record.n_features, width)?;
    let codes = single(record.matrix("codebook.codes", (count, width / settings.groups))?.view());
    let gain = record.vector("codebook.gain", width)?.mapv(|v| v as f32);
    let shift = record.vector("codebook.shift", width)?.mapv(|v| v as f32);
    let classes = record.names.classes.len();
    let head = Head {
        weights: record.matrix("head.weights", (count, classes))?,
        intercepts: record.vector("head.intercepts", classes)?,
    };
    let names = Names { concepts: concept_names(&settings), classes: record.names.classes.clone() };
    let book = Codebook { settings, gain, shift, codes };
    book.check().map_err(damaged)?;
    Ok(Box::new(CodeBottleneck { names, encoder, book, head }))
}
