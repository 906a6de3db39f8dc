//! Concepts and classes of embeddings in the light of what is known.

use super::choices::{Inference, Weighing};
use super::descent::{Descended, descend};
use super::exact::exact;
use super::fitted::Energy;
use super::gibbs::gibbs;
use super::global::Global;
use super::mean_field::mean_field;
use super::parts::Evidence;
use super::relaxed::Relaxed;
use super::sample::{Found, Sample};
use crate::builders::check_embeddings;
use crate::{JointModel, Known, Posterior, ProbeError};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Samples that go through products together.
const CHUNK: usize = 64;

/// What is known of some samples, checked.
struct Given {
    /// Probabilities of known concepts [samples × K], NaN where unknown.
    concepts: Array2<f64>,
    labels: Vec<Option<usize>>,
    weights: Vec<Weighing>,
}

impl Given {
    fn of(model: &Energy, samples: usize, known: Known<'_>) -> Result<Self, ProbeError> {
        let tables = &model.tables;
        let shape = (samples, tables.n_concepts());
        let mut concepts = Array2::from_elem(shape, f64::NAN);
        if let Some((values, mask)) = known.concepts {
            for found in [values.dim(), mask.dim()] {
                if found.0 != samples {
                    return Err(ProbeError::LengthMismatch {
                        embeddings: samples,
                        other: found.0,
                        what: "rows of known concepts",
                    });
                }
                if found != shape {
                    let what = "concepts of which something is known".into();
                    return Err(ProbeError::Shape { what, found: found.1, expected: shape.1 });
                }
            }
            for ((row, k), &value) in values.indexed_iter().filter(|(at, _)| mask[*at]) {
                if !(0.0..=1.0).contains(&value) {
                    let concept = model.names.concepts[k].clone();
                    return Err(ProbeError::BadConcept { concept, row: row + 1, value });
                }
                concepts[[row, k]] = value;
            }
        }
        let mut labels = vec![None; samples];
        if let Some(classes) = known.classes {
            if classes.len() != samples {
                let (embeddings, other) = (samples, classes.len());
                return Err(ProbeError::LengthMismatch { embeddings, other, what: "known classes" });
            }
            for (to, class) in labels.iter_mut().zip(classes) {
                *to = class.map(|c| c as usize);
                if to.is_some_and(|class| class >= tables.n_classes()) {
                    return Err(ProbeError::Data(format!(
                        "a sample's class is known to be number {}, but the classes are numbered from 0 to {}",
                        to.unwrap_or_default(),
                        tables.n_classes() - 1
                    )));
                }
            }
        }
        let corrected = concepts.outer_iter().map(|row| row.iter().any(|c| !c.is_nan()));
        let weights = corrected.map(|corrected| model.choices.weighing(corrected)).collect();
        Ok(Self { concepts, labels, weights })
    }

    fn rows(&self, rows: Slice, range: std::ops::Range<usize>) -> Self {
        Self {
            concepts: self.concepts.slice_axis(Axis(0), rows).to_owned(),
            labels: self.labels[range.clone()].to_vec(),
            weights: self.weights[range].to_vec(),
        }
    }
}

/// A chunk of samples and what is known of them.
struct Chunk {
    evidence: Evidence,
    given: Given,
}

impl Chunk {
    fn samples(&self) -> Vec<Sample<'_>> {
        (0..self.given.labels.len())
            .map(|i| Sample {
                odds: slice(&self.evidence.odds, i),
                class: slice(&self.evidence.class, i),
                known: slice(&self.given.concepts, i),
                label: self.given.labels[i],
                weights: self.given.weights[i],
            })
            .collect()
    }
}

/// A row of a matrix that is stored row after row.
fn slice(values: &Array2<f64>, row: usize) -> &[f64] {
    let width = values.ncols();
    &values.as_slice().unwrap_or_default()[row * width..(row + 1) * width]
}

impl Energy {
    fn chunks(&self, embeddings: ArrayView2<'_, f64>, known: Known<'_>) -> Result<Vec<Chunk>, ProbeError> {
        check_embeddings(embeddings, self.parts.n_features())?;
        let n = embeddings.nrows();
        let given = Given::of(self, n, known)?;
        let chunk = |from: usize| {
            let range = from..(from + CHUNK).min(n);
            let rows = Slice::from(range.clone());
            let evidence = self.tables.evidence(&self.parts, embeddings.slice_axis(Axis(0), rows));
            Chunk { evidence, given: given.rows(rows, range) }
        };
        let starts: Vec<usize> = (0..n).step_by(CHUNK).collect();
        Ok(starts.into_par_iter().map(chunk).collect())
    }

    fn descended(&self, chunk: &Chunk) -> Descended {
        descend(&self.tables, self.choices.partition, &chunk.evidence, &chunk.samples(), &self.choices.descent)
    }

    /// What the method of the choices finds of a chunk.
    fn found(&self, chunk: &Chunk, method: Inference) -> Vec<Found> {
        let global = Global { tables: &self.tables, partition: self.choices.partition };
        let samples = chunk.samples();
        match method {
            Inference::FeedForward => samples.iter().map(Sample::feed_forward).collect(),
            Inference::Gradient => self.descended(chunk).found,
            Inference::Sampling => {
                let chain = self.choices.chain;
                samples.iter().map(|s| gibbs(&global, s, chain.sweeps, chain.seed)).collect()
            }
            Inference::MeanField | Inference::Auto => samples.iter().map(|s| mean_field(&global, s)).collect(),
            Inference::Exact => {
                // Samples of which the same is known share the sum's energies.
                let mut alike: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
                for (i, sample) in samples.iter().enumerate() {
                    alike.entry(sample.known.iter().map(|c| c.to_bits()).collect()).or_default().push(i);
                }
                let mut found: Vec<(usize, Found)> = vec![];
                for members in alike.into_values() {
                    let group: Vec<Sample<'_>> = members.iter().map(|&i| samples[i]).collect();
                    found.extend(members.into_iter().zip(exact(&global, &group)));
                }
                found.sort_unstable_by_key(|(i, _)| *i);
                found.into_iter().map(|(_, found)| found).collect()
            }
        }
    }
}

impl JointModel for Energy {
    fn infer(&self, embeddings: ArrayView2<'_, f64>, known: Known<'_>) -> Result<Posterior, ProbeError> {
        let method = self.choices.method(self.tables.n_concepts());
        let chunks = self.chunks(embeddings, known)?;
        let parts: Vec<(Vec<Found>, Vec<f64>)> = chunks
            .par_iter()
            .map(|chunk| {
                let found = self.found(chunk, method);
                let all: Vec<usize> = (0..found.len()).collect();
                let concepts = matrix(found.iter().map(|f| &f.concepts[..]), self.tables.n_concepts());
                let classes = matrix(found.iter().map(|f| &f.classes[..]), self.tables.n_classes());
                let weights = &chunk.given.weights;
                let relaxed = Relaxed::new(&self.tables, self.choices.partition, &chunk.evidence, weights);
                let energies = relaxed.at(&all, &concepts, &classes).energies;
                (found, energies)
            })
            .collect();
        let found = || parts.iter().flat_map(|(found, _)| found);
        Ok(Posterior {
            concepts: matrix(found().map(|f| &f.concepts[..]), self.tables.n_concepts()),
            classes: matrix(found().map(|f| &f.classes[..]), self.tables.n_classes()),
            energy: parts.iter().flat_map(|(_, energies)| energies.iter().copied()).collect(),
            steps: found().map(|f| f.steps).collect(),
        })
    }

    fn energy_trace(&self, embeddings: ArrayView2<'_, f64>, known: Known<'_>) -> Result<Array2<f64>, ProbeError> {
        let chunks = self.chunks(embeddings, known)?;
        let traces: Vec<Vec<Vec<f64>>> = chunks.par_iter().map(|chunk| self.descended(chunk).traces).collect();
        let traces: Vec<Vec<f64>> = traces.into_iter().flatten().collect();
        let steps = traces.iter().map(Vec::len).max().unwrap_or(0);
        Ok(Array2::from_shape_fn((traces.len(), steps), |(i, t)| traces[i][t.min(traces[i].len() - 1)]))
    }
}

/// Rows of this width as a matrix.
fn matrix<'a>(rows: impl Iterator<Item = &'a [f64]>, width: usize) -> Array2<f64> {
    let values: Vec<f64> = rows.flatten().copied().collect();
    let count = values.len() / width.max(1);
    Array2::from_shape_vec((count, width), values).unwrap_or_else(|_| unreachable!("rows of one width"))
}
