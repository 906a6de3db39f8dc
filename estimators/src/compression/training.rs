//! What the encoders that are trained share: their schedule, the samples held out to stop by, and what is told of them.

use super::Compressed;
use crate::neural::{Schedule, Weights, fit};
use crate::random::{generator, permutation};
use crate::registry::ParameterDoc;
use crate::{EstimatorError, Parameters};
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

/// How an autoencoder is trained: by Adam, for the mean squared error of minibatches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fitting {
    /// Samples of a minibatch, at least 1.
    pub batch: usize,
    /// Most training steps, at least 1.
    pub steps: usize,
    /// Adam's learning rate, above zero.
    pub rate: f64,
    /// Of the split, the initial weights and the minibatches.
    pub seed: u64,
}

/// Steps without a better validation error after which to stop.
const PATIENCE: usize = 1000;

/// A tenth of fewer samples says little.
const FEWEST: usize = 20;

/// The numbers of `data` and what is rebuilt of them.
pub(super) struct Pass {
    pub(super) codes: Array2<f32>,
    pub(super) rebuilt: Array2<f32>,
}

impl Fitting {
    /// The documentation of its parameters, with the default number of steps.
    pub(super) const fn docs(steps: &'static str) -> [ParameterDoc; 4] {
        [
            ParameterDoc { name: "batch", default: "128", meaning: "samples of a minibatch" },
            ParameterDoc { name: "steps", default: steps, meaning: "most training steps" },
            ParameterDoc { name: "rate", default: "0.002", meaning: "Adam's learning rate" },
            ParameterDoc { name: "seed", default: "0", meaning: "of the split, the weights and the minibatches" },
        ]
    }

    pub(super) fn new(steps: usize) -> Self {
        Self { batch: 128, steps, rate: 0.002, seed: 0 }
    }

    pub(super) fn read(p: &Parameters, default: Self) -> Result<Self, EstimatorError> {
        Ok(Self {
            batch: whole(p, "batch", default.batch)?,
            steps: whole(p, "steps", default.steps)?,
            rate: p
                .value("rate", "it must be a number above 0", |v: &f64| *v > 0.0 && v.is_finite())?
                .unwrap_or(default.rate),
            seed: p.value("seed", "it must be a whole number", |_| true)?.unwrap_or(default.seed),
        })
    }

    pub(super) fn text(&self) -> String {
        format!("batch={} steps={} rate={} seed={}", self.batch, self.steps, self.rate, self.seed)
    }

    /// Trains the model that `model` makes of a generator, on all of `x` but a tenth that is held out to stop by. The
    /// codes and the reconstruction error are of all samples.
    ///
    /// `gradient` adds the derivatives of the mean squared error of a minibatch to its last argument; `pass` encodes
    /// and rebuilds. `x` has column means of zero.
    pub(super) fn train<W: Weights>(
        &self,
        x: &Array2<f32>,
        model: impl FnOnce(&mut rand_chacha::ChaCha8Rng) -> W,
        gradient: impl Fn(&W, Array2<f32>, &mut W),
        pass: impl Fn(&W, &Array2<f32>) -> Pass,
    ) -> Result<Compressed, EstimatorError> {
        let n = x.nrows();
        if n < FEWEST {
            return Err(EstimatorError::TooFewSamples { found: n, needed: FEWEST });
        }
        let order = permutation(n, &mut generator(self.seed, 0));
        let (held, trained) = order.split_at(n / 10);
        let (validation, train) = (x.select(Axis(0), held), x.select(Axis(0), trained));
        let schedule =
            Schedule { batch: self.batch, steps: self.steps, rate: self.rate, patience: PATIENCE, seed: self.seed };
        let fitted = fit(
            model(&mut generator(self.seed, 2)),
            train.nrows(),
            &schedule,
            |model, batch, into| gradient(model, train.select(Axis(0), batch), into),
            |model| -error(&pass(model, &validation).rebuilt, &validation),
        );
        let Pass { codes, rebuilt } = pass(&fitted.model, x);
        let total: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
        let lost = error(&rebuilt, x);
        let reconstruction_error = if total > 0.0 { lost / total } else { 0.0 };
        Ok(Compressed { codes: codes.mapv(f64::from), explained_variance: None, reconstruction_error })
    }
}

/// A parameter that is a whole number of at least 1.
pub(super) fn whole(p: &Parameters, key: &'static str, default: usize) -> Result<usize, EstimatorError> {
    Ok(p.value(key, "it must be a whole number of at least 1", |v: &usize| *v >= 1)?.unwrap_or(default))
}

/// The sum of squared differences.
fn error(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}
