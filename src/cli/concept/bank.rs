//! `narrows concept bank`

use super::fit::{Bar, write_table};
use super::predict::wide;
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::concept::{BankData, SavedBank, bank_rows};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::ConceptMetricRow;
use anyhow::{Context, Result};
use narrows_probes::bank::{Bank, BankPlan};
use ndarray_npy::WriteNpyExt;
use serde_json::json;
use std::path::PathBuf;

/// Fit a bank of concept vectors to concept labels, or score new embeddings with a saved one
///
/// Fitting writes bank.json and bank.safetensors. Both write metrics.csv (AUC, its standard error, p-values, statistics of
/// the margins, cosines between vectors) and the margin of each row for each concept, as concepts.csv and concepts.npy.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub(super) struct BankArgs {
    /// Score with the bank in this folder (of `concept bank`, or of a fitted posthoc) instead of fitting one
    #[arg(long, value_name = "FOLDER", conflicts_with = "fit")]
    with: Option<PathBuf>,
    /// How the bank is fitted, as KEY=VALUE,…
    #[arg(long, value_name = "KEY=VALUE,…")]
    fit: Option<String>,
    /// Embeddings [samples × features], as FILE or FILE:WHICH
    #[arg(long, short, value_name = "FILE")]
    embeddings: String,
    /// Concept labels [samples × concepts] in 0…1; NaN or, in a CSV, empty where missing
    #[arg(long, short, value_name = "FILE", required_unless_present = "with")]
    concepts: Option<String>,
    /// Names of the concepts, one a line [default: the columns' own]
    #[arg(long, value_name = "FILE", requires = "concepts")]
    concept_names: Option<String>,
    /// Seed of the samples that are drawn and held out
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
}

fn after_help() -> String {
    let parameters = BankPlan::parameters();
    let longest = parameters.iter().map(|p| p.name.len() + p.default.len() + 1).max().unwrap_or(0);
    let lines = parameters.iter().map(|p| format!("  {:longest$}  {}", format!("{}={}", p.name, p.default), p.meaning));
    format!(
        "Examples:\n  narrows concept bank --embeddings E.npy --concepts C.csv --fit permutations=99 --out bank\n  \
         narrows concept bank --with bank --embeddings new.npy --concepts new.csv --out scored\n\nKeys of --fit:\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

pub(super) fn run(args: &BankArgs, output: Output) -> Result<()> {
    let plan = BankPlan::parse(args.fit.as_deref().unwrap_or_default())?;
    let data = BankData::read(&args.embeddings, args.concepts.as_deref(), args.concept_names.as_deref())?;
    let saved = args.with.as_deref().map(SavedBank::load).transpose()?;
    let mut files = data.files.clone();
    files.extend(saved.iter().flat_map(|(_, files)| files.clone()));
    let config = json!({
        "with": args.with, "embeddings": args.embeddings, "concepts": args.concepts,
        "concept_names": args.concept_names, "fit": saved.is_none().then(|| plan.settings()), "seed": args.seed,
    });
    let identity = Identity::new("concept bank", config, files);
    let folder = match RunFolder::open(&args.out.folder("concept-bank"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let (bank, rows, warnings) = match saved {
        Some((bank, _)) => {
            let margins = bank.margins(&data.embeddings)?;
            let (rows, warnings) = bank.scores(&margins, &data);
            (bank, rows, warnings)
        }
        None => {
            let (labels, names) =
                data.concepts.as_ref().context("a bank is fitted to concept labels: give --concepts")?;
            let mut bar = Bar(output.bar(1, "fitting", "concepts"));
            let fitted = Bank::fit_labels(&plan, data.embeddings.view(), labels.view(), names, args.seed, &mut bar)?;
            bar.0.finish_and_clear();
            let bank = SavedBank::of(&fitted);
            bank.save(&folder)?;
            (bank, bank_rows(&fitted, data.embeddings.nrows(), args.seed), fitted.warnings())
        }
    };
    let margins = bank.margins(&data.embeddings)?;
    write_table(&folder, "metrics", &rows)?;
    folder.write("concepts.csv", &wide(&bank.names, &margins)?)?;
    let mut bytes = Vec::new();
    margins.write_npy(&mut bytes)?;
    folder.write("concepts.npy", &bytes)?;
    let mut manifest = folder.manifest(&identity);
    manifest.findings = findings(&bank, &rows);
    manifest.warnings = warnings;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.extend(manifest.warnings.iter().map(|w| format!("warning: {w}")));
    lines.push(format!("table   {}", path.join("concepts.csv").display()));
    if !rows.is_empty() {
        lines.push(format!("table   {}", path.join("metrics.csv").display()));
    }
    let summary = json!({
        "out": path, "concepts": bank.names.len(), "findings": manifest.findings, "warnings": manifest.warnings,
    });
    output.summary(&lines, &summary)
}

/// How many vectors there are, and which tell their concepts worst.
fn findings(bank: &SavedBank, rows: &[ConceptMetricRow]) -> Vec<String> {
    let (concepts, features) = bank.vectors.dim();
    let mut lines = vec![format!("{concepts} concept vectors of {features} features.")];
    let is_auc = |r: &&ConceptMetricRow| r.metric == "bank_auc" || r.metric == "bank_validation_auc";
    let mut aucs: Vec<(f64, &str)> =
        rows.iter().filter(is_auc).filter_map(|r| Some((r.value?, r.concept.as_str()))).collect();
    aucs.sort_by(|a, b| a.0.total_cmp(&b.0));
    if !aucs.is_empty() {
        let mean = aucs.iter().map(|a| a.0).sum::<f64>() / aucs.len() as f64;
        let worst: Vec<String> = aucs.iter().take(3).map(|(auc, name)| format!("{name} {auc:.3}")).collect();
        lines.push(format!("Mean AUC {mean:.3}; lowest: {}.", worst.join(", ")));
    }
    lines
}
