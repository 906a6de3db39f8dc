//! Means over seeds.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Mean, standard deviation with n − 1, and the 95 % interval of the mean by Student's t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// The standard deviation; none of a single value.
    pub std: Option<f64>,
    /// The interval; none of a single value.
    pub interval: Option<(f64, f64)>,
}

impl Mean {
    /// Of some values; `None` of no value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        if values.len() == 1 {
            return Some(Self { mean, std: None, interval: None });
        }
        let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.975);
        let half = t * std / n.sqrt();
        Some(Self { mean, std: Some(std), interval: Some((mean - half, mean + half)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_student_s() {
        // Four values, three degrees of freedom: t = 3.182446, standard deviation 1.290994.
        let found = Mean::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        let (low, high) = found.interval.unwrap();
        assert!((found.std.unwrap() - 1.290_994_448_7).abs() < 1e-9);
        assert!((high - 2.5 - 2.054_259_9).abs() < 1e-6 && (low + high - 5.0).abs() < 1e-12);
        assert_eq!(Mean::of(&[7.0]).unwrap().interval, None);
        assert_eq!(Mean::of(&[]), None);
    }
}
