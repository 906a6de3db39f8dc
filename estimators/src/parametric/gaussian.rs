//! Gaussian mutual information, of the values or of their normal scores.
//!
//! `I = ½ log(|Σ_x| |Σ_y| / |Σ_xy|) = −½ Σ log(1 − ρ_i²)` over the canonical correlations. Of normal scores
//! (`gaussian-copula`; "A statistical framework for neuroimaging data analysis based on mutual information estimated via a
//! Gaussian copula", Ince et al. 2017) it does not depend on the margins, and is exact where the copula is Gaussian. For
//! other data it is no bound in general, but almost always far below the truth: it sees linear dependence alone.
//! Time O(N·D² + D³), memory O(D²) beside the data. The values' moments are summed by blocks of rows, so that data that
//! are read a part at a time give the same bits.

use super::canonical::{Canonical, beyond_ranks, information_bias};
use crate::linalg::{eigenvalues, standardised, to_nalgebra, whitened};
use crate::pair::{Pair, check, continuous};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::special::digamma;
use crate::streaming::{GaussianStream, MomentSums, Moments, Norms};
use crate::transform::squarable;
use crate::{
    ConditionalMutualInformation, Entropy, Estimate, Estimator, EstimatorError, MutualInformation, Parameters,
    Transform, Variable, Warning,
};
use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2};
use serde::{Deserialize, Serialize};

/// How far the covariance is drawn towards that of independent coordinates of equal variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shrinkage {
    /// Not at all.
    None,
    /// By the amount that makes the expected squared error least (Ledoit & Wolf 2004).
    LedoitWolf,
    /// By this share.
    Share(f64),
}

impl Shrinkage {
    const RULE: &'static str = "it must be none, ledoit-wolf or a number from 0 to below 1";

    fn read(p: &Parameters) -> Result<Self, EstimatorError> {
        match p.text("shrinkage") {
            None | Some("none") => Ok(Self::None),
            Some("ledoit-wolf") => Ok(Self::LedoitWolf),
            Some(text) => match text.parse() {
                Ok(share) if (0.0..1.0).contains(&share) => Ok(Self::Share(share)),
                _ => Err(p.bad("shrinkage", text, Self::RULE)),
            },
        }
    }

    fn text(self) -> String {
        match self {
            Self::None => "none".into(),
            Self::LedoitWolf => "ledoit-wolf".into(),
            Self::Share(share) => share.to_string(),
        }
    }

    /// Whether [`Shrinkage::share`] asks for the norms of the rows.
    pub(crate) fn needs_norms(self) -> bool {
        self == Self::LedoitWolf
    }

    /// The share for a correlation matrix of `n` samples; `norms` is Σ ‖z‖⁴ over the standardised rows.
    fn share(self, correlation: ArrayView2<'_, f64>, n: f64, norms: f64) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Share(share) => share,
            Self::LedoitWolf => {
                let mu = correlation.diag().mean().unwrap_or(0.0);
                let squares: f64 = correlation.iter().map(|v| v * v).sum();
                let distance = squares - correlation.nrows() as f64 * mu * mu;
                let error = ((norms / n - squares) / n).max(0.0);
                if distance > 0.0 { (error / distance).min(1.0) } else { 0.0 }
            }
        }
    }
}

/// The Gaussian estimator, of values or of normal scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gaussian {
    /// Whether each coordinate is replaced by its normal scores first.
    pub copula: bool,
    /// Whether the bias of the sample covariance's determinant is taken away.
    pub bias: bool,
    /// Shrinkage of the joint covariance.
    pub shrinkage: Shrinkage,
}

const NAME: &str = "gaussian";
const COPULA_NAME: &str = "gaussian-copula";
const DOCS: &[ParameterDoc] = &[
    ParameterDoc { name: "bias", default: "yes", meaning: "correct the bias of sample determinants: yes or no" },
    ParameterDoc {
        name: "shrinkage",
        default: "none",
        meaning: "of the covariance towards a multiple of identity: none, ledoit-wolf or a share; no bias correction then",
    },
];

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "canonical correlations of the values: exact for Gaussian variables",
    parameters: DOCS,
    domain: Domain::CONTINUOUS,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D² + D³)",
    choose: "variables that are Gaussian together, in any dimension with more samples than dimensions",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(Gaussian::from_parameters(p, false)?))),
        conditional: Some(|p| Ok(Box::new(Gaussian::from_parameters(p, false)?))),
        entropy: Some(|p| Ok(Box::new(Gaussian::from_parameters(p, false)?))),
        stream: Some(|p, wanted| Ok(Box::new(GaussianStream::new(Gaussian::from_parameters(p, false)?, wanted)))),
        ..Build::NOTHING
    },
};

pub(crate) const COPULA_ENTRY: Entry = Entry {
    name: COPULA_NAME,
    summary: "canonical correlations of normal scores: exact for a Gaussian copula (Ince et al. 2017)",
    parameters: DOCS,
    domain: Domain::CONTINUOUS,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D·log N + N·D² + D³)",
    choose: "monotone dependence with any margins, in any dimension with more samples than dimensions",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(Gaussian::from_parameters(p, true)?))),
        conditional: Some(|p| Ok(Box::new(Gaussian::from_parameters(p, true)?))),
        ..Build::NOTHING
    },
};

impl Gaussian {
    /// Of the values, bias corrected.
    pub fn new() -> Self {
        Self { copula: false, bias: true, shrinkage: Shrinkage::None }
    }

    /// Of normal scores, bias corrected.
    pub fn copula() -> Self {
        Self { copula: true, ..Self::new() }
    }

    fn from_parameters(p: &Parameters, copula: bool) -> Result<Self, EstimatorError> {
        let shrinkage = Shrinkage::read(p)?;
        Ok(Self { copula, bias: p.yes_or_no("bias")?.unwrap_or(true), shrinkage })
    }

    /// The values, checked, or their normal scores.
    fn prepared<'a>(&self, x: ArrayView2<'a, f64>) -> Result<CowArray<'a, f64, Ix2>, EstimatorError> {
        if self.copula {
            return Ok(Transform::Normal.apply(x)?.into());
        }
        squarable(x, 0)?;
        Ok(x.into())
    }

    /// Of values whose sample covariance has `freedom` degrees of freedom.
    fn of(&self, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, freedom: f64) -> Result<Estimate, EstimatorError> {
        let Some(moments) = MomentSums::of(&[x, y]) else {
            return Err(EstimatorError::TooFewSamples { found: 0, needed: 2 });
        };
        let norms = if self.shrinkage.needs_norms() { Norms::of(&moments, &[x, y]) } else { 0.0 };
        self.of_moments(&moments, x.ncols(), freedom, norms)
    }

    /// Of the moments of both variables together, the first `dim_x` columns being X; `norms` is Σ ‖z‖⁴ over the
    /// standardised rows, and is not looked at unless [`Shrinkage::needs_norms`].
    pub(crate) fn of_moments(
        &self,
        moments: &Moments,
        dim_x: usize,
        freedom: f64,
        norms: f64,
    ) -> Result<Estimate, EstimatorError> {
        let (n, correlation) = (moments.samples(), moments.correlation());
        let share = self.shrinkage.share(correlation.view(), n as f64, norms);
        if share > 0.0 {
            return Ok(shrunk(correlation, n, dim_x, share));
        }
        let canonical = Canonical::of_correlation(correlation.view(), dim_x);
        let (value, shared) = canonical.information();
        let (rank_x, rank_y) = (canonical.rank_x, canonical.rank_y);
        if freedom <= (rank_x + rank_y) as f64 {
            return Err(EstimatorError::TooFewSamples { found: n, needed: n + 1 + rank_x + rank_y - freedom as usize });
        }
        let bias = if self.bias && rank_x > 0 && rank_y > 0 { information_bias(freedom, rank_x, rank_y) } else { 0.0 };
        let mut estimate = Estimate::plain(value - bias, n).judged(f64::INFINITY);
        estimate.std_error = Some(crate::Nats(canonical.std_error(n)));
        let strongest = canonical.correlations.first().copied().unwrap_or(0.0);
        if shared || (self.copula && beyond_ranks(strongest, n)) {
            estimate = estimate.warned(Warning::Saturated);
        }
        if freedom < 5.0 * (rank_x + rank_y) as f64 {
            estimate = estimate.warned(Warning::HighDimension);
        }
        if !self.copula && far_from_normal(moments) {
            estimate = estimate.warned(Warning::OutOfDomain);
        }
        Ok(estimate)
    }

    /// `½ log((2πe)^D |Σ|)` of the moments of one variable.
    pub(crate) fn entropy_of_moments(&self, moments: &Moments) -> Result<Estimate, EstimatorError> {
        let (n, d) = (moments.samples(), moments.width());
        if n <= d + 1 {
            return Err(EstimatorError::TooFewSamples { found: n, needed: d + 2 });
        }
        // By the correlation matrix, which is well scaled whatever the units of the columns.
        let freedom = n as f64 - 1.0;
        let scales: f64 = moments.standard_deviations().iter().map(|s| s.ln()).sum();
        let spectrum = eigenvalues(to_nalgebra((moments.correlation() * (n as f64 / freedom)).view()));
        if spectrum.iter().any(|v| *v <= 1e-13) {
            return Err(EstimatorError::NoDensity { estimator: NAME });
        }
        let log_determinant = spectrum.iter().map(|v| v.ln()).sum::<f64>() + 2.0 * scales;
        let bias = if self.bias {
            (1..=d).map(|i| digamma((freedom - i as f64 + 1.0) / 2.0) - (freedom / 2.0).ln()).sum::<f64>()
        } else {
            0.0
        };
        let value = 0.5 * (d as f64 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln() + log_determinant - bias);
        let mut estimate = Estimate::plain(value, n);
        estimate.std_error = Some(crate::Nats((d as f64 / (2.0 * n as f64)).sqrt()));
        if far_from_normal(moments) {
            estimate = estimate.warned(Warning::OutOfDomain);
        }
        Ok(estimate)
    }
}

impl Default for Gaussian {
    fn default() -> Self {
        Self::new()
    }
}

/// From the joint correlation matrix of `n` samples, shrunk; the first `dim_x` columns are X.
fn shrunk(mut s: Array2<f64>, n: usize, dim_x: usize, share: f64) -> Estimate {
    let mu = s.diag().mean().unwrap_or(1.0);
    s.mapv_inplace(|v| v * (1.0 - share));
    s.diag_mut().mapv_inplace(|v| v + share * mu);
    let block = |from: usize, to: usize| {
        let (_, rest) = s.view().split_at(Axis(0), from);
        let (rows, _) = rest.split_at(Axis(0), to - from);
        let (_, rest) = rows.split_at(Axis(1), from);
        let (block, _) = rest.split_at(Axis(1), to - from);
        eigenvalues(to_nalgebra(block)).iter().map(|v| v.max(1e-300).ln()).sum::<f64>()
    };
    let d = s.nrows();
    let value = 0.5 * (block(0, dim_x) + block(dim_x, d) - block(0, d));
    Estimate::plain(value, n).with_detail("shrinkage", share).judged(f64::INFINITY)
}

/// Skewness or excess kurtosis of a column beyond what a normal variable has, by more than noise.
fn far_from_normal(moments: &Moments) -> bool {
    let n = moments.samples() as f64;
    // A constant column has neither. Powers beyond the range of numbers are far from normal, whatever they come to.
    moments.shapes().into_iter().flatten().any(|(skewness, kurtosis)| {
        !(skewness.is_finite() && kurtosis.is_finite())
            || skewness.abs() > 0.5_f64.max(5.0 * (6.0 / n).sqrt())
            || kurtosis.abs() > 1.0_f64.max(5.0 * (24.0 / n).sqrt())
    })
}

impl Estimator for Gaussian {
    fn name(&self) -> &'static str {
        if self.copula { COPULA_NAME } else { NAME }
    }

    fn parameters(&self) -> String {
        format!("bias={} shrinkage={}", if self.bias { "yes" } else { "no" }, self.shrinkage.text())
    }
}

impl MutualInformation for Gaussian {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (x, y) = Pair::new(&x, &y)?.continuous(self.name())?;
        self.of(self.prepared(x)?.view(), self.prepared(y)?.view(), x.nrows() as f64 - 1.0)
    }
}

impl ConditionalMutualInformation for Gaussian {
    fn estimate_given(&self, x: Variable<'_>, y: Variable<'_>, z: Variable<'_>) -> Result<Estimate, EstimatorError> {
        check(&[x.reborrow(), y.reborrow(), z.reborrow()])?;
        let (Variable::Continuous(x), Variable::Continuous(y), Variable::Continuous(z)) = (x, y, z) else {
            return Err(EstimatorError::WrongKind { estimator: self.name(), expected: "three continuous" });
        };
        let z = whitened(self.prepared(z)?.view()).values;
        let n = x.nrows();
        if n <= z.ncols() + 2 {
            return Err(EstimatorError::TooFewSamples { found: n, needed: z.ncols() + 3 });
        }
        // What Z does not explain: the partial correlations are those of the residuals.
        let residual = |v: CowArray<'_, f64, Ix2>| {
            let v = standardised(v.view());
            let weights = z.t().dot(&v) / n as f64;
            &v - &z.dot(&weights)
        };
        let (x, y) = (residual(self.prepared(x)?), residual(self.prepared(y)?));
        self.of(x.view(), y.view(), (n - 1 - z.ncols()) as f64)
    }
}

impl Entropy for Gaussian {
    /// `½ log((2πe)^D |Σ|)`.
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let x = continuous(&x, NAME)?;
        squarable(x, 0)?;
        match MomentSums::of(&[x]) {
            Some(moments) => self.entropy_of_moments(&moments),
            None => Err(EstimatorError::TooFewSamples { found: 0, needed: x.ncols() + 2 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use rand_distr::{Distribution, StandardNormal};

    fn pair(n: usize, d: usize, rho: f64) -> (Array2<f64>, Array2<f64>) {
        let rng = &mut generator(8, 1);
        let x: Array2<f64> = Array2::from_shape_simple_fn((n, d), || StandardNormal.sample(rng));
        let e: Array2<f64> = Array2::from_shape_simple_fn((n, d), || StandardNormal.sample(rng));
        let y = &x * rho + &e * (1.0 - rho * rho).sqrt();
        (x, y)
    }

    fn c(x: &Array2<f64>) -> Variable<'_> {
        Variable::Continuous(x.view())
    }

    #[test]
    fn two_nats_a_dimension_in_64_dimensions() {
        // ρ = √(1 − e⁻⁴): 2 nats each.
        let (x, y) = pair(10_000, 64, (1.0 - (-4.0_f64).exp()).sqrt());
        for estimator in [Gaussian::new(), Gaussian::copula()] {
            let found = estimator.estimate(c(&x), c(&y)).unwrap();
            assert!((found.value.0 - 128.0).abs() < 1.0, "{found:?}");
        }
    }

    #[test]
    fn a_third_variable_that_explains_all_leaves_nothing() {
        let (z, x) = pair(4000, 1, 0.8);
        let (_, noise) = pair(4000, 2, 0.0);
        let y = &z * 2.0 + &noise.select(Axis(1), &[1]);
        let given = Gaussian::new().estimate_given(c(&x), c(&y), c(&z)).unwrap();
        assert!(
            given.value.0.abs() < 0.003 && Gaussian::new().estimate(c(&x), c(&y)).unwrap().value.0 > 0.3,
            "{given:?}"
        );
    }

    #[test]
    fn entropy_of_scaled_normals() {
        let (x, _) = pair(20_000, 3, 0.0);
        let truth = 1.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln() + 3.0 * 7f64.ln();
        let found = Gaussian::new().entropy(c(&x.mapv(|v| 7.0 * v))).unwrap();
        assert!((found.value.0 - truth).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn heavy_tails_shared_directions_and_too_few_samples_are_told() {
        let (x, y) = pair(500, 1, 0.5);
        let heavy = x.mapv(|v| v.powi(5));
        assert!(Gaussian::new().estimate(c(&heavy), c(&y)).unwrap().warnings.contains(&Warning::OutOfDomain));
        let copula = |a: &Array2<f64>| Gaussian::copula().estimate(c(a), c(&y)).unwrap();
        assert_eq!(copula(&heavy), copula(&x));
        assert!(Gaussian::new().estimate(c(&x), c(&x)).unwrap().warnings.contains(&Warning::Saturated));
        let (x, y) = pair(20, 10, 0.5);
        assert!(matches!(Gaussian::new().estimate(c(&x), c(&y)), Err(EstimatorError::TooFewSamples { .. })));
        let shrunk = Gaussian { shrinkage: Shrinkage::LedoitWolf, ..Gaussian::new() }.estimate(c(&x), c(&y)).unwrap();
        assert!(shrunk.value.0.is_finite() && shrunk.detail("shrinkage").unwrap() > 0.1);
    }
}
