//! The Gaussian estimator's state.

use super::blocks::Blocks;
use super::{MomentSums, Moments, Pass, State, Wanted};
use crate::transform::squarable;
use crate::{EstimatorError, Gaussian, Variable};
use ndarray::ArrayView2;

/// Moments of all columns together; with Ledoit and Wolf's shrinkage, norms in a second pass.
pub(crate) struct GaussianStream {
    estimator: Gaussian,
    wanted: Wanted,
    dim_x: usize,
    step: Step,
}

enum Step {
    Empty,
    Moments(MomentSums),
    Norms(Norms),
}

impl GaussianStream {
    pub(crate) fn new(estimator: Gaussian, wanted: Wanted) -> Self {
        Self { estimator, wanted, dim_x: 0, step: Step::Empty }
    }
}

impl State for GaussianStream {
    fn add(&mut self, rows: &[Variable<'_>], first_row: usize) -> Result<(), EstimatorError> {
        let expected = if self.wanted == Wanted::Entropy { "continuous" } else { "two continuous" };
        let sides = rows.iter().map(|variable| match variable {
            Variable::Continuous(values) => {
                squarable(values.view(), first_row)?;
                Ok(values.view())
            }
            Variable::Discrete(_) => Err(EstimatorError::WrongKind { estimator: "gaussian", expected }),
        });
        let sides: Vec<ArrayView2<'_, f64>> = sides.collect::<Result<_, _>>()?;
        if let Step::Empty = self.step {
            self.dim_x = sides[0].ncols();
            self.step = Step::Moments(MomentSums::new(sides.iter().map(ArrayView2::ncols).sum()));
        }
        match &mut self.step {
            Step::Moments(sums) => sums.add(&sides),
            Step::Norms(norms) => norms.add(&sides),
            Step::Empty => {}
        }
        Ok(())
    }

    fn end_pass(&mut self, rows: usize) -> Result<Pass, EstimatorError> {
        let none = || EstimatorError::TooFewSamples { found: rows, needed: 2 };
        let (moments, norms) = match std::mem::replace(&mut self.step, Step::Empty) {
            Step::Empty => return Err(none()),
            Step::Moments(sums) => {
                let moments = sums.finish().ok_or_else(none)?;
                if self.wanted == Wanted::Entropy {
                    return self.estimator.entropy_of_moments(&moments).map(Pass::Done);
                }
                if self.estimator.shrinkage.needs_norms() {
                    self.step = Step::Norms(Norms::new(moments));
                    return Ok(Pass::Again);
                }
                (moments, 0.0)
            }
            Step::Norms(norms) => norms.finish(),
        };
        self.estimator.of_moments(&moments, self.dim_x, rows as f64 - 1.0, norms).map(Pass::Done)
    }
}

/// Σ ‖z‖⁴ over rows standardised by known moments.
pub(crate) struct Norms {
    moments: Moments,
    blocks: Blocks,
    sum: f64,
}

impl Norms {
    pub(crate) fn new(moments: Moments) -> Self {
        Self { blocks: Blocks::new(moments.width()), moments, sum: 0.0 }
    }

    /// Of whole arrays next to each other.
    pub(crate) fn of(moments: &Moments, sides: &[ArrayView2<'_, f64>]) -> f64 {
        let mut norms = Self::new(moments.clone());
        norms.add(sides);
        norms.finish().1
    }

    pub(crate) fn add(&mut self, sides: &[ArrayView2<'_, f64>]) {
        let Self { moments, blocks, sum } = self;
        blocks.add(sides, |full| *sum = added(*sum, moments, full));
    }

    /// The moments and the sum.
    pub(crate) fn finish(mut self) -> (Moments, f64) {
        let Self { moments, blocks, sum } = &mut self;
        blocks.finish(|full| *sum = added(*sum, moments, full));
        (self.moments, self.sum)
    }
}

/// Block by block, so that the sum is the same however many blocks come together.
fn added(sum: f64, moments: &Moments, blocks: &[ArrayView2<'_, f64>]) -> f64 {
    blocks.iter().fold(sum, |sum, block| {
        let z = moments.standardised(block.view());
        sum + z.rows().into_iter().map(|row| row.dot(&row).powi(2)).sum::<f64>()
    })
}
