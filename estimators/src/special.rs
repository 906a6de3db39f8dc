//! Special functions that several estimators need.

pub(crate) use statrs::function::gamma::{digamma, ln_gamma};

/// Digamma at the whole numbers 1..=n, by the recurrence ψ(m+1) = ψ(m) + 1/m: exact in order and far faster than the
/// function. Index 0 is unused (ψ has a pole there) and holds −∞.
pub(crate) fn digamma_table(n: usize) -> Vec<f64> {
    let mut table = Vec::with_capacity(n + 1);
    table.push(f64::NEG_INFINITY);
    let mut harmonic = 0.0;
    for m in 1..=n {
        table.push(harmonic - EULER_GAMMA);
        harmonic += 1.0 / m as f64;
    }
    table
}

/// The Euler–Mascheroni constant.
pub(crate) const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// Logarithm of the volume of the unit ball of the Euclidean norm in `d` dimensions, `π^{d/2} / Γ(d/2 + 1)`.
pub(crate) fn ln_unit_ball(d: usize) -> f64 {
    let half = d as f64 / 2.0;
    half * std::f64::consts::PI.ln() - ln_gamma(half + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_function() {
        let table = digamma_table(5000);
        for m in [1, 2, 3, 10, 100, 5000] {
            assert!((table[m] - digamma(m as f64)).abs() < 1e-12, "{m}");
        }
    }

    #[test]
    fn balls_of_low_dimension() {
        let pi = std::f64::consts::PI;
        for (d, volume) in [(1, 2.0), (2, pi), (3, 4.0 / 3.0 * pi)] {
            assert!((ln_unit_ball(d) - f64::ln(volume)).abs() < 1e-12);
        }
    }
}
