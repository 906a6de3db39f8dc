//! `narrows study plan`: the cells, and what they will cost.

use super::planned::{looked_at, spoken, usual_folder};
use super::time::span;
use crate::cli::output::Output;
use crate::study::sweep::{CellState, Costs, SweepFile};
use anyhow::Result;
use serde_json::json;
use std::path::Path;

/// `narrows study plan`.
pub(super) fn plan(source: &str, out: Option<&Path>, output: Output) -> Result<()> {
    let file = SweepFile::read(Path::new(source))?;
    let out = out.map_or_else(|| usual_folder(&file), Path::to_path_buf);
    let (plan, states) = looked_at(&file, source, &out)?;
    let costs = Costs::of(&plan, &states);
    let mut lines = vec![];
    let mut cells = vec![];
    for (at, cell) in plan.cells.iter().enumerate() {
        let (state, seconds) = match &states.0[at] {
            CellState::Done(seconds) => ("done", Some(*seconds)),
            CellState::Outdated(_) => ("outdated", costs.estimate(at)),
            CellState::Failed(_) => ("failed", costs.estimate(at)),
            CellState::Missing => ("to do", costs.estimate(at)),
        };
        let about = if states.is_done(at) { "" } else { "about " };
        let cost = seconds.map_or("?".into(), |s| format!("{about}{}", span(s)));
        lines.push(format!("{:10}  {:12}  {:>12}  {:9}  {}", &cell.id[..10], cell.step, cost, state, cell.label));
        cells.push(
            json!({ "cell": cell.id, "step": cell.step, "label": cell.label, "state": state, "seconds": seconds }),
        );
    }
    lines.insert(0, format!("{:10}  {:12}  {:>12}  {:9}  {}", "cell", "step", "cost", "state", "values"));
    let open: Vec<usize> = (0..plan.cells.len()).filter(|&at| !states.is_done(at)).collect();
    let (seconds, unknown) = costs.total(open.iter().copied());
    lines.push(format!(
        "{} cells of {} combinations; {} to do{}",
        plan.cells.len(),
        plan.n_combinations,
        open.len(),
        if open.is_empty() || unknown == open.len() {
            String::new()
        } else {
            format!(", about {} on one core", span(seconds))
        }
    ));
    if unknown > 0 {
        lines.push(format!(
            "Of {unknown} cells the cost is unknown, since none of their step is done: narrows study run {} --first 1 does \
             one cell of each step, and the plan then says more.",
            spoken(&file, source, &out)
        ));
    }
    output.summary(
        &lines,
        &json!({ "study": file.name, "cells": cells, "to_do": open.len(), "seconds": seconds, "unknown": unknown }),
    )
}
