//! The report of a study of many jobs: `narrows report STUDY`, and the end of a run that did all of it.

use super::gather::{Gathered, gather};
use super::planned::Planned;
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::report::{StudyPage, compose_study};
use crate::run::{Identity, InputFile, Limits, Manifest, now, write_atomic};
use crate::study::sweep::{CellState, Plan, States, Store, SweepFile, counts};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;

/// Kinds of warnings of cells that the page repeats.
const MOST_WARNINGS: usize = 10;

/// Gathers what is done, and writes the study's page.
pub(in crate::cli) fn write(place: &Path, look: LookArgs, output: Output) -> Result<()> {
    let started = now();
    let of = Planned::existing(place)?;
    let states = States::look(&of.plan, &of.store);
    let Gathered { merged, summary, planes, findings } = gather(&of, &states, true)?;
    let Planned { file, plan, store } = of;
    let counted = counts(&plan, &states, &file.step_names());
    let failures: Vec<[String; 3]> = plan
        .cells
        .iter()
        .zip(&states.0)
        .filter_map(|(cell, state)| match state {
            CellState::Failed(failure) => Some([cell.step.clone(), cell.label.clone(), failure.message.clone()]),
            _ => None,
        })
        .collect();
    let cells = Cells::look(&plan, &states, &store);
    let mut manifest = Manifest {
        schema: Manifest::SCHEMA.into(),
        identity: Identity::new("study", config(&file, &plan), inputs(&plan)),
        limits: cells.limits,
        threads: rayon::current_num_threads(),
        started,
        finished: now(),
        resumed: false,
        warnings: vec![],
        findings,
        attribution: cells.attribution,
    };
    if merged.left_out > 0 {
        manifest.warnings.push(format!(
            "{} of {} cells are not in these tables and figures: {} failed, the others wait for them or are not done yet",
            merged.left_out,
            plan.cells.len(),
            failures.len()
        ));
    }
    manifest.warnings.extend(cells.warnings);
    let page = StudyPage { counts: &counted, failures: &failures, summary: &summary, planes: &planes };
    let figures = compose_study(store.path(), &manifest, &page, &look.options())?;
    write_atomic(&store.path().join("manifest.json"), &serde_json::to_vec_pretty(&manifest)?)?;

    let mut lines = manifest.findings.clone();
    lines.extend(manifest.warnings.iter().take(1).filter(|_| merged.left_out > 0).map(|w| format!("warning: {w}")));
    for (stem, rows) in &merged.tables {
        lines.push(format!("table   {}  ({rows} rows)", place.join(format!("{stem}.csv")).display()));
    }
    lines.push(format!("means   {}  ({} rows)", place.join("study_summary.csv").display(), summary.rows.len()));
    lines.push(format!("report  {}", place.join("report.html").display()));
    let value = json!({
        "out": place,
        "cells": merged.cells,
        "left_out": merged.left_out,
        "report": place.join("report.html"),
        "figures": figures.iter().map(|f| &f.png).collect::<Vec<_>>(),
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}

fn config(file: &SweepFile, plan: &Plan) -> Value {
    json!({
        "study": file.name,
        "title": file.title,
        "reference": file.reference,
        "axes": plan.axes,
        "replicates": file.replicates,
        "steps": file.step_names(),
        "combinations": plan.n_combinations,
        "cells": plan.cells.len(),
    })
}

/// Files that the jobs name, each once.
fn inputs(plan: &Plan) -> Vec<InputFile> {
    let mut found: Vec<InputFile> = vec![];
    for file in plan.cells.iter().flat_map(|cell| &cell.inputs) {
        if !found.contains(file) {
            found.push(file.clone());
        }
    }
    found
}

/// What the cells say of themselves.
struct Cells {
    limits: Limits,
    warnings: Vec<String>,
    attribution: Option<String>,
}

impl Cells {
    fn look(plan: &Plan, states: &States, store: &Store) -> Self {
        let done = plan.cells.iter().enumerate().filter(|(at, _)| states.is_done(*at)).map(|(_, cell)| cell);
        let (mut limits, mut told, mut attributions) = (vec![], vec![], vec![]);
        for cell in done {
            let bytes = std::fs::read(store.cell(&cell.id).join("manifest.json")).ok();
            let Some(manifest) = bytes.and_then(|b| serde_json::from_slice::<Manifest>(&b).ok()) else { continue };
            if manifest.limits != Limits::default() {
                limits.push(manifest.limits);
            }
            told.extend(manifest.warnings.into_iter().map(|warning| (cell.label.clone(), warning)));
            attributions.extend(manifest.attribution);
        }
        attributions.sort();
        attributions.dedup();
        // Ceilings that differ between cells are none of the whole.
        let limits = limits.first().filter(|first| limits.iter().all(|l| l == *first)).copied().unwrap_or_default();
        let warnings = alike(told);
        let attribution = (!attributions.is_empty()).then(|| attributions.join("; "));
        Self { limits, warnings, attribution }
    }
}

/// One of the warnings that say the same but for their numbers, with the cells that have others like it.
fn alike(told: Vec<(String, String)>) -> Vec<String> {
    let kind = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let mut kinds: Vec<(String, String, usize)> = vec![];
    for (label, warning) in told {
        let own = kind(&warning);
        match kinds.iter_mut().find(|(known, ..)| *known == own) {
            Some((_, _, cells)) => *cells += 1,
            None => kinds.push((own, if label.is_empty() { warning } else { format!("{label}: {warning}") }, 1)),
        }
    }
    let all = kinds.len();
    let others = |(_, first, cells): (String, String, usize)| match cells {
        1 => first,
        2 => format!("{first} (the like in one more cell)"),
        n => format!("{first} (the like in {} more cells)", n - 1),
    };
    let mut lines: Vec<String> = kinds.into_iter().take(MOST_WARNINGS).map(others).collect();
    if all > MOST_WARNINGS {
        lines.push(format!("and {} more kinds of warnings, in the cells' own manifests", all - MOST_WARNINGS));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn warnings_that_differ_in_their_numbers_are_told_once() {
        let told = [("a", "3 of 9 values"), ("b", "4 of 9 values"), ("", "other"), ("c", "5 of 9 values")];
        let lines = alike(told.map(|(l, w)| (l.to_string(), w.to_string())).into());
        assert_eq!(lines, ["a: 3 of 9 values (the like in 2 more cells)", "other"]);
    }
}
