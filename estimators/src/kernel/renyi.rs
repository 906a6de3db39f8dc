//! Matrix-based Rényi entropy and mutual information ("Measures of entropy from data using infinitely divisible
//! kernels", Giraldo, Rao & Príncipe 2015; of several variables, Yu et al. 2019).
//!
//! With K a Gram matrix of Gaussian kernels (ones on its diagonal) and λ the eigenvalues of A = K/N:
//! `S_α(A) = log(Σ λ^α)/(1−α)`; the joint entropy is that of A∘B/tr(A∘B), which for Gaussian kernels is the matrix of
//! the two variables side by side; I = S(A) + S(B) − S(A∘B). Values are in natural logarithms (the source uses base
//! two) and are not Shannon's: the width decides them.
//!
//! No matrix larger than `rank` × `rank` is held beside the factor. For α = 2, Σλ² is a sum over all pairs and is exact.
//! Otherwise, where samples are more than `rank`, K ≈ GGᵀ by an incomplete Cholesky factorisation with the largest
//! remaining diagonal as pivot (Bach & Jordan 2002), and the eigenvalues are those of GᵀG, with what is left of the
//! trace spread over the others: time O(N·r²) and memory O(N·r) for r columns, as many as leave a share of the trace
//! below `tolerance`, and at most `rank`. What is left is reported,
//! and flagged when it is not small.

use super::gram::{GramSums, Side};
use super::width::{self, KernelWidth};
use crate::linalg::side_by_side;
use crate::pair::{Pair, continuous};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Entropy, Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable, Warning};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Matrix-based Rényi estimator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Renyi {
    alpha: f64,
    sigma: KernelWidth,
    rank: usize,
    tolerance: f64,
}

const NAME: &str = "renyi";
/// A remaining share of the trace above it makes the entropy uncertain in its third digit.
const LARGE_REST: f64 = 1e-3;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "matrix-based Rényi entropy of kernel matrices' eigenvalues (Giraldo et al. 2015)",
    parameters: &[
        ParameterDoc { name: "alpha", default: "1.01", meaning: "order, positive and not 1; 2 needs no eigenvalues" },
        ParameterDoc { name: "sigma", default: "median", meaning: width::MEANING },
        ParameterDoc { name: "rank", default: "1000", meaning: "columns of the factor at most" },
        ParameterDoc {
            name: "tolerance",
            default: "1e-9",
            meaning: "share of the matrix's trace that the factor may leave out",
        },
    ],
    domain: Domain::CONTINUOUS,
    measure: Measure::Dependence,
    trained: false,
    cost: "O(N·r²), r the kernel matrix's numerical rank",
    choose: "comparison with work that uses it; smooth kernels, few dimensions; not Shannon's information",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(Renyi::from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(Renyi::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

/// Samples that one thread works on at a time.
const STRETCH: usize = 2048;
const ALPHA_RULE: &str = "it must be a positive number other than 1 (1.01 comes close to Shannon's)";

/// The spectrum's sum, and what it leaves out.
struct Spectrum {
    entropy: f64,
    rank: usize,
    rest: f64,
}

impl Renyi {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let alpha = p.value("alpha", ALPHA_RULE, |a: &f64| a.is_finite() && *a > 0.0 && *a != 1.0)?;
        let rank = p.value("rank", "it must be a whole number of at least 1", |r: &usize| *r > 0)?;
        let tolerance = p.value("tolerance", "it must lie in 0…1", |t: &f64| (0.0..1.0).contains(t))?;
        Ok(Self {
            alpha: alpha.unwrap_or(1.01),
            sigma: KernelWidth::from_parameters(p)?,
            rank: rank.unwrap_or(1000),
            tolerance: tolerance.unwrap_or(1e-9),
        })
    }

    /// `x` in units in which its kernel is exp(−‖a−b‖²/2).
    fn scaled(self, x: ArrayView2<'_, f64>) -> (Array2<f64>, f64) {
        let sigma = self.sigma.of(x);
        (crate::linalg::centred(x) / sigma, sigma)
    }

    /// S_α of the kernel matrix of scaled samples.
    fn spectrum(self, z: &Array2<f64>) -> Spectrum {
        let n = z.nrows();
        if self.alpha == 2.0 {
            let side = Side::new(&Variable::Continuous(z.view()), 1.0);
            // Of labels that are all equal: the other side costs nothing and is not looked at.
            let squares = GramSums::new(&side, &Side::Equal(vec![0; n]), n).kk;
            return Spectrum { entropy: -(squares / (n as f64).powi(2)).ln(), rank: n, rest: 0.0 };
        }
        let (gram, rest) = if n <= self.rank {
            (kernel_matrix(z), 0.0)
        } else {
            let (factor, rest) = incomplete_cholesky(z, self.rank, self.tolerance);
            (factor.dot(&factor.t()), rest)
        };
        let rank = gram.nrows();
        let eigenvalues = crate::linalg::eigenvalues(crate::linalg::to_nalgebra((gram / n as f64).view()));
        let found: f64 = eigenvalues.iter().filter(|v| **v > 0.0).map(|v| v.powf(self.alpha)).sum();
        // What the factor leaves out is spread evenly over the eigenvalues that are not known. Left out altogether it
        // would be multiplied by 1/(α−1), a hundred at the usual order.
        let others = (n - rank) as f64;
        let power = if others > 0.0 && rest > 0.0 { found + others * (rest / others).powf(self.alpha) } else { found };
        Spectrum { entropy: power.ln() / (1.0 - self.alpha), rank, rest }
    }

    fn explained(self, estimate: Estimate, spectrum: &Spectrum) -> Estimate {
        let estimate = estimate.with_detail("rank", spectrum.rank as f64).with_detail("trace_left_out", spectrum.rest);
        if spectrum.rest > LARGE_REST { estimate.warned(Warning::Truncated) } else { estimate }
    }
}

/// The matrix exp(−‖z_i−z_j‖²/2).
fn kernel_matrix(z: &Array2<f64>) -> Array2<f64> {
    let norms: Vec<f64> = z.rows().into_iter().map(|r| r.dot(&r)).collect();
    let mut kernel = z.dot(&z.t());
    for ((i, j), value) in kernel.indexed_iter_mut() {
        *value = (-(norms[i] + norms[j] - 2.0 * *value).max(0.0) / 2.0).exp();
    }
    kernel
}

/// G, [rank × N] (its transpose is the factor), of the matrix exp(−‖z_i−z_j‖²/2), and the share of the trace that it
/// leaves out.
fn incomplete_cholesky(z: &Array2<f64>, most: usize, tolerance: f64) -> (Array2<f64>, f64) {
    let n = z.nrows();
    let norms: Vec<f64> = z.rows().into_iter().map(|r| r.dot(&r)).collect();
    let mut rest = vec![1.0f64; n];
    let mut rows: Vec<f64> = Vec::new();
    let mut pivots: Vec<usize> = Vec::new();
    while pivots.len() < most {
        // Ties go to the first: equal rows leave equal rests.
        let pivot = (0..n).fold(0, |best, i| if rest[i] > rest[best] { i } else { best });
        let left: f64 = rest.iter().sum::<f64>() / n as f64;
        if left <= tolerance || rest[pivot] <= f64::EPSILON {
            break;
        }
        let root = rest[pivot].sqrt();
        let inner = z.dot(&z.row(pivot));
        let mut column: Vec<f64> =
            (0..n).map(|i| (-(norms[i] + norms[pivot] - 2.0 * inner[i]).max(0.0) / 2.0).exp()).collect();
        // By stretches of samples, so that each stays in the cache while all known columns are taken off it.
        column.par_chunks_mut(STRETCH).enumerate().for_each(|(stretch, part)| {
            for known in rows.chunks_exact(n) {
                let weight = known[pivot];
                let known = &known[stretch * STRETCH..][..part.len()];
                part.iter_mut().zip(known).for_each(|(c, k)| *c -= weight * k);
            }
        });
        column.iter_mut().for_each(|c| *c /= root);
        // Rows that were pivots are done; their entries here are rounding.
        pivots.iter().for_each(|&done| column[done] = 0.0);
        rest.iter_mut().zip(&column).for_each(|(r, c)| *r = (*r - c * c).max(0.0));
        rest[pivot] = 0.0;
        rows.extend(column);
        pivots.push(pivot);
    }
    let left = rest.iter().sum::<f64>() / n as f64;
    let rank = pivots.len();
    // The shape is that of the loop.
    (Array2::from_shape_vec((rank, n), rows).unwrap_or_else(|_| Array2::zeros((0, n))), left)
}

impl Estimator for Renyi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("alpha={} sigma={} rank={} tolerance={}", self.alpha, self.sigma, self.rank, self.tolerance)
    }
}

impl MutualInformation for Renyi {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (a, b) = Pair::new(&x, &y)?.continuous(NAME)?;
        let ((a, sigma_x), (b, sigma_y)) = (self.scaled(a), self.scaled(b));
        let joint = side_by_side(a.view(), b.view());
        let (of_both, (of_a, of_b)) = rayon::join(|| self.spectrum(&joint), || (self.spectrum(&a), self.spectrum(&b)));
        let estimate = Estimate::plain(of_a.entropy + of_b.entropy - of_both.entropy, x.len())
            .with_detail("sigma_x", sigma_x)
            .with_detail("sigma_y", sigma_y);
        Ok(self.explained(estimate, &of_both))
    }
}

impl Entropy for Renyi {
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (z, sigma) = self.scaled(continuous(&x, NAME)?);
        let spectrum = self.spectrum(&z);
        let estimate = Estimate::plain(spectrum.entropy, x.len()).with_detail("sigma", sigma);
        Ok(self.explained(estimate, &spectrum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn far_apart_samples_have_log_n_and_equal_ones_nothing() {
        let far = Array2::from_shape_fn((20, 1), |(i, _)| 100.0 * i as f64);
        let same = Array2::<f64>::zeros((20, 1));
        for spec in ["renyi:sigma=1", "renyi:sigma=1,alpha=2"] {
            let e = registry::entropy(spec).unwrap();
            assert!((e.entropy(Variable::Continuous(far.view())).unwrap().value.0 - 20f64.ln()).abs() < 1e-12);
            assert!(e.entropy(Variable::Continuous(same.view())).unwrap().value.0.abs() < 1e-12);
        }
    }

    #[test]
    fn a_factor_that_is_cut_short_says_so() {
        let x = Array2::from_shape_fn((60, 1), |(i, _)| i as f64);
        let e = registry::entropy("renyi:sigma=1,rank=5").unwrap();
        let found = e.entropy(Variable::Continuous(x.view())).unwrap();
        assert_eq!(found.warnings, [Warning::Truncated]);
        assert_eq!(found.detail("rank"), Some(5.0));
    }

    #[test]
    fn order_two_by_pairs_is_order_two_by_eigenvalues() {
        let x = Array2::from_shape_fn((150, 2), |(i, j)| ((i * 7 + j * 3) as f64 * 0.37).sin());
        let of = |spec: &str| registry::entropy(spec).unwrap().entropy(Variable::Continuous(x.view())).unwrap().value.0;
        let near = of("renyi:sigma=0.5,alpha=2.0000001");
        assert!((of("renyi:sigma=0.5,alpha=2") - near).abs() < 1e-6, "{near}");
    }
}
