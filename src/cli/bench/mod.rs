//! `narrows bench`

mod accuracy;
mod elastic;
mod energy;
mod samples;
mod speed;

use super::output::Output;
use anyhow::Result;
use narrows_estimators::registry;

/// Measure estimators: against known truth, and against the clock
#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, clap::Subcommand)]
enum BenchCommand {
    Accuracy(accuracy::AccuracyArgs),
    Speed(speed::SpeedArgs),
    Samples(samples::SamplesArgs),
    Elastic(elastic::ElasticArgs),
    Energy(energy::EnergyArgs),
}

pub(super) fn run(args: &BenchArgs, output: Output) -> Result<()> {
    match &args.command {
        BenchCommand::Accuracy(args) => accuracy::run(args, output),
        BenchCommand::Speed(args) => speed::run(args, output),
        BenchCommand::Samples(args) => samples::run(args, output),
        BenchCommand::Elastic(args) => elastic::run(args, output),
        BenchCommand::Energy(args) => energy::run(args, output),
    }
}

fn specification(text: &str) -> Result<String, String> {
    registry::mutual_information(text).map(|_| text.to_string()).map_err(|e| e.to_string())
}
