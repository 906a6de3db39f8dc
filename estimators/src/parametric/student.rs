//! Mutual information of a Student-t copula: linear dependence of the ranks, and the tails' dependence on top.
//!
//! Variables that are Student-t together with ν degrees of freedom and any margins have
//! `I = −½ Σ log(1 − ρ_i²) + f(ν) + f(ν+m+n) − f(ν+m) − f(ν+n)`, `f(x) = log Γ(x/2) − (x/2) ψ(x/2)`, for X of m and Y of n
//! dimensions (Arellano-Valle, Contreras-Reyes & Genton 2013; Czyż et al. 2023, appendix). The information is not zero
//! without correlation: a common scale makes both large together. The scatter matrix is fitted by its maximum-likelihood
//! iteration (Liu & Rubin 1995) to the t quantiles of the ranks, ν by the likelihood of the copula. Margins do not
//! matter. Time O(N·D² · iterations), memory O(N·D).

use super::canonical::{Canonical, beyond_ranks, information_bias, strongest};
use crate::linalg::{log_determinant, to_nalgebra};
use crate::pair::Pair;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::special::digamma;
use crate::special::ln_gamma;
use crate::transform::ranks;
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Nats, Parameters, Transform, Variable, Warning};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Continuous, ContinuousCDF, StudentsT};

/// The estimator of a Student-t copula.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StudentCopula {
    /// Degrees of freedom; fitted when `None`.
    pub dof: Option<f64>,
}

const NAME: &str = "student-copula";
const DOCS: &[ParameterDoc] =
    &[ParameterDoc { name: "dof", default: "fit", meaning: "degrees of freedom: fit, or a number above 0" }];

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "fitted t copula: correlations of the ranks, and dependence of the tails",
    parameters: DOCS,
    domain: Domain::CONTINUOUS,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D² · iterations)",
    choose: "heavy tails that go together, in any dimension with more samples than dimensions",
    build: Build { mutual_information: Some(|p| Ok(Box::new(StudentCopula::from_parameters(p)?))), ..Build::NOTHING },
};

/// Degrees of freedom at which the fit looks first; the last stands for the Gaussian copula.
const GRID: [f64; 11] = [0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 12.0, 25.0, 60.0, GAUSSIAN];
/// From here on a t distribution cannot be told from a normal one.
const GAUSSIAN: f64 = 300.0;
/// Steps of the golden-section search between the neighbours of the best of the grid.
const REFINEMENTS: usize = 9;
/// Rounds of the scatter matrix's iteration; it ends before when nothing moves.
const ROUNDS: usize = 60;
const TOLERANCE: f64 = 1e-6;

impl StudentCopula {
    /// With fitted degrees of freedom.
    pub fn new() -> Self {
        Self { dof: None }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        if p.text("dof") == Some("fit") {
            return Ok(Self::new());
        }
        Ok(Self { dof: p.value("dof", "it must be fit or a number above 0", |v: &f64| *v > 0.0 && v.is_finite())? })
    }
}

impl Default for StudentCopula {
    fn default() -> Self {
        Self::new()
    }
}

/// A t copula fitted to ranks.
pub(crate) struct Fit {
    /// Degrees of freedom.
    pub(crate) dof: f64,
    /// Log-likelihood of the copula, in nats a sample.
    pub(crate) log_likelihood: f64,
    /// t quantiles of the ranks, [N × D].
    pub(crate) z: Array2<f64>,
    /// Fitted scatter matrix.
    scatter: Array2<f64>,
}

impl Fit {
    /// At given degrees of freedom, from ranks over N + 1 [N × D].
    fn at(ranks: &Array2<f64>, dof: f64) -> Option<Self> {
        let z = quantiles(ranks, dof);
        let (n, d) = z.dim();
        let mut scatter = z.t().dot(&z) / n as f64;
        // Any matrix of the right shape does for a start: the scale of the t quantiles is known, and is one.
        let diagonal: Vec<f64> = scatter.diag().to_vec();
        scatter.indexed_iter_mut().for_each(|((i, j), v)| *v /= (diagonal[i] * diagonal[j]).sqrt());
        for _ in 0..ROUNDS {
            let distances = mahalanobis(&z, &scatter)?;
            let weights = distances.mapv(|q| (dof + d as f64) / (dof + q));
            let weighted = &z * &weights.insert_axis(Axis(1));
            let next = weighted.t().dot(&z) / n as f64;
            let moved = next.iter().zip(&scatter).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
            scatter = next;
            if moved < TOLERANCE {
                break;
            }
        }
        // A copula has unit scales: what is left of them is noise of the fit.
        let diagonal: Vec<f64> = scatter.diag().to_vec();
        scatter.indexed_iter_mut().for_each(|((i, j), v)| *v /= (diagonal[i] * diagonal[j]).sqrt());
        let distances = mahalanobis(&z, &scatter)?;
        let log_det = log_determinant(&to_nalgebra(scatter.view()))?;
        let joint = distances.mapv(|q| -0.5 * (dof + d as f64) * (q / dof).ln_1p()).mean()? - 0.5 * log_det;
        let single = z.iter().map(|t| -0.5 * (dof + 1.0) * (t * t / dof).ln_1p()).sum::<f64>() / n as f64;
        let (a, b) = (log_constant(dof, d), d as f64 * log_constant(dof, 1));
        Some(Self { dof, log_likelihood: joint + a - single - b, z, scatter })
    }

    /// The best over the degrees of freedom.
    pub(crate) fn best(ranks: &Array2<f64>) -> Option<Self> {
        let grid: Vec<Option<Self>> = GRID.par_iter().map(|&dof| Self::at(ranks, dof)).collect();
        let likelihood = |fit: &Option<Self>| fit.as_ref().map_or(f64::NEG_INFINITY, |f| f.log_likelihood);
        let at = (0..GRID.len()).max_by(|&a, &b| likelihood(&grid[a]).total_cmp(&likelihood(&grid[b])))?;
        let mut best = grid.into_iter().nth(at)??;
        if at + 1 == GRID.len() {
            return Some(best);
        }
        let (mut low, mut high) = (GRID[at.saturating_sub(1)].ln(), GRID[at + 1].ln());
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        for _ in 0..REFINEMENTS {
            let inner = [high - golden * (high - low), low + golden * (high - low)];
            let fits: Vec<Option<Self>> = inner.par_iter().map(|v| Self::at(ranks, v.exp())).collect();
            if likelihood(&fits[0]) > likelihood(&fits[1]) {
                high = inner[1]
            } else {
                low = inner[0]
            }
            for fit in fits.into_iter().flatten() {
                if fit.log_likelihood > best.log_likelihood {
                    best = fit;
                }
            }
        }
        Some(best)
    }

    /// The copula's mutual information between the first `m` coordinates and the others: that of the correlations, and
    /// what the common scale adds.
    pub(crate) fn information(&self, m: usize) -> (f64, f64) {
        let d = self.scatter.nrows();
        let log_det = |from: usize, to: usize| {
            let block = self.scatter.slice_axis(Axis(0), (from..to).into());
            log_determinant(&to_nalgebra(block.slice_axis(Axis(1), (from..to).into()))).unwrap_or(f64::NEG_INFINITY)
        };
        let linear = 0.5 * (log_det(0, m) + log_det(m, d) - log_det(0, d));
        (linear, if self.dof >= GAUSSIAN { 0.0 } else { excess(self.dof, m, d - m) })
    }

    /// Log density ratio of the copula at each sample, whose mean is another estimate of the information.
    fn pointwise(&self, m: usize) -> Option<Array1<f64>> {
        let d = self.scatter.nrows();
        let part = |from: usize, to: usize| -> Option<Array1<f64>> {
            let z = self.z.slice_axis(Axis(1), (from..to).into()).to_owned();
            let rows = self.scatter.slice_axis(Axis(0), (from..to).into());
            let block = rows.slice_axis(Axis(1), (from..to).into()).to_owned();
            let (dof, width) = (self.dof, (to - from) as f64);
            let constant = log_constant(dof, to - from) - 0.5 * log_determinant(&to_nalgebra(block.view()))?;
            Some(mahalanobis(&z, &block)?.mapv(|q| constant - 0.5 * (dof + width) * (q / dof).ln_1p()))
        };
        Some(part(0, d)? - part(0, m)? - part(m, d)?)
    }
}

/// `f(ν) + f(ν+m+n) − f(ν+m) − f(ν+n)`: information of the common scale.
fn excess(dof: f64, m: usize, n: usize) -> f64 {
    let f = |x: f64| ln_gamma(x / 2.0) - x / 2.0 * digamma(x / 2.0);
    f(dof) + f(dof + (m + n) as f64) - f(dof + m as f64) - f(dof + n as f64)
}

/// Log of the constant of a t density of unit scatter in `d` dimensions.
fn log_constant(dof: f64, d: usize) -> f64 {
    let d = d as f64;
    ln_gamma((dof + d) / 2.0) - ln_gamma(dof / 2.0) - d / 2.0 * (dof * std::f64::consts::PI).ln()
}

/// zᵀ S⁻¹ z of each row; `None` when S is singular.
fn mahalanobis(z: &Array2<f64>, scatter: &Array2<f64>) -> Option<Array1<f64>> {
    let factor = to_nalgebra(scatter.view()).cholesky()?.l();
    let d = scatter.nrows();
    let inverse = factor.solve_lower_triangular(&nalgebra::DMatrix::identity(d, d))?;
    let turn = Array2::from_shape_fn((d, d), |(row, column)| inverse[(column, row)]);
    let white = z.dot(&turn);
    let found: Array1<f64> = white.rows().into_iter().map(|r| r.dot(&r)).collect();
    found.iter().all(|q| q.is_finite()).then_some(found)
}

/// t quantiles of ranks over N + 1.
///
/// Newton's iteration from one rank to the next, from the middle outwards: the quantile function is then called for no
/// more than N values, each a step or two from the last.
fn quantiles(ranks: &Array2<f64>, dof: f64) -> Array2<f64> {
    let Ok(t) = StudentsT::new(0.0, 1.0, dof) else { return ranks.clone() };
    let mut tails: Vec<f64> = ranks.iter().map(|u| u.min(1.0 - u)).collect();
    tails.sort_unstable_by(|a, b| b.total_cmp(a));
    tails.dedup();
    let mut at: f64 = 0.0;
    let values: Vec<f64> = tails
        .iter()
        .map(|&tail| {
            for _ in 0..100 {
                // In the logarithm of the tail, which is nearly straight where the tail itself is steep.
                let (below, density) = (t.cdf(at), t.pdf(at));
                let step = (below / tail).ln() * below / density;
                at -= step;
                if step.abs() < 1e-10 * (1.0 + at.abs()) {
                    break;
                }
            }
            at
        })
        .collect();
    ranks.mapv(|u| {
        let tail = u.min(1.0 - u);
        let value = values[tails.partition_point(|v| *v > tail)];
        if u > 0.5 { -value } else { value }
    })
}

/// Mean ranks of each column over N + 1.
pub(crate) fn ranked(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((x.nrows(), x.ncols() + y.ncols()));
    for (from, mut to) in x.columns().into_iter().chain(y.columns()).zip(out.columns_mut()) {
        to.iter_mut().zip(ranks(&from.to_vec())).for_each(|(slot, value)| *slot = value);
    }
    out
}

impl Estimator for StudentCopula {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        self.dof.map_or("dof=fit".into(), |dof| format!("dof={dof}"))
    }
}

impl MutualInformation for StudentCopula {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (x, y) = Pair::new(&x, &y)?.continuous(NAME)?;
        let (n, m, d) = (x.nrows(), x.ncols(), x.ncols() + y.ncols());
        if n < d + 3 {
            return Err(EstimatorError::TooFewSamples { found: n, needed: d + 3 });
        }
        let ranks = ranked(x, y);
        let fit = match self.dof {
            Some(dof) => Fit::at(&ranks, dof),
            None => Fit::best(&ranks),
        };
        let Some(fit) = fit else {
            // Columns that repeat each other, or are constant: only the Gaussian part can be had, in the directions left.
            let normal = |v| Transform::Normal.apply(v);
            let (value, shared) = Canonical::new(normal(x)?.view(), normal(y)?.view()).information();
            let estimate = Estimate::plain(value, n).judged(f64::INFINITY).warned(Warning::OutOfDomain);
            return Ok(if shared { estimate.warned(Warning::Saturated) } else { estimate });
        };
        let (linear, tails) = fit.information(m);
        let mut estimate = Estimate::plain(linear + tails - information_bias(n as f64 - 1.0, m, d - m), n);
        if let Some(pointwise) = fit.pointwise(m) {
            estimate.std_error = Some(Nats((pointwise.var(0.0) / n as f64).sqrt()));
        }
        if n < 5 * d {
            estimate = estimate.warned(Warning::HighDimension);
        }
        if strongest(fit.scatter.view(), m).is_none_or(|strongest| beyond_ranks(strongest, n)) {
            estimate = estimate.warned(Warning::Saturated);
        }
        Ok(estimate
            .judged(f64::INFINITY)
            .with_detail("dof", fit.dof)
            .with_detail("tail_dependence_nats", tails)
            .with_detail("log_likelihood_per_sample", fit.log_likelihood))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use rand_distr::{ChiSquared, Distribution, StandardNormal};

    fn t_pair(n: usize, d: usize, dof: f64, rho: f64) -> (Array2<f64>, Array2<f64>) {
        let rng = &mut generator(4, 9);
        let chi = ChiSquared::new(dof).unwrap();
        let (mut x, mut y) = (Array2::zeros((n, d)), Array2::zeros((n, d)));
        for i in 0..n {
            let s: f64 = (chi.sample(rng) / dof).sqrt();
            for j in 0..d {
                let a: f64 = StandardNormal.sample(rng);
                let b: f64 = StandardNormal.sample(rng);
                x[[i, j]] = a / s;
                y[[i, j]] = (rho * a + (1.0 - rho * rho).sqrt() * b) / s;
            }
        }
        (x, y)
    }

    #[test]
    fn t_distributions_of_any_dimension_are_on_the_truth() {
        for (d, dof, rho) in [(1, 1.0, 0.0), (2, 1.0, 0.0), (2, 2.0, 0.6), (3, 3.0, 0.5), (5, 2.0, 0.0)] {
            let (x, y) = t_pair(5000, d, dof, rho);
            let truth = excess(dof, d, d) - 0.5 * d as f64 * (1.0 - rho * rho).ln();
            let of = |x: &Array2<f64>| {
                StudentCopula::new().estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap()
            };
            let found = of(&x);
            assert!((found.value.0 - truth).abs() < 0.04 * (1.0 + truth), "{d} {dof}: {truth} {found:?}");
            // Margins do not matter.
            assert!((of(&x.mapv(f64::asinh)).value.0 - found.value.0).abs() < 1e-9);
        }
        // The 1 × 1 case of one degree of freedom is 0.2242 nat (Czyż et al. 2023).
        assert!((excess(1.0, 1, 1) - 0.2242).abs() < 1e-4);
    }

    #[test]
    fn normals_are_recognised() {
        let (x, y) = t_pair(4000, 2, 1e6, 0.7);
        let found =
            StudentCopula::new().estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap();
        assert!(found.detail("dof").unwrap() > 40.0, "{found:?}");
        assert!((found.value.0 + (1.0 - 0.49_f64).ln()).abs() < 0.04, "{found:?}");
    }

    #[test]
    fn quantiles_are_those_of_the_distribution() {
        let u = Array2::from_shape_fn((999, 1), |(i, _)| (i + 1) as f64 / 1000.0);
        for dof in [0.7, 1.0, 4.5, 300.0] {
            let t = StudentsT::new(0.0, 1.0, dof).unwrap();
            for (u, z) in u.iter().zip(&quantiles(&u, dof)) {
                assert!((t.cdf(*z) - u).abs() < 1e-9, "{dof} {u} {z}");
            }
        }
    }
}
