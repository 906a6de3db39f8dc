//! Whether estimators agree: on how much each layer compresses, on which layers do, and on the course of I(X;T).
//!
//! Rank correlations, because estimators differ in level and in scale. Those over layers and runs have a bootstrap
//! interval over whole runs where the group has four at least (layers of one network are not independent), else over
//! layers where there are eight items at least. Those over checkpoints follow one another in time, so that no resampling
//! of them would be honest: they are averaged over the seeds, with Student's t.

use super::phases::Verdict;
use super::seeds::{group_of, groups};
use crate::mean::Mean;
use crate::table::{AgreementRow, Labels, PlaneRow, quantity};
use narrows_estimators::correlation::{bootstrap_interval, kendall, spearman};
use std::collections::{BTreeMap, HashMap};

type Statistic = fn(&[f64], &[f64]) -> Option<f64>;

const STATISTICS: [(&str, Statistic); 2] = [("kendall", kendall), ("spearman", spearman)];
const RESAMPLES: usize = 1000;
const LEVEL: f64 = 0.95;
const FEWEST_RUNS: usize = 4;
const FEWEST_ITEMS: usize = 8;
/// Checkpoints below which an order says nothing.
const FEWEST_CHECKPOINTS: usize = 4;

/// An estimator: name and parameters.
type Estimator<'a> = (&'a str, &'a str);

/// Compares every pair of estimators within each group of runs, and over all runs where there are several groups.
/// `seed` is that of the bootstrap.
pub fn agreement(rows: &[PlaneRow], verdicts: &[Verdict], seed: u64) -> Vec<AgreementRow> {
    let estimators = estimators(verdicts);
    let groups = groups(verdicts.iter().map(|v| v.run.as_str()));
    let courses = courses(rows);
    let mut found = vec![];
    let all = (groups.len() > 1).then_some(("", groups.iter().flat_map(|g| g.1.clone()).collect()));
    for (group, runs) in groups.iter().cloned().chain(all) {
        let own: Vec<&Verdict> = verdicts.iter().filter(|v| group.is_empty() || group_of(&v.run) == group).collect();
        for (i, a) in estimators.iter().enumerate() {
            for b in &estimators[i + 1..] {
                let blank = blank(group, *a, *b);
                found.extend(of_verdicts(&blank, &paired(&own, *a, *b), &runs, seed));
                if !group.is_empty() {
                    found.extend(of_courses(&blank, &courses, &own, &runs));
                }
            }
        }
    }
    found
}

/// A sentence for each group of runs on which the estimators disagree, or agree.
///
/// With several seeds, a layer counts as compressing where it does in more than half of them.
pub fn agreement_findings(verdicts: &[Verdict]) -> Vec<String> {
    let estimators = estimators(verdicts);
    if estimators.len() < 2 {
        return vec![];
    }
    let labels = Labels::new(estimators.iter().copied());
    let groups = groups(verdicts.iter().map(|v| v.run.as_str()));
    let sentence = |(group, runs): &(&str, Vec<&str>)| {
        let mut says: Vec<(Vec<&str>, Vec<String>)> = vec![];
        let mut n_layers = 0;
        for estimator in &estimators {
            let own = verdicts.iter().filter(|v| group_of(&v.run) == *group && of(v) == *estimator);
            let mut layers: BTreeMap<(u64, &str), (u32, u32)> = BTreeMap::new();
            for v in own {
                let count = layers.entry((v.layer_index, &v.layer)).or_default();
                *count = (count.0 + u32::from(v.compresses()), count.1 + 1);
            }
            if layers.is_empty() {
                continue;
            }
            n_layers = n_layers.max(layers.len());
            let compressing: Vec<&str> =
                layers.iter().filter(|(_, (yes, all))| 2 * yes > *all).map(|((_, layer), _)| *layer).collect();
            let label = labels.of(estimator.0, estimator.1);
            match says.iter_mut().find(|(layers, _)| *layers == compressing) {
                Some((_, names)) => names.push(label),
                None => says.push((compressing, vec![label])),
            }
        }
        let which = |layers: &[&str]| match layers.len() {
            0 => "none".to_string(),
            n if n == n_layers && n > 1 => "all of them".into(),
            _ => layers.join(", "),
        };
        let seeds = if runs.len() > 1 { format!(" in most of {} seeds", runs.len()) } else { String::new() };
        match &says[..] {
            [] => None,
            [(layers, names)] if names.len() > 1 => Some(format!(
                "{group}: all {} estimators agree on the layers that compress{seeds}: {}.",
                names.len(),
                which(layers)
            )),
            [_] => None,
            _ => {
                let parts: Vec<String> =
                    says.iter().map(|(layers, names)| format!("{} by {}", which(layers), names.join(", "))).collect();
                Some(format!(
                    "{group}: the estimators disagree on the layers that compress{seeds}: {}.",
                    parts.join("; ")
                ))
            }
        }
    };
    groups.iter().filter_map(sentence).collect()
}

fn of(verdict: &Verdict) -> Estimator<'_> {
    (&verdict.estimator, &verdict.parameters)
}

fn estimators(verdicts: &[Verdict]) -> Vec<Estimator<'_>> {
    let mut found: Vec<Estimator<'_>> = vec![];
    for verdict in verdicts {
        if !found.contains(&of(verdict)) {
            found.push(of(verdict));
        }
    }
    found
}

fn blank(group: &str, a: Estimator<'_>, b: Estimator<'_>) -> AgreementRow {
    AgreementRow {
        group: group.into(),
        layer: String::new(),
        layer_index: None,
        estimator_a: a.0.into(),
        parameters_a: a.1.into(),
        estimator_b: b.0.into(),
        parameters_b: b.1.into(),
        comparison: String::new(),
        statistic: String::new(),
        value: None,
        ci_low: None,
        ci_high: None,
        n: 0,
    }
}

/// The verdicts of two estimators on the same layers of the same runs.
fn paired<'a>(verdicts: &[&'a Verdict], a: Estimator<'_>, b: Estimator<'_>) -> Vec<(&'a Verdict, &'a Verdict)> {
    let place = |v: &'a Verdict| (v.run.as_str(), v.layer_index, v.layer.as_str());
    let others: HashMap<_, &Verdict> = verdicts.iter().filter(|v| of(v) == b).map(|v| (place(v), *v)).collect();
    verdicts.iter().filter(|v| of(v) == a).filter_map(|v| Some((*v, *others.get(&place(v))?))).collect()
}

fn of_verdicts(blank: &AgreementRow, pairs: &[(&Verdict, &Verdict)], runs: &[&str], seed: u64) -> Vec<AgreementRow> {
    if pairs.is_empty() {
        return vec![];
    }
    let n = pairs.len() as u64;
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (a.amount, b.amount)).unzip();
    let clusters: Vec<usize> = pairs.iter().map(|(a, _)| runs.iter().position(|r| *r == a.run).unwrap_or(0)).collect();
    let interval = |statistic: Statistic| {
        if runs.len() >= FEWEST_RUNS {
            bootstrap_interval(&x, &y, Some(&clusters), statistic, RESAMPLES, LEVEL, seed)
        } else if pairs.len() >= FEWEST_ITEMS {
            bootstrap_interval(&x, &y, None, statistic, RESAMPLES, LEVEL, seed)
        } else {
            None
        }
    };
    let mut found: Vec<AgreementRow> = STATISTICS
        .iter()
        .map(|(name, statistic)| {
            let value = statistic(&x, &y);
            let interval = value.and_then(|_| interval(*statistic));
            AgreementRow {
                comparison: "compressed".into(),
                statistic: (*name).into(),
                value,
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
                n,
                ..blank.clone()
            }
        })
        .collect();
    let count =
        |f: fn(bool, bool) -> bool| pairs.iter().filter(|(a, b)| f(a.compresses(), b.compresses())).count() as f64;
    let verdict = |statistic: &str, value: f64| AgreementRow {
        comparison: "compresses".into(),
        statistic: statistic.into(),
        value: Some(value),
        n,
        ..blank.clone()
    };
    found.extend([
        verdict("share_agreeing", count(|a, b| a == b) / n as f64),
        verdict("only_a", count(|a, b| a && !b)),
        verdict("only_b", count(|a, b| b && !a)),
        verdict("both", count(|a, b| a && b)),
    ]);
    found
}

/// I(X;T) by checkpoint, of each run, layer and estimator.
type Courses<'a> = HashMap<(&'a str, u64, &'a str, Estimator<'a>), Vec<(&'a str, f64)>>;

fn courses(rows: &[PlaneRow]) -> Courses<'_> {
    let mut courses: Courses<'_> = HashMap::new();
    for row in rows.iter().filter(|r| r.quantity == quantity::I_XT) {
        if let Some(value) = row.value {
            let key = (
                row.run.as_str(),
                row.layer_index,
                row.layer.as_str(),
                (row.estimator.as_str(), row.parameters.as_str()),
            );
            courses.entry(key).or_default().push((&row.checkpoint, value));
        }
    }
    courses
}

fn of_courses(blank: &AgreementRow, courses: &Courses<'_>, own: &[&Verdict], runs: &[&str]) -> Vec<AgreementRow> {
    let (a, b): (Estimator<'_>, Estimator<'_>) =
        ((&blank.estimator_a, &blank.parameters_a), (&blank.estimator_b, &blank.parameters_b));
    let layers: std::collections::BTreeSet<(u64, &str)> =
        own.iter().map(|v| (v.layer_index, v.layer.as_str())).collect();
    let mut found = vec![];
    for (layer_index, layer) in layers {
        let pairs: Vec<(Vec<f64>, Vec<f64>)> = runs
            .iter()
            .filter_map(|run| {
                let second: HashMap<&str, f64> = courses.get(&(*run, layer_index, layer, b))?.iter().copied().collect();
                let shared = courses.get(&(*run, layer_index, layer, a))?.iter();
                let pair: (Vec<f64>, Vec<f64>) =
                    shared.filter_map(|(checkpoint, v)| Some((*v, *second.get(checkpoint)?))).unzip();
                (pair.0.len() >= FEWEST_CHECKPOINTS).then_some(pair)
            })
            .collect();
        for (name, statistic) in STATISTICS {
            let values: Vec<f64> = pairs.iter().filter_map(|(x, y)| statistic(x, y)).collect();
            let Some(mean) = Mean::of(&values) else { continue };
            found.push(AgreementRow {
                layer: layer.into(),
                layer_index: Some(layer_index),
                comparison: quantity::I_XT.into(),
                statistic: name.into(),
                value: Some(mean.mean),
                ci_low: mean.interval.map(|i| i.0.max(-1.0)),
                ci_high: mean.interval.map(|i| i.1.min(1.0)),
                n: values.len() as u64,
                ..blank.clone()
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::phases::verdicts;
    use super::*;
    use crate::figure::samples::plane_row;

    /// Layers of runs, each of which rises to 5 and falls by its own amount under each of two estimators.
    fn table(falls: &[(&str, &[(f64, f64)])]) -> Vec<PlaneRow> {
        let mut rows = vec![];
        for (run, layers) in falls {
            for (epoch, part) in [(0, -0.2), (1, 0.0), (2, 0.5), (3, 1.0)] {
                for (i, (a, b)) in layers.iter().enumerate() {
                    for (estimator, fall) in [("one", a), ("two", b)] {
                        let value = 5.0 - if part < 0.0 { 2.0 } else { part * fall };
                        let layer = format!("l{i}");
                        rows.push(plane_row(run, epoch, i as u64, &layer, estimator, quantity::I_XT, Some(value)));
                    }
                }
            }
        }
        rows
    }

    fn get<'a>(rows: &'a [AgreementRow], comparison: &str, statistic: &str) -> &'a AgreementRow {
        rows.iter().find(|r| r.comparison == comparison && r.statistic == statistic).unwrap()
    }

    #[test]
    fn amounts_are_compared_in_their_order_and_verdicts_by_count() {
        let rows = table(&[("r", &[(1.0, 0.4), (2.0, 0.8), (3.0, 0.6), (0.0, 0.0)])]);
        let verdicts = verdicts(&rows);
        let found = agreement(&rows, &verdicts, 0);
        let tau = get(&found, "compressed", "kendall");
        // Five of six pairs of layers are in one order.
        assert!((tau.value.unwrap() - 4.0 / 6.0).abs() < 1e-12 && tau.n == 4 && tau.ci_low.is_none());
        assert_eq!(get(&found, "compresses", "share_agreeing").value, Some(1.0));
        assert_eq!(get(&found, "compresses", "both").value, Some(3.0));
        let course = get(&found, quantity::I_XT, "spearman");
        assert!((course.value.unwrap() - 1.0).abs() < 1e-12 && course.layer == "l0");
        assert_eq!(
            agreement_findings(&verdicts),
            ["r: all 2 estimators agree on the layers that compress: l0, l1, l2."]
        );
    }

    #[test]
    fn disagreement_is_said_with_who_says_what() {
        let rows = table(&[("r-seed1", &[(1.0, 0.0), (2.0, 0.0)]), ("r-seed2", &[(1.0, 0.0), (0.0, 0.0)])]);
        let verdicts = verdicts(&rows);
        assert_eq!(
            agreement_findings(&verdicts),
            ["r: the estimators disagree on the layers that compress in most of 2 seeds: l0 by one; none by two."]
        );
        let found = agreement(&rows, &verdicts, 0);
        assert_eq!(
            (get(&found, "compresses", "only_a").value, get(&found, "compressed", "kendall").value),
            (Some(3.0), None)
        );
    }

    #[test]
    fn runs_are_the_clusters_where_there_are_enough() {
        let layers = [(1.0, 0.5), (2.0, 0.4), (3.0, 1.9)];
        let names: Vec<String> = (0..5).map(|i| format!("r-seed{i}")).collect();
        let falls: Vec<(&str, &[(f64, f64)])> = names.iter().map(|n| (n.as_str(), &layers[..])).collect();
        let rows = table(&falls);
        let found = agreement(&rows, &verdicts(&rows), 3);
        let tau = get(&found, "compressed", "kendall");
        // All runs are alike: whichever are drawn, the correlation is the same.
        assert_eq!((tau.ci_low, tau.ci_high, tau.n), (tau.value, tau.value, 15));
        let several = agreement(&table(&[("a", &layers[..]), ("b", &layers[..])]), &[], 0);
        assert!(several.is_empty());
    }
}
