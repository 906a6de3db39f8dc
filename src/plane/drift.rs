//! Drift and diffusion: where the noise of a layer's gradients overtakes their mean.
//!
//! The signal-to-noise ratio of an epoch is the norm of the minibatch gradients' mean over the norm of their standard
//! deviation. It scatters from epoch to epoch and may cross 1 many times. Two change points are told: the first epoch from
//! which a running median of the ratio (over the epochs within 5 % of it to both sides, two at least and 50 at most) stays
//! below 1 to the end; and the place of the drop when log ratio is fitted by one constant before and another after,
//! each epoch weighted by its share of log(1 + epoch), which needs no level.

use super::track::running_median;
use crate::table::{GradientRow, PhaseRow, phase, phase_flags};
use std::collections::HashMap;

/// The change from drift to diffusion of one layer of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Name of the run.
    pub run: String,
    /// Seed of the run.
    pub seed: Option<u64>,
    /// Layer name.
    pub layer: String,
    /// Position of the layer from 1.
    pub layer_index: Option<u64>,
    /// Epoch and value of the largest running median of the ratio.
    pub largest: (u64, f64),
    /// Last epoch, and the running median there.
    pub last: (u64, f64),
    /// First epoch from which the running median stays below 1.
    pub diffusion_epoch: Option<u64>,
    /// First epoch after the drop of a two-constant fit; `None` where the ratio does not drop or has fewer than six epochs.
    pub drop_epoch: Option<u64>,
    /// Whether the running median was never at 1 or above.
    pub below_from_start: bool,
    /// Whether single epochs after the change have a ratio of 1 or more.
    pub crosses_again: bool,
}

/// The change of each layer of each run whose gradients were logged, in the order of the table.
pub fn drifts(rows: &[GradientRow]) -> Vec<Drift> {
    let mut places: HashMap<(&str, &str, Option<u64>), usize> = HashMap::new();
    let mut series: Vec<(&GradientRow, Vec<(u64, f64)>)> = vec![];
    for row in rows.iter().filter(|r| r.quantity == GradientRow::SNR && !r.layer.is_empty()) {
        let Some(value) = row.value.filter(|v| v.is_finite() && *v > 0.0) else { continue };
        let place = *places.entry((&row.run, &row.layer, row.layer_index)).or_insert_with(|| {
            series.push((row, vec![]));
            series.len() - 1
        });
        series[place].1.push((row.epoch, value));
    }
    series.into_iter().map(|(row, points)| drift(row, points)).collect()
}

fn drift(row: &GradientRow, mut points: Vec<(u64, f64)>) -> Drift {
    points.sort_by_key(|(epoch, _)| *epoch);
    let times: Vec<f64> = points.iter().map(|(epoch, _)| (*epoch as f64).ln_1p()).collect();
    let logs: Vec<f64> = points.iter().map(|(_, v)| v.ln()).collect();
    let n = points.len();
    let half = |i: usize| {
        let near = |t: f64| (t - times[i]).abs() <= 0.05;
        let before = i - times.partition_point(|t| *t < times[i] && !near(*t));
        let after = times.partition_point(|t| *t <= times[i] || near(*t)) - 1 - i;
        before.max(after).clamp(2, 50)
    };
    let smooth: Vec<f64> = running_median(&logs, half, false);
    let largest = (0..n).fold(0, |best, i| if smooth[i] > smooth[best] { i } else { best });
    let above = (0..n).rfind(|&i| smooth[i] >= 0.0);
    let change = above.map_or(Some(0), |i| (i + 1 < n).then_some(i + 1));
    Drift {
        run: row.run.clone(),
        seed: row.seed,
        layer: row.layer.clone(),
        layer_index: row.layer_index,
        largest: (points[largest].0, smooth[largest].exp()),
        last: (points[n - 1].0, smooth[n - 1].exp()),
        diffusion_epoch: change.map(|i| points[i].0),
        drop_epoch: two_constants(&times, &logs).map(|i| points[i].0),
        below_from_start: above.is_none(),
        crosses_again: change.is_some_and(|i| logs[i..].iter().any(|v| *v >= 0.0)),
    }
}

/// Where the second of two constants begins that fit the values best by weighted least squares; `None` when the second
/// is not the lower one.
fn two_constants(times: &[f64], values: &[f64]) -> Option<usize> {
    const LEAST: usize = 3;
    let n = values.len();
    if n < 2 * LEAST {
        return None;
    }
    // Each value stands for half of the way to either neighbour.
    let weight = |i: usize| (times[(i + 1).min(n - 1)] - times[i.saturating_sub(1)]).max(1e-12) / 2.0;
    let (mut sums, mut total) = (vec![(0.0, 0.0)], (0.0, 0.0));
    for (i, v) in values.iter().enumerate() {
        total = (total.0 + weight(i), total.1 + weight(i) * v);
        sums.push(total);
    }
    // The sum of squares between the two parts is what the fit explains.
    let explained = |k: usize| {
        let ((w1, s1), (w2, s2)) = (sums[k], (total.0 - sums[k].0, total.1 - sums[k].1));
        (s1 / w1, s2 / w2, s1 * s1 / w1 + s2 * s2 / w2)
    };
    let best = (LEAST..=n - LEAST).max_by(|a, b| explained(*a).2.total_cmp(&explained(*b).2))?;
    let (before, after, _) = explained(best);
    (after < before - 1e-12).then_some(best)
}

/// The changes as rows of the table of phases.
pub fn drift_rows(drifts: &[Drift]) -> Vec<PhaseRow> {
    drifts
        .iter()
        .flat_map(|d| {
            let mut flags = vec![];
            if d.below_from_start {
                flags.push(phase_flags::BELOW_FROM_START);
            }
            if d.crosses_again {
                flags.push(phase_flags::CROSSES_AGAIN);
            }
            let row = |quantity: &str, value: Option<f64>, unit: &str, epoch: Option<u64>| PhaseRow {
                run: d.run.clone(),
                seed: d.seed,
                estimator: String::new(),
                parameters: String::new(),
                layer: d.layer.clone(),
                layer_index: d.layer_index,
                quantity: quantity.into(),
                value,
                unit: unit.into(),
                std_error: None,
                epoch,
                flags: flags.join(";"),
            };
            let epoch = |quantity, epoch: Option<u64>| row(quantity, epoch.map(|e| e as f64), "epoch", epoch);
            [
                row(phase::SNR_LARGEST, Some(d.largest.1), "ratio", Some(d.largest.0)),
                row(phase::SNR_LAST, Some(d.last.1), "ratio", Some(d.last.0)),
                epoch(phase::DIFFUSION_EPOCH, d.diffusion_epoch),
                epoch(phase::SNR_DROP_EPOCH, d.drop_epoch),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ratios: impl IntoIterator<Item = (u64, f64)>) -> Drift {
        let rows: Vec<GradientRow> = ratios
            .into_iter()
            .map(|(epoch, value)| GradientRow {
                run: "r".into(),
                seed: Some(1),
                epoch,
                layer: "hidden1".into(),
                layer_index: Some(1),
                quantity: GradientRow::SNR.into(),
                value: Some(value),
                unit: "ratio".into(),
            })
            .collect();
        drifts(&rows).remove(0)
    }

    #[test]
    fn the_change_is_found_in_spite_of_crossings() {
        // Four above 1 until epoch 99, a quarter from 100 on, with single epochs on the other side.
        let ratio = |e: u64| match e {
            40 | 70 => 0.5,
            150 | 300 => 2.0,
            e if e < 100 => 4.0,
            _ => 0.25,
        };
        let found = of((1..=500).map(|e| (e, ratio(e))));
        assert_eq!((found.diffusion_epoch, found.drop_epoch), (Some(100), Some(100)));
        assert!(found.crosses_again && !found.below_from_start);
        assert_eq!((found.largest.1, found.last), (4.0, (500, 0.25)));
        let rows = drift_rows(&[found]);
        assert_eq!((rows.len(), rows[2].value, rows[2].flags.as_str()), (4, Some(100.0), "crosses_again"));
    }

    #[test]
    fn sparse_epochs_are_fitted_evenly_in_their_logarithm() {
        let epochs = [1, 2, 3, 5, 8, 12, 20, 50, 100, 300, 1000, 3000];
        let found = of(epochs.map(|e| (e, if e < 15 { 3.0 } else { 0.3 })));
        assert_eq!((found.diffusion_epoch, found.drop_epoch), (Some(20), Some(20)));
    }

    #[test]
    fn a_ratio_that_never_falls_or_was_never_up_is_said_so() {
        let found = of((1..=50).map(|e| (e, 2.0 + e as f64)));
        assert_eq!((found.diffusion_epoch, found.drop_epoch), (None, None));
        let found = of((1..=50).map(|e| (e, 0.5)));
        assert_eq!((found.diffusion_epoch, found.below_from_start), (Some(1), true));
        let found = of((1..=2).map(|e| (e, 1.5)));
        assert_eq!((found.diffusion_epoch, found.drop_epoch, found.last), (None, None, (2, 1.5)));
    }
}
