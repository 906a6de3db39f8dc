//! Canonical correlations: all that a Gaussian mutual information depends on.

use crate::linalg::{eigenvalues, to_nalgebra, whitening};
use crate::special::digamma;
use crate::streaming::MomentSums;
use ndarray::{ArrayView2, Axis};

/// 1 − ρ² below this is rounding: the two variables are one, in that direction.
const LEAST_UNEXPLAINED: f64 = 1e-12;

/// Canonical correlations of two variables (Hotelling 1936).
pub(crate) struct Canonical {
    /// ρ of each pair, largest first.
    pub(crate) correlations: Vec<f64>,
    /// Directions in which X has spread.
    pub(crate) rank_x: usize,
    /// Directions in which Y has spread.
    pub(crate) rank_y: usize,
}

impl Canonical {
    /// Of samples.
    pub(crate) fn new(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Self {
        match MomentSums::of(&[x, y]) {
            Some(moments) => Self::of_correlation(moments.correlation().view(), x.ncols()),
            None => Self { correlations: vec![], rank_x: 0, rank_y: 0 },
        }
    }

    /// From the correlation matrix of all columns, of which the first `dim_x` are X.
    pub(crate) fn of_correlation(correlation: ArrayView2<'_, f64>, dim_x: usize) -> Self {
        let (of_x, of_y) = correlation.split_at(Axis(1), dim_x);
        let ((xx, _), (xy, yy)) = (of_x.split_at(Axis(0), dim_x), of_y.split_at(Axis(0), dim_x));
        let ((turn_x, _), (turn_y, _)) = (whitening(xx), whitening(yy));
        let (rank_x, rank_y) = (turn_x.ncols(), turn_y.ncols());
        if rank_x == 0 || rank_y == 0 {
            return Self { correlations: vec![], rank_x, rank_y };
        }
        let cross = turn_x.t().dot(&xy).dot(&turn_y);
        let squares = eigenvalues(to_nalgebra(cross.dot(&cross.t()).view()));
        let pairs = rank_x.min(rank_y);
        let correlations = squares.iter().take(pairs).map(|s| s.clamp(0.0, 1.0).sqrt()).collect();
        Self { correlations, rank_x, rank_y }
    }

    /// −½ Σ log(1 − ρ²) in nats, and whether a direction is shared to rounding, so that the truth may be infinite.
    pub(crate) fn information(&self) -> (f64, bool) {
        let mut shared = false;
        let sum = self.correlations.iter().map(|r| {
            let unexplained = 1.0 - r * r;
            shared |= unexplained < LEAST_UNEXPLAINED;
            unexplained.max(LEAST_UNEXPLAINED).ln()
        });
        (-0.5 * sum.sum::<f64>(), shared)
    }

    /// The standard error of that by the delta method: Var ρ̂ = (1−ρ²)²/N and dI/dρ = ρ/(1−ρ²) make √(Σ ρ²/N).
    pub(crate) fn std_error(&self, n: usize) -> f64 {
        // The sum of none is −0, which is no error that anybody wants to read.
        ((0.0 + self.correlations.iter().map(|r| r * r).sum::<f64>()) / n as f64).sqrt()
    }
}

/// Nats below log N up to which ranks tell variables apart.
const RANKS_TELL: f64 = 2.5;

/// Whether ranks of `n` samples are too coarse for the strongest of these canonical correlations: its part in nats
/// comes within [`RANKS_TELL`] of log N, where the two variables' ranks are nearly the same and their difference is
/// rounding. (Of 10⁴ samples of correlated normals with 7, 8 and 9 nats, a copula of ranks reads 6.8, 7.8 and 17.5.)
pub(crate) fn beyond_ranks(strongest: f64, n: usize) -> bool {
    -0.5 * (1.0 - strongest * strongest).max(LEAST_UNEXPLAINED).ln() > (n as f64).ln() - RANKS_TELL
}

/// The largest canonical correlation of the first `m` variables with the others, from the scatter matrix of all; `None`
/// when it is not positive definite.
pub(crate) fn strongest(scatter: ArrayView2<'_, f64>, m: usize) -> Option<f64> {
    let (of_x, of_y) = scatter.split_at(Axis(1), m);
    let ((xx, _), (xy, yy)) = (of_x.split_at(Axis(0), m), of_y.split_at(Axis(0), m));
    let factor = |block: ArrayView2<'_, f64>| Some(to_nalgebra(block).cholesky()?.l());
    let left = factor(xx)?.solve_lower_triangular(&to_nalgebra(xy))?;
    let both = factor(yy)?.solve_lower_triangular(&left.transpose())?;
    Some(both.singular_values().max().min(1.0))
}

/// Bias of the Gaussian mutual information of `freedom` degrees of freedom, in nats: the log-determinant of a sample
/// covariance is biased by Σ_i ψ((n−i+1)/2) − d·log(n/2) (Misra, Singh & Demchuk 2005; Ince et al. 2017, eq. 6).
pub(crate) fn information_bias(freedom: f64, dim_x: usize, dim_y: usize) -> f64 {
    let of = |d: usize| (1..=d).map(|i| digamma((freedom - i as f64 + 1.0) / 2.0)).sum::<f64>();
    0.5 * (of(dim_x) + of(dim_y) - of(dim_x + dim_y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use ndarray::Array2;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn the_strongest_correlation_of_a_scatter_matrix_is_that_of_the_data() {
        let rng = &mut generator(3, 2);
        let x: Array2<f64> = Array2::from_shape_simple_fn((500, 5), || StandardNormal.sample(rng));
        let mix = Array2::from_shape_fn((5, 5), |(i, j)| f64::from(u8::from(i == j)) + ((i * 3 + j) as f64).sin());
        let x = crate::linalg::centred(x.dot(&mix).view());
        let (a, b) = x.view().split_at(Axis(1), 2);
        let found = strongest((x.t().dot(&x) / 500.0).view(), 2).unwrap();
        assert!((found - Canonical::new(a, b).correlations[0]).abs() < 1e-9);
        assert!(beyond_ranks(1.0, 10_000) && !beyond_ranks(0.99, 10_000));
    }

    #[test]
    fn correlations_do_not_depend_on_the_basis_and_find_hidden_pairs() {
        let rng = &mut generator(1, 2);
        let x: Array2<f64> = Array2::from_shape_simple_fn((3000, 3), || StandardNormal.sample(rng));
        let noise: Array2<f64> = Array2::from_shape_simple_fn((3000, 2), || StandardNormal.sample(rng));
        let mut y = noise;
        for i in 0..3000 {
            y[[i, 0]] = 0.6 * y[[i, 0]] + 0.8 * x[[i, 1]];
        }
        let plain = Canonical::new(x.view(), y.view());
        assert!((plain.correlations[0] - 0.8).abs() < 0.03 && plain.correlations[1] < 0.08);
        let mix = ndarray::array![[2.0, 1.0, 0.0], [0.0, -1.0, 3.0], [1.0, 1.0, 1.0]];
        let turned = Canonical::new(x.dot(&mix).view(), y.dot(&ndarray::array![[1.0, 5.0], [2.0, -1.0]]).view());
        for (a, b) in plain.correlations.iter().zip(&turned.correlations) {
            assert!((a - b).abs() < 1e-9, "{a} {b}");
        }
        assert_eq!((plain.rank_x, plain.rank_y), (3, 2));
        let twin = Canonical::new(x.view(), x.view());
        assert!(twin.correlations.iter().all(|r| (r - 1.0).abs() < 1e-12));
        let constant = Canonical::new(x.view(), Array2::from_elem((3000, 2), 0.1).view());
        assert_eq!((constant.rank_y, constant.information().0), (0, 0.0));
        assert!(constant.std_error(3000).is_sign_positive());
    }

    #[test]
    fn the_bias_is_that_of_many_small_samples() {
        let (n, rounds) = (30, 800);
        let rng = &mut generator(3, 2);
        let mean = (0..rounds)
            .map(|_| {
                let x: Array2<f64> = Array2::from_shape_simple_fn((n, 2), || StandardNormal.sample(rng));
                let y: Array2<f64> = Array2::from_shape_simple_fn((n, 3), || StandardNormal.sample(rng));
                Canonical::new(x.view(), y.view()).information().0
            })
            .sum::<f64>()
            / f64::from(rounds);
        let expected = information_bias(n as f64 - 1.0, 2, 3);
        assert!((mean - expected).abs() < 0.01, "{mean} {expected}");
    }
}
