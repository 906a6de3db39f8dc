//! Interventions, edits and class-incremental learning on a page.

use super::Sheet;
use crate::figure::ConceptTables;
use crate::figure::data::distinct;
use crate::figure::scale::readable;

/// Metrics of whole curves that have a column.
const SHOWN: [(&str, &str); 6] = [
    ("auc_accuracy", "Mean accuracy of the curve"),
    ("auc_gain_over_random", "More than random"),
    ("first_harmful", "First correction harms"),
    ("first_helpful", "First correction helps"),
    ("harmful_steps", "Corrections that lower the true class"),
    ("ever_harmed", "Ever harmed"),
];

/// Curves of corrections in numbers, then edits, then learners of classes in blocks.
pub(super) fn sheets(tables: &ConceptTables) -> Vec<Sheet> {
    let corrections = interventions(tables).into_iter().chain(super::concept_propagation::sheets(tables));
    corrections.chain(edits(tables)).chain(incremental(tables)).collect()
}

/// Metrics of whole streams that have a column.
const STREAMS: [(&str, &str); 5] = [
    ("final_accuracy", "Accuracy at the end"),
    ("average_accuracy", "Mean over blocks"),
    ("forgetting", "Forgetting"),
    ("min_accuracy", "Least on the way"),
    ("worst_case_accuracy", "Worst case"),
];

fn incremental(tables: &ConceptTables) -> Option<Sheet> {
    let own: Vec<_> = tables.incremental.iter().filter(|r| r.block.is_none() && r.step.is_none()).collect();
    let kinds = distinct(own.iter().map(|r| (r.learner.clone(), r.order.clone())));
    let mut columns = vec!["Learner".to_string(), "Order".into()];
    columns.extend(STREAMS.iter().map(|(_, name)| (*name).to_owned()));
    let rows: Vec<Vec<String>> = kinds
        .iter()
        .map(|(learner, order)| {
            let mut row = vec![learner.clone(), order.clone()];
            row.extend(STREAMS.iter().map(|(metric, _)| {
                let found = own.iter().find(|r| r.learner == *learner && r.order == *order && r.metric == *metric);
                found.map_or(String::new(), |r| with_error(Some(r.mean), r.std_error))
            }));
            row
        })
        .collect();
    let note = "Mean ± standard error over seeds; incremental.csv has every test of every stream.".into();
    let title = "Classes in blocks".into();
    (!rows.is_empty()).then_some(Sheet { title, note, columns, texts: 2, rows })
}

fn interventions(tables: &ConceptTables) -> Option<Sheet> {
    let own: Vec<_> = tables.interventions.iter().filter(|r| r.axis == "number").collect();
    let kinds = distinct(own.iter().map(|r| (r.probe.clone(), r.policy.clone(), r.error_rate.to_bits())));
    let mut columns = vec!["Bottleneck".to_string(), "Policy".into(), "Wrong corrections".into()];
    columns.extend(SHOWN.iter().map(|(_, name)| (*name).to_owned()));
    let rows: Vec<Vec<String>> = kinds
        .iter()
        .map(|(probe, policy, rate)| {
            let cell = |metric: &str| {
                let found = own.iter().find(|r| {
                    r.probe == *probe && r.policy == *policy && r.error_rate.to_bits() == *rate && r.metric == metric
                });
                found.map_or(String::new(), |r| with_error(Some(r.value), r.std_error))
            };
            let mut row = vec![probe.clone(), policy.clone(), readable(f64::from_bits(*rate))];
            row.extend(SHOWN.iter().map(|(metric, _)| cell(metric)));
            row
        })
        .collect();
    (!rows.is_empty()).then(|| Sheet {
        title: "Interventions in numbers".into(),
        note: "Shares, value ± standard error over samples and seeds; interventions.csv has the intervals.".into(),
        columns,
        texts: 3,
        rows,
    })
}

fn edits(tables: &ConceptTables) -> Option<Sheet> {
    let rows: Vec<Vec<String>> = tables
        .edits
        .iter()
        .filter(|r| r.class.is_empty() || r.edited == "yes")
        .map(|r| {
            let number = |v: Option<f64>| v.map_or(String::new(), readable);
            let interval =
                r.ci_low.zip(r.ci_high).map_or(String::new(), |(l, h)| format!("{} … {}", readable(l), readable(h)));
            vec![
                r.edit.clone(),
                r.split.clone(),
                r.metric.clone(),
                r.class.clone(),
                number(r.before),
                number(r.after),
                number(r.gain),
                interval,
                number(r.p_value),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Sheet {
        title: "Before and after the edit".into(),
        note:
            "Whole sets of samples and the edited classes; edits.csv has every class. p: exact McNemar test; of random \
               prunes the share that gains as much as the edit."
                .into(),
        columns: ["Edit", "Samples", "Metric", "Class", "Before", "After", "Gain", "95 %", "p"]
            .map(String::from)
            .to_vec(),
        texts: 4,
        rows,
    })
}

pub(super) fn with_error(value: Option<f64>, error: Option<f64>) -> String {
    match (value, error) {
        (Some(value), Some(error)) => format!("{} ± {}", readable(value), readable(error)),
        (Some(value), None) => readable(value),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ConceptEditRow, ConceptInterventionRow};

    #[test]
    fn a_row_a_policy_and_a_row_a_number_of_the_edit() {
        let row = |policy: &str, metric: &str| ConceptInterventionRow {
            policy: policy.into(),
            axis: "number".into(),
            metric: metric.into(),
            value: 0.5,
            std_error: Some(0.1),
            ..ConceptInterventionRow::default()
        };
        let edit = |class: &str, edited: &str| ConceptEditRow {
            metric: "recall".into(),
            class: class.into(),
            edited: edited.into(),
            gain: Some(0.25),
            ..ConceptEditRow::default()
        };
        let tables = ConceptTables {
            interventions: vec![
                row("random", "auc_accuracy"),
                row("coop", "auc_accuracy"),
                row("coop", "first_harmful"),
            ],
            edits: vec![edit("", ""), edit("cat", "yes"), edit("dog", "no")],
            ..ConceptTables::default()
        };
        let found = sheets(&tables);
        assert_eq!((found.len(), found[0].rows.len(), found[1].rows.len()), (2, 2, 2));
        assert_eq!(found[0].rows[1][3..6], ["0.5 ± 0.1", "", "0.5 ± 0.1"]);
        assert!(sheets(&ConceptTables::default()).is_empty());
    }
}
