//! Fitting one bottleneck and saying how good it is.

use super::data::{DataSpec, Subject};
use super::guard::Sound;
use super::measure;
use super::model::{Model, Statistics};
use super::predict::predictions;
use super::trace::Trace;
use crate::table::{ConceptMetricRow, ConceptPredictionRow, ConceptWeightRow, PlaneRow};
use anyhow::{Context, Result};
use narrows_probes::metrics::Bootstrap;
use narrows_probes::{Bottleneck, ConceptData, Measure, Observer, Scale, registry};
use ndarray::Axis;
use std::time::Instant;

/// Resamples of an interval.
const RESAMPLES: usize = 200;

/// A fit and what it came to.
#[derive(Debug)]
pub struct FitResult {
    /// The bottleneck with what is known of it.
    pub model: Model,
    /// Numbers about it.
    pub metrics: Vec<ConceptMetricRow>,
    /// Its head's weights, where that is linear.
    pub weights: Vec<ConceptWeightRow>,
    /// What it says of every sample.
    pub predictions: Vec<ConceptPredictionRow>,
    /// The concept information plane, where it was traced and the builder trains in epochs.
    pub plane: Vec<PlaneRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Seconds that the fit itself took.
    pub seconds: f64,
}

/// What to trace of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// Name of the run in the table of the plane.
    pub run: String,
    /// Estimators of the information plane; the usual one where none is named.
    pub estimators: Vec<String>,
}

/// Fits the builder of a specification (`name:key=value,…`) to the training samples, and measures it on both parts.
///
/// # Errors
/// When the specification or the data are at fault.
pub fn fit(
    subject: &Subject,
    sound: &Sound,
    (probe, specification): (&str, &str),
    data: &DataSpec,
    seed: u64,
    traced: Option<&Traced>,
    observer: &mut dyn Observer,
) -> Result<FitResult> {
    let builder = registry::builder(specification)?;
    let began = Instant::now();
    let (fitted, plane) = match traced {
        None => (builder.fit(&sound.training, seed, observer), vec![]),
        Some(traced) => {
            let labels = subject.test.iter().map(|&r| subject.data.labels()[r]).collect();
            let embeddings = subject.data.embeddings().select(Axis(0), &subject.test);
            let mut trace = Trace::new(&traced.run, seed, (embeddings, labels), &traced.estimators, observer)?;
            let fitted = builder.fit(&sound.training, seed, &mut trace);
            (fitted, trace.finish()?)
        }
    };
    let fitted = fitted.with_context(|| format!("cannot fit {probe}"))?;
    let seconds = began.elapsed().as_secs_f64();
    let bottleneck = fitted.bottleneck;
    let statistics = Statistics::of(bottleneck.as_ref(), &sound.training)?;
    let model = Model {
        probe: probe.into(),
        specification: specification.into(),
        seed,
        data: data.clone(),
        statistics,
        bottleneck,
    };
    let mut metrics: Vec<ConceptMetricRow> =
        fitted.measures.iter().map(|m| measured(m, &model, sound.training.n_samples())).collect();
    let mut all = Vec::new();
    for (split, rows) in [("train", &subject.train), ("test", &subject.test)] {
        let part = subject.for_bottleneck(rows, model.bottleneck.as_ref())?;
        // Intervals of ranking take a while, and what training samples say is no evidence.
        let bootstrap = Bootstrap { resamples: if split == "test" { RESAMPLES } else { 0 }, seed };
        let ceilings = subject.ceilings.as_ref().filter(|_| split == "test");
        metrics.extend(measure::rows(measure::quality(&model, &part, ceilings, bootstrap)?, &model, split));
        metrics.extend(measure::rows(measure::guards(&part), &model, split));
        all.extend(predictions(probe, model.bottleneck.as_ref(), &part.embeddings, rows, Some(&part.labels), split)?);
    }
    all.sort_by_key(|row| row.sample);
    metrics.extend(size(&model, sound.training.n_samples()));
    let weights = weights(&model);
    let mut warnings = fitted.warnings;
    if traced.is_some() && plane.is_empty() {
        warnings.push(format!("{probe} is not trained in epochs: there is nothing to trace"));
    }
    Ok(FitResult { model, metrics, weights, predictions: all, plane, warnings, seconds })
}

/// A row about a model; what is measured is filled in by the caller.
pub(crate) fn row(model: &Model, split: &str, metric: &str, value: f64, n_samples: usize) -> ConceptMetricRow {
    ConceptMetricRow {
        probe: model.probe.clone(),
        split: split.into(),
        metric: metric.into(),
        value: Some(value).filter(|v| v.is_finite()),
        n_samples: n_samples as u64,
        seed: model.seed,
        ..ConceptMetricRow::default()
    }
}

fn measured(measure: &Measure, model: &Model, n_samples: usize) -> ConceptMetricRow {
    ConceptMetricRow {
        concept: measure.concept.clone().unwrap_or_default(),
        class: measure.class.map_or(String::new(), |k| model.bottleneck.names().classes[k as usize].clone()),
        std_error: measure.std_error,
        ..row(model, "fit", measure.metric, measure.value, n_samples)
    }
}

/// How large the explanation is.
fn size(model: &Model, n_samples: usize) -> Vec<ConceptMetricRow> {
    let bottleneck = model.bottleneck.as_ref();
    let numbers: usize = bottleneck.record().tensors.values().map(ndarray::ArrayBase::len).sum();
    let mut rows = vec![row(model, "fit", "parameters", numbers as f64, n_samples)];
    if bottleneck.scale() == Scale::Feature {
        return rows;
    }
    rows.push(row(model, "fit", "concepts", bottleneck.names().concepts.len() as f64, n_samples));
    if let Some(head) = bottleneck.head() {
        rows.push(row(model, "fit", "concepts_per_class", head.concepts_per_class(), n_samples));
    }
    rows
}

/// The weights of a linear head, on the concepts' scale and standardised, the intercepts last.
pub(crate) fn weights(model: &Model) -> Vec<ConceptWeightRow> {
    let Some(head) = model.bottleneck.head() else { return vec![] };
    let names = model.bottleneck.names();
    let mut rows = Vec::with_capacity(head.weights.len() + head.intercepts.len());
    for (k, class) in names.classes.iter().enumerate() {
        let of = |concept: &str, weight: f64, standardised: Option<f64>| ConceptWeightRow {
            probe: model.probe.clone(),
            class: class.clone(),
            concept: concept.into(),
            weight,
            standardised,
        };
        for (j, concept) in names.concepts.iter().enumerate() {
            let weight = head.weights[[j, k]];
            rows.push(of(concept, weight, Some(weight * model.statistics.std[j])));
        }
        rows.push(of("(intercept)", head.intercepts[k], None));
    }
    rows
}

impl Statistics {
    /// Of the concepts of training samples.
    pub(crate) fn of(bottleneck: &dyn Bottleneck, training: &ConceptData) -> Result<Self> {
        let concepts = bottleneck.concepts(training.embeddings())?;
        let mean = concepts.mean_axis(ndarray::Axis(0)).unwrap_or_default();
        Ok(Self { std: concepts.std_axis(ndarray::Axis(0), 0.0).to_vec(), mean: mean.to_vec() })
    }
}
