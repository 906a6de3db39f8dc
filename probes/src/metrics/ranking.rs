//! How well scores rank what is present above what is not: area under the ROC curve and average precision.
//!
//! The standard error of the AUC is that of "Comparing the areas under two or more correlated receiver operating
//! characteristic curves" (DeLong, DeLong & Clarke-Pearson 1988): the spread of the placement values of both sides. Its
//! interval is normal on the scale of log odds, which keeps it within [0, 1]. Ties count one half.

use super::metric::Z;
use narrows_estimators::correlation::ranks;

/// An area with its standard error and interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auc {
    /// P(score of a present one > score of an absent one) + ½ P(equal).
    pub value: f64,
    /// DeLong's standard error.
    pub std_error: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
}

/// The area under the ROC curve; `None` unless both sides occur.
pub fn auc(scores: &[f64], present: &[bool]) -> Option<Auc> {
    let of =
        |side: bool| -> Vec<f64> { scores.iter().zip(present).filter(|(_, p)| **p == side).map(|(s, _)| *s).collect() };
    let (positive, negative) = (of(true), of(false));
    let (m, n) = (positive.len() as f64, negative.len() as f64);
    if m == 0.0 || n == 0.0 {
        return None;
    }
    // Placement: the share of the other side that a score exceeds, from its rank among all less that among its own.
    let all = ranks(scores);
    let placements = |side: bool, own: &[f64], other: f64| -> Vec<f64> {
        let among_all = all.iter().zip(present).filter(|(_, p)| **p == side).map(|(r, _)| *r);
        among_all.zip(ranks(own)).map(|(whole, own)| (whole - own) / other).collect()
    };
    let of_positive = placements(true, &positive, n);
    let of_negative = placements(false, &negative, m);
    let value = of_positive.iter().sum::<f64>() / m;
    let variance = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (v.len() as f64 - 1.0).max(1.0)
    };
    let std_error = (variance(&of_positive) / m + variance(&of_negative) / n).sqrt();
    Some(Auc { value, std_error, interval: interval(value, std_error, m.min(n)) })
}

/// Perfect ranking has no spread to estimate from: its interval is that of as many successes as the rarer side counts.
fn interval(value: f64, std_error: f64, rarer: f64) -> (f64, f64) {
    let bound = 0.025f64.powf(1.0 / rarer);
    if value >= 1.0 {
        return (bound, 1.0);
    }
    if value <= 0.0 {
        return (0.0, 1.0 - bound);
    }
    let odds = (value / (1.0 - value)).ln();
    let half = Z * std_error / (value * (1.0 - value));
    let back = |z: f64| 1.0 / (1.0 + (-z).exp());
    (back(odds - half), back(odds + half))
}

/// Average precision: Σ (recall_g − recall_{g−1}) · precision_g over groups of equal scores, from the highest on. Not
/// interpolated. `None` where nothing is present. Its chance level is the share that is present.
pub fn average_precision(scores: &[f64], present: &[bool]) -> Option<f64> {
    let total = present.iter().filter(|p| **p).count();
    if total == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut taken, mut found, mut area) = (0usize, 0usize, 0.0);
    for group in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let here = group.iter().filter(|&&i| present[i]).count();
        taken += group.len();
        found += here;
        area += here as f64 / total as f64 * found as f64 / taken as f64;
    }
    Some(area)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn the_area_counts_pairs_and_ties_half() {
        let found = auc(&[0.1, 0.4, 0.4, 0.8], &[false, true, false, true]).unwrap();
        assert!((found.value - 3.5 / 4.0).abs() < 1e-15);
        assert!(auc(&[0.1, 0.2], &[true, true]).is_none());
        let perfect = auc(&[0.0, 1.0, 2.0, 3.0], &[false, false, true, true]).unwrap();
        assert_eq!((perfect.value, perfect.std_error, perfect.interval.1), (1.0, 0.0, 1.0));
        assert!((perfect.interval.0 - 0.025f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn delong_s_error_is_the_spread_over_samples() {
        let rng = &mut generator(3, 0);
        let (mut values, mut errors, mut covered) = (vec![], vec![], 0);
        // Two normal distributions one standard deviation apart: AUC = Φ(1/√2) = 0.7602.
        let truth = 0.760_249_938_906_523_6;
        for _ in 0..400 {
            let present: Vec<bool> = (0..120).map(|i| i % 3 == 0).collect();
            let scores: Vec<f64> = present
                .iter()
                .map(|p| f64::from(u8::from(*p)) + <StandardNormal as Distribution<f64>>::sample(&StandardNormal, rng))
                .collect();
            let found = auc(&scores, &present).unwrap();
            covered += usize::from(found.interval.0 < truth && truth < found.interval.1);
            values.push(found.value);
            errors.push(found.std_error);
        }
        let mean = values.iter().sum::<f64>() / 400.0;
        let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 399.0).sqrt();
        let stated = errors.iter().sum::<f64>() / 400.0;
        assert!((mean - truth).abs() < 0.008 && (stated / spread - 1.0).abs() < 0.12, "{mean} {stated} {spread}");
        assert!((365..=394).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn average_precision_is_scikit_learn_s() {
        // sklearn.metrics.average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) = 0.8333…
        let found = average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
        assert!((found - 5.0 / 6.0).abs() < 1e-15);
        // Equal scores rank nothing: the share that is present.
        assert_eq!(average_precision(&[1.0; 4], &[false, true, false, false]), Some(0.25));
        let rng = &mut generator(1, 0);
        let present: Vec<bool> = (0..20_000).map(|_| rng.random::<f64>() < 0.3).collect();
        let scores: Vec<f64> = present.iter().map(|_| rng.random::<f64>()).collect();
        let share = present.iter().filter(|p| **p).count() as f64 / 20_000.0;
        assert!((average_precision(&scores, &present).unwrap() - share).abs() < 0.02);
    }
}
