//! `narrows estimators`

use super::output::Output;
use anyhow::{Context, Result};
use narrows_estimators::compression::ENCODERS;
use narrows_estimators::registry::{self, Domain, ESTIMATORS, Entry, ParameterDoc};
use serde_json::{Value, json};

/// List the estimators: what each takes, costs, and when to choose it
#[derive(Debug, clap::Args)]
pub(super) struct EstimatorsArgs {
    /// One estimator or encoder, with its parameters
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(args: &EstimatorsArgs, output: Output) -> Result<()> {
    if let Some(name) = &args.name {
        if let Some(entry) = ESTIMATORS.iter().find(|e| e.name == name) {
            return output.summary(&lines_of(entry), &value_of(entry));
        }
        let encoder = ENCODERS.iter().find(|e| e.name == name).with_context(|| {
            let all = ESTIMATORS.iter().map(|e| e.name).chain(ENCODERS.iter().map(|e| e.name));
            format!("no estimator is called {name}; there are: {}", all.collect::<Vec<_>>().join(", "))
        })?;
        let mut lines = vec![
            format!("{}: {}", encoder.name, encoder.summary),
            format!("  used as    --compress {0}, or {0}/ESTIMATOR", encoder.name),
        ];
        lines.extend(parameter_lines(encoder.parameters));
        let parameters = parameters_of(encoder.parameters);
        return output
            .summary(&lines, &json!({ "name": encoder.name, "summary": encoder.summary, "parameters": parameters }));
    }
    let mut lines = vec![];
    for entry in ESTIMATORS {
        lines.push(format!("{:20} {}", entry.name, entry.summary));
        lines.push(format!("{:20}   estimates {} of {}", "", quantities(entry).join(", "), pairs(entry.domain)));
        lines.push(format!("{:20}   choose it for: {}", "", entry.choose));
        lines.push(format!("{:20}   streams: {}", "", streams(entry)));
    }
    lines.push(String::new());
    lines.push("In front of any of them that takes continuous variables, ENCODER/ESTIMATOR:".into());
    for encoder in ENCODERS {
        let keys: Vec<&str> = encoder.parameters.iter().map(|p| p.name).collect();
        let streams = if encoder.streams() { "yes" } else { "no" };
        lines.push(format!("{:20} {} ({})", encoder.name, encoder.summary, keys.join(", ")));
        lines.push(format!("{:20}   streams: {streams}", ""));
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
        format!("  streams    {}", streams(entry)),
    ];
    lines.extend(parameter_lines(entry.parameters));
    lines
}

/// Whether data can be read some rows at a time (`narrows mi --stream`).
fn streams(entry: &Entry) -> String {
    match (entry.streams(), entry.streams_when()) {
        (true, "") => "yes".into(),
        (true, when) => format!("yes, with {when}"),
        (false, _) => "no".into(),
    }
}

fn parameter_lines(parameters: &[ParameterDoc]) -> Vec<String> {
    let heading = (!parameters.is_empty()).then(|| "  parameters".into());
    let line = |p: &ParameterDoc| {
        let default = if p.default.is_empty() { String::new() } else { format!(" [default: {}]", p.default) };
        format!("    {:14} {}{default}", p.name, p.meaning)
    };
    heading.into_iter().chain(parameters.iter().map(line)).collect()
}

fn parameters_of(parameters: &[ParameterDoc]) -> Vec<Value> {
    parameters.iter().map(|p| json!({ "name": p.name, "default": p.default, "meaning": p.meaning })).collect()
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
    json!({
        "name": entry.name,
        "summary": entry.summary,
        "quantities": quantities(entry),
        "measure": if entry.measure == registry::Measure::Information { "information" } else { "dependence" },
        "domain": { "continuous": entry.domain.continuous, "mixed": entry.domain.mixed, "discrete": entry.domain.discrete },
        "parameters": parameters_of(entry.parameters),
        "cost": entry.cost,
        "choose": entry.choose,
        "streams": entry.streams(),
        "streams_when": entry.streams_when(),
    })
}
