//! SMILE: the Donsker–Varadhan bound with its second term clipped ("Understanding the limitations of variational mutual
//! information estimators", Song & Ermon 2020, equation 12 and section 5).
//!
//! ```text
//! I ≈ ⟨f(x_i, y_i)⟩ − log ⟨exp clip(f(x_i, y_j), −τ, τ)⟩_{i ≠ j}
//! ```
//!
//! The critic is trained to tell drawn pairs from others by the Jensen–Shannon objective, whose best critic is the log
//! density ratio, and it stops by that objective too. Clipping trades variance for bias: no bound in either direction.

use super::bound::{self, Bound, CRITIC, CriticOptions, Row, TRAINING, log_mean_exp_of_others, mean};
use super::mine::{donsker_varadhan, log_mean};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The clipped bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Smile {
    /// τ, above zero: scores count as within ±τ in the second term.
    pub tau: f64,
    /// The critic and its training.
    pub options: CriticOptions,
}

const NAME: &str = "smile";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "a critic's Donsker-Varadhan value with clipped ratios, trained as a classifier (Song & Ermon 2020)",
    parameters: &[
        ParameterDoc { name: "tau", default: "5", meaning: "scores are clipped to within this in the second term" },
        CRITIC,
        TRAINING[0],
        TRAINING[1],
        TRAINING[2],
        TRAINING[3],
        TRAINING[4],
        TRAINING[5],
        TRAINING[6],
        TRAINING[7],
    ],
    domain: Domain::ANY,
    measure: Measure::Information,
    trained: true,
    cost: "O(steps·batch²) + O(N·4096)",
    choose: "many dimensions and large information, where a bias is preferred to MINE's variance",
    build: Build {
        mutual_information: Some(|p: &Parameters| {
            let tau = p.value("tau", "it must be a number above 0", |v: &f64| *v > 0.0 && v.is_finite())?;
            Ok(Box::new(Smile { tau: tau.unwrap_or(Smile::default().tau), options: CriticOptions::read(p)? }))
        }),
        ..Build::NOTHING
    },
};

impl Default for Smile {
    fn default() -> Self {
        Self { tau: 5.0, options: CriticOptions::default() }
    }
}

impl Estimator for Smile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("tau={} {}", self.tau, self.options.text())
    }
}

impl MutualInformation for Smile {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (found, ceiling) = bound::estimate(NAME, &self.options, &x, &y, Clipped { tau: self.tau as f32 })?;
        Ok(found.judged(ceiling))
    }
}

pub(super) struct Clipped {
    pub(super) tau: f32,
}

impl Bound for Clipped {
    fn slope(&mut self, mut scores: Array2<f32>) -> Array2<f32> {
        jensen_shannon_slope(&mut scores);
        scores
    }

    fn row(&self, scores: &[f32], own: usize) -> Row {
        let clipped: Vec<f32> = scores.iter().map(|s| s.clamp(-self.tau, self.tau)).collect();
        let all: f64 = scores.chunks(64).map(|c| f64::from(c.iter().map(|&s| softplus(s)).sum::<f32>())).sum();
        let others = (all - f64::from(softplus(scores[own]))) / (scores.len() as f64 - 1.0);
        Row {
            own: f64::from(scores[own]),
            others: log_mean_exp_of_others(&clipped, own),
            objective: -f64::from(softplus(-scores[own])) - others,
        }
    }

    fn contributions(&self, rows: &[Row]) -> Vec<f64> {
        donsker_varadhan(rows)
    }

    fn scale(&self, rows: &[Row]) -> f64 {
        log_mean(rows)
    }

    fn weight(&self, score: f32, _: &Row, scale: f64) -> f64 {
        (f64::from(score.clamp(-self.tau, self.tau)) - scale).exp()
    }

    fn objective(&self, rows: &[Row]) -> f64 {
        mean(rows.iter().map(|r| r.objective))
    }
}

/// Replaces scores by the derivatives of the Jensen–Shannon loss, `⟨softplus(−f)⟩` of the drawn pairs on the diagonal
/// plus `⟨softplus(f)⟩` of the others, whose best critic is the log density ratio. They are bounded, unlike those of the
/// exponential bounds.
pub(super) fn jensen_shannon_slope(scores: &mut Array2<f32>) {
    let n = scores.nrows();
    let (own, others) = (1.0 / n as f32, 1.0 / (n * (n - 1)) as f32);
    for ((i, j), s) in scores.indexed_iter_mut() {
        *s = if i == j { -own / (1.0 + s.exp()) } else { others / (1.0 + (-*s).exp()) };
    }
}

/// log(1 + exp s).
fn softplus(s: f32) -> f32 {
    s.max(0.0) + (-s.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_slope, normals};
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_classifiers_loss() {
        check_slope(Clipped { tau: 5.0 }, |_, rows| rows.iter().map(|r| r.objective).collect());
    }

    #[test]
    fn clipping_is_of_the_second_term_only() {
        let row = Clipped { tau: 2.0 }.row(&[9.0, 9.0, -9.0], 0);
        assert_eq!(row.own, 9.0);
        assert!((row.others - 2f64.cosh().ln()).abs() < 1e-6);
    }

    #[test]
    fn correlated_normals() {
        let (x, y) = normals(4000, 3, 1.5, 1);
        let found = Smile::default().estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap();
        assert!((found.value.0 - 1.5).abs() < 0.2, "{found:?}");
    }
}
