//! `narrows codebook eval`

use super::findings;
use crate::cli::ending::{Said, finish, write_table};
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::codebook::{Saved, evaluate};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;

/// Evaluate the models of a run anew, on other or more sequences
///
/// Writes codebook_metrics.csv, codes.csv, figures and a report.
#[derive(Debug, clap::Args)]
pub(super) struct EvalArgs {
    /// Folder of narrows codebook train
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Sequences that are read, and as many that are drawn
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    sequences: u32,
    /// Seed of both; the training's own evaluation has 1
    #[arg(long, value_name = "SEED", default_value_t = 2, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &EvalArgs, output: Output) -> Result<()> {
    let saved = Saved::load(&args.run)?;
    let config = json!({ "plan": saved.plan, "sequences": args.sequences, "seed": args.seed });
    let identity = Identity::new("codebook eval", config, Saved::files(&args.run)?);
    let folder = match RunFolder::open(&args.out.folder("codebook-eval"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let found = evaluate(&saved, args.sequences as usize, args.seed)?;
    write_table(&folder, "codebook_metrics", &found.numbers)?;
    write_table(&folder, "codes", &found.codes)?;
    let said = Said { findings: findings(&found.numbers), ..Said::default() };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = manifest.findings.clone();
    lines.extend(ending.warnings_and_files("codebook_metrics.csv"));
    output.summary(&lines, &json!({ "out": path, "findings": manifest.findings }))
}
