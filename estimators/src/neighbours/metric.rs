//! Distances between points that consist of blocks, one block a variable.
//!
//! The distance of two points is the largest over the blocks of the distance within the block, which is the largest
//! coordinate difference or the Euclidean one. It is kept in a *reduced* form that costs no root: the square, where
//! the norm is Euclidean. Radii are handed on in the same form, so that "closer than the k-th neighbour" is decided on
//! numbers that were computed alike and not on rounded roots.

use std::ops::Range;

/// How distances are measured within a block.
pub(crate) trait Metric: Copy + Send + Sync + 'static {
    /// A distance so far, with the difference in one more coordinate.
    fn add(total: f64, difference: f64) -> f64;

    /// The same in 32-bit, for looking twice.
    fn add_single(total: f32, difference: f32) -> f32;

    /// The distance, up to rounding.
    fn length(reduced: f64) -> f64;

    /// The largest and the smallest reduced distance whose distance differs from that of `reduced` by `slack` or less;
    /// a negative one when there is none that small.
    fn within(reduced: f64, slack: f64) -> (f64, f64);
}

/// The largest coordinate difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maximum;

impl Metric for Maximum {
    #[inline(always)]
    fn add(total: f64, difference: f64) -> f64 {
        larger(total, difference.abs())
    }

    #[inline(always)]
    fn add_single(total: f32, difference: f32) -> f32 {
        let difference = difference.abs();
        if total > difference { total } else { difference }
    }

    #[inline(always)]
    fn length(reduced: f64) -> f64 {
        reduced
    }

    #[inline(always)]
    fn within(reduced: f64, slack: f64) -> (f64, f64) {
        (reduced + slack, reduced - slack)
    }
}

/// The square of the Euclidean distance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Euclidean;

impl Metric for Euclidean {
    #[inline(always)]
    fn add(total: f64, difference: f64) -> f64 {
        total + difference * difference
    }

    #[inline(always)]
    fn add_single(total: f32, difference: f32) -> f32 {
        total + difference * difference
    }

    #[inline(always)]
    fn length(reduced: f64) -> f64 {
        reduced.sqrt()
    }

    #[inline(always)]
    fn within(reduced: f64, slack: f64) -> (f64, f64) {
        let distance = reduced.max(0.0).sqrt();
        ((distance + slack).powi(2), if distance > slack { (distance - slack).powi(2) } else { -1.0 })
    }
}

/// One instruction, unlike `f64::max`, which has to mind NaN.
#[inline(always)]
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The blocks' ranges of coordinates, from their widths.
pub(crate) fn blocks(widths: &[usize]) -> Vec<Range<usize>> {
    let mut start = 0;
    widths
        .iter()
        .map(|width| {
            start += width;
            start - width..start
        })
        .collect()
}

/// Reduced distance of two points, coordinate by coordinate as every engine adds them.
#[inline(always)]
pub(crate) fn distance<M: Metric>(a: &[f64], b: &[f64], blocks: &[Range<usize>]) -> f64 {
    blocks.iter().map(|block| block.clone().fold(0.0, |total, c| M::add(total, a[c] - b[c]))).fold(0.0, larger)
}

/// Reduced distances from a point, of which `point` tells each coordinate, to [`LANES`] points, which stand coordinate by
/// coordinate.
///
/// `coordinates[c * stride ..]` holds coordinate `c` of the points.
#[inline(always)]
pub(crate) fn distances<M: Metric>(
    point: impl Fn(usize) -> f64,
    coordinates: &[f64],
    stride: usize,
    blocks: &[Range<usize>],
) -> [f64; LANES] {
    let mut largest = [0f64; LANES];
    for block in blocks {
        let mut total = [0f64; LANES];
        for c in block.clone() {
            let value = point(c);
            let others: &[f64] = &coordinates[c * stride..][..LANES];
            for lane in 0..LANES {
                total[lane] = M::add(total[lane], value - others[lane]);
            }
        }
        for lane in 0..LANES {
            largest[lane] = larger(largest[lane], total[lane]);
        }
    }
    largest
}

/// Points that are measured together: two 512-bit registers.
pub(crate) const LANES: usize = 16;
