//! Entropies from counts, with the corrections of their bias.
//!
//! With n_i the counts of K occupied cells and N their sum:
//!
//! ```text
//! none          −Σ (n_i/N) log(n_i/N)                                     biased low by about (K−1)/2N
//! miller-madow  the same + (K−1)/2N                                       (Miller 1955)
//! grassberger   log N − (1/N) Σ n_i G(n_i),  G(1) = −γ − log 2, G(2) = 2 − γ − log 2,
//!               G(2m+1) = G(2m), G(2m+2) = G(2m) + 2/(2m+1)                (Grassberger 2003)
//! chao-shen     −Σ p log p / (1−(1−p)^N),  p = C·n_i/N, C = 1 − f₁/N       (Chao & Shen 2003)
//! ```
//!
//! with f₁ the number of cells that were seen once. Where every cell was, C would be zero; one is then taken off f₁.

use crate::special::EULER_GAMMA;
use crate::{EstimatorError, Parameters};
use serde::{Deserialize, Serialize};

/// Bias correction of a plug-in entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Frequencies as they are.
    #[default]
    None,
    /// Adds (K−1)/2N for K occupied cells (Miller 1955).
    MillerMadow,
    /// Replaces log n by a function whose mean under Poisson counts is right (Grassberger 2003).
    Grassberger,
    /// Weighs cells by the chance of having been seen at all (Chao & Shen 2003).
    ChaoShen,
}

impl Correction {
    /// Every correction.
    pub const ALL: [Correction; 4] =
        [Correction::None, Correction::MillerMadow, Correction::Grassberger, Correction::ChaoShen];
    pub(crate) const MEANING: &'static str =
        "bias correction of each entropy: none, miller-madow, grassberger or chao-shen";

    pub(crate) fn from_parameters(p: &Parameters, default: Self) -> Result<Self, EstimatorError> {
        p.text("correction").map_or(Ok(default), |text| {
            Self::from_name(text)
                .ok_or_else(|| p.bad("correction", text, "it must be none, miller-madow, grassberger or chao-shen"))
        })
    }

    /// The name in specifications.
    pub fn name(self) -> &'static str {
        match self {
            Correction::None => "none",
            Correction::MillerMadow => "miller-madow",
            Correction::Grassberger => "grassberger",
            Correction::ChaoShen => "chao-shen",
        }
    }

    /// The correction called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Entropy in nats of cells with these counts, whose sum is `n`. Empty cells do not count.
    ///
    /// Equal counts are summed together and in ascending order, so that the result does not depend on the order of
    /// cells, and a million cells cost as many logarithms as there are different counts.
    pub(crate) fn entropy(self, counts: impl Iterator<Item = usize>, n: usize) -> f64 {
        let mut sorted: Vec<usize> = counts.filter(|&c| c > 0).collect();
        sorted.sort_unstable();
        let cells = sorted.len();
        let total = n as f64;
        let once = sorted.iter().take_while(|c| **c == 1).count();
        let sum_over = |of: &dyn Fn(usize) -> f64| -> f64 {
            sorted.chunk_by(|a, b| a == b).map(|same| same.len() as f64 * of(same[0])).sum()
        };
        let plug_in = |count: usize| -(count as f64 / total) * (count as f64 / total).ln();
        match self {
            _ if n == 0 => 0.0,
            Correction::None => sum_over(&plug_in),
            Correction::MillerMadow => sum_over(&plug_in) + (cells as f64 - 1.0) / (2.0 * total),
            Correction::Grassberger => {
                let table = grassberger_table(sorted.last().copied().unwrap_or(0));
                total.ln() - sum_over(&|count| count as f64 * table[count]) / total
            }
            Correction::ChaoShen => {
                let unseen = if once == n { once - 1 } else { once };
                let coverage = 1.0 - unseen as f64 / total;
                sum_over(&|count| {
                    let p = coverage * count as f64 / total;
                    // 1−(1−p)^N without the cancellation of small p.
                    let seen = -(total * (-p).ln_1p()).exp_m1();
                    if p < 1.0 { -p * p.ln() / seen } else { 0.0 }
                })
            }
        }
    }
}

/// G(0..=n).
fn grassberger_table(n: usize) -> Vec<f64> {
    let one = -EULER_GAMMA - std::f64::consts::LN_2;
    let mut table = vec![f64::NEG_INFINITY, one];
    while table.len() <= n {
        let m = table.len();
        let last = table[m - 1];
        // From an odd number to the next even one: 2/(odd).
        table.push(if m % 2 == 0 { last + 2.0 / (m as f64 - 1.0) } else { last });
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_counts() {
        // Computed once in 64-bit numpy.
        let counts = [10, 5, 3, 2, 1, 1, 1, 0, 4];
        let of = |c: Correction| c.entropy(counts.into_iter(), 27);
        assert!((of(Correction::None) - 1.76619430439).abs() < 1e-11);
        assert!((of(Correction::MillerMadow) - 1.89582393401).abs() < 1e-11);
        assert!((of(Correction::Grassberger) - 1.9830133505).abs() < 1e-10);
        assert!((of(Correction::ChaoShen) - 1.96105069609).abs() < 1e-11);
    }

    #[test]
    fn grassbergers_function() {
        let g = grassberger_table(4);
        for (n, truth) in [(1, -1.27036284546), (2, 0.729637154539), (3, 0.729637154539), (4, 1.39630382121)] {
            assert!((g[n] - truth).abs() < 1e-11, "{n}");
        }
    }

    #[test]
    fn one_cell_and_all_different() {
        for correction in Correction::ALL {
            let one = correction.entropy([50].into_iter(), 50);
            // Grassberger's is zero in the mean over samples, and not of each.
            assert!(one.abs() < 0.02, "{correction:?} {one}");
            let all = correction.entropy(std::iter::repeat_n(1, 50), 50);
            assert!(all.is_finite() && all >= 50f64.ln() - 1e-12, "{correction:?} {all}");
        }
    }
}
