//! `narrows demo`

use super::options::{LARGEST_SEED, OutArgs};
use super::output::Output;
use super::plane::{estimators, trace, warnings};
use super::report::LookArgs;
use super::train::{checkpoint_folder, last_scores, train_all, trained};
use crate::plane::{PlaneJob, Source, Unit, derive, findings};
use crate::report::compose;
use crate::run::{Identity, Opened, RunFolder};
use crate::subject::samples::Samples;
use crate::subject::train::{ConfigFile, Device, TrainConfig};
use crate::subject::{Activation, Network};
use crate::table::GradientRow;
use anyhow::{Context, Result};
use narrows_datasets::Dataset;
use narrows_estimators::Targets;
use narrows_probes::{Bottleneck, ConceptData, LinearProbe};
use ndarray::{Array2, ArrayView2, Axis};
use serde_json::json;
use std::time::Instant;

/// The tour on built-in data: train, trace, draw, report
///
/// Trains a tanh and a ReLU network on the built-in digits, traces the information plane of both with three
/// estimators, draws the figures and writes a report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: narrows demo --out my-first-plane --seed 1")]
pub(super) struct DemoArgs {
    #[command(flatten)]
    out: OutArgs,
    /// Seed of everything random
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    /// A fifth of the epochs and half of the samples, to see quickly that everything works
    #[arg(long)]
    quick: bool,
    /// Where tensors are worked on
    #[arg(long, value_enum, default_value_t)]
    device: Device,
    #[command(flatten)]
    look: LookArgs,
}

/// Both networks of the tour but for their activation.
const CONFIG: &str = r#"
[data]
inputs = "digits"
train_share = 0.8

[network]
hidden = [16, 12, 8, 6]

[training]
batch_size = 64
optimiser = { kind = "adam", learning_rate = 2e-3 }
checkpoints = "log"
"#;

/// Few adaptive bins, because 30 in each of six units tell nearly all of 1797 samples apart. Noise of variance 0.01
/// suits activations of order one; the adaptive form follows their size.
const ESTIMATORS: [&str; 3] = ["binning:bins=30,range=run", "adaptive:bins=4", "adaptive-kde:variance=0.01"];

pub(super) fn run(args: &DemoArgs, output: Output) -> Result<()> {
    let begun = Instant::now();
    let whole = narrows_datasets::digits()?;
    let data = if args.quick { whole.subset(&whole.sample_rows(whole.len() / 2, args.seed))? } else { whole };
    let mut file = ConfigFile::parse(CONFIG)?;
    file.training.epochs = if args.quick { 60 } else { 300 };
    file.training.device = args.device;
    let trainings: Vec<TrainConfig> = [("tanh", Activation::Tanh), ("relu", Activation::Relu)]
        .into_iter()
        .map(|(name, activation)| {
            let mut one = file.clone();
            (one.name, one.network.activation) = (name.into(), activation);
            one.for_seed(args.seed, data.n_features(), data.n_classes)
        })
        .collect();

    let config = json!({ "data": "digits", "samples": data.len(), "seed": args.seed, "trainings": trainings, "estimators": ESTIMATORS });
    let identity = Identity::new("demo", config, vec![]);
    let folder = match RunFolder::open(&args.out.folder("demo"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => {
            let line = format!("{} is complete already: open {}", path.display(), path.join("report.html").display());
            return output.summary(&[line], &json!({ "out": path, "complete": true }));
        }
    };
    output.note(&format!(
        "Training a tanh and a ReLU network {} on {} handwritten digits, then tracing what their layers know …",
        trainings[0].architecture,
        data.len()
    ));
    let training = train_all(&trainings, &data, file.data.train_share, &folder, output)?;

    let source = Source::default();
    let samples = Samples::of_matrix("digits", data.inputs.clone())?;
    let checkpoints = trained(&trainings, &folder, &source, &samples)?;
    let job = PlaneJob {
        checkpoints,
        samples: Some(samples),
        targets: Targets::new(&data.labels)?,
        rows: (0..data.len()).collect(),
        estimators: estimators(&ESTIMATORS.map(String::from))?,
        unit: Unit::Bits,
        layers: vec![],
        seed: args.seed,
    };
    let (result, limits) = trace(job, &folder, output)?;

    let mut manifest = folder.manifest(&identity);
    manifest.limits = limits;
    manifest.attribution = data.attribution.map(String::from);
    manifest.warnings = warnings(&result);
    manifest.findings = trainings.iter().filter_map(|t| last_scores(&training, &t.run)).collect();
    manifest.findings.push(probe_sentence(&trainings, &data, file.data.train_share, &folder)?);
    let derived = derive(&result.rows, &GradientRow::of(&training), args.seed, folder.path())?;
    manifest.findings.extend(findings(&result.rows));
    manifest.findings.extend(derived.findings());
    compose(folder.path(), &manifest, &args.look.options())?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;

    let mut lines = manifest.findings.clone();
    lines.push(String::new());
    lines.push(format!("Done in {:.0} s. Look at:", begun.elapsed().as_secs_f64()));
    lines.push(format!("  {}  the report, with every figure", path.join("report.html").display()));
    lines.push(format!("  {}  the information plane", path.join("figures/information_plane.png").display()));
    lines.push(format!("  {}  every number, one a row", path.join("plane.csv").display()));
    output.summary(&lines, &json!({ "out": path, "rows": result.rows.len(), "findings": manifest.findings }))
}

/// What a linear probe reads of the classes from the pixels, and from each network's last hidden layer.
fn probe_sentence(trainings: &[TrainConfig], data: &Dataset, train_share: f64, folder: &RunFolder) -> Result<String> {
    let mut parts = vec![];
    for config in trainings {
        let (train, test) = data.split(train_share, config.seed)?;
        let accuracy = |features: ArrayView2<'_, f32>| -> Result<f64> {
            let pick = |rows: &[usize]| -> Array2<f64> { features.select(Axis(0), rows).mapv(f64::from) };
            let labels = |rows: &[usize]| -> Vec<u32> { rows.iter().map(|&r| data.labels[r]).collect() };
            let fitted = LinearProbe::new(1e-3)?.fit_linear(&ConceptData::new(pick(&train), labels(&train))?);
            Ok(fitted.accuracy(pick(&test).view(), &labels(&test))?)
        };
        if parts.is_empty() {
            parts.push(format!("{:.1} % from the pixels", 100.0 * accuracy(data.inputs.view())?));
        }
        let last = folder
            .path()
            .join(checkpoint_folder(trainings, config))
            .join(format!("epoch_{:05}.safetensors", config.training.epochs));
        let checkpoint = crate::checkpoint::read(&last, &crate::checkpoint::ReadOptions::default())?;
        let traced = Network::from_checkpoint(&config.architecture, &checkpoint)?.trace(data.inputs.view())?;
        let hidden = traced.iter().rev().nth(1).context("the demo's networks have hidden layers")?;
        parts.push(format!(
            "{:.1} % from the last hidden layer of {}",
            100.0 * accuracy(hidden.values.view())?,
            config.run
        ));
    }
    Ok(format!("A linear probe reads the test digits: {}.", parts.join(", ")))
}
