//! Weights seen during training as a Gaussian ("A Simple Baseline for Bayesian Uncertainty in Deep Learning", Maddox,
//! Garipov, Izmailov, Vetrov & Wilson 2019).

use crate::EstimatorError;
use std::collections::VecDeque;

pub(super) const NAME: &str = "swag";

/// Collects weights: their mean, their variance, and the last deviations from the running mean.
#[derive(Debug, Clone)]
pub struct Swag {
    rank: usize,
    count: u64,
    mean: Vec<f64>,
    /// Σ (θ − mean)² in Welford's form: E[θ²] − E[θ]² would cancel where a weight hardly moves.
    squares: Vec<f64>,
    deviations: VecDeque<Vec<f32>>,
}

impl Swag {
    /// An empty collection for so many parameters, which keeps the last `rank` deviations.
    ///
    /// # Errors
    /// When there are no parameters, or the rank is below 2: the factor is divided by rank − 1.
    pub fn new(parameters: usize, rank: usize) -> Result<Self, EstimatorError> {
        let bad = |name: &str, value: usize, rule: &str| EstimatorError::BadParameter {
            estimator: NAME,
            name: name.into(),
            value: value.to_string(),
            rule: rule.into(),
        };
        if parameters == 0 {
            return Err(bad("parameters", parameters, "there must be one at least"));
        }
        if rank < 2 {
            return Err(bad("rank", rank, "two deviations are needed at least"));
        }
        Ok(Self {
            rank,
            count: 0,
            mean: vec![0.0; parameters],
            squares: vec![0.0; parameters],
            deviations: VecDeque::new(),
        })
    }

    /// Adds the weights after a step or an epoch.
    ///
    /// # Errors
    /// When their number is not that of the others, or one is not finite.
    pub fn collect(&mut self, weights: &[f32]) -> Result<(), EstimatorError> {
        if weights.len() != self.mean.len() {
            return Err(EstimatorError::LengthMismatch { left: self.mean.len(), right: weights.len() });
        }
        all_finite(weights)?;
        self.count += 1;
        let share = 1.0 / self.count as f64;
        let mut deviation = Vec::with_capacity(weights.len());
        for ((&w, mean), squares) in weights.iter().zip(&mut self.mean).zip(&mut self.squares) {
            let before = f64::from(w) - *mean;
            *mean += share * before;
            let after = f64::from(w) - *mean;
            *squares += before * after;
            // From the mean so far, this one included.
            deviation.push(after as f32);
        }
        if self.deviations.len() == self.rank {
            self.deviations.pop_front();
        }
        self.deviations.push_back(deviation);
        Ok(())
    }

    /// How many were collected.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The Gaussian.
    ///
    /// # Errors
    /// [`EstimatorError::TooFewSamples`] below two collected weights.
    pub fn posterior(self) -> Result<Posterior, EstimatorError> {
        let count = self.count as f64;
        let single = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect();
        Posterior::new(
            single(self.mean),
            single(self.squares.into_iter().map(|s| s / count).collect()),
            self.deviations.into(),
        )
    }
}

/// A Gaussian over P weights: mean and variance `[P]` of what was collected, and K columns of deviations `[P]` each.
///
/// In single precision, as it is stored: what is read back is what was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    mean: Vec<f32>,
    variance: Vec<f32>,
    columns: Vec<Vec<f32>>,
}

impl Posterior {
    /// From its parts.
    ///
    /// # Errors
    /// When there are fewer than two columns, lengths differ, a value is not finite or a variance negative.
    pub fn new(mean: Vec<f32>, variance: Vec<f32>, columns: Vec<Vec<f32>>) -> Result<Self, EstimatorError> {
        if columns.len() < 2 {
            return Err(EstimatorError::TooFewSamples { found: columns.len(), needed: 2 });
        }
        for part in std::iter::once(&variance).chain(&columns) {
            if part.len() != mean.len() {
                return Err(EstimatorError::LengthMismatch { left: mean.len(), right: part.len() });
            }
        }
        for part in [&mean, &variance].into_iter().chain(&columns) {
            all_finite(part)?;
        }
        if let Some(negative) = variance.iter().find(|v| **v < 0.0) {
            return Err(EstimatorError::BadParameter {
                estimator: NAME,
                name: "variance".into(),
                value: negative.to_string(),
                rule: "a variance is not negative".into(),
            });
        }
        Ok(Self { mean, variance, columns })
    }

    /// Number of weights.
    pub fn parameters(&self) -> usize {
        self.mean.len()
    }

    /// Mean of each weight.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Variance of each weight over what was collected.
    pub fn variance(&self) -> &[f32] {
        &self.variance
    }

    /// The last deviations from the running mean, oldest first.
    pub fn columns(&self) -> &[Vec<f32>] {
        &self.columns
    }
}

fn all_finite(values: &[f32]) -> Result<(), EstimatorError> {
    let mut bad = values.iter().enumerate().filter(|(_, v)| !v.is_finite());
    match bad.next() {
        None => Ok(()),
        Some((at, &value)) => {
            Err(EstimatorError::NotFinite { row: 1, column: at + 1, value: f64::from(value), count: 1 + bad.count() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_what_was_collected() {
        let mut swag = Swag::new(2, 2).unwrap();
        for weights in [[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]] {
            swag.collect(&weights).unwrap();
        }
        assert_eq!(swag.count(), 3);
        let p = swag.posterior().unwrap();
        assert_eq!((p.mean(), p.variance()), ([3.0, 5.0].as_slice(), [14.0 / 3.0, 0.0].as_slice()));
        // 2 − 1.5 and 6 − 3: the deviation of the first has left.
        assert_eq!(p.columns(), [vec![0.5, 0.0], vec![3.0, 0.0]]);
    }

    #[test]
    fn a_small_spread_about_a_large_mean_survives() {
        let mut swag = Swag::new(1, 2).unwrap();
        for i in 0..1000 {
            swag.collect(&[100.0 + if i % 2 == 0 { 1e-3 } else { -1e-3 }]).unwrap();
        }
        let variance = swag.posterior().unwrap().variance()[0];
        assert!((variance / 1e-6 - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn faults_are_named() {
        assert!(Swag::new(3, 1).unwrap_err().to_string().contains("two deviations"));
        let mut swag = Swag::new(2, 3).unwrap();
        assert!(matches!(swag.collect(&[1.0]), Err(EstimatorError::LengthMismatch { left: 2, right: 1 })));
        assert!(matches!(swag.collect(&[1.0, f32::NAN]), Err(EstimatorError::NotFinite { column: 2, .. })));
        swag.collect(&[1.0, 2.0]).unwrap();
        assert!(matches!(swag.posterior(), Err(EstimatorError::TooFewSamples { found: 1, needed: 2 })));
        assert!(Posterior::new(vec![0.0], vec![-1.0], vec![vec![0.0], vec![0.0]]).is_err());
    }
}
