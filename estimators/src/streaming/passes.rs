//! Rows of a pass over data that are read some at a time, the same in each.

use crate::EstimatorError;

/// Counts the rows of a pass.
#[derive(Debug, Default)]
pub(super) struct Passes {
    rows: usize,
    first: Option<usize>,
}

impl Passes {
    /// Rows of this pass so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Further rows were taken.
    pub(super) fn add(&mut self, rows: usize) {
        self.rows += rows;
    }

    /// The pass is over; yields its rows.
    ///
    /// # Errors
    /// When there are fewer than two, or another number than in the first pass.
    pub(super) fn end(&mut self) -> Result<usize, EstimatorError> {
        let found = std::mem::take(&mut self.rows);
        let first = *self.first.get_or_insert(found);
        if found != first {
            return Err(EstimatorError::ChangedMeanwhile { first, found });
        }
        if found < 2 {
            return Err(EstimatorError::TooFewSamples { found, needed: 2 });
        }
        Ok(found)
    }
}
