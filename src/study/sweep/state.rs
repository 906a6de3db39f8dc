//! Which cells of a plan are done.

use super::fingerprint::Fingerprints;
use super::plan::Plan;
use super::store::{Failure, Finished, Store};
use crate::run::InputFile;
use std::collections::HashMap;
use std::path::Path;

/// How a cell stands.
#[derive(Debug, Clone, PartialEq)]
pub enum CellState {
    /// Nothing is there.
    Missing,
    /// Its results are there; it took so many seconds.
    Done(f64),
    /// It is done, but a file that it read beside those that its job names has changed since: this one.
    Outdated(String),
    /// It could not be done.
    Failed(Failure),
}

/// How all cells stand.
#[derive(Debug, Clone, PartialEq)]
pub struct States(pub Vec<CellState>);

impl States {
    /// Looks at the folder.
    pub fn look(plan: &Plan, store: &Store) -> Self {
        let mut prints = Fingerprints::kept_in(store.fingerprints());
        let mut seen = HashMap::new();
        let states = plan.cells.iter().map(|cell| match (store.finished(&cell.id), store.failure(&cell.id)) {
            (Some(finished), _) => match outdated(&finished, &mut prints, &mut seen) {
                Some(path) => CellState::Outdated(path),
                None => CellState::Done(finished.seconds),
            },
            (None, Some(failure)) => CellState::Failed(failure),
            (None, None) => CellState::Missing,
        });
        let states = Self(states.collect());
        prints.keep();
        states
    }

    /// Whether a cell is done.
    pub fn is_done(&self, at: usize) -> bool {
        matches!(self.0[at], CellState::Done(_))
    }

    /// Whether a cell waits for one that could not be done.
    pub fn is_blocked(&self, plan: &Plan, at: usize) -> bool {
        !self.is_done(at)
            && plan.cells[at]
                .needs
                .iter()
                .any(|&need| matches!(self.0[need], CellState::Failed(_)) || self.is_blocked(plan, need))
    }
}

/// The first of the files that a finished cell read beside those that its job names which is another one now.
fn outdated(
    finished: &Finished,
    prints: &mut Fingerprints,
    seen: &mut HashMap<String, Option<InputFile>>,
) -> Option<String> {
    let changed = finished.also_read.iter().find(|then| {
        let now = seen.entry(then.path.clone()).or_insert_with(|| prints.of(Path::new(&then.path)).ok());
        now.as_ref().is_none_or(|now| now.sha256 != then.sha256)
    });
    changed.map(|file| file.path.clone())
}
