//! Samples × features: the dense product that every encoding begins with.
//!
//! A tile of some samples by two registers of features is held in registers while the columns go by, each of which is
//! one load for the features and one broadcast a sample. Each product is summed over the columns in their order,
//! whatever is computed along with it: it depends on its sample and feature alone.

use super::Matrix;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Samples of a tile where there are 32 registers, and where there are 16: with two of features, nearly all are used.
const TALL: usize = 12;
const LOW: usize = 6;
/// Samples of one task: its outputs and inputs stay in the cache while the weights pass by.
pub(crate) const ROWS: usize = 4 * TALL;

/// Weights in the order in which the tiles read them.
pub(crate) struct Packed {
    width: usize,
    inputs: usize,
    /// Features of a panel: two registers.
    panel: usize,
    /// [panel][column][feature of the panel], filled up with zeros.
    data: Vec<f32>,
}

impl Packed {
    /// Of rows [width × inputs], one a feature.
    pub(crate) fn of<'a>(width: usize, inputs: usize, row: impl Fn(usize) -> &'a [f32] + Sync) -> Self {
        let panel = 2 * Arch::new().dispatch(Lanes);
        let mut data = vec![0.0; width.div_ceil(panel) * panel * inputs];
        data.par_chunks_mut((panel * inputs).max(1)).enumerate().for_each(|(p, to)| {
            for feature in 0..panel.min(width - p * panel) {
                for (column, &weight) in row(p * panel + feature).iter().enumerate() {
                    to[column * panel + feature] = weight;
                }
            }
        });
        Self { width, inputs, panel, data }
    }

    /// Products of up to [`ROWS`] samples [samples × inputs] into `out` [samples × width].
    pub(crate) fn products(&self, samples: &[f32], out: &mut [f32]) {
        Arch::new().dispatch(Task { packed: self, samples, out });
    }
}

/// x Wᵀ [samples × features] into `out`.
pub(crate) fn products(samples: &Matrix, weights: &Matrix, out: &mut Matrix) {
    let (width, inputs) = (weights.n_rows(), weights.n_columns());
    out.reset(samples.n_rows(), width);
    let packed = Packed::of(width, inputs, |feature| weights.row(feature));
    out.par_blocks_mut(ROWS)
        .zip(samples.data().par_chunks((ROWS * inputs).max(1)))
        .for_each(|(out, samples)| packed.products(samples, out));
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

struct Task<'a> {
    packed: &'a Packed,
    samples: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::F32_LANES >= 16 { self.run::<S, TALL>(simd) } else { self.run::<S, LOW>(simd) }
    }
}

impl Task<'_> {
    #[inline(always)]
    fn run<S: Simd, const TILE: usize>(self, simd: S) {
        let Self { packed, samples, out } = self;
        let (inputs, width) = (packed.inputs, packed.width);
        let n = out.len() / width.max(1);
        // [tile][column][sample of the tile], filled up with zeros.
        let mut tiles = vec![0f32; n.div_ceil(TILE) * TILE * inputs];
        for (sample, row) in samples.chunks_exact(inputs.max(1)).enumerate() {
            let tile = &mut tiles[(sample / TILE) * TILE * inputs..];
            for (column, &x) in row.iter().enumerate() {
                tile[column * TILE + sample % TILE] = x;
            }
        }
        for (p, panel) in packed.data.chunks_exact((packed.panel * inputs).max(1)).enumerate() {
            let first = p * packed.panel;
            let features = packed.panel.min(width - first);
            let weights = S::as_simd_f32s(panel).0.as_chunks::<2>().0;
            for (t, tile) in tiles.chunks_exact((TILE * inputs).max(1)).enumerate() {
                let mut sums = [[simd.splat_f32s(0.0); 2]; TILE];
                for (xs, w) in tile.as_chunks::<TILE>().0.iter().zip(weights) {
                    for (sum, &x) in sums.iter_mut().zip(xs) {
                        let x = simd.splat_f32s(x);
                        sum[0] = simd.mul_add_e_f32s(x, w[0], sum[0]);
                        sum[1] = simd.mul_add_e_f32s(x, w[1], sum[1]);
                    }
                }
                let rows = out.chunks_exact_mut(width).skip(t * TILE).take(TILE);
                for (row, sum) in rows.zip(&sums) {
                    let row = &mut row[first..first + features];
                    if features == packed.panel {
                        for (to, &from) in S::as_mut_simd_f32s(row).0.iter_mut().zip(sum) {
                            *to = from;
                        }
                    } else {
                        let (head, rest) = row.split_at_mut(features.min(S::F32_LANES));
                        simd.partial_store_f32s(head, sum[0]);
                        simd.partial_store_f32s(rest, sum[1]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_plain_sums_whatever_the_sizes() {
        for (n, inputs, width) in [(1, 1, 1), (5, 7, 3), (50, 33, 70), (13, 16, 32), (97, 5, 41)] {
            let value = |i: usize| ((i * 37 + 11) % 19) as f32 / 7.0 - 1.2;
            let (mut x, mut w) = (Matrix::zeros(n, inputs), Matrix::zeros(width, inputs));
            x.data_mut().iter_mut().enumerate().for_each(|(i, v)| *v = value(i));
            w.data_mut().iter_mut().enumerate().for_each(|(i, v)| *v = value(3 * i + 1));
            let mut out = Matrix::zeros(0, 1);
            products(&x, &w, &mut out);
            assert_eq!((out.n_rows(), out.n_columns()), (n, width));
            for (i, row) in out.rows().enumerate() {
                for (j, &found) in row.iter().enumerate() {
                    let expected: f64 = x.row(i).iter().zip(w.row(j)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    assert!((f64::from(found) - expected).abs() < 1e-4, "{n} {inputs} {width}: {found} {expected}");
                }
            }
        }
    }
}
