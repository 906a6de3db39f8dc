//! `narrows estimators`

use super::output::Output;
use anyhow::{Context, Result};
use narrows_estimators::compression::ENCODERS;
use narrows_estimators::registry::{self, Domain, ESTIMATORS, Entry};
use serde_json::{Value, json};

/// List the estimators: what each takes, costs, and when to choose it
#[derive(Debug, clap::Args)]
pub(super) struct EstimatorsArgs {
    /// One estimator, with its parameters
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(args: &EstimatorsArgs, output: Output) -> Result<()> {
    if let Some(name) = &args.name {
        let entry = ESTIMATORS.iter().find(|e| e.name == name).with_context(|| {
            format!(
                "no estimator is called {name}; there are: {}",
                ESTIMATORS.iter().map(|e| e.name).collect::<Vec<_>>().join(", ")
            )
        })?;
        return output.summary(&lines_of(entry), &value_of(entry));
    }
    let mut lines = vec![];
    for entry in ESTIMATORS {
        lines.push(format!("{:20} {}", entry.name, entry.summary));
        lines.push(format!("{:20}   estimates {} of {}", "", quantities(entry).join(", "), pairs(entry.domain)));
        lines.push(format!("{:20}   choose it for: {}", "", entry.choose));
    }
    lines.push(String::new());
    lines.push("In front of any of them that takes continuous variables, ENCODER/ESTIMATOR:".into());
    for encoder in ENCODERS {
        let keys: Vec<&str> = encoder.parameters.iter().map(|p| p.name).collect();
        lines.push(format!("{:20} {} ({})", encoder.name, encoder.summary, keys.join(", ")));
    }
    lines.push(String::new());
    lines.push("narrows estimators NAME tells the parameters and the cost of one".into());
    output.summary(&lines, &ESTIMATORS.iter().map(|e| value_of(e)).collect())
}

fn lines_of(entry: &Entry) -> Vec<String> {
    let mut lines = vec![
        format!("{}: {}", entry.name, entry.summary),
        format!("  estimates  {} of {}", quantities(entry).join(", "), pairs(entry.domain)),
        format!("  cost       {}{}", entry.cost, if entry.trained { ", trains a network" } else { "" }),
        format!("  choose it  {}", entry.choose),
    ];
    if !entry.parameters.is_empty() {
        lines.push("  parameters".into());
    }
    for p in entry.parameters {
        let default = if p.default.is_empty() { String::new() } else { format!(" [default: {}]", p.default) };
        lines.push(format!("    {:14} {}{default}", p.name, p.meaning));
    }
    lines
}

fn quantities(entry: &Entry) -> Vec<&'static str> {
    [
        (entry.is_mutual_information(), "I(X;Y)"),
        (entry.is_conditional(), "I(X;Y|Z)"),
        (entry.is_entropy(), "H(X)"),
        (entry.is_plane(), "the information plane"),
    ]
    .into_iter()
    .filter_map(|(has, name)| has.then_some(name))
    .collect()
}

fn pairs(domain: Domain) -> String {
    let kinds: Vec<&str> = [(domain.continuous, "continuous"), (domain.mixed, "mixed"), (domain.discrete, "discrete")]
        .into_iter()
        .filter_map(|(has, name)| has.then_some(name))
        .collect();
    format!("{} variables", kinds.join(", "))
}

fn value_of(entry: &Entry) -> Value {
    let parameters: Vec<Value> = entry
        .parameters
        .iter()
        .map(|p| json!({ "name": p.name, "default": p.default, "meaning": p.meaning }))
        .collect();
    json!({
        "name": entry.name,
        "summary": entry.summary,
        "quantities": quantities(entry),
        "measure": if entry.measure == registry::Measure::Information { "information" } else { "dependence" },
        "domain": { "continuous": entry.domain.continuous, "mixed": entry.domain.mixed, "discrete": entry.domain.discrete },
        "parameters": parameters,
        "cost": entry.cost,
        "choose": entry.choose,
    })
}
