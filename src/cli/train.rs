//! `narrows train CONFIG.toml`

use super::models;
use super::options::{LARGEST_SEED, OutArgs};
use super::output::Output;
use super::report::LookArgs;
use crate::plane::{Located, Source, both};
use crate::report::compose;
use crate::run::{Identity, Opened, RunFolder};
use crate::subject::data::Loaded;
use crate::subject::samples::Samples;
use crate::subject::train::{ConfigFile, Device, Session, TrainConfig, TrainingData, train};
use crate::table::TrainingRow;
use anyhow::{Context, Result};
use narrows_datasets::Dataset;
use rayon::prelude::*;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Train a dense or convolutional network, saving checkpoints that PyTorch can load
///
/// Writes checkpoints/*.safetensors, training.csv (losses, accuracies, gradient norms per epoch and layer), figures
/// and a report.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example: narrows train config.toml --out run, with this config.toml:
  name = \"tanh\"
  seeds = [0, 1]

  [data]
  inputs = \"digits\"

  [network]
  hidden = [20, 16, 12]
  activation = \"tanh\"

  [training]
  epochs = 200
  batch_size = 64
  optimiser = { kind = \"adam\", learning_rate = 1e-3 }
  checkpoints = \"log\"

Every key, with its default, is in docs/train.md.")]
pub(super) struct TrainArgs {
    /// The config
    config: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// Train with this seed alone, instead of the config's
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: Option<u64>,
    /// Where tensors are worked on, instead of the config's
    #[arg(long, value_enum)]
    device: Option<Device>,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &TrainArgs, output: Output) -> Result<()> {
    let mut config = ConfigFile::read(&args.config)?;
    if let Some(seed) = args.seed {
        config.seeds = vec![seed];
    }
    if let Some(device) = args.device {
        config.training.device = device;
    }
    let Loaded { data, files, scale, shape } = config.data.options().load()?;
    config.data.scale = Some(scale);
    // Before anything is written: a share that leaves no test set is a fault of the config.
    for &seed in &config.seeds {
        data.split(config.data.train_share, seed).context("data.train_share does not split the data")?;
    }
    let trainings: Vec<TrainConfig> =
        config.seeds.iter().map(|&seed| config.training(seed, &shape, data.n_classes)).collect::<Result<_>>()?;
    let identity = Identity::new("train", serde_json::to_value(&config)?, files);
    let folder = match RunFolder::open(&args.out.folder(&config.name), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    folder.write("config.toml", toml::to_string(&config)?.as_bytes())?;
    let rows = train_all(&trainings, &data, config.data.train_share, &folder, output)?;

    let mut manifest = folder.manifest(&identity);
    manifest.attribution = data.attribution.map(String::from);
    manifest.findings = trainings.iter().filter_map(|t| last_scores(&rows, &t.run)).collect();
    compose(folder.path(), &manifest, &args.look.options())?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.push(format!("checkpoints  {}", path.join("checkpoints").display()));
    lines.push(format!("report       {}", path.join("report.html").display()));
    output.summary(&lines, &json!({ "out": path, "findings": manifest.findings }))
}

/// Trains the networks beside each other; checkpoints of run R go to `checkpoints/R`, or straight to `checkpoints` when
/// there is one run only. Writes the tables of the split and of the training.
pub(super) fn train_all(
    trainings: &[TrainConfig],
    data: &Dataset,
    train_share: f64,
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<TrainingRow>> {
    let total = trainings.iter().map(|t| t.training.epochs).sum();
    folder.write("split.csv", &split_table(trainings, data, train_share)?)?;
    let bar = output.bar(total, "training", "epochs");
    let done: Vec<AtomicU64> = trainings.iter().map(|_| AtomicU64::new(0)).collect();
    let rows: Vec<Vec<TrainingRow>> = trainings
        .par_iter()
        .enumerate()
        .map(|(number, config)| {
            let checkpoints = folder.create_dir(&checkpoint_folder(trainings, config))?;
            let state = folder.state().join(&config.run);
            std::fs::create_dir_all(&state).with_context(|| format!("cannot create {}", state.display()))?;
            // The split follows the seed, as everything else that is random.
            let (train_rows, test_rows) = data.split(train_share, config.seed)?;
            let session = Session {
                config,
                data: TrainingData {
                    inputs: data.inputs.view(),
                    labels: &data.labels,
                    n_classes: data.n_classes,
                    train: &train_rows,
                    test: &test_rows,
                },
                checkpoints: &checkpoints,
                state: &state,
            };
            train(&session, &|epoch| {
                done[number].store(epoch, Ordering::Relaxed);
                bar.set_position(done.iter().map(|d| d.load(Ordering::Relaxed)).sum());
            })
        })
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let rows: Vec<TrainingRow> = rows.into_iter().flatten().collect();
    both(folder.path(), "training", &rows)?;
    Ok(rows)
}

/// The checkpoints of networks that [`train_all`] trained, ready to be traced on the samples.
pub(super) fn trained(
    trainings: &[TrainConfig],
    folder: &RunFolder,
    source: &Source,
    samples: &Samples,
) -> Result<Vec<(Source, Located)>> {
    let mut paths = vec![];
    for config in trainings {
        let pattern = folder.path().join(checkpoint_folder(trainings, config)).join("*.safetensors");
        paths.extend(models::expand(&[pattern.display().to_string()])?);
    }
    let located = |path: &PathBuf| Ok((source.clone(), source.locate(path, Some(samples), samples.len())?));
    paths.par_iter().map(located).collect()
}

/// Which samples (rows of the data, from 0) each run trained and tested on.
fn split_table(trainings: &[TrainConfig], data: &Dataset, train_share: f64) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["run", "row", "part"])?;
    for config in trainings {
        let (train, test) = data.split(train_share, config.seed)?;
        for (rows, part) in [(train, "train"), (test, "test")] {
            for row in rows {
                table.write_record([&config.run, &row.to_string(), part])?;
            }
        }
    }
    table.into_inner().context("flushing the table of the split")
}

pub(super) fn checkpoint_folder(trainings: &[TrainConfig], config: &TrainConfig) -> String {
    if trainings.len() > 1 { format!("checkpoints/{}", config.run) } else { "checkpoints".into() }
}

/// A sentence on how a run ended.
pub(super) fn last_scores(rows: &[TrainingRow], run: &str) -> Option<String> {
    let last =
        |quantity: &str| rows.iter().rev().find(|r| r.run == run && r.quantity == quantity).and_then(|r| r.value);
    let epoch = rows.iter().rev().find(|r| r.run == run)?.epoch;
    Some(format!(
        "{run}: after {epoch} epochs the loss is {:.4} nats on training and {:.4} on test samples, the accuracy {:.1} % and {:.1} %.",
        last("train_loss")?,
        last("test_loss")?,
        100.0 * last("train_accuracy")?,
        100.0 * last("test_accuracy")?
    ))
}
