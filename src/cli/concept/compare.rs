//! `narrows concept compare`

use super::data_args::ConceptDataArgs;
use super::ending::{Said, finish};
use super::fit::{Bar, write_table};
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{Comparison, MetricKind, ScoreOptions, met, over_seeds};
use crate::run::{Identity, Opened, RunFolder};
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
    /// Trace the concept information plane of the test samples through training, into plane.csv
    #[arg(long)]
    trace: bool,
    /// Estimator of that plane, as NAME:KEY=VALUE,…; may be given several times [default: kde:variance=0.01]
    #[arg(long, value_name = "SPEC", requires = "trace")]
    trace_estimator: Vec<String>,
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

pub(super) fn run(args: &CompareArgs, output: Output) -> Result<()> {
    let comparison = Comparison {
        builders: args.builders.clone(),
        data: args.data.spec(),
        seeds: (0..args.seeds).collect(),
        strict: args.strict,
        score: (!args.score.is_empty()).then(|| ScoreOptions { kinds: args.score.clone(), ..ScoreOptions::default() }),
        trace: args.trace.then(|| args.trace_estimator.clone()),
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

    let number = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v:.4}"));
    let mut cells = vec![["builder", "accuracy", "±", "training", "concepts/class", "seconds"].map(String::from)];
    for probe in &probes {
        let of = |split: &str, metric: &str| {
            summary.iter().find(|r| &r.probe == probe && r.split == split && r.metric == metric)
        };
        let test = of("test", "accuracy").context("every bottleneck has an accuracy")?;
        let own: Vec<f64> = found.timings.iter().filter(|t| &t.probe == probe).map(|t| t.seconds).collect();
        cells.push([
            probe.clone(),
            number(test.mean),
            number(test.ci_high.zip(test.mean).map(|(h, m)| h - m)),
            number(of("train", "accuracy").and_then(|r| r.mean)),
            of("fit", "concepts_per_class").and_then(|r| r.mean).map_or(String::new(), |v| format!("{v:.1}")),
            format!("{:.1}", own.iter().sum::<f64>() / own.len() as f64),
        ]);
    }
    let mut lines = aligned(&cells, &[false, true, true, true, true, true]);
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
