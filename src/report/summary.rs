//! The numbers of a report's tables.

use crate::figure::data::{Measured, PlaneData, PlanePoint, distinct};
use crate::table::TrainingRow;
use serde::Serialize;
use std::collections::BTreeSet;

/// What one layer did over the training of one run, as one estimator sees it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct LayerSummary {
    run: String,
    estimator: String,
    layer: String,
    input_first: String,
    input_most: String,
    most_at: String,
    input_last: String,
    target_last: String,
    flags: String,
}

/// One point of the plane.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct PointRow {
    run: String,
    time: String,
    layer: String,
    estimator: String,
    input: String,
    target: String,
    entropy: String,
    n_samples: u64,
    flags: String,
}

/// How the training of one run ended.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct TrainingSummary {
    run: String,
    epoch: u64,
    /// The final values of [`TRAINING`], in its order.
    values: Vec<String>,
}

/// The quantities of a whole network, in the order of the table's columns.
const TRAINING: [&str; 4] = ["train_accuracy", "test_accuracy", "train_loss", "test_loss"];

/// What there is of each kind, for the line under the heading.
pub(super) fn facts(data: &PlaneData) -> Vec<String> {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    if data.points.is_empty() {
        return Vec::new();
    }
    let mut times: Vec<u64> = data.points.iter().map(|p| p.time as u64).collect();
    times.sort_unstable();
    times.dedup();
    let samples: BTreeSet<u64> = data.points.iter().map(|p| p.n_samples).collect();
    let samples = match (samples.first(), samples.last()) {
        (Some(low), Some(high)) if low < high => format!("{low} to {high} samples"),
        (_, high) => count(high.copied().unwrap_or(0) as usize, "sample"),
    };
    vec![
        count(data.runs.len(), "run"),
        count(data.estimators.len(), "estimator"),
        count(data.layers.len(), "layer"),
        count(times.len(), "checkpoint"),
        samples,
    ]
}

/// The short names of the estimators, and their parameters in full.
pub(super) fn estimators(data: &PlaneData) -> Vec<(String, String)> {
    (0..data.estimators.len()).map(|i| (data.label(i), data.estimators[i].parameters.clone())).collect()
}

/// A row for each layer that was measured.
pub(super) fn layers(data: &PlaneData) -> Vec<LayerSummary> {
    let mut rows = Vec::new();
    for run in 0..data.runs.len() {
        for estimator in 0..data.estimators.len() {
            let points = data.points_of(run, estimator);
            let present: BTreeSet<usize> = points.iter().map(|p| p.layer).collect();
            for layer in present {
                let of_layer: Vec<&PlanePoint> = points.iter().filter(|p| p.layer == layer).collect();
                rows.push(layer_summary(data, &of_layer));
            }
        }
    }
    rows
}

/// The points are those of one layer, ordered by time.
fn layer_summary(data: &PlaneData, points: &[&PlanePoint]) -> LayerSummary {
    let inputs: Vec<(f64, Measured)> = points.iter().filter_map(|p| Some((p.time, p.input?))).collect();
    // The first of equal maxima: later ones say nothing about when the rise ended.
    let most = inputs.iter().copied().reduce(|best, next| if next.1.value > best.1.value { next } else { best });
    let flags: BTreeSet<&str> = points.iter().flat_map(|p| p.flags.iter().map(String::as_str)).collect();
    let at = points[0];
    LayerSummary {
        run: data.runs[at.run].clone(),
        estimator: data.label(at.estimator),
        layer: data.layers[at.layer].clone(),
        input_first: number(inputs.first().map(|i| i.1)),
        input_most: number(most.map(|i| i.1)),
        most_at: most.map_or_else(String::new, |(time, _)| format!("{time}")),
        input_last: number(inputs.last().map(|i| i.1)),
        target_last: number(points.iter().rev().find_map(|p| p.target)),
        flags: joined(flags),
    }
}

/// Every point of the plane.
pub(super) fn points(data: &PlaneData) -> Vec<PointRow> {
    data.points
        .iter()
        .map(|p| PointRow {
            run: data.runs[p.run].clone(),
            time: format!("{}", p.time),
            layer: data.layers[p.layer].clone(),
            estimator: data.label(p.estimator),
            input: number(p.input),
            target: number(p.target),
            entropy: number(p.entropy),
            n_samples: p.n_samples,
            flags: joined(p.flags.iter().map(String::as_str)),
        })
        .collect()
}

/// The last epoch of each run; none when nothing was trained.
pub(super) fn training(rows: &[TrainingRow]) -> Vec<TrainingSummary> {
    distinct(rows.iter().map(|r| r.run.as_str()))
        .into_iter()
        .map(|run| {
            let of_run = || rows.iter().filter(|r| r.run == run);
            let last = |quantity: &&str| {
                let of_quantity =
                    of_run().filter(|r| r.quantity == *quantity && r.layer.is_empty() && r.value.is_some());
                let value = of_quantity.max_by_key(|r| r.epoch).and_then(|r| r.value);
                number(value.map(|value| Measured { value, interval: None }))
            };
            TrainingSummary {
                run: run.to_string(),
                epoch: of_run().map(|r| r.epoch).max().unwrap_or(0),
                values: TRAINING.iter().map(last).collect(),
            }
        })
        .collect()
}

/// Three decimals, enough for an information; a missing value is an empty cell.
fn number(measured: Option<Measured>) -> String {
    match measured.map(|m| m.value) {
        None => String::new(),
        Some(v) if v != 0.0 && v.abs() < 5e-4 || v.abs() >= 1e7 => format!("{v:.1e}").replace('-', "−"),
        Some(v) => format!("{v:.3}").replace('-', "−"),
    }
}

fn joined<'a>(flags: impl IntoIterator<Item = &'a str>) -> String {
    flags.into_iter().map(|flag| flag.replace('_', " ")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Limits;
    use crate::figure::samples::{plane_row, training_table};
    use crate::table::quantity;

    #[test]
    fn the_rise_and_the_fall_of_a_layer() {
        let mut rows: Vec<_> = [(0, 1.0), (5, 4.0), (9, 4.0), (20, -2.5)]
            .map(|(epoch, v)| plane_row("r", epoch, 1, "a", "ksg", quantity::I_XT, Some(v)))
            .into();
        rows.push(plane_row("r", 20, 1, "a", "ksg", quantity::I_TY, Some(0.5)));
        rows.push(plane_row("r", 30, 1, "a", "ksg", quantity::I_TY, None));
        rows[1].flags = "dpi_violated;saturated".into();
        let data = PlaneData::new(&rows, &Limits::default());
        let row = &layers(&data)[0];
        assert_eq!(
            [&row.input_first, &row.input_most, &row.most_at, &row.input_last, &row.target_last, &row.flags],
            ["1.000", "4.000", "5", "−2.500", "0.500", "dpi violated, saturated"]
        );
        assert_eq!(points(&data).len(), 5);
        assert_eq!(facts(&data), ["1 run", "1 estimator", "1 layer", "5 checkpoints", "4096 samples"]);
    }

    #[test]
    fn a_layer_without_numbers_has_empty_cells() {
        let rows = [plane_row("r", 0, 1, "a", "ksg", quantity::I_XT, None)];
        let row = &layers(&PlaneData::new(&rows, &Limits::default()))[0];
        assert_eq!([&row.input_first, &row.most_at, &row.target_last], ["", "", ""]);
    }

    #[test]
    fn the_training_ends_at_its_last_epoch() {
        let ends = training(&training_table(2, 10, 1));
        assert_eq!((ends.len(), ends[0].epoch), (2, 9));
        assert_eq!(ends[1].values, ["0.950", "0.905", "0.070", "0.160"]);
        assert!(training(&[]).is_empty());
    }

    #[test]
    fn numbers_keep_their_sign_and_their_size() {
        let shown = |v| number(Some(Measured { value: v, interval: None }));
        assert_eq!([0.0, -0.25, 1e-5, -3e9].map(shown), ["0.000", "−0.250", "1.0e−5", "−3.0e9"]);
    }
}
