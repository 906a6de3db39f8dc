//! A plane to be computed, and its computation.

use super::cell::{Cell, Settings, compute, compute_by_pieces, goes_by_pieces};
use super::dump::Dump;
use super::{Located, Source, inputs};
use crate::run::Ledger;
use crate::subject::samples::Samples;
use crate::table::{PlaneRow, TimingRow, flags, quantity};
use anyhow::Result;
use narrows_estimators::{PlaneEstimator, Targets, ValueRange};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Unit of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// log₂
    #[default]
    Bits,
    /// Natural logarithm
    Nats,
}

impl Unit {
    /// An amount of nats in this unit.
    pub fn of(self, nats: f64) -> f64 {
        match self {
            Unit::Bits => nats / std::f64::consts::LN_2,
            Unit::Nats => nats,
        }
    }

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Bits => "bits",
            Unit::Nats => "nats",
        }
    }
}

/// Everything that a plane is computed from.
pub struct PlaneJob {
    /// The checkpoints, each with the source that reads it.
    pub checkpoints: Vec<(Source, Located)>,
    /// What networks are run on; needed for activation dumps where an estimator looks at the input's values.
    pub samples: Option<Samples>,
    /// The class of each of these samples.
    pub targets: Targets,
    /// Which of the samples, ascending.
    pub rows: Vec<usize>,
    /// The estimators, in the order of the table.
    pub estimators: Vec<Box<dyn PlaneEstimator>>,
    /// Unit of the table.
    pub unit: Unit,
    /// Layers by name, pattern or number; all when empty.
    pub layers: Vec<String>,
    /// Seed of the analysis.
    pub seed: u64,
}

/// The rows of a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneResult {
    /// One row a number, in the order checkpoint, layer, estimator, quantity.
    pub rows: Vec<PlaneRow>,
    /// How long each took.
    pub timings: Vec<TimingRow>,
    /// Cells that were found finished.
    pub cells_resumed: usize,
    /// Where an estimator refused a layer of a checkpoint, and why.
    pub refused: Vec<String>,
}

/// A finished cell with its place: checkpoint and layer, counted from 0 in the job's order.
#[derive(Serialize, Deserialize)]
struct Line {
    checkpoint: usize,
    layer: usize,
    cell: Cell,
}

impl PlaneJob {
    /// Brings checkpoints into the order of the table: by run, epoch, step and file name.
    pub fn sort(&mut self) {
        self.checkpoints
            .sort_by(|(_, a), (_, b)| (&a.run, a.epoch, a.step, &a.path).cmp(&(&b.run, b.epoch, b.step, &b.path)));
    }

    /// Number of checkpoints × selected layers.
    ///
    /// # Errors
    /// As [`Located::select`].
    pub fn n_cells(&self) -> Result<usize> {
        self.checkpoints.iter().map(|(_, located)| Ok(located.select(&self.layers)?.len())).sum()
    }

    /// Computes every cell that `state` does not hold yet; `done` is called after each cell.
    ///
    /// Cells are worked on in parallel and put together in order: the rows do not depend on the number of threads.
    ///
    /// # Errors
    /// When a file cannot be read or an estimator refuses a layer; finished cells stay in the ledger.
    pub fn run(&self, state: &Path, done: &(dyn Fn() + Sync)) -> Result<PlaneResult> {
        let (ledger, lines) = Ledger::<Line>::open(&state.join("cells.jsonl"))?;
        let finished: HashMap<(usize, usize), Cell> =
            lines.into_iter().map(|line| ((line.checkpoint, line.layer), line.cell)).collect();
        let ranges = self.run_ranges()?;
        let codes = match finished.len() < self.n_cells()? {
            true => inputs::encode(&self.estimators, self.samples.as_ref(), &self.rows)?,
            false => None,
        };
        let settings = Settings {
            estimators: &self.estimators,
            targets: &self.targets,
            inputs: codes.as_ref(),
            unit: self.unit,
            seed: self.seed,
        };
        let cells: Vec<Vec<Cell>> = self
            .checkpoints
            .par_iter()
            .enumerate()
            .map(|(number, (source, located))| {
                let selected = located.select(&self.layers)?;
                if selected.iter().all(|&layer| finished.contains_key(&(number, layer))) {
                    selected.iter().for_each(|_| done());
                    return Ok(selected.iter().map(|&layer| finished[&(number, layer)].clone()).collect());
                }
                let cell_of = |layer: usize, of: &dyn Fn(Option<ValueRange>) -> Result<Cell>| {
                    let cell = match finished.get(&(number, layer)) {
                        Some(cell) => cell.clone(),
                        None => {
                            let cell = of(ranges.get(&(located.run.as_str(), layer)).copied())?;
                            ledger.add(&Line { checkpoint: number, layer, cell: cell.clone() })?;
                            cell
                        }
                    };
                    done();
                    Ok(cell)
                };
                if goes_by_pieces(&settings, located) {
                    let dump = Dump::open(&located.path)?;
                    let of =
                        |layer: usize, range| compute_by_pieces(&settings, located, &dump, (layer, &self.rows), range);
                    return selected.par_iter().map(|&layer| cell_of(layer, &|range| of(layer, range))).collect();
                }
                if located.is_read_by_pieces() {
                    // A layer at a time: together they may not fit.
                    let of = |layer: usize, range| {
                        let traced = source.trace(located, &[layer], None, &self.rows)?;
                        compute(&settings, located, &traced[0], layer + 1, range)
                    };
                    return selected.par_iter().map(|&layer| cell_of(layer, &|range| of(layer, range))).collect();
                }
                let traced = source.trace(located, &selected, self.samples.as_ref(), &self.rows)?;
                selected
                    .par_iter()
                    .zip(&traced)
                    .map(|(&layer, activations)| {
                        cell_of(layer, &|range| compute(&settings, located, activations, layer + 1, range))
                    })
                    .collect()
            })
            .collect::<Result<_>>()?;
        let mut result = PlaneResult { rows: vec![], timings: vec![], cells_resumed: finished.len(), refused: vec![] };
        for cell in cells.into_iter().flatten() {
            result.rows.extend(cell.rows);
            result.timings.extend(cell.timings);
            result.refused.extend(cell.refused);
        }
        flag_dpi_violations(&mut result.rows);
        Ok(result)
    }

    /// Each layer's range over all checkpoints of its run, where an estimator asks for it.
    fn run_ranges(&self) -> Result<HashMap<(&str, usize), ValueRange>> {
        if !self.estimators.iter().any(|e| e.needs_run_range()) {
            return Ok(HashMap::new());
        }
        type Ranges = Vec<(usize, Option<ValueRange>)>;
        let found: Vec<(&str, Ranges)> = self
            .checkpoints
            .par_iter()
            .map(|(source, located)| {
                let selected = located.select(&self.layers)?;
                if located.is_read_by_pieces() {
                    let dump = Dump::open(&located.path)?;
                    let range = |&layer: &usize| Ok((layer, range_by_pieces(&dump, layer, &self.rows)?));
                    return Ok((located.run.as_str(), selected.par_iter().map(range).collect::<Result<_>>()?));
                }
                let traced = source.trace(located, &selected, self.samples.as_ref(), &self.rows)?;
                let ranges = traced.iter().map(|layer| ValueRange::of(layer.values.view()));
                Ok((located.run.as_str(), selected.into_iter().zip(ranges).collect()))
            })
            .collect::<Result<_>>()?;
        let mut ranges: HashMap<(&str, usize), ValueRange> = HashMap::new();
        for (run, layers) in found {
            for (layer, range) in layers {
                if let Some(range) = range {
                    ranges.entry((run, layer)).and_modify(|r| *r = r.union(range)).or_insert(range);
                }
            }
        }
        Ok(ranges)
    }
}

/// The range of a layer of a dump that is read some rows at a time.
fn range_by_pieces(dump: &Dump, layer: usize, rows: &[usize]) -> Result<Option<ValueRange>> {
    let mut range: Option<ValueRange> = None;
    dump.pieces(layer, rows, |part, _| {
        let own = ValueRange::of(part);
        range = range.map_or(own, |known| Some(own.map_or(known, |own| known.union(own))));
        Ok(())
    })?;
    Ok(range)
}

/// Flags rows that say more of the input or the target than an earlier layer of the same network does, by more than
/// both standard errors explain: processing cannot add information, so that it is the estimator's doing (its bias, or noise
/// of one size on layers of different sizes).
fn flag_dpi_violations(rows: &mut [PlaneRow]) {
    // Least so far along the layers of one checkpoint, estimator and quantity; rows come in layer order.
    type Series = [String; 5];
    let mut least: HashMap<Series, (f64, f64)> = HashMap::new();
    for row in rows {
        if row.quantity == quantity::H_T {
            continue;
        }
        let Some(value) = row.value else { continue };
        let error = row.std_error.unwrap_or(0.0);
        let key = [&row.run, &row.checkpoint, &row.estimator, &row.parameters, &row.quantity].map(String::clone);
        let entry = least.entry(key).or_insert((value, error));
        if value > entry.0 + 1.96 * error.hypot(entry.1) + 1e-9 {
            let separator = if row.flags.is_empty() { "" } else { ";" };
            row.flags = format!("{}{separator}{}", row.flags, flags::DPI_VIOLATED);
        }
        if value < entry.0 {
            *entry = (value, error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(layer_index: u64, value: f64) -> PlaneRow {
        PlaneRow {
            run: "r".into(),
            checkpoint: "c".into(),
            epoch: Some(1),
            step: None,
            layer: format!("l{layer_index}"),
            layer_index,
            width: 1,
            estimator: "binning".into(),
            parameters: String::new(),
            quantity: "I_XT".into(),
            value: Some(value),
            unit: "bits".into(),
            std_error: Some(0.1),
            ci_low: None,
            ci_high: None,
            n_samples: 10,
            noise_std: None,
            seed: 0,
            flags: "saturated".into(),
        }
    }

    #[test]
    fn a_later_layer_that_knows_clearly_more_is_flagged() {
        let mut rows = vec![row(1, 3.0), row(2, 2.0), row(3, 2.2), row(4, 2.5)];
        flag_dpi_violations(&mut rows);
        let flags: Vec<&str> = rows.iter().map(|r| r.flags.as_str()).collect();
        assert_eq!(flags, ["saturated", "saturated", "saturated", "saturated;dpi_violated"]);
    }
}
