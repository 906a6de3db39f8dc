//! Which pairs samples fetch.

use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// The pairs that samples fetch, found once: keys are frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Numbers of pairs among those of all heads, head · pairs + pair, nearest first within a head
    /// [samples × heads · nearest].
    pub pairs: Array2<u32>,
}

impl Fetched {
    /// Samples.
    pub fn n_samples(&self) -> usize {
        self.pairs.nrows()
    }

    /// What these samples fetch, in this order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        Self { pairs: self.pairs.select(Axis(0), rows) }
    }

    /// How often each of `pairs` pairs (of all heads) was fetched.
    pub fn counts(&self, pairs: usize) -> Vec<u64> {
        let mut counts = vec![0; pairs];
        self.pairs.iter().for_each(|&p| counts[p as usize] += 1);
        counts
    }

    /// Pieces one below the other.
    pub(crate) fn stacked(pieces: &[ArrayView2<'_, u32>], columns: usize) -> Self {
        let pairs = concatenate(Axis(0), pieces).unwrap_or_else(|_| Array2::zeros((0, columns)));
        Self { pairs }
    }
}
