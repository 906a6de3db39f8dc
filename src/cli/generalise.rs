//! `narrows generalise CONFIG.toml`

use super::options::OutArgs;
use super::output::Output;
use super::report::LookArgs;
use crate::figure::FigureOptions;
use crate::generalisation::{ConfigFile, Plan, Source, correlations, findings, run as run_models, verify};
use crate::report::compose;
use crate::run::{Existing, Identity, Opened, RunFolder};
use crate::table::{to_csv, write_parquet};
use anyhow::Result;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Train many networks, and ask which information goes with their generalisation gap
///
/// Writes models.csv (every number of every model), correlation.csv (each quantity with the gap in loss and error),
/// figures and a report.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example: narrows generalise config.toml --out run, with this config.toml:
  name = \"small\"

  [data]
  source = \"blobs\"
  seeds = [0, 1, 2]

  [network]
  widths = [32, 16]

  [training]
  weight_decays = [0.0, 0.1]
  seeds = [0, 1]

An empty file is the toy study of Kawaguchi et al. 2023, 216 models; every key is in docs/generalise.md.")]
pub(super) struct GeneraliseArgs {
    /// The config
    config: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &GeneraliseArgs, output: Output) -> Result<()> {
    let config = ConfigFile::read(&args.config)?;
    let identity = Identity::new("generalise", serde_json::to_value(&config)?, vec![]);
    let folder = args.out.folder(&config.name);
    run_config(&config, &identity, &folder, args.out.existing(), &args.look.options(), output, |_| Ok(vec![]))
}

/// Runs a study of generalisation. `judge` is shown the folder when the tables stand in it; its sentences are findings,
/// before the others.
///
/// # Errors
/// When a key is outside its domain, the data are too few, the folder holds something else, or a file cannot be written.
pub(super) fn run_config(
    config: &ConfigFile,
    identity: &Identity,
    folder: &Path,
    existing: Existing,
    look: &FigureOptions,
    output: Output,
    judge: impl FnOnce(&RunFolder) -> Result<Vec<String>>,
) -> Result<()> {
    config.check()?;
    verify(config)?;
    let folder = match RunFolder::open(folder, existing, identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    folder.write("config.toml", toml::to_string(config)?.as_bytes())?;
    let bar = output.bar(Plan::new(config).models.len() as u64, "models", "models");
    let outcome = run_models(config, &folder.state(), &|| bar.inc(1))?;
    bar.finish_and_clear();
    let correlation = correlations(config, &outcome.rows);
    folder.write("models.csv", &to_csv(&outcome.rows)?)?;
    folder.write("models.parquet", &write_parquet("models", &outcome.rows)?)?;
    folder.write("correlation.csv", &to_csv(&correlation)?)?;
    folder.write("correlation.parquet", &write_parquet("correlation", &correlation)?)?;

    let mut manifest = folder.manifest(identity);
    if config.data.source == Source::Digits {
        manifest.attribution = narrows_datasets::digits()?.attribution.map(String::from);
    }
    manifest.warnings = outcome.warnings;
    manifest.findings = judge(&folder)?;
    manifest.findings.extend(findings(config, &outcome.rows, &correlation));
    compose(folder.path(), &manifest, look)?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.extend(manifest.warnings.iter().map(|w| format!("warning: {w}")));
    lines.push(format!("correlations  {}", path.join("correlation.csv").display()));
    lines.push(format!("report        {}", path.join("report.html").display()));
    output.summary(&lines, &json!({ "out": path, "findings": manifest.findings, "warnings": manifest.warnings }))
}
