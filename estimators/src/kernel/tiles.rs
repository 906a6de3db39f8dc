//! Samples in tiles, and squared distances and kernels between a row and a tile, in 64-bit.

use super::fused::Fused;
use ndarray::{Array2, ArrayView2};

/// Rows in a tile.
pub(super) const TILE: usize = 32;
/// Rows that are worked on together against a tile: their differences share its loads.
pub(super) const ROWS: usize = 4;
/// Lanes that are worked on together: two registers of the common 256-bit machine.
const LANES: usize = 8;
/// Coordinate of the rows that fill up a tile: so far from every sample that their kernel is zero but for rounding.
const FAR: f64 = 1e150;

/// One variable cut into tiles: by column, [`TILE`] values each. Rows are in the order of the samples.
pub(super) struct Tiles {
    tiles: Vec<Vec<[f64; TILE]>>,
    n: usize,
}

impl Tiles {
    /// Tiles of `x` less its column means, times `scale`.
    pub(super) fn new(x: ArrayView2<'_, f64>, scale: f64) -> Self {
        let z: Array2<f64> = crate::linalg::centred(x) * scale;
        let tiles = (0..z.nrows())
            .step_by(TILE)
            .map(|first| {
                let mut tile = vec![[FAR; TILE]; z.ncols()];
                for row in first..(first + TILE).min(z.nrows()) {
                    for (column, &value) in z.row(row).iter().enumerate() {
                        tile[column][row - first] = value;
                    }
                }
                tile
            })
            .collect();
        Self { tiles, n: z.nrows() }
    }

    pub(super) fn count(&self) -> usize {
        self.tiles.len()
    }

    /// Samples in a tile.
    pub(super) fn len_of(&self, tile: usize) -> usize {
        TILE.min(self.n - tile * TILE)
    }

    /// ‖a−b‖² of [`ROWS`] rows of tile `a`, from `first` on, with all rows of tile `b`.
    #[inline(always)]
    pub(super) fn distances<S: pulp::Simd>(&self, a: usize, first: usize, b: usize) -> [[f64; TILE]; ROWS] {
        let mut out = [[0.0; TILE]; ROWS];
        for part in 0..TILE / LANES {
            let mut sums = [[0.0; LANES]; ROWS];
            for (rows, columns) in self.tiles[a].iter().zip(&self.tiles[b]) {
                let others = &columns.as_chunks::<LANES>().0[part];
                for (row, sum) in sums.iter_mut().enumerate() {
                    let value = rows[first + row];
                    for lane in 0..LANES {
                        let difference = value - others[lane];
                        sum[lane] = difference.times_plus::<S>(difference, sum[lane]);
                    }
                }
            }
            for (row, sum) in sums.iter().enumerate() {
                out[row].as_chunks_mut::<LANES>().0[part] = *sum;
            }
        }
        out
    }
}

/// The factor that makes `exp2_negative(‖za−zb‖²)` the Gaussian kernel of width `sigma`: exp(−d²/2σ²) = 2^−(d·f)².
pub(super) fn scale_of_width(sigma: f64) -> f64 {
    (std::f64::consts::LOG2_E / 2.0).sqrt() / sigma
}

/// 2^−x for x ≥ 0, to a relative error of 10⁻¹⁵; about 2⁻¹⁰²² for anything above 1022.
///
/// Splits −x into a whole number, which goes into the exponent's bits, and a rest in [−½, ½], for which the Taylor
/// polynomial of degree 12 is used. Without branches or conversions, so that it vectorises.
#[inline(always)]
pub(super) fn exp2_negative<S: pulp::Simd>(x: f64) -> f64 {
    // 1.5·2⁵²: adding it rounds to a whole number, which is then found in the low bits.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    // ln 2ⁿ/n!
    const C: [f64; 13] = coefficients();
    let x = (-x).max(-1022.0);
    let shifted = x + MAGIC;
    let rest = x - (shifted - MAGIC);
    let mut polynomial = C[12];
    let mut degree = 12;
    while degree > 0 {
        degree -= 1;
        polynomial = polynomial.times_plus::<S>(rest, C[degree]);
    }
    let exponent = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(1023) << 52;
    polynomial * f64::from_bits(exponent)
}

const fn coefficients() -> [f64; 13] {
    let mut c = [1.0; 13];
    let mut n = 1;
    while n < 13 {
        c[n] = c[n - 1] * std::f64::consts::LN_2 / n as f64;
        n += 1;
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp2_is_accurate_over_its_whole_range() {
        let mut worst = 0f64;
        for step in 0..1_022_000 {
            let x = f64::from(step) / 1000.0;
            worst = worst.max((exp2_negative::<pulp::Scalar>(x) / (-x).exp2() - 1.0).abs());
        }
        assert!(worst < 1e-15, "{worst}");
        assert_eq!(exp2_negative::<pulp::Scalar>(0.0), 1.0);
        assert_eq!(exp2_negative::<pulp::Scalar>(f64::INFINITY), exp2_negative::<pulp::Scalar>(1022.0));
    }

    #[test]
    fn distances_of_a_ragged_sample() {
        let x = Array2::from_shape_fn((41, 3), |(i, j)| ((i * 7 + j * 3) as f64 * 0.37).sin());
        let tiles = Tiles::new(x.view(), 2.0);
        assert_eq!((tiles.count(), tiles.len_of(0), tiles.len_of(1)), (2, 32, 9));
        let found = tiles.distances::<pulp::Scalar>(0, 4, 1);
        for (row, of_row) in found.iter().enumerate() {
            for (lane, &distance) in of_row.iter().take(9).enumerate() {
                let truth: f64 = (0..3).map(|k| 4.0 * (x[[4 + row, k]] - x[[32 + lane, k]]).powi(2)).sum();
                assert!((distance - truth).abs() < 1e-13, "{row} {lane}: {distance} for {truth}");
            }
            assert_eq!(exp2_negative::<pulp::Scalar>(of_row[9]), exp2_negative::<pulp::Scalar>(1022.0));
        }
    }
}
