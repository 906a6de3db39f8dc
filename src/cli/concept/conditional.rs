//! `narrows concept conditional`

use super::data_args::ConceptDataArgs;
use super::ending::finish;
use super::fit::write_table;
use super::loaded::Loaded;
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{ConditionalSpec, Conditioned, conditioned};
use crate::figure::scale::readable;
use crate::run::{Identity, Opened, RunFolder};
use crate::table::ConceptAgreementRow;
use anyhow::Result;
use narrows_probes::conditional::{MOST_ENUMERATED, Quantity};
use serde_json::json;
use std::path::PathBuf;

/// Say what a bottleneck believes of concepts and classes together: p(c_k | y), p(c_k | c_j), p(c | y) and more
///
/// Writes conditional.csv (one row a probability: of the model, of its predictions counted, of the data, and of the law
/// where it is known), conditional_agreement.csv (correlation and mean absolute error), maps and bars. Sums are exact up
/// to --exact-limit concepts, and over draws beyond. docs/concept-conditional.md has every formula.
#[derive(Debug, clap::Args)]
pub(super) struct ConditionalArgs {
    /// Folders of fitted bottlenecks
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Draws where there are too many patterns to sum over, at least two a sample
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    draws: u64,
    /// Concepts up to which all patterns are summed over: their number doubles with each
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=MOST_ENUMERATED as u64))]
    exact_limit: u64,
    /// Samples that a condition must have in the data to be compared
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    least: u64,
    /// Write these classes alone; give it several times [default: all]
    #[arg(long = "class", value_name = "CLASS")]
    classes: Vec<String>,
    /// Write these concepts alone; give it several times [default: all]
    #[arg(long = "concept", value_name = "CONCEPT")]
    concepts: Vec<String>,
    /// Ask about this pattern: the concepts that are present joined by +, or (none); give it several times
    #[arg(long = "pattern", value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Most probable patterns of each class
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=10_000))]
    top: u64,
    /// Write p(c_k | y, c_j) and pairs, however many they are
    #[arg(long)]
    all: bool,
    /// Seed of the draws
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl ConditionalArgs {
    fn spec(&self) -> ConditionalSpec {
        ConditionalSpec {
            draws: self.draws as usize,
            seed: self.seed,
            exact_limit: self.exact_limit as usize,
            least: self.least as usize,
            classes: self.classes.clone(),
            concepts: self.concepts.clone(),
            patterns: self.patterns.clone(),
            top: self.top as usize,
            all: self.all,
        }
    }
}

pub(super) fn run(args: &ConditionalArgs, output: Output) -> Result<()> {
    let spec = args.spec();
    let loaded = Loaded::of(&args.models, &args.data)?;
    for (model, subject) in loaded.pairs() {
        spec.check(model, subject, &subject.test)?;
    }
    let config = json!({ "models": args.models, "data": loaded.data, "conditional": spec });
    let identity = Identity::new("concept conditional", config, loaded.files.clone());
    let folder = args.out.folder(&format!("concept-conditional-{}", loaded.models[0].probe));
    let folder = match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let classes: usize = loaded.models.iter().map(|m| m.bottleneck.names().classes.len()).sum();
    let bar = output.bar(classes as u64, "summing", "classes");
    let mut found = Conditioned::default();
    for (model, subject) in loaded.pairs() {
        let own = spec.run(model, subject, &subject.test, &|| bar.inc(1))?;
        found.rows.extend(own.rows);
        found.agreement.extend(own.agreement);
        let new = subject.warnings.iter().cloned().chain(own.warnings);
        let new: Vec<String> = new.filter(|w| !found.warnings.contains(w)).collect();
        found.warnings.extend(new);
    }
    bar.finish_and_clear();
    write_table(&folder, "conditional", &found.rows)?;
    write_table(&folder, "conditional_agreement", &found.agreement)?;
    let said = loaded.said(conditioned(&found.agreement), found.warnings);
    let ending = finish(folder, &identity, said, &args.look)?;
    let mut lines = shown(&found.agreement);
    lines.extend(ending.manifest.findings.iter().cloned());
    lines.extend(ending.warnings_and_files("conditional.csv"));
    let value = json!({
        "out": ending.path,
        "agreement": found.agreement,
        "findings": ending.manifest.findings,
        "warnings": ending.manifest.warnings,
    });
    output.summary(&lines, &value)
}

/// The agreement, aligned: the model's own with that of its counted predictions and of the data beside it.
fn shown(rows: &[ConceptAgreementRow]) -> Vec<String> {
    let number = |v: Option<f64>| v.map_or(String::new(), readable);
    let head =
        ["model", "method", "against", "of", "entries", "correlation", "mean error", "counting", "data", "noise"];
    let mut cells = vec![head.map(String::from)];
    for row in rows {
        let beside = |method: &str| {
            rows.iter().find(|r| {
                r.method == method
                    && [&r.probe, &r.reference, &r.quantity] == [&row.probe, &row.reference, &row.quantity]
            })
        };
        let own = ["exact", "sampled"].contains(&row.method.as_str());
        let alone = row.method == "counted" && beside("exact").or_else(|| beside("sampled")).is_none();
        if !own && !alone {
            continue;
        }
        let formula = Quantity::COMPARED.iter().find(|q| q.name() == row.quantity).map_or("", |q| q.formula());
        cells.push([
            row.probe.clone(),
            row.method.clone(),
            row.reference.clone(),
            formula.into(),
            row.entries.to_string(),
            row.correlation.map_or(String::new(), |r| format!("{r:.4}")),
            number(row.mean_absolute_error),
            number(beside("counted").and_then(|r| r.mean_absolute_error)),
            number(beside("data").and_then(|r| r.mean_absolute_error)),
            number(row.noise),
        ]);
    }
    if cells.len() == 1 {
        return vec![];
    }
    aligned(&cells, &[false, false, false, false, true, true, true, true, true, true])
}
