//! One cell of the plane: one layer of one checkpoint under every estimator.

use super::dump::Dump;
use super::{Located, Unit};
use crate::subject::LayerActivations;
use crate::table::{PlaneRow, TimingRow, flags, quantity};
use anyhow::{Context, Result};
use narrows_estimators::{
    Bound, Estimate, EstimatorError, InputCodes, LayerNoise, LayerSample, Nats, PlaneEstimate, PlaneEstimator, Targets,
    ValueRange,
};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The rows of a cell, as they go into the table and the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cell {
    pub(super) rows: Vec<PlaneRow>,
    pub(super) timings: Vec<TimingRow>,
    /// Why an estimator has no value of this layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) refused: Vec<String>,
}

/// What is the same for every cell.
pub(super) struct Settings<'a> {
    pub(super) estimators: &'a [Box<dyn PlaneEstimator>],
    pub(super) targets: &'a Targets,
    /// The input's values, where an estimator looks at them.
    pub(super) inputs: Option<&'a InputCodes>,
    pub(super) unit: Unit,
    pub(super) seed: u64,
}

/// What there is to say of an estimate, and what noise the network has.
fn flags_of(estimate: &Estimate, located: &Located) -> String {
    let network = located.noise.map(|noise| match noise {
        LayerNoise::Relative(_) => flags::RELATIVE_NOISE,
        LayerNoise::Additive(_) => flags::NOISE,
    });
    let own = estimate.warnings.iter().map(ToString::to_string);
    own.chain(network.map(String::from)).collect::<Vec<_>>().join(";")
}

/// A layer, before anything is estimated.
struct Layer<'a> {
    name: &'a str,
    /// Counted from 1.
    index: usize,
    width: usize,
    /// Variance of the network's own noise.
    noise_variance: Option<f64>,
}

/// The rows of a layer whose activations are at hand.
pub(super) fn compute(
    settings: &Settings<'_>,
    located: &Located,
    layer: &LayerActivations,
    layer_index: usize,
    run_range: Option<ValueRange>,
) -> Result<Cell> {
    let mut sample = LayerSample::new(layer.values.view(), settings.targets)
        .with_context(|| format!("{}, layer {}", located.path.display(), layer.name))?
        .with_lower_saturation(layer.lower_saturation)
        .with_noise(located.noise);
    if let Some(range) = run_range {
        sample = sample.with_run_range(range);
    }
    if let Some(inputs) = settings.inputs {
        sample = sample.with_inputs(inputs)?;
    }
    let of = Layer {
        name: &layer.name,
        index: layer_index,
        width: layer.values.ncols(),
        noise_variance: sample.noise_variance(),
    };
    rows_of(settings, located, &of, |estimator| Ok(estimator.estimate_layer(&sample)))
}

/// Whether [`compute_by_pieces`] does what [`compute`] does: every estimator can read a layer some rows at a time, and
/// nothing else asks for all of it.
pub(super) fn goes_by_pieces(settings: &Settings<'_>, located: &Located) -> bool {
    located.is_read_by_pieces()
        && !matches!(located.noise, Some(LayerNoise::Relative(_)))
        && settings.estimators.iter().all(|e| e.layer_stream(Some(ValueRange { low: 0.0, high: 1.0 })).is_some())
}

/// The rows of a layer of a dump that is read some rows at a time, as often as it takes, and never held.
pub(super) fn compute_by_pieces(
    settings: &Settings<'_>,
    located: &Located,
    dump: &Dump,
    (layer, rows): (usize, &[usize]),
    run_range: Option<ValueRange>,
) -> Result<Cell> {
    let (name, width) = &dump.layers[layer];
    let noise_variance = match located.noise {
        Some(LayerNoise::Additive(std)) => Some(std * std),
        _ => None,
    };
    let of = Layer { name, index: layer + 1, width: *width, noise_variance };
    let classes = settings.targets.classes();
    rows_of(settings, located, &of, |estimator| {
        let stream = estimator.layer_stream(run_range);
        let mut stream = stream.with_context(|| format!("{} needs all samples at once", estimator.name()))??;
        loop {
            dump.pieces(layer, rows, |part, before| Ok(stream.add(part, &classes[before..before + part.nrows()])?))?;
            match stream.end_pass() {
                Ok(None) => {}
                Ok(Some(found)) => return Ok(Ok(found)),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    })
}

fn rows_of(
    settings: &Settings<'_>,
    located: &Located,
    layer: &Layer<'_>,
    estimate: impl Fn(&dyn PlaneEstimator) -> Result<Result<PlaneEstimate, EstimatorError>>,
) -> Result<Cell> {
    let checkpoint = located.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut cell = Cell { rows: vec![], timings: vec![], refused: vec![] };
    for estimator in settings.estimators {
        let begun = Instant::now();
        let place = || format!("{}, layer {}, estimator {}", located.path.display(), layer.name, estimator.name());
        let found = match estimate(&**estimator)? {
            // One layer at one checkpoint, of many: its rows are there and empty.
            Err(refusal) if refusal.is_of_one_sample() => {
                cell.refused.push(format!("{checkpoint}, layer {}: {refusal}", layer.name));
                None
            }
            found => Some(found.with_context(place)?),
        };
        cell.timings.push(TimingRow {
            run: located.run.clone(),
            checkpoint: checkpoint.clone(),
            layer: layer.name.into(),
            estimator: estimator.name().into(),
            parameters: estimator.parameters(),
            seconds: begun.elapsed().as_secs_f64(),
        });
        let noise_variance = found.as_ref().and_then(|found| found.noise_variance);
        let row = |quantity: &str, estimate: &Estimate| {
            // An infinite information has no value in a table.
            let convert = |nats: f64| Some(settings.unit.of(nats)).filter(|value| value.is_finite());
            let interval = estimate.interval();
            PlaneRow {
                run: located.run.clone(),
                checkpoint: checkpoint.clone(),
                epoch: located.epoch,
                step: located.step,
                layer: layer.name.into(),
                layer_index: layer.index as u64,
                width: layer.width as u64,
                estimator: estimator.name().into(),
                parameters: estimator.parameters(),
                quantity: quantity.into(),
                value: convert(estimate.value.0),
                unit: settings.unit.name().into(),
                std_error: estimate.std_error.and_then(|e| convert(e.0)),
                ci_low: interval.and_then(|(low, _)| convert(low.0)),
                ci_high: interval.and_then(|(_, high)| convert(high.0)),
                n_samples: estimate.n_samples as u64,
                // An estimator's own noise, else that of the network.
                noise_std: noise_variance.or(layer.noise_variance).map(f64::sqrt),
                seed: located.seed.unwrap_or(settings.seed),
                flags: flags_of(estimate, located),
            }
        };
        let Some(found) = found else {
            let nothing = Estimate {
                value: Nats(f64::NAN),
                std_error: None,
                n_samples: settings.targets.len(),
                warnings: vec![],
                details: vec![],
            };
            let of = |name| PlaneRow { flags: flags::REFUSED.into(), ..row(name, &nothing) };
            cell.rows.extend([quantity::I_XT, quantity::I_TY, quantity::H_T].map(of));
            continue;
        };
        cell.rows.extend([
            row(quantity::I_XT, &found.i_xt),
            row(quantity::I_TY, &found.i_ty),
            row(quantity::H_T, &found.h_t),
        ]);
        cell.rows.extend(found.i_xt_given_y.as_ref().map(|estimate| row(quantity::I_XT_GIVEN_Y, estimate)));
        // Bounds of the draw's own mixture, not of the draw: they have no interval.
        for (name, quantity) in [(Bound::LOW_DETAIL, quantity::I_TY_LOW), (Bound::HIGH_DETAIL, quantity::I_TY_HIGH)] {
            cell.rows.extend(found.i_ty.detail(name).map(|bound| PlaneRow {
                value: Some(settings.unit.of(bound)),
                std_error: None,
                ci_low: None,
                ci_high: None,
                flags: String::new(),
                ..row(quantity, &found.i_ty)
            }));
        }
    }
    Ok(cell)
}
