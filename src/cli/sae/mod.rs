//! `narrows sae`

mod export;
mod import;
mod name;
mod pages;

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
    Name(Box<name::NameArgs>),
    Pages(Box<pages::PagesArgs>),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
}

pub(super) fn run(args: &SaeArgs, output: Output) -> Result<()> {
    match &args.command {
        SaeCommand::Name(args) => name::run(args, output),
        SaeCommand::Pages(args) => pages::run(args, output),
        SaeCommand::Import(args) => import::run(args, output),
        SaeCommand::Export(args) => export::run(args, output),
    }
}
