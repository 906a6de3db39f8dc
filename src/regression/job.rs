//! A study: every data set × objective × weight × seed, beside each other, none twice.

use super::config::ConfigFile;
use super::data::Prepared;
use super::evaluate::{self, Place};
use super::objective::Objective;
use super::train::train;
use crate::run::Ledger;
use crate::table::RegressionRow;
use anyhow::{Context, Result};
use narrows_datasets::regression::RegressionSet;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// One network to be trained and measured.
#[derive(Debug, Clone, Copy)]
struct Cell {
    set: usize,
    objective: &'static Objective,
    beta: f64,
    seed: u64,
}

/// A finished cell with its place in the order of the table.
#[derive(Serialize, Deserialize)]
struct Line {
    cell: usize,
    rows: Vec<RegressionRow>,
}

/// A study that is ready to run.
pub struct RegressionJob<'a> {
    config: &'a ConfigFile,
    sets: &'a [RegressionSet],
    cells: Vec<Cell>,
}

/// What a study came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionResult {
    /// One row a number, in the order data set, objective, weight, seed.
    pub rows: Vec<RegressionRow>,
    /// Cells that were found finished.
    pub cells_resumed: usize,
}

impl<'a> RegressionJob<'a> {
    /// The study of these sets, which are those of the config in its order.
    ///
    /// # Errors
    /// When a set cannot be split for a seed, or an objective is not known.
    pub fn new(config: &'a ConfigFile, sets: &'a [RegressionSet]) -> Result<Self> {
        let mut cells = vec![];
        for (set, data) in sets.iter().enumerate() {
            for &seed in &config.seeds {
                data.split(config.training.validation_share, config.training.test_share, seed)
                    .with_context(|| format!("data {} cannot be split", data.name))?;
            }
            for name in &config.objectives {
                let objective = Objective::by_name(name).with_context(|| format!("no objective is called {name:?}"))?;
                let betas = config.betas.get(name).map_or(objective.betas, Vec::as_slice);
                for &beta in betas {
                    cells.extend(config.seeds.iter().map(|&seed| Cell { set, objective, beta, seed }));
                }
            }
        }
        Ok(Self { config, sets, cells })
    }

    /// Number of networks.
    pub fn n_cells(&self) -> usize {
        self.cells.len()
    }

    /// Trains and measures every network that `state` does not hold yet; `done` is called after each.
    ///
    /// # Errors
    /// When a training diverges, or the ledger cannot be written; finished cells stay in it.
    pub fn run(&self, state: &Path, done: &(dyn Fn() + Sync)) -> Result<RegressionResult> {
        let (ledger, lines) = Ledger::<Line>::open(&state.join("cells.jsonl"))?;
        let finished: HashMap<usize, Vec<RegressionRow>> =
            lines.into_iter().map(|line| (line.cell, line.rows)).collect();
        let cells: Vec<Vec<RegressionRow>> = self
            .cells
            .par_iter()
            .enumerate()
            .with_max_len(1)
            .map(|(number, cell)| {
                let rows = match finished.get(&number) {
                    Some(rows) => rows.clone(),
                    None => {
                        let rows = self.compute(cell)?;
                        ledger.add(&Line { cell: number, rows: rows.clone() })?;
                        rows
                    }
                };
                done();
                Ok(rows)
            })
            .collect::<Result<_>>()?;
        Ok(RegressionResult { rows: cells.into_iter().flatten().collect(), cells_resumed: finished.len() })
    }

    fn compute(&self, cell: &Cell) -> Result<Vec<RegressionRow>> {
        let (config, set) = (self.config, &self.sets[cell.set]);
        let split = set.split(config.training.validation_share, config.training.test_share, cell.seed)?;
        let prepared = Prepared::new(set, &split);
        let device = config.training.device.autodiff();
        let trained = train(&prepared, cell.objective, cell.beta, cell.seed, config, &device)
            .with_context(|| format!("data {}", set.name))?;
        let place = Place { dataset: &set.name, objective: cell.objective.name, beta: cell.beta, seed: cell.seed };
        evaluate::rows(&place, &trained, &prepared, config, &device)
    }
}
