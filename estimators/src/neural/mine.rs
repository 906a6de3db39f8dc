//! MINE: the Donsker–Varadhan bound by gradient ascent ("Mutual information neural estimation", Belghazi et al. 2018,
//! equation 10 and section 3.2).
//!
//! ```text
//! I ≥ ⟨f(x_i, y_i)⟩ − log ⟨exp f(x_i, y_j)⟩_{i ≠ j}
//! ```
//!
//! The gradient of the logarithm over a minibatch is biased; as in the paper, its denominator is a running average
//! over the past minibatches. The first steps follow the Jensen–Shannon loss instead, whose best critic is the same but
//! for a constant and whose slopes are bounded: started with its own, the bound can stay on a plateau far below the
//! truth (2.4 of 4 nats between two normals). Of the held-out samples the second term is over all pairs of different samples. That term
//! is carried by few pairs when the information is large: the variance grows exponentially with it (McAllester &
//! Stratos 2020), and the estimate can then lie above the truth.

use super::bound::{self, Bound, CriticOptions, DOCS, Row, log_mean_exp_of_others, mean};
use super::smile::jensen_shannon_slope;
use crate::registry::{Build, Domain, Entry, Measure};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable, Warning};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The Donsker–Varadhan bound.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Mine {
    /// The critic and its training.
    pub options: CriticOptions,
}

const NAME: &str = "mine";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "a critic's Donsker-Varadhan bound with the gradient's bias corrected (Belghazi et al. 2018)",
    parameters: &DOCS,
    domain: Domain::ANY,
    measure: Measure::Information,
    trained: true,
    cost: "O(steps·batch²) + O(N·4096)",
    choose: "many dimensions and up to about two nats: beyond, it stays below the truth, and says so",
    build: Build {
        mutual_information: Some(|p: &Parameters| Ok(Box::new(Mine { options: CriticOptions::read(p)? }))),
        ..Build::NOTHING
    },
};

impl Estimator for Mine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        self.options.text()
    }
}

impl MutualInformation for Mine {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (found, ceiling) = bound::estimate(NAME, &self.options, &x, &y, DonskerVaradhan::new(WARM_UP))?;
        Ok(plateau_told(found).judged(ceiling))
    }
}

/// Nats above which the exponential bounds were measured to stay below the truth: 2.0 of 2, but 2.7 of 4 between two
/// normals.
const PLATEAU: f64 = 2.2;

/// The estimate, flagged where the exponential bounds begin to fall short.
pub(super) fn plateau_told(estimate: Estimate) -> Estimate {
    if estimate.value.0 > PLATEAU { estimate.warned(Warning::OutOfDomain) } else { estimate }
}

/// The share of the past in the running denominator.
const PAST: f64 = 0.9;

pub(super) struct DonskerVaradhan {
    /// log of the running average of ⟨exp f⟩.
    denominator: Option<f64>,
    /// Steps that are still to follow the Jensen–Shannon loss.
    warm_up: usize,
}

impl DonskerVaradhan {
    pub(super) fn new(warm_up: usize) -> Self {
        Self { denominator: None, warm_up }
    }
}

/// Steps after which a critic is near enough to the log density ratio for the exponential bounds to go on from there.
pub(super) const WARM_UP: usize = 200;

impl Bound for DonskerVaradhan {
    fn slope(&mut self, mut scores: Array2<f32>) -> Array2<f32> {
        if self.warm_up > 0 {
            self.warm_up -= 1;
            jensen_shannon_slope(&mut scores);
            return scores;
        }
        let n = scores.nrows();
        let now = {
            let rows: Vec<Row> = (0..n).map(|i| self.row(&scores.row(i).to_vec(), i)).collect();
            log_mean(&rows)
        };
        let log = match self.denominator {
            None => now,
            Some(past) => {
                let largest = past.max(now);
                largest + (PAST * (past - largest).exp() + (1.0 - PAST) * (now - largest).exp()).ln()
            }
        };
        self.denominator = Some(log);
        let shift = (log + ((n * (n - 1)) as f64).ln()) as f32;
        scores.mapv_inplace(|s| (s - shift).exp());
        scores.diag_mut().fill(-1.0 / n as f32);
        scores
    }

    fn row(&self, scores: &[f32], own: usize) -> Row {
        Row { own: f64::from(scores[own]), others: log_mean_exp_of_others(scores, own), objective: 0.0 }
    }

    fn contributions(&self, rows: &[Row]) -> Vec<f64> {
        donsker_varadhan(rows)
    }

    fn scale(&self, rows: &[Row]) -> f64 {
        log_mean(rows)
    }
}

/// log of the mean over samples of exp of `others`.
pub(super) fn log_mean(rows: &[Row]) -> f64 {
    let largest = rows.iter().fold(f64::NEG_INFINITY, |m, r| m.max(r.others));
    largest + mean(rows.iter().map(|r| (r.others - largest).exp())).ln()
}

/// The bound linearised in the contributions of the samples, whose mean it is.
pub(super) fn donsker_varadhan(rows: &[Row]) -> Vec<f64> {
    let log = log_mean(rows);
    rows.iter().map(|r| r.own - log - ((r.others - log).exp() - 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_slope, normals};
    use super::*;

    #[test]
    fn the_first_slope_is_that_of_the_loss() {
        check_slope(DonskerVaradhan::new(0), |bound, rows| bound.contributions(rows));
    }

    #[test]
    fn correlated_normals() {
        for (d, truth) in [(1, 1.0), (3, 1.5)] {
            let (x, y) = normals(4000, d, truth, 1);
            let found =
                Mine::default().estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap();
            assert!((found.value.0 - truth).abs() < 0.15, "{d}: {found:?}");
        }
    }
}
