//! One cell of the plane: one layer of one checkpoint under every estimator.

use super::{Located, Unit};
use crate::subject::LayerActivations;
use crate::table::{PlaneRow, TimingRow, flags, quantity};
use anyhow::{Context, Result};
use narrows_estimators::{Bound, Estimate, LayerSample, PlaneEstimator, Targets, ValueRange};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The rows of a cell, as they go into the table and the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cell {
    pub(super) rows: Vec<PlaneRow>,
    pub(super) timings: Vec<TimingRow>,
}

/// What is the same for every cell.
pub(super) struct Settings<'a> {
    pub(super) estimators: &'a [Box<dyn PlaneEstimator>],
    pub(super) targets: &'a Targets,
    pub(super) unit: Unit,
    pub(super) seed: u64,
}

/// What there is to say of an estimate, and what noise the network has.
fn flags_of(estimate: &Estimate, located: &Located) -> String {
    let network = located.noise.map(|noise| if noise.relative { flags::RELATIVE_NOISE } else { flags::NOISE });
    let own = estimate.warnings.iter().map(ToString::to_string);
    own.chain(network.map(String::from)).collect::<Vec<_>>().join(";")
}

pub(super) fn compute(
    settings: &Settings<'_>,
    located: &Located,
    layer: &LayerActivations,
    layer_index: usize,
    run_range: Option<ValueRange>,
) -> Result<Cell> {
    let checkpoint = located.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut sample = LayerSample::new(layer.values.view(), settings.targets)
        .with_context(|| format!("{}, layer {}", located.path.display(), layer.name))?
        .with_lower_saturation(layer.lower_saturation);
    if let Some(range) = run_range {
        sample = sample.with_run_range(range);
    }
    let mut cell = Cell { rows: vec![], timings: vec![] };
    for estimator in settings.estimators {
        let begun = Instant::now();
        let found = estimator.estimate_layer(&sample).with_context(|| {
            format!("{}, layer {}, estimator {}", located.path.display(), layer.name, estimator.name())
        })?;
        cell.timings.push(TimingRow {
            run: located.run.clone(),
            checkpoint: checkpoint.clone(),
            layer: layer.name.clone(),
            estimator: estimator.name().into(),
            parameters: estimator.parameters(),
            seconds: begun.elapsed().as_secs_f64(),
        });
        let row = |quantity: &str, estimate: &Estimate| {
            let convert = |nats: f64| settings.unit.of(nats);
            let interval = estimate.interval();
            PlaneRow {
                run: located.run.clone(),
                checkpoint: checkpoint.clone(),
                epoch: located.epoch,
                step: located.step,
                layer: layer.name.clone(),
                layer_index: layer_index as u64,
                width: layer.values.ncols() as u64,
                estimator: estimator.name().into(),
                parameters: estimator.parameters(),
                quantity: quantity.into(),
                value: Some(convert(estimate.value.0)),
                unit: settings.unit.name().into(),
                std_error: estimate.std_error.map(|e| convert(e.0)),
                ci_low: interval.map(|(low, _)| convert(low.0)),
                ci_high: interval.map(|(_, high)| convert(high.0)),
                n_samples: estimate.n_samples as u64,
                // An estimator's own noise, else that of the network.
                noise_std: found.noise_variance.map(f64::sqrt).or(located.noise.map(|noise| noise.std)),
                seed: located.seed.unwrap_or(settings.seed),
                flags: flags_of(estimate, located),
            }
        };
        cell.rows.extend([
            row(quantity::I_XT, &found.i_xt),
            row(quantity::I_TY, &found.i_ty),
            row(quantity::H_T, &found.h_t),
        ]);
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
