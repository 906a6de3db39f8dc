//! The cells of a study, each under the name that everything which decides its results gives it.

use super::fingerprint::Fingerprints;
use super::planner::Planner;
use super::spec::SweepFile;
use crate::run::InputFile;
use crate::study::Job;
use anyhow::Result;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// What the engine must know of the program's commands.
pub trait Commands: Sync {
    /// What a job comes to.
    ///
    /// # Errors
    /// When a key is unknown or a value is not what it takes.
    fn effective(&self, job: &Job) -> Result<Effective>;
    /// The words of the command line for a job; a config that stands in it is written to `config`.
    ///
    /// # Errors
    /// When a key is unknown or the config cannot be written.
    fn words(&self, job: &Job, config: &Path) -> Result<Vec<String>>;
    /// Whether a command has a key.
    ///
    /// # Errors
    /// When there is no such command.
    fn has_key(&self, command: &str, key: &str) -> Result<bool>;
}

/// What a job comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Every option that decides results, defaults included.
    pub config: Json,
    /// Texts in it that may name files.
    pub names: Vec<String>,
    /// Files whose content is part of `config` already, and which must not change while a cell reads them.
    pub read: Vec<String>,
    /// Where results go.
    pub yields: Yields,
}

/// Where the results of a command go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yields {
    /// To the folder of a run, which can be resumed.
    Run,
    /// To a file or folder that it is told.
    Files,
    /// To the terminal, as a summary.
    Summary,
}

/// One job of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its name: the first twenty digits of the hash of what decides its results.
    pub id: String,
    /// The step.
    pub step: String,
    /// Its values in short, for people: `relu-seed3`.
    pub label: String,
    /// Its values, by axis; axes that do not concern it are missing.
    pub values: BTreeMap<String, Value>,
    /// Cells whose results it reads, as places in the plan; always before it.
    pub needs: Vec<usize>,
    /// Files that it names, as they are now.
    pub inputs: Vec<InputFile>,
    /// Files whose content is among its options.
    pub(super) read: Vec<InputFile>,
    /// Where its results go.
    pub yields: Yields,
    pub(super) job: Job,
}

impl Cell {
    /// The step and the values in short, as people are told of it.
    pub fn name(&self) -> String {
        if self.label.is_empty() { self.step.clone() } else { format!("{} {}", self.step, self.label) }
    }
}

/// All cells of a study, those first that others need.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The cells.
    pub cells: Vec<Cell>,
    /// Axes, in the order of their columns.
    pub axes: Vec<String>,
    /// Combinations of the grid.
    pub n_combinations: usize,
}

/// What stands in a job for the folder of a cell, until it is known where the study is.
pub(super) fn token(id: &str) -> String {
    format!("cell://{id}")
}

impl Plan {
    /// The cells of a study. `base` is the folder that relative paths count from, which must be the working folder.
    ///
    /// # Errors
    /// When a job is at fault, an axis has no use, or a file cannot be read.
    pub fn of(file: &SweepFile, commands: &dyn Commands, kept: &Path) -> Result<Self> {
        let mut prints = Fingerprints::kept_in(kept.to_path_buf());
        let plan = Planner::new(file, commands, &mut prints)?.plan();
        prints.keep();
        plan
    }

    /// The job of a cell, with the folders of the cells that it needs in place.
    pub fn job(&self, cell: &Cell, folder: &dyn Fn(&str) -> String) -> Job {
        let mut job = cell.job.clone();
        for &need in &cell.needs {
            let id = &self.cells[need].id;
            replace(&mut job.options, &token(id), &folder(id));
        }
        job
    }
}

fn replace(table: &mut Table, from: &str, to: &str) {
    fn inside(value: &mut Value, from: &str, to: &str) {
        match value {
            Value::String(text) => *text = text.replace(from, to),
            Value::Array(items) => items.iter_mut().for_each(|item| inside(item, from, to)),
            Value::Table(table) => replace(table, from, to),
            _ => {}
        }
    }
    table.iter_mut().for_each(|(_, value)| inside(value, from, to));
}
