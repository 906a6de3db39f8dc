//! Points as short lists of whole numbers.
//!
//! A value is a multiple of a power of ten that keeps six figures of the largest of its kind in the plane; a list holds its first
//! value and from there the differences, which are short because neighbours in time are alike.

use crate::figure::data::{Measured, PlanePoint};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A run, or a mean over runs.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    name: String,
    mean: bool,
    /// Times of its checkpoints: the first, then differences.
    times: Vec<i64>,
    /// One for each estimator that it has.
    planes: Vec<Plane>,
}

/// What one estimator sees of a run.
#[derive(Debug, Serialize)]
struct Plane {
    estimator: usize,
    /// Values of x and of y are in units of 10^-digits.
    digits: [i32; 2],
    layers: Vec<Layer>,
}

/// One layer over the checkpoints of its run. Lists of which nothing is known are left out.
#[derive(Debug, Serialize)]
struct Layer {
    layer: usize,
    x: Series,
    y: Series,
    /// Positions in the list of flag sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<usize>,
}

/// One quantity over the checkpoints.
#[derive(Debug, Serialize)]
struct Series {
    /// The first value, then differences from the last one that was there.
    v: Vec<Option<i64>>,
    /// Standard errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    e: Vec<Option<i64>>,
    /// How far the 95 % interval reaches below the value, and above it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    low: Vec<Option<i64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    high: Vec<Option<i64>>,
}

/// The different sets of flags, so that a point names its own by a number.
#[derive(Debug)]
pub(super) struct FlagSets(Vec<String>, HashMap<String, usize>);

impl Default for FlagSets {
    fn default() -> Self {
        Self(vec![String::new()], HashMap::from([(String::new(), 0)]))
    }
}

impl FlagSets {
    fn place(&mut self, flags: &BTreeSet<String>) -> usize {
        let words = flags.iter().map(|flag| flag.replace('_', " ")).collect::<Vec<_>>().join(", ");
        let next = self.0.len();
        let place = *self.1.entry(words.clone()).or_insert(next);
        if place == next {
            self.0.push(words);
        }
        place
    }

    /// The sets in words, by their numbers.
    pub(super) fn into_words(self) -> Vec<String> {
        self.0
    }
}

/// The points of one run, ordered by estimator and time.
pub(super) fn group(name: &str, mean: bool, points: &[&PlanePoint], flags: &mut FlagSets) -> Group {
    let times: BTreeSet<u64> = points.iter().map(|p| p.time as u64).collect();
    let at: HashMap<u64, usize> = times.iter().enumerate().map(|(i, t)| (*t, i)).collect();
    let planes = points
        .chunk_by(|a, b| a.estimator == b.estimator)
        .map(|points| {
            let digits = [digits(points.iter().map(|p| p.input)), digits(points.iter().map(|p| p.target))];
            let mut layers: BTreeMap<usize, Vec<Option<&PlanePoint>>> = BTreeMap::new();
            for point in points {
                let of_layer = layers.entry(point.layer).or_insert_with(|| vec![None; times.len()]);
                of_layer[at[&(point.time as u64)]] = Some(point);
            }
            let layers = layers.into_iter().map(|(layer, points)| packed(layer, &points, digits, flags)).collect();
            Plane { estimator: points[0].estimator, digits, layers }
        })
        .collect();
    let times = times.iter().scan(0, |last, &t| Some(t as i64 - std::mem::replace(last, t as i64))).collect();
    Group { name: name.into(), mean, times, planes }
}

/// Decimals that keep six figures of the largest value.
fn digits(values: impl Iterator<Item = Option<Measured>>) -> i32 {
    let largest = values.flatten().map(|m| m.value.abs()).fold(0.0, f64::max);
    if largest > 0.0 { (5 - largest.log10().floor() as i32).clamp(0, 12) } else { 0 }
}

fn packed(layer: usize, points: &[Option<&PlanePoint>], digits: [i32; 2], flags: &mut FlagSets) -> Layer {
    let of = |digits: i32, value: fn(&PlanePoint) -> Option<Measured>, error: fn(&PlanePoint) -> Option<f64>| {
        let read: Vec<_> = points.iter().map(|p| p.map_or((None, None), |p| (value(p), error(p)))).collect();
        series(&read, digits)
    };
    let flags = points.iter().map(|p| p.map_or(0, |p| flags.place(&p.flags))).collect();
    Layer {
        layer,
        x: of(digits[0], |p| p.input, |p| p.input_error),
        y: of(digits[1], |p| p.target, |p| p.target_error),
        flags: unless_all(flags, |f| *f == 0),
    }
}

fn series(points: &[(Option<Measured>, Option<f64>)], digits: i32) -> Series {
    let whole = |v: f64| (v * 10f64.powi(digits)).round() as i64;
    let mut last = 0;
    let side = |pick: fn(Measured, (f64, f64)) -> f64| {
        let sides = points.iter().map(|(m, _)| m.and_then(|m| Some(whole(pick(m, m.interval?))))).collect();
        unless_all(sides, Option::is_none)
    };
    Series {
        v: points
            .iter()
            .map(|(m, _)| m.map(|m| whole(m.value) - std::mem::replace(&mut last, whole(m.value))))
            .collect(),
        e: unless_all(points.iter().map(|(_, e)| e.map(whole)).collect(), Option::is_none),
        low: side(|m, interval| m.value - interval.0),
        high: side(|m, interval| interval.1 - m.value),
    }
}

/// The list, or an empty one where every item says nothing.
fn unless_all<T>(list: Vec<T>, nothing: impl Fn(&T) -> bool) -> Vec<T> {
    if list.iter().all(nothing) { Vec::new() } else { list }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Limits;
    use crate::figure::data::PlaneData;
    use crate::figure::samples::plane_row;
    use crate::table::quantity;
    use serde_json::json;

    #[test]
    fn what_is_packed_reads_back() {
        let mut rows = Vec::new();
        for (epoch, value) in [(0, Some(1.25)), (3, None), (10, Some(-0.5))] {
            rows.push(plane_row("r", epoch, 1, "a", "ksg", quantity::I_XT, value));
        }
        rows.push(plane_row("r", 10, 1, "a", "ksg", quantity::I_TY, Some(0.25)));
        (rows[0].ci_low, rows[0].ci_high, rows[3].std_error) = (Some(1.0), Some(2.0), Some(0.01));
        rows[2].flags = "negative;dpi_violated".into();
        let data = PlaneData::new(&rows, &Limits::default());
        let mut flags = FlagSets::default();
        let packed = group("r", false, &data.points.iter().collect::<Vec<_>>(), &mut flags);
        assert_eq!(
            serde_json::to_value(&packed).unwrap(),
            json!({
                "name": "r", "mean": false, "times": [0, 3, 7],
                "planes": [{ "estimator": 0, "digits": [5, 6], "layers": [{
                    "layer": 0,
                    "x": { "v": [125000, null, -175000], "low": [25000, null, null], "high": [75000, null, null] },
                    "y": { "v": [null, null, 250000], "e": [null, null, 10000] },
                    "flags": [0, 0, 1],
                }] }],
            })
        );
        assert_eq!(flags.into_words(), ["", "dpi violated, negative"]);
    }

    #[test]
    fn six_figures_whatever_the_size() {
        for (value, expected) in [(12.0, 4), (1.0, 5), (0.001, 8), (3e7, 0), (0.0, 0), (1e-30, 12)] {
            let values =
                [None, Some(Measured { value, interval: None }), Some(Measured { value: -value, interval: None })];
            assert_eq!(digits(values.into_iter()), expected, "{value}");
        }
    }
}
