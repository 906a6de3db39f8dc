//! `narrows study merge` and `narrows study status`.

use super::gather::{Gathered, gather};
use super::planned::Planned;
use super::time::span;
use crate::cli::output::Output;
use crate::study::sweep::{CellState, Costs, States, counts};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;

/// `narrows study merge`.
pub(super) fn merge(place: &Path, partial: bool, output: Output) -> Result<()> {
    let of = Planned::existing(place)?;
    let states = States::look(&of.plan, &of.store);
    let Gathered { merged, findings, .. } = gather(&of, &states, partial)?;
    let Planned { file, plan, .. } = of;
    let mut lines: Vec<String> = merged
        .tables
        .iter()
        .map(|(stem, rows)| format!("table   {}  ({rows} rows)", place.join(format!("{stem}.csv")).display()))
        .collect();
    lines.insert(0, format!("merged  {} of {} cells of {}", merged.cells, plan.cells.len(), file.name));
    lines.extend(findings.iter().cloned());
    if merged.left_out > 0 {
        lines.push(format!("warning: {} cells are left out: cells.csv says why", merged.left_out));
    }
    output.summary(&lines, &json!({ "cells": merged.cells, "left_out": merged.left_out, "tables": merged.tables.iter().map(|(s, n)| json!({ "table": s, "rows": n })).collect::<Vec<_>>() }))
}

/// `narrows study status`.
pub(super) fn status(place: &Path, output: Output) -> Result<()> {
    let Planned { file, plan, store } = Planned::existing(place)?;
    let states = States::look(&plan, &store);
    let counts = counts(&plan, &states, &file.step_names());
    let mut lines = vec![format!(
        "{:12} {:>7} {:>7} {:>7} {:>7} {:>8} {:>9}  {}",
        "step", "cells", "done", "to do", "failed", "blocked", "outdated", "time"
    )];
    for c in &counts {
        lines.push(format!(
            "{:12} {:>7} {:>7} {:>7} {:>7} {:>8} {:>9}  {}",
            c.step,
            c.cells,
            c.done,
            c.missing,
            c.failed,
            c.blocked,
            c.outdated,
            span(c.seconds)
        ));
    }
    let mut failures: Vec<Value> = vec![];
    for state in &states.0 {
        if let CellState::Failed(failure) = state {
            let first = failure.message.lines().next().unwrap_or_default();
            lines.push(format!("failed: {} {}: {first}", failure.step, failure.label));
            lines.push(format!("        {}", store.failure_log(&failure.id).display()));
            failures.push(serde_json::to_value(failure)?);
        }
    }
    let open = (0..plan.cells.len()).filter(|&at| !states.is_done(at));
    let (seconds, unknown) = Costs::of(&plan, &states).total(open);
    if seconds > 0.0 {
        let also = if unknown > 0 { format!(", and {unknown} cells of unknown cost") } else { String::new() };
        lines.push(format!("left: about {} on one core{also}", span(seconds)));
    }
    output.summary(&lines, &json!({ "study": file.name, "steps": counts, "failures": failures, "seconds_left": seconds, "cells_of_unknown_cost": unknown }))
}
