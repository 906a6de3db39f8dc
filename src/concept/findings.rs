//! What a fit came to, in sentences.

use super::Subject;
use crate::table::ConceptMetricRow;

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
        sentences.push(format!("{}.", parts.join("; ")));
    }
    if let Some(ceilings) = &subject.ceilings {
        sentences.push(format!(
            "The law of {} allows {:.1} % from hard concepts: they tell {:.3} of {:.3} bits of the class.",
            subject.name,
            100.0 * ceilings.bayes_accuracy,
            ceilings.concept_information / std::f64::consts::LN_2,
            ceilings.label_entropy / std::f64::consts::LN_2,
        ));
    }
    sentences
}
