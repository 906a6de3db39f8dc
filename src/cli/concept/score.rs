//! `narrows concept score`

use super::data_args::ConceptDataArgs;
use super::ending::{Ending, Said, finish};
use super::fit::write_table;
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{MetricKind, Model, STAGES, ScoreOptions, Scored, score, scored_findings};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::ConceptMetricRow;
use anyhow::Result;
use narrows_probes::metrics::about;
use serde_json::json;
use std::path::PathBuf;

/// Measure whether a bottleneck's concepts are there, and what passes beside them
///
/// Writes scores.csv (one row a number, with interval and chance level), calibration.csv, figures and a report. Without
/// data, the model is scored on the test samples of the data that it was fitted to. docs/concept-metrics.md has every
/// formula, source and trap.
#[derive(Debug, clap::Args)]
pub(super) struct ScoreArgs {
    /// Folder of a fitted bottleneck
    model: PathBuf,
    /// Kinds of metrics [default: all]
    #[arg(long = "metrics", value_enum, value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<MetricKind>,
    /// Score the training samples too
    #[arg(long)]
    train: bool,
    /// Resamples of a bootstrap interval
    #[arg(long, value_name = "N", default_value_t = 200)]
    resamples: usize,
    /// Shuffles of scores within strata of the concepts: the null of leakage
    #[arg(long, value_name = "N", default_value_t = 20)]
    permutations: usize,
    /// Samples at most for importance, representation, leakage and the plane
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(40..))]
    samples: u64,
    /// Concepts at most for metrics whose cost grows with the square of their number
    #[arg(long, value_name = "N", default_value_t = 100)]
    most_concepts: usize,
    /// Hidden units of the networks behind OIS, NIS and leakage by prediction; 0 leaves linear ones
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(..=4096))]
    hidden: u64,
    /// Share of the contributions that NCC counts concepts for
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    coverage: f64,
    /// Numbers of concepts that CEM looks at
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 3, 5])]
    tops: Vec<usize>,
    /// CEM with the weights of the true class, not of the predicted one
    #[arg(long)]
    true_class: bool,
    /// Break equal importances by place, not by the mean over all orders
    #[arg(long)]
    first_of_ties: bool,
    /// Estimator of the concept information plane (narrows estimators)
    #[arg(long, value_name = "SPEC", default_value = narrows_probes::metrics::DEFAULT_PLANE)]
    plane: String,
    /// Seed of draws
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl ScoreArgs {
    fn options(&self) -> ScoreOptions {
        ScoreOptions {
            kinds: self.kinds.clone(),
            resamples: self.resamples,
            shuffles: self.permutations,
            samples: self.samples as usize,
            most_concepts: self.most_concepts,
            hidden: self.hidden as usize,
            coverage: self.coverage,
            tops: self.tops.clone(),
            true_class: self.true_class,
            first_of_ties: self.first_of_ties,
            plane: self.plane.clone(),
            seed: self.seed,
        }
    }
}

pub(super) fn run(args: &ScoreArgs, output: Output) -> Result<()> {
    let model = Model::load(&args.model)?;
    let options = args.options();
    let spec = args.data.spec_for(&model.data);
    let subject = spec.load(model.seed)?;
    let mut files = Model::files(&args.model)?;
    files.extend(subject.files.clone());
    let config = json!({ "model": args.model, "data": spec, "train": args.train, "options": options });
    let identity = Identity::new("concept score", config, files);
    let default = format!("concept-score-{}", model.probe);
    let folder = match RunFolder::open(&args.out.folder(&default), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let mut splits = vec![("test", subject.test.as_slice())];
    if args.train && !subject.train.is_empty() {
        splits.push(("train", subject.train.as_slice()));
    }
    let bar = output.bar((splits.len() * STAGES.len()) as u64, "scoring", "stages");
    let mut all = Scored::default();
    for (at, split) in splits.iter().enumerate() {
        let found = score(&model, &subject, *split, &options, &|stage| {
            bar.set_position((at * STAGES.len() + stage) as u64);
        })?;
        all.metrics.extend(found.metrics);
        all.calibration.extend(found.calibration);
        for warning in found.warnings {
            if !all.warnings.contains(&warning) {
                all.warnings.push(warning);
            }
        }
    }
    bar.finish_and_clear();
    write_table(&folder, "scores", &all.metrics)?;
    write_table(&folder, "calibration", &all.calibration)?;
    let said = Said {
        attribution: subject.attribution,
        findings: scored_findings(&all.metrics),
        warnings: subject.warnings.iter().chain(&all.warnings).cloned().collect(),
    };
    let ending = finish(folder, &identity, said, &args.look)?;
    tell(&model, &all.metrics, &ending, output)
}

/// Prints the scores of a model: those of the whole bottleneck, findings, warnings, and where the rest is.
pub(super) fn tell(model: &Model, scores: &[ConceptMetricRow], ending: &Ending, output: Output) -> Result<()> {
    let manifest = &ending.manifest;
    let mut lines = shown(scores);
    lines.extend(manifest.findings.iter().cloned());
    lines.extend(ending.warnings_and_files("scores.csv"));
    let whole: Vec<&ConceptMetricRow> = scores.iter().filter(|r| is_whole(r)).collect();
    let summary = json!({
        "out": ending.path,
        "probe": model.probe,
        "scores": whole,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &summary)
}

/// Whether a number is about the whole bottleneck.
fn is_whole(row: &ConceptMetricRow) -> bool {
    row.concept.is_empty() && row.class.is_empty()
}

/// The numbers of the whole bottleneck, aligned, with what they mean.
fn shown(rows: &[ConceptMetricRow]) -> Vec<String> {
    let number = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v:.4}"));
    let mut cells = vec![["metric", "", "value", "±", "chance", "what it is"].map(String::from)];
    for row in rows.iter().filter(|r| is_whole(r) && r.split == "test" && r.value.is_some()) {
        let meaning = about(&row.metric).map_or("", |m| m.meaning);
        cells.push([
            row.metric.clone(),
            row.parameters.clone(),
            number(row.value),
            number(row.std_error),
            number(row.chance),
            meaning.into(),
        ]);
    }
    aligned(&cells, &[false, false, true, true, true, false])
}
