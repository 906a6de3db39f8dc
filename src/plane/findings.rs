//! What a plane shows, in sentences.

use super::phases::{Verdict, verdicts};
use super::seeds::{group_of, groups};
use crate::mean::Mean;
use crate::table::{PlaneRow, quantity};
use std::collections::BTreeMap;

/// For each group of runs that differ by their seed, or single run, and each estimator: which layers gain information
/// about the target, which lose information about the input afterwards, and how much of it all is at the ceiling.
pub fn findings(rows: &[PlaneRow]) -> Vec<String> {
    let verdicts = verdicts(rows);
    let mut estimators: Vec<(&str, &str)> = vec![];
    for verdict in &verdicts {
        let key = (verdict.estimator.as_str(), verdict.parameters.as_str());
        if !estimators.contains(&key) {
            estimators.push(key);
        }
    }
    let mut found = vec![];
    for (group, runs) in groups(verdicts.iter().map(|v| v.run.as_str())) {
        let name = match runs[..] {
            [run] => run.to_string(),
            _ => format!("{group} ({} seeds)", runs.len()),
        };
        for &(estimator, parameters) in &estimators {
            let own: Vec<&Verdict> = verdicts
                .iter()
                .filter(|v| {
                    group_of(&v.run) == group
                        && (v.estimator.as_str(), v.parameters.as_str()) == (estimator, parameters)
                })
                .collect();
            let at_ceiling = ceiling(rows, group, (estimator, parameters));
            found.extend(
                describe(&own, runs.len())
                    .map(|text| format!("{name}, {estimator} ({parameters}): {text}{at_ceiling}")),
            );
        }
    }
    found
}

fn describe(verdicts: &[&Verdict], runs: usize) -> Option<String> {
    let unit = verdicts.first()?.unit.as_str();
    let mut layers: BTreeMap<(u64, &str), Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        layers.entry((verdict.layer_index, &verdict.layer)).or_default().push(verdict);
    }
    let compressing: Vec<String> = layers
        .iter()
        .filter_map(|((_, layer), of_layer)| {
            let falling: Vec<&&Verdict> = of_layer.iter().filter(|v| v.compresses()).collect();
            let first = falling.first()?;
            if runs == 1 {
                let epoch = first.turning_epoch().map_or(String::new(), |e| format!(" from epoch {e}"));
                return Some(format!("{layer} ({:.2} → {:.2} {unit}{epoch})", first.peak.value, first.last.value));
            }
            let mean = Mean::of(&falling.iter().map(|v| v.amount).collect::<Vec<_>>())?;
            let spread = mean.std.map_or(String::new(), |s| format!(" ± {s:.2}"));
            Some(format!("{layer} (by {:.2}{spread} {unit} in {} of {})", mean.mean, falling.len(), of_layer.len()))
        })
        .collect();
    // Rounded as it is shown, so that a change of nothing is not shown as −0.00.
    let gains = verdicts.iter().filter_map(|v| Some(v.target_last? - v.target_first?));
    let gains: Vec<f64> = gains.map(|gain| (gain * 100.0).round() / 100.0 + 0.0).collect();
    let least = gains.iter().copied().fold(f64::INFINITY, f64::min);
    let most = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let compression = match compressing.len() {
        0 => "no layer loses 5 % of its largest I(X;T), beyond noise".to_string(),
        n if n == layers.len() => format!("I(X;T) falls from its peak in every layer: {}", compressing.join(", ")),
        _ => format!("I(X;T) falls from its peak in {}", compressing.join(", ")),
    };
    let gain = match gains.len() {
        0 => String::new(),
        _ if (most - least).abs() < 0.005 => format!("; I(T;Y) changes by {most:+.2} {unit}"),
        _ => format!("; I(T;Y) changes by {least:+.2} to {most:+.2} {unit}"),
    };
    Some(format!("{compression}{gain}."))
}

/// A sentence when a quarter of the values of I(X;T) tell nothing.
fn ceiling(rows: &[PlaneRow], group: &str, estimator: (&str, &str)) -> String {
    let (mut saturated, mut total) = (0, 0);
    for row in rows {
        let own = row.quantity == quantity::I_XT && (row.estimator.as_str(), row.parameters.as_str()) == estimator;
        if own && group_of(&row.run) == group {
            total += 1;
            saturated += usize::from(row.flags.contains("saturated"));
        }
    }
    if total > 0 && 4 * saturated >= total {
        format!(
            " {} % of the values of I(X;T) are at the ceiling log N, where nothing can be told.",
            100 * saturated / total
        )
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(i_xt: [f64; 3]) -> Vec<PlaneRow> {
        let row = |epoch, q: &str, value| PlaneRow {
            run: "tanh".into(),
            checkpoint: String::new(),
            epoch: Some(epoch),
            step: None,
            layer: "hidden1".into(),
            layer_index: 1,
            width: 1,
            estimator: "kde".into(),
            parameters: "v".into(),
            quantity: q.into(),
            value: Some(value),
            unit: "bits".into(),
            std_error: None,
            ci_low: None,
            ci_high: None,
            n_samples: 10,
            noise_std: None,
            seed: 0,
            flags: String::new(),
        };
        let mut rows: Vec<_> = i_xt.into_iter().enumerate().map(|(e, v)| row(e as u64, "I_XT", v)).collect();
        rows.extend([0.1, 0.5, 0.9].into_iter().enumerate().map(|(e, v)| row(e as u64, "I_TY", v)));
        rows
    }

    #[test]
    fn compression_is_named_with_its_layer_and_epoch() {
        let found = findings(&rows([2.0, 4.0, 3.0]));
        assert!(
            found[0].contains("+0.80 bits")
                && found[0].contains("every layer: hidden1 (4.00 → 3.00 bits from epoch 1)"),
            "{found:?}"
        );
    }

    #[test]
    fn growth_is_not_called_compression() {
        assert!(findings(&rows([2.0, 3.0, 4.0]))[0].contains("no layer loses"));
    }

    #[test]
    fn seeds_are_told_together() {
        let mut table = vec![];
        for (seed, i_xt) in [(1, [2.0, 4.0, 3.0]), (2, [2.0, 4.0, 2.0]), (3, [2.0, 4.0, 4.0])] {
            table.extend(rows(i_xt).into_iter().map(|row| PlaneRow { run: format!("tanh-seed{seed}"), ..row }));
        }
        let found = findings(&table);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("tanh (3 seeds), kde (v): ")
                && found[0].contains("hidden1 (by 1.50 ± 0.71 bits in 2 of 3)"),
            "{found:?}"
        );
    }
}
