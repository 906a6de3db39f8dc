//! Codes on their way to an entropy: the directions in which they vary, what repeats among them, and noise.

use crate::linalg::{means, standard_deviations, whitened};
use crate::random::generator;
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rustc_hash::FxHashMap;

/// A component of less than this share of the largest variance is rounding.
const SPREAD: f64 = 1e-10;
/// Codes that agree to this many standard deviations in every component are the same.
const SAME: f64 = 1e-7;

/// Codes in the directions in which they vary.
pub(super) struct Codes {
    /// [N × rank].
    values: Array2<f64>,
    /// Share of the samples whose whole code is that of another.
    pub(super) repeated: f64,
}

impl Codes {
    pub(super) fn new(codes: ArrayView2<'_, f64>) -> Self {
        let deviations = standard_deviations(codes);
        let largest = deviations.iter().copied().fold(0.0, f64::max);
        let kept: Vec<usize> =
            (0..codes.ncols()).filter(|&c| deviations[c] > 0.0 && deviations[c] > SPREAD.sqrt() * largest).collect();
        let mut values = codes.select(Axis(1), &kept);
        let turned = whitened(values.view());
        if turned.values.ncols() < values.ncols() {
            // Components that follow from others: what is left is turned, and its volume kept.
            let (rank, scale) = (turned.values.ncols(), turned.log_scale);
            values = turned.values * (scale / rank.max(1) as f64).exp();
        }
        let repeated = repeated_share(values.view());
        Self { values, repeated }
    }

    /// Dimensions in which the codes vary.
    pub(super) fn rank(&self) -> usize {
        self.values.ncols()
    }

    /// The codes, with uniform noise of `share` standard deviations where some of them repeat.
    pub(super) fn jittered(self, share: f64, seed: u64, stream: u64) -> Array2<f64> {
        let mut values = self.values;
        if self.repeated > 0.0 {
            let scales = standard_deviations(values.view());
            let mut random = generator(seed, stream);
            for mut row in values.rows_mut() {
                for (value, scale) in row.iter_mut().zip(&scales) {
                    *value += share * scale * (2.0 * random.random::<f64>() - 1.0);
                }
            }
        }
        values
    }
}

fn repeated_share(values: ArrayView2<'_, f64>) -> f64 {
    let (centre, scales) = (means(values), standard_deviations(values));
    let mut seen: FxHashMap<Vec<i64>, usize> = FxHashMap::default();
    for row in values.rows() {
        let key = row.iter().zip(&centre).zip(&scales).map(|((v, m), s)| ((v - m) / (s * SAME)).round() as i64);
        *seen.entry(key.collect()).or_insert(0) += 1;
    }
    let repeated: usize = seen.values().filter(|count| **count > 1).sum();
    repeated as f64 / values.nrows().max(1) as f64
}

/// Activations with Gaussian noise of this standard deviation.
pub(super) fn noisy(mut activations: Array2<f64>, std: f64, seed: u64) -> Array2<f64> {
    if std > 0.0 {
        let mut random = generator(seed, 0);
        activations.mapv_inplace(|t| {
            let draw: f64 = StandardNormal.sample(&mut random);
            t + std * draw
        });
    }
    activations
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn directions_without_spread_are_left_out_and_repeats_are_counted() {
        let codes = array![[1.0, 5.0, 1e-9], [2.0, 5.0, -1e-9], [1.0, 5.0, 1e-9], [4.0, 5.0, 0.0]];
        let found = Codes::new(codes.view());
        assert_eq!((found.rank(), found.repeated), (1, 0.5));
        let jittered = found.jittered(1e-3, 0, 0);
        let apart = (jittered[[0, 0]] - jittered[[2, 0]]).abs();
        assert!(apart > 0.0 && apart < 4e-3);
    }

    #[test]
    fn a_component_that_follows_from_another_is_no_dimension() {
        let codes = Array2::from_shape_fn((40, 2), |(i, j)| (i as f64 * 0.3).sin() * (1.0 + j as f64));
        assert_eq!(Codes::new(codes.view()).rank(), 1);
        assert_eq!(Codes::new(Array2::ones((5, 3)).view()).rank(), 0);
    }
}
