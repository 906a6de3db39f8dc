//! The two phases of a layer: I(X;T) grows while the layer fits, and falls while it compresses ("Opening the black box of
//! deep neural networks via information", Shwartz-Ziv & Tishby 2017).
//!
//! One noisy checkpoint must not decide. The peak is that of a running median over the checkpoints in the order of
//! their epochs (of five, of three where there are fewer than 15, of one where there are fewer than five; shorter at the
//! ends). It is a turning point when I(X;T) at the last checkpoint, and the median of it at the last three, lie below the
//! peak by more than 1.96 standard errors of a difference: those of the two estimates, and of the scatter between
//! neighbouring checkpoints, taken together. Of noise that is independent from
//! checkpoint to checkpoint less than one series in twenty turns by this rule; slow wandering counts as course. Fewer than six
//! checkpoints do not tell scatter from course: there the errors of the estimates alone decide, and the rows are flagged.

use super::track::{Number, Point, Track, median, running_median, scatter, times, tracks};
use crate::table::{PhaseRow, PlaneRow, phase, phase_flags};

/// A layer compresses when it turns, and loses at least this share of its largest I(X;T) by the last checkpoint.
pub const COMPRESSION_SHARE: f64 = 0.05;

/// Checkpoints from which their scatter can be told from their course.
const FEWEST: usize = 6;

/// A value at an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Epoch, when known.
    pub epoch: Option<u64>,
    /// In the unit of the table.
    pub value: f64,
}

/// What one estimator says of the phases of one layer of one run. Amounts are in the unit of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Name of the run.
    pub run: String,
    /// Seed in the plane's table.
    pub seed: u64,
    /// Estimator name.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// Layer name.
    pub layer: String,
    /// Position of the layer from 1.
    pub layer_index: u64,
    /// `bits` or `nats`.
    pub unit: String,
    /// I(X;T) at the first checkpoint.
    pub first: Moment,
    /// The largest running median of I(X;T); of equal ones beside each other that of the largest value, else the first.
    pub peak: Moment,
    /// I(X;T) at the last checkpoint.
    pub last: Moment,
    /// Whether the peak is a turning point: the fall after it is more than noise explains.
    pub turns: bool,
    /// The last checkpoint whose running median cannot be told from the peak; where the layer turns.
    pub falling_from: Option<Moment>,
    /// Peak less last: what is compressed, or a little of nothing where the layer does not turn.
    pub amount: f64,
    /// Standard error of the amount.
    pub amount_error: f64,
    /// The amount over the peak; 0 where the peak is not above 0.
    pub share: f64,
    /// I(T;Y) at the first checkpoint.
    pub target_first: Option<f64>,
    /// I(T;Y) at the checkpoint of the peak.
    pub target_at_peak: Option<f64>,
    /// I(T;Y) at the last checkpoint.
    pub target_last: Option<f64>,
    /// Whether the peak is at the ceiling log N.
    pub saturated: bool,
    /// Whether the first checkpoint is the peak.
    pub peak_at_first: bool,
    /// Whether there were too few checkpoints to know their scatter.
    pub few_checkpoints: bool,
}

impl Verdict {
    /// Whether the layer compresses: it turns, and loses a twentieth of its peak at least.
    pub fn compresses(&self) -> bool {
        self.turns && self.share >= COMPRESSION_SHARE
    }

    /// Epoch of the turning point.
    pub fn turning_epoch(&self) -> Option<u64> {
        self.peak.epoch.filter(|_| self.turns)
    }
}

/// The verdict of each estimator on each layer of each run that has two checkpoints at least, in the order of the table.
pub fn verdicts(rows: &[PlaneRow]) -> Vec<Verdict> {
    tracks(rows).iter().filter_map(verdict).collect()
}

fn verdict(track: &Track<'_>) -> Option<Verdict> {
    let points: Vec<(&Point, Number)> = track.points.iter().filter_map(|p| Some((p, p.input?))).collect();
    let n = points.len();
    if n < 2 {
        return None;
    }
    let values: Vec<f64> = points.iter().map(|(_, number)| number.value).collect();
    let epochs: Vec<Option<u64>> = points.iter().map(|(p, _)| p.epoch).collect();
    let half = match n {
        0..5 => 0,
        5..15 => 1,
        _ => 2,
    };
    let smooth = running_median(&values, |_| half, true);
    let highest = (0..n).fold(0, |best, i| if smooth[i] > smooth[best] { i } else { best });
    // Neighbouring windows often share their median: of these checkpoints the one with the largest value is the peak.
    let tied = (highest..n.min(highest + half + 1)).take_while(|&i| smooth[i] == smooth[highest]);
    let at = tied.fold(highest, |best, i| if values[i] > values[best] { i } else { best });
    let (peak, last) = (smooth[at], values[n - 1]);
    let noise = if n < FEWEST { 0.0 } else { scatter(&times(&epochs), &values) };
    let errors = points[at].1.error.hypot(points[n - 1].1.error);
    let amount_error = errors.hypot(std::f64::consts::SQRT_2 * noise);
    // Estimates that are equal but for rounding do not fall.
    let bound = 1.96 * amount_error + 1e-9 * peak.abs().max(1.0);
    let ending = if n < 5 { last } else { median(&mut values[n - 3..].to_vec()).max(last) };
    let turns = peak - ending > bound;
    let falling_from = (0..n).rfind(|&i| peak - smooth[i] <= bound).filter(|_| turns);
    let moment = |i: usize, value: f64| Moment { epoch: epochs[i], value };
    Some(Verdict {
        run: track.of.run.clone(),
        seed: track.of.seed,
        estimator: track.of.estimator.clone(),
        parameters: track.of.parameters.clone(),
        layer: track.of.layer.clone(),
        layer_index: track.of.layer_index,
        unit: track.of.unit.clone(),
        first: moment(0, values[0]),
        peak: moment(at, peak),
        last: moment(n - 1, last),
        turns,
        falling_from: falling_from.map(|i| moment(i, smooth[i])),
        amount: peak - last,
        amount_error,
        share: if peak > 0.0 { (peak - last) / peak } else { 0.0 },
        target_first: points[0].0.target.map(|t| t.value),
        target_at_peak: points[at].0.target.map(|t| t.value),
        target_last: points[n - 1].0.target.map(|t| t.value),
        saturated: points[at].0.saturated,
        peak_at_first: at == 0,
        few_checkpoints: n < FEWEST,
    })
}

/// The verdicts as rows of the table of phases.
pub fn phase_rows(verdicts: &[Verdict]) -> Vec<PhaseRow> {
    verdicts.iter().flat_map(rows_of).collect()
}

fn rows_of(v: &Verdict) -> Vec<PhaseRow> {
    let mut flags = vec![];
    if v.peak_at_first {
        flags.push(phase_flags::PEAK_AT_FIRST);
    }
    if v.saturated {
        flags.push(phase_flags::SATURATED);
    }
    if v.few_checkpoints {
        flags.push(phase_flags::FEW_CHECKPOINTS);
    }
    let flags = flags.join(";");
    let row = |quantity: &str, value: Option<f64>, unit: &str, epoch: Option<u64>| PhaseRow {
        run: v.run.clone(),
        seed: Some(v.seed),
        estimator: v.estimator.clone(),
        parameters: v.parameters.clone(),
        layer: v.layer.clone(),
        layer_index: Some(v.layer_index),
        quantity: quantity.into(),
        value: value.filter(|v| v.is_finite()),
        unit: unit.into(),
        std_error: None,
        epoch,
        flags: flags.clone(),
    };
    let unit = v.unit.as_str();
    let moment = |quantity, m: Moment| row(quantity, Some(m.value), unit, m.epoch);
    let epoch = |quantity, epoch: Option<u64>| row(quantity, epoch.map(|e| e as f64), "epoch", epoch);
    vec![
        moment(phase::INPUT_FIRST, v.first),
        moment(phase::INPUT_PEAK, v.peak),
        moment(phase::INPUT_LAST, v.last),
        row(phase::TARGET_AT_PEAK, v.target_at_peak, unit, v.peak.epoch),
        row(phase::TARGET_LAST, v.target_last, unit, v.last.epoch),
        epoch(phase::TURNING_EPOCH, v.turning_epoch()),
        epoch(phase::FALLING_FROM, v.falling_from.and_then(|m| m.epoch)),
        PhaseRow { std_error: Some(v.amount_error), ..row(phase::COMPRESSED, Some(v.amount), unit, v.last.epoch) },
        row(phase::COMPRESSED_SHARE, Some(v.share), "share", v.last.epoch),
        row(phase::COMPRESSES, Some(f64::from(u8::from(v.compresses()))), "share", v.last.epoch),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_row;
    use crate::table::quantity;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    fn of(values: &[f64]) -> Verdict {
        let rows: Vec<PlaneRow> = values
            .iter()
            .enumerate()
            .map(|(e, v)| plane_row("r", e as u64, 1, "a", "kde", quantity::I_XT, Some(*v)))
            .collect();
        verdicts(&rows).remove(0)
    }

    #[test]
    fn the_peak_turns_and_what_is_lost_is_told() {
        let found = of(&[2.0, 3.0, 4.0, 3.5]);
        assert!(found.turns && found.compresses());
        assert_eq!((found.turning_epoch(), found.peak.value, found.amount, found.share), (Some(2), 4.0, 0.5, 0.125));
        assert_eq!((found.first.value, found.last.value), (2.0, 3.5));
    }

    #[test]
    fn growth_has_no_turning_point_and_a_small_loss_is_no_compression() {
        let found = of(&[1.0, 2.0, 3.0, 4.0]);
        assert!(!found.turns && found.turning_epoch().is_none() && found.falling_from.is_none());
        let found = of(&[3.0, 4.0, 3.9]);
        assert!(found.turns && !found.compresses());
        let found = of(&[4.0, 3.0, 2.0]);
        assert!(found.compresses() && found.peak_at_first);
        assert_eq!(found.turning_epoch(), Some(0));
    }

    #[test]
    fn one_checkpoint_that_stands_out_is_not_the_peak() {
        let mut values: Vec<f64> = (0..30).map(|i| 5.0 - (f64::from(i) - 10.0).abs() / 10.0).collect();
        values[20] = 9.0;
        let found = of(&values);
        assert!(found.peak.epoch.unwrap().abs_diff(10) <= 1 && found.peak.value <= 5.0, "{found:?}");
    }

    #[test]
    fn the_end_of_a_plateau_is_where_it_falls_from() {
        let values: Vec<f64> =
            (0..40).map(|i| if i < 5 { f64::from(i) } else { 5.0 - 0.2 * (i - 25).max(0) as f64 }).collect();
        let found = of(&values);
        assert_eq!(found.turning_epoch(), Some(5));
        assert!((25..=28).contains(&found.falling_from.unwrap().epoch.unwrap()), "{:?}", found.falling_from);
    }

    #[test]
    fn standard_errors_forbid_a_turn_that_they_explain() {
        let mut rows: Vec<PlaneRow> = [1.0, 4.0, 3.0]
            .iter()
            .enumerate()
            .map(|(e, v)| plane_row("r", e as u64, 1, "a", "kde", quantity::I_XT, Some(*v)))
            .collect();
        rows.iter_mut().for_each(|r| r.std_error = Some(0.5));
        assert!(!verdicts(&rows)[0].turns);
        rows.iter_mut().for_each(|r| r.std_error = Some(0.1));
        let errors = verdicts(&rows)[0].amount_error;
        assert!(errors > 0.14, "{errors}");
        rows.truncate(1);
        assert!(verdicts(&rows).is_empty());
    }

    #[test]
    fn noise_turns_less_than_once_in_twenty() {
        let rng = &mut ChaCha8Rng::seed_from_u64(7);
        for n in [6, 20, 60] {
            let turned = (0..300)
                .filter(|_| {
                    let values: Vec<f64> = (0..n)
                        .map(|_| {
                            5.0 + 0.3 * {
                                let z: f64 = StandardNormal.sample(rng);
                                z
                            }
                        })
                        .collect();
                    of(&values).turns
                })
                .count();
            assert!(turned <= 24, "{turned} of 300 with {n} checkpoints");
        }
    }

    #[test]
    fn a_row_a_number() {
        let rows = phase_rows(&[of(&[2.0, 4.0, 4.0])]);
        let get = |q: &str| rows.iter().find(|r| r.quantity == q).unwrap();
        assert_eq!(get(phase::TURNING_EPOCH).value, None);
        assert_eq!((get(phase::INPUT_PEAK).value, get(phase::INPUT_PEAK).epoch), (Some(4.0), Some(1)));
        assert_eq!(get(phase::COMPRESSES).value, Some(0.0));
        assert_eq!((get(phase::COMPRESSED).value, get(phase::COMPRESSED).std_error), (Some(0.0), Some(0.0)));
        assert_eq!(get(phase::COMPRESSED).flags, "few_checkpoints");
    }
}
