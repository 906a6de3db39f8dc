//! The numbers of a bottleneck on a part of the data, as rows.

use super::data::Part;
use super::model::Model;
use crate::table::ConceptMetricRow;
use anyhow::{Context, Result};
use narrows_datasets::concepts::Ceilings;
use narrows_probes::metrics::{
    Binning, Bootstrap, ConceptScores, Metric, certificate, class_balance, concept_balance, concept_quality,
    task_quality,
};
use narrows_probes::{Scale, best_class};

/// Bins of the calibration of classes.
const BINS: usize = 15;
/// Level of the leakage certificate.
const LEVEL: f64 = 0.95;

/// Metrics as rows about a model on a split.
pub(crate) fn rows(metrics: Vec<Metric>, model: &Model, split: &str) -> Vec<ConceptMetricRow> {
    let names = model.bottleneck.names();
    let concept = |c: Option<usize>| c.and_then(|c| names.concepts.get(c)).cloned().unwrap_or_default();
    metrics
        .into_iter()
        .map(|m| ConceptMetricRow {
            probe: model.probe.clone(),
            split: split.into(),
            metric: m.name.into(),
            concept: concept(m.concept),
            second_concept: concept(m.second_concept),
            class: m.class.and_then(|k| names.classes.get(k)).cloned().unwrap_or_default(),
            parameters: m.parameters,
            value: m.value,
            std_error: m.std_error,
            ci_low: m.interval.map(|i| i.0),
            ci_high: m.interval.map(|i| i.1),
            chance: m.chance,
            n_samples: m.n_samples as u64,
            seed: model.seed,
            flags: m.flags.join(";"),
        })
        .collect()
}

/// How well classes and concepts are predicted, and, where the law of the data is known, whether the bottleneck leaks.
///
/// # Errors
/// When the model cannot be applied.
pub(crate) fn quality(
    model: &Model,
    part: &Part,
    ceilings: Option<&Ceilings>,
    bootstrap: Bootstrap,
) -> Result<Vec<Metric>> {
    let bottleneck = model.bottleneck.as_ref();
    let concepts = bottleneck.concepts(part.embeddings.view())?;
    let scores = bottleneck.scores(concepts.view(), part.embeddings.view())?;
    let probabilities = bottleneck.class_probabilities(scores.view());
    let (mut found, _) = task_quality(probabilities.view(), &part.labels, Binning::EqualMass(BINS))
        .context("the predictions cannot be measured")?;
    // Features have no labels, and whoever reads the embeddings themselves has no bottleneck that could leak.
    if bottleneck.scale() == Scale::Feature {
        return Ok(found);
    }
    if let Some(ceilings) = ceilings {
        let right = best_class(scores.view()).iter().zip(&part.labels).filter(|(a, b)| a == b).count();
        found.extend(certificate(right, part.labels.len(), ceilings.bayes_accuracy, LEVEL)?.metrics());
    }
    if let Some(truth) = &part.concepts {
        let probabilities = bottleneck.concept_probabilities(concepts.view());
        let data = ConceptScores {
            truth: truth.view(),
            scores: probabilities.as_ref().unwrap_or(&concepts).view(),
            threshold: match bottleneck.scale() {
                Scale::Probability | Scale::Logit => Some(0.5),
                Scale::Margin => Some(0.0),
                Scale::Similarity | Scale::Feature => probabilities.as_ref().map(|_| 0.5),
            },
            probabilities: probabilities.is_some(),
        };
        found.extend(concept_quality(&data, bootstrap).context("the concepts cannot be measured")?);
    }
    Ok(found)
}

/// What to know of a part before any number about it is believed.
pub(crate) fn guards(part: &Part) -> Vec<Metric> {
    let mut found = class_balance(&part.labels, part.names.classes.len());
    found.extend(part.concepts.as_ref().map(|c| concept_balance(c.view())).unwrap_or_default());
    found
}
