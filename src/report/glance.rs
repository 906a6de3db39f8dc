//! Builders at a glance: a row each, with what one asks of a bottleneck first.

use super::Sheet;
use crate::figure::ConceptTables;
use crate::figure::scale::readable;
use crate::table::ConceptComparisonRow;

/// Column, metric and split.
const COLUMNS: [(&str, &str, &str); 8] = [
    ("Accuracy", "accuracy", "test"),
    ("Concept accuracy", "concept_accuracy", "test"),
    ("All concepts right", "overall_concept_accuracy", "test"),
    ("Concepts a class", "concepts_per_class", "fit"),
    ("Intervention area", "intervention_area", "test"),
    ("Leakage [bits]", "whole_leakage_bits", "test"),
    ("Accuracy without concepts", "bypass_accuracy", "test"),
    ("Numbers", "parameters", "fit"),
];

/// The table of a comparison; columns that nothing was measured for are left out. None without a comparison.
pub(super) fn sheet(tables: &ConceptTables) -> Option<Sheet> {
    let rows = &tables.comparison;
    let mut probes: Vec<&str> = vec![];
    for row in rows {
        if !probes.contains(&row.probe.as_str()) {
            probes.push(&row.probe);
        }
    }
    if probes.len() < 2 {
        return None;
    }
    let find = |probe: &str, (_, metric, split): &(&str, &str, &str)| -> Option<&ConceptComparisonRow> {
        rows.iter().find(|r| r.probe == probe && r.metric == *metric && r.split == *split && r.mean.is_some())
    };
    let shown: Vec<_> = COLUMNS.iter().filter(|c| probes.iter().any(|p| find(p, c).is_some())).collect();
    let with_seconds = !tables.timings.is_empty();
    let mut columns = vec!["Builder".to_string()];
    columns.extend(shown.iter().map(|c| c.0.to_string()));
    if with_seconds {
        columns.push("Seconds".into());
    }
    let text = |probe: &str, column: &(&str, &str, &str)| {
        let Some(row) = find(probe, column) else { return String::new() };
        let mean = row.mean.unwrap_or_default();
        match row.std.filter(|_| column.1 != "parameters") {
            Some(std) => format!("{} ± {}", readable(mean), readable(std)),
            None => readable(mean),
        }
    };
    let lines = probes.iter().map(|probe| {
        let mut line = vec![(*probe).to_string()];
        line.extend(shown.iter().map(|column| text(probe, column)));
        if with_seconds {
            let own: Vec<f64> = tables.timings.iter().filter(|t| t.probe == *probe).map(|t| t.seconds).collect();
            let mean = own.iter().sum::<f64>() / own.len().max(1) as f64;
            line.push(if own.is_empty() { String::new() } else { format!("{mean:.1}") });
        }
        line
    });
    Some(Sheet {
        title: "Builders at a glance".into(),
        note: "Mean ± standard deviation over seeds, on the test samples. Concept accuracy: mean over concepts. \
               Intervention area: mean height of the curve of accuracy while concepts are corrected one after the other. \
               Leakage: what scores tell of the class beyond the true concepts. Numbers: of the saved model. Seconds: of \
               one fit."
            .into(),
        rows: lines.collect(),
        columns,
        texts: 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::ConceptTimingRow;

    fn row(probe: &str, metric: &str, split: &str, mean: f64, std: Option<f64>) -> ConceptComparisonRow {
        ConceptComparisonRow {
            probe: probe.into(),
            split: split.into(),
            metric: metric.into(),
            seeds: 2,
            mean: Some(mean),
            std,
            ci_low: None,
            ci_high: None,
            chance: None,
            parameters: String::new(),
        }
    }

    #[test]
    fn a_row_a_builder_and_no_empty_columns() {
        let mut tables = ConceptTables {
            comparison: vec![
                row("a", "accuracy", "test", 0.5, Some(0.01)),
                row("b", "accuracy", "test", 0.75, None),
                row("b", "parameters", "fit", 120.0, Some(0.0)),
            ],
            ..ConceptTables::default()
        };
        tables.timings = [1.0, 2.0].map(|seconds| ConceptTimingRow { probe: "a".into(), seed: 0, seconds }).into();
        let found = sheet(&tables).unwrap();
        assert_eq!(found.columns, ["Builder", "Accuracy", "Numbers", "Seconds"]);
        assert_eq!(found.rows[0], ["a", "0.5 ± 0.01", "", "1.5"]);
        assert_eq!(found.rows[1], ["b", "0.75", "120", ""]);
        tables.comparison.truncate(1);
        assert_eq!(sheet(&tables), None);
    }
}
