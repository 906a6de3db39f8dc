//! Runs that differ by their seed alone, and what they have in common.

use crate::mean::Mean;
use crate::table::{MeanRow, PhaseRow, PlaneRow, phase};
use narrows_probes::metrics::wilson;
use std::collections::HashMap;
use std::hash::Hash;

/// The group of a run: its name without `-seedN` at the end, as `narrows train` names the runs of several seeds.
///
/// The number is not compared with the seed of the table: of checkpoints that do not say what trained them, the table
/// has the seed of the analysis.
pub fn group_of(run: &str) -> &str {
    match run.rsplit_once("-seed") {
        Some((group, seed)) if !group.is_empty() && !seed.is_empty() && seed.bytes().all(|b| b.is_ascii_digit()) => {
            group
        }
        _ => run,
    }
}

/// Groups in the order of their first run, each with its runs.
pub fn groups<'a>(runs: impl Iterator<Item = &'a str>) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = vec![];
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for run in runs {
        if !seen.insert(run) {
            continue;
        }
        let group = group_of(run);
        let place = *places.entry(group).or_insert_with(|| {
            found.push((group, vec![]));
            found.len() - 1
        });
        found[place].1.push(run);
    }
    found
}

/// Means of the plane over the seeds of each group, for every epoch, layer, estimator and quantity that two runs of the
/// group at least have. Checkpoints without an epoch are left out.
pub fn plane_means(rows: &[PlaneRow]) -> Vec<MeanRow> {
    let key = |r: &PlaneRow| {
        Some((
            group_of(&r.run).to_string(),
            r.epoch?,
            r.layer_index,
            r.layer.clone(),
            r.estimator.clone(),
            r.parameters.clone(),
            r.quantity.clone(),
        ))
    };
    let gathered = gather(rows.iter().filter_map(|r| Some((key(r)?, r, r.value?))));
    gathered
        .into_iter()
        .filter(|(.., values)| values.len() > 1)
        .filter_map(|((group, epoch, layer_index, layer, estimator, parameters, quantity), row, values)| {
            let Mean { mean, std, interval } = Mean::of(&values)?;
            Some(MeanRow {
                group,
                epoch: Some(epoch),
                layer,
                layer_index: Some(layer_index),
                estimator,
                parameters,
                quantity,
                mean,
                std,
                n_seeds: values.len() as u64,
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
                unit: row.unit.clone(),
            })
        })
        .collect()
}

/// Means of the phases over the seeds of each group of two runs at least. Of `compresses` the mean is the share of seeds
/// in which the layer does, with Wilson's interval; of epochs, over the seeds that have one.
pub fn phase_means(rows: &[PhaseRow]) -> Vec<MeanRow> {
    let many: Vec<&str> =
        groups(rows.iter().map(|r| r.run.as_str())).into_iter().filter(|g| g.1.len() > 1).map(|g| g.0).collect();
    let key = |r: &PhaseRow| {
        (
            group_of(&r.run).to_string(),
            r.estimator.clone(),
            r.parameters.clone(),
            r.layer_index,
            r.layer.clone(),
            r.quantity.clone(),
        )
    };
    let gathered =
        gather(rows.iter().filter(|r| many.contains(&group_of(&r.run))).filter_map(|r| Some((key(r), r, r.value?))));
    gathered
        .into_iter()
        .filter_map(|((group, estimator, parameters, layer_index, layer, quantity), row, values)| {
            let Mean { mean, std, mut interval } = Mean::of(&values)?;
            if quantity == phase::COMPRESSES {
                let compressing = values.iter().filter(|v| **v > 0.5).count();
                interval = Some(wilson(compressing, values.len()));
            }
            Some(MeanRow {
                group,
                epoch: None,
                layer,
                layer_index,
                estimator,
                parameters,
                quantity,
                mean,
                std,
                n_seeds: values.len() as u64,
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
                unit: row.unit.clone(),
            })
        })
        .collect()
}

/// The values of each key, in the order of the keys' first appearance, with the first row of each.
fn gather<'a, K: Hash + Eq + Clone, R>(items: impl Iterator<Item = (K, &'a R, f64)>) -> Vec<(K, &'a R, Vec<f64>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut found: Vec<(K, &R, Vec<f64>)> = vec![];
    for (key, row, value) in items.filter(|(.., value)| value.is_finite()) {
        let place = *places.entry(key.clone()).or_insert_with(|| {
            found.push((key, row, vec![]));
            found.len() - 1
        });
        found[place].2.push(value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_row;
    use crate::table::quantity;

    #[test]
    fn a_group_is_the_name_without_the_seed() {
        assert_eq!(
            ["tanh-seed12", "tanh", "-seed1", "a-seed", "a-seedx", "a-seed1-seed2"].map(group_of),
            ["tanh", "tanh", "-seed1", "a-seed", "a-seedx", "a-seed1"]
        );
        let found = groups(["b-seed1", "a", "b-seed2", "b-seed1"].into_iter());
        assert_eq!(found, [("b", vec!["b-seed1", "b-seed2"]), ("a", vec!["a"])]);
    }

    #[test]
    fn means_have_their_spread_and_students_interval() {
        let row = |run: &str, epoch, v| plane_row(run, epoch, 1, "a", "kde", quantity::I_XT, Some(v));
        let rows = [
            row("a-seed1", 0, 1.0),
            row("a-seed2", 0, 2.0),
            row("a-seed3", 0, 4.5),
            row("a-seed1", 1, 9.0),
            row("b", 0, 7.0),
        ];
        let found = plane_means(&rows);
        assert_eq!(found.len(), 1, "one run alone has no mean");
        let mean = &found[0];
        assert_eq!((mean.group.as_str(), mean.mean, mean.n_seeds, mean.epoch), ("a", 2.5, 3, Some(0)));
        // scipy.stats.t.interval(0.95, 2, loc=2.5, scale=1.8027756/sqrt(3)).
        assert!((mean.std.unwrap() - 1.8027756377319946).abs() < 1e-12);
        assert!(
            (mean.ci_low.unwrap() + 1.978343).abs() < 1e-5 && (mean.ci_high.unwrap() - 6.978343).abs() < 1e-5,
            "{mean:?}"
        );
    }

    #[test]
    fn the_share_that_compresses_stays_a_share() {
        let row = |run: &str, value, q: &str| PhaseRow {
            run: run.into(),
            seed: None,
            estimator: "kde".into(),
            parameters: String::new(),
            layer: "a".into(),
            layer_index: Some(1),
            quantity: q.into(),
            value,
            unit: "share".into(),
            std_error: None,
            epoch: None,
            flags: String::new(),
        };
        let rows = [
            row("a-seed1", Some(1.0), phase::COMPRESSES),
            row("a-seed2", Some(1.0), phase::COMPRESSES),
            row("a-seed1", Some(30.0), phase::TURNING_EPOCH),
            row("a-seed2", None, phase::TURNING_EPOCH),
            row("b", Some(1.0), phase::COMPRESSES),
        ];
        let found = phase_means(&rows);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].mean, found[0].n_seeds, found[1].n_seeds), (1.0, 2, 1));
        // Wilson's interval of 2 of 2: from 1/(1 + z²/2).
        assert!(
            (found[0].ci_low.unwrap() - 0.34238).abs() < 1e-4 && (found[0].ci_high.unwrap() - 1.0).abs() < 1e-9,
            "{found:?}"
        );
        assert_eq!(found[1].std, None);
    }
}
