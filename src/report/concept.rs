//! The tables of concept bottlenecks on a page.

use super::Sheet;
use crate::figure::ConceptTables;
use crate::figure::scale::readable;
use crate::table::{ConceptComparisonRow, ConceptMetricRow, Row, read_csv};
use anyhow::Result;
use std::path::Path;

/// Reads whatever of them a run has.
pub(super) fn read(folder: &Path) -> Result<ConceptTables> {
    fn table<R: Row>(folder: &Path, name: &str) -> Result<Vec<R>> {
        let path = folder.join(name);
        if path.exists() { read_csv(&path) } else { Ok(vec![]) }
    }
    let comparison: Vec<ConceptComparisonRow> = table(folder, "comparison.csv")?;
    // Other jobs have times of another form.
    let timings = if comparison.is_empty() { vec![] } else { table(folder, "timings.csv")? };
    Ok(ConceptTables {
        metrics: table(folder, "metrics.csv")?,
        comparison,
        path: table(folder, "path.csv")?,
        weights: table(folder, "weights.csv")?,
        contributions: table(folder, "contributions.csv")?,
        scores: table(folder, "scores.csv")?,
        calibration: table(folder, "calibration.csv")?,
        overlays: crate::concept::read_overlays(folder)?,
        conditional: table(folder, "conditional.csv")?,
        conditional_agreement: table(folder, "conditional_agreement.csv")?,
        curves: table(folder, "curves.csv")?,
        interventions: table(folder, "interventions.csv")?,
        propagation: table(folder, "propagation.csv")?,
        sample: crate::concept::read_sample(folder)?,
        neighbours: table(folder, "neighbours_summary.csv")?,
        energy_trace: table(folder, "energy_trace.csv")?,
        edits: table(folder, "edits.csv")?,
        incremental: table(folder, "incremental_summary.csv")?,
        timings,
    })
}

/// One number of a whole bottleneck, ready to be read.
struct Cell<'a> {
    probe: &'a str,
    /// Metric, split, parameters.
    kind: [&'a str; 3],
    text: String,
}

/// The numbers of whole bottlenecks, a row a metric and split, a column a bottleneck: means over seeds of a comparison.
pub(super) fn sheets(tables: &ConceptTables) -> Vec<Sheet> {
    let with = |value: Option<f64>, error: Option<f64>| match (value, error) {
        (Some(value), Some(error)) => format!("{} ± {}", readable(value), readable(error)),
        (Some(value), None) => readable(value),
        _ => String::new(),
    };
    let compared = !tables.comparison.is_empty();
    let cells: Vec<Cell<'_>> = if compared {
        let cell = |r: &ConceptComparisonRow| with(r.mean, r.std);
        let found = tables.comparison.iter();
        found.map(|r| Cell { probe: &r.probe, kind: [&r.metric, &r.split, &r.parameters], text: cell(r) }).collect()
    } else {
        let of = |r: &'_ &ConceptMetricRow| r.concept.is_empty() && r.class.is_empty();
        let cell = |r: &ConceptMetricRow| with(r.value, r.std_error);
        let found = tables.metrics.iter().filter(of);
        found.map(|r| Cell { probe: &r.probe, kind: [&r.metric, &r.split, &r.parameters], text: cell(r) }).collect()
    };
    let mut probes: Vec<&str> = vec![];
    let mut kinds: Vec<[&str; 3]> = vec![];
    for cell in &cells {
        if !probes.contains(&cell.probe) {
            probes.push(cell.probe);
        }
        if !kinds.contains(&cell.kind) {
            kinds.push(cell.kind);
        }
    }
    if kinds.is_empty() {
        return vec![];
    }
    // Test before training, the fit's own numbers last; within them in the order of the table.
    kinds.sort_by_key(|[_, split, _]| match *split {
        "test" => 0,
        "train" => 1,
        _ => 2,
    });
    let mut columns: Vec<String> = ["Metric", "Samples", "Choices"].map(String::from).into();
    columns.extend(probes.iter().map(ToString::to_string));
    let rows = kinds
        .iter()
        .map(|kind| {
            let mut row: Vec<String> = kind.map(String::from).into();
            let text = |probe: &&str| cells.iter().find(|c| c.probe == *probe && c.kind == *kind);
            row.extend(probes.iter().map(|probe| text(probe).map(|c| c.text.clone()).unwrap_or_default()));
            row
        })
        .collect();
    let note = if compared {
        "Mean ± standard deviation over seeds; metrics.csv has the numbers of every fit, of single concepts and classes."
    } else {
        "Value ± standard error; metrics.csv has those of single concepts and classes, with intervals."
    };
    let whole = Sheet { title: "Numbers of the bottlenecks".into(), note: note.into(), columns, texts: 3, rows };
    super::glance::sheet(tables).into_iter().chain([whole]).collect()
}
