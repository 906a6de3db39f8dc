//! InfoNCE: tell the drawn pair from B − 1 others ("Representation learning with contrastive predictive coding", van
//! den Oord, Li & Vinyals 2018, equation 4).
//!
//! ```text
//! I ≥ log B + ⟨f(x_i, y_i) − log Σ_j exp f(x_i, y_j)⟩
//! ```
//!
//! A lower bound of little variance, for any critic f; it cannot exceed log B. The critic is trained in minibatches, and
//! the estimate is of all held-out samples against each other (up to 4096), so that the log B that limits it is theirs
//! and not the minibatch's.

use super::bound::{self, Bound, CriticOptions, DOCS, Row, TEST_BLOCK, block_size, log_sum_exp};
use crate::registry::{Build, Domain, Entry, Measure};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The contrastive bound.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InfoNce {
    /// The critic and its training.
    pub options: CriticOptions,
}

const NAME: &str = "infonce";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "a critic picks the drawn pair out of a batch: lower bound of at most log batch (van den Oord et al. 2018)",
    parameters: &DOCS,
    domain: Domain::ANY,
    measure: Measure::Information,
    trained: true,
    cost: "O(steps·batch²) + O(N·4096)",
    choose: "many dimensions and less than about six nats; the steadiest of the neural bounds",
    build: Build {
        mutual_information: Some(|p: &Parameters| Ok(Box::new(InfoNce { options: CriticOptions::read(p)? }))),
        ..Build::NOTHING
    },
};

impl Estimator for InfoNce {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        self.options.text()
    }
}

impl MutualInformation for InfoNce {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (found, ceiling) = bound::estimate(NAME, &self.options, &x, &y, Contrast)?;
        let batch = block_size(found.n_samples, TEST_BLOCK) as f64;
        Ok(found.judged(ceiling.min(batch.ln())))
    }
}

pub(super) struct Contrast;

impl Bound for Contrast {
    fn slope(&mut self, mut scores: Array2<f32>) -> Array2<f32> {
        let share = 1.0 / scores.nrows() as f32;
        for (i, mut row) in scores.rows_mut().into_iter().enumerate() {
            let largest = row.fold(f32::NEG_INFINITY, |m, &s| m.max(s));
            row.mapv_inplace(|s| (s - largest).exp());
            let scale = share / row.sum();
            row.mapv_inplace(|s| s * scale);
            row[i] -= share;
        }
        scores
    }

    fn row(&self, scores: &[f32], own: usize) -> Row {
        let others = log_sum_exp(scores) - (scores.len() as f64).ln();
        Row { own: f64::from(scores[own]), others, objective: 0.0 }
    }

    fn contributions(&self, rows: &[Row]) -> Vec<f64> {
        rows.iter().map(|r| r.own - r.others).collect()
    }

    fn weight(&self, score: f32, row: &Row, _: f64) -> f64 {
        (f64::from(score) - row.others).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_slope, normals};
    use super::*;
    use crate::Warning;

    #[test]
    fn the_slope_is_that_of_the_loss() {
        check_slope(Contrast, |bound, rows| bound.contributions(rows));
    }

    #[test]
    fn correlated_normals() {
        for (d, truth) in [(1, 1.0), (3, 1.5)] {
            let (x, y) = normals(4000, d, truth, 1);
            let found =
                InfoNce::default().estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap();
            assert!((found.value.0 - truth).abs() < 0.15, "{d}: {found:?}");
            assert!(found.detail("train_nats").unwrap() > found.value.0 - 0.1);
        }
    }

    #[test]
    fn labels_are_told_and_steps_that_run_out_are_too() {
        let (x, _) = normals(2000, 1, 1.0, 2);
        let y: Vec<u32> = x.iter().map(|v| u32::from(*v > 0.0)).collect();
        let mut estimator = InfoNce::default();
        estimator.options.training.steps = 400;
        let found = estimator.estimate(Variable::Continuous(x.view()), Variable::Discrete(&y)).unwrap();
        assert!((found.value.0 - 2f64.ln()).abs() < 0.05, "{found:?}");
        assert!(found.warnings.contains(&Warning::NotConverged) && found.warnings.contains(&Warning::Saturated));
    }
}
