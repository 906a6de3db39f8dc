//! What a scoring came to, in sentences: whether the concepts are there, and whether something passes beside them.

use crate::table::ConceptMetricRow;

/// The sentences on the test samples.
pub fn scored_findings(rows: &[ConceptMetricRow]) -> Vec<String> {
    let whole = |metric: &str| {
        rows.iter()
            .find(|r| r.metric == metric && r.split == "test" && r.concept.is_empty() && r.class.is_empty())
            .filter(|r| r.value.is_some())
    };
    let mut sentences = Vec::new();
    if let Some(accuracy) = whole("accuracy") {
        sentences.push(format!(
            "Right on {} of {} samples; the most frequent class alone is {}.",
            percent(accuracy.value),
            accuracy.n_samples,
            percent(accuracy.chance)
        ));
    }
    if let Some(row) = whole("certificate_lower_bound") {
        let proven = row.value > row.chance;
        sentences.push(format!(
            "Leakage is {}: with 95 % confidence the accuracy is above {}, and hard concepts allow {}.",
            if proven { "proven" } else { "not proven by the accuracy" },
            percent(row.value),
            percent(row.chance)
        ));
    }
    for row in rows.iter().filter(|r| r.metric == "whole_leakage_bits" && r.split == "test" && r.value.is_some()) {
        let p = rows
            .iter()
            .find(|r| r.metric == "whole_leakage_p" && r.split == "test" && r.parameters == row.parameters)
            .and_then(|r| r.value);
        sentences.push(leaks(row, p));
    }
    if let Some(row) = whole("bypass_accuracy") {
        let above = row.ci_low.zip(row.chance).is_some_and(|(low, chance)| low > chance);
        sentences.push(format!(
            "With every concept at its training mean {} are right ({} by the most frequent class): {}.",
            percent(row.value),
            percent(row.chance),
            if above { "something passes beside the concepts" } else { "nothing is left without the concepts" }
        ));
    }
    for (metric, what) in [
        ("cem", "of the concepts that decisions rest on most are present"),
        ("clm", "have their part in the most active region"),
    ] {
        let found = rows.iter().find(|r| {
            let first = r.parameters.starts_with("l=1 ") && r.parameters.ends_with("images=correct");
            r.metric == metric && r.split == "test" && first && r.concept.is_empty()
        });
        if let Some(row) = found.filter(|r| r.value.is_some()) {
            sentences.push(format!(
                "{} ({}): {} {what}; chance {}.",
                metric.to_uppercase(),
                row.parameters,
                percent(row.value),
                percent(row.chance)
            ));
        }
    }
    sentences
}

fn leaks(row: &ConceptMetricRow, p: Option<f64>) -> String {
    let value = row.value.unwrap_or(f64::NAN);
    let error = row.std_error.unwrap_or(f64::NAN);
    let null = row.chance.map_or(String::new(), |c| format!("; {c:.3} with scores shuffled among equal concepts"));
    let fixed = row.flags.contains("patterns_mostly_unique");
    let verdict = if fixed {
        "most samples have a pattern of concepts of their own, so that this cannot be told from what the concepts say"
    } else if value - 1.96 * error > row.chance.unwrap_or(0.0).max(0.0) {
        "the scores tell more of the class than the concepts"
    } else if p.is_some_and(|p| p <= 0.05) {
        "more than shuffled scores, but not clearly above 0"
    } else {
        "no more than chance"
    };
    let of =
        if row.parameters.contains("of=representation") { "what the head reads of concepts" } else { "the scores" };
    let p = p.map_or(String::new(), |p| format!(", p = {p:.3}"));
    format!("Leakage of {of} together, I(Y;Ĉ|C): {value:.3} ± {error:.3} bits{null}{p}: {verdict}.")
}

fn percent(share: Option<f64>) -> String {
    share.map_or("an unknown share".into(), |s| format!("{:.1} %", 100.0 * s))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: &str, value: f64, error: f64, chance: f64) -> ConceptMetricRow {
        ConceptMetricRow {
            metric: metric.into(),
            split: "test".into(),
            value: Some(value),
            std_error: Some(error),
            ci_low: Some(value - 1.96 * error),
            chance: Some(chance),
            n_samples: 100,
            ..ConceptMetricRow::default()
        }
    }

    #[test]
    fn leakage_is_said_where_it_is_seen_and_not_elsewhere() {
        let seen = scored_findings(&[row("whole_leakage_bits", 0.4, 0.05, 0.01)]);
        assert!(seen[0].contains("more of the class"), "{seen:?}");
        let none = scored_findings(&[row("whole_leakage_bits", 0.04, 0.05, 0.01)]);
        assert!(none[0].contains("no more than chance"));
        let unique =
            ConceptMetricRow { flags: "patterns_mostly_unique".into(), ..row("whole_leakage_bits", 0.4, 0.01, 0.4) };
        assert!(scored_findings(&[unique])[0].contains("pattern of concepts of their own"));
        let proven = scored_findings(&[row("certificate_lower_bound", 0.9, 0.0, 0.75)]);
        assert!(proven[0].starts_with("Leakage is proven"));
        let bypass = scored_findings(&[row("bypass_accuracy", 0.5, 0.0, 0.5)]);
        assert!(bypass[0].contains("nothing is left"));
    }
}
