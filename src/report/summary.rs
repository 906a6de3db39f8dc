//! The numbers of a report's tables.

use crate::figure::data::{Measured, PlaneData, PlanePoint, distinct};
use crate::table::{Labels, MeanRow, PhaseRow, TrainingRow, phase};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

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
    turning: String,
    compressed: String,
    share: String,
    diffusion: String,
    target_last: String,
    flags: String,
}

impl LayerSummary {
    /// Whether it is known when the gradients begin to scatter.
    pub(super) fn has_drift(&self) -> bool {
        !self.diffusion.is_empty()
    }
}

/// What a layer did in the mean over seeds.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct MeanSummary {
    group: String,
    estimator: String,
    layer: String,
    seeds: u64,
    compressing: String,
    turning: String,
    compressed: String,
    share: String,
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
pub(super) fn layers(data: &PlaneData, phases: &[PhaseRow]) -> Vec<LayerSummary> {
    let phases: HashMap<[&str; 5], f64> = phases
        .iter()
        .filter_map(|r| {
            Some(([&r.run, &r.estimator, &r.parameters, &r.layer, &r.quantity].map(String::as_str), r.value?))
        })
        .collect();
    let mut rows = Vec::new();
    for run in 0..data.runs.len() {
        for estimator in 0..data.estimators.len() {
            let points = data.points_of(run, estimator);
            let present: BTreeSet<usize> = points.iter().map(|p| p.layer).collect();
            for layer in present {
                let of_layer: Vec<&PlanePoint> = points.iter().filter(|p| p.layer == layer).collect();
                rows.push(layer_summary(data, &of_layer, &phases));
            }
        }
    }
    rows
}

/// The points are those of one layer, ordered by time.
fn layer_summary(data: &PlaneData, points: &[&PlanePoint], phases: &HashMap<[&str; 5], f64>) -> LayerSummary {
    let inputs: Vec<(f64, Measured)> = points.iter().filter_map(|p| Some((p.time, p.input?))).collect();
    // The first of equal maxima: later ones say nothing about when the rise ended.
    let most = inputs.iter().copied().reduce(|best, next| if next.1.value > best.1.value { next } else { best });
    let flags: BTreeSet<&str> = points.iter().flat_map(|p| p.flags.iter().map(String::as_str)).collect();
    let at = points[0];
    let (run, layer, estimator) = (&data.runs[at.run], &data.layers[at.layer], &data.estimators[at.estimator]);
    let phase_of =
        |quantity: &str| phases.get(&[run, &estimator.name, &estimator.parameters, layer, quantity]).copied();
    let plain = |value: Option<f64>| number(value.map(|value| Measured { value, interval: None }));
    let epoch = |value: Option<f64>| value.map_or_else(String::new, |e| format!("{e}"));
    LayerSummary {
        run: data.runs[at.run].clone(),
        estimator: data.label(at.estimator),
        layer: data.layers[at.layer].clone(),
        input_first: number(inputs.first().map(|i| i.1)),
        input_most: number(most.map(|i| i.1)),
        most_at: most.map_or_else(String::new, |(time, _)| format!("{time}")),
        input_last: number(inputs.last().map(|i| i.1)),
        turning: epoch(phase_of(phase::TURNING_EPOCH)),
        compressed: plain(phase_of(phase::COMPRESSED)),
        share: phase_of(phase::COMPRESSED_SHARE).map_or_else(String::new, percent),
        diffusion: epoch(phases.get(&[run, "", "", layer, phase::DIFFUSION_EPOCH]).copied()),
        target_last: number(points.iter().rev().find_map(|p| p.target)),
        flags: joined(flags),
    }
}

/// A row for each layer of each group of runs.
pub(super) fn means(rows: &[MeanRow]) -> Vec<MeanSummary> {
    let labels = Labels::new(
        rows.iter().filter(|r| !r.estimator.is_empty()).map(|r| (r.estimator.as_str(), r.parameters.as_str())),
    );
    let compressing = rows.iter().filter(|r| r.quantity == phase::COMPRESSES);
    compressing
        .map(|of| {
            let own = |r: &&MeanRow| {
                (&r.group, r.layer_index, &r.layer, &r.estimator, &r.parameters)
                    == (&of.group, of.layer_index, &of.layer, &of.estimator, &of.parameters)
            };
            let get = |quantity: &str, show: &dyn Fn(f64) -> String| {
                let Some(row) = rows.iter().filter(own).find(|r| r.quantity == quantity) else { return String::new() };
                let spread = row.std.map_or(String::new(), |std| format!(" ± {}", show(std)));
                format!("{}{spread}", show(row.mean))
            };
            let amount = |value| number(Some(Measured { value, interval: None }));
            MeanSummary {
                group: of.group.clone(),
                estimator: labels.of(&of.estimator, &of.parameters),
                layer: of.layer.clone(),
                seeds: of.n_seeds,
                compressing: percent(of.mean),
                turning: get(phase::TURNING_EPOCH, &|v| format!("{v:.0}")),
                compressed: get(phase::COMPRESSED, &amount),
                share: get(phase::COMPRESSED_SHARE, &percent),
            }
        })
        .collect()
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
    // Gradients alone, which a plane may be given, are no training to tell of.
    let scored = rows.iter().filter(|r| TRAINING.contains(&r.quantity.as_str()) && r.value.is_some());
    distinct(scored.map(|r| r.run.as_str()))
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

/// A share in per cent; what is nothing but for rounding is 0.
fn percent(share: f64) -> String {
    format!("{:.0} %", (100.0 * share).round() + 0.0).replace('-', "−")
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
    use crate::plane::{phase_rows, verdicts};
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
        let row = &layers(&data, &phase_rows(&verdicts(&rows)))[0];
        assert_eq!([&row.turning, &row.compressed, &row.share, &row.diffusion], ["5", "6.500", "163 %", ""]);
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
        let row = &layers(&PlaneData::new(&rows, &Limits::default()), &[])[0];
        assert_eq!([&row.input_first, &row.most_at, &row.target_last], ["", "", ""]);
    }

    #[test]
    fn means_over_seeds_have_their_spread() {
        let mut plane = crate::figure::samples::plane_table(2, 1, 8, 1);
        plane.iter_mut().for_each(|r| r.run = r.run.replace("run ", "net-seed"));
        let derived = crate::plane::Derived::new(&plane, &[], 0);
        let rows = means(&derived.phases_mean);
        assert_eq!((rows.len(), rows[0].seeds, rows[0].compressing.as_str()), (1, 2, "100 %"));
        assert_eq!((rows[0].turning.as_str(), rows[0].estimator.as_str()), ("0 ± 0", "estimator 0"));
    }

    #[test]
    fn the_training_ends_at_its_last_epoch() {
        let ends = training(&training_table(2, 10, 1));
        assert_eq!((ends.len(), ends[0].epoch), (2, 9));
        assert_eq!(ends[1].values, ["0.950", "0.905", "0.070", "0.160"]);
        assert!(training(&[]).is_empty());
        let gradients: Vec<TrainingRow> =
            training_table(1, 3, 1).into_iter().filter(|r| r.quantity.starts_with("gradient")).collect();
        assert!(!gradients.is_empty() && training(&gradients).is_empty());
    }

    #[test]
    fn numbers_keep_their_sign_and_their_size() {
        let shown = |v| number(Some(Measured { value: v, interval: None }));
        assert_eq!([0.0, -0.25, 1e-5, -3e9].map(shown), ["0.000", "−0.250", "1.0e−5", "−3.0e9"]);
    }
}
