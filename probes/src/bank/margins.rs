//! Statistics of signed distances from a concept's hyperplane, as the authors of post-hoc bottlenecks keep them.

use crate::Measure;

/// Margins of a training sample.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MarginStatistics {
    /// Largest.
    pub max: f64,
    /// Smallest.
    pub min: f64,
    /// Mean of those above zero; 0 where there are none.
    pub positive_mean: f64,
    /// Their standard deviation (population).
    pub positive_std: f64,
    /// Mean of those below zero; 0 where there are none.
    pub negative_mean: f64,
    /// Their standard deviation (population).
    pub negative_std: f64,
    /// 10 % quantile.
    pub q10: f64,
    /// 90 % quantile.
    pub q90: f64,
    /// How many are above zero.
    pub positive_count: usize,
    /// How many are below zero.
    pub negative_count: usize,
}

impl MarginStatistics {
    /// Of these margins; all zero where there are none.
    pub fn new(margins: &[f64]) -> Self {
        let mut sorted = margins.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else { return Self::default() };
        let negatives = &sorted[..sorted.partition_point(|&m| m < 0.0)];
        let positives = &sorted[sorted.partition_point(|&m| m <= 0.0)..];
        let ((positive_mean, positive_std), (negative_mean, negative_std)) = (moments(positives), moments(negatives));
        Self {
            max,
            min,
            positive_mean,
            positive_std,
            negative_mean,
            negative_std,
            q10: quantile(&sorted, 0.1),
            q90: quantile(&sorted, 0.9),
            positive_count: positives.len(),
            negative_count: negatives.len(),
        }
    }

    /// As measures of a concept.
    pub fn measures(&self, concept: &str) -> Vec<Measure> {
        [
            ("margin_max", self.max),
            ("margin_min", self.min),
            ("margin_positive_mean", self.positive_mean),
            ("margin_positive_std", self.positive_std),
            ("margin_negative_mean", self.negative_mean),
            ("margin_negative_std", self.negative_std),
            ("margin_q10", self.q10),
            ("margin_q90", self.q90),
            ("margin_positive_count", self.positive_count as f64),
            ("margin_negative_count", self.negative_count as f64),
        ]
        .map(|(metric, value)| Measure::concept(metric, concept, value))
        .into()
    }
}

fn moments(values: &[f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// The quantile of ascending values, linear between them (numpy's default).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (at - low as f64) * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_told_apart_by_sign() {
        let found = MarginStatistics::new(&[3.0, -1.0, 1.0, 0.0, -3.0]);
        assert_eq!((found.max, found.min), (3.0, -3.0));
        assert_eq!((found.positive_mean, found.positive_std, found.positive_count), (2.0, 1.0, 2));
        assert_eq!((found.negative_mean, found.negative_std, found.negative_count), (-2.0, 1.0, 2));
        // numpy.quantile([-3, -1, 0, 1, 3], [0.1, 0.9]) = [-2.2, 2.2].
        assert!((found.q10 + 2.2).abs() < 1e-12 && (found.q90 - 2.2).abs() < 1e-12);
        assert_eq!(MarginStatistics::new(&[]), MarginStatistics::default());
    }
}
