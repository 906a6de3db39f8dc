//! Conditional probabilities on a page: how well they agree, and the most probable patterns of each class.

use super::Sheet;
use crate::figure::ConceptTables;
use crate::figure::data::distinct;
use crate::figure::scale::readable;
use crate::table::ConceptConditionalRow;
use narrows_probes::conditional::Quantity;
use std::collections::HashMap;

/// Patterns of a class that the page shows.
const PATTERNS: usize = 5;

/// Agreement, then patterns.
pub(super) fn sheets(tables: &ConceptTables) -> Vec<Sheet> {
    agreement(tables).into_iter().chain(patterns(&tables.conditional)).collect()
}

fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), readable)
}

fn agreement(tables: &ConceptTables) -> Option<Sheet> {
    let formula =
        |name: &str| Quantity::COMPARED.iter().find(|q| q.name() == name).map_or("", |q| q.formula()).to_string();
    let rows: Vec<Vec<String>> = tables
        .conditional_agreement
        .iter()
        .map(|r| {
            vec![
                r.probe.clone(),
                r.method.clone(),
                r.reference.clone(),
                formula(&r.quantity),
                number(r.correlation),
                number(r.mean_absolute_error),
                number(r.noise),
                r.entries.to_string(),
                r.left_out.to_string(),
            ]
        })
        .collect();
    let least = tables.conditional_agreement.first().map_or(0.0, |r| r.least);
    let head =
        ["Bottleneck", "Method", "Against", "Of", "Correlation", "Mean abs. error", "Noise", "Entries", "Left out"];
    (!rows.is_empty()).then(|| Sheet {
        title: "Do the probabilities agree?".into(),
        note: format!(
            "Over all entries whose condition has {} samples in the data (of truth: is expected to). Noise: the mean \
             absolute error to be expected if the method were right and the data drawn from it.",
            readable(least)
        ),
        columns: head.map(String::from).to_vec(),
        texts: 4,
        rows,
    })
}

/// p(c | y) and p(y | c) of the most probable patterns, the model's beside those of the data and the law.
fn patterns(all: &[ConceptConditionalRow]) -> Option<Sheet> {
    let own: Vec<&ConceptConditionalRow> =
        all.iter().filter(|r| !r.pattern.is_empty() && !r.class.is_empty()).collect();
    let numbers = |r: &ConceptConditionalRow| r.value.map(|v| (v, r.std_error));
    let by_place: HashMap<[&str; 5], Option<(f64, Option<f64>)>> =
        own.iter().map(|r| ([&*r.probe, &*r.method, &*r.quantity, &*r.class, &*r.pattern], numbers(r))).collect();
    let places = distinct(own.iter().map(|r| (r.probe.as_str(), r.class.as_str())));
    let mut rows = vec![];
    for (probe, class) in places {
        let here = distinct(own.iter().filter(|r| r.probe == probe && r.class == class).map(|r| r.pattern.as_str()));
        let get = |method: &str, quantity: &str, pattern: &str| {
            by_place.get(&[probe, method, quantity, class, pattern]).copied()
        };
        let model = ["exact", "sampled"]
            .into_iter()
            .find(|m| here.iter().any(|p| get(m, "pattern_given_class", p).is_some()))
            .unwrap_or("counted");
        let value = |method: &str, p: &str| get(method, "pattern_given_class", p).flatten().map(|n| n.0);
        let mut ranked: Vec<&str> = here;
        ranked.sort_by(|a, b| value(model, b).unwrap_or(-1.0).total_cmp(&value(model, a).unwrap_or(-1.0)));
        for pattern in ranked.into_iter().take(PATTERNS) {
            let with_error = |method: &str| match get(method, "pattern_given_class", pattern).flatten() {
                Some((v, Some(e))) => format!("{} ± {}", readable(v), readable(e)),
                Some((v, None)) => readable(v),
                None => String::new(),
            };
            rows.push(vec![
                probe.to_string(),
                class.to_string(),
                pattern.to_string(),
                with_error(model),
                with_error("data"),
                with_error("truth"),
                number(get(model, "class_given_pattern", pattern).flatten().map(|n| n.0)),
            ]);
        }
    }
    let head = ["Bottleneck", "Class", "Present concepts", "p(c | y), model", "data", "truth", "p(y | c), model"];
    (!rows.is_empty()).then(|| Sheet {
        title: "Joint importance: the most probable patterns of each class".into(),
        note: "A pattern is the state of all concepts: those named are present, all others absent (Xu et al. 2024, \
               proposition 3.3). Value ± standard error where the method has one; conditional.csv has more patterns."
            .into(),
        columns: head.map(String::from).to_vec(),
        texts: 3,
        rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::ConceptAgreementRow;

    #[test]
    fn patterns_stand_by_the_model_s_probability_beside_the_data_s() {
        let row = |method: &str, quantity: &str, pattern: &str, value: f64| ConceptConditionalRow {
            probe: "p".into(),
            method: method.into(),
            quantity: quantity.into(),
            class: "a".into(),
            pattern: pattern.into(),
            value: Some(value),
            ..ConceptConditionalRow::default()
        };
        let conditional = vec![
            row("exact", "pattern_given_class", "red", 0.25),
            row("exact", "pattern_given_class", "red + round", 0.5),
            row("exact", "class_given_pattern", "red + round", 0.875),
            row("data", "pattern_given_class", "red + round", 0.375),
        ];
        let agreement = ConceptAgreementRow {
            quantity: "concept_given_class".into(),
            correlation: Some(0.5),
            ..ConceptAgreementRow::default()
        };
        let tables = ConceptTables { conditional, conditional_agreement: vec![agreement], ..ConceptTables::default() };
        let found = sheets(&tables);
        assert_eq!(found[0].rows[0][3..5], ["p(c_k | y)", "0.5"]);
        assert_eq!(found[1].rows[0][1..], ["a", "red + round", "0.5", "0.375", "", "0.875"]);
        assert_eq!(found[1].rows[1][2], "red");
        assert!(sheets(&ConceptTables::default()).is_empty());
    }
}
