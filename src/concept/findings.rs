//! What a fit came to, in sentences.

use super::Subject;
use crate::table::{ConceptComparisonRow, ConceptMetricRow};

/// The sentences of a run: one a bottleneck, and one on what the data allow.
pub fn findings(subject: &Subject, metrics: &[ConceptMetricRow]) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut probes: Vec<&str> = Vec::new();
    for row in metrics {
        if !probes.contains(&row.probe.as_str()) {
            probes.push(&row.probe);
        }
    }
    for probe in probes {
        let of = |split: &str, metric: &str| {
            metrics.iter().find(|r| {
                r.probe == probe && r.split == split && r.metric == metric && r.concept.is_empty() && r.class.is_empty()
            })
        };
        let Some(accuracy) = of("test", "accuracy") else { continue };
        let value = accuracy.value.unwrap_or(f64::NAN);
        let mut parts = vec![format!(
            "{probe} is right on {:.1} % ± {:.1} of {} test samples (training {:.1} %; the most frequent class alone {:.1} %)",
            100.0 * value,
            100.0 * accuracy.std_error.unwrap_or(f64::NAN),
            accuracy.n_samples,
            100.0 * of("train", "accuracy").and_then(|r| r.value).unwrap_or(f64::NAN),
            100.0 * accuracy.chance.unwrap_or(f64::NAN),
        )];
        if let (Some(concepts), Some(used)) = (of("fit", "concepts"), of("fit", "concepts_per_class")) {
            parts.push(format!(
                "{:.1} of {} concepts a class",
                used.value.unwrap_or(f64::NAN),
                concepts.value.unwrap_or(f64::NAN)
            ));
        }
        if let Some(auc) = of("test", "concept_auc").and_then(|r| r.value) {
            parts.push(format!("its concepts have a mean AUC of {auc:.3}"));
        }
        sentences.push(format!("{}.", parts.join("; ")));
        sentences.extend(of("test", "certificate_lower_bound").and_then(|r| certified(probe, r)));
    }
    sentences.extend(ceilings(subject));
    sentences
}

/// The sentences of a comparison: who is best, and by how much.
pub fn compared(subject: &Subject, rows: &[ConceptComparisonRow]) -> Vec<String> {
    let mut tests: Vec<&ConceptComparisonRow> =
        rows.iter().filter(|r| r.split == "test" && r.metric == "accuracy" && r.mean.is_some()).collect();
    tests.sort_by(|a, b| b.mean.unwrap_or(0.0).total_cmp(&a.mean.unwrap_or(0.0)));
    let mut sentences = Vec::new();
    if let Some(best) = tests.first() {
        let with = |r: &ConceptComparisonRow| {
            let half = r.ci_high.zip(r.mean).map_or(0.0, |(h, m)| h - m);
            format!("{} {:.1} % ± {:.1}", r.probe, 100.0 * r.mean.unwrap_or(f64::NAN), 100.0 * half)
        };
        let others: Vec<String> = tests[1..].iter().map(|r| with(r)).collect();
        let others = if others.is_empty() { String::new() } else { format!("; then {}", others.join(", ")) };
        let chance = 100.0 * best.chance.unwrap_or(f64::NAN);
        sentences.push(format!(
            "Test accuracy over {} seed(s): {}{others} (the most frequent class alone {chance:.1} %).",
            best.seeds,
            with(best)
        ));
    }
    sentences.extend(ceilings(subject));
    sentences
}

/// That a bottleneck leaks, where that is proven.
fn certified(probe: &str, row: &ConceptMetricRow) -> Option<String> {
    let (bound, ceiling) = row.value.zip(row.chance)?;
    (bound > ceiling).then(|| {
        format!(
            "{probe} leaks: with 95 % confidence it is right on more than {:.1} %, and hard concepts allow {:.1} %.",
            100.0 * bound,
            100.0 * ceiling
        )
    })
}

/// What the law of the data allows.
fn ceilings(subject: &Subject) -> Option<String> {
    let ceilings = subject.ceilings.as_ref()?;
    let bits = std::f64::consts::LN_2;
    Some(format!(
        "The law of {} allows {:.1} % from hard concepts: they tell {:.3} of {:.3} bits of the class.",
        subject.name,
        100.0 * ceilings.bayes_accuracy,
        ceilings.concept_information / bits,
        ceilings.label_entropy / bits,
    ))
}
