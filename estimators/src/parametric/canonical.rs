//! Canonical correlations: all that a Gaussian mutual information depends on.

use crate::linalg::{Whitened, to_nalgebra, whitened};
use crate::special::digamma;
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// 1 − ρ² below this is rounding: the two variables are one, in that direction.
const LEAST_UNEXPLAINED: f64 = 1e-12;

/// Canonical analysis of two variables (Hotelling 1936): bases in which X and Y are uncorrelated within, and correlated
/// pair by pair between.
pub(crate) struct Canonical {
    /// X in its basis, [N × rank], columns of unit variance; the first go with the first of `y`.
    pub(crate) x: Array2<f64>,
    /// Y in its basis.
    pub(crate) y: Array2<f64>,
    /// ρ of each pair, largest first.
    pub(crate) correlations: Vec<f64>,
}

impl Canonical {
    pub(crate) fn new(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Self {
        let (Whitened { values: zx, .. }, Whitened { values: zy, .. }) = (whitened(x), whitened(y));
        let n = zx.nrows() as f64;
        if zx.ncols() == 0 || zy.ncols() == 0 {
            return Self { x: zx, y: zy, correlations: vec![] };
        }
        let cross = zx.t().dot(&zy) / n;
        let (left, squares) = directions(cross.dot(&cross.t()).view());
        let right = partners(cross.t().dot(&left).view(), zy.ncols());
        let pairs = zx.ncols().min(zy.ncols());
        let correlations = squares.iter().take(pairs).map(|s| s.clamp(0.0, 1.0).sqrt()).collect();
        Self { x: zx.dot(&left), y: zy.dot(&right), correlations }
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
        (self.correlations.iter().map(|r| r * r).sum::<f64>() / n as f64).sqrt()
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

/// Eigenvectors of a symmetric matrix as columns, and its eigenvalues, largest first.
fn directions(product: ArrayView2<'_, f64>) -> (Array2<f64>, Vec<f64>) {
    let eigen = to_nalgebra(product).symmetric_eigen();
    let mut order: Vec<usize> = (0..product.nrows()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let vectors = Array2::from_shape_fn(product.dim(), |(row, column)| eigen.eigenvectors[(row, order[column])]);
    (vectors, order.iter().map(|&i| eigen.eigenvalues[i]).collect())
}

/// An orthonormal basis of `d` dimensions that begins with the columns of `images`, as far as they are not zero.
///
/// Equal correlations leave the pairs undetermined: the partner of a direction must be computed from it, and not by a
/// second eigenproblem.
fn partners(images: ArrayView2<'_, f64>, d: usize) -> Array2<f64> {
    let units = Array2::<f64>::eye(d);
    let mut basis: Vec<Array1<f64>> = Vec::with_capacity(d);
    for candidate in images.columns().into_iter().chain(units.columns()) {
        let length = candidate.dot(&candidate).sqrt();
        if basis.len() == d || length < 1e-9 {
            continue;
        }
        let mut rest = candidate.to_owned() / length;
        // Twice: once leaves rounding behind.
        for _ in 0..2 {
            for b in &basis {
                let along = b.dot(&rest);
                rest.scaled_add(-along, b);
            }
        }
        let left = rest.dot(&rest).sqrt();
        if left > 1e-6 {
            basis.push(rest / left);
        }
    }
    Array2::from_shape_fn((d, basis.len()), |(row, column)| basis[column][row])
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
        assert_eq!((plain.x.dim(), plain.y.dim()), ((3000, 3), (3000, 2)));
        // The bases belong together, also where all correlations are equal.
        let twin = Canonical::new(x.view(), x.view());
        for i in 0..3 {
            assert!((twin.x.column(i).dot(&twin.y.column(i)) / 3000.0 - 1.0).abs() < 1e-9);
        }
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
