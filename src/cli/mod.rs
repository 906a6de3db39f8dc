//! The command line: parsing and printing only. One file a subcommand.

mod bench;
mod capture;
mod codebook;
mod columns;
mod completions;
mod concept;
mod demo;
mod ending;
mod estimators;
mod generalise;
mod ib_curve;
mod information;
mod inspect;
mod job;
mod man;
mod models;
mod options;
mod output;
mod plane;
mod progress;
mod regress;
mod report;
mod sae;
mod study;
mod train;
mod tree;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use output::Output;
use std::process::ExitCode;

/// A workbench for the information bottleneck and the concept bottleneck of neural networks.
#[derive(Debug, Parser)]
#[command(name = "narrows", version, propagate_version = true, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "\
Examples:
  narrows demo                                  the tour on built-in data, a report at the end
  narrows train config.toml                     train a network, saving checkpoints
  narrows inspect model.onnx                    what is in a file
  narrows capture --checkpoints model.onnx --inputs photos/
  narrows plane --checkpoints 'ckpt/*.pt' --arch arch.toml --inputs digits
  narrows mi --x data.csv:height --y data.csv:weight
  narrows regress config.toml                   bottlenecks for regression: error, information, robustness
  narrows concept fit --builder posthoc --data birds
  narrows sae train --activations acts.npy --dictionary topk:k=16/32/64
  narrows report notebooks-out/demo             redraw a run
  narrows study run tishby-tanh                 a paper's experiment, in minutes
  narrows run job.toml                          any command's work as a file
  narrows study run sweep.toml --jobs 4         many jobs over a grid; --shard or `study submit` for a cluster

Results go to a folder (--out); a short summary goes to the terminal.
Exit codes: 0 done, 1 failed, 2 wrong usage.")]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    global: Global,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Print the summary as one JSON value
    #[arg(long, global = true)]
    json: bool,
    /// Print nothing but errors
    #[arg(long, short, global = true, conflicts_with = "json")]
    quiet: bool,
    /// Threads to work on; results do not depend on it [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// This process does a cell of a study
    #[arg(long, global = true, hide = true)]
    worker: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Train(train::TrainArgs),
    Inspect(inspect::InspectArgs),
    Capture(Box<capture::CaptureArgs>),
    Plane(Box<plane::PlaneArgs>),
    IbCurve(Box<ib_curve::IbCurveArgs>),
    Mi(Box<information::MiArgs>),
    Entropy(information::EntropyArgs),
    Estimators(estimators::EstimatorsArgs),
    Bench(bench::BenchArgs),
    Generalise(generalise::GeneraliseArgs),
    Regress(regress::RegressArgs),
    Concept(Box<concept::ConceptArgs>),
    Sae(Box<sae::SaeArgs>),
    Codebook(Box<codebook::CodebookArgs>),
    Run(job::RunArgs),
    JobSchema(job::SchemaArgs),
    Study(Box<study::StudyArgs>),
    Columns(columns::ColumnsArgs),
    Report(report::ReportArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Parses the process's arguments, runs the command and says how it went.
pub fn main() -> ExitCode {
    // A panic is a fault of the program: say so in one place, without a trace that nobody asked for.
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|v| v == "0") {
        std::panic::set_hook(Box::new(|info| {
            if crate::guard::is_quiet() {
                return;
            }
            eprintln!(
                "narrows: internal error: {info}\nThis is a bug; please report it with the command that you ran."
            );
        }));
    }
    let matches = command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(e) => e.exit(),
    };
    let output = Output::new(cli.global.json, cli.global.quiet, cli.global.worker);
    if cli.global.worker {
        progress::end_with_parent();
    }
    let worker = cli.global.worker;
    match std::panic::catch_unwind(|| run(cli, output)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(e)) if is_broken_pipe(&e) && !worker => ExitCode::SUCCESS,
        Ok(Err(e)) => {
            output.error(&e);
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// The command tree with the parts of its help that are generated from registries.
fn command() -> clap::Command {
    Cli::command()
        .mut_subcommand("plane", |c| c.after_help(plane::after_help()))
        .mut_subcommand("regress", |c| c.after_help(regress::after_help()))
        .mut_subcommand("concept", concept::with_generated_help)
}

fn run(cli: Cli, output: Output) -> Result<()> {
    if let Some(threads) = cli.global.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
    }
    match cli.command {
        Command::Demo(args) => demo::run(&args, output),
        Command::Train(args) => train::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
        Command::Capture(args) => capture::run(&args, output),
        Command::Plane(args) => plane::run(&args, output),
        Command::IbCurve(args) => ib_curve::run(&args, output),
        Command::Mi(args) => information::mi(&args, output),
        Command::Entropy(args) => information::entropy(&args, output),
        Command::Estimators(args) => estimators::run(&args, output),
        Command::Bench(args) => bench::run(&args, output),
        Command::Generalise(args) => generalise::run(&args, output),
        Command::Regress(args) => regress::run(&args, output),
        Command::Concept(args) => concept::run(&args, output),
        Command::Sae(args) => sae::run(&args, output),
        Command::Codebook(args) => codebook::run(&args, output),
        Command::Run(args) => job::run(&args, output),
        Command::JobSchema(_) => job::print_schema(output),
        Command::Report(args) => report::run(&args, output),
        Command::Study(args) => study::run(&args, output),
        Command::Columns(args) => columns::run(&args, output),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// `narrows … | head` is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|e| e.downcast_ref::<std::io::Error>()).any(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_sound() {
        command().debug_assert();
    }
}
