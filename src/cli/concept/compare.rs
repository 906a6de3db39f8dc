//! `narrows concept compare`

use super::data_args::ConceptDataArgs;
use super::ending::{Said, finish};
use super::fit::{Bar, write_table};
use super::trace_args::TraceArgs;
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{Area, Comparison, InterventionSpec, MetricKind, ScoreOptions, met, over_seeds};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::{ConceptComparisonRow, ConceptTimingRow};
use anyhow::{Context, Result};
use serde_json::json;

/// Fit several builders to one data set, with several seeds
///
/// Writes metrics.csv (every number of every fit), comparison.csv (means over seeds), timings.csv, the models, a figure and
/// a report. A run that was interrupted goes on with --resume.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// A builder, as NAME or NAME:KEY=VALUE,…; give it several times
    #[arg(long = "builder", short, value_name = "SPEC", required = true)]
    builders: Vec<String>,
    /// Number of seeds, from 0
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Also take these metrics of the test samples, as `narrows concept score` does; may be given several times
    #[arg(long, value_name = "KIND", value_enum)]
    score: Vec<MetricKind>,
    /// Also take the height of curves of corrections by this policy, as `narrows concept intervene` does; may be given
    /// several times
    #[arg(long, value_name = "POLICY")]
    intervene: Vec<String>,
    /// Correct the groups of the data (or of --concept-groups) together
    #[arg(long, requires = "intervene")]
    grouped: bool,
    /// Test samples at most whose concepts are corrected, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    intervene_samples: u32,
    #[command(flatten)]
    trace: TraceArgs,
    /// Refuse what is otherwise left out with a warning
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl CompareArgs {
    fn area(&self) -> Result<Option<Area>> {
        if self.intervene.is_empty() {
            return Ok(None);
        }
        let interventions = InterventionSpec {
            policies: self.intervene.clone(),
            error_rates: vec![0.0],
            grouped: self.grouped,
            per_cost: false,
            most_steps: None,
            seeds: 1,
            independent: false,
        };
        interventions.read()?;
        Ok(Some(Area { interventions, samples: self.intervene_samples as usize }))
    }
}

pub(super) fn run(args: &CompareArgs, output: Output) -> Result<()> {
    let comparison = Comparison {
        builders: args.builders.clone(),
        data: args.data.spec(),
        seeds: (0..args.seeds).collect(),
        strict: args.strict,
        score: (!args.score.is_empty()).then(|| ScoreOptions { kinds: args.score.clone(), ..ScoreOptions::default() }),
        area: args.area()?,
        trace: args.trace.estimators(),
    };
    let probes = comparison.probes()?;
    // Read here for the files' hashes, and so that faults are told before anything is written.
    let subject = comparison.data.load(0)?;
    args.builders.iter().try_for_each(|builder| met(builder, &subject.data))?;
    let identity = Identity::new("concept compare", serde_json::to_value(&comparison)?, subject.files.clone());
    let folder = match RunFolder::open(&args.out.folder("concept-compare"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let models = folder.create_dir("models")?;
    let bar = output.bar((probes.len() as u64) * args.seeds, "fitting", "fits");
    let mut silent = Bar(indicatif::ProgressBar::hidden());
    let found = comparison.run(&models, &folder.state(), &mut silent, &|| bar.inc(1))?;
    bar.finish_and_clear();
    let summary = over_seeds(&found.metrics);
    write_table(&folder, "metrics", &found.metrics)?;
    write_table(&folder, "comparison", &summary)?;
    write_table(&folder, "plane", &found.plane)?;
    folder.write("timings.csv", &crate::table::to_csv(&found.timings)?)?;
    let said = Said {
        attribution: subject.attribution,
        findings: crate::concept::compared(&subject, &summary),
        warnings: found.warnings.clone(),
    };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);

    let mut lines = table(&probes, &summary, &found.timings)?;
    lines.extend(manifest.findings.iter().cloned());
    lines.extend(ending.warnings_and_files("comparison.csv"));
    let value = json!({
        "out": path,
        "comparison": summary,
        "timings": found.timings,
        "fits_resumed": found.resumed,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}

/// Heading, metric, split and decimals of the columns after the builder's.
const COLUMNS: [(&str, &str, &str, usize); 7] = [
    ("accuracy", "accuracy", "test", 4),
    ("training", "accuracy", "train", 4),
    ("concepts", "concept_accuracy", "test", 4),
    ("all right", "overall_concept_accuracy", "test", 4),
    ("a class", "concepts_per_class", "fit", 1),
    ("area", "intervention_area", "test", 4),
    ("numbers", "parameters", "fit", 0),
];

/// A line a builder: columns that nothing was measured for are left out.
fn table(probes: &[String], summary: &[ConceptComparisonRow], timings: &[ConceptTimingRow]) -> Result<Vec<String>> {
    let of = |probe: &str, metric: &str, split: &str| {
        summary.iter().find(|r| r.probe == probe && r.split == split && r.metric == metric && r.mean.is_some())
    };
    let shown: Vec<_> =
        COLUMNS.iter().filter(|(_, metric, split, _)| probes.iter().any(|p| of(p, metric, split).is_some())).collect();
    let mut head = vec!["builder".to_string()];
    head.extend(shown.iter().map(|c| c.0.to_string()));
    head.insert(2.min(head.len()), "±".into());
    head.push("seconds".into());
    let mut cells = vec![head];
    for probe in probes {
        let own: Vec<f64> = timings.iter().filter(|t| &t.probe == probe).map(|t| t.seconds).collect();
        let mut line = vec![probe.clone()];
        for (_, metric, split, decimals) in &shown {
            let row = of(probe, metric, split);
            line.push(row.and_then(|r| r.mean).map_or(String::new(), |v| format!("{v:.decimals$}")));
        }
        let test = of(probe, "accuracy", "test").context("every bottleneck has an accuracy")?;
        let half = test.ci_high.zip(test.mean).map_or(String::new(), |(high, mean)| format!("{:.4}", high - mean));
        line.insert(2.min(line.len()), half);
        line.push(format!("{:.1}", own.iter().sum::<f64>() / own.len().max(1) as f64));
        cells.push(line);
    }
    let mut right = vec![true; cells[0].len()];
    right[0] = false;
    Ok(aligned(&cells, &right))
}
