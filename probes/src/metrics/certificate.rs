//! The leakage certificate: a proof of leakage that needs no estimator of information.
//!
//! Where the law of the data is known, so is the accuracy of the best prediction of the class from the true hard
//! concepts. Whatever reads the class better than that from a bottleneck reads more in it than the concepts. The test
//! is the exact one-sided binomial test of `accuracy ≤ ceiling` on fresh samples; absence of a certificate proves
//! nothing. A ceiling that was itself estimated is no ceiling: its error is not in the test.

use super::proportion::{lower_bound, upper_tail};
use super::{Metric, check_rows};
use crate::ProbeError;

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// Accuracy on the samples.
    pub accuracy: f64,
    /// Bayes accuracy from hard concepts, as given.
    pub ceiling: f64,
    /// P(at least so many right) if the ceiling held.
    pub p_value: f64,
    /// Exact one-sided lower bound of the accuracy at the level.
    pub lower_bound: f64,
    /// 1 − size of the test.
    pub level: f64,
    /// Samples.
    pub n_samples: usize,
}

/// Tests whether `right` of `n` correct predictions exceed what hard concepts allow; `level` is 0.95 as a rule.
///
/// # Errors
/// When ceiling or level are no probabilities, there are no samples, or more are right than there are.
pub fn certificate(right: usize, n: usize, ceiling: f64, level: f64) -> Result<Certificate, ProbeError> {
    if !(0.0..=1.0).contains(&ceiling) {
        return Err(ProbeError::BadParameter { name: "ceiling", value: ceiling, rule: "it is an accuracy, in [0, 1]" });
    }
    if !(0.0 < level && level < 1.0) {
        return Err(ProbeError::BadParameter { name: "level", value: level, rule: "it lies between 0 and 1" });
    }
    if n == 0 || right > n {
        check_rows("correct predictions", right, n)?;
        return Err(ProbeError::TooSmall { samples: 0, features: 1 });
    }
    Ok(Certificate {
        accuracy: right as f64 / n as f64,
        ceiling,
        p_value: upper_tail(right, n, ceiling),
        lower_bound: lower_bound(right, n, level),
        level,
        n_samples: n,
    })
}

impl Certificate {
    /// Whether leakage is proven at the level.
    pub fn proven(&self) -> bool {
        self.lower_bound > self.ceiling
    }

    /// As metrics: p-value, lower bound beside the ceiling, and the accuracy in excess of it that is proven.
    pub fn metrics(&self) -> Vec<Metric> {
        let level = format!("level={}", self.level);
        let flag = if self.proven() { "leakage_proven" } else { "not_proven" };
        vec![
            Metric::new("certificate_p", self.p_value, self.n_samples).flag(flag),
            Metric::new("certificate_lower_bound", self.lower_bound, self.n_samples)
                .chance(self.ceiling)
                .parameters(level.clone())
                .flag(flag),
            Metric::new("certificate_excess", (self.lower_bound - self.ceiling).max(0.0), self.n_samples)
                .parameters(level)
                .flag(flag),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use rand::RngExt;

    #[test]
    fn a_perfect_reader_of_the_dot_set_leaks_and_a_bayes_reader_does_not() {
        let leaking = certificate(990, 1000, 0.75, 0.95).unwrap();
        assert!(leaking.proven() && leaking.p_value < 1e-50 && leaking.lower_bound > 0.98);
        let honest = certificate(750, 1000, 0.75, 0.95).unwrap();
        assert!(!honest.proven() && (honest.p_value - 0.5).abs() < 0.05);
    }

    #[test]
    fn bound_and_p_value_agree_and_the_size_is_held() {
        let rng = &mut generator(8, 0);
        let mut proven = 0;
        for _ in 0..2000 {
            let right = (0..200).filter(|_| rng.random::<f64>() < 0.75).count();
            let found = certificate(right, 200, 0.75, 0.95).unwrap();
            assert_eq!(found.proven(), found.p_value < 0.05, "{right}");
            proven += usize::from(found.proven());
        }
        // Exact tests are conservative: at most 5 %, and not much below it.
        assert!((50..=115).contains(&proven), "{proven}");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(certificate(3, 2, 0.5, 0.95).is_err());
        assert!(certificate(0, 0, 0.5, 0.95).is_err());
        assert!(certificate(1, 2, 1.5, 0.95).unwrap_err().to_string().contains("ceiling = 1.5"));
    }
}
