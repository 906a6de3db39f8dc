//! `narrows sae train`

use crate::cli::ending::{Said, finish, write_table};
use crate::cli::options::{LARGEST_SEED, OutArgs, byte_size};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::dictionary::findings;
use crate::dictionary::shuffle::enough;
use crate::dictionary::source::Source;
use crate::dictionary::store;
use crate::dictionary::sweep::{Width, cells, expand};
use crate::dictionary::train::{TrainSpec, train};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::Result;
use serde_json::json;

/// Train sparse autoencoders on activations: several kinds, widths, seeds and layers in one pass
///
/// Writes the dictionaries (each a folder that SAELens loads), dictionaries.csv (one row a number),
/// dictionary_training.csv, figures and a report.
#[derive(Debug, clap::Args)]
pub(super) struct TrainArgs {
    /// Activations: FILE, FILE:ARRAY, 'PATTERN' or a folder of shards; give one for each layer
    #[arg(long, short, value_name = "PLACE", required = true)]
    activations: Vec<String>,
    /// A kind with its parameters, as NAME:KEY=VALUE,…; values parted by / make several [default: topk]
    #[arg(long, short, value_name = "SPEC")]
    dictionary: Vec<String>,
    /// Features: a number, or a multiple of the columns as 8x; several are parted by commas
    #[arg(long, short, value_name = "WIDTH", value_delimiter = ',', default_value = "8x")]
    width: Vec<Width>,
    /// Seeds of each dictionary, from --seed on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Seed of the shuffle, and the first of the dictionaries'
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    /// Share of the rows that trains: the first ones; the rest is held out and measured on
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    train_first: f64,
    /// Passes over the rows that train
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// Steps, instead of --epochs
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Rows of a batch
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Memory for activations: what fits is kept, of more a part is shuffled at a time
    #[arg(long, value_name = "BYTES", default_value = "2G", value_parser = byte_size)]
    buffer: u64,
    /// End when no dictionary has gained on the rows held out for so many epochs
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u64).range(1..))]
    patience: Option<u64>,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &TrainArgs, output: Output) -> Result<()> {
    anyhow::ensure!(
        args.train_first > 0.0 && args.train_first <= 1.0,
        "--train-first {} is no share: more than 0, at most 1",
        args.train_first
    );
    let asked = if args.dictionary.is_empty() { &["topk".to_string()][..] } else { &args.dictionary };
    let mut dictionaries = vec![];
    for specification in asked {
        dictionaries.extend(expand(specification)?);
    }
    let layers = args.activations.iter().map(|place| Source::open(place)).collect::<Result<Vec<_>>>()?;
    let row_bytes: u64 = layers.iter().map(|l| l.width() as u64 * 4).sum();
    let spec = TrainSpec {
        activations: args.activations.clone(),
        dictionaries,
        widths: args.width.clone(),
        seeds: args.seeds,
        seed: args.seed,
        train_first: args.train_first,
        steps: args.steps,
        epochs: args.epochs,
        batch: args.batch as usize,
        buffer_rows: (args.buffer / row_bytes.max(1)).max(u64::from(args.batch)) as usize,
        patience: args.patience,
    };
    let named: Vec<(String, usize)> = layers.iter().map(|l| (l.name.clone(), l.width())).collect();
    let cells = cells(&spec.dictionaries, &spec.widths, args.seed..args.seed + args.seeds, &named)?;
    // Before a folder is made.
    enough(spec.rows(&layers)?, spec.batch)?;
    let inputs = layers.iter().flat_map(|l| l.files.clone()).collect();
    let identity = Identity::new("sae train", serde_json::to_value(&spec)?, inputs);
    let folder = match RunFolder::open(&args.out.folder("sae"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(1, "training", "steps");
    let found = train(&spec, &layers, &cells, &folder.state(), &mut |done, all, told| {
        bar.set_length(all);
        bar.set_position(done);
        if let Some(p) = told {
            bar.set_message(format!("explained variance {:.3}, L0 {:.1}", p.explained_variance, p.l0));
        }
    })?;
    bar.finish_and_clear();
    for (cell, saved) in cells.iter().zip(&found.dictionaries) {
        let own = folder.create_dir(&format!("{}/{}", store::FOLDER, cell.folder()))?;
        store::save(&own, saved)?;
    }
    write_table(&folder, "dictionaries", &found.numbers)?;
    write_table(&folder, "dictionary_training", &found.training)?;
    let said =
        Said { attribution: None, findings: findings::trained(&cells, &found), warnings: found.warnings.clone() };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = manifest.findings.clone();
    let done = found.steps - found.resumed;
    let speed = (done > 0).then(|| (done * u64::from(args.batch)) as f64 / found.seconds);
    if let Some(speed) = speed {
        lines.push(format!(
            "{done} steps in {:.1} s: {speed:.0} rows a second, all dictionaries together.",
            found.seconds
        ));
    }
    lines.extend(ending.warnings_and_files("dictionaries.csv"));
    let summary = json!({
        "out": path,
        "dictionaries": found.numbers.iter().filter(|r| r.split == "test").collect::<Vec<_>>(),
        "steps": found.steps,
        "steps_resumed": found.resumed,
        "seconds": found.seconds,
        "rows_per_second": speed,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &summary)
}
