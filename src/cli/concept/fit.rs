//! `narrows concept fit`

use super::data_args::ConceptDataArgs;
pub(super) use super::ending::write_table;
use super::ending::{Said, finish};
use super::trace_args::TraceArgs;
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::concept::{Traced, fit, met, sound};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::Result;
use indicatif::ProgressBar;
use narrows_probes::{Observer, registry};
use serde_json::json;

/// Fit a concept bottleneck to embeddings
///
/// Writes metrics.csv (one row a number), weights.csv, predictions.csv, the model (model.json, model.safetensors), figures
/// and a report.
#[derive(Debug, clap::Args)]
pub(super) struct FitArgs {
    /// The builder, as NAME or NAME:KEY=VALUE,…
    #[arg(long, short, value_name = "SPEC")]
    builder: String,
    /// Name of the bottleneck in tables [default: the builder's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Concepts with a weight that a class may have on average (a parameter of the builders that select concepts)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concepts_per_class: Option<u32>,
    /// The loss of sparse-gumbel: the paper's, or that of the released code
    #[arg(long, value_name = "FORM", value_parser = ["paper", "released"])]
    gumbel: Option<String>,
    /// Seed of the split and the fit
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    trace: TraceArgs,
    /// Refuse what is otherwise left out with a warning: concepts that never vary, classes without a training sample
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl FitArgs {
    /// The specification with the parameters that have options of their own.
    fn specification(&self) -> String {
        let mut specification = self.builder.clone();
        let own =
            [("concepts-per-class", self.concepts_per_class.map(|n| n.to_string())), ("gumbel", self.gumbel.clone())];
        for (key, value) in own {
            if let Some(value) = value {
                specification.push(if specification.contains(':') { ',' } else { ':' });
                specification.push_str(&format!("{key}={value}"));
            }
        }
        specification
    }
}

/// Shows how a fit goes on.
pub(super) struct Bar(pub(super) ProgressBar);

impl Observer for Bar {
    fn progress(&mut self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}

pub(super) fn run(args: &FitArgs, output: Output) -> Result<()> {
    let specification = args.specification();
    let builder = registry::builder(&specification)?;
    let probe = args.name.clone().unwrap_or_else(|| builder.name().to_string());
    let spec = args.data.spec();
    let subject = spec.load(args.seed)?;
    let sound = sound(&subject, args.strict)?;
    met(&specification, &sound.training)?;
    let traced = args.trace.estimators().map(|estimators| Traced { run: probe.clone(), estimators });
    let config = json!({
        "probe": probe,
        "builder": builder.name(),
        "settings": builder.settings(),
        "data": spec,
        "seed": args.seed,
        "strict": args.strict,
        "trace": traced.as_ref().map(|t| &t.estimators),
    });
    let identity = Identity::new("concept fit", config, subject.files.clone());
    let folder = args.out.folder(&format!("concept-{probe}"));
    let folder = match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let mut bar = Bar(output.bar(1, "fitting", "steps"));
    let result = fit(&subject, &sound, (&probe, &specification), &spec, args.seed, traced.as_ref(), &mut bar)?;
    bar.0.finish_and_clear();
    result.model.save(&folder)?;
    write_table(&folder, "metrics", &result.metrics)?;
    write_table(&folder, "weights", &result.weights)?;
    write_table(&folder, "predictions", &result.predictions)?;
    write_table(&folder, "plane", &result.plane)?;
    let said = Said {
        attribution: subject.attribution,
        findings: crate::concept::findings(&subject, &result.metrics),
        warnings: sound.warnings.iter().chain(&result.warnings).cloned().collect(),
    };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = manifest.findings.clone();
    lines.push(format!("Fitted in {:.1} s.", result.seconds));
    lines.extend(ending.warnings_and_files("metrics.csv"));
    let summary = json!({
        "out": path,
        "probe": probe,
        "accuracy": result.metrics.iter().find(|m| m.metric == "accuracy" && m.split == "test").and_then(|m| m.value),
        "seconds": result.seconds,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &summary)
}
