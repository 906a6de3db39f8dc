//! `narrows sae`

mod eval;
mod export;
mod import;
mod name;
mod pages;
mod train;
mod variants;

use super::output::Output;
use anyhow::Result;
use clap::Subcommand;

/// Sparse autoencoders: train dictionaries of features, judge them, name them, look at them, exchange them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows sae variants
  narrows sae train --activations acts.npy --dictionary topk:k=32 --out sae
  narrows sae train --activations 'shards/*.npy' --dictionary topk:k=16/32/64 --dictionary l1:lambda=0.03/0.1 \\
      --width 8x --seeds 3 --out sweep
  narrows sae eval sweep --activations acts.npy --baselines
  narrows sae name sae --vocabulary words.txt --vectors words.npy --out names
  narrows sae pages sae --activations acts.npy --texts meta.csv:text --out pages
  narrows sae export sae --format dictionary-learning --out theirs")]
pub(super) struct SaeArgs {
    #[command(subcommand)]
    command: SaeCommand,
}

#[derive(Debug, Subcommand)]
enum SaeCommand {
    /// The kinds of dictionaries and their parameters
    Variants,
    Train(train::TrainArgs),
    Eval(eval::EvalArgs),
    Name(Box<name::NameArgs>),
    Pages(Box<pages::PagesArgs>),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
}

pub(super) fn run(args: &SaeArgs, output: Output) -> Result<()> {
    match &args.command {
        SaeCommand::Variants => variants::run(output),
        SaeCommand::Train(args) => train::run(args, output),
        SaeCommand::Eval(args) => eval::run(args, output),
        SaeCommand::Name(args) => name::run(args, output),
        SaeCommand::Pages(args) => pages::run(args, output),
        SaeCommand::Import(args) => import::run(args, output),
        SaeCommand::Export(args) => export::run(args, output),
    }
}
