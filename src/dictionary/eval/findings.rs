//! What an evaluation says in sentences.

use super::Found;
use crate::figure::data::distinct;

/// A line a dictionary or baseline.
pub(crate) fn findings(found: &Found) -> Vec<String> {
    let names = distinct(found.numbers.iter().map(|r| r.dictionary.clone()));
    let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let line = |name: &String| {
        let of = |metric: &str, parameters: &str| {
            let mut own = found.numbers.iter().filter(|r| &r.dictionary == name && r.concept.is_empty());
            own.find(|r| r.metric == metric && r.parameters == parameters).and_then(|r| r.value)
        };
        let number = |value: Option<f64>, digits: usize| value.map_or("–".into(), |v| format!("{v:.digits$}"));
        let mut line = format!(
            "{name:longest$}  L0 {:>6}, explained variance {}, dead {} %",
            number(of("l0", ""), 1),
            number(of("explained_variance", ""), 3),
            number(of("dead_share", "").map(|d| 100.0 * d), 1)
        );
        for (metric, parameters, what) in [
            ("recovered_share", "", "recovered"),
            ("probe_balanced_accuracy", "k=1", "probe of one feature"),
            ("loss_recovered", "mean", "loss recovered"),
        ] {
            if let Some(value) = of(metric, parameters) {
                line.push_str(&format!(", {what} {value:.3}"));
            }
        }
        line
    };
    names.iter().map(line).collect()
}
