//! Every point against every point, in tiles that stay in the cache: where dimensions are so many that a tree passes
//! over nothing.
//!
//! Lanes that are all farther away than matters after the first few coordinates are given up there, which is nearly
//! always.

use super::candidates::Candidates;
use super::metric::{LANES, Metric, larger};
use super::{Boundary, Nearest};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::ops::Range;

/// Points in a tile.
const TILE: usize = 8 * LANES;
/// Points whose neighbours are sought by one task.
const TASK: usize = 128;
/// Coordinates after which lanes are looked at again.
const STEP: usize = 4;

pub(crate) struct Scan {
    dimension: usize,
    n: usize,
    /// Ranges of at most [`STEP`] coordinates of one block, and whether the block ends with them.
    steps: Vec<(Range<usize>, bool)>,
    /// Row by row.
    flat: Vec<f64>,
    /// [tile][coordinate][TILE], filled up with infinity.
    tiles: Vec<f64>,
}

impl Scan {
    pub(crate) fn new(points: ArrayView2<'_, f64>, blocks: &[Range<usize>]) -> Self {
        let (n, dimension) = points.dim();
        let flat: Vec<f64> = points.iter().copied().collect();
        let mut tiles = vec![f64::INFINITY; n.div_ceil(TILE) * dimension * TILE];
        for (row, values) in flat.chunks_exact(dimension).enumerate() {
            for (c, &value) in values.iter().enumerate() {
                tiles[((row / TILE) * dimension + c) * TILE + row % TILE] = value;
            }
        }
        let steps = blocks
            .iter()
            .flat_map(|block| {
                block.clone().step_by(STEP).map(move |start| {
                    let end = (start + STEP).min(block.end);
                    (start..end, end == block.end)
                })
            })
            .collect();
        Self { dimension, n, steps, flat, tiles }
    }

    pub(crate) fn nearest<M: Metric>(&self, k: usize) -> Nearest {
        let parts: Vec<Vec<Candidates>> = self
            .tasks()
            .into_par_iter()
            .map(|rows| {
                pulp::Arch::new().dispatch(NearestTask::<M> { scan: self, k, rows, metric: Default::default() })
            })
            .collect();
        let mut nearest = Nearest::new(self.n, k);
        for (row, found) in parts.iter().flatten().enumerate() {
            nearest.set(row, found.found());
        }
        nearest
    }

    pub(crate) fn count<M: Metric>(&self, radii: &[f64], boundary: Boundary) -> Vec<u32> {
        let parts: Vec<Vec<u32>> = self
            .tasks()
            .into_par_iter()
            .map(|rows| {
                let task = CountTask::<M> { scan: self, radii, boundary, rows, metric: Default::default() };
                pulp::Arch::new().dispatch(task)
            })
            .collect();
        parts.into_iter().flatten().collect()
    }

    fn tasks(&self) -> Vec<Range<usize>> {
        (0..self.n).step_by(TASK).map(|start| start..(start + TASK).min(self.n)).collect()
    }

    /// Reduced distances to the lanes from `offset` of a tile; `None` when all are larger than `bound`.
    #[inline(always)]
    fn distances<M: Metric>(&self, point: &[f64], tile: &[f64], offset: usize, bound: f64) -> Option<[f64; LANES]> {
        let mut largest = [0f64; LANES];
        let mut total = [0f64; LANES];
        for (range, last) in &self.steps {
            for c in range.clone() {
                let value = point[c];
                let others = &tile[c * TILE + offset..][..LANES];
                for lane in 0..LANES {
                    total[lane] = M::add(total[lane], value - others[lane]);
                }
            }
            let mut near = false;
            for lane in 0..LANES {
                let so_far = larger(largest[lane], total[lane]);
                near |= so_far <= bound;
                if *last {
                    largest[lane] = so_far;
                    total[lane] = 0.0;
                }
            }
            if !near {
                return None;
            }
        }
        Some(largest)
    }
}

struct NearestTask<'a, M> {
    scan: &'a Scan,
    k: usize,
    rows: Range<usize>,
    metric: std::marker::PhantomData<M>,
}

impl<M: Metric> pulp::WithSimd for NearestTask<'_, M> {
    type Output = Vec<Candidates>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        let (scan, d) = (self.scan, self.scan.dimension);
        let mut output = vec![Candidates::new(self.k); self.rows.len()];
        for (number, tile) in scan.tiles.chunks_exact(d * TILE).enumerate() {
            for (row, found) in self.rows.clone().zip(&mut output) {
                let point = &scan.flat[row * d..][..d];
                for offset in (0..TILE).step_by(LANES) {
                    let Some(distance) = scan.distances::<M>(point, tile, offset, found.bound()) else { continue };
                    for (lane, &distance) in distance.iter().enumerate() {
                        let other = number * TILE + offset + lane;
                        if distance <= found.bound() && other != row && other < scan.n {
                            found.offer(distance, other as u32);
                        }
                    }
                }
            }
        }
        output
    }
}

struct CountTask<'a, M> {
    scan: &'a Scan,
    radii: &'a [f64],
    boundary: Boundary,
    rows: Range<usize>,
    metric: std::marker::PhantomData<M>,
}

impl<M: Metric> pulp::WithSimd for CountTask<'_, M> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        let (scan, d) = (self.scan, self.scan.dimension);
        let mut output = vec![0u32; self.rows.len()];
        for tile in scan.tiles.chunks_exact(d * TILE) {
            for (row, count) in self.rows.clone().zip(&mut output) {
                let point = &scan.flat[row * d..][..d];
                let radius = self.boundary.inclusive(self.radii[row]);
                for offset in (0..TILE).step_by(LANES) {
                    // Lanes that fill up the last tile are infinitely far away.
                    let Some(distance) = scan.distances::<M>(point, tile, offset, radius) else { continue };
                    *count += distance.iter().map(|d| u32::from(*d <= radius)).sum::<u32>();
                }
            }
        }
        for (row, count) in self.rows.clone().zip(&mut output) {
            *count -= u32::from(self.boundary.inclusive(self.radii[row]) >= 0.0);
        }
        output
    }
}
