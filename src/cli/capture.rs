//! `narrows capture`

use super::options::{DataArgs, ImageArgs, LARGEST_SEED, ModelArgs, NoiseArgs, OutArgs, byte_size};
use super::output::Output;
use super::{models, tree};
use crate::run::{Identity, InputFile, Opened, RunFolder};
use crate::subject::capture::{CaptureJob, Captured, FileFormat, Precision};
use crate::subject::model::{ModelOptions, Pool};
use crate::subject::samples::Samples;
use crate::table::{CapturedSampleRow, to_csv, write_parquet};
use anyhow::Result;
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde_json::json;
use std::sync::OnceLock;

/// Run checkpoints on data, and save what their layers yield
///
/// Every checkpoint becomes a file of activations [samples × …] under activations/, a layer an array; activations.csv says
/// what is where, samples.csv which sample each row is. Values go to the file as they are computed, never all through
/// memory; a killed capture goes on with --resume and ends in the same bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows capture --checkpoints 'ckpt/epoch_*.onnx' --inputs t10k-images-idx3-ubyte.gz --layers all-activations
  narrows capture --checkpoints efficientnet-lite0.pth --arch examples/arch/efficientnet-lite0.toml --inputs photos \\
      --resize 224 --crop 224 --scale 1 --mean 127 --std 128 --layers _avg_pooling,_fc
  narrows capture --checkpoints all-MiniLM-L6-v2/ --inputs definitions.csv --text-column definition --pool mean")]
pub(super) struct CaptureArgs {
    /// Models (.onnx, .safetensors, .pt, .pth, .h5, …) or Hugging Face folders: files, folders or patterns; repeatable
    #[arg(long, required = true, num_args = 1.., value_name = "FILE|DIR|GLOB")]
    checkpoints: Vec<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    noise: NoiseArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    images: ImageArgs,
    /// Use N samples, drawn without replacement by --seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    samples: Option<u64>,
    /// Layers by name, pattern or number from 1, `all`, `all-activations` or `outputs`; repeatable or separated by commas
    /// [default: activations and outputs; of an encoder its layers]
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    layers: Vec<String>,
    /// What is done with the space of images and the tokens of texts
    #[arg(long, value_enum, default_value_t)]
    pool: Pool,
    /// Type of the values in the files
    #[arg(long, value_enum, default_value_t)]
    dtype: Precision,
    /// Format of the files
    #[arg(long, value_enum, default_value_t)]
    format: FileFormat,
    /// Samples that are run at once [default: by what they take]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Memory that the program may take, as 200M or 2GiB; batches are made to fit
    #[arg(long, value_name = "SIZE", value_parser = byte_size)]
    max_memory: Option<u64>,
    /// Seed of --samples and of the draws of noise
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &CaptureArgs, output: Output) -> Result<()> {
    let paths = models::expand(&args.checkpoints)?;
    let samples = args.images.options(&args.data).open()?;
    let all = samples.len();
    let rows = rows(all, args.samples, args.seed);
    let models = paths.iter().map(|p| (p.clone(), args.model.run_name(p))).collect();
    let mut files: Vec<InputFile> = samples.files().to_vec();
    files.extend(args.model.arch.as_deref().map(InputFile::of).transpose()?);
    files.extend(paths.par_iter().map(|p| models::input_file(p)).collect::<Result<Vec<_>>>()?);
    let attribution = samples.attribution().map(String::from);
    let job = CaptureJob {
        models,
        options: ModelOptions { noise: args.noise.noise(), noise_seed: args.seed, ..args.model.options()? },
        samples,
        rows,
        layers: args.layers.clone(),
        pool: args.pool,
        precision: args.dtype,
        format: args.format,
        batch: args.batch.map(|n| n as usize),
        max_memory: args.max_memory,
    };
    job.check_names()?;
    job.check()?;
    let config = json!({
        "checkpoints": args.checkpoints,
        "architecture": args.model.arch,
        "state_dict": args.model.state_dict,
        "max_tokens": args.model.max_tokens,
        "run_name": args.model.run_name,
        "noise": args.noise.noise(),
        "inputs": args.data.inputs,
        "labels": args.data.labels,
        "label_column": args.data.label_column,
        "text_column": args.images.text_column,
        "images": args.images.options(&args.data).images,
        "samples": job.rows.len(),
        "seed": args.seed,
        "layers": args.layers,
        "pool": args.pool,
        "dtype": args.dtype,
        "format": args.format,
        "batch": args.batch,
    });
    let identity = Identity::new("capture", config, files);
    let folder = match RunFolder::open(&args.out.folder("capture"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let captured = capture(&job, &folder, output)?;
    folder.write("activations.csv", &to_csv(&captured.rows)?)?;
    folder.write("activations.parquet", &write_parquet("activations", &captured.rows)?)?;
    folder.write("samples.csv", &to_csv(&sample_rows(&job.samples, &job.rows))?)?;
    let mut manifest = folder.manifest(&identity);
    manifest.attribution = attribution;
    manifest.warnings.clone_from(&captured.notes);
    if let Some(asked) = args.samples.filter(|&n| n > all as u64) {
        manifest.warnings.push(format!("{asked} samples were asked for, but there are {all}: all of them were used"));
    }
    manifest.findings = vec![format!(
        "{} layer(s) of {} checkpoint(s) on {} samples, {} at a time",
        captured.rows.len() / job.models.len(),
        job.models.len(),
        job.rows.len(),
        captured.batch
    )];
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    let first =
        captured.rows.iter().take(captured.rows.len() / job.models.len().max(1)).map(|r| {
            [r.layer.clone(), r.operator.clone(), format!("[{}, {}]", r.n_samples, r.shape.replace('x', ", "))]
        });
    lines.extend(tree::aligned(&first.collect::<Vec<_>>(), &[]).into_iter().map(|line| format!("  {line}")));
    lines.extend(manifest.warnings.iter().map(|w| format!("note: {w}")));
    lines.push(format!("files  {}", path.join("activations").display()));
    lines.push(format!("table  {}", path.join("activations.csv").display()));
    let value = json!({
        "out": path, "checkpoints": job.models.len(), "samples": job.rows.len(), "batch": captured.batch,
        "batches_resumed": captured.batches_resumed, "layers": captured.rows, "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}

fn capture(job: &CaptureJob, folder: &RunFolder, output: Output) -> Result<Captured> {
    let bar: OnceLock<ProgressBar> = OnceLock::new();
    let place = folder.create_dir("activations")?;
    let begun = |n: u64| {
        let _ = bar.set(output.bar(n, "capturing", "batches"));
    };
    let captured = job.run(&place, &folder.state(), &begun, &|| {
        if let Some(bar) = bar.get() {
            bar.inc(1);
        }
    })?;
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    Ok(captured)
}

/// `n` rows drawn without replacement, ascending; all of them when there are no more.
fn rows(all: usize, n: Option<u64>, seed: u64) -> Vec<usize> {
    narrows_datasets::sample_rows(all, n.map_or(all, |n| usize::try_from(n).unwrap_or(all)), seed)
}

fn sample_rows(samples: &Samples, rows: &[usize]) -> Vec<CapturedSampleRow> {
    let of = |(row, &source): (usize, &usize)| {
        let label = samples.labels().map(|labels| labels[source]);
        let class = label.and_then(|l| samples.class_names()?.get(usize::try_from(l).ok()?));
        CapturedSampleRow {
            row: row as u64,
            source_row: source as u64,
            id: samples.ids().map_or_else(String::new, |ids| ids[source].clone()),
            label,
            class: class.cloned().unwrap_or_default(),
        }
    };
    rows.iter().enumerate().map(of).collect()
}
