//! One layer through the training of one run, as one estimator sees it; and what smooths such a series.

use crate::table::{PlaneRow, flags, quantity};
use std::collections::HashMap;

/// A number with its standard error, 0 where the method has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// What was measured at one checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point<'a> {
    pub(super) checkpoint: &'a str,
    pub(super) epoch: Option<u64>,
    /// I(X;T).
    pub(super) input: Option<Number>,
    /// I(T;Y).
    pub(super) target: Option<Number>,
    /// Whether I(X;T) is at its ceiling.
    pub(super) saturated: bool,
}

/// The checkpoints of one layer, in the order of the training.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track<'a> {
    /// A row of it: its run, layer and estimator.
    pub(super) of: &'a PlaneRow,
    pub(super) points: Vec<Point<'a>>,
}

/// The table as tracks, in the order of their first appearance.
pub(super) fn tracks(rows: &[PlaneRow]) -> Vec<Track<'_>> {
    let mut places: HashMap<(&str, &str, &str, u64, &str), usize> = HashMap::new();
    let mut tracks: Vec<Track<'_>> = Vec::new();
    for row in rows {
        let key =
            (row.run.as_str(), row.estimator.as_str(), row.parameters.as_str(), row.layer_index, row.layer.as_str());
        let place = *places.entry(key).or_insert_with(|| {
            tracks.push(Track { of: row, points: vec![] });
            tracks.len() - 1
        });
        let points = &mut tracks[place].points;
        // Rows of one checkpoint follow each other.
        if points.last().is_none_or(|p| p.checkpoint != row.checkpoint || p.epoch != row.epoch) {
            points.push(Point {
                checkpoint: &row.checkpoint,
                epoch: row.epoch,
                input: None,
                target: None,
                saturated: false,
            });
        }
        let Some(point) = points.last_mut() else { continue };
        let number =
            row.value.filter(|v| v.is_finite()).map(|value| Number { value, error: row.std_error.unwrap_or(0.0) });
        match row.quantity.as_str() {
            quantity::I_XT => {
                point.input = number;
                point.saturated = row.flags.split(';').any(|f| f == flags::SATURATED);
            }
            quantity::I_TY => point.target = number,
            _ => {}
        }
    }
    for track in &mut tracks {
        if track.points.iter().all(|p| p.epoch.is_some()) {
            track.points.sort_by_key(|p| p.epoch);
        }
    }
    tracks
}

/// Where a series stands in time: log(1 + epoch), for most happens early; the order where epochs are not known.
pub(super) fn times(epochs: &[Option<u64>]) -> Vec<f64> {
    match epochs.iter().copied().collect::<Option<Vec<u64>>>() {
        Some(known) => known.into_iter().map(|e| (e as f64).ln_1p()).collect(),
        None => (0..epochs.len()).map(|i| i as f64).collect(),
    }
}

/// The median of each value and of those up to `half` places before and after; windows are cut at the ends of the
/// series, on both sides alike where `even` is set, so that the ends stay what they are.
pub(super) fn running_median(values: &[f64], half: impl Fn(usize) -> usize, even: bool) -> Vec<f64> {
    let n = values.len();
    (0..n)
        .map(|i| {
            let (before, after) = (half(i).min(i), half(i).min(n - 1 - i));
            let (before, after) = if even { (before.min(after), before.min(after)) } else { (before, after) };
            median(&mut values[i - before..=i + after].to_vec())
        })
        .collect()
}

/// The median; the mean of the middle two of an even number.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { (values[n / 2 - 1] + values[n / 2]) / 2.0 }
}

/// Standard deviation of the scatter about a smooth course: the median of the absolute deviations of each value from
/// the line between its neighbours, scaled to unit variance (the pseudo-residuals of "Residual variance and residual
/// pattern in nonlinear regression", Gasser, Sroka & Jennen-Steinmetz 1986). Zero for fewer than three values.
pub(super) fn scatter(times: &[f64], values: &[f64]) -> f64 {
    let mut residuals: Vec<f64> = (1..values.len().saturating_sub(1))
        .map(|i| {
            let span = times[i + 1] - times[i - 1];
            let a = if span > 0.0 { (times[i + 1] - times[i]) / span } else { 0.5 };
            let b = 1.0 - a;
            (a * values[i - 1] + b * values[i + 1] - values[i]).abs() / (a * a + b * b + 1.0).sqrt()
        })
        .collect();
    if residuals.is_empty() { 0.0 } else { 1.4826 * median(&mut residuals) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_row;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        StandardNormal.sample(rng)
    }

    #[test]
    fn rows_become_tracks_in_the_order_of_epochs() {
        let rows = [
            plane_row("r", 5, 1, "a", "kde", quantity::I_XT, Some(2.0)),
            plane_row("r", 5, 1, "a", "kde", quantity::I_TY, Some(0.5)),
            plane_row("r", 1, 1, "a", "kde", quantity::I_XT, Some(1.0)),
            plane_row("r", 1, 2, "b", "kde", quantity::I_XT, None),
        ];
        let found = tracks(&rows);
        assert_eq!(found.len(), 2);
        let epochs: Vec<_> = found[0].points.iter().map(|p| (p.epoch, p.input.map(|n| n.value))).collect();
        assert_eq!(epochs, [(Some(1), Some(1.0)), (Some(5), Some(2.0))]);
        assert_eq!((found[0].points[1].target.unwrap().value, found[1].points[0].input), (0.5, None));
    }

    #[test]
    fn one_value_that_stands_out_does_not_pass() {
        let values = [1.0, 2.0, 9.0, 4.0, 5.0];
        assert_eq!(running_median(&values, |_| 1, true), [1.0, 2.0, 4.0, 5.0, 5.0]);
        assert_eq!(running_median(&values, |_| 1, false), [1.5, 2.0, 4.0, 5.0, 4.5]);
    }

    #[test]
    fn a_straight_course_has_no_scatter_and_noise_has_its_own() {
        let times: Vec<f64> = (0..400).map(|i| f64::from(i * i)).collect();
        let line: Vec<f64> = times.iter().map(|t| 3.0 - 0.5 * t).collect();
        assert!(scatter(&times, &line) < 1e-9);
        assert_eq!(scatter(&times[..2], &line[..2]), 0.0);
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let noisy: Vec<f64> = line.iter().map(|v| v + 2.0 * normal(rng)).collect();
        let found = scatter(&times, &noisy);
        assert!((1.7..2.3).contains(&found), "{found}");
    }
}
