//! Shares of independent trials: Wilson's interval, exact binomial tails and bounds.
//!
//! "Probable inference, the law of succession, and statistical inference" (Wilson 1927); "The use of confidence or
//! fiducial limits illustrated in the case of the binomial" (Clopper & Pearson 1934). Tails of the binomial are
//! incomplete beta functions: P(X ≥ k) = I_p(k, n − k + 1).

use super::metric::Z;
use statrs::function::beta::checked_beta_reg;

/// Wilson's 95 % interval of a share; trials must not be 0.
pub fn wilson(right: usize, trials: usize) -> (f64, f64) {
    let n = trials as f64;
    let p = right as f64 / n;
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At the ends the formula gives 0 and 1 up to rounding.
    let low = if right == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if right == trials { 1.0 } else { (centre + half).min(1.0) };
    (low, high)
}

/// P(X ≥ right) for X binomial with `trials` and `p`.
pub fn upper_tail(right: usize, trials: usize, p: f64) -> f64 {
    if right == 0 || p >= 1.0 {
        return 1.0;
    }
    if right > trials || p <= 0.0 {
        return 0.0;
    }
    checked_beta_reg(right as f64, (trials - right + 1) as f64, p).unwrap_or(f64::NAN)
}

/// The exact one-sided lower bound of a share: the p at which so many successes or more have probability `1 − level`.
pub fn lower_bound(right: usize, trials: usize, level: f64) -> f64 {
    if right == 0 || trials == 0 {
        return 0.0;
    }
    // The tail grows with p, so bisection is safe where Newton's method is not, and 60 halvings exhaust an f64.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if upper_tail(right, trials, middle) < 1.0 - level { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_sums_of_the_binomial() {
        // P(X ≥ 8), n = 10, p = 0.5: (45 + 10 + 1)/1024.
        assert!((upper_tail(8, 10, 0.5) - 56.0 / 1024.0).abs() < 1e-12);
        assert!((upper_tail(1, 3, 0.2) - (1.0 - 0.512)).abs() < 1e-12);
        assert_eq!((upper_tail(0, 5, 0.3), upper_tail(6, 5, 0.3)), (1.0, 0.0));
    }

    #[test]
    fn bounds_invert_the_tails() {
        for (right, trials) in [(1, 20), (15, 20), (20, 20), (480, 500)] {
            let bound = lower_bound(right, trials, 0.95);
            assert!((upper_tail(right, trials, bound) - 0.05).abs() < 1e-9);
        }
        // All right: p^n = 0.05.
        assert!((lower_bound(20, 20, 0.95) - 0.05f64.powf(0.05)).abs() < 1e-9);
    }

    #[test]
    fn wilson_is_as_in_the_tables() {
        // 81 of 263 (Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I): 0.2553, 0.3662.
        let (low, high) = wilson(81, 263);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
        assert_eq!(wilson(0, 10).0, 0.0);
    }
}
