//! The plane table, ordered for drawing: who ran, what was measured, and one point for each layer at each checkpoint.

use super::ib_curve::BoundLine;
use crate::bottleneck::curve_of_rows;
pub use crate::run::Limits;
use crate::table::{IbCurveRow, PlaneRow, quantity};
use anyhow::Result;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The unit that a picture is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bits,
    Nats,
}

impl Unit {
    fn of(name: &str) -> Self {
        if name == "nats" { Self::Nats } else { Self::Bits }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bits => "bits",
            Self::Nats => "nats",
        }
    }

    /// The logarithm that belongs to the unit, as it is written.
    pub(crate) fn log(self) -> &'static str {
        match self {
            Self::Bits => "log₂",
            Self::Nats => "ln",
        }
    }

    fn in_nats(self) -> f64 {
        match self {
            Self::Bits => std::f64::consts::LN_2,
            Self::Nats => 1.0,
        }
    }

    pub(crate) fn from(self, value: f64, unit: Self) -> f64 {
        if self == unit { value } else { value * unit.in_nats() / self.in_nats() }
    }
}

/// How far the training had come when a checkpoint was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    Epoch,
    Step,
    /// Nothing is known but the order.
    Checkpoint,
}

impl Clock {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Step => "step",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// A way of measuring.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Estimator {
    pub(crate) name: String,
    pub(crate) parameters: String,
}

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
}

/// What one estimator says of one layer at one checkpoint of one run; the first four are positions in the lists of
/// [`PlaneData`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlanePoint {
    pub(crate) run: usize,
    pub(crate) estimator: usize,
    pub(crate) layer: usize,
    pub(crate) time: f64,
    /// I(X;T).
    pub(crate) input: Option<Measured>,
    /// I(T;Y).
    pub(crate) target: Option<Measured>,
    /// Standard error of I(X;T).
    pub(crate) input_error: Option<f64>,
    /// Standard error of I(T;Y).
    pub(crate) target_error: Option<f64>,
    /// H(T).
    pub(crate) entropy: Option<Measured>,
    pub(crate) n_samples: u64,
    pub(crate) flags: BTreeSet<String>,
}

/// The table as points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlaneData {
    /// In the order of the table.
    pub(crate) runs: Vec<String>,
    /// In the order of the table.
    pub(crate) estimators: Vec<Estimator>,
    /// From the input on.
    pub(crate) layers: Vec<String>,
    pub(crate) unit: Unit,
    pub(crate) clock: Clock,
    /// Ordered by run, estimator, time and layer.
    pub(crate) points: Vec<PlanePoint>,
    pub(crate) h_y: Option<f64>,
    pub(crate) log_n: Option<f64>,
    /// The information-bottleneck bound.
    pub(crate) bound: Option<BoundLine>,
}

/// No information is that large: such a value would only push all others into a corner.
const LARGEST: f64 = 1e9;

impl PlaneData {
    pub(crate) fn new(rows: &[PlaneRow], limits: &Limits) -> Self {
        let unit = rows.first().map_or(Unit::Bits, |row| Unit::of(&row.unit));
        let runs = distinct(rows.iter().map(|r| r.run.clone()));
        let estimators = distinct(rows.iter().map(estimator));
        let mut layers = distinct(rows.iter().map(|r| (r.layer_index, r.layer.clone())));
        layers.sort_by_key(|(index, _)| *index);
        let (clock, times) = times(rows);

        let (run_at, estimator_at, layer_at) = (places(&runs), places(&estimators), places(&layers));
        let mut points: HashMap<(usize, usize, usize, &str), PlanePoint> = HashMap::new();
        for (row, time) in rows.iter().zip(times) {
            let place =
                (run_at[&row.run], estimator_at[&estimator(row)], layer_at[&(row.layer_index, row.layer.clone())]);
            let point = points.entry((place.0, place.1, place.2, &row.checkpoint)).or_insert_with(|| PlanePoint {
                run: place.0,
                estimator: place.1,
                layer: place.2,
                time,
                input: None,
                target: None,
                input_error: None,
                target_error: None,
                entropy: None,
                n_samples: row.n_samples,
                flags: BTreeSet::new(),
            });
            let measured = measured(row, unit);
            match row.quantity.as_str() {
                quantity::I_XT => (point.input, point.input_error) = (measured, error(row, unit)),
                quantity::I_TY => (point.target, point.target_error) = (measured, error(row, unit)),
                quantity::H_T => point.entropy = measured,
                _ => {}
            }
            point.flags.extend(row.flags.split(';').filter(|f| !f.is_empty()).map(String::from));
        }
        let mut points: Vec<PlanePoint> = points.into_values().collect();
        points.sort_by(|a, b| {
            (a.run, a.estimator).cmp(&(b.run, b.estimator)).then(a.time.total_cmp(&b.time)).then(a.layer.cmp(&b.layer))
        });
        Self {
            runs,
            estimators,
            layers: layers.into_iter().map(|(_, name)| name).collect(),
            unit,
            clock,
            points,
            h_y: limits.label_entropy_bits.filter(|h| h.is_finite() && *h > 0.0).map(|h| unit.from(h, Unit::Bits)),
            log_n: limits.n_samples.filter(|n| *n > 1).map(|n| unit.from((n as f64).ln(), Unit::Nats)),
            bound: None,
        }
    }

    /// With the bound of a table, which may be empty.
    pub(crate) fn with_bound(mut self, rows: &[IbCurveRow]) -> Result<Self> {
        if !rows.is_empty() {
            self.bound = Some(BoundLine::new(&curve_of_rows(rows)?, self.unit));
        }
        Ok(self)
    }

    /// The points of one run under one estimator.
    pub(crate) fn points_of(&self, run: usize, estimator: usize) -> &[PlanePoint] {
        let key = |p: &PlanePoint| (p.run, p.estimator);
        let first = self.points.partition_point(|p| key(p) < (run, estimator));
        let last = self.points.partition_point(|p| key(p) <= (run, estimator));
        &self.points[first..last]
    }

    /// The parameters of an estimator, those first that tell it from others of the same name.
    pub(crate) fn parameters(&self, index: usize) -> String {
        let (mut own, shared) = self.own_and_shared(index);
        own.extend(shared);
        own.join(" ")
    }

    /// The name of an estimator, with the parameters that tell it from others of the same name and no more.
    pub(crate) fn label(&self, index: usize) -> String {
        let mut words = vec![self.estimators[index].name.as_str()];
        words.extend(self.own_and_shared(index).0);
        words.join(" ")
    }

    fn own_and_shared(&self, index: usize) -> (Vec<&str>, Vec<&str>) {
        let Estimator { name, parameters } = &self.estimators[index];
        let others: Vec<HashSet<&str>> = (self.estimators.iter().enumerate())
            .filter(|(i, e)| *i != index && e.name == *name)
            .map(|(_, e)| e.parameters.split_whitespace().collect())
            .collect();
        parameters.split_whitespace().partition(|p| others.iter().any(|o| !o.contains(p)))
    }
}

fn estimator(row: &PlaneRow) -> Estimator {
    Estimator { name: row.estimator.clone(), parameters: row.parameters.clone() }
}

fn measured(row: &PlaneRow, unit: Unit) -> Option<Measured> {
    let convert = |v: Option<f64>| v.filter(|v| v.abs() < LARGEST).map(|v| unit.from(v, Unit::of(&row.unit)));
    let value = convert(row.value)?;
    let interval = convert(row.ci_low).zip(convert(row.ci_high)).filter(|(low, high)| low <= high);
    Some(Measured { value, interval })
}

fn error(row: &PlaneRow, unit: Unit) -> Option<f64> {
    row.std_error.filter(|e| (0.0..LARGEST).contains(e)).map(|e| unit.from(e, Unit::of(&row.unit)))
}

/// The finest clock on which no two checkpoints of a run coincide, and the time of each row on it.
fn times(rows: &[PlaneRow]) -> (Clock, Vec<f64>) {
    let by = |read: fn(&PlaneRow) -> Option<u64>| -> Option<Vec<f64>> {
        let mut owner: HashMap<(&str, u64), &str> = HashMap::new();
        rows.iter()
            .map(|row| {
                let time = read(row)?;
                let first = owner.entry((&row.run, time)).or_insert(&row.checkpoint);
                (*first == row.checkpoint).then_some(time as f64)
            })
            .collect()
    };
    if let Some(times) = by(|row| row.epoch) {
        return (Clock::Epoch, times);
    }
    if let Some(times) = by(|row| row.step) {
        return (Clock::Step, times);
    }
    let mut seen: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
    let order = rows.iter().map(|row| {
        let of_run = seen.entry(&row.run).or_default();
        let next = of_run.len() + 1;
        *of_run.entry(&row.checkpoint).or_insert(next) as f64
    });
    (Clock::Checkpoint, order.collect())
}

/// Each value once, in the order of first appearance.
pub(crate) fn distinct<T: Clone + Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    values.filter(|v| seen.insert(v.clone())).collect()
}

fn places<T: Clone + Eq + std::hash::Hash>(values: &[T]) -> HashMap<T, usize> {
    values.iter().cloned().enumerate().map(|(i, v)| (v, i)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_row;

    #[test]
    fn rows_of_one_place_meet_in_one_point() {
        let rows = [
            plane_row("r", 3, 2, "b", "ksg", quantity::I_XT, Some(2.0)),
            plane_row("r", 3, 2, "b", "ksg", quantity::I_TY, Some(0.5)),
            plane_row("r", 3, 1, "a", "ksg", quantity::I_XT, None),
        ];
        let data = PlaneData::new(&rows, &Limits::default());
        assert_eq!(data.layers, ["a", "b"]);
        assert_eq!(data.points.len(), 2);
        let point = &data.points_of(0, 0)[1];
        assert_eq!((point.input.unwrap().value, point.target.unwrap().value, point.time), (2.0, 0.5, 3.0));
        assert!(data.points[0].input.is_none());
    }

    #[test]
    fn a_table_in_nats_is_drawn_in_nats() {
        let mut rows = vec![plane_row("r", 1, 1, "a", "ksg", quantity::I_XT, Some(1.0)); 2];
        rows[0].unit = "nats".into();
        rows[1].layer_index = 2;
        let data = PlaneData::new(&rows, &Limits { label_entropy_bits: Some(1.0), n_samples: Some(4) });
        let ln2 = std::f64::consts::LN_2;
        assert_eq!(data.unit, Unit::Nats);
        assert!((data.points[1].input.unwrap().value - ln2).abs() < 1e-12);
        assert!((data.h_y.unwrap() - ln2).abs() < 1e-12 && (data.log_n.unwrap() - 2.0 * ln2).abs() < 1e-12);
    }

    #[test]
    fn the_clock_tells_checkpoints_apart() {
        let clock = |edit: fn(usize, &mut PlaneRow)| {
            let mut rows: Vec<PlaneRow> =
                (0..3).map(|e| plane_row("r", e, 1, "a", "ksg", quantity::I_XT, Some(1.0))).collect();
            rows.iter_mut().enumerate().for_each(|(i, row)| edit(i, row));
            PlaneData::new(&rows, &Limits::default()).clock
        };
        assert_eq!(clock(|_, _| ()), Clock::Epoch);
        assert_eq!(clock(|i, row| (row.epoch, row.step) = (Some(0), Some(10 * i as u64))), Clock::Step);
        assert_eq!(clock(|_, row| (row.epoch, row.step) = (None, None)), Clock::Checkpoint);
    }

    #[test]
    fn what_tells_two_estimators_apart_is_named_first() {
        let mut rows = vec![plane_row("r", 1, 1, "a", "binned", quantity::I_XT, Some(1.0)); 2];
        rows[0].parameters = "range=auto bins=30".into();
        rows[1].parameters = "range=auto bins=100".into();
        let data = PlaneData::new(&rows, &Limits::default());
        assert_eq!(data.parameters(1), "bins=100 range=auto");
        assert_eq!(data.label(1), "binned bins=100");
        assert_eq!(PlaneData::new(&rows[..1], &Limits::default()).label(0), "binned");
    }

    #[test]
    fn numbers_that_are_none_are_missing() {
        for bad in [f64::NAN, f64::INFINITY, -1e300] {
            let rows = [plane_row("r", 1, 1, "a", "ksg", quantity::I_XT, Some(bad))];
            assert!(PlaneData::new(&rows, &Limits::default()).points[0].input.is_none());
        }
    }
}
