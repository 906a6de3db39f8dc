//! `narrows concept intervene`

use super::data_args::ConceptDataArgs;
use super::ending::finish;
use super::fit::write_table;
use super::loaded::Loaded;
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{Intervened, InterventionSpec, Subject, intervened};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::Result;
use narrows_probes::interventions::POLICIES;
use serde_json::json;
use std::path::PathBuf;

/// Correct concepts one after the other, and see what becomes of the predictions
///
/// Writes curves.csv (accuracy and more against the number and, where costs differ, the cost of corrections),
/// interventions.csv (areas under the curves, harmful corrections) and a figure. Several bottlenecks share the figure.
#[derive(Debug, clap::Args)]
pub(super) struct InterveneArgs {
    /// Folders of fitted bottlenecks
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// A policy, as NAME or NAME:KEY=VALUE,…; give it several times [default: random, uncertainty, coop, greedy]
    #[arg(long = "policy", short, value_name = "SPEC")]
    policies: Vec<String>,
    /// Probability that a correction is wrong; 1 is an adversary; several joined by commas
    #[arg(long, value_name = "P", value_delimiter = ',', default_value = "0", value_parser = probability)]
    error_rate: Vec<f64>,
    /// Correct the groups of the data (or of --concept-groups) together, at their cost
    #[arg(long)]
    grouped: bool,
    /// Policies divide what they expect of a correction by its cost
    #[arg(long)]
    per_cost: bool,
    /// Corrections leave the other concepts alone, even where the bottleneck knows what follows for them
    #[arg(long)]
    independent: bool,
    /// Corrections a sample, at most [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    most: Option<u32>,
    /// Test samples, at most: the first of them [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    samples: Option<u32>,
    /// Seeds of random orders and of the person's mistakes, from 0
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

fn probability(text: &str) -> Result<f64, String> {
    let read = text.parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
    read.ok_or_else(|| "a probability from 0 to 1 is expected".into())
}

/// The list of policies in the help.
pub(super) fn list() -> String {
    let longest = POLICIES.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let mut lines = vec!["Policies:".to_string()];
    for policy in POLICIES {
        lines.push(format!("  {:longest$}  {}", policy.name, policy.summary));
        for p in policy.parameters {
            lines.push(format!("  {:longest$}    {}={}  {}", "", p.name, p.default, p.meaning));
        }
    }
    lines.join("\n")
}

pub(super) fn run(args: &InterveneArgs, output: Output) -> Result<()> {
    let usual = ["random", "uncertainty", "coop", "greedy"].map(String::from).to_vec();
    let spec = InterventionSpec {
        policies: if args.policies.is_empty() { usual } else { args.policies.clone() },
        error_rates: args.error_rate.clone(),
        grouped: args.grouped,
        per_cost: args.per_cost,
        most_steps: args.most.map(|n| n as usize),
        seeds: args.seeds,
        independent: args.independent,
    };
    spec.read()?;
    let loaded = Loaded::of(&args.models, &args.data)?;
    let config = json!({ "models": args.models, "data": loaded.data, "samples": args.samples, "interventions": spec });
    let most = args.samples.map_or(usize::MAX, |n| n as usize);
    let rows = |subject: &Subject| subject.test[..subject.test.len().min(most)].to_vec();
    for (model, subject) in loaded.pairs() {
        spec.check(model, subject, &rows(subject))?;
    }
    let identity = Identity::new("concept intervene", config, loaded.files.clone());
    let folder = args.out.folder(&format!("concept-intervene-{}", loaded.models[0].probe));
    let folder = match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let steps = loaded.models.len() * spec.policies.len() * spec.error_rates.len();
    let bar = output.bar(steps as u64, "correcting", "curves");
    let mut found = Intervened::default();
    for (model, subject) in loaded.pairs() {
        let own = spec.run(model, subject, &rows(subject), &|| bar.inc(1))?;
        found.curves.extend(own.curves);
        found.summary.extend(own.summary);
        found.warnings.extend(own.warnings);
    }
    bar.finish_and_clear();
    write_table(&folder, "curves", &found.curves)?;
    write_table(&folder, "interventions", &found.summary)?;
    let said = loaded.said(intervened(&found.curves, &found.summary), found.warnings.clone());
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = vec![];
    let head = ["model", "policy", "wrong", "start", "half", "end", "area", "±", "first harms", "harmful steps"];
    let mut cells = vec![head.map(String::from)];
    for area in found.summary.iter().filter(|r| r.metric == "auc_accuracy" && r.axis == "number") {
        let same = |r: &&crate::table::ConceptInterventionRow| {
            r.probe == area.probe && r.policy == area.policy && r.error_rate == area.error_rate && r.axis == "number"
        };
        let curve: Vec<f64> =
            found.curves.iter().filter(same).filter(|r| r.metric == "accuracy").map(|r| r.value).collect();
        let of = |metric: &str| found.summary.iter().filter(same).find(|r| r.metric == metric);
        let percent = |v: Option<f64>| v.map_or(String::new(), |v| format!("{:.1} %", 100.0 * v));
        cells.push([
            area.probe.clone(),
            area.policy.clone(),
            percent(Some(area.error_rate)),
            percent(curve.first().copied()),
            percent(curve.get(curve.len() / 2).copied()),
            percent(curve.last().copied()),
            format!("{:.4}", area.value),
            format!("{:.4}", 1.96 * area.std_error.unwrap_or(0.0)),
            percent(of("first_harmful").map(|r| r.value)),
            percent(of("harmful_steps").map(|r| r.value)),
        ]);
    }
    lines.extend(aligned(&cells, &[false, false, true, true, true, true, true, true, true, true]));
    lines.extend(ending.warnings_and_files("curves.csv"));
    let value = json!({
        "out": path,
        "interventions": found.summary,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}
