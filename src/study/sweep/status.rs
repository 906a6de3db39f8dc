//! How far a study is, in numbers.

use super::plan::Plan;
use super::state::{CellState, States};
use serde::Serialize;

/// Cells of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepCount {
    /// The step.
    pub step: String,
    /// All of them.
    pub cells: usize,
    /// Done.
    pub done: usize,
    /// Done, but a file that they read has changed since.
    pub outdated: usize,
    /// Could not be done.
    pub failed: usize,
    /// Wait for one that could not be done.
    pub blocked: usize,
    /// Not there yet.
    pub missing: usize,
    /// Seconds that those that are done took.
    pub seconds: f64,
}

/// The cells of each step, counted.
pub fn counts(plan: &Plan, states: &States, steps: &[String]) -> Vec<StepCount> {
    steps
        .iter()
        .map(|step| {
            let (cells, done, outdated, failed, blocked, missing, seconds) = (0, 0, 0, 0, 0, 0, 0.0);
            let mut count = StepCount { step: step.clone(), cells, done, outdated, failed, blocked, missing, seconds };
            for (at, _) in plan.cells.iter().enumerate().filter(|(_, cell)| cell.step == *step) {
                count.cells += 1;
                match &states.0[at] {
                    CellState::Done(seconds) => {
                        count.done += 1;
                        count.seconds += seconds;
                    }
                    CellState::Outdated(_) => count.outdated += 1,
                    CellState::Failed(_) => count.failed += 1,
                    CellState::Missing if states.is_blocked(plan, at) => count.blocked += 1,
                    CellState::Missing => count.missing += 1,
                }
            }
            count
        })
        .collect()
}
