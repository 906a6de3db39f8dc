//! What cells that are not done will cost, from those that are.

use super::plan::{Cell, Plan};
use super::state::{CellState, States};

/// Seconds of the cells that are done.
#[derive(Debug, Clone)]
pub struct Costs<'a> {
    plan: &'a Plan,
    done: Vec<(usize, f64)>,
}

/// How much more a finished cell counts for each value that it shares with the one asked for.
const SHARED: f64 = 8.0;

/// Cells that are looked at for one estimate; of a large study that is enough.
const MOST: usize = 400;

impl<'a> Costs<'a> {
    /// Of what is done.
    pub fn of(plan: &'a Plan, states: &States) -> Self {
        let seconds = |(at, state): (usize, &CellState)| match state {
            CellState::Done(seconds) => Some((at, *seconds)),
            _ => None,
        };
        Self { plan, done: states.0.iter().enumerate().filter_map(seconds).collect() }
    }

    /// Adds a cell that was just done.
    pub fn add(&mut self, at: usize, seconds: f64) {
        self.done.push((at, seconds));
    }

    /// Seconds that a cell will take: the geometric mean over the finished cells of its step, those that share more values
    /// with it counting more. None where none of its step is done.
    pub fn estimate(&self, at: usize) -> Option<f64> {
        let cell = &self.plan.cells[at];
        let (mut sum, mut weights) = (0.0, 0.0);
        let of_step = self.done.iter().rev().filter(|(done, _)| self.plan.cells[*done].step == cell.step);
        for &(done, seconds) in of_step.take(MOST) {
            let weight = SHARED.powi(shared(cell, &self.plan.cells[done]));
            sum += weight * seconds.max(1e-3).ln();
            weights += weight;
        }
        (weights > 0.0).then(|| (sum / weights).exp())
    }

    /// Seconds of cells together, and how many of them nothing is known of.
    pub fn total(&self, cells: impl Iterator<Item = usize>) -> (f64, usize) {
        cells.fold((0.0, 0), |(seconds, unknown), at| match self.estimate(at) {
            Some(more) => (seconds + more, unknown),
            None => (seconds, unknown + 1),
        })
    }
}

fn shared(a: &Cell, b: &Cell) -> i32 {
    a.values.iter().filter(|(name, value)| b.values.get(*name) == Some(value)).count() as i32
}
