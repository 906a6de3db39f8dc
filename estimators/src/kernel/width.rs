//! The width of a Gaussian kernel on one variable: given, or by a rule.

use super::tiles::{ROWS, TILE, Tiles};
use crate::linalg::standard_deviations;
use crate::{EstimatorError, Parameters};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the width σ of exp(−‖a−b‖²/2σ²) is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelWidth {
    /// The median of the distances between two different samples that are not equal (not of their squares).
    Median,
    /// `s·(4/((D+2)N))^{1/(D+4)}` with s the mean standard deviation of the columns (Silverman 1986, eq. 4.14).
    Silverman,
    /// This width.
    Sigma(f64),
}

pub(super) const MEANING: &str =
    "width of the Gaussian kernel: median (of the distances), silverman, or a positive number in the data's own unit";
const RULE: &str = "it must be median, silverman, or a positive number";

impl KernelWidth {
    pub(super) fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        Ok(match p.text("sigma") {
            None | Some("median") => Self::Median,
            Some("silverman") => Self::Silverman,
            Some(_) => Self::Sigma(p.value("sigma", RULE, |s: &f64| s.is_finite() && *s > 0.0)?.unwrap_or(1.0)),
        })
    }

    /// The width for one variable, [samples × features]. A variable without spread has any: 1.
    pub fn of(self, x: ArrayView2<'_, f64>) -> f64 {
        let found = match self {
            Self::Sigma(sigma) => sigma,
            Self::Median => median_distance(x),
            Self::Silverman => silverman(x),
        };
        if found.is_finite() && found > 0.0 { found } else { 1.0 }
    }
}

impl fmt::Display for KernelWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Median => f.write_str("median"),
            Self::Silverman => f.write_str("silverman"),
            Self::Sigma(sigma) => write!(f, "{sigma}"),
        }
    }
}

pub(super) fn silverman(x: ArrayView2<'_, f64>) -> f64 {
    let deviations = standard_deviations(x);
    let (d, n) = (deviations.len() as f64, x.nrows() as f64);
    deviations.iter().sum::<f64>() / d * (4.0 / ((d + 2.0) * n)).powf(1.0 / (d + 4.0))
}

/// Values of a half of a 32-bit number.
const HALF: usize = 1 << 16;

/// The lower median of the distances over the pairs i < j that are not equal, in 32-bit; 0 when there are none.
///
/// Two passes over all pairs count the high and then the low halves of the distances' bits, whose order is that of
/// the numbers: exact, in the order of any rows, and without the N × N distances.
fn median_distance(x: ArrayView2<'_, f64>) -> f64 {
    let tiles = Tiles::new(x, 1.0);
    let high = histogram(&tiles, &|bits| Some(bits >> 16));
    let pairs: u64 = high.iter().sum();
    if pairs == 0 {
        return 0.0;
    }
    let mut rank = (pairs - 1) / 2;
    let upper = locate(&high, &mut rank);
    let low = histogram(&tiles, &|bits| (bits >> 16 == upper).then_some(bits & 0xffff));
    f64::from(f32::from_bits((upper << 16) | locate(&low, &mut rank))).sqrt()
}

/// The cell that holds the element of this rank, which becomes the rank within the cell.
fn locate(counts: &[u64], rank: &mut u64) -> u32 {
    for (cell, &count) in counts.iter().enumerate() {
        if *rank < count {
            return cell as u32;
        }
        *rank -= count;
    }
    HALF as u32 - 1
}

fn histogram(tiles: &Tiles, cell: &(impl Fn(u32) -> Option<u32> + Sync)) -> Vec<u64> {
    let count = tiles.count();
    let of_row = |mut counts: Vec<u64>, a: usize| {
        let arch = pulp::Arch::new();
        for b in a..count {
            for first in (0..tiles.len_of(a)).step_by(ROWS) {
                let block = arch.dispatch(Distances { tiles, a, first, b });
                for (row, distances) in block.iter().enumerate().take(tiles.len_of(a) - first) {
                    let from = if a == b { first + row + 1 } else { 0 };
                    for &distance in distances.iter().take(tiles.len_of(b)).skip(from) {
                        // Squares order as distances do, and need no root. Zero is not counted.
                        let bits = (distance as f32).to_bits();
                        if let Some(cell) = cell(bits).filter(|_| bits > 0) {
                            counts[cell as usize] += 1;
                        }
                    }
                }
            }
        }
        counts
    };
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    // Whole numbers add up to the same in any order.
    (0..count).into_par_iter().fold(|| vec![0; HALF], of_row).reduce(|| vec![0; HALF], add)
}

struct Distances<'a> {
    tiles: &'a Tiles,
    a: usize,
    first: usize,
    b: usize,
}

impl pulp::WithSimd for Distances<'_> {
    type Output = [[f64; TILE]; ROWS];

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        self.tiles.distances::<S>(self.a, self.first, self.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn the_median_is_that_of_the_sorted_distances() {
        let x = Array2::from_shape_fn((77, 2), |(i, j)| ((i / 2 * 13 + j * 5) as f64 * 0.7).sin() * 10.0);
        let mut all = vec![];
        for i in 0..77 {
            for j in i + 1..77 {
                let d = ((x[[i, 0]] - x[[j, 0]]).powi(2) + (x[[i, 1]] - x[[j, 1]]).powi(2)).sqrt();
                if d > 0.0 {
                    all.push(d);
                }
            }
        }
        all.sort_by(f64::total_cmp);
        let truth = all[(all.len() - 1) / 2];
        assert!((KernelWidth::Median.of(x.view()) / truth - 1.0).abs() < 1e-7);
    }

    #[test]
    fn silverman_of_a_known_spread_and_a_constant() {
        let x = ndarray::array![[1.0], [-1.0], [1.0], [-1.0]];
        assert!((KernelWidth::Silverman.of(x.view()) - (4.0f64 / 12.0).powf(0.2)).abs() < 1e-15);
        assert_eq!(KernelWidth::Median.of(ndarray::array![[2.0], [2.0]].view()), 1.0);
    }
}
