//! `narrows regress CONFIG.toml`

use super::options::{LARGEST_SEED, OutArgs};
use super::output::Output;
use super::report::LookArgs;
use crate::figure::FigureOptions;
use crate::regression::{
    ConfigFile, Loaded, OBJECTIVES, RegressionJob, cautions, findings, summarise, with_compression,
};
use crate::report::compose;
use crate::run::{Existing, Identity, Opened, RunFolder};
use crate::subject::train::Device;
use crate::table::{to_csv, write_parquet};
use anyhow::Result;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Train regression networks under several information bottlenecks, and measure error, information and robustness
///
/// Writes regression.csv (one row a number), regression_summary.csv (means over seeds), figures and a report.
#[derive(Debug, clap::Args)]
pub(super) struct RegressArgs {
    /// The config
    config: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// Use this seed alone, instead of the config's
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: Option<u64>,
    /// Where tensors are worked on, instead of the config's
    #[arg(long, value_enum)]
    device: Option<Device>,
    #[command(flatten)]
    look: LookArgs,
}

const EXAMPLE: &str = "\
Example: narrows regress config.toml --out bottlenecks, with this config.toml:
  seeds = [0, 1, 2]
  objectives = [\"mse\", \"cs-ib\", \"vib\"]
  betas = { cs-ib = [0.01, 0.1, 1.0] }

  [[data]]
  inputs = \"friedman1\"
  samples = 1000
  noise = 1.0

  [[data]]
  inputs = \"houses.csv\"
  target = \"price\"

An empty file is a small study of two built-in data sets. Every key, with its default, is in docs/regress.md.";

/// An example and the objectives, for the help.
pub(super) fn after_help() -> String {
    let longest = OBJECTIVES.iter().map(|o| o.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = OBJECTIVES.iter().map(|o| format!("  {:longest$}  {}", o.name, o.summary)).collect();
    format!("{EXAMPLE}\n\nObjectives:\n{}", lines.join("\n"))
}

pub(super) fn run(args: &RegressArgs, output: Output) -> Result<()> {
    let mut config = ConfigFile::read(&args.config)?;
    if let Some(seed) = args.seed {
        config.seeds = vec![seed];
    }
    if let Some(device) = args.device {
        config.training.device = device;
    }
    let folder = args.out.folder(&config.name);
    run_config(&config, &folder, args.out.existing(), &args.look.options(), output, |_| Ok(vec![]))
}

/// Runs a study that is checked (see [`ConfigFile::check`]) into a folder: tables, figures, report, manifest.
/// `judge` is shown the folder when the tables stand in it; its sentences are findings, before the others.
///
/// # Errors
/// When data cannot be read or split, a training diverges, the folder holds something else, or a file cannot be written.
pub(super) fn run_config(
    config: &ConfigFile,
    folder: &Path,
    existing: Existing,
    look: &FigureOptions,
    output: Output,
    judge: impl FnOnce(&RunFolder) -> Result<Vec<String>>,
) -> Result<()> {
    let loaded: Vec<Loaded> = config.data.iter().map(|data| data.load()).collect::<Result<_>>()?;
    let files = loaded.iter().flat_map(|l| l.files.clone()).collect();
    let sets: Vec<_> = loaded.into_iter().map(|l| l.set).collect();
    // Before anything is written: data that cannot be split are a fault of the config.
    let job = RegressionJob::new(config, &sets)?;
    let identity = Identity::new("regress", serde_json::to_value(config)?, files);
    let folder = match RunFolder::open(folder, existing, &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    folder.write("config.toml", toml::to_string(config)?.as_bytes())?;
    let bar = output.bar(job.n_cells() as u64, "training", "networks");
    let result = job.run(&folder.state(), &|| bar.inc(1))?;
    bar.finish_and_clear();
    let rows = with_compression(&result.rows);
    let summary = summarise(&rows);
    folder.write("regression.csv", &to_csv(&rows)?)?;
    folder.write("regression.parquet", &write_parquet("regression", &rows)?)?;
    folder.write("regression_summary.csv", &to_csv(&summary)?)?;
    folder.write("regression_summary.parquet", &write_parquet("regression_summary", &summary)?)?;

    let mut manifest = folder.manifest(&identity);
    let sources: Vec<&str> = sets.iter().filter_map(|s| s.attribution).collect();
    manifest.attribution = (!sources.is_empty()).then(|| sources.join("; "));
    manifest.findings = judge(&folder)?;
    manifest.findings.extend(findings(&rows, &summary, &sets));
    manifest.warnings = cautions(&rows, config);
    compose(folder.path(), &manifest, look)?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.extend(manifest.warnings.iter().map(|w| format!("warning: {w}")));
    lines.push(format!("table   {}", path.join("regression.csv").display()));
    lines.push(format!("report  {}", path.join("report.html").display()));
    let summary = json!({
        "out": path,
        "rows": rows.len(),
        "networks": job.n_cells(),
        "cells_resumed": result.cells_resumed,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &summary)
}
