//! Hilbert–Schmidt independence criterion ("Measuring statistical dependence with Hilbert-Schmidt norms", Gretton,
//! Bousquet, Smola & Schölkopf 2005).
//!
//! `HSIC = tr(KHLH)/(N−1)²` with H the centring matrix, which is
//! `[Σ K∘L − (2/N) Σ_i (Σ_j K_ij)(Σ_j L_ij) + (1/N²) ΣK ΣL]/(N−1)²`: the same sums as the Cauchy–Schwarz information.
//! Zero for independent variables as N grows; biased up by about 1/N. The normalised form,
//! `HSIC(x,y)/√(HSIC(x,x)·HSIC(y,y))`, is the centred kernel alignment (Kornblith et al. 2019) and lies in 0…1. It has
//! no unit. For a p-value, shuffle one side.

use super::gram::Grams;
use super::width::{self, KernelWidth};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Variable};
use serde::{Deserialize, Serialize};

/// Hilbert–Schmidt independence criterion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hsic {
    /// The kernels' width, found for each variable by itself.
    pub sigma: KernelWidth,
    /// Whether to divide by the geometric mean of each variable's criterion with itself.
    pub normalised: bool,
}

const NAME: &str = "hsic";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "Hilbert–Schmidt independence criterion, biased form (Gretton et al. 2005)",
    parameters: &[
        ParameterDoc { name: "sigma", default: "median", meaning: width::MEANING },
        ParameterDoc {
            name: "normalised",
            default: "no",
            meaning: "yes gives centred kernel alignment, in 0…1 (Kornblith et al. 2019)",
        },
    ],
    domain: Domain::ANY,
    measure: Measure::Dependence,
    trained: false,
    cost: "O(N²·D)",
    choose: "testing for independence with --permutations, or comparing representations; no unit",
    build: Build {
        mutual_information: Some(|p| {
            Ok(Box::new(Hsic {
                sigma: KernelWidth::from_parameters(p)?,
                normalised: p.yes_or_no("normalised")?.unwrap_or(false),
            }))
        }),
        ..Build::NOTHING
    },
};

impl Estimator for Hsic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("sigma={} normalised={}", self.sigma, if self.normalised { "yes" } else { "no" })
    }
}

impl MutualInformation for Hsic {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let n = x.len() as f64;
        Ok(Grams::new(&x, &y, self.sigma)?
            .score(self.normalised, |m| (m.kl - 2.0 / n * m.rows + m.k / n * (m.l / n)) / (n - 1.0).powi(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn equals_the_trace_of_centred_matrices() {
        let x = Array2::from_shape_fn((40, 2), |(i, j)| ((i * 7 + j * 3) as f64 * 0.37).sin());
        let labels: Vec<u32> = (0..40).map(|i| i % 3).collect();
        let gram = |f: &dyn Fn(usize, usize) -> f64| Array2::from_shape_fn((40, 40), |(i, j)| f(i, j));
        let k = gram(&|i, j| (-(&x.row(i) - &x.row(j)).mapv(|v| v * v).sum() / 0.5).exp());
        let l = gram(&|i, j| f64::from(u8::from(labels[i] == labels[j])));
        let h = Array2::from_shape_fn((40, 40), |(i, j)| f64::from(u8::from(i == j)) - 1.0 / 40.0);
        let truth = k.dot(&h).dot(&l).dot(&h).diag().sum() / 39.0f64.powi(2);
        let e = Hsic { sigma: KernelWidth::Sigma(0.5), normalised: false };
        let found = e.estimate(Variable::Continuous(x.view()), Variable::Discrete(&labels)).unwrap();
        assert!((found.value.0 - truth).abs() < 1e-14, "{} for {truth}", found.value.0);
    }
}
