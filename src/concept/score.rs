//! Every metric that a fitted bottleneck and some data allow, as rows.

use super::data::{Part, Subject};
use super::measure::{guards, quality, rows};
use super::model::Model;
use super::score_stages::{importance, leakage, plane, representation};
use crate::subject::train::numbered;
use crate::table::{ConceptCalibrationRow, ConceptMetricRow};
use anyhow::Result;
use narrows_probes::Scale;
use narrows_probes::metrics::{
    Binning, Bootstrap, DEFAULT_PLANE, Existence, OfClass, Predictor, Ties, bypass, constant_features,
    hard_concept_ceiling, task_quality,
};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// Kinds of metrics that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MetricKind {
    /// Accuracies, AUC, average precision, calibration, and the leakage certificate where the law is known
    Quality,
    /// Balance of classes and concepts, the ceiling of hard concepts on these samples
    Guards,
    /// CGIM 1-3 and CEM (linear heads)
    Importance,
    /// CAS, OIS, NIS, NEC, NCC
    Representation,
    /// Leakage in bits, CTL and ICL
    Leakage,
    /// Accuracy with concepts at their training means
    Bypass,
    /// I(X;Ĉ) and I(Ĉ;Y)
    Plane,
}

/// Choices of a scoring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreOptions {
    /// Kinds; all where empty.
    pub kinds: Vec<MetricKind>,
    /// Resamples of intervals.
    pub resamples: usize,
    /// Shuffles of the leakage's null.
    pub shuffles: usize,
    /// Samples at most for everything but quality and guards, drawn by the seed.
    pub samples: usize,
    /// Concepts at most for what grows with their square (pairs, OIS, NIS).
    pub most_concepts: usize,
    /// Hidden units of the predictors; 0 leaves linear ones.
    pub hidden: usize,
    /// Coverage of NCC.
    pub coverage: f64,
    /// Concepts of CEM.
    pub tops: Vec<usize>,
    /// Take the weights of the true class for CEM, not of the predicted one.
    pub true_class: bool,
    /// Break ties by place and not by their mean.
    pub first_of_ties: bool,
    /// Estimator of the concept plane.
    pub plane: String,
    /// Seed of draws.
    pub seed: u64,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            kinds: vec![],
            resamples: 200,
            shuffles: 20,
            samples: 2000,
            most_concepts: 100,
            hidden: 32,
            coverage: 0.9,
            tops: vec![1, 3, 5],
            true_class: false,
            first_of_ties: false,
            plane: DEFAULT_PLANE.into(),
            seed: 0,
        }
    }
}

/// What a scoring came to.
#[derive(Debug, Clone, Default)]
pub struct Scored {
    /// All numbers.
    pub metrics: Vec<ConceptMetricRow>,
    /// Bins of calibration.
    pub calibration: Vec<ConceptCalibrationRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Bins of the calibration of classes, as for a fit.
const BINS: usize = 15;
/// The stages that a caller is told of, in their order.
pub const STAGES: [&str; 7] = ["quality", "guards", "importance", "representation", "leakage", "bypass", "plane"];

/// Scores a bottleneck on some rows of the data, named `split` in the table; `stage` is told of each stage as it begins.
///
/// # Errors
/// When the data do not fit the model, or a metric's options are at fault.
pub fn score(
    model: &Model,
    subject: &Subject,
    (split, split_rows): (&str, &[usize]),
    options: &ScoreOptions,
    stage: &dyn Fn(usize),
) -> Result<Scored> {
    let bottleneck = model.bottleneck.as_ref();
    let part = subject.for_bottleneck(split_rows, bottleneck)?;
    let drawn = some_of(split_rows, options.samples, options.seed);
    let few = subject.for_bottleneck(&drawn, bottleneck)?;
    let mut scored = Scored::default();
    if drawn.len() < split_rows.len() {
        scored.warnings.push(format!(
            "importance, representation, leakage and the plane are measured on {} of {} samples, drawn by the seed: \
             --samples takes more",
            drawn.len(),
            split_rows.len()
        ));
    }
    let training = (!subject.train.is_empty() && split != "train").then_some(subject.train.as_slice());
    let bootstrap = Bootstrap { resamples: options.resamples, seed: options.seed };
    let wanted = |kind| options.kinds.is_empty() || options.kinds.contains(&kind);
    let mut found = Vec::new();
    if wanted(MetricKind::Quality) {
        stage(0);
        found.extend(quality(model, &part, subject.ceilings.as_ref(), bootstrap)?);
        scored.calibration = bins(model, &part, split)?;
    }
    if wanted(MetricKind::Guards) {
        stage(1);
        found.extend(guards(&part));
        found.push(constant_features(part.embeddings.view()));
        if let Some(truth) = &part.concepts {
            found.push(hard_concept_ceiling(truth.view(), &part.labels)?);
        }
    }
    let has_concepts = bottleneck.scale() != Scale::Feature;
    if !has_concepts {
        scored.warnings.push(format!("{} has no concepts: classes alone are measured", model.probe));
    } else if few.concepts.is_none() {
        scored.warnings.push("there are no concept labels: what needs them is left out (--concepts)".into());
    }
    if has_concepts && wanted(MetricKind::Importance) {
        stage(2);
        found.extend(importance(model, subject, &few, training, options, bootstrap, &mut scored.warnings)?);
    }
    if has_concepts && wanted(MetricKind::Representation) {
        stage(3);
        found.extend(representation(model, &few, options, bootstrap, &mut scored.warnings)?);
    }
    if has_concepts && wanted(MetricKind::Leakage) {
        stage(4);
        found.extend(leakage(model, &few, options, &mut scored.warnings)?);
    }
    // Features are all that a black box has, and the mean of a memory's places is no place.
    if has_concepts && wanted(MetricKind::Bypass) {
        stage(5);
        let own = subject.for_bottleneck(training.unwrap_or(split_rows), bottleneck)?;
        found.extend(bypass(bottleneck, own.embeddings.view(), part.embeddings.view(), &part.labels)?);
    }
    if has_concepts && wanted(MetricKind::Plane) {
        stage(6);
        found.extend(plane(model, &few, options)?);
    }
    scored.metrics = rows(found, model, split);
    Ok(scored)
}

/// At most so many of the rows, drawn by the seed, in their own order.
pub(crate) fn some_of(rows: &[usize], most: usize, seed: u64) -> Vec<usize> {
    if rows.len() <= most {
        return rows.to_vec();
    }
    let mut drawn = rows.to_vec();
    drawn.shuffle(&mut numbered(seed, DRAW, 0));
    drawn.truncate(most);
    drawn.sort_unstable();
    drawn
}

/// The purpose of a seed's stream that draws samples to score.
const DRAW: u64 = 0x5343;

fn bins(model: &Model, part: &Part, split: &str) -> Result<Vec<ConceptCalibrationRow>> {
    let scores = model.bottleneck.predict(part.embeddings.view())?;
    let probabilities = model.bottleneck.class_probabilities(scores.view());
    let (_, found) = task_quality(probabilities.view(), &part.labels, Binning::EqualMass(BINS))?;
    Ok(found
        .into_iter()
        .flat_map(|c| c.bins)
        .map(|b| ConceptCalibrationRow {
            probe: model.probe.clone(),
            split: split.into(),
            low: b.range.0,
            high: b.range.1,
            count: b.count as u64,
            confidence: b.confidence,
            accuracy: b.accuracy,
            ci_low: b.interval.0,
            ci_high: b.interval.1,
        })
        .collect())
}

impl ScoreOptions {
    /// The choices of CEM.
    pub(crate) fn existence(&self) -> Existence {
        Existence { tops: self.tops.clone(), ties: self.ties(), of_class: self.of_class() }
    }

    pub(crate) fn ties(&self) -> Ties {
        if self.first_of_ties { Ties::First } else { Ties::Expected }
    }

    pub(crate) fn of_class(&self) -> OfClass {
        if self.true_class { OfClass::True } else { OfClass::Predicted }
    }

    pub(crate) fn predictor(&self) -> Predictor {
        Predictor { hidden: self.hidden, seed: self.seed, ..Predictor::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DataSpec, fit, sound};
    use super::*;
    use narrows_probes::Unwatched;
    use narrows_probes::metrics::about;

    fn scored(data: &str, builder: &str) -> Scored {
        let spec = DataSpec { data: Some(data.into()), ..DataSpec::default() };
        let subject = spec.load(0).unwrap();
        let sound = sound(&subject, false).unwrap();
        let fitted = fit(&subject, &sound, (builder, builder), &spec, 0, None, &mut Unwatched).unwrap();
        let options = ScoreOptions { resamples: 20, shuffles: 9, ..ScoreOptions::default() };
        score(&fitted.model, &subject, ("test", &subject.test), &options, &|_| {}).unwrap()
    }

    fn value(scored: &Scored, metric: &str) -> f64 {
        let whole = |r: &&ConceptMetricRow| r.metric == metric && r.concept.is_empty() && r.class.is_empty();
        scored.metrics.iter().find(whole).and_then(|r| r.value).unwrap()
    }

    #[test]
    fn hard_concepts_leak_nothing_and_every_number_is_known() {
        let found = scored("dot:samples=1000", "cbm-independent:bottleneck=hard,epochs=20");
        for metric in ["task_leakage_bits", "whole_leakage_bits", "whole_leakage_neighbours_bits", "ctl", "icl"] {
            assert!(value(&found, metric) < 0.06, "{metric}: {}", value(&found, metric));
        }
        for row in &found.metrics {
            assert!(about(&row.metric).is_some(), "{} is in no list", row.metric);
        }
        assert!(!found.calibration.is_empty());
    }

    #[test]
    fn a_black_box_has_no_concepts_to_score() {
        let found = scored("xor:samples=200", "linear-probe");
        assert!(found.warnings.iter().any(|w| w.contains("no concepts")), "{:?}", found.warnings);
        assert!(found.metrics.iter().all(|r| !r.metric.contains("leakage") && r.metric != "cas"));
        assert!(value(&found, "accuracy") > 0.2);
        let memory = scored("xor:samples=400", "key-value");
        assert!(memory.metrics.iter().all(|r| r.metric != "bypass_accuracy"));
    }

    #[test]
    fn few_of_many_are_drawn_by_the_seed() {
        let rows: Vec<usize> = (0..100).collect();
        let drawn = some_of(&rows, 10, 1);
        assert_eq!(drawn.len(), 10);
        assert!(drawn.is_sorted() && drawn == some_of(&rows, 10, 1) && drawn != some_of(&rows, 10, 2));
        assert_eq!(some_of(&rows, 100, 1), rows);
    }
}
