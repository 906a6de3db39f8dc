//! Means of numbers of samples that lie between 0 and 1, with their errors.

use statrs::distribution::{ContinuousCDF, Normal};

/// A number with its standard error and 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    pub(crate) std_error: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// 97.5 % quantile of the standard normal distribution.
pub(crate) fn z() -> f64 {
    Normal::standard().inverse_cdf(0.975)
}

/// A value and its variance over so many samples; the interval is Wilson's, with the number of samples that a share of
/// that variance would have come from (Korn & Graubard's effective sample size), so that it stays in [0, 1] and is not
/// empty where all samples agree.
fn interval(value: f64, variance: f64, samples: f64) -> Measured {
    let spread = value * (1.0 - value);
    let n = if variance > 0.0 && spread > 0.0 { spread / variance } else { samples };
    let z2 = z().powi(2);
    let centre = (value + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z() / (1.0 + z2 / n) * (spread / n + z2 / (4.0 * n * n)).sqrt();
    // Rounding must not put the value outside its own interval.
    let (low, high) = ((centre - half).clamp(0.0, value), (centre + half).clamp(value, 1.0));
    Measured { value, std_error: variance.sqrt(), low, high }
}

/// Mean and variance of the mean; the variance of a single sample is not known, and 0 here.
pub(crate) fn mean_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, if n > 1.0 { squares / (n - 1.0) / n } else { 0.0 })
}

/// Mean of values in [0, 1] of independent samples (each of which may be a mean over seeds itself: what the seeds
/// contribute to the spread is then in the samples' values).
pub(crate) fn share(values: &[f64]) -> Option<Measured> {
    let (mean, variance) = (!values.is_empty()).then(|| mean_variance(values))?;
    Some(interval(mean, variance, values.len() as f64))
}

/// Mean over the classes that occur of the classes' means: balanced accuracy of values that say "right".
pub(crate) fn balanced(values: &[f64], labels: &[u32], n_classes: usize) -> Option<Measured> {
    let mut of = vec![vec![]; n_classes];
    for (value, &label) in values.iter().zip(labels) {
        of[label as usize].push(*value);
    }
    of.retain(|class| !class.is_empty());
    let k = of.len() as f64;
    let parts: Vec<(f64, f64)> = of.iter().map(|class| mean_variance(class)).collect();
    let mean = parts.iter().map(|p| p.0).sum::<f64>() / k;
    let variance = parts.iter().map(|p| p.1).sum::<f64>() / (k * k);
    (k > 0.0).then(|| interval(mean, variance, values.len() as f64))
}

/// Σ numerators / Σ denominators, by linearisation; `None` where all denominators are 0.
pub(crate) fn ratio(numerators: &[f64], denominators: &[f64]) -> Option<Measured> {
    let n = numerators.len() as f64;
    let total: f64 = denominators.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let value = numerators.iter().sum::<f64>() / total;
    let residuals: Vec<f64> = numerators.iter().zip(denominators).map(|(a, b)| a - value * b).collect();
    let (_, variance) = mean_variance(&residuals);
    Some(interval(value, variance / (total / n).powi(2), n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_yes_and_no_has_wilson_s_interval() {
        // 8 of 10; textbook Wilson with n = 9 (the sample variance's divisor): computed by hand from its formula.
        let values: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i < 8))).collect();
        let found = share(&values).unwrap();
        let (n, z2) = (9.0, 1.959_963_984_540_054f64.powi(2));
        let centre = (0.8 + z2 / 18.0) / (1.0 + z2 / n);
        let half = z2.sqrt() / (1.0 + z2 / n) * (0.16 / n + z2 / (4.0 * n * n)).sqrt();
        assert!((found.std_error - (0.16f64 / 9.0).sqrt()).abs() < 1e-12);
        assert!((found.low - (centre - half)).abs() < 1e-9 && (found.high - (centre + half)).abs() < 1e-9);
        // All right: from n/(n + z²).
        let all = share(&[1.0; 20]).unwrap();
        assert!((all.low - 20.0 / (20.0 + z2)).abs() < 1e-9 && all.high == 1.0, "{all:?}");
    }

    #[test]
    fn balanced_accuracy_weighs_classes_alike() {
        let found = balanced(&[1.0, 1.0, 1.0, 0.0], &[0, 0, 0, 2], 4).unwrap();
        assert_eq!(found.value, 0.5);
        let parts = balanced(&[1.0, 0.0, 1.0, 1.0], &[0, 0, 1, 1], 2).unwrap();
        // Variances of the two classes' means are 1/4 and 0.
        assert!((parts.value - 0.75).abs() < 1e-15 && (parts.std_error - 0.25).abs() < 1e-12);
    }

    #[test]
    fn a_ratio_of_equal_denominators_is_a_mean() {
        let numerators = [1.0, 3.0, 2.0, 0.0];
        let found = ratio(&numerators, &[4.0; 4]).unwrap();
        let mean = share(&numerators.map(|v| v / 4.0)).unwrap();
        assert!((found.value - mean.value).abs() < 1e-15 && (found.std_error - mean.std_error).abs() < 1e-12);
        assert!(ratio(&[0.0], &[0.0]).is_none());
    }
}
