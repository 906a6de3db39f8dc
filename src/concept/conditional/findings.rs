//! How well a bottleneck's probabilities agree with the data and the law, in sentences.

use crate::figure::scale::readable;
use crate::table::ConceptAgreementRow;
use narrows_probes::conditional::Quantity;

/// The quantities of the sentences.
const TOLD: [Quantity; 3] = [Quantity::ConceptGivenClass, Quantity::ConceptGivenConcept, Quantity::ConceptGivenBoth];

/// One sentence a bottleneck and reference.
pub fn conditioned(rows: &[ConceptAgreementRow]) -> Vec<String> {
    let mut seen: Vec<(&str, &str)> = vec![];
    for row in rows {
        let key = (row.probe.as_str(), row.reference.as_str());
        if !seen.contains(&key) {
            seen.push(key);
        }
    }
    let mut sentences = vec![];
    for (probe, reference) in seen {
        let of = |method: &str, quantity: Quantity| {
            rows.iter().find(|r| {
                r.probe == probe
                    && r.reference == reference
                    && r.quantity == quantity.name()
                    && (r.method == method || (method == "model" && ["exact", "sampled"].contains(&r.method.as_str())))
            })
        };
        let numbers = |r: &ConceptAgreementRow| {
            let correlation = r.correlation.map(|v| format!("{v:.3}"));
            [correlation, r.mean_absolute_error.map(readable)].into_iter().flatten().collect::<Vec<_>>().join(" and ")
        };
        let first = if of("model", TOLD[0]).is_some() { "model" } else { "counted" };
        let told: Vec<String> = TOLD
            .iter()
            .filter_map(|&quantity| {
                let row = of(first, quantity).filter(|r| r.entries > 0)?;
                let mut others = vec![];
                others.extend(row.noise.map(|n| format!("noise alone {}", readable(n))));
                if first == "model" {
                    let counted = of("counted", quantity).and_then(|r| r.mean_absolute_error);
                    others.extend(counted.map(|v| format!("counting {}", readable(v))));
                }
                let data = of("data", quantity).and_then(|r| r.mean_absolute_error);
                others.extend(data.map(|v| format!("the data's frequencies {}", readable(v))));
                let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
                Some(format!("{} {}{others}", quantity.formula(), numbers(row)))
            })
            .collect();
        let Some(row) = of(first, TOLD[0]).filter(|_| !told.is_empty()) else { continue };
        let against = match reference {
            "truth" => "the law that the data were drawn from".to_string(),
            _ => format!("the frequencies of {} samples", row.n_samples),
        };
        sentences.push(format!(
            "{probe} ({}) against {against}, correlation and mean absolute error: {}.",
            row.method,
            told.join("; ")
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_what_is_compared() {
        let row = |method: &str, reference: &str, quantity: &str, error: f64| ConceptAgreementRow {
            probe: "p".into(),
            method: method.into(),
            reference: reference.into(),
            quantity: quantity.into(),
            entries: 12,
            correlation: Some(0.9871),
            mean_absolute_error: Some(error),
            noise: (reference == "data").then_some(0.01),
            n_samples: 300,
            ..ConceptAgreementRow::default()
        };
        let rows = [
            row("sampled", "data", "concept_given_class", 0.02),
            row("counted", "data", "concept_given_class", 0.03),
            row("sampled", "truth", "concept_given_class", 0.04),
            row("data", "truth", "concept_given_class", 0.05),
        ];
        let found = conditioned(&rows);
        assert_eq!(
            found[0],
            "p (sampled) against the frequencies of 300 samples, correlation and mean absolute error: p(c_k | y) 0.987 and \
             0.02 (noise alone 0.01, counting 0.03)."
        );
        assert!(found[1].contains("the law") && found[1].contains("the data's frequencies 0.05"), "{}", found[1]);
        assert!(conditioned(&[]).is_empty());
    }
}
