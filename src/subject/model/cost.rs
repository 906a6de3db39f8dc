//! What running a network takes, before it is run.

use crate::subject::graph::{Axis, Tap};

/// Bytes that one sample takes while a network is run on it, about: the largest value with what a convolution unfolds
/// of it, and the layers that are kept, twice. Open axes beyond the samples are taken for `open` long.
pub(super) fn bytes_per_sample(all: &[Tap], kept: &[usize], open: usize) -> u64 {
    // A convolution of 3 × 3 unfolds each value nine times; beside it are its input and its output.
    const UNFOLDED: u64 = 12;
    let count = |tap: &Tap| -> u64 {
        let axes = tap.shape.as_deref().unwrap_or_default().iter().skip(1);
        axes.map(|axis| match axis {
            Axis::Known(n) => *n as u64,
            Axis::Open(_) => open as u64,
        })
        .product()
    };
    let largest = all.iter().map(count).max().unwrap_or(1);
    let kept: u64 = kept.iter().map(|&i| count(&all[i])).sum();
    4 * (UNFOLDED * largest + 3 * kept)
}
