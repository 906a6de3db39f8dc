//! The weights of a bottleneck's head: concepts down, classes across.

use super::heat::Heat;
use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::file_names;
use crate::figure::picture::Picture;
use crate::table::ConceptWeightRow;
use std::collections::HashMap;

/// Rows and columns that a picture holds before it is unreadable.
const MOST_CONCEPTS: usize = 60;
const MOST_CLASSES: usize = 40;

/// One figure a bottleneck.
pub(super) fn draw(rows: &[ConceptWeightRow]) -> Vec<Drawing> {
    let probes = distinct(rows.iter().map(|r| r.probe.clone()));
    let names = file_names("concept_weights", &probes);
    probes.iter().zip(names).filter_map(|(probe, name)| one(rows, probe, name)).collect()
}

fn one(rows: &[ConceptWeightRow], probe: &str, name: String) -> Option<Drawing> {
    let own: Vec<&ConceptWeightRow> = rows.iter().filter(|r| r.probe == probe && r.concept != "(intercept)").collect();
    let value = |r: &ConceptWeightRow| r.standardised.unwrap_or(r.weight);
    let by_place: HashMap<(&str, &str), f64> =
        own.iter().map(|r| ((r.concept.as_str(), r.class.as_str()), value(r))).collect();
    let mut concepts = distinct(own.iter().map(|r| r.concept.clone()));
    let mut classes = distinct(own.iter().map(|r| r.class.clone()));
    let (all_concepts, all_classes) = (concepts.len(), classes.len());
    let mut largest: HashMap<&str, f64> = HashMap::new();
    for r in &own {
        let entry = largest.entry(r.concept.as_str()).or_default();
        *entry = entry.max(value(r).abs());
    }
    let full = largest.values().copied().fold(0.0, f64::max);
    if full == 0.0 {
        return None;
    }
    // Those that matter, in the order of the data.
    let mut ranked: Vec<&str> = concepts.iter().map(String::as_str).filter(|c| largest[c] > 0.0).collect();
    ranked.sort_by(|a, b| largest[b].total_cmp(&largest[a]));
    ranked.truncate(MOST_CONCEPTS);
    let kept: Vec<String> = ranked.iter().map(|c| (*c).to_owned()).collect();
    concepts.retain(|c| kept.contains(c));
    classes.truncate(MOST_CLASSES);
    let values = concepts
        .iter()
        .flat_map(|c| classes.iter().map(|k| by_place.get(&(c.as_str(), k.as_str())).copied()))
        .collect();
    let used = own.iter().filter(|r| r.weight != 0.0).count() as f64 / all_classes as f64;
    let shown = (concepts.len(), classes.len());
    let heat = Heat {
        title: probe.into(),
        rows: concepts,
        columns: classes,
        values,
        full,
        unit: "weight × standard deviation of the concept",
        written: false,
    };
    let (width, height) = heat.size();
    let mut picture = Picture::new(width, height);
    heat.draw(&mut picture, (0.0, 0.0));
    let mut caption = format!(
        "Weights of the head of {probe}, each times the standard deviation of its concept over the training samples: blue \
         speaks for a class, orange against it, grey is exactly zero. {used:.1} of {all_concepts} concepts have a weight \
         for a class on average."
    );
    if shown != (all_concepts, all_classes) {
        caption.push_str(&format!(
            " Shown are the {} concepts with the largest weights and {} of {all_classes} classes; weights.csv has all.",
            shown.0, shown.1
        ));
    }
    Some(Drawing { name, title: format!("Concepts and classes: {probe}"), caption, picture })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(concept: &str, class: &str, weight: f64) -> ConceptWeightRow {
        ConceptWeightRow {
            probe: "p".into(),
            class: class.into(),
            concept: concept.into(),
            weight,
            standardised: (concept != "(intercept)").then_some(weight),
        }
    }

    #[test]
    fn concepts_without_any_weight_are_left_out_and_counted() {
        let rows = [
            row("red", "a", 1.0),
            row("blue", "a", 0.0),
            row("(intercept)", "a", 9.0),
            row("red", "b", -2.0),
            row("blue", "b", 0.0),
        ];
        let drawn = draw(&rows);
        assert_eq!(drawn.len(), 1);
        assert!(drawn[0].caption.contains("1.0 of 2 concepts"), "{}", drawn[0].caption);
        let texts = drawn[0].picture.texts();
        assert!(texts.contains(&"red") && !texts.contains(&"blue") && !texts.contains(&"(intercept)"));
        assert!(draw(&[row("red", "a", 0.0)]).is_empty());
    }
}
