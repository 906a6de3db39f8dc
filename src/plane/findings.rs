//! What a plane shows, in sentences.

use crate::table::{PlaneRow, quantity};
use std::collections::BTreeSet;

/// A layer counts as compressing when it loses at least this share of its largest I(X;T) by the last checkpoint.
const COMPRESSION_SHARE: f64 = 0.05;

/// For each run and estimator: which layers gain information about the target, which lose information about the
/// input afterwards, and how much of it all is at the ceiling.
pub fn findings(rows: &[PlaneRow]) -> Vec<String> {
    let mut series: Vec<(&str, &str, &str)> = vec![];
    for row in rows {
        let key = (row.run.as_str(), row.estimator.as_str(), row.parameters.as_str());
        if !series.contains(&key) {
            series.push(key);
        }
    }
    series.into_iter().filter_map(|key| describe(rows, key)).collect()
}

fn describe(rows: &[PlaneRow], (run, estimator, parameters): (&str, &str, &str)) -> Option<String> {
    let own: Vec<&PlaneRow> = rows
        .iter()
        .filter(|r| (r.run.as_str(), r.estimator.as_str(), r.parameters.as_str()) == (run, estimator, parameters))
        .collect();
    let layers: BTreeSet<u64> = own.iter().map(|r| r.layer_index).collect();
    let track = |layer: u64, quantity: &str| -> Vec<(Option<u64>, f64)> {
        let rows = own.iter().filter(|r| r.layer_index == layer && r.quantity == quantity);
        rows.filter_map(|r| Some((r.epoch, r.value?))).collect()
    };
    let name = |layer: u64| own.iter().find(|r| r.layer_index == layer).map_or("", |r| r.layer.as_str());
    let unit = own.first()?.unit.as_str();
    if track(*layers.first()?, quantity::I_XT).len() < 2 {
        return None;
    }
    let (mut gains, mut compressing) = (vec![], vec![]);
    for &layer in &layers {
        let target = track(layer, quantity::I_TY);
        if let (Some((_, first)), Some((_, last))) = (target.first(), target.last()) {
            // Rounded as it is shown, so that a change of nothing is not shown as −0.00.
            gains.push(((last - first) * 100.0).round() / 100.0 + 0.0);
        }
        let input = track(layer, quantity::I_XT);
        let peak = input.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let last = input.last()?.1;
        if peak.1 > 0.0 && peak.1 - last >= COMPRESSION_SHARE * peak.1 {
            let epoch = peak.0.map_or(String::new(), |e| format!(" from epoch {e}"));
            compressing.push(format!("{} ({:.2} → {last:.2} {unit}{epoch})", name(layer), peak.1));
        }
    }
    let least = gains.iter().copied().fold(f64::INFINITY, f64::min);
    let most = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let saturated = own.iter().filter(|r| r.quantity == quantity::I_XT && r.flags.contains("saturated")).count();
    let total = own.iter().filter(|r| r.quantity == quantity::I_XT).count();
    let compression = match compressing.len() {
        0 => "no layer loses 5 % of its largest I(X;T)".to_string(),
        n if n == layers.len() => format!("I(X;T) falls from its peak in every layer: {}", compressing.join(", ")),
        _ => format!("I(X;T) falls from its peak in {}", compressing.join(", ")),
    };
    let ceiling = if 4 * saturated >= total {
        format!(
            " {} % of the values of I(X;T) are at the ceiling log N, where nothing can be told.",
            100 * saturated / total
        )
    } else {
        String::new()
    };
    let gain = if (most - least).abs() < 0.005 { format!("{most:+.2}") } else { format!("{least:+.2} to {most:+.2}") };
    Some(format!("{run}, {estimator} ({parameters}): {compression}; I(T;Y) changes by {gain} {unit}.{ceiling}"))
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
}
