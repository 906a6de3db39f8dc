//! Every point against every point, in tiles that stay in the cache: where dimensions are so many that a tree passes
//! over nothing.
//!
//! Distances are first measured in 32-bit, twice as many to a register, and only those that the rounding leaves in doubt,
//! and those of neighbours, again in 64-bit: the answers are those of 64-bit to the bit. Lanes that are all farther away
//! than matters after the first few coordinates are given up there: the points are sorted so that those of a group of
//! lanes are near each other in these, and so it is nearly always.

use super::candidates::Candidates;
use super::metric::{LANES, Metric, distance, larger};
use super::tree::halve;
use super::{Boundary, Nearest};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::ops::Range;

/// Points in a tile.
const TILE: usize = 8 * LANES;
/// Points whose neighbours are sought by one task.
const TASK: usize = 128;
/// Points that are measured together in 32-bit. Half as many take 1.65 times as long (KSG of 10 + 10 dimensions, N = 10⁴:
/// 0.39 s against 0.24): with as many again to add up, the processor waits less for each sum.
const WIDTH: usize = 2 * LANES;
/// Coordinates after which lanes are looked at again.
const STEP: usize = 4;

pub(crate) struct Scan {
    dimension: usize,
    n: usize,
    blocks: Vec<Range<usize>>,
    /// Ranges of at most [`STEP`] coordinates of one block, and whether the block ends with them.
    steps: Vec<(Range<usize>, bool)>,
    /// The row of each place in what follows.
    order: Vec<u32>,
    /// Place by place.
    flat: Vec<f64>,
    /// The same less the columns' middles and over the largest of them, so that all lie in −1…1.
    singles: Vec<f32>,
    /// [tile][coordinate][TILE] of those, filled up with infinity.
    tiles: Vec<f32>,
    /// What the coordinates were divided by.
    unit: f64,
    /// What a distance in 32-bit may differ by from the true one, in that unit.
    slack: f64,
}

impl Scan {
    pub(crate) fn new(points: ArrayView2<'_, f64>, blocks: &[Range<usize>]) -> Self {
        let (n, dimension) = points.dim();
        let order = ordered(points, STEP.min(blocks[0].len()));
        let flat: Vec<f64> = order.iter().flat_map(|&row| points.row(row as usize).into_iter().copied()).collect();
        let middles: Vec<f64> = points
            .columns()
            .into_iter()
            .map(|c| {
                let (low, high) = c.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
                low / 2.0 + high / 2.0
            })
            .collect();
        let centred = |row: &[f64], c: usize| row[c] - middles[c];
        let largest = flat
            .chunks_exact(dimension)
            .flat_map(|row| (0..dimension).map(move |c| centred(row, c).abs()))
            .fold(0.0, larger);
        // Smaller ones would overflow when they are divided by; then nothing is certain in 32-bit, and all is looked at twice.
        let unit = if largest > 1e-100 && largest.is_finite() { largest } else { 1.0 };
        let mut singles = Vec::with_capacity(n * dimension);
        let mut tiles = vec![f32::INFINITY; n.div_ceil(TILE) * dimension * TILE];
        for (row, values) in flat.chunks_exact(dimension).enumerate() {
            for c in 0..dimension {
                let value = (centred(values, c) / unit) as f32;
                tiles[((row / TILE) * dimension + c) * TILE + row % TILE] = value;
                singles.push(value);
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
        // Each coordinate is rounded by 2⁻²⁵ of at most 1 and each difference, of at most 2, by 2⁻²⁴: below 2⁻²² together,
        // in each of the coordinates. Sums of squares round once more a coordinate.
        let d = dimension as f64;
        let slack = d.sqrt() * (2f64.powi(-21) + d * 2f64.powi(-23));
        Self { dimension, n, blocks: blocks.to_vec(), steps, order, flat, singles, tiles, unit, slack }
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
        for (&row, found) in self.order.iter().zip(parts.iter().flatten()) {
            nearest.set(row as usize, found.found());
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
        let mut counts = vec![0; self.n];
        for (&row, count) in self.order.iter().zip(parts.into_iter().flatten()) {
            counts[row as usize] = count;
        }
        counts
    }

    fn tasks(&self) -> Vec<Range<usize>> {
        (0..self.n).step_by(TASK).map(|start| start..(start + TASK).min(self.n)).collect()
    }

    /// In 32-bit: nothing that reads above the first can be as near as `reduced`, and everything that reads at most the
    /// second is.
    #[inline(always)]
    fn limits<M: Metric>(&self, reduced: f64) -> (f32, f32) {
        if reduced < 0.0 {
            return (-1.0, -1.0);
        }
        let one = M::add(0.0, 1.0 / self.unit);
        let (high, low) = M::within(reduced * one, self.slack);
        ((high as f32).next_up(), if low > 0.0 { (low as f32).next_down() } else { -1.0 })
    }

    /// Reduced distance of two points in 64-bit.
    #[inline(always)]
    fn exact<M: Metric>(&self, a: usize, b: usize) -> f64 {
        let point = |row: usize| &self.flat[row * self.dimension..][..self.dimension];
        distance::<M>(point(a), point(b), &self.blocks)
    }

    /// Reduced distances in 32-bit to the lanes from `offset` of a tile; `None` when all are larger than `bound`.
    #[inline(always)]
    fn distances<M: Metric>(&self, point: &[f32], tile: &[f32], offset: usize, bound: f32) -> Option<[f32; WIDTH]> {
        let mut largest = [0f32; WIDTH];
        let mut total = [0f32; WIDTH];
        for (range, last) in &self.steps {
            for c in range.clone() {
                let value = point[c];
                let others = &tile[c * TILE + offset..][..WIDTH];
                for lane in 0..WIDTH {
                    total[lane] = M::add_single(total[lane], value - others[lane]);
                }
            }
            let mut near = false;
            for lane in 0..WIDTH {
                let so_far = if largest[lane] > total[lane] { largest[lane] } else { total[lane] };
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

/// The rows, so that those that follow each other are near each other in the first `d` coordinates.
fn ordered(points: ArrayView2<'_, f64>, d: usize) -> Vec<u32> {
    let n = points.nrows();
    let first: Vec<f64> = points.rows().into_iter().flat_map(|row| row.into_iter().take(d).copied()).collect();
    let mut order: Vec<u32> = (0..n as u32).collect();
    halve(&first, d, &mut order, &mut vec![0; n], n.div_ceil(LANES).max(1));
    order
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
        let mut limits = vec![f32::INFINITY; self.rows.len()];
        // From their own tile on: what is found there spares most of the rest.
        let count = scan.n.div_ceil(TILE);
        let home = self.rows.start / TILE;
        for number in (home..count).chain(0..home) {
            let tile = &scan.tiles[number * d * TILE..][..d * TILE];
            for ((row, found), limit) in self.rows.clone().zip(&mut output).zip(&mut limits) {
                let point = &scan.singles[row * d..][..d];
                for offset in (0..TILE).step_by(WIDTH) {
                    let Some(distances) = scan.distances::<M>(point, tile, offset, *limit) else { continue };
                    for (lane, &distance) in distances.iter().enumerate() {
                        let other = number * TILE + offset + lane;
                        if distance <= *limit && other != row && other < scan.n {
                            let bound = found.bound();
                            found.offer(scan.exact::<M>(row, other), scan.order[other]);
                            if found.bound() < bound {
                                *limit = scan.limits::<M>(found.bound()).0;
                            }
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
        let limits: Vec<(f64, f32, f32)> = self
            .rows
            .clone()
            .map(|row| {
                let radius = self.boundary.inclusive(self.radii[scan.order[row] as usize]);
                let (far, sure) = scan.limits::<M>(radius);
                (radius, far, sure)
            })
            .collect();
        for (number, tile) in scan.tiles.chunks_exact(d * TILE).enumerate() {
            for ((row, count), &(radius, far, sure)) in self.rows.clone().zip(&mut output).zip(&limits) {
                let point = &scan.singles[row * d..][..d];
                for offset in (0..TILE).step_by(WIDTH) {
                    // Lanes that fill up the last tile are infinitely far away.
                    let Some(distances) = scan.distances::<M>(point, tile, offset, far) else { continue };
                    let certain: u32 = distances.iter().map(|d| u32::from(*d <= sure)).sum();
                    let possible: u32 = distances.iter().map(|d| u32::from(*d <= far)).sum();
                    *count += certain;
                    if possible > certain {
                        for (lane, &distance) in distances.iter().enumerate() {
                            let other = number * TILE + offset + lane;
                            if distance > sure && distance <= far && other < scan.n {
                                *count += u32::from(scan.exact::<M>(row, other) <= radius);
                            }
                        }
                    }
                }
            }
        }
        for (count, &(radius, _, _)) in output.iter_mut().zip(&limits) {
            *count -= u32::from(radius >= 0.0);
        }
        output
    }
}
