//! Which cells of a plan are done.

use super::fingerprint::Fingerprints;
use super::plan::Plan;
use super::records::{Failure, Finished};
use super::store::Store;
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
    /// It is done, but what it read beside the files that its job names has changed since: this.
    Outdated(String),
    /// It could not be done.
    Failed(Failure),
}

/// How all cells stand.
#[derive(Debug, Clone, PartialEq)]
pub struct States(pub Vec<CellState>, Vec<Option<Finished>>);

impl States {
    /// Of a study of which nothing is done.
    pub fn none(cells: usize) -> Self {
        Self(vec![CellState::Missing; cells], vec![None; cells])
    }

    /// Looks at the folder.
    pub fn look(plan: &Plan, store: &Store) -> Self {
        let mut prints = Fingerprints::kept_in(store.fingerprints());
        let mut seen = HashMap::new();
        let mut states = Self::none(plan.cells.len());
        // What a cell needs comes before it.
        for (at, cell) in plan.cells.iter().enumerate() {
            states.1[at] = store.finished(&cell.id);
            let failure = store.failure(&cell.id);
            let outdated = states.1[at].as_ref().map(|finished| {
                outdated(finished, &mut prints, &mut seen).or_else(|| states.outdated_need(plan, at, finished))
            });
            states.0[at] = match (outdated, failure) {
                (Some(None), _) => CellState::Done(states.1[at].as_ref().map_or(0.0, |finished| finished.seconds)),
                (_, Some(failure)) => CellState::Failed(failure),
                (Some(Some(what)), None) => CellState::Outdated(what),
                (None, None) => CellState::Missing,
            };
        }
        prints.keep();
        states
    }

    /// A cell that this one needs, which is not what it was when this one read it.
    fn outdated_need(&self, plan: &Plan, at: usize, finished: &Finished) -> Option<String> {
        let changed = plan.cells[at].needs.iter().find(|&&need| match &self.0[need] {
            CellState::Outdated(_) => true,
            CellState::Done(_) => {
                let then = finished.needs.get(&plan.cells[need].id);
                self.1[need].as_ref().is_some_and(|now| Some(&now.mark()) != then)
            }
            // What is gone or failed is done anew, and looked at then.
            _ => false,
        });
        changed.map(|&need| format!("the cell {}", plan.cells[need].name()))
    }

    /// What was there when this was looked at, good or not.
    pub(super) fn seen(&self, at: usize) -> Option<&Finished> {
        self.1[at].as_ref()
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
