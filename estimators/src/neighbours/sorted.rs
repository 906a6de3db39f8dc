//! Neighbours on a line: a sorted array answers by position.

use super::{Boundary, Nearest};
use rayon::prelude::*;

/// Values in ascending order, with their rows.
pub(crate) struct Sorted {
    values: Vec<f64>,
    rows: Vec<u32>,
}

/// Points answered by one task.
const TASK: usize = 4096;

impl Sorted {
    pub(crate) fn new(values: impl Iterator<Item = f64>) -> Self {
        let mut pairs: Vec<(f64, u32)> = values.zip(0..).collect();
        pairs.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (values, rows) = pairs.into_iter().unzip();
        Self { values, rows }
    }

    /// How many other points lie within each point's own radius; `reduce` is what turns a difference into the reduced
    /// form of the radii.
    pub(crate) fn count(&self, radii: &[f64], boundary: Boundary, reduce: impl Fn(f64) -> f64 + Sync) -> Vec<u32> {
        let parts: Vec<Vec<u32>> = (0..self.values.len())
            .collect::<Vec<_>>()
            .par_chunks(TASK)
            .map(|positions| {
                positions
                    .iter()
                    .map(|&at| {
                        let radius = boundary.inclusive(radii[self.rows[at] as usize]);
                        let value = self.values[at];
                        let within = |other: f64| reduce(value - other) <= radius;
                        let above = gallop(self.values.len() - 1 - at, |step| within(self.values[at + step]));
                        let below = gallop(at, |step| within(self.values[at - step]));
                        (above + below) as u32
                    })
                    .collect()
            })
            .collect();
        let mut counts = vec![0; self.values.len()];
        for (count, &row) in parts.iter().flatten().zip(&self.rows) {
            counts[row as usize] = *count;
        }
        counts
    }

    /// The k nearest other points of every point.
    pub(crate) fn nearest(&self, k: usize, reduce: impl Fn(f64) -> f64 + Sync) -> Nearest {
        let n = self.values.len();
        let mut nearest = Nearest::new(n, k);
        let mut found = super::candidates::Candidates::new(k);
        for at in 0..n {
            found.clear();
            // Outwards on both sides, as long as a side can still hold something as near as the k-th.
            for other in (0..at).rev() {
                let distance = reduce(self.values[at] - self.values[other]);
                if distance > found.bound() {
                    break;
                }
                found.offer(distance, self.rows[other]);
            }
            for other in at + 1..n {
                let distance = reduce(self.values[other] - self.values[at]);
                if distance > found.bound() {
                    break;
                }
                found.offer(distance, self.rows[other]);
            }
            nearest.set(self.rows[at] as usize, found.found());
        }
        nearest
    }
}

/// The largest step in 0..=limit for which `holds`, which holds up to some step and not beyond: doubling, then halving.
#[inline]
fn gallop(limit: usize, holds: impl Fn(usize) -> bool) -> usize {
    let mut reached = 0;
    let mut stride = 1;
    while reached + stride <= limit && holds(reached + stride) {
        reached += stride;
        stride *= 2;
    }
    while stride > 0 {
        if reached + stride <= limit && holds(reached + stride) {
            reached += stride;
        }
        stride /= 2;
    }
    reached
}
