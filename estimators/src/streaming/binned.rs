//! Uniform binning's state: the edges, after a pass for the smallest and largest values where they depend on them, and
//! how often each row of bins has been seen. Memory grows with the different rows of bins, not with the rows.

use super::counted::LabelNumbers;
use super::{Pass, State, Wanted};
use crate::binning::{Grid, Span, entropy_of, information_of};
use crate::discrete::{RowNumbers, SymbolCounts};
use crate::{EstimatorError, UniformBinning, Variable};

/// Counts of binned states.
pub(crate) struct BinnedStream {
    estimator: UniformBinning,
    wanted: Wanted,
    sides: Vec<Side>,
    /// Whether this pass is for the spans.
    looking: bool,
    counts: SymbolCounts,
}

enum Side {
    Binned { spans: Vec<Span>, cut: Option<(Grid, RowNumbers)> },
    Labels(LabelNumbers),
}

impl BinnedStream {
    pub(crate) fn new(estimator: UniformBinning, wanted: Wanted) -> Self {
        Self { estimator, wanted, sides: vec![], looking: estimator.needs_spans(), counts: SymbolCounts::default() }
    }

    fn begin(&mut self, rows: &[Variable<'_>]) -> Result<(), EstimatorError> {
        let side = |variable: &Variable<'_>| match variable {
            Variable::Continuous(_) => Side::Binned { spans: vec![], cut: None },
            Variable::Discrete(_) => Side::Labels(LabelNumbers::default()),
        };
        self.sides = rows.iter().map(side).collect();
        if self.sides.iter().any(|side| matches!(side, Side::Binned { .. })) {
            return Ok(());
        }
        let expected = if self.wanted == Wanted::Entropy { "continuous" } else { "at least one continuous" };
        Err(EstimatorError::WrongKind { estimator: UniformBinning::NAME, expected })
    }
}

impl State for BinnedStream {
    fn add(&mut self, rows: &[Variable<'_>], _: usize) -> Result<(), EstimatorError> {
        if self.sides.is_empty() {
            self.begin(rows)?;
        }
        let mut symbols: Vec<Vec<u32>> = Vec::with_capacity(2);
        for (side, variable) in self.sides.iter_mut().zip(rows) {
            match (side, variable) {
                (Side::Binned { spans, .. }, Variable::Continuous(values)) if self.looking => {
                    Span::widen(spans, values.view());
                }
                (Side::Binned { spans, cut }, Variable::Continuous(values)) => {
                    let (grid, numbers) = cut.get_or_insert_with(|| {
                        (self.estimator.grid(|| spans.clone()), RowNumbers::new(values.ncols()))
                    });
                    symbols.push(grid.number(numbers, values.view()));
                }
                (Side::Labels(numbers), Variable::Discrete(labels)) if !self.looking => {
                    symbols.push(numbers.number(labels));
                }
                // Labels have no span; a variable's kind stays what it is.
                _ => {}
            }
        }
        match symbols.as_slice() {
            [x, y] => self.counts.add(x, y),
            [x] => self.counts.add(x, &vec![0; x.len()]),
            _ => {}
        }
        Ok(())
    }

    fn end_pass(&mut self, _: usize) -> Result<Pass, EstimatorError> {
        if std::mem::take(&mut self.looking) {
            return Ok(Pass::Again);
        }
        let correction = self.estimator.correction;
        Ok(Pass::Done(match self.wanted {
            Wanted::MutualInformation => information_of(&self.counts, correction),
            Wanted::Entropy => entropy_of(&self.counts, correction),
        }))
    }
}
