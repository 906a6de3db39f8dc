//! `narrows concept`

mod bank;
mod compare;
mod conditional;
mod data;
mod data_args;
mod edit;
mod explain;
mod fit;
mod incremental;
mod intervene;
mod loaded;
mod map;
mod path;
mod predict;
mod propagate;
mod score;
mod told;
mod trace_args;
mod weight_names;

use super::ending;
use super::output::Output;
use crate::similar::hint;
use anyhow::Result;
use clap::Subcommand;
use narrows_probes::registry::{BUILDERS, Entry, Needs};

/// Concept bottlenecks: fit them, look at them, correct and edit them, and measure whether the concepts are there
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows concept builders
  narrows concept fit --builder posthoc --data birds --out birds
  narrows concept fit --builder posthoc --embeddings E.npy --labels meta.csv --label-column class \\
      --concepts C.npy --concept-names concepts.txt --train-first 0.8 --out run
  narrows concept explain run --sample 15790
  narrows concept predict run --embeddings new.npy --out new
  narrows concept intervene run other-run --policy random --policy coop
  narrows concept propagate run other-run --sample 2401 --set 'wing_color:red=present'
  narrows concept edit run --prune 'cat:kitchen' --renormalise --out edited
  narrows concept score run
  narrows concept conditional run --class cardinal
  narrows concept map run --shown 8
  narrows concept incremental --data digits --blocks 5 --out blocks")]
pub(super) struct ConceptArgs {
    #[command(subcommand)]
    command: ConceptCommand,
}

#[derive(Debug, Subcommand)]
enum ConceptCommand {
    /// The builders and their parameters
    Builders,
    Fit(fit::FitArgs),
    Compare(compare::CompareArgs),
    Path(path::PathArgs),
    Predict(predict::PredictArgs),
    Data(data::DataArgs),
    Explain(explain::ExplainArgs),
    Score(score::ScoreArgs),
    Map(map::MapArgs),
    Conditional(conditional::ConditionalArgs),
    Intervene(intervene::InterveneArgs),
    Propagate(propagate::PropagateArgs),
    Edit(edit::EditArgs),
    Bank(bank::BankArgs),
    Incremental(incremental::IncrementalArgs),
}

pub(super) fn run(args: &ConceptArgs, output: Output) -> Result<()> {
    match &args.command {
        ConceptCommand::Builders => builders(output),
        ConceptCommand::Fit(args) => fit::run(args, output),
        ConceptCommand::Compare(args) => compare::run(args, output),
        ConceptCommand::Path(args) => path::run(args, output),
        ConceptCommand::Predict(args) => predict::run(args, output),
        ConceptCommand::Data(args) => data::run(args, output),
        ConceptCommand::Explain(args) => explain::run(args, output),
        ConceptCommand::Score(args) => score::run(args, output),
        ConceptCommand::Map(args) => map::run(args, output),
        ConceptCommand::Conditional(args) => conditional::run(args, output),
        ConceptCommand::Intervene(args) => intervene::run(args, output),
        ConceptCommand::Propagate(args) => propagate::run(args, output),
        ConceptCommand::Edit(args) => edit::run(args, output),
        ConceptCommand::Bank(args) => bank::run(args, output),
        ConceptCommand::Incremental(args) => incremental::run(args, output),
    }
}

/// The lists of builders in the help of the commands that take one.
pub(super) fn with_generated_help(command: clap::Command) -> clap::Command {
    let longest = BUILDERS.iter().map(|b| b.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = BUILDERS.iter().map(|b| format!("  {:longest$}  {}", b.name, b.summary)).collect();
    let list = format!("Builders (parameters: narrows concept builders):\n{}", lines.join("\n"));
    command
        .mut_subcommand("fit", |c| c.after_help(list.clone()))
        .mut_subcommand("compare", |c| c.after_help(list))
        .mut_subcommand("intervene", |c| c.after_help(intervene::list()))
        .mut_subcommand("incremental", |c| c.after_help(incremental::list()))
}

fn needs(entry: &Entry) -> &'static str {
    match entry.needs {
        Needs::Nothing => "embeddings, labels",
        Needs::Labels => "embeddings, labels, concept labels",
        Needs::LabelsOrVectors => "embeddings, labels, concept labels or concept vectors",
        Needs::Vectors => "embeddings, labels, concept vectors",
        Needs::ClassVectors => "embeddings, labels, concept vectors, class vectors",
    }
}

fn builders(output: Output) -> Result<()> {
    let mut lines = Vec::new();
    for entry in BUILDERS {
        lines.push(format!("{}: {}", entry.name, entry.summary));
        lines.push(format!("    needs {}", needs(entry)));
        let longest = entry.parameters.iter().map(|p| p.name.len() + p.default.len() + 1).max().unwrap_or(0);
        for p in entry.parameters {
            let set = format!("{}={}", p.name, p.default);
            lines.push(format!("    {set:longest$}  {}", p.meaning));
        }
    }
    let value: Vec<serde_json::Value> = BUILDERS
        .iter()
        .map(|e| {
            let parameters: Vec<_> = e
                .parameters
                .iter()
                .map(|p| serde_json::json!({ "name": p.name, "default": p.default, "meaning": p.meaning }))
                .collect();
            serde_json::json!({ "name": e.name, "summary": e.summary, "needs": needs(e), "parameters": parameters })
        })
        .collect();
    output.summary(&lines, &value.into())
}

/// Models of one name are told apart by their folders.
fn tell_apart(models: &mut [crate::concept::Model], paths: &[std::path::PathBuf]) {
    let names: Vec<String> = models.iter().map(|m| m.probe.clone()).collect();
    for ((model, path), name) in models.iter_mut().zip(paths).zip(&names) {
        if names.iter().filter(|n| *n == name).count() > 1 {
            let folder = path.file_name().unwrap_or_default().to_string_lossy();
            model.probe = format!("{name} ({folder})");
        }
    }
}

/// The place of a name, which the user may have misspelt.
fn place(kind: &str, name: &str, known: &[String]) -> Result<usize> {
    if let Some(found) = known.iter().position(|k| k == name) {
        return Ok(found);
    }
    let hint = hint(name, known.iter().map(String::as_str));
    let some: Vec<&str> = known.iter().take(12).map(String::as_str).collect();
    let more = if known.len() > 12 { ", …" } else { "" };
    anyhow::bail!("there is no {kind} '{name}'{hint}; there are: {}{more}", some.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_name_that_was_meant() {
        let known = ["wing_color:red", "wing_color:blue", "tail:long"].map(String::from);
        let message = |name: &str| place("concept", name, &known).unwrap_err().to_string();
        assert!(
            message("wing_colour:bleu").contains("did you mean 'wing_color:blue'?"),
            "{}",
            message("wing_colour:bleu")
        );
        assert!(message("LONG").contains("did you mean 'tail:long'?"));
        assert!(!message("something else").contains("did you mean"));
        assert_eq!(place("concept", "tail:long", &known).unwrap(), 2);
    }
}
