//! What all trained estimators can be told.

use super::fit::Schedule;
use crate::registry::ParameterDoc;
use crate::{EstimatorError, Parameters, Transform};
use serde::{Deserialize, Serialize};

/// Options shared by the estimators that train a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeuralOptions {
    /// Units of each hidden layer, at least 1 each; one to eight layers.
    pub hidden: Vec<usize>,
    /// Samples of a minibatch, at least 2.
    pub batch: usize,
    /// Most training steps, at least 1.
    pub steps: usize,
    /// Adam's learning rate, above zero.
    pub rate: f64,
    /// Steps without a better validation value after which training stops, at least 1.
    pub patience: usize,
    /// Share of the samples that is not trained on, in (0, 1): half of it for early stopping, half for the estimate.
    pub holdout: f64,
    /// Applied to continuous variables first.
    pub transform: Transform,
    /// Of the split, the initial weights and the minibatches.
    pub seed: u64,
}

impl NeuralOptions {
    /// `hidden` layers, and for the rest the defaults.
    pub fn new(hidden: &[usize]) -> Self {
        Self {
            hidden: hidden.to_vec(),
            batch: 256,
            steps: 10_000,
            rate: 0.002,
            patience: 1000,
            holdout: 0.5,
            transform: Transform::Normal,
            seed: 0,
        }
    }

    /// The parameters' documentation, given the defaults that differ between estimators.
    pub(super) const fn docs(hidden: &'static str) -> [ParameterDoc; 8] {
        const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
            ParameterDoc { name, default, meaning }
        }
        [
            doc("hidden", hidden, "units of the hidden layers"),
            doc("batch", "256", "samples of a minibatch"),
            doc("steps", "10000", "most training steps"),
            doc("rate", "0.002", "Adam's learning rate"),
            doc("patience", "1000", "steps without a better validation value after which to stop"),
            doc("holdout", "0.5", "share not trained on: half for early stopping, half for the estimate"),
            doc("transform", "normal", "of each coordinate first: none, standard, rank, normal or asinh"),
            doc("seed", "0", "of the split, the weights and the minibatches"),
        ]
    }

    pub(super) fn read(p: &Parameters, default: Self) -> Result<Self, EstimatorError> {
        const WHOLE: &str = "it must be a whole number of at least 1";
        let whole = |key, default: usize, least: usize| {
            let rule = if least == 2 { "it must be a whole number of at least 2" } else { WHOLE };
            Ok::<_, EstimatorError>(p.value(key, rule, |v: &usize| *v >= least)?.unwrap_or(default))
        };
        Ok(Self {
            hidden: widths(p)?.unwrap_or(default.hidden),
            batch: whole("batch", default.batch, 2)?,
            steps: whole("steps", default.steps, 1)?,
            rate: p
                .value("rate", "it must be a number above 0", |v: &f64| *v > 0.0 && v.is_finite())?
                .unwrap_or(default.rate),
            patience: whole("patience", default.patience, 1)?,
            holdout: p
                .value("holdout", "it must be between 0 and 1", |v: &f64| *v > 0.0 && *v < 1.0)?
                .unwrap_or(default.holdout),
            transform: Transform::from_parameters(p, default.transform)?,
            seed: p.value("seed", "it must be a whole number", |_| true)?.unwrap_or(default.seed),
        })
    }

    pub(super) fn text(&self) -> String {
        format!(
            "hidden={} batch={} steps={} rate={} patience={} holdout={} transform={} seed={}",
            widths_text(&self.hidden),
            self.batch,
            self.steps,
            self.rate,
            self.patience,
            self.holdout,
            self.transform.name(),
            self.seed
        )
    }

    pub(super) fn schedule(&self) -> Schedule {
        Schedule { batch: self.batch, steps: self.steps, rate: self.rate, patience: self.patience, seed: self.seed }
    }
}

/// The parameter `hidden`, such as `64x32`.
pub(crate) fn widths(p: &Parameters) -> Result<Option<Vec<usize>>, EstimatorError> {
    widths_of(p, "hidden")
}

/// The same under another key.
pub(crate) fn widths_of(p: &Parameters, key: &'static str) -> Result<Option<Vec<usize>>, EstimatorError> {
    let Some(text) = p.text(key) else { return Ok(None) };
    let widths: Option<Vec<usize>> = text.split('x').map(|w| w.parse().ok().filter(|w| *w >= 1)).collect();
    match widths.filter(|w| w.len() <= 8) {
        Some(widths) => Ok(Some(widths)),
        None => Err(p.bad(key, text, "it must be one to eight whole numbers joined by x, such as 64x32")),
    }
}

/// The same as it is written.
pub(crate) fn widths_text(widths: &[usize]) -> String {
    widths.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}
