//! Leakage in one matrix: between concepts, and from each concept to the class.

use super::heat::Heat;
use crate::figure::data::distinct;
use crate::figure::picture::Picture;
use crate::figure::{Drawing, file_names};
use crate::table::ConceptMetricRow;
use std::collections::HashMap;

/// Concepts that a matrix holds before its names are unreadable.
const MOST: usize = 40;
/// The column of the class.
const CLASS: &str = "the class";

/// One figure a bottleneck and split.
pub(super) fn draw(rows: &[ConceptMetricRow]) -> Vec<Drawing> {
    let kinds = distinct(rows.iter().map(|r| (r.probe.clone(), r.split.clone())));
    let names: Vec<String> = kinds.iter().map(|(probe, split)| format!("{probe}_{split}")).collect();
    let names = file_names("concept_leakage", &names);
    kinds.iter().zip(names).filter_map(|((probe, split), name)| one(rows, (probe, split), name)).collect()
}

fn one(rows: &[ConceptMetricRow], (probe, split): (&str, &str), name: String) -> Option<Drawing> {
    let own: Vec<&ConceptMetricRow> =
        rows.iter().filter(|r| r.probe == probe && r.split == split && !r.concept.is_empty()).collect();
    let mut cells: HashMap<(&str, &str), f64> = HashMap::new();
    for row in &own {
        let Some(value) = row.value else { continue };
        if row.metric == "pair_leakage" {
            cells.insert((&row.concept, &row.second_concept), value);
            cells.insert((&row.second_concept, &row.concept), value);
        } else if row.metric == "task_leakage" {
            cells.insert((&row.concept, CLASS), value);
        }
    }
    if cells.is_empty() {
        return None;
    }
    let mut total: HashMap<&str, f64> = HashMap::new();
    for ((concept, _), value) in &cells {
        *total.entry(concept).or_default() += value.abs();
    }
    let concepts = distinct(own.iter().map(|r| r.concept.as_str()).filter(|c| total.contains_key(c)));
    let mut ranked = concepts.clone();
    ranked.sort_by(|a, b| total[b].total_cmp(&total[a]));
    ranked.truncate(MOST);
    let kept: Vec<&str> = concepts.iter().copied().filter(|c| ranked.contains(c)).collect();
    let paired = own.iter().any(|r| r.metric == "pair_leakage");
    let mut columns: Vec<&str> = vec![CLASS];
    if paired {
        columns.extend(&kept);
    }
    let values: Vec<Option<f64>> =
        kept.iter().flat_map(|c| columns.iter().map(|k| cells.get(&(*c, *k)).copied())).collect();
    let full = values.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs()));
    let heat = Heat {
        title: format!("{probe}, {split}"),
        rows: kept.iter().map(ToString::to_string).collect(),
        columns: columns.iter().map(ToString::to_string).collect(),
        values,
        full: if full > 0.0 { full } else { 1.0 },
        unit: "share of the entropy",
        written: false,
    };
    let (width, height) = heat.size();
    let mut picture = Picture::new(width, height);
    heat.draw(&mut picture, (0.0, 0.0));
    let mut caption = format!(
        "How much more the scores of {probe} tell than the concepts' true labels: of the class, as a share of H(Y) (first \
         column), and of each other, as a share of √(H(c)H(c′)). Blue: the scores tell more, which is leakage. Orange: they \
         tell less than the labels would."
    );
    if kept.len() < concepts.len() {
        caption.push_str(&format!(
            " The {} concepts with the most are drawn; scores.csv has all {}.",
            kept.len(),
            concepts.len()
        ));
    }
    Some(Drawing { name, title: format!("Leakage: {probe}"), caption, picture })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: &str, concept: &str, second: &str, value: f64) -> ConceptMetricRow {
        ConceptMetricRow {
            probe: "p".into(),
            split: "test".into(),
            metric: metric.into(),
            concept: concept.into(),
            second_concept: second.into(),
            value: Some(value),
            ..ConceptMetricRow::default()
        }
    }

    #[test]
    fn a_pair_stands_on_both_sides_of_the_diagonal() {
        let rows = [
            row("task_leakage", "red", "", 0.5),
            row("task_leakage", "blue", "", -0.1),
            row("pair_leakage", "red", "blue", 0.2),
        ];
        let drawn = draw(&rows);
        assert_eq!(drawn.len(), 1);
        let notes = drawn[0].picture.marks.iter().filter(|m| {
            matches!(m, crate::figure::picture::Mark::Shape(s) if s.note.as_ref().is_some_and(|n| n.ends_with("0.2")))
        });
        assert_eq!(notes.count(), 2);
        assert!(drawn[0].picture.is_sound());
        assert!(draw(&[]).is_empty());
    }
}
