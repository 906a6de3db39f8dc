//! Hilbert–Schmidt independence criterion ("Measuring statistical dependence with Hilbert-Schmidt norms", Gretton,
//! Bousquet, Smola & Schölkopf 2005).
//!
//! `HSIC = tr(KHLH)/(N−1)²` with H the centring matrix, which is
//! `[Σ K∘L − (2/N) Σ_i (Σ_j K_ij)(Σ_j L_ij) + (1/N²) ΣK ΣL]/(N−1)²`: the same sums as the Cauchy–Schwarz information.
//! Zero for independent variables as N grows; biased up by about 1/N. The normalised form,
//! `HSIC(x,y)/√(HSIC(x,x)·HSIC(y,y))`, is the centred kernel alignment (Kornblith et al. 2019) and lies in 0…1. It has
//! no unit. For a p-value, shuffle one side. With `kernel=linear`, K is the inner products of the centred samples: the
//! normalised form is then the linear CKA of that paper, and all of it follows from sums over the columns.

use super::gram::Grams;
use super::width::{self, KernelWidth};
use crate::pair::check;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::streaming::LinearStream;
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable};
use serde::{Deserialize, Serialize};

/// Hilbert–Schmidt independence criterion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hsic {
    /// The kernels' width, found for each variable by itself.
    pub sigma: KernelWidth,
    /// Whether to divide by the geometric mean of each variable's criterion with itself.
    pub normalised: bool,
    /// Whether K is the samples' inner products instead of a Gaussian kernel; there is no width then.
    pub linear: bool,
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
        ParameterDoc {
            name: "kernel",
            default: "gaussian",
            meaning: "gaussian, or linear: inner products, O(N·D²) and no width; normalised, it is linear CKA",
        },
    ],
    domain: Domain::ANY,
    measure: Measure::Dependence,
    trained: false,
    cost: "O(N²·D); O(N·D²) with kernel=linear",
    choose: "testing for independence with --permutations, or comparing representations; no unit",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(Hsic::from_parameters(p)?))),
        stream: Some(|p, _| match Hsic::from_parameters(p)? {
            Hsic { linear: true, normalised, .. } => Ok(Box::new(LinearStream::new(normalised))),
            _ => Err(EstimatorError::NotStreaming {
                estimator: "hsic of a Gaussian kernel".into(),
                known: crate::registry::streaming_names(),
            }),
        }),
        streams_when: "kernel=linear",
        ..Build::NOTHING
    },
};

impl Hsic {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let linear = match p.text("kernel") {
            None | Some("gaussian") => false,
            Some("linear") => true,
            Some(other) => return Err(p.bad("kernel", other, "it must be gaussian or linear")),
        };
        if let (true, Some(sigma)) = (linear, p.text("sigma")) {
            return Err(p.bad("sigma", sigma, "a linear kernel has no width: leave out one of the two"));
        }
        let normalised = p.yes_or_no("normalised")?.unwrap_or(false);
        Ok(Self { sigma: KernelWidth::from_parameters(p)?, normalised, linear })
    }
}

impl Estimator for Hsic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let normalised = if self.normalised { "yes" } else { "no" };
        if self.linear {
            return format!("normalised={normalised} kernel=linear");
        }
        format!("sigma={} normalised={normalised}", self.sigma)
    }
}

impl MutualInformation for Hsic {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        if self.linear {
            let variables = [x.reborrow(), y.reborrow()];
            check(&variables)?;
            return LinearStream::at_once(self.normalised, &variables);
        }
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
        let e = Hsic { sigma: KernelWidth::Sigma(0.5), normalised: false, linear: false };
        let found = e.estimate(Variable::Continuous(x.view()), Variable::Discrete(&labels)).unwrap();
        assert!((found.value.0 - truth).abs() < 1e-14, "{} for {truth}", found.value.0);
    }
}
