//! Sums over the Gram matrices of two variables, without the matrices.
//!
//! One pass over the pairs (i, j ≥ i) of tiles yields all that the Cauchy–Schwarz mutual information, HSIC and the
//! normalised forms of both need: the row sums of K and of L, and the totals of K∘L, K∘K and L∘L. Time O(N²·D), memory
//! O(N·D). The number of threads changes no bit.

use super::bands::{BANDS, sums_by_band};
use super::fused::Fused;
use super::tiles::{ROWS, TILE, Tiles, exp2_negative, scale_of_width};
use super::width::KernelWidth;
use crate::pair::check;
use crate::{Estimate, EstimatorError, Variable};

/// One side's kernel.
pub(super) enum Side {
    /// exp(−‖a−b‖²/2σ²)
    Gaussian(Tiles),
    /// 1 for equal labels, 0 for others.
    Equal(Vec<u32>),
}

impl Side {
    /// The kernel of a variable; the width is not used of labels.
    pub(super) fn new(variable: &Variable<'_>, sigma: f64) -> Self {
        match variable {
            Variable::Continuous(x) => Side::Gaussian(Tiles::new(x.view(), scale_of_width(sigma))),
            Variable::Discrete(labels) => Side::Equal(labels.to_vec()),
        }
    }

    /// The kernels of [`ROWS`] rows of tile `a` with those of tile `b`. Rows and columns that fill up a tile have any
    /// value.
    #[inline(always)]
    fn kernels<S: pulp::Simd>(&self, a: usize, first: usize, b: usize) -> [[f64; TILE]; ROWS] {
        match self {
            Side::Gaussian(tiles) => {
                let mut kernels = tiles.distances::<S>(a, first, b);
                for row in &mut kernels {
                    for value in row.iter_mut() {
                        *value = exp2_negative::<S>(*value);
                    }
                }
                kernels
            }
            Side::Equal(labels) => std::array::from_fn(|row| {
                let own = labels.get(a * TILE + first + row);
                std::array::from_fn(|lane| {
                    let other = labels.get(b * TILE + lane);
                    f64::from(u8::from(own.is_some() && own == other))
                })
            }),
        }
    }
}

/// Sums over K of one variable and L of the other, both [N × N] with ones on the diagonal.
pub(super) struct GramSums {
    /// Σ_j K_ij of each sample.
    pub(super) k_rows: Vec<f64>,
    /// Σ_j L_ij of each sample.
    pub(super) l_rows: Vec<f64>,
    /// Σ_ij K_ij L_ij
    pub(super) kl: f64,
    /// Σ_ij K_ij²
    pub(super) kk: f64,
    /// Σ_ij L_ij²
    pub(super) ll: f64,
}

impl GramSums {
    pub(super) fn new(k: &Side, l: &Side, n: usize) -> Self {
        let bands = sums_by_band(
            n.div_ceil(TILE),
            BANDS,
            || Self::zero(n),
            |sums, a, b| pulp::Arch::new().dispatch(TilePair { k, l, a, b, n, sums }),
        );
        let mut total = Self::zero(n);
        for band in bands {
            for (sum, part) in total.k_rows.iter_mut().zip(band.k_rows) {
                *sum += part;
            }
            for (sum, part) in total.l_rows.iter_mut().zip(band.l_rows) {
                *sum += part;
            }
            total.kl += band.kl;
            total.kk += band.kk;
            total.ll += band.ll;
        }
        total
    }

    fn zero(n: usize) -> Self {
        Self { k_rows: vec![0.0; n], l_rows: vec![0.0; n], kl: 0.0, kk: 0.0, ll: 0.0 }
    }
}

/// What a measure of dependence is computed from.
pub(super) struct Moments {
    /// Σ_ij K_ij L_ij
    pub(super) kl: f64,
    /// Σ_ij K_ij
    pub(super) k: f64,
    /// Σ_ij L_ij
    pub(super) l: f64,
    /// Σ_i (Σ_j K_ij)(Σ_j L_ij)
    pub(super) rows: f64,
}

impl Moments {
    fn new(kl: f64, k_rows: &[f64], l_rows: &[f64]) -> Self {
        let rows = k_rows.iter().zip(l_rows).map(|(k, l)| k * l).sum();
        Self { kl, k: k_rows.iter().sum(), l: l_rows.iter().sum(), rows }
    }
}

/// Both variables' kernel sums, and the widths that they were found with.
pub(super) struct Grams {
    sums: GramSums,
    n: usize,
    sigma_x: Option<f64>,
    sigma_y: Option<f64>,
}

impl Grams {
    pub(super) fn new(x: &Variable<'_>, y: &Variable<'_>, sigma: KernelWidth) -> Result<Self, EstimatorError> {
        check(&[x.reborrow(), y.reborrow()])?;
        let width = |v: &Variable<'_>| match v {
            Variable::Continuous(values) => Some(sigma.of(values.view())),
            Variable::Discrete(_) => None,
        };
        let (sigma_x, sigma_y) = (width(x), width(y));
        let (k, l) = (Side::new(x, sigma_x.unwrap_or(1.0)), Side::new(y, sigma_y.unwrap_or(1.0)));
        Ok(Self { sums: GramSums::new(&k, &l, x.len()), n: x.len(), sigma_x, sigma_y })
    }

    /// The measure that `of` makes of the moments, with the widths among its details; `normalised`, over the geometric
    /// mean of what it makes of each variable with itself.
    pub(super) fn score(&self, normalised: bool, of: impl Fn(&Moments) -> f64) -> Estimate {
        let GramSums { k_rows, l_rows, kl, kk, ll } = &self.sums;
        let mut value = of(&Moments::new(*kl, k_rows, l_rows));
        if normalised {
            let own_x = of(&Moments::new(*kk, k_rows, k_rows));
            let own_y = of(&Moments::new(*ll, l_rows, l_rows));
            let scale = (own_x * own_y).max(0.0).sqrt();
            // A variable without spread has no information of itself, and the other none of it.
            value = if scale > 1e-12 { value / scale } else { 0.0 };
        }
        let widths = [("sigma_x", self.sigma_x), ("sigma_y", self.sigma_y)];
        widths.into_iter().fold(Estimate::plain(value, self.n), |e, (name, width)| match width {
            Some(width) => e.with_detail(name, width),
            None => e,
        })
    }
}

struct TilePair<'a> {
    k: &'a Side,
    l: &'a Side,
    a: usize,
    b: usize,
    n: usize,
    sums: &'a mut GramSums,
}

impl pulp::WithSimd for TilePair<'_> {
    type Output = ();

    // Plain loops, which the compiler vectorises for the instruction set that `S` stands for.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { k, l, a, b, n, sums } = self;
        let (a_rows, b_rows) = (TILE.min(n - a * TILE), TILE.min(n - b * TILE));
        let (mut k_columns, mut l_columns) = ([0.0; TILE], [0.0; TILE]);
        let (mut kl, mut kk, mut ll) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
        for first in (0..a_rows).step_by(ROWS) {
            let (k_block, l_block) = (k.kernels::<S>(a, first, b), l.kernels::<S>(a, first, b));
            for row in 0..ROWS.min(a_rows - first) {
                let (k_row, l_row) = (&k_block[row], &l_block[row]);
                let i = a * TILE + first + row;
                sums.k_rows[i] += k_row[..b_rows].iter().sum::<f64>();
                sums.l_rows[i] += l_row[..b_rows].iter().sum::<f64>();
                for lane in 0..TILE {
                    k_columns[lane] += k_row[lane];
                    l_columns[lane] += l_row[lane];
                    kl[lane] = k_row[lane].times_plus::<S>(l_row[lane], kl[lane]);
                    kk[lane] = k_row[lane].times_plus::<S>(k_row[lane], kk[lane]);
                    ll[lane] = l_row[lane].times_plus::<S>(l_row[lane], ll[lane]);
                }
            }
        }
        // A tile with itself holds each pair in both orders already.
        let orders = if a == b { 1.0 } else { 2.0 };
        sums.kl += orders * kl[..b_rows].iter().sum::<f64>();
        sums.kk += orders * kk[..b_rows].iter().sum::<f64>();
        sums.ll += orders * ll[..b_rows].iter().sum::<f64>();
        if a != b {
            for lane in 0..b_rows {
                sums.k_rows[b * TILE + lane] += k_columns[lane];
                sums.l_rows[b * TILE + lane] += l_columns[lane];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn equals_the_definition_and_does_not_depend_on_the_threads() {
        let x = Array2::from_shape_fn((101, 5), |(i, j)| 3.0 + ((i * 7 + j * 3) as f64 * 0.37).sin());
        let labels: Vec<u32> = (0..101).map(|i| (i * i) % 4).collect();
        let sigma = 0.8;
        let k = |i: usize, j: usize| {
            (-(0..5).map(|d| (x[[i, d]] - x[[j, d]]).powi(2)).sum::<f64>() / (2.0 * sigma * sigma)).exp()
        };
        let l = |i: usize, j: usize| f64::from(u8::from(labels[i] == labels[j]));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let side = Side::new(&Variable::Continuous(x.view()), sigma);
                GramSums::new(&side, &Side::new(&Variable::Discrete(&labels), 1.0), 101)
            })
        };
        let found = on(1);
        let total = |f: &dyn Fn(usize, usize) -> f64| -> f64 {
            (0..101).flat_map(|i| (0..101).map(move |j| (i, j))).map(|(i, j)| f(i, j)).sum()
        };
        assert!((found.kl - total(&|i, j| k(i, j) * l(i, j))).abs() < 1e-9);
        assert!((found.kk - total(&|i, j| k(i, j).powi(2))).abs() < 1e-9);
        assert!((found.ll - total(&l)).abs() < 1e-9);
        for i in 0..101 {
            assert!((found.k_rows[i] - (0..101).map(|j| k(i, j)).sum::<f64>()).abs() < 1e-10, "{i}");
            assert!((found.l_rows[i] - (0..101).map(|j| l(i, j)).sum::<f64>()).abs() < 1e-10, "{i}");
        }
        let again = on(3);
        assert_eq!((found.kl, found.kk, found.k_rows), (again.kl, again.kk, again.k_rows));
    }
}
