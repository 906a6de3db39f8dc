//! How far an estimate can be trusted, for any estimator: intervals by subsampling or by the jackknife, a permutation
//! test of independence, and extrapolation to infinitely many samples.
//!
//! All of them take the variables as a list (X alone, X and Y, or X, Y and Z) and the estimate as a function of that list.
//! Repeats run in parallel, and give the same numbers with any number of threads.
//!
//! ```
//! use narrows_estimators::{Variable, registry, uncertainty};
//! use ndarray::Array2;
//!
//! let x = Array2::from_shape_fn((300, 1), |(i, _)| (i as f64 * 0.7).sin());
//! let y = Array2::from_shape_fn((300, 1), |(i, _)| (i as f64 * 0.7).sin() + (i as f64 * 1.9).cos());
//! let ksg = registry::mutual_information("ksg").unwrap();
//! let variables = [Variable::Continuous(x.view()), Variable::Continuous(y.view())];
//! let estimand = |v: &[Variable<'_>]| ksg.estimate(v[0], v[1]);
//! let std_error = uncertainty::subsampling(&variables, &estimand, 0).unwrap();
//! let test = uncertainty::permutation_test(&variables, &estimand, 99, 0).unwrap();
//! assert!(std_error.0 < 0.1 && test.p_value == 0.01);
//! ```

use crate::pair::check;
use crate::random::{generator, permutation};
use crate::{Estimate, EstimatorError, Nats, OwnedVariable, Variable};
use rayon::prelude::*;

/// An estimate as a function of its variables.
pub type Estimand<'a> = dyn Fn(&[Variable<'_>]) -> Result<Estimate, EstimatorError> + Sync + 'a;

/// Streams of the seed, so that one method's draws are not another's.
mod stream {
    pub(super) const SUBSAMPLING: u64 = 101;
    pub(super) const JACKKNIFE: u64 = 102;
    pub(super) const PERMUTATION: u64 = 1000;
    pub(super) const EXTRAPOLATION: u64 = 103;
}

/// The samples are cut into 2, 3, … this many parts.
const MOST_PARTS: usize = 10;
/// No part is smaller than this: estimators near their least number of samples vary by another law.
const SMALLEST_PART: usize = 20;

/// Standard error by subsampling ("Estimation of mutual information for real-valued data with error bars and controlled
/// bias", Holmes & Nemenman 2019).
///
/// The samples are shuffled and cut into n = 2…10 disjoint parts; the variance of the estimate over the parts of one n
/// is that at N/n samples. A variance that falls as B/N fits all n with the maximum-likelihood
/// `B = Σ_n (n−1) (N/n) s²_n / Σ_n (n−1)`, and the standard error at N is √(B/N). Costs about as much as nine estimates
/// where the time is linear in N.
///
/// # Errors
/// When there are fewer than 40 samples, or an estimate of a part fails.
pub fn subsampling(variables: &[Variable<'_>], estimand: &Estimand<'_>, seed: u64) -> Result<Nats, EstimatorError> {
    let n = checked(variables, 2 * SMALLEST_PART)?;
    let order = permutation(n, &mut generator(seed, stream::SUBSAMPLING));
    let divisions: Vec<usize> = (2..=MOST_PARTS).filter(|parts| n / parts >= SMALLEST_PART).collect();
    let estimates = of_parts(variables, estimand, &order, &divisions)?;
    let (mut sum, mut weights) = (0.0, 0.0);
    for (&parts, values) in divisions.iter().zip(&estimates) {
        let freedom = parts as f64 - 1.0;
        let mean = values.iter().sum::<f64>() / parts as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / freedom;
        sum += freedom * (n as f64 / parts as f64) * variance;
        weights += freedom;
    }
    Ok(Nats((sum / weights / n as f64).sqrt()))
}

/// What leaving out groups of samples says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jackknife {
    /// Standard error of the estimate.
    pub std_error: Nats,
    /// Bias of the estimate if it falls as 1/N; of estimators whose bias falls more slowly, a part of it.
    pub bias: Nats,
}

/// Groups of the jackknife: with 20, the standard error is known to about 16 %.
const GROUPS: usize = 20;

/// Standard error and bias by the delete-group jackknife ("The jackknife and the bootstrap", Shao & Tu 1995, §2.3).
///
/// Each of 20 random groups of equal size is left out in turn: `SE² = (G−1)/G Σ (θ_g − θ̄)²`, bias
/// `(G−1)(θ̄ − θ)`. Costs 20 estimates beside the one of all samples.
///
/// # Errors
/// When there are fewer than 40 samples, or an estimate without a group fails.
pub fn jackknife(variables: &[Variable<'_>], estimand: &Estimand<'_>, seed: u64) -> Result<Jackknife, EstimatorError> {
    let n = checked(variables, 2 * GROUPS)?;
    let order = permutation(n, &mut generator(seed, stream::JACKKNIFE));
    let whole = estimand(variables)?.value.0;
    let left_out: Vec<f64> = (0..GROUPS)
        .into_par_iter()
        .map(|group| {
            let (from, to) = (group * n / GROUPS, (group + 1) * n / GROUPS);
            // Rows in their own order: an estimator that depends on the order at all sees as little change as can be.
            let mut rows: Vec<usize> = order[..from].iter().chain(&order[to..]).copied().collect();
            rows.sort_unstable();
            on_rows(variables, estimand, &rows)
        })
        .collect::<Result<_, _>>()?;
    let groups = GROUPS as f64;
    let mean = left_out.iter().sum::<f64>() / groups;
    let spread = left_out.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    Ok(Jackknife {
        std_error: Nats(((groups - 1.0) / groups * spread).sqrt()),
        bias: Nats((groups - 1.0) * (mean - whole)),
    })
}

/// What shuffled pairs say of independence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationTest {
    /// Share of shuffles whose estimate is at least the one observed, the observed one counted in: never zero.
    pub p_value: f64,
    /// Mean of the estimate over shuffles: the bias of the estimator at independence.
    pub null_mean: Nats,
    /// Standard deviation of the estimate over shuffles.
    pub null_std: Nats,
    /// Number of shuffles.
    pub permutations: usize,
}

/// Tests whether the first variable is independent of the others, by shuffling its samples.
///
/// `p = (1 + #{shuffled ≥ observed}) / (1 + permutations)` ("Permutation p-values should never be zero", Phipson & Smyth
/// 2010). It is a test of X against Y; a conditional independence needs shuffles that keep X with Z, which this does not do.
///
/// # Errors
/// When there are not exactly two variables, or an estimate fails.
pub fn permutation_test(
    variables: &[Variable<'_>],
    estimand: &Estimand<'_>,
    permutations: usize,
    seed: u64,
) -> Result<PermutationTest, EstimatorError> {
    let n = checked(variables, 2)?;
    let &[x, y] = variables else {
        return Err(EstimatorError::NotTestable { found: variables.len() });
    };
    let observed = estimand(variables)?.value.0;
    let shuffled: Vec<f64> = (0..permutations)
        .into_par_iter()
        .map(|i| {
            let order = permutation(n, &mut generator(seed, stream::PERMUTATION + i as u64));
            let shuffled = x.select(&order);
            Ok(estimand(&[shuffled.view(), y.reborrow()])?.value.0)
        })
        .collect::<Result<_, EstimatorError>>()?;
    let as_large = shuffled.iter().filter(|v| **v >= observed).count();
    let count = permutations.max(1) as f64;
    let mean = shuffled.iter().sum::<f64>() / count;
    let variance = shuffled.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    Ok(PermutationTest {
        p_value: (1 + as_large) as f64 / (1 + permutations) as f64,
        null_mean: Nats(mean),
        null_std: Nats(variance.sqrt()),
        permutations,
    })
}

/// Where estimates of ever more samples lead.
#[derive(Debug, Clone, PartialEq)]
pub struct Extrapolation {
    /// The estimate at 1/N = 0, with the standard error of the fit; its details hold the fit's points.
    pub estimate: Estimate,
    /// Change of the estimate per 1/N, in nats × samples.
    pub slope: f64,
}

/// Sizes of the extrapolation: N, N/2, … N/this.
const SIZES: usize = 5;

/// Extrapolates an estimate in 1/N to infinitely many samples ("Entropy and information in neural spike trains", Strong
/// et al. 1998).
///
/// The estimate at N/n samples is the mean over n disjoint parts, n = 1…5; a straight line in 1/N through these means
/// is read off at zero. Right for estimators whose bias falls as 1/N (plug-in, binning with well-filled bins, Gaussian);
/// the bias of neighbour estimators falls more slowly in many dimensions, where this removes a part of it. The noise of
/// the estimate grows: about 1.6 times for five sizes.
///
/// # Errors
/// When there are fewer than 100 samples, or an estimate of a part fails.
pub fn extrapolate(
    variables: &[Variable<'_>],
    estimand: &Estimand<'_>,
    seed: u64,
) -> Result<Extrapolation, EstimatorError> {
    let n = checked(variables, SIZES * SMALLEST_PART)?;
    let whole = estimand(variables)?;
    let order = permutation(n, &mut generator(seed, stream::EXTRAPOLATION));
    let divisions: Vec<usize> = (2..=SIZES).collect();
    let estimates = of_parts(variables, estimand, &order, &divisions)?;
    // Means over all parts of one size are equally noisy to first order: each rests on all N samples.
    let mut points = vec![(1.0, whole.value.0)];
    points
        .extend(divisions.iter().zip(&estimates).map(|(&p, values)| (p as f64, values.iter().sum::<f64>() / p as f64)));
    let count = points.len() as f64;
    let mean_p = points.iter().map(|(p, _)| p).sum::<f64>() / count;
    let mean_v = points.iter().map(|(_, v)| v).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(p, _)| (p - mean_p).powi(2)).sum();
    let slope = points.iter().map(|(p, v)| (p - mean_p) * (v - mean_v)).sum::<f64>() / spread;
    let intercept = mean_v - slope * mean_p;
    // Weights of the points in the intercept; the noise of one point is taken from the estimate itself, else from the
    // scatter of the parts.
    let weight_squares: f64 = points.iter().map(|(p, _)| (1.0 / count - mean_p * (p - mean_p) / spread).powi(2)).sum();
    let own = whole.std_error.map(|se| se.0).unwrap_or_else(|| {
        let parts = &estimates[estimates.len() - 1];
        let mean = parts.iter().sum::<f64>() / parts.len() as f64;
        let variance = parts.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (parts.len() as f64 - 1.0);
        (variance / parts.len() as f64).sqrt()
    });
    let mut estimate = Estimate {
        value: Nats(intercept),
        std_error: Some(Nats(own * weight_squares.sqrt())),
        n_samples: n,
        warnings: whole.warnings,
        details: whole.details,
    };
    for (p, value) in &points {
        estimate = estimate.with_detail(format!("at_{}_samples_nats", n / *p as usize), *value);
    }
    Ok(Extrapolation { estimate, slope: slope * n as f64 })
}

fn checked(variables: &[Variable<'_>], needed: usize) -> Result<usize, EstimatorError> {
    check(variables)?;
    let n = variables[0].len();
    if n < needed { Err(EstimatorError::TooFewSamples { found: n, needed }) } else { Ok(n) }
}

fn on_rows(variables: &[Variable<'_>], estimand: &Estimand<'_>, rows: &[usize]) -> Result<f64, EstimatorError> {
    let chosen: Vec<OwnedVariable> = variables.iter().map(|v| v.select(rows)).collect();
    let views: Vec<Variable<'_>> = chosen.iter().map(OwnedVariable::view).collect();
    Ok(estimand(&views)?.value.0)
}

/// For each number of parts, the estimates of the parts.
fn of_parts(
    variables: &[Variable<'_>],
    estimand: &Estimand<'_>,
    order: &[usize],
    divisions: &[usize],
) -> Result<Vec<Vec<f64>>, EstimatorError> {
    let n = order.len();
    divisions
        .par_iter()
        .map(|&parts| {
            (0..parts)
                .into_par_iter()
                .map(|i| on_rows(variables, estimand, &order[i * n / parts..(i + 1) * n / parts]))
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use ndarray::Array2;
    use rand_distr::{Distribution, StandardNormal};

    /// Correlated normals, ρ = 0.6: I = 0.2231 nat.
    fn pair(n: usize, seed: u64) -> (Array2<f64>, Array2<f64>) {
        let rng = &mut generator(seed, 7);
        let x = Array2::from_shape_simple_fn((n, 1), || StandardNormal.sample(rng));
        let y = x.mapv(|v: f64| 0.6 * v) + Array2::from_shape_simple_fn((n, 1), || 0.8 * normal(rng));
        (x, y)
    }

    fn normal(rng: &mut rand_chacha::ChaCha8Rng) -> f64 {
        StandardNormal.sample(rng)
    }

    fn estimate(spec: &str, v: &[Variable<'_>]) -> Result<Estimate, EstimatorError> {
        registry::mutual_information(spec)?.estimate(v[0], v[1])
    }

    #[test]
    fn standard_errors_agree_with_the_scatter_over_fresh_samples() {
        let estimand = |v: &[Variable<'_>]| estimate("ksg", v);
        let values: Vec<f64> = (0..40)
            .map(|seed| {
                let (x, y) = pair(400, seed);
                estimand(&[Variable::Continuous(x.view()), Variable::Continuous(y.view())]).unwrap().value.0
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 40.0;
        let scatter = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 39.0).sqrt();
        let mean_of = |f: &dyn Fn(&[Variable<'_>]) -> f64| {
            (0..8)
                .map(|seed| {
                    let (x, y) = pair(400, seed);
                    f(&[Variable::Continuous(x.view()), Variable::Continuous(y.view())])
                })
                .sum::<f64>()
                / 8.0
        };
        let subsampled = mean_of(&|v| subsampling(v, &estimand, 3).unwrap().0);
        let jackknifed = mean_of(&|v| jackknife(v, &estimand, 3).unwrap().std_error.0);
        assert!((0.6..1.7).contains(&(subsampled / scatter)), "{subsampled} against {scatter}");
        assert!((0.6..1.7).contains(&(jackknifed / scatter)), "{jackknifed} against {scatter}");
    }

    #[test]
    fn the_test_finds_dependence_and_is_level_at_independence() {
        let estimand = |v: &[Variable<'_>]| estimate("ksg", v);
        let (x, y) = pair(200, 1);
        let found =
            permutation_test(&[Variable::Continuous(x.view()), Variable::Continuous(y.view())], &estimand, 99, 0)
                .unwrap();
        assert_eq!(found.p_value, 0.01);
        let rejected = (0..60)
            .filter(|&seed| {
                let ((x, _), (y, _)) = (pair(60, seed), pair(60, 1000 + seed));
                let v = [Variable::Continuous(x.view()), Variable::Continuous(y.view())];
                permutation_test(&v, &estimand, 19, seed).unwrap().p_value <= 0.1
            })
            .count();
        // Six of 60 are expected at a level of one in ten; 15 or more would happen once in 1000 times.
        assert!(rejected < 15, "{rejected}");
    }

    #[test]
    fn extrapolation_takes_the_bias_of_the_plug_in_away() {
        let rng = &mut generator(5, 5);
        let draw = |rng: &mut rand_chacha::ChaCha8Rng| (normal(rng).abs() * 5.0) as u32 % 12;
        let (x, y): (Vec<u32>, Vec<u32>) = (0..2000).map(|_| (draw(rng), draw(rng))).unzip();
        let variables = [Variable::Discrete(&x), Variable::Discrete(&y)];
        let estimand = |v: &[Variable<'_>]| estimate("plug-in:correction=none", v);
        let plain = estimand(&variables).unwrap().value.0;
        let found = extrapolate(&variables, &estimand, 0).unwrap();
        assert!(plain > 0.02 && found.estimate.value.0.abs() < 0.2 * plain, "{plain} {found:?}");
        assert!(found.slope > 0.0 && found.estimate.detail("at_400_samples_nats").unwrap() > 3.0 * plain);
    }

    #[test]
    fn too_few_samples_and_a_third_variable_are_refused() {
        let (x, y) = pair(30, 0);
        let v = [Variable::Continuous(x.view()), Variable::Continuous(y.view())];
        let estimand = |v: &[Variable<'_>]| estimate("ksg", v);
        assert_eq!(subsampling(&v, &estimand, 0).unwrap_err(), EstimatorError::TooFewSamples { found: 30, needed: 40 });
        let three = [v[0], v[1], v[0]];
        assert_eq!(permutation_test(&three, &estimand, 9, 0).unwrap_err(), EstimatorError::NotTestable { found: 3 });
    }
}
