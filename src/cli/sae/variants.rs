//! `narrows sae variants`

use crate::cli::output::Output;
use anyhow::Result;
use narrows_dictionaries::variants::VARIANTS;
use serde_json::json;

pub(super) fn run(output: Output) -> Result<()> {
    let mut lines = Vec::new();
    for entry in VARIANTS {
        lines.push(format!("{}: {}", entry.name, entry.summary));
        let longest = entry.parameters.iter().map(|p| p.name.len() + p.default.len() + 1).max().unwrap_or(0);
        for p in entry.parameters {
            let set = format!("{}={}", p.name, p.default);
            lines.push(format!("    {set:longest$}  {}", p.meaning));
        }
    }
    let value: Vec<serde_json::Value> = VARIANTS
        .iter()
        .map(|e| {
            let of = |p: &narrows_estimators::registry::ParameterDoc| {
                json!({ "name": p.name, "default": p.default, "meaning": p.meaning })
            };
            json!({ "name": e.name, "summary": e.summary, "parameters": e.parameters.iter().map(of).collect::<Vec<_>>() })
        })
        .collect();
    output.summary(&lines, &value.into())
}
