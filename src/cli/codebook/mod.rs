//! `narrows codebook`

mod eval;
mod steer;
mod train;

use super::output::Output;
use crate::table::CodebookRow;
use anyhow::Result;
use clap::Subcommand;

/// Codebook features: a transformer on a finite-state machine, whose activations are replaced by codes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows codebook train --out fsm                   the small preset: minutes on two cores
  narrows codebook train --codes 128 --steps 800 --no-plain --out quick
  narrows codebook train --preset full --out paper   the paper's setting: many hours on two cores
  narrows codebook eval fsm --sequences 1000 --out fsm-eval
  narrows codebook steer fsm --from 3 --to 17
  narrows codebook steer fsm --out fsm-steered       all pairs of states")]
pub(super) struct CodebookArgs {
    #[command(subcommand)]
    command: CodebookCommand,
}

#[derive(Debug, Subcommand)]
enum CodebookCommand {
    Train(Box<train::TrainArgs>),
    Eval(eval::EvalArgs),
    Steer(steer::SteerArgs),
}

pub(super) fn run(args: &CodebookArgs, output: Output) -> Result<()> {
    match &args.command {
        CodebookCommand::Train(args) => train::run(args, output),
        CodebookCommand::Eval(args) => eval::run(args, output),
        CodebookCommand::Steer(args) => steer::run(args, output),
    }
}

/// What the numbers of an evaluation say.
fn findings(numbers: &[CodebookRow]) -> Vec<String> {
    let of = |model: &str, metric: &str, part: &str| {
        numbers.iter().find(|r| r.model == model && r.metric == metric && r.part == part && r.layer.is_none())
    };
    let share = |row: &CodebookRow| format!("{:.1} %", 100.0 * row.value.unwrap_or(0.0));
    let mut lines = vec![];
    for model in ["plain", "codebook"] {
        let with = if model == "plain" { "Without" } else { "With" };
        if let (Some(loss), Some(walks), Some(edges)) =
            (of(model, "loss", ""), of(model, "transition_accuracy", ""), of(model, "first_transition_accuracy", ""))
        {
            lines.push(format!(
                "{with} codebooks: {} of drawn transitions are edges (± {:.1}), {} of the likeliest next states; loss {:.4} nats, at best {:.4}.",
                share(walks),
                100.0 * walks.std_error.unwrap_or(0.0),
                share(edges),
                loss.value.unwrap_or(f64::NAN),
                loss.reference.unwrap_or(f64::NAN),
            ));
        }
    }
    if let (Some(all), Some(mlp)) = (of("codebook", "states_with_code", ""), of("codebook", "states_with_code", "mlp"))
    {
        lines.push(format!(
            "States with a code of precision and recall above 0.9: {} (at MLPs alone {}).",
            share(all),
            share(mlp)
        ));
    }
    if let (Some(codes), Some(neurons)) =
        (of("codebook", "mean_precision_of_best_codes", ""), of("codebook", "mean_precision_of_best_neurons", ""))
    {
        lines.push(format!(
            "Precision of the states' best codes {:.3} on average; of the plain model's best neurons at the same recall {:.3}.",
            codes.value.unwrap_or(f64::NAN),
            neurons.value.unwrap_or(f64::NAN)
        ));
    }
    lines
}
