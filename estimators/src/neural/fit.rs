//! The loop of training: minibatches, averaged weights, early stopping.

use super::adam::Adam;
use super::weights::Weights;
use crate::random::{generator, permutation};
use crate::{Estimate, Warning};

/// How long and how fast to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    /// Samples of a minibatch.
    pub(crate) batch: usize,
    /// Most steps.
    pub(crate) steps: usize,
    /// Adam's learning rate.
    pub(crate) rate: f64,
    /// Steps without a better validation value after which to stop.
    pub(crate) patience: usize,
    /// Of the order of the samples.
    pub(crate) seed: u64,
}

/// A trained model and how it got there.
pub(crate) struct Fitted<W> {
    /// The averaged weights of the best step by validation.
    pub(crate) model: W,
    steps: usize,
    best_step: usize,
    converged: bool,
}

impl<W> Fitted<W> {
    /// Whether training stopped because the validation value had stopped rising.
    pub(crate) fn converged(&self) -> bool {
        self.converged
    }

    /// Adds `steps`, `best_step` and, where patience did not run out or no step was better than none,
    /// [`Warning::NotConverged`].
    pub(crate) fn told(&self, estimate: Estimate) -> Estimate {
        let estimate = estimate.with_detail("steps", self.steps as f64).with_detail("best_step", self.best_step as f64);
        // A best step of none means that nothing was learnt, however patiently.
        if self.converged && self.best_step > 0 { estimate } else { estimate.warned(Warning::NotConverged) }
    }
}

/// Steps between two looks at the validation part.
const LOOK: usize = 50;

/// The share of the past in the running average of the weights, in the long run.
const AVERAGE: f32 = 0.99;

/// Trains by Adam on minibatches of the `n` training samples.
///
/// `gradient` adds to its last argument the gradient of the loss over the samples of those numbers; `value` is what
/// early stopping maximises, of samples apart from both the training and whatever the outcome is judged on. Both
/// `value` and the outcome are of an exponential average of the weights over the last hundred steps or so (Polyak &
/// Juditsky 1992), which takes the noise of the minibatches out of them.
pub(crate) fn fit<W: Weights>(
    mut model: W,
    n: usize,
    schedule: &Schedule,
    mut gradient: impl FnMut(&W, &[usize], &mut W),
    value: impl Fn(&W) -> f64,
) -> Fitted<W> {
    let batch = schedule.batch.min(n);
    let mut random = generator(schedule.seed, 1);
    let (mut order, mut at) = (permutation(n, &mut random), 0);
    let (mut adam, mut slope, mut average) = (Adam::new(&model), model.zeros(), model.clone());
    let mut best = Fitted { model: model.clone(), steps: 0, best_step: 0, converged: false };
    let mut highest = value(&model);
    for step in 1..=schedule.steps {
        if at + batch > n {
            (order, at) = (permutation(n, &mut random), 0);
        }
        slope.clear();
        gradient(&model, &order[at..at + batch], &mut slope);
        at += batch;
        adam.step(&mut model, &slope, schedule.rate as f32);
        let past = AVERAGE.min(step as f32 / (step as f32 + 10.0));
        for (a, m) in average.slices_mut().into_iter().zip(model.slices()) {
            a.iter_mut().zip(m).for_each(|(a, m)| *a = past * *a + (1.0 - past) * m);
        }
        best.steps = step;
        if step % LOOK == 0 || step == schedule.steps {
            let found = value(&average);
            if found > highest || !highest.is_finite() {
                highest = found;
                best.model = average.clone();
                best.best_step = step;
            } else if step - best.best_step >= schedule.patience {
                best.converged = true;
                break;
            }
        }
    }
    best
}
