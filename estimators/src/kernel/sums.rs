//! Sums of Gaussian kernels over all pairs of samples, without the N × N matrix.
//!
//! For each sample i: `Σ_j exp(−‖t_i−t_j‖²/2σ²)` and the same with 8σ² in place of 2σ², over all j and over the j of
//! its own class. One pass serves both widths, as exp(−d/2σ²) is the fourth power of exp(−d/8σ²), and both halves of
//! the symmetric matrix. Distances are summed directly, not by ‖a‖²+‖b‖²−2ab, whose cancellation would spoil the near
//! pairs, which are the ones that count.
//!
//! Rows are sorted by class and cut into tiles of [`TILE`] rows of one class, so that "same class" is a property of a
//! pair of tiles and costs nothing inside. The work is divided into a number of bands that depends on the sample count
//! alone, and the bands are added in order: the sums do not depend on the number of threads. Lanes are added in a
//! fixed order, so they do not depend on the width of the machine's vectors either.

use super::bands::{BANDS, sums_by_band};
use super::fused::Fused;
use crate::Targets;
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Rows in a tile.
const TILE: usize = 64;
/// Lanes that are worked on together: one 512-bit register, or two or four smaller ones.
const LANES: usize = 16;
/// Coordinate of the rows that fill up a tile: infinitely far from every sample, so that they add nothing.
const FAR: f32 = 1e30;

/// Kernel sums of each sample, in the order of [`Targets::order`].
#[derive(Debug, Clone)]
pub(crate) struct KernelSums {
    /// Width 2σ², over all samples; at least 1, which is the sample itself.
    pub(crate) narrow_all: Vec<f64>,
    /// Width 2σ², over the sample's own class.
    pub(crate) narrow_own: Vec<f64>,
    /// Width 8σ², over all samples.
    pub(crate) wide_all: Vec<f64>,
    /// Width 8σ², over the sample's own class.
    pub(crate) wide_own: Vec<f64>,
    /// Class of each sample, in the same order.
    pub(crate) class: Vec<u32>,
}

/// A tile's samples: unit by unit, [`TILE`] values each.
struct Tile {
    class: u32,
    len: usize,
    units: Vec<[f32; TILE]>,
}

/// Sums per padded row: narrow over all, narrow over own class, wide over all, wide over own class.
type Sums = Vec<[f64; 4]>;

impl KernelSums {
    pub(crate) fn new(t: ArrayView2<'_, f32>, targets: &Targets, variance: f64) -> Self {
        let tiles = tiles(t, targets);
        // exp(−d/8σ²) = 2^(d·factor)
        let factor = (-std::f64::consts::LOG2_E / (8.0 * variance)) as f32;
        // Each band holds four sums a sample: fewer bands where samples are many.
        let bands = if t.nrows() <= 100_000 { BANDS } else { 4 };
        let partial: Vec<Sums> = sums_by_band(
            tiles.len(),
            bands,
            || vec![[0.0; 4]; tiles.len() * TILE],
            |sums, i, j| add_pair(sums, &tiles, i, j, factor),
        );
        let mut sums =
            Self { narrow_all: vec![], narrow_own: vec![], wide_all: vec![], wide_own: vec![], class: vec![] };
        for (number, tile) in tiles.iter().enumerate() {
            for row in number * TILE..number * TILE + tile.len {
                let total = partial.iter().fold([0.0; 4], |acc, band| std::array::from_fn(|q| acc[q] + band[row][q]));
                sums.narrow_all.push(total[0]);
                sums.narrow_own.push(total[1]);
                sums.wide_all.push(total[2]);
                sums.wide_own.push(total[3]);
                sums.class.push(tile.class);
            }
        }
        sums
    }
}

fn tiles(t: ArrayView2<'_, f32>, targets: &Targets) -> Vec<Tile> {
    let mut rest = targets.order();
    let mut parts = Vec::new();
    for (class, &count) in targets.counts().iter().enumerate() {
        let (own, others) = rest.split_at(count);
        rest = others;
        parts.extend(own.chunks(TILE).map(|rows| (class as u32, rows)));
    }
    let tile = |(class, rows): (u32, &[u32])| {
        let mut units = vec![[FAR; TILE]; t.ncols()];
        for (slot, &row) in rows.iter().enumerate() {
            for (unit, &value) in t.row(row as usize).iter().enumerate() {
                units[unit][slot] = value;
            }
        }
        Tile { class, len: rows.len(), units }
    };
    parts.into_par_iter().map(tile).collect()
}

fn add_pair(sums: &mut Sums, tiles: &[Tile], i: usize, j: usize, factor: f32) {
    let block = pulp::Arch::new().dispatch(TilePair { rows: &tiles[i].units, columns: &tiles[j].units, factor });
    let same_class = tiles[i].class == tiles[j].class;
    add(&mut sums[i * TILE..][..TILE], &block.narrow_rows, &block.wide_rows, same_class);
    // The tile with itself holds each pair in both orders already.
    if j > i {
        add(&mut sums[j * TILE..][..TILE], &block.narrow_columns, &block.wide_columns, same_class);
    }
}

fn add(sums: &mut [[f64; 4]], narrow: &[f32; TILE], wide: &[f32; TILE], same_class: bool) {
    for ((sum, &n), &w) in sums.iter_mut().zip(narrow).zip(wide) {
        sum[0] += f64::from(n);
        sum[2] += f64::from(w);
        if same_class {
            sum[1] += f64::from(n);
            sum[3] += f64::from(w);
        }
    }
}

/// Row and column sums of the kernels between two tiles. In 32-bit: at most [`TILE`] terms of at most 1 are added
/// before they go into a 64-bit sum.
struct Block {
    narrow_rows: [f32; TILE],
    wide_rows: [f32; TILE],
    narrow_columns: [f32; TILE],
    wide_columns: [f32; TILE],
}

/// A pair of tiles to be summed, with the widest vectors that the machine has.
struct TilePair<'a> {
    rows: &'a [[f32; TILE]],
    columns: &'a [[f32; TILE]],
    factor: f32,
}

impl pulp::WithSimd for TilePair<'_> {
    type Output = Block;

    // Plain loops, which the compiler vectorises for the instruction set that `S` stands for.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Block {
        tile_pair::<S>(self.rows, self.columns, self.factor)
    }
}

#[inline(always)]
fn tile_pair<S: pulp::Simd>(rows: &[[f32; TILE]], columns: &[[f32; TILE]], factor: f32) -> Block {
    let distances = distances::<S>(rows, columns);
    let mut block = Block {
        narrow_rows: [0.0; TILE],
        wide_rows: [0.0; TILE],
        narrow_columns: [0.0; TILE],
        wide_columns: [0.0; TILE],
    };
    for (i, distances) in distances.iter().enumerate() {
        let (mut narrow_row, mut wide_row) = ([0f32; LANES], [0f32; LANES]);
        for (part, distance) in distances.as_chunks::<LANES>().0.iter().enumerate() {
            let wide_column = &mut block.wide_columns.as_chunks_mut::<LANES>().0[part];
            let narrow_column = &mut block.narrow_columns.as_chunks_mut::<LANES>().0[part];
            for lane in 0..LANES {
                let wide = exp2::<S>(distance[lane] * factor);
                let square = wide * wide;
                let narrow = square * square;
                wide_row[lane] += wide;
                narrow_row[lane] += narrow;
                wide_column[lane] += wide;
                narrow_column[lane] += narrow;
            }
        }
        block.wide_rows[i] = fold(wide_row);
        block.narrow_rows[i] = fold(narrow_row);
    }
    block
}

/// Units whose values of both tiles fit the first-level cache together with the distances so far.
const UNITS: usize = 32;
/// Rows whose differences share the loads of a tile's lanes.
const ROWS: usize = 4;

/// ‖a−b‖² of all pairs of rows of two tiles. The units are added one after another, whatever the blocks.
#[inline(always)]
fn distances<S: pulp::Simd>(rows: &[[f32; TILE]], columns: &[[f32; TILE]]) -> [[f32; TILE]; TILE] {
    let mut distances = [[0f32; TILE]; TILE];
    for (rows, columns) in rows.chunks(UNITS).zip(columns.chunks(UNITS)) {
        for (pair, of_rows) in distances.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            for part in 0..TILE / LANES {
                let mut sums = of_rows.map(|row| row.as_chunks::<LANES>().0[part]);
                for (row_units, column_units) in rows.iter().zip(columns) {
                    let others = &column_units.as_chunks::<LANES>().0[part];
                    for (row, sum) in sums.iter_mut().enumerate() {
                        let value = row_units[pair * ROWS + row];
                        for lane in 0..LANES {
                            let difference = value - others[lane];
                            sum[lane] = difference.times_plus::<S>(difference, sum[lane]);
                        }
                    }
                }
                for (of_row, sum) in of_rows.iter_mut().zip(sums) {
                    of_row.as_chunks_mut::<LANES>().0[part] = sum;
                }
            }
        }
    }
    distances
}

/// Adds the lanes pairwise, always in the same order.
#[inline(always)]
fn fold(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// 2^x for x ≤ 0, to a relative error of 2·10⁻⁷; 2⁻¹²⁶ for anything below −126.
///
/// Splits x into a whole number, which goes into the exponent's bits, and a rest in [−½, ½], for which the Taylor
/// polynomial of degree 6 is used. Without branches or conversions, so that it vectorises.
#[inline(always)]
fn exp2<S: pulp::Simd>(x: f32) -> f32 {
    // 1.5·2²³: adding it rounds to a whole number, which is then found in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    const C: [f32; 7] =
        [1.0, std::f32::consts::LN_2, 0.240_226_5, 0.055_504_11, 0.009_618_129, 0.001_333_355_8, 0.000_154_035_3];
    let x = x.max(-126.0);
    let shifted = x + MAGIC;
    let whole = shifted - MAGIC;
    let rest = x - whole;
    let mut polynomial = C[6];
    let mut degree = 6;
    while degree > 0 {
        degree -= 1;
        polynomial = polynomial.times_plus::<S>(rest, C[degree]);
    }
    let exponent = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(127) << 23;
    polynomial * f32::from_bits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn exp2_is_accurate_over_its_whole_range() {
        let mut worst = 0f64;
        for step in 0..126_000 {
            let x = -(step as f32) / 1000.0;
            let truth = f64::from(x).exp2();
            worst = worst.max((f64::from(exp2::<pulp::Scalar>(x)) / truth - 1.0).abs());
        }
        assert!(worst < 3e-7, "{worst}");
        assert_eq!(exp2::<pulp::Scalar>(0.0), 1.0);
        assert_eq!(exp2::<pulp::Scalar>(f32::NEG_INFINITY), exp2::<pulp::Scalar>(-126.0));
    }

    /// The definition, in 64-bit.
    fn brute_force(t: &Array2<f32>, labels: &[u32], order: &[u32], variance: f64) -> Vec<[f64; 4]> {
        let kernel = |i: usize, j: usize, width: f64| {
            let d: f64 = (0..t.ncols()).map(|k| (f64::from(t[[i, k]]) - f64::from(t[[j, k]])).powi(2)).sum();
            (-d / width).exp()
        };
        order
            .iter()
            .map(|&i| {
                let i = i as usize;
                let mut s = [0.0; 4];
                for j in 0..t.nrows() {
                    let (narrow, wide) = (kernel(i, j, 2.0 * variance), kernel(i, j, 8.0 * variance));
                    let own = f64::from(u8::from(labels[i] == labels[j]));
                    s = [s[0] + narrow, s[1] + own * narrow, s[2] + wide, s[3] + own * wide];
                }
                s
            })
            .collect()
    }

    #[test]
    fn equals_the_definition_for_ragged_classes_and_widths() {
        for (n, width) in [(2, 1), (65, 3), (200, 17)] {
            let t = Array2::from_shape_fn((n, width), |(i, k)| ((i * 31 + k * 17) as f32 * 0.37).sin());
            let labels: Vec<u32> = (0..n).map(|i| ((i * i) % 3 == 1) as u32 + 2 * u32::from(i == 0)).collect();
            let targets = Targets::new(&labels).unwrap();
            for variance in [1e-3, 0.1, 2.0] {
                let sums = KernelSums::new(t.view(), &targets, variance);
                let truth = brute_force(&t, &labels, targets.order(), variance);
                for (row, expected) in truth.iter().enumerate() {
                    let found = [sums.narrow_all[row], sums.narrow_own[row], sums.wide_all[row], sums.wide_own[row]];
                    for (f, e) in found.iter().zip(expected) {
                        assert!((f / e - 1.0).abs() < 5e-6, "n {n} width {width} variance {variance}: {f} for {e}");
                    }
                    assert_eq!(sums.class[row], targets.classes()[targets.order()[row] as usize]);
                }
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let t = Array2::from_shape_fn((700, 4), |(i, k)| ((i * 7 + k * 3) as f32 * 0.11).cos());
        let labels: Vec<u32> = (0..700).map(|i| i % 2).collect();
        let targets = Targets::new(&labels).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| KernelSums::new(t.view(), &targets, 0.01).narrow_all)
        };
        assert_eq!(on(1), on(3));
    }
}
