//! Cauchy–Schwarz quadratic mutual information and divergences ("Cauchy-Schwarz divergence information bottleneck for
//! regression", Yu et al. 2024; Principe 2010 for the quadratic mutual information).
//!
//! With K and L the Gram matrices of Gaussian kernels on the two variables,
//!
//! ```text
//! I_CS = log[(1/N²) Σ_ij K_ij L_ij] + log[(1/N⁴) ΣK ΣL] − 2 log[(1/N³) Σ_i (Σ_j K_ij)(Σ_j L_ij)]
//! ```
//!
//! It is the Cauchy–Schwarz divergence between the kernel estimates of p(x,y) and p(x)p(y): never negative, zero for
//! independent variables, and not Shannon's information: it is not to be compared with nats. Labels take the kernel
//! that is 1 for equal ones and 0 for others. The normalised form divides by √(I_CS(x,x)·I_CS(y,y)): 1 for a variable
//! with itself. It is no correlation: where a kernel hardly reaches from one sample to the next, it can exceed 1.
//! Time O(N²·D), memory O(N·D).

use super::gram::Grams;
use super::log_sum::{LogSum, log_kernel};
use super::width::{self, KernelWidth};
use crate::pair::check;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Variable};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Cauchy–Schwarz mutual information.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CauchySchwarz {
    /// The kernels' width, found for each variable by itself.
    pub sigma: KernelWidth,
    /// Whether to divide by the geometric mean of each variable's information of itself.
    pub normalised: bool,
}

const NAME: &str = "cauchy-schwarz";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "Cauchy–Schwarz quadratic mutual information between kernel densities (Yu et al. 2024)",
    parameters: &[
        ParameterDoc { name: "sigma", default: "median", meaning: width::MEANING },
        ParameterDoc {
            name: "normalised",
            default: "no",
            meaning: "yes divides by the geometric mean of I(x,x) and I(y,y): 1 for a variable with itself",
        },
    ],
    domain: Domain::ANY,
    measure: Measure::Dependence,
    trained: false,
    cost: "O(N²·D)",
    choose: "a smooth measure of dependence that can be trained on; not in nats, and its size depends on the width",
    build: Build {
        mutual_information: Some(|p| {
            Ok(Box::new(CauchySchwarz {
                sigma: KernelWidth::from_parameters(p)?,
                normalised: p.yes_or_no("normalised")?.unwrap_or(false),
            }))
        }),
        ..Build::NOTHING
    },
};

impl Estimator for CauchySchwarz {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("sigma={} normalised={}", self.sigma, if self.normalised { "yes" } else { "no" })
    }
}

impl MutualInformation for CauchySchwarz {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        // The powers of N cancel.
        Ok(Grams::new(&x, &y, self.sigma)?
            .score(self.normalised, |m| m.kl.ln() + m.k.ln() + m.l.ln() - 2.0 * m.rows.ln()))
    }
}

/// What the kernels around a sample are weighted by in the conditional divergence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionalWeights {
    /// `1/(Σ_j K_ij)²`, as the paper derives it.
    #[default]
    SquareOfSum,
    /// `1/Σ_j K_ij²`, as the published program computes it.
    SumOfSquares,
}

/// Conditional Cauchy–Schwarz divergence `D_CS(p(y|x); q(ŷ|x))` in nats, of [N × D] samples that share their rows.
///
/// With K the Gram matrix of x, L¹ that of y, L² that of ŷ, L²¹ between them, and `S(L) = Σ_i Σ_j K_ij L_ij / w_i`:
/// `D = log S(L¹) + log S(L²) − 2 log S(L²¹)`. Never negative; zero when ŷ = y. Widths are those of the Gaussian
/// kernels on x and on y and ŷ. Sums are kept as logarithms, so that far points leave large numbers and not infinity.
///
/// # Errors
/// As for [`MutualInformation::estimate`]; also when y and ŷ differ in width.
pub fn conditional_cauchy_schwarz(
    x: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    predicted: ArrayView2<'_, f64>,
    sigma_x: f64,
    sigma_y: f64,
    weights: ConditionalWeights,
) -> Result<f64, EstimatorError> {
    let variables = [x, y, predicted].map(Variable::Continuous);
    check(&variables)?;
    if y.ncols() != predicted.ncols() {
        return Err(EstimatorError::LengthMismatch { left: y.ncols(), right: predicted.ncols() });
    }
    // Logarithms of a sample's share in S of y, of ŷ and of both.
    let rows: Vec<[f64; 3]> = (0..x.nrows())
        .into_par_iter()
        .map(|i| {
            let mut weight = LogSum::default();
            let mut sums = [LogSum::default(); 3];
            for j in 0..x.nrows() {
                let k = log_kernel(x.row(i), x.row(j), sigma_x);
                weight.add(match weights {
                    ConditionalWeights::SquareOfSum => k,
                    ConditionalWeights::SumOfSquares => 2.0 * k,
                });
                sums[0].add(k + log_kernel(y.row(i), y.row(j), sigma_y));
                sums[1].add(k + log_kernel(predicted.row(i), predicted.row(j), sigma_y));
                sums[2].add(k + log_kernel(predicted.row(i), y.row(j), sigma_y));
            }
            let weight = match weights {
                ConditionalWeights::SquareOfSum => 2.0 * weight.value(),
                ConditionalWeights::SumOfSquares => weight.value(),
            };
            sums.map(|sum| sum.value() - weight)
        })
        .collect();
    let total = |which: usize| LogSum::of(rows.iter().map(|row| row[which]));
    Ok(total(0) + total(1) - 2.0 * total(2))
}

/// Cauchy–Schwarz divergence `D_CS(p; q)` in nats between two samples [M × D] and [N × D] by Gaussian kernels:
/// `log mean K_xx + log mean K_yy − 2 log mean K_xy`, over all pairs, the diagonal included.
///
/// # Errors
/// As for [`MutualInformation::estimate`]; also when the samples differ in width.
pub fn cauchy_schwarz_divergence(
    x: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    sigma: f64,
) -> Result<f64, EstimatorError> {
    check(&[Variable::Continuous(x)])?;
    check(&[Variable::Continuous(y)])?;
    if x.ncols() != y.ncols() {
        return Err(EstimatorError::LengthMismatch { left: x.ncols(), right: y.ncols() });
    }
    let log_mean = |a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>| {
        let of_row = |i| LogSum::of(b.rows().into_iter().map(|row| log_kernel(a.row(i), row, sigma)));
        let rows: Vec<f64> = (0..a.nrows()).into_par_iter().map(of_row).collect();
        LogSum::of(rows) - (a.nrows() as f64 * b.nrows() as f64).ln()
    };
    Ok(log_mean(x, x) + log_mean(y, y) - 2.0 * log_mean(x, y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn wave(n: usize, d: usize, step: f64) -> Array2<f64> {
        Array2::from_shape_fn((n, d), |(i, j)| ((i as f64) * step + j as f64).sin())
    }

    #[test]
    fn normalised_is_one_of_itself_and_small_of_others() {
        let (x, y) = (wave(200, 2, 0.7), wave(200, 1, 1.9));
        let of = |a: &Array2<f64>, b: &Array2<f64>| {
            let e = CauchySchwarz { sigma: KernelWidth::Median, normalised: true };
            e.estimate(Variable::Continuous(a.view()), Variable::Continuous(b.view())).unwrap().value.0
        };
        assert!((of(&x, &x) - 1.0).abs() < 1e-12);
        assert!(of(&x, &y) < 0.2, "{}", of(&x, &y));
        let constant = Array2::zeros((200, 1));
        assert_eq!(of(&x, &constant), 0.0);
    }

    #[test]
    fn divergences_vanish_between_equals_and_stay_finite_far_apart() {
        let (x, y) = (wave(50, 2, 0.7), wave(50, 1, 0.3));
        for weights in [ConditionalWeights::SquareOfSum, ConditionalWeights::SumOfSquares] {
            let of =
                |q: &Array2<f64>| conditional_cauchy_schwarz(x.view(), y.view(), q.view(), 1.0, 1.0, weights).unwrap();
            assert!(of(&y).abs() < 1e-12);
            let far = of(&(&y + 1e3));
            assert!(far.is_finite() && far > 1e5, "{far}");
        }
        assert!(cauchy_schwarz_divergence(x.view(), x.view(), 1.0).unwrap().abs() < 1e-12);
        assert!(cauchy_schwarz_divergence(x.view(), y.view(), 1.0).is_err());
    }
}
