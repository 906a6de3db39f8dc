//! What knowing one concept says about the others, on a page.

use super::Sheet;
use super::concept_corrections::with_error;
use crate::figure::ConceptTables;
use crate::figure::data::distinct;
use crate::figure::scale::readable;

/// Concepts and classes of a sample that have a line: what was told, and what moved most.
const SHOWN: usize = 20;

/// A sample before and after, then pooled corrections.
pub(super) fn sheets(tables: &ConceptTables) -> Vec<Sheet> {
    sample(tables).into_iter().chain(neighbours(tables)).collect()
}

fn sample(tables: &ConceptTables) -> Option<Sheet> {
    let mut rows: Vec<_> = tables.propagation.iter().collect();
    let first = rows.first()?.sample;
    let size = |r: &crate::table::ConceptPropagationRow| (r.told.is_none(), -(r.after - r.before).abs());
    rows.sort_by(|a, b| size(a).partial_cmp(&size(b)).unwrap_or(std::cmp::Ordering::Equal));
    let side = |v: Option<f64>| v.map_or("", |v| if v >= 0.5 { "present" } else { "absent" }).to_owned();
    let cells = |r: &&crate::table::ConceptPropagationRow| {
        let (before, after) = (readable(r.before), readable(r.after));
        vec![r.probe.clone(), r.kind.clone(), r.name.clone(), side(r.told), side(r.truth), before, after]
    };
    Some(Sheet {
        title: format!("Sample {first} before and after"),
        note: format!(
            "Probabilities; what was told and the {SHOWN} largest moves. propagation.csv has every concept and class."
        ),
        columns: ["Bottleneck", "Kind", "Name", "Told", "Truth", "Before", "After"].map(String::from).to_vec(),
        texts: 5,
        rows: rows.iter().take(rows.iter().filter(|r| r.told.is_some()).count() + SHOWN).map(cells).collect(),
    })
}

fn neighbours(tables: &ConceptTables) -> Option<Sheet> {
    let own = &tables.neighbours;
    let kinds = distinct(own.iter().map(|r| (r.over.clone(), r.target.clone())));
    let probes = distinct(own.iter().map(|r| r.probe.clone()));
    let mut columns: Vec<String> = ["Corrected where", "Target"].map(String::from).to_vec();
    columns.extend(probes.iter().cloned());
    let rows: Vec<Vec<String>> = kinds
        .iter()
        .map(|(over, target)| {
            let cell = |probe: &String| {
                let found = own.iter().find(|r| r.probe == *probe && r.over == *over && r.target == *target);
                found.map_or(String::new(), |r| with_error(Some(r.change), r.std_error))
            };
            [over.clone(), target.clone()].into_iter().chain(probes.iter().map(cell)).collect()
        })
        .collect();
    (!rows.is_empty()).then(|| Sheet {
        title: "What a correction changes".into(),
        note:
            "Change of accuracy, as a share, ± standard error over samples; neighbours_summary.csv has the accuracies \
               before and after and the numbers of corrections, neighbours.csv those of every corrected concept."
                .into(),
        columns,
        texts: 2,
        rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ConceptNeighbourRow, ConceptPropagationRow};

    #[test]
    fn what_was_told_comes_first_and_a_bottleneck_has_a_column() {
        let row = |name: &str, told: Option<f64>, after: f64| ConceptPropagationRow {
            name: name.into(),
            sample: 7,
            told,
            before: 0.5,
            after,
            truth: Some(1.0),
            ..ConceptPropagationRow::default()
        };
        let change = |probe: &str, target: &str| ConceptNeighbourRow {
            probe: probe.into(),
            target: target.into(),
            change: 0.25,
            std_error: Some(0.5),
            ..ConceptNeighbourRow::default()
        };
        let tables = ConceptTables {
            propagation: vec![row("a", None, 0.6), row("b", None, 0.1), row("c", Some(0.0), 0.0)],
            neighbours: vec![change("p", "class"), change("q", "class"), change("q", "rest")],
            ..ConceptTables::default()
        };
        let found = sheets(&tables);
        let names: Vec<&str> = found[0].rows.iter().map(|r| r[2].as_str()).collect();
        assert_eq!((names, found[0].rows[0][3].as_str()), (vec!["c", "b", "a"], "absent"));
        assert_eq!(found[1].rows, [["", "class", "0.25 ± 0.5", "0.25 ± 0.5"], ["", "rest", "", "0.25 ± 0.5"]]);
        assert!(sheets(&ConceptTables::default()).is_empty());
    }
}
