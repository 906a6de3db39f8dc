//! The bootstrap over samples, for any statistic ("An Introduction to the Bootstrap", Efron & Tibshirani 1993, §13).

use super::random::generator;
use rand::RngExt;
use rayon::prelude::*;

/// How often to resample, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// Resamples; 0 leaves intervals out.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 200, seed: 0 }
    }
}

/// What resamples say of a statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Standard deviation over the resamples.
    pub std_error: f64,
    /// From the 2.5 % to the 97.5 % quantile.
    pub interval: (f64, f64),
}

/// Resamples have a stream of the seed each, from this one on.
const STREAM: u64 = 2_000_000;

impl Bootstrap {
    /// Draws `n` row numbers with replacement, again and again, and looks at the statistic of each draw.
    ///
    /// `None` when there are fewer than two rows or resamples, or the statistic is defined on fewer than half of the
    /// draws: an interval over the rest would tell of those alone.
    pub fn spread(&self, n: usize, statistic: impl Fn(&[usize]) -> Option<f64> + Sync) -> Option<Spread> {
        if n < 2 || self.resamples < 2 {
            return None;
        }
        let mut found: Vec<f64> = (0..self.resamples)
            .into_par_iter()
            .filter_map(|resample| {
                let rng = &mut generator(self.seed, STREAM + resample as u64);
                let rows: Vec<usize> = (0..n).map(|_| rng.random_range(0..n)).collect();
                statistic(&rows).filter(|v| v.is_finite())
            })
            .collect();
        if found.len() < 2 || 2 * found.len() < self.resamples {
            return None;
        }
        let count = found.len() as f64;
        let mean = found.iter().sum::<f64>() / count;
        let variance = found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
        found.sort_by(f64::total_cmp);
        Some(Spread { std_error: variance.sqrt(), interval: (quantile(&found, 0.025), quantile(&found, 0.975)) })
    }

    /// The spread of the mean of some numbers.
    pub fn of_mean(&self, values: &[f64]) -> Option<Spread> {
        self.spread(values.len(), |rows| Some(rows.iter().map(|&r| values[r]).sum::<f64>() / rows.len() as f64))
    }
}

/// Quantile of sorted numbers, between neighbours in proportion.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// Mean, `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Standard error of the mean of independent numbers; 0 of fewer than two.
pub(crate) fn error_of_mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let Some(mean) = mean(values).filter(|_| values.len() > 1) else { return 0.0 };
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_a_mean_is_its_standard_error() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        let spread = Bootstrap { resamples: 2000, seed: 1 }.of_mean(&values).unwrap();
        let truth = error_of_mean(&values);
        assert!((spread.std_error / truth - 1.0).abs() < 0.06, "{} for {truth}", spread.std_error);
        assert!((spread.interval.1 - spread.interval.0) / truth > 3.6);
    }

    #[test]
    fn no_interval_over_a_statistic_that_is_mostly_undefined() {
        let bootstrap = Bootstrap::default();
        assert_eq!(bootstrap.spread(10, |rows| rows.contains(&0).then_some(1.0)).map(|s| s.std_error), Some(0.0));
        assert!(bootstrap.spread(10, |rows| (rows[0] == 0).then_some(1.0)).is_none());
        assert!(bootstrap.spread(1, |_| Some(1.0)).is_none());
    }
}
