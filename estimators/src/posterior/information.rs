//! I(S;θ) of a family of posteriors, one or several for each training set S.

use super::swag::NAME;
use super::{Density, Posterior, Spread};
use crate::random::generator;
use crate::{Estimate, EstimatorError, Nats};
use rayon::prelude::*;

/// Streams of the seed, one for each posterior from here on.
const STREAM: u64 = 7_000_000;

/// Estimates how much the weights tell of which training set they come from.
///
/// The average over training sets s, their posteriors and draws θ of `log p(θ|s) − log p(θ)`, for the weights up to and
/// with a layer. The forms differ in how the densities are averaged:
///
/// * *jensen*: logarithms are averaged, `log p(θ) ≈ mean_s log p(θ|s)`, own set included, as in the paper's code; an
///   upper bound of the next, without a ceiling. (Leaving the own set out multiplies it by n/(n−1) for n sets.)
/// * *mixture*: densities are averaged, `log p(θ) = log mean_s p(θ|s)`: the information itself when the n sets are all
///   there is; at most log n, and at that for posteriors that do not overlap.
/// * *pairwise*: `−mean_i log mean_j exp(−KL(p_i‖p_j))` of the posteriors without their low-rank columns, the bound of
///   Kolchinsky & Tracey 2017; at most log n. For one posterior a set only.
///
/// With several seeds for a set, `p(θ|s)` is averaged over them in the same way (for *jensen*, the paper's double bound).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightInformation {
    spread: Spread,
    draws: usize,
    seed: u64,
}

/// The forms of the estimate for the weights up to and with one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightEstimates {
    /// Logarithms averaged.
    pub jensen: Estimate,
    /// Densities averaged.
    pub mixture: Estimate,
    /// Kolchinsky & Tracey's; none where a set has several posteriors.
    pub pairwise: Option<Estimate>,
}

impl WeightInformation {
    /// With so many draws from each posterior.
    ///
    /// # Errors
    /// When there are no draws, or a number of the spread is not positive.
    pub fn new(spread: Spread, draws: usize, seed: u64) -> Result<Self, EstimatorError> {
        if draws == 0 {
            return Err(EstimatorError::BadParameter {
                estimator: NAME,
                name: "draws".into(),
                value: "0".into(),
                rule: "there must be one at least".into(),
            });
        }
        Ok(Self { spread: spread.checked()?, draws, seed })
    }

    /// The estimates for the first `ends[0]`, `ends[1]`, … weights. `sets[s]` are the posteriors of training set s, one
    /// for each seed. Standard errors are over training sets.
    ///
    /// # Errors
    /// When there are fewer than two sets, a set has no posterior or not as many as the others, the posteriors are of
    /// different numbers of weights, or see [`Density::new`].
    pub fn estimate(&self, sets: &[Vec<&Posterior>], ends: &[usize]) -> Result<Vec<WeightEstimates>, EstimatorError> {
        if sets.len() < 2 {
            return Err(EstimatorError::TooFewSamples { found: sets.len(), needed: 2 });
        }
        let seeds = sets[0].len();
        if let Some(other) = sets.iter().find(|s| s.len() != seeds || s.is_empty()) {
            return Err(EstimatorError::LengthMismatch { left: seeds.max(1), right: other.len() });
        }
        let parameters = sets[0][0].parameters();
        if let Some(other) = sets.iter().flatten().find(|p| p.parameters() != parameters) {
            return Err(EstimatorError::LengthMismatch { left: parameters, right: other.parameters() });
        }
        let densities: Vec<Density<'_>> =
            sets.iter().flatten().map(|p| Density::new(p, self.spread, ends)).collect::<Result<_, _>>()?;
        // For each posterior, the means over its draws: by layer, of the mixture form and against each set.
        let ratios: Vec<Vec<Ratios>> = (0..densities.len())
            .into_par_iter()
            .map(|own| self.of_posterior(own, seeds, &densities, ends.len()))
            .collect::<Result<_, _>>()?;
        let pairwise = (seeds == 1).then(|| pairwise(&densities, ends.len()));
        let n = sets.len();
        let rows = n * seeds * self.draws;
        Ok((0..ends.len())
            .map(|layer| {
                let over_seeds = |s: usize, of: &dyn Fn(&Ratios) -> f64| {
                    (0..seeds).map(|k| of(&ratios[s * seeds + k][layer])).sum::<f64>() / seeds as f64
                };
                let mixture: Vec<f64> = (0..n).map(|s| over_seeds(s, &|r| r.mixture)).collect();
                let pairs: Vec<Vec<f64>> =
                    (0..n).map(|s| (0..n).map(|other| over_seeds(s, &|r| r.against[other])).collect()).collect();
                WeightEstimates {
                    jensen: over_sets(&projected(&pairs), rows).judged(f64::INFINITY),
                    mixture: over_sets(&mixture, rows).judged((n as f64).ln()),
                    pairwise: pairwise.as_ref().map(|by_layer| over_sets(&by_layer[layer], n).judged((n as f64).ln())),
                }
            })
            .collect())
    }

    fn of_posterior(
        &self,
        own: usize,
        seeds: usize,
        densities: &[Density<'_>],
        layers: usize,
    ) -> Result<Vec<Ratios>, EstimatorError> {
        let mut rng = generator(self.seed, STREAM + own as u64);
        let sets = densities.len() / seeds;
        let mut sums = vec![Ratios { mixture: 0.0, against: vec![0.0; sets] }; layers];
        for _ in 0..self.draws {
            let weights = densities[own].draw(&mut rng);
            let logs: Vec<Vec<f64>> =
                densities.iter().map(|d| d.log_densities(&weights)).collect::<Result<_, EstimatorError>>()?;
            for (layer, sum) in sums.iter_mut().enumerate() {
                let all: Vec<f64> = logs.iter().map(|l| l[layer]).collect();
                let set = &all[own / seeds * seeds..][..seeds];
                for (against, other) in sum.against.iter_mut().zip(all.chunks(seeds)) {
                    *against += (mean(set) - mean(other)) / self.draws as f64;
                }
                sum.mixture += (log_mean_exp(set) - log_mean_exp(&all)) / self.draws as f64;
            }
        }
        Ok(sums)
    }
}

/// The draws of one posterior under all densities, for the weights up to and with one layer.
#[derive(Clone)]
struct Ratios {
    /// Mean of log p(θ|s) − log mean_s p(θ|s).
    mixture: f64,
    /// Mean of log p(θ|s) − log p(θ|s'), for each set s'.
    against: Vec<f64>,
}

/// Of each set the mean of its row and its column [sets × sets], less the mean of all: terms whose mean is that of all
/// pairs, and whose spread gives the standard error of such a mean (Hoeffding 1948).
fn projected(pairs: &[Vec<f64>]) -> Vec<f64> {
    let whole = mean(&pairs.iter().map(|row| mean(row)).collect::<Vec<_>>());
    let column = |s: usize| mean(&pairs.iter().map(|row| row[s]).collect::<Vec<_>>());
    pairs.iter().enumerate().map(|(s, row)| mean(row) + column(s) - whole).collect()
}

/// By layer, the contribution of each posterior.
fn pairwise(densities: &[Density<'_>], layers: usize) -> Vec<Vec<f64>> {
    let by_own: Vec<Vec<f64>> = densities
        .par_iter()
        .map(|own| {
            let divergences: Vec<Vec<f64>> = densities.iter().map(|other| own.diagonal_divergences(other)).collect();
            (0..layers).map(|layer| -log_mean_exp(&divergences.iter().map(|d| -d[layer]).collect::<Vec<_>>())).collect()
        })
        .collect();
    (0..layers).map(|layer| by_own.iter().map(|own| own[layer]).collect()).collect()
}

/// Mean over training sets, with the standard error of that mean.
fn over_sets(values: &[f64], rows: usize) -> Estimate {
    let n = values.len() as f64;
    let m = mean(values);
    let variance = values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (n - 1.0);
    Estimate { std_error: Some(Nats((variance / n).sqrt())), ..Estimate::plain(m, rows) }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + mean(&values.iter().map(|v| (v - largest).exp()).collect::<Vec<_>>()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Warning;

    /// One weight of this mean and unit variance, without low rank.
    fn unit(mean: f32) -> Posterior {
        Posterior::new(vec![mean], vec![1.0], vec![vec![0.0]; 2]).unwrap()
    }

    fn whole() -> Spread {
        Spread { scale: 1.0, floor: 1e-12 }
    }

    fn estimate(posteriors: &[Posterior], draws: usize) -> WeightEstimates {
        let sets: Vec<Vec<&Posterior>> = posteriors.iter().map(|p| vec![p]).collect();
        WeightInformation::new(whole(), draws, 5).unwrap().estimate(&sets, &[1]).unwrap().remove(0)
    }

    #[test]
    fn equal_posteriors_tell_nothing() {
        let found = estimate(&[unit(0.3), unit(0.3), unit(0.3)], 20);
        for value in [&found.jensen, &found.mixture, found.pairwise.as_ref().unwrap()] {
            assert!(value.value.0.abs() < 1e-12, "{value:?}");
        }
    }

    #[test]
    fn posteriors_far_apart_tell_which_they_are() {
        let found = estimate(&[unit(0.0), unit(100.0), unit(-100.0)], 20);
        let pairwise = found.pairwise.unwrap();
        for value in [&found.mixture, &pairwise] {
            assert!((value.value.0 - 3f64.ln()).abs() < 1e-12 && value.warnings == [Warning::Saturated], "{value:?}");
        }
        // The jensen form goes on growing with the distance: the mean of all pairs' KL, own pairs included.
        let expected = [100.0f64, 100.0, 200.0].map(|d| d * d / 2.0).iter().sum::<f64>() * 2.0 / 9.0;
        assert!((found.jensen.value.0 / expected - 1.0).abs() < 0.01, "{:?} for {expected}", found.jensen);
    }

    #[test]
    fn the_standard_error_is_that_of_a_mean_over_pairs() {
        let places = [0.0f32, 0.4, 1.1, -2.0, 3.0, 0.7];
        let found = estimate(&places.map(unit), 4000);
        let middle = places.iter().sum::<f32>() / 6.0;
        let squares: Vec<f64> = places.iter().map(|p| f64::from(p - middle).powi(2)).collect();
        let expected = over_sets(&squares, 6);
        assert!((found.jensen.value.0 - expected.value.0).abs() < 0.1, "{:?} for {expected:?}", found.jensen);
        let (error, wanted) = (found.jensen.std_error.unwrap().0, expected.std_error.unwrap().0);
        assert!((error / wanted - 1.0).abs() < 0.1, "{error} for {wanted}");
    }

    /// Two unit Gaussians two apart: the mixture's information by numerical integration.
    #[test]
    fn one_weight_against_numerical_integration() {
        let density = |x: f64, m: f64| (-(x - m).powi(2) / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let step = 1e-3;
        let expected: f64 = (-10_000..12_000)
            .map(|i| f64::from(i) * step)
            .map(|x| {
                let (a, b) = (density(x, 0.0), density(x, 2.0));
                step * a * (a / (0.5 * (a + b))).ln()
            })
            .sum();
        let found = estimate(&[unit(0.0), unit(2.0)], 20_000);
        assert!((found.mixture.value.0 - expected).abs() < 0.01, "{:?} for {expected}", found.mixture);
        // KL of each to the other is 2: with the own set, half of it; the pairwise bound in closed form.
        assert!((found.jensen.value.0 - 1.0).abs() < 0.03, "{:?}", found.jensen);
        let bound = -(0.5 * (1.0 + (-2f64).exp())).ln();
        assert!((found.pairwise.unwrap().value.0 - bound).abs() < 1e-12);
        assert!(bound > expected, "Kolchinsky & Tracey's is an upper bound");
    }

    #[test]
    fn seeds_of_one_set_are_averaged_and_threads_do_not_matter() {
        let (a, b, c, d) = (unit(0.0), unit(50.0), unit(0.0), unit(50.0));
        let sets = [vec![&a, &b], vec![&c, &d]];
        let information = WeightInformation::new(whole(), 50, 1).unwrap();
        let found = information.estimate(&sets, &[1]).unwrap().remove(0);
        // Both sets lead to the same two places: nothing is told, though the four posteriors differ.
        assert!(found.mixture.value.0.abs() < 1e-9 && found.jensen.value.0.abs() < 1e-9, "{found:?}");
        assert!(found.pairwise.is_none());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(|| information.estimate(&sets, &[1]).unwrap().remove(0)), found);
    }

    #[test]
    fn families_are_checked() {
        let (a, b) = (unit(0.0), unit(1.0));
        let two = Posterior::new(vec![0.0; 2], vec![1.0; 2], vec![vec![0.0; 2]; 2]).unwrap();
        let information = WeightInformation::new(whole(), 1, 0).unwrap();
        assert!(information.estimate(&[vec![&a]], &[1]).is_err());
        assert!(information.estimate(&[vec![&a], vec![&a, &b]], &[1]).is_err());
        assert!(information.estimate(&[vec![&a], vec![]], &[1]).is_err());
        assert!(information.estimate(&[vec![&a], vec![&two]], &[1]).is_err());
        assert!(WeightInformation::new(whole(), 0, 0).is_err());
    }
}
