//! The plug-in estimator's state: how often each value, and each pair of values, has been seen.

use super::{Pass, State, Wanted};
use crate::discrete::{Correction, SymbolCounts, entropy_of_labels};
use crate::{EstimatorError, Variable};
use rustc_hash::FxHashMap;

/// Labels of any size, numbered from 0 in the order in which they appear.
#[derive(Default)]
pub(super) struct LabelNumbers {
    seen: FxHashMap<u32, u32>,
}

impl LabelNumbers {
    pub(super) fn number(&mut self, labels: &[u32]) -> Vec<u32> {
        let number = |label: &u32| {
            let next = self.seen.len() as u32;
            *self.seen.entry(*label).or_insert(next)
        };
        labels.iter().map(number).collect()
    }

    /// How many different ones there have been.
    pub(super) fn distinct(&self) -> usize {
        self.seen.len()
    }
}

/// Counts of labels.
pub(crate) struct CountedStream {
    correction: Correction,
    wanted: Wanted,
    numbers: [LabelNumbers; 2],
    pairs: SymbolCounts,
    alone: Vec<usize>,
}

impl CountedStream {
    pub(crate) fn new(correction: Correction, wanted: Wanted) -> Self {
        Self { correction, wanted, numbers: Default::default(), pairs: SymbolCounts::default(), alone: vec![] }
    }
}

impl State for CountedStream {
    fn add(&mut self, rows: &[Variable<'_>], _: usize) -> Result<(), EstimatorError> {
        let [of_x, of_y] = &mut self.numbers;
        match rows {
            [Variable::Discrete(x), Variable::Discrete(y)] => self.pairs.add(&of_x.number(x), &of_y.number(y)),
            [Variable::Discrete(x)] => {
                for symbol in of_x.number(x) {
                    let symbol = symbol as usize;
                    self.alone.resize(self.alone.len().max(symbol + 1), 0);
                    self.alone[symbol] += 1;
                }
            }
            _ => {
                let expected = if self.wanted == Wanted::Entropy { "discrete" } else { "two discrete" };
                return Err(EstimatorError::WrongKind { estimator: "plug-in", expected });
            }
        }
        Ok(())
    }

    fn end_pass(&mut self, _: usize) -> Result<Pass, EstimatorError> {
        Ok(Pass::Done(match self.wanted {
            Wanted::MutualInformation => self.pairs.mutual_information(self.correction),
            Wanted::Entropy => entropy_of_labels(&self.alone, self.correction),
        }))
    }
}
