//! `narrows plane`

use super::ib_curve;
use super::models;
use super::options::{DataArgs, ImageArgs, LARGEST_SEED, ModelArgs, NoiseArgs, OutArgs};
use super::output::Output;
use super::report::LookArgs;
use crate::plane::{
    KnownRun, Located, PlaneJob, PlaneResult, Source, Unit, both, bound_findings, derive, findings,
    gradients_of_training, is_dump, read_gradients, training_tables, with_bound,
};
use crate::report::compose;
use crate::run::{Identity, InputFile, Limits, Opened, RunFolder};
use crate::subject::model::{ModelOptions, Pool};
use crate::subject::modules::Description;
use crate::subject::samples::{Batch, Samples};
use crate::table::{CapturedSampleRow, GradientRow, PlaneRow, read_csv, to_csv, write_parquet};
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::{DatasetError, renumber, sample_rows};
use narrows_estimators::{LayerNoise, PlaneEstimator, Targets, registry};
use ndarray::Array2;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Trace the information plane of saved checkpoints
///
/// For every checkpoint, layer and estimator: I(X;T), I(T;Y), H(T) and I(X;T|Y), as plane.csv and plane.parquet, with
/// figures and a report.
#[derive(Debug, clap::Args)]
pub(super) struct PlaneArgs {
    /// Checkpoints (.safetensors, .pt, .pth, .onnx, .h5, …), Hugging Face folders, or dumps of activations (.npz, or what
    /// `narrows capture` wrote): a file, a folder or a pattern; repeatable
    #[arg(long, required = true, num_args = 1.., value_name = "FILE|DIR|GLOB", alias = "activations")]
    checkpoints: Vec<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    noise: NoiseArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    images: ImageArgs,
    /// Statistics of the gradients, as a CSV: epoch, layer, and gradient_snr, or gradient_mean_norm and gradient_std_norm
    /// [default: the training.csv of the checkpoints' own run, if there is one]
    #[arg(long, value_name = "FILE")]
    gradients: Option<PathBuf>,
    /// Use N samples, drawn without replacement by --seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    samples: Option<u64>,
    /// An estimator, as NAME or NAME:KEY=VALUE,…; repeatable [default: binning, adaptive, kde]
    #[arg(long = "estimator", short, value_name = "SPEC", value_parser = specification, value_hint = clap::ValueHint::Other)]
    estimators: Vec<String>,
    /// Layers by name, pattern or number from 1, `all`, `all-activations` or `outputs`; repeatable or separated by commas
    /// [default: all of a dense network or a dump, activations and outputs of another]
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    layers: Vec<String>,
    /// What is done with the space of images and the tokens of texts; kept means laid out in a row
    #[arg(long, value_enum, default_value_t)]
    pool: Pool,
    /// Noise that dumped activations hold, or that the network adds by itself: its standard deviation, or relative:SHARE of
    /// each activation; what --noise-std adds is known
    #[arg(long, value_name = "NOISE", value_parser = layer_noise)]
    layer_noise: Option<LayerNoise>,
    /// The information-bottleneck bound, drawn on the plane, and each layer's distance from it: the run of a
    /// `narrows ib-curve`, its table, or `auto` for how often each distinct input goes with each label
    #[arg(long, value_name = "DIR|FILE|auto")]
    ib_curve: Option<String>,
    /// Unit of the table
    #[arg(long, value_enum, default_value_t)]
    unit: Unit,
    /// Seed of the analysis, the draws of noise included
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

/// What is traced when nobody says: a classical, an adaptive and a kernel estimator.
pub(super) const DEFAULT_ESTIMATORS: [&str; 3] = ["binning", "adaptive", "kde"];

fn layer_noise(text: &str) -> Result<LayerNoise, String> {
    let (number, noise): (_, fn(f64) -> LayerNoise) = match text.strip_prefix("relative:") {
        Some(share) => (share, LayerNoise::Relative),
        None => (text, LayerNoise::Additive),
    };
    let number = number.parse().ok().filter(|v: &f64| v.is_finite() && *v > 0.0);
    number.map(noise).ok_or_else(|| "it must be a positive number such as 0.1, or relative:0.001".into())
}

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
    let paths = models::expand(&args.checkpoints)?;
    let model = ModelOptions { noise: args.noise.noise(), noise_seed: args.seed, ..args.model.options()? };
    let source = Source { run: args.model.run_name.clone(), model, pool: args.pool };
    let Data { samples, labels, mut files, attribution } = data(args, &paths)?;
    let n_all = labels.len();
    let rows = sample_rows(n_all, args.samples.map_or(n_all, |n| n as usize), args.seed);
    let (classes, _) = renumber(&labels);
    let classes: Vec<u32> = rows.iter().map(|&row| classes[row]).collect();
    if classes.iter().all(|class| *class == classes[0]) {
        let of = [&args.data.labels, &args.data.inputs].into_iter().flatten().next();
        return Err(DatasetError::OneClass { samples: rows.len(), label: labels[rows[0]] })
            .with_context(|| of.map_or_else(|| "the labels".into(), String::clone));
    }
    let checkpoints = paths
        .par_iter()
        .map(|path| {
            let mut located = source.locate(path, samples.as_ref(), n_all)?;
            located.noise = args.layer_noise.or(located.noise);
            Ok((source.clone(), located))
        })
        .collect::<Result<Vec<_>>>()?;
    refuse_twins(&checkpoints)?;
    if let Some(arch) = &args.model.arch {
        files.push(InputFile::of(arch)?);
    }
    files.extend(paths.par_iter().map(|p| models::input_file(p)).collect::<Result<Vec<_>>>()?);
    let gradients = gradients(args, &checkpoints, &mut files)?;
    let specs: Vec<String> =
        if args.estimators.is_empty() { DEFAULT_ESTIMATORS.map(String::from).into() } else { args.estimators.clone() };
    let of_bound = |asked: &String| ib_curve::for_plane(asked, samples.as_ref(), &rows, &classes, args.seed);
    let bound = args.ib_curve.as_ref().map(of_bound).transpose()?;
    files.extend(bound.iter().filter_map(|b| b.file.clone()));
    let job = PlaneJob {
        checkpoints,
        targets: Targets::new(&classes)?,
        samples,
        rows,
        estimators: estimators(&specs)?,
        unit: args.unit,
        layers: args.layers.clone(),
        seed: args.seed,
    };
    let config = json!({
        "checkpoints": args.checkpoints,
        "architecture": description(&source),
        "weights": job.checkpoints.first().map(|(_, located)| &located.weights),
        "state_dict": args.model.state_dict,
        "max_tokens": args.model.max_tokens,
        "run_name": args.model.run_name,
        "noise": job.checkpoints.first().and_then(|(_, located)| located.noise),
        "inputs": args.data.inputs,
        "labels": args.data.labels,
        "label_column": args.data.label_column,
        "text_column": args.images.text_column,
        "images": args.images.options(&args.data).images,
        "pool": args.pool,
        "gradients": args.gradients,
        "samples": job.targets.len(),
        "estimators": job.estimators.iter().map(|e| format!("{}: {}", e.name(), e.parameters())).collect::<Vec<_>>(),
        "layer_noise": args.layer_noise,
        "layers": args.layers,
        "ib_curve": args.ib_curve,
        "unit": args.unit,
        "seed": args.seed,
    });
    let identity = Identity::new("plane", config, files);
    let folder = match RunFolder::open(&args.out.folder("plane"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let mut notes = notes(&job);
    let (mut result, limits) = trace(job, &folder, output)?;
    let about_values = warnings(&result);
    if let Some(bound) = &bound {
        result.rows = with_bound(result.rows, &bound.curve);
        write_table(&folder, &result.rows)?;
        ib_curve::write(&folder, &bound.curve, &bound.name, args.unit, args.seed)?;
        notes.extend(bound.notes(limits.label_entropy_bits));
    }
    let mut manifest = folder.manifest(&identity);
    manifest.limits = limits;
    manifest.attribution = attribution.map(String::from);
    manifest.warnings = about_values;
    manifest.warnings.extend(notes);
    if let Some(asked) = args.samples.filter(|&n| n > n_all as u64) {
        manifest.warnings.push(format!("{asked} samples were asked for, but there are {n_all}: all of them were used"));
    }
    both(folder.path(), "gradients", &gradients)?;
    let derived = derive(&result.rows, &gradients, args.seed, folder.path())?;
    manifest.findings = findings(&result.rows);
    manifest.findings.extend(derived.findings());
    manifest.findings.extend(bound_findings(&result.rows));
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

/// The gradients' statistics: from the file that is named, else from training tables above the checkpoints. The files are
/// added to those that are read.
fn gradients(
    args: &PlaneArgs,
    checkpoints: &[(Source, Located)],
    files: &mut Vec<InputFile>,
) -> Result<Vec<GradientRow>> {
    let runs = KnownRun::of(checkpoints.iter().map(|(_, located)| located));
    if let Some(file) = &args.gradients {
        files.push(InputFile::of(file)?);
        return read_gradients(file, &runs);
    }
    let mut rows = vec![];
    for file in training_tables(checkpoints.iter().map(|(_, located)| located.path.as_path())) {
        let own: Vec<KnownRun> = runs
            .iter()
            .filter(|known| {
                let mut of_run = checkpoints.iter().filter(|(_, located)| located.run == known.run);
                of_run.any(|(_, located)| file.parent().is_some_and(|folder| located.path.starts_with(folder)))
            })
            .cloned()
            .collect();
        let found = gradients_of_training(&file, &own)?;
        if !found.is_empty() {
            files.push(InputFile::of(&file)?);
            rows.extend(found);
        }
    }
    Ok(rows)
}

/// What is traced, and the labels.
struct Data {
    /// None where dumps need no inputs.
    samples: Option<Samples>,
    labels: Vec<i64>,
    files: Vec<InputFile>,
    attribution: Option<&'static str>,
}

fn data(args: &PlaneArgs, paths: &[PathBuf]) -> Result<Data> {
    let mut only_dumps = true;
    for path in paths {
        only_dumps &= is_dump(path)?;
    }
    if only_dumps && args.data.inputs.is_none() {
        let captured = captured_samples(paths)?.and_then(|(rows, file)| Some((labels_of(&rows)?, file)));
        let (labels, file) = match (&args.data.labels, captured) {
            (None, Some(captured)) => captured,
            _ => args.data.options().labels_alone()?,
        };
        return Ok(Data { samples: None, labels, files: vec![file], attribution: None });
    }
    let mut samples = args.images.options(&args.data).open()?;
    let (mut labels, mut files) = (samples.labels().map(<[i64]>::to_vec), samples.files().to_vec());
    let attribution = samples.attribution();
    if only_dumps && let Some((captured, file)) = captured_samples(paths)? {
        // The capture knows its labels, and which rows of the inputs it is of where those are more.
        let rows: Vec<usize> = captured.iter().map(|row| row.source_row as usize).collect();
        if rows.len() < samples.len() && rows.iter().all(|&row| row < samples.len()) {
            labels = labels.map(|labels| rows.iter().map(|&row| labels[row]).collect());
            samples = chosen(&samples, &rows)?;
        }
        if labels.is_none() && rows.len() == samples.len() {
            labels = labels_of(&captured);
        }
        files.push(file);
    }
    let Some(labels) = labels else {
        bail!("{} comes without labels: give --labels FILE, or --label-column for a CSV", samples.name());
    };
    ensure!(labels.len() >= 2, "{}: {} sample(s), but at least two samples are needed", samples.name(), labels.len());
    Ok(Data { samples: Some(samples), labels, files, attribution })
}

/// Some rows of the inputs as a matrix of their own.
fn chosen(samples: &Samples, rows: &[usize]) -> Result<Samples> {
    let Batch::Real(values) = samples.batch(rows)? else {
        bail!("{} are texts, whose values no estimator looks at: leave out --inputs beside dumps", samples.name());
    };
    let width = values.len() / rows.len().max(1);
    Samples::of_matrix(samples.name(), Array2::from_shape_vec((rows.len(), width), values.into_iter().collect())?)
}

fn labels_of(rows: &[CapturedSampleRow]) -> Option<Vec<i64>> {
    rows.iter().map(|row| row.label).collect()
}

/// What `narrows capture` wrote of the samples beside the activations, where all of them are of one capture.
fn captured_samples(paths: &[PathBuf]) -> Result<Option<(Vec<CapturedSampleRow>, InputFile)>> {
    let of = |path: &PathBuf| path.parent()?.parent().map(|run| run.join("samples.csv"));
    let Some(file) = paths.first().and_then(of).filter(|file| file.exists()) else { return Ok(None) };
    if !paths.iter().all(|path| of(path).as_ref() == Some(&file)) {
        return Ok(None);
    }
    Ok(Some((read_csv(&file)?, InputFile::of(&file)?)))
}

/// The network in the manifest: sizes of a dense one; the file of a description of modules is among the inputs.
fn description(source: &Source) -> Value {
    match &source.model.description {
        Some(Description::Dense(architecture)) => json!(architecture),
        Some(Description::Modules(_)) => json!("modules"),
        None => Value::Null,
    }
}

/// What reading the checkpoints brought up, each once.
fn notes(job: &PlaneJob) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for note in job.checkpoints.iter().flat_map(|(_, located)| &located.notes) {
        if !notes.contains(note) && notes.len() < 10 {
            notes.push(note.clone());
        }
    }
    notes
}

/// Computes a plane in a run's folder and writes its tables.
pub(super) fn trace(mut job: PlaneJob, folder: &RunFolder, output: Output) -> Result<(PlaneResult, Limits)> {
    job.sort();
    let bar = output.bar(job.n_cells()? as u64, "tracing", "layers");
    let result = job.run(&folder.state(), &|| bar.inc(1))?;
    bar.finish_and_clear();
    write_table(folder, &result.rows)?;
    folder.write("timings.csv", &to_csv(&result.timings)?)?;
    let label_entropy_bits = Some(Unit::Bits.of(job.targets.entropy()));
    Ok((result, Limits { n_samples: Some(job.targets.len() as u64), label_entropy_bits }))
}

fn write_table(folder: &RunFolder, rows: &[PlaneRow]) -> Result<()> {
    folder.write("plane.csv", &to_csv(rows)?)?;
    folder.write("plane.parquet", &write_parquet("plane", rows)?)
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
    if let Some(first) = result.refused.first() {
        let layers = result.refused.len();
        warnings.push(format!("{layers} layer(s) have rows without a value, flagged refused; the first: {first}"));
    }
    let noiseless = count("no_noise");
    if noiseless > 0 {
        warnings.push(format!(
            "{noiseless} of {total} values are flagged no_noise: nothing is known that makes I(X;T) finite, and of a \
             deterministic network it grows with the samples; tell the network's noise (--layer-noise), or let the \
             estimator add some (lossy:noise=…)"
        ));
    }
    if result.rows.iter().any(|r| r.epoch.is_none()) {
        warnings.push("some checkpoints tell no epoch, neither in metadata nor in the file name".into());
    }
    warnings
}
