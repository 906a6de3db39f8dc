//! The tables of concept bottlenecks on a page.

use super::Sheet;
use crate::figure::ConceptTables;
use crate::figure::scale::readable;
use crate::table::{ConceptMetricRow, Row, read_csv};
use anyhow::Result;
use std::path::Path;

/// Reads whatever of them a run has.
pub(super) fn read(folder: &Path) -> Result<ConceptTables> {
    fn table<R: Row>(folder: &Path, name: &str) -> Result<Vec<R>> {
        let path = folder.join(name);
        if path.exists() { read_csv(&path) } else { Ok(vec![]) }
    }
    Ok(ConceptTables {
        metrics: table(folder, "metrics.csv")?,
        comparison: table(folder, "comparison.csv")?,
        weights: table(folder, "weights.csv")?,
        contributions: table(folder, "contributions.csv")?,
        scores: table(folder, "scores.csv")?,
        calibration: table(folder, "calibration.csv")?,
        overlays: crate::concept::read_overlays(folder)?,
        curves: table(folder, "curves.csv")?,
        interventions: table(folder, "interventions.csv")?,
        edits: table(folder, "edits.csv")?,
    })
}

/// The numbers of whole bottlenecks: a row a metric and split, a column a bottleneck.
pub(super) fn sheets(tables: &ConceptTables) -> Vec<Sheet> {
    let whole: Vec<&ConceptMetricRow> =
        tables.metrics.iter().filter(|r| r.concept.is_empty() && r.class.is_empty()).collect();
    let mut probes: Vec<&str> = vec![];
    let mut kinds: Vec<(&str, &str)> = vec![];
    for row in &whole {
        if !probes.contains(&row.probe.as_str()) {
            probes.push(&row.probe);
        }
        let kind = (row.metric.as_str(), row.split.as_str());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.is_empty() {
        return vec![];
    }
    // Test before training, the fit's own numbers last; within them in the order of the table.
    kinds.sort_by_key(|(_, split)| match *split {
        "test" => 0,
        "train" => 1,
        _ => 2,
    });
    let cell = |probe: &str, (metric, split): (&str, &str)| {
        let found = whole.iter().find(|r| r.probe == probe && r.metric == metric && r.split == split);
        match found.map(|r| (r.value, r.std_error)) {
            Some((Some(value), Some(error))) => format!("{} ± {}", readable(value), readable(error)),
            Some((Some(value), None)) => readable(value),
            _ => String::new(),
        }
    };
    let mut columns = vec!["Metric".to_string(), "Samples".into()];
    columns.extend(probes.iter().map(ToString::to_string));
    let rows = kinds
        .iter()
        .map(|kind| {
            let mut row = vec![kind.0.to_string(), kind.1.to_string()];
            row.extend(probes.iter().map(|probe| cell(probe, *kind)));
            row
        })
        .collect();
    vec![Sheet {
        title: "Numbers of the bottleneck".into(),
        note: "Value ± standard error; metrics.csv has those of single concepts and classes, with intervals.".into(),
        columns,
        texts: 2,
        rows,
    }]
}
