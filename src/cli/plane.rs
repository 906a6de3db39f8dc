//! `narrows plane`

use super::options::{DataArgs, LARGEST_SEED, OutArgs};
use super::output::Output;
use super::report::LookArgs;
use crate::plane::{Located, PlaneJob, PlaneResult, Source, Unit, findings};
use crate::report::compose;
use crate::run::{Identity, InputFile, Limits, Opened, RunFolder};
use crate::subject::Architecture;
use crate::subject::data::Loaded;
use crate::table::{to_csv, write_parquet};
use anyhow::{Context, Result, bail, ensure};
use narrows_estimators::{PlaneEstimator, Targets, registry};
use rayon::prelude::*;
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Trace the information plane of saved checkpoints
///
/// For every checkpoint, layer and estimator: I(X;T), I(T;Y) and H(T), as plane.csv and plane.parquet, with figures
/// and a report.
#[derive(Debug, clap::Args)]
pub(super) struct PlaneArgs {
    /// Checkpoints (.safetensors, .pt, .pth) or activation dumps (.npz): a file, a folder or a pattern; repeatable
    #[arg(long, required = true, num_args = 1.., value_name = "FILE|DIR|GLOB", alias = "activations")]
    checkpoints: Vec<String>,
    /// The network: TOML or JSON with layers, activation and output; checkpoints of `narrows train` know their own
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,
    /// Key of the state dict inside a PyTorch file, when it is not one of the usual names
    #[arg(long, value_name = "KEY")]
    state_dict: Option<String>,
    /// Name of the run in the tables [default: the checkpoint's own, else its folder's]
    #[arg(long, value_name = "NAME")]
    run_name: Option<String>,
    #[command(flatten)]
    data: DataArgs,
    /// Use N samples, drawn without replacement by --seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    samples: Option<u64>,
    /// An estimator, as NAME or NAME:KEY=VALUE,…; repeatable [default: binning, adaptive, kde]
    #[arg(long = "estimator", short, value_name = "SPEC", value_parser = specification, value_hint = clap::ValueHint::Other)]
    estimators: Vec<String>,
    /// Layers by name, pattern or number from 1; repeatable or separated by commas [default: all]
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    layers: Vec<String>,
    /// Unit of the table
    #[arg(long, value_enum, default_value_t)]
    unit: Unit,
    /// Seed of the analysis
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

/// What is traced when nobody says: a classical, an adaptive and a kernel estimator.
pub(super) const DEFAULT_ESTIMATORS: [&str; 3] = ["binning", "adaptive", "kde"];

fn specification(text: &str) -> Result<String, String> {
    registry::plane(text).map(|_| text.to_string()).map_err(|e| e.to_string())
}

/// The estimators and their parameters, from the registry, and examples.
pub(super) fn after_help() -> String {
    let mut text = String::from("Estimators:\n");
    for entry in registry::ESTIMATORS.iter().filter(|e| e.is_plane()) {
        text += &format!("  {:13} {}\n", entry.name, entry.summary);
        for p in entry.parameters {
            let default = if p.default.is_empty() { String::new() } else { format!(" [default: {}]", p.default) };
            text += &format!("  {:13}   {}: {}{default}\n", "", p.name, p.meaning);
        }
    }
    text + "
Examples:
  narrows plane --checkpoints 'ckpt/epoch_*.pt' --arch arch.toml --inputs data.csv --label-column label
  narrows plane --checkpoints notebooks-out/tanh/checkpoints --inputs digits --estimator kde:variance=0.1
  narrows plane --checkpoints 'acts/*.npz' --labels labels.npy --layers 'hidden*' --estimator adaptive"
}

pub(super) fn run(args: &PlaneArgs, output: Output) -> Result<()> {
    let paths = expand(&args.checkpoints)?;
    let architecture = args.arch.as_deref().map(Architecture::read).transpose()?;
    let source = Source { run: args.run_name.clone(), architecture, state_dict_key: args.state_dict.clone() };
    let Loaded { data, files: mut inputs, scale } = args.data.options().load_for(&paths)?;
    let n_all = data.len();
    let sampled = args.samples.map(|n| data.sample_rows(n as usize, args.seed)).filter(|rows| rows.len() < n_all);
    let data = match &sampled {
        Some(rows) => data.subset(rows)?,
        None => data,
    };
    let checkpoints = paths
        .par_iter()
        .map(|path| Ok((source.clone(), source.locate(path, data.n_features(), n_all)?)))
        .collect::<Result<Vec<_>>>()?;
    refuse_twins(&checkpoints)?;
    if let Some(arch) = &args.arch {
        inputs.push(InputFile::of(arch)?);
    }
    inputs.extend(paths.par_iter().map(|p| InputFile::of(p)).collect::<Result<Vec<_>>>()?);
    let specs: Vec<String> =
        if args.estimators.is_empty() { DEFAULT_ESTIMATORS.map(String::from).into() } else { args.estimators.clone() };
    let job = PlaneJob {
        checkpoints,
        targets: Targets::new(&data.labels)?,
        inputs: data.inputs.clone(),
        rows: sampled,
        estimators: estimators(&specs)?,
        unit: args.unit,
        layers: args.layers.clone(),
        seed: args.seed,
    };
    let config = json!({
        "checkpoints": args.checkpoints,
        "architecture": source.architecture,
        "weights": job.checkpoints.first().map(|(_, located)| &located.weights),
        "state_dict": args.state_dict,
        "run_name": args.run_name,
        "inputs": args.data.inputs,
        "labels": args.data.labels,
        "label_column": args.data.label_column,
        "scale": scale,
        "samples": job.targets.len(),
        "estimators": job.estimators.iter().map(|e| format!("{}: {}", e.name(), e.parameters())).collect::<Vec<_>>(),
        "layers": args.layers,
        "unit": args.unit,
        "seed": args.seed,
    });
    let identity = Identity::new("plane", config, inputs);
    let folder = match RunFolder::open(&args.out.folder("plane"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let (result, limits) = trace(job, &folder, output)?;
    let mut manifest = folder.manifest(&identity);
    manifest.limits = limits;
    manifest.attribution = data.attribution.map(String::from);
    manifest.warnings = warnings(&result);
    if let Some(asked) = args.samples.filter(|&n| n > n_all as u64) {
        manifest.warnings.push(format!("{asked} samples were asked for, but there are {n_all}: all of them were used"));
    }
    manifest.findings = findings(&result.rows);
    compose(folder.path(), &manifest, &args.look.options())?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.extend(manifest.warnings.iter().map(|w| format!("note: {w}")));
    lines.push(format!("table   {}  ({} rows)", path.join("plane.csv").display(), result.rows.len()));
    lines.push(format!("report  {}", path.join("report.html").display()));
    let value = json!({
        "out": path, "rows": result.rows.len(), "cells_resumed": result.cells_resumed, "findings": manifest.findings, "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}

/// Computes a plane in a run's folder and writes its tables.
pub(super) fn trace(mut job: PlaneJob, folder: &RunFolder, output: Output) -> Result<(PlaneResult, Limits)> {
    job.sort();
    let bar = output.bar(job.n_cells()? as u64, "tracing", "layers");
    let result = job.run(&folder.state(), &|| bar.inc(1))?;
    bar.finish_and_clear();
    folder.write("plane.csv", &to_csv(&result.rows)?)?;
    folder.write("plane.parquet", &write_parquet(&result.rows)?)?;
    folder.write("timings.csv", &to_csv(&result.timings)?)?;
    let label_entropy_bits = Some(Unit::Bits.of(job.targets.entropy()));
    Ok((result, Limits { n_samples: Some(job.targets.len() as u64), label_entropy_bits }))
}

pub(super) fn estimators(specs: &[String]) -> Result<Vec<Box<dyn PlaneEstimator>>> {
    let built = specs.iter().map(|s| registry::plane(s)).collect::<Result<Vec<_>, _>>()?;
    for (i, a) in built.iter().enumerate() {
        let twice = built[..i].iter().any(|b| (a.name(), a.parameters()) == (b.name(), b.parameters()));
        ensure!(!twice, "the estimator {} ({}) is given twice", a.name(), a.parameters());
    }
    Ok(built)
}

/// The same epoch of a run in two files (of two formats, say) would be counted twice by whoever averages the table.
fn refuse_twins(checkpoints: &[(Source, Located)]) -> Result<()> {
    let mut seen: HashMap<(&str, u64, Option<u64>), &Path> = HashMap::new();
    for (_, located) in checkpoints {
        let Some(epoch) = located.epoch else { continue };
        if let Some(first) = seen.insert((&located.run, epoch, located.step), &located.path) {
            bail!(
                "{} and {} are both epoch {epoch} of the run {}: give one of them, by a pattern such as '*.safetensors', or \
                 trace their folders apart",
                first.display(),
                located.path.display(),
                located.run
            );
        }
    }
    Ok(())
}

/// What a reader of the whole table should beware of.
pub(super) fn warnings(result: &PlaneResult) -> Vec<String> {
    let mut warnings = vec![];
    let total = result.rows.len();
    let count = |flag: &str| result.rows.iter().filter(|r| r.flags.split(';').any(|f| f == flag)).count();
    let saturated = count("saturated");
    if saturated > 0 {
        warnings.push(format!(
            "{saturated} of {total} values are flagged saturated: within 5 % of the ceiling that the sample sets (log N or H(Y)); \
             compression cannot be seen there"
        ));
    }
    let violated = count("dpi_violated");
    if violated > 0 {
        warnings.push(format!(
            "{violated} of {total} values are flagged dpi_violated: a later layer seems to know more than an earlier one, \
             which is the estimator's doing"
        ));
    }
    if result.rows.iter().any(|r| r.epoch.is_none()) {
        warnings.push("some checkpoints tell no epoch, neither in metadata nor in the file name".into());
    }
    warnings
}

/// The files that patterns, folders and names stand for, each once, in natural order of the pattern.
pub(super) fn expand(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let path = Path::new(pattern);
        let mut found: Vec<PathBuf> = if path.exists() {
            files_of(path)?
        } else {
            let matches = glob::glob(pattern).with_context(|| format!("{pattern} is not a pattern"))?;
            matches.filter_map(Result::ok).map(|p| files_of(&p)).collect::<Result<Vec<_>>>()?.concat()
        };
        ensure!(
            !found.is_empty(),
            "{pattern}: {}",
            if path.is_dir() {
                "the folder holds no .safetensors, .pt, .pth, .ckpt, .bin or .npz file, nor do the folders in it"
            } else {
                "there is no such file, and no file matches it as a pattern"
            }
        );
        found.sort();
        for path in found {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// The file itself, or the checkpoints in a folder and the folders in it.
fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = vec![];
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let entry = entry?.path();
        if entry.is_dir() {
            found.extend(files_of(&entry)?);
        } else if is_checkpoint(&entry) {
            found.push(entry);
        }
    }
    Ok(found)
}

fn is_checkpoint(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| ["safetensors", "pt", "pth", "ckpt", "bin", "npz"].contains(&e))
}
