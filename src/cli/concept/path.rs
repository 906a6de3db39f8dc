//! `narrows concept path`

use super::data_args::ConceptDataArgs;
use super::ending::{Said, finish};
use super::fit::{Bar, write_table};
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::concept::{path, sound};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::ConceptPathRow;
use anyhow::{Result, ensure};
use narrows_probes::Posthoc;
use serde_json::json;

/// Accuracy of a post-hoc bottleneck against the number of concepts that a class may have
///
/// Writes path.csv (two rows a penalty: training and test samples), a figure and a report.
#[derive(Debug, clap::Args)]
pub(super) struct PathArgs {
    /// The bottleneck, as posthoc or posthoc:KEY=VALUE,…; may be given several times [default: posthoc]
    #[arg(long = "builder", short, value_name = "SPEC")]
    builders: Vec<String>,
    /// Penalties of a path
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..=1000))]
    points: u32,
    /// Seed of the split and the concept vectors
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &PathArgs, output: Output) -> Result<()> {
    let usual = ["posthoc".to_string()];
    let builders = if args.builders.is_empty() { &usual[..] } else { &args.builders };
    for (at, builder) in builders.iter().enumerate() {
        Posthoc::of(builder)?;
        ensure!(!builders[..at].contains(builder), "the builder {builder} is given twice");
    }
    let spec = args.data.spec();
    let subject = spec.load(args.seed)?;
    let sound = sound(&subject, false)?;
    let config = json!({ "builders": builders, "points": args.points, "data": spec, "seed": args.seed });
    let identity = Identity::new("concept path", config, subject.files.clone());
    let folder = match RunFolder::open(&args.out.folder("concept-path"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let mut rows: Vec<ConceptPathRow> = Vec::new();
    for builder in builders {
        let mut bar = Bar(output.bar(u64::from(args.points), "walking", "steps"));
        rows.extend(path(&subject, &sound, builder, args.points as usize, args.seed, &mut bar)?);
        bar.0.finish_and_clear();
    }
    write_table(&folder, "path", &rows)?;
    let said = Said {
        attribution: subject.attribution,
        findings: builders.iter().filter_map(|b| finding(b, &rows)).collect(),
        warnings: sound.warnings.clone(),
    };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = manifest.findings.clone();
    lines.extend(ending.warnings_and_files("path.csv"));
    output.summary(&lines, &json!({ "out": path, "rows": rows.len(), "findings": manifest.findings }))
}

/// The best test accuracy of a path, and the fewest concepts within one standard error of it.
fn finding(builder: &str, rows: &[ConceptPathRow]) -> Option<String> {
    let test: Vec<&ConceptPathRow> = rows.iter().filter(|r| r.probe == builder && r.split == "test").collect();
    let best = test.iter().max_by(|a, b| a.accuracy.total_cmp(&b.accuracy))?;
    let near = test
        .iter()
        .filter(|r| r.accuracy >= best.accuracy - best.std_error)
        .min_by(|a, b| a.concepts_per_class.total_cmp(&b.concepts_per_class))?;
    Some(format!(
        "{builder}: at best {:.1} % of the test samples with {:.1} concepts a class; within a standard error of that with {:.1}.",
        100.0 * best.accuracy,
        best.concepts_per_class,
        near.concepts_per_class
    ))
}
