//! `narrows sae`

mod export;
mod import;

use super::output::Output;
use anyhow::Result;
use clap::Subcommand;

/// Dictionaries: sparse features that nobody chose beforehand
#[derive(Debug, clap::Args)]
pub(super) struct SaeArgs {
    #[command(subcommand)]
    command: SaeCommand,
}

#[derive(Debug, Subcommand)]
enum SaeCommand {
    Import(import::ImportArgs),
    Export(export::ExportArgs),
}

pub(super) fn run(args: &SaeArgs, output: Output) -> Result<()> {
    match &args.command {
        SaeCommand::Import(args) => import::run(args, output),
        SaeCommand::Export(args) => export::run(args, output),
    }
}
