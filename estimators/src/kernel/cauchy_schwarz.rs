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
//! that is 1 for equal ones and 0 for others. The normalised form divides by √(I_CS(x,x)·I_CS(y,y)) and is at most 1.
//! Time O(N²·D), memory O(N·D).

use super::gram::{GramSums, Side};
use super::width::{self, KernelWidth};
use crate::pair::check;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable};
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
            meaning: "yes divides by the geometric mean of I(x,x) and I(y,y), to lie in 0…1",
        },
    ],
    domain: Domain::ANY,
    measure: Measure::Dependence,
    trained: false,
    cost: "O(N²·D)",
    choose: "a smooth measure of dependence that can be trained on; not in nats, and its size depends on the width",
    build: Build {
        mutual_information: Some(|p| {
            Ok(Box::new(CauchySchwarz { sigma: KernelWidth::from_parameters(p)?, normalised: normalised_from(p)? }))
        }),
        ..Build::NOTHING
    },
};

pub(super) fn normalised_from(p: &Parameters) -> Result<bool, EstimatorError> {
    Ok(p.yes_or_no("normalised")?.unwrap_or(false))
}

/// Both variables' kernel sums, and the widths that they were found with.
pub(super) struct Grams {
    pub(super) sums: GramSums,
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
        Ok(Self { sums: GramSums::new(&k, &l, x.len()), sigma_x, sigma_y })
    }

    /// An estimate with the widths among its details.
    pub(super) fn told(&self, estimate: Estimate) -> Estimate {
        let widths = [("sigma_x", self.sigma_x), ("sigma_y", self.sigma_y)];
        widths.into_iter().fold(estimate, |e, (name, width)| match width {
            Some(width) => e.with_detail(name, width),
            None => e,
        })
    }
}

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
        let grams = Grams::new(&x, &y, self.sigma)?;
        let sums = &grams.sums;
        let (k, l): (f64, f64) = (sums.k_rows.iter().sum(), sums.l_rows.iter().sum());
        // The powers of N cancel.
        let of = |joint: f64, k: f64, l: f64, rows: f64| joint.ln() + k.ln() + l.ln() - 2.0 * rows.ln();
        let squares = |rows: &[f64]| rows.iter().map(|r| r * r).sum::<f64>();
        let mut value = of(sums.kl, k, l, sums.rows_product());
        if self.normalised {
            let own_x = of(sums.kk, k, k, squares(&sums.k_rows));
            let own_y = of(sums.ll, l, l, squares(&sums.l_rows));
            let scale = (own_x * own_y).sqrt();
            // A variable without spread has no information of itself, and the other none of it.
            value = if scale > 1e-12 { value / scale } else { 0.0 };
        }
        Ok(grams.told(Estimate::plain(value, x.len())))
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
    let exponent = |a: ArrayView2<'_, f64>, i: usize, b: ArrayView2<'_, f64>, j: usize, sigma: f64| {
        let d: f64 = a.row(i).iter().zip(b.row(j)).map(|(a, b)| (a - b) * (a - b)).sum();
        -d / (2.0 * sigma * sigma)
    };
    // Logarithms of a sample's share in S of y, of ŷ and of both.
    let rows: Vec<[f64; 3]> = (0..x.nrows())
        .into_par_iter()
        .map(|i| {
            let mut weight = LogSum::default();
            let mut sums = [LogSum::default(); 3];
            for j in 0..x.nrows() {
                let k = exponent(x, i, x, j, sigma_x);
                weight.add(match weights {
                    ConditionalWeights::SquareOfSum => k,
                    ConditionalWeights::SumOfSquares => 2.0 * k,
                });
                sums[0].add(k + exponent(y, i, y, j, sigma_y));
                sums[1].add(k + exponent(predicted, i, predicted, j, sigma_y));
                sums[2].add(k + exponent(predicted, i, y, j, sigma_y));
            }
            let weight = match weights {
                ConditionalWeights::SquareOfSum => 2.0 * weight.value(),
                ConditionalWeights::SumOfSquares => weight.value(),
            };
            sums.map(|sum| sum.value() - weight)
        })
        .collect();
    let total = |which: usize| {
        let mut sum = LogSum::default();
        rows.iter().for_each(|row| sum.add(row[which]));
        sum.value()
    };
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
        let rows: Vec<f64> = (0..a.nrows())
            .into_par_iter()
            .map(|i| {
                let mut sum = LogSum::default();
                for row in b.rows() {
                    let d: f64 = a.row(i).iter().zip(row).map(|(a, b)| (a - b) * (a - b)).sum();
                    sum.add(-d / (2.0 * sigma * sigma));
                }
                sum.value()
            })
            .collect();
        let mut total = LogSum::default();
        rows.iter().for_each(|&row| total.add(row));
        total.value() - (a.nrows() as f64 * b.nrows() as f64).ln()
    };
    Ok(log_mean(x, x) + log_mean(y, y) - 2.0 * log_mean(x, y))
}

/// A running log Σ exp.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogSum {
    largest: f64,
    /// Σ exp(term − largest)
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    pub(super) fn add(&mut self, term: f64) {
        if term <= self.largest {
            self.sum += (term - self.largest).exp();
        } else {
            self.sum = self.sum * (self.largest - term).exp() + 1.0;
            self.largest = term;
        }
    }

    pub(super) fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
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
