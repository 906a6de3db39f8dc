//! Whether networks that compress more generalise better: correlations over the networks of a study.

use crate::plane::Verdict;
use crate::table::{AssociationRow, TrainingRow};
use narrows_estimators::correlation::{bootstrap_interval, kendall, spearman};
use std::collections::{BTreeMap, HashMap};

/// Networks below which a correlation says nothing.
const FEWEST: usize = 8;
const RESAMPLES: usize = 1000;

/// Amount compressed, accuracy on test samples, gap to that on training samples.
type Network = (f64, f64, f64);
type Statistic = fn(&[f64], &[f64]) -> Option<f64>;

/// For each estimator and layer: the rank correlation of the amount compressed (in the plane's unit, zero where the layer
/// does not turn) with the accuracy on the test samples at the last epoch, and with the gap between training and test.
///
/// Empty for fewer than eight networks. `seed` is that of the bootstrap.
pub fn association(verdicts: &[Verdict], training: &[TrainingRow], seed: u64) -> Vec<AssociationRow> {
    let scores = last_scores(training);
    let mut layers: BTreeMap<(&str, &str, u64, &str), Vec<Network>> = BTreeMap::new();
    for verdict in verdicts {
        let Some(&(train, test)) = scores.get(verdict.run.as_str()) else { continue };
        let amount = if verdict.turns { verdict.amount } else { 0.0 };
        let key =
            (verdict.estimator.as_str(), verdict.parameters.as_str(), verdict.layer_index, verdict.layer.as_str());
        layers.entry(key).or_default().push((amount, test, train - test));
    }
    let mut rows = vec![];
    for ((estimator, parameters, layer_index, layer), networks) in layers {
        if networks.len() < FEWEST {
            continue;
        }
        let amounts: Vec<f64> = networks.iter().map(|n| n.0).collect();
        let others = [
            ("test_accuracy", networks.iter().map(|n| n.1).collect::<Vec<f64>>()),
            ("accuracy_gap", networks.iter().map(|n| n.2).collect()),
        ];
        for (against, other) in &others {
            for (statistic, of) in [("spearman", spearman as Statistic), ("kendall", kendall)] {
                let interval = bootstrap_interval(&amounts, other, None, of, RESAMPLES, 0.95, seed);
                rows.push(AssociationRow {
                    estimator: estimator.into(),
                    parameters: parameters.into(),
                    layer: layer.into(),
                    layer_index,
                    quantity: "compressed".into(),
                    against: (*against).into(),
                    statistic: statistic.into(),
                    value: of(&amounts, other),
                    ci_low: interval.map(|i| i.0),
                    ci_high: interval.map(|i| i.1),
                    n: networks.len() as u64,
                });
            }
        }
    }
    rows
}

/// Accuracies on training and test samples at the last epoch, by run.
fn last_scores(training: &[TrainingRow]) -> HashMap<&str, (f64, f64)> {
    let mut found: HashMap<&str, (u64, [Option<f64>; 2])> = HashMap::new();
    for row in training {
        let place = match row.quantity.as_str() {
            "train_accuracy" => 0,
            "test_accuracy" => 1,
            _ => continue,
        };
        let entry = found.entry(&row.run).or_default();
        if row.epoch >= entry.0 {
            entry.0 = row.epoch;
            entry.1[place] = row.value;
        }
    }
    found.into_iter().filter_map(|(run, (_, [train, test]))| Some((run, (train?, test?)))).collect()
}

/// A sentence for each estimator: in which layers compression goes with the accuracy on test samples.
pub fn association_findings(rows: &[AssociationRow]) -> Vec<String> {
    let mut estimators: Vec<(&str, &str)> =
        rows.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str())).collect();
    estimators.dedup();
    let sentence = |(estimator, parameters): (&str, &str)| {
        let own = rows.iter().filter(|r| {
            (r.estimator.as_str(), r.parameters.as_str()) == (estimator, parameters)
                && (r.against.as_str(), r.statistic.as_str()) == ("test_accuracy", "spearman")
        });
        let told: Vec<String> = own
            .clone()
            .filter_map(|r| {
                let (value, low, high) = (r.value?, r.ci_low?, r.ci_high?);
                (low > 0.0 || high < 0.0).then(|| format!("{} {value:+.2} [{low:+.2}, {high:+.2}]", r.layer))
            })
            .collect();
        let n = own.clone().next()?.n;
        let layers = if told.is_empty() { "in no layer".into() } else { format!("in {}", told.join(", ")) };
        Some(format!(
            "{estimator} ({parameters}): over {n} networks the amount compressed goes with the test accuracy {layers} \
             (Spearman's correlation, 95 % interval by the bootstrap)."
        ))
    };
    estimators.into_iter().filter_map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::{plane_row, training_table};
    use crate::plane::verdicts;
    use crate::table::quantity;

    /// Networks whose layer loses more, the higher the number; the accuracy grows with it, but for the gap.
    fn study(networks: u64) -> (Vec<Verdict>, Vec<TrainingRow>) {
        let mut plane = vec![];
        let mut training = vec![];
        for i in 0..networks {
            let run = format!("net{i}");
            // Up to 5 bits in ten checkpoints, and then down a little at a time.
            for epoch in 0..30u64 {
                let fall = epoch.saturating_sub(10) as f64 * 0.02 * (i + 3) as f64;
                let value = epoch.min(10) as f64 * 0.5 - fall;
                plane.push(plane_row(&run, epoch, 1, "a", "ksg", quantity::I_XT, Some(value)));
            }
            for mut row in training_table(1, 2, 1) {
                row.run = run.clone();
                if row.quantity == "test_accuracy" && row.epoch == 1 {
                    row.value = Some(0.5 + 0.01 * i as f64);
                }
                training.push(row);
            }
        }
        (verdicts(&plane), training)
    }

    #[test]
    fn networks_that_compress_more_and_do_better_are_seen() {
        let (verdicts, training) = study(12);
        let rows = association(&verdicts, &training, 0);
        assert_eq!(rows.len(), 4);
        assert!(rows[..2].iter().all(|r| r.value.unwrap() > 0.999 && r.n == 12), "{rows:?}");
        assert!(rows[2].value.unwrap() < -0.99, "a better test accuracy is a smaller gap: {rows:?}");
        assert!(association_findings(&rows)[0].contains("in a +1.00"), "{:?}", association_findings(&rows));
    }

    #[test]
    fn few_networks_say_nothing() {
        let (verdicts, training) = study(5);
        assert!(association(&verdicts, &training, 0).is_empty());
        assert!(association_findings(&[]).is_empty());
    }
}
