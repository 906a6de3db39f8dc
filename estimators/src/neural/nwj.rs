//! NWJ: the bound of Nguyen, Wainwright and Jordan ("Estimating divergence functionals and the likelihood ratio by
//! convex risk minimization", 2010; as a bound on mutual information: Poole et al. 2019, equation 5).
//!
//! ```text
//! I ≥ ⟨f(x_i, y_i)⟩ − ⟨exp(f(x_i, y_j) − 1)⟩_{i ≠ j}
//! ```
//!
//! A lower bound in expectation for any critic, unlike the Donsker–Varadhan value of a sample, and noisier still. The
//! best critic is the log density ratio plus 1, which is added to the network's score. As for MINE here, the first steps
//! follow the Jensen–Shannon loss, whose best critic is the same.

use super::bound::{self, Bound, CriticOptions, DOCS, Row, log_mean_exp_of_others};
use super::mine::{WARM_UP, plateau_told};
use super::smile::jensen_shannon_slope;
use crate::registry::{Build, Domain, Entry, Measure};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The bound of Nguyen, Wainwright and Jordan.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Nwj {
    /// The critic and its training.
    pub options: CriticOptions,
}

const NAME: &str = "nwj";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "a critic's lower bound that is unbiased in its batches (Nguyen, Wainwright & Jordan 2010)",
    parameters: &DOCS,
    domain: Domain::ANY,
    measure: Measure::Information,
    trained: true,
    cost: "O(steps·batch²) + O(N·4096)",
    choose: "a true lower bound of at most some three nats; its variance grows exponentially with the information",
    build: Build {
        mutual_information: Some(|p: &Parameters| Ok(Box::new(Nwj { options: CriticOptions::read(p)? }))),
        ..Build::NOTHING
    },
};

impl Estimator for Nwj {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        self.options.text()
    }
}

impl MutualInformation for Nwj {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (found, ceiling) = bound::estimate(NAME, &self.options, &x, &y, Convex { warm_up: WARM_UP })?;
        Ok(plateau_told(found).judged(ceiling))
    }
}

pub(super) struct Convex {
    /// Steps that are still to follow the Jensen–Shannon loss.
    pub(super) warm_up: usize,
}

/// Scores above this weigh no more in a step: one pair must not throw the critic away.
const STEEPEST: f32 = 12.0;

impl Bound for Convex {
    fn slope(&mut self, mut scores: Array2<f32>) -> Array2<f32> {
        if self.warm_up > 0 {
            self.warm_up -= 1;
            jensen_shannon_slope(&mut scores);
            return scores;
        }
        let n = scores.nrows();
        let others = 1.0 / (n * (n - 1)) as f32;
        scores.mapv_inplace(|s| s.min(STEEPEST).exp() * others);
        scores.diag_mut().fill(-1.0 / n as f32);
        scores
    }

    fn row(&self, scores: &[f32], own: usize) -> Row {
        // With f = score + 1, f − 1 is the score.
        let others = log_mean_exp_of_others(scores, own).exp();
        Row { own: f64::from(scores[own]) + 1.0, others, objective: 0.0 }
    }

    fn contributions(&self, rows: &[Row]) -> Vec<f64> {
        rows.iter().map(|r| r.own - r.others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_slope, normals};
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_loss() {
        check_slope(Convex { warm_up: 0 }, |bound, rows| bound.contributions(rows));
    }

    #[test]
    fn correlated_normals() {
        let (x, y) = normals(4000, 3, 1.5, 1);
        let found = Nwj::default().estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap();
        assert!((found.value.0 - 1.5).abs() < 0.2, "{found:?}");
    }
}
