//! Rows gathered into blocks of a fixed number.
//!
//! Sums of floating-point numbers depend on the order in which they are added. Whoever sums by these blocks has the same
//! bits from a whole array, from chunks of any size, and on any number of threads.

use ndarray::{ArrayView2, Axis};

/// Rows in a block, a constant of the estimators.
pub(crate) const BLOCK: usize = 1024;
/// Numbers that may wait until they are worked on, so that several threads have a block each.
const WAITING: usize = 1 << 20;
/// Blocks that may wait.
const MOST_BLOCKS: usize = 16;

/// Rows on their way into blocks.
pub(crate) struct Blocks {
    width: usize,
    rows: Vec<f64>,
    /// Rows that are handed on together, a multiple of [`BLOCK`].
    batch: usize,
}

impl Blocks {
    /// For rows of so many columns.
    pub(crate) fn new(width: usize) -> Self {
        let blocks = (WAITING / (BLOCK * width.max(1))).clamp(1, MOST_BLOCKS);
        Self { width, rows: Vec::new(), batch: blocks * BLOCK }
    }

    /// Adds rows, the columns of the sides next to each other; whole blocks, one or more at a time, go to `full`.
    pub(crate) fn add(&mut self, sides: &[ArrayView2<'_, f64>], mut full: impl FnMut(&[ArrayView2<'_, f64>])) {
        let count = sides.first().map_or(0, ArrayView2::nrows);
        for row in 0..count {
            for side in sides {
                let row = side.row(row);
                match row.as_slice() {
                    Some(values) => self.rows.extend_from_slice(values),
                    None => self.rows.extend(row),
                }
            }
            if self.rows.len() == self.batch * self.width {
                with_blocks(&self.rows, self.width, &mut full);
                self.rows.clear();
            }
        }
    }

    /// Hands on what is left: whole blocks, and a last one that may be shorter.
    pub(crate) fn finish(&mut self, mut full: impl FnMut(&[ArrayView2<'_, f64>])) {
        if !self.rows.is_empty() {
            with_blocks(&self.rows, self.width, &mut full);
            self.rows = Vec::new();
        }
    }
}

fn with_blocks(rows: &[f64], width: usize, full: &mut impl FnMut(&[ArrayView2<'_, f64>])) {
    // The length is a multiple of the width, by construction.
    if let Ok(all) = ArrayView2::from_shape((rows.len() / width.max(1), width), rows) {
        full(&all.axis_chunks_iter(Axis(0), BLOCK).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn blocks_do_not_depend_on_how_rows_come() {
        let (x, y) = (
            Array2::from_shape_fn((5000, 3), |(i, j)| (i * 3 + j) as f64),
            Array2::from_shape_fn((5000, 2), |(i, j)| -((i * 2 + j) as f64)),
        );
        let cut = |chunk: usize| {
            let (mut blocks, mut found) = (Blocks::new(5), Vec::<Array2<f64>>::new());
            for (x, y) in x.axis_chunks_iter(Axis(0), chunk).zip(y.axis_chunks_iter(Axis(0), chunk)) {
                blocks.add(&[x, y], |full| found.extend(full.iter().map(ArrayView2::to_owned)));
            }
            blocks.finish(|full| found.extend(full.iter().map(ArrayView2::to_owned)));
            found
        };
        let whole = cut(5000);
        assert_eq!(whole.iter().map(Array2::nrows).collect::<Vec<_>>(), [1024, 1024, 1024, 1024, 904]);
        assert_eq!((whole[1][[0, 0]], whole[4][[903, 4]]), (3072.0, -9999.0));
        for chunk in [1, 7, 1000, 1024, 4999] {
            assert_eq!(cut(chunk), whole, "{chunk}");
        }
    }
}
