//! Conditional probabilities of concepts and classes: maps of the model beside the data, and importances as bars.

mod bars;
mod cells;
mod maps;

use crate::figure::data::distinct;
use crate::figure::{Drawing, file_names};
use crate::table::ConceptConditionalRow;
use std::collections::HashMap;

/// Concepts that a picture holds.
const MOST_CONCEPTS: usize = 60;
/// Classes that a map holds.
const MOST_CLASSES: usize = 40;

/// Three figures a bottleneck.
pub(super) fn draw(rows: &[ConceptConditionalRow]) -> Vec<Drawing> {
    let probes = distinct(rows.iter().map(|r| r.probe.clone()));
    let kinds = ["concept_given_class", "concept_given_concept", "concept_marginal_importance"];
    let [given_class, given_concept, importance] = kinds.map(|kind| file_names(kind, &probes));
    let mut drawings = vec![];
    for (at, probe) in probes.iter().enumerate() {
        let numbers = Numbers::of(rows, probe);
        drawings.extend(maps::classes(&numbers, given_class[at].clone()));
        drawings.extend(maps::concepts(&numbers, given_concept[at].clone()));
        drawings.extend(bars::draw(&numbers, importance[at].clone()));
    }
    drawings
}

/// Value and standard error.
type Number = (f64, Option<f64>);

/// What there is of one bottleneck.
struct Numbers<'a> {
    probe: &'a str,
    /// The ways that have numbers: the model's own (or its predictions counted), data, truth.
    model: &'a str,
    data: bool,
    truth: bool,
    classes: Vec<&'a str>,
    concepts: Vec<&'a str>,
    /// Concepts before the choice.
    of_concepts: usize,
    by_place: HashMap<[&'a str; 4], Number>,
}

impl<'a> Numbers<'a> {
    fn of(rows: &'a [ConceptConditionalRow], probe: &'a str) -> Self {
        let own = || rows.iter().filter(|r| r.probe == probe && r.pattern.is_empty());
        let has = |method: &str| own().any(|r| r.method == method);
        let model = ["exact", "sampled"].into_iter().find(|m| has(m)).unwrap_or("counted");
        let single = |r: &&ConceptConditionalRow| r.quantity == "concept_given_class" && r.method == model;
        let given = |r: &&ConceptConditionalRow| r.quantity == "concept_given_concept" && r.method == model;
        let classes = distinct(own().filter(single).map(|r| r.class.as_str()));
        let mut concepts = distinct(own().filter(single).map(|r| r.concept.as_str()));
        if concepts.is_empty() {
            concepts = distinct(own().filter(given).map(|r| r.concept.as_str()));
        }
        let wanted =
            |r: &&ConceptConditionalRow| matches!(r.quantity.as_str(), "concept_given_class" | "concept_given_concept");
        let key = |r: &'a ConceptConditionalRow| [&*r.method, &*r.class, &*r.concept, &*r.given];
        let by_place = own().filter(wanted).filter_map(|r| Some((key(r), (r.value?, r.std_error)))).collect();
        let of_concepts = concepts.len();
        let mut numbers =
            Self { probe, model, data: has("data"), truth: has("truth"), classes, concepts, of_concepts, by_place };
        numbers.keep_those_that_tell();
        numbers
    }

    /// Of many concepts those whose probability differs most between classes, in the order of the data.
    fn keep_those_that_tell(&mut self) {
        if self.concepts.len() <= MOST_CONCEPTS {
            return;
        }
        let spread = |concept: &str| {
            let values = self.classes.iter().filter_map(|y| self.get(self.model, y, concept, "")).map(|n| n.0);
            let (low, high) = values.fold((1.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
            high - low
        };
        let mut ranked: Vec<(usize, f64)> = self.concepts.iter().map(|c| spread(c)).enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut kept: Vec<usize> = ranked.iter().take(MOST_CONCEPTS).map(|r| r.0).collect();
        kept.sort_unstable();
        self.concepts = kept.iter().map(|&k| self.concepts[k]).collect();
    }

    fn get(&self, method: &str, class: &str, concept: &str, given: &str) -> Option<Number> {
        self.by_place.get(&[method, class, concept, given]).copied()
    }

    /// What the model is held against: the truth where it is known.
    fn reference(&self) -> Option<&'static str> {
        if self.truth { Some("truth") } else { self.data.then_some("data") }
    }

    /// What a method is called over a picture.
    fn title(&self, method: &str) -> String {
        match method {
            "exact" => "model, exact".into(),
            "sampled" => "model, sampled".into(),
            "counted" => "model, predictions counted".into(),
            other => other.into(),
        }
    }

    /// That some are left out.
    fn left_out(&self) -> String {
        if self.concepts.len() == self.of_concepts {
            return String::new();
        }
        format!(
            " Of {} concepts the {} whose probability differs most between classes are shown; conditional.csv has all.",
            self.of_concepts,
            self.concepts.len()
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two bottlenecks with so many classes and concepts, one of which has data.
    pub(crate) fn rows(classes: usize, concepts: usize) -> Vec<ConceptConditionalRow> {
        let mut rows = vec![];
        for (probe, methods) in [("p", &["exact", "data", "truth"][..]), ("q", &["sampled"][..])] {
            for (m, method) in methods.iter().enumerate() {
                let mut push = |quantity: &str, class: String, concept: usize, given: Option<usize>, value: f64| {
                    rows.push(ConceptConditionalRow {
                        probe: probe.into(),
                        method: (*method).into(),
                        quantity: quantity.into(),
                        class,
                        concept: format!("part:value{concept}"),
                        given: given.map_or(String::new(), |j| format!("part:value{j}")),
                        value: Some((value + 0.05 * m as f64).clamp(0.0, 1.0)),
                        std_error: Some(0.02),
                        n: Some(50.0),
                        ..ConceptConditionalRow::default()
                    });
                };
                for k in 0..concepts {
                    for y in 0..classes {
                        let value = ((k * 7 + y * 13) % 17) as f64 / 17.0;
                        push("concept_given_class", format!("class {y}"), k, None, value);
                    }
                    for j in (0..concepts).filter(|j| *j != k) {
                        push("concept_given_concept", String::new(), k, Some(j), ((k * 5 + j * 3) % 11) as f64 / 11.0);
                    }
                }
            }
        }
        rows
    }

    #[test]
    fn every_bottleneck_has_its_maps_and_bars() {
        let drawn = draw(&rows(3, 5));
        let names: Vec<&str> = drawn.iter().map(|d| d.name.as_str()).collect();
        let wanted = ["concept_given_class_p", "concept_given_concept_p", "concept_marginal_importance_p"];
        assert_eq!(names[..3], wanted);
        assert_eq!(names.len(), 6);
        for drawing in &drawn {
            assert!(drawing.picture.is_sound(), "{}", drawing.name);
        }
        let texts = drawn[0].picture.texts().join("|");
        assert!(
            texts.contains("model, exact|") && texts.contains("data") && texts.contains("model − truth"),
            "{texts}"
        );
        // Without a reference there is the model alone.
        assert!(!drawn[3].picture.texts().join("|").contains("−"));
        assert!(draw(&[]).is_empty());
    }

    #[test]
    fn many_concepts_are_chosen_from_and_it_is_said() {
        let drawn = draw(&rows(2, 70));
        assert!(drawn[0].caption.contains("Of 70 concepts the 60"), "{}", drawn[0].caption);
        assert!(drawn[0].picture.is_sound());
    }
}
