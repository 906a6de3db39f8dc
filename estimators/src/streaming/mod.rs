//! Estimates of data that are read some rows at a time, and never held as a whole.
//!
//! The caller hands over rows in their order, in parts of any size, and again from the first where another pass is
//! asked for:
//!
//! ```
//! use narrows_estimators::{Pass, Variable, registry};
//! use ndarray::{Array2, Axis};
//!
//! let x = Array2::from_shape_fn((5000, 2), |(i, j)| ((i * (j + 3)) as f64 * 0.7).sin());
//! let labels: Vec<u32> = (0..5000).map(|i| u32::from(x[[i, 0]] > 0.0)).collect();
//! let mut stream = registry::streaming_mutual_information("binning:bins=8").unwrap();
//! let found = loop {
//!     for (x, y) in x.axis_chunks_iter(Axis(0), 700).zip(labels.chunks(700)) {
//!         stream.add(&[Variable::Continuous(x), Variable::Discrete(y)]).unwrap();
//!     }
//!     if let Pass::Done(estimate) = stream.end_pass().unwrap() {
//!         break estimate;
//!     }
//! };
//! let at_once = registry::mutual_information("binning:bins=8").unwrap();
//! let in_memory = at_once.estimate(Variable::Continuous(x.view()), Variable::Discrete(&labels)).unwrap();
//! assert_eq!(found, in_memory);
//! ```
//!
//! The estimators in memory use the same sums over the same blocks of rows, so that the estimates are equal, bit for
//! bit, for parts of any size and on any number of threads.

mod binned;
mod blocks;
mod compressed;
mod counted;
mod gaussian;
mod layer;
mod linear;
mod moments;
mod passes;

pub(crate) use binned::BinnedStream;
pub(crate) use compressed::CompressedStream;
pub(crate) use counted::CountedStream;
pub(crate) use gaussian::{GaussianStream, Norms};
pub use layer::LayerStream;
pub(crate) use linear::LinearStream;
pub(crate) use moments::{MomentSums, Moments};

use crate::{Estimate, EstimatorError, Variable};
use passes::Passes;

/// What is to be estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    MutualInformation,
    Entropy,
}

/// What comes after a pass over the data.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // One a run.
pub enum Pass {
    /// Another one, from the first row.
    Again,
    /// The estimate.
    Done(Estimate),
}

/// What an estimator remembers between parts; everything that it is shown has been checked by [`Streaming`].
pub(crate) trait State: Send {
    /// Takes further rows, one variable or two, the first of which is the row of this number from 0.
    fn add(&mut self, rows: &[Variable<'_>], first_row: usize) -> Result<(), EstimatorError>;

    /// All rows have been seen, so many.
    fn end_pass(&mut self, rows: usize) -> Result<Pass, EstimatorError>;
}

/// An estimate in the making: the door, behind which the parts of the variables have been checked.
pub struct Streaming {
    state: Box<dyn State>,
    variables: usize,
    /// Columns of each variable; `None` for labels.
    shape: Option<Vec<Option<usize>>>,
    passes: Passes,
}

impl Streaming {
    pub(crate) fn new(state: Box<dyn State>, wanted: Wanted) -> Self {
        let variables = if wanted == Wanted::Entropy { 1 } else { 2 };
        Self { state, variables, shape: None, passes: Passes::default() }
    }

    /// Rows taken in this pass.
    pub fn rows(&self) -> usize {
        self.passes.rows()
    }

    /// Takes further rows: two variables for a mutual information, one for an entropy. No rows are no harm.
    ///
    /// # Errors
    /// When the variables differ in length, are of another kind or width than before, a value is not finite or too
    /// large (its row is counted from the first of the pass), or a variable is of a kind that the estimator does not take.
    pub fn add(&mut self, rows: &[Variable<'_>]) -> Result<(), EstimatorError> {
        let count = rows.first().map_or(0, Variable::len);
        if let Some(other) = rows.iter().find(|v| v.len() != count) {
            return Err(EstimatorError::LengthMismatch { left: self.rows() + count, right: self.rows() + other.len() });
        }
        if rows.len() != self.variables {
            return Err(EstimatorError::UnlikeParts);
        }
        if count == 0 {
            return Ok(());
        }
        let width = |v: &Variable<'_>| match v {
            Variable::Continuous(values) => Some(values.ncols()),
            Variable::Discrete(_) => None,
        };
        let shape: Vec<Option<usize>> = rows.iter().map(width).collect();
        match &self.shape {
            Some(known) if *known != shape => return Err(EstimatorError::UnlikeParts),
            Some(_) => {}
            None if shape.contains(&Some(0)) => return Err(EstimatorError::NoUnits),
            None => self.shape = Some(shape),
        }
        for variable in rows {
            if let Variable::Continuous(values) = variable {
                crate::pair::finite(values).map_err(|e| match e {
                    EstimatorError::NotFinite { row, column, value, .. } => {
                        EstimatorError::NotFiniteAt { row: self.rows() + row, column, value }
                    }
                    other => other,
                })?;
            }
        }
        self.state.add(rows, self.passes.rows())?;
        self.passes.add(count);
        Ok(())
    }

    /// All rows have been handed over.
    ///
    /// # Errors
    /// When there are too few samples, another number than in the pass before, or the estimate cannot be made of them.
    pub fn end_pass(&mut self) -> Result<Pass, EstimatorError> {
        let found = self.passes.end()?;
        self.state.end_pass(found)
    }
}

#[cfg(test)]
mod tests;
