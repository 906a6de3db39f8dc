//! The loop of training: minibatches, validation, early stopping.

use super::optimiser::{Optimiser, Step};
use super::options::Schedule;
use super::random::{Purpose, stream};
use super::watch::Watch;
use super::weights::Weights;
use crate::{Bottleneck, Measure, ProbeError};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// What is to be learnt, with its data.
pub(crate) trait Task {
    /// What learns it.
    type Model: Weights;

    /// Adds the gradient of the mean loss over these rows to `into`, and returns that loss in nats.
    fn gradient(&self, model: &Self::Model, rows: &[usize], noise: &mut ChaCha8Rng, into: &mut Self::Model) -> f64;

    /// The mean loss over these rows, with nothing random in it.
    fn loss(&self, model: &Self::Model, rows: &[usize]) -> f64;
}

/// Rows to train on and rows to stop by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) train: Vec<usize>,
    pub(crate) validation: Vec<usize>,
}

impl Split {
    /// A share of `rows` rows at random for validation; none of them when that rounds to none or leaves none.
    pub(crate) fn new(rows: usize, share: f64, seed: u64) -> Self {
        let mut train: Vec<usize> = (0..rows).collect();
        let held = (rows as f64 * share).round() as usize;
        if held == 0 || held >= rows {
            return Self { train, validation: vec![] };
        }
        train.shuffle(&mut stream(seed, Purpose::Split, 0, 0));
        let mut validation = train.split_off(rows - held);
        // In their own order: training shuffles for itself, and sums over rows in order read memory in order.
        train.sort_unstable();
        validation.sort_unstable();
        Self { train, validation }
    }
}

/// One training.
pub(crate) struct Run<'a> {
    /// Name for errors.
    pub(crate) builder: &'static str,
    pub(crate) schedule: &'a Schedule,
    /// How each run of weights is stepped; the last holds for all that follow.
    pub(crate) steps: Vec<Step>,
    pub(crate) seed: u64,
    /// Of the parts of a fit, which: their streams differ.
    pub(crate) part: u16,
}

/// A trained model and how it got there.
#[derive(Debug)]
pub(crate) struct Trained<M> {
    pub(crate) model: M,
    /// Epochs that were run.
    pub(crate) epochs: usize,
    /// The epoch that the model is of: the last, or the best by the validation loss.
    pub(crate) best_epoch: usize,
    /// Mean loss over the training rows in that epoch, each as its minibatch found it; nats.
    pub(crate) loss: f64,
    /// The validation loss of the model, if there are rows for it.
    pub(crate) validation: Option<f64>,
}

/// Names of the measures of a training that is the whole fit.
pub(crate) const WHOLE: [&str; 4] = ["epochs", "best_epoch", "training_loss", "validation_loss"];

/// Rows that are evaluated at once.
const ROWS: usize = 1024;

impl Run<'_> {
    /// Trains `model`, and keeps the epoch of the smallest validation loss if there are rows for that.
    ///
    /// # Errors
    /// When the loss does not stay finite.
    pub(crate) fn train<T: Task>(
        &self,
        task: &T,
        mut model: T::Model,
        split: &Split,
        watch: &mut Watch<'_>,
        bottleneck: impl Fn(&T::Model) -> Box<dyn Bottleneck>,
    ) -> Result<Trained<T::Model>, ProbeError> {
        let Schedule { epochs, batch, patience, .. } = *self.schedule;
        let mut optimiser = Optimiser::new(self.steps.clone(), &model);
        let mut gradient = model.clone();
        let mut order = split.train.clone();
        let mut best: Option<Trained<T::Model>> = None;
        for epoch in 1..=epochs {
            order.copy_from_slice(&split.train);
            order.shuffle(&mut stream(self.seed, Purpose::Order, self.part, epoch));
            let mut noise = stream(self.seed, Purpose::Noise, self.part, epoch);
            let mut total = 0.0;
            for rows in order.chunks(batch) {
                gradient.clear();
                total += task.gradient(&model, rows, &mut noise, &mut gradient) * rows.len() as f64;
                optimiser.step(&mut model, &gradient);
            }
            let loss = total / order.len() as f64;
            let validation = mean_loss(task, &model, &split.validation);
            if let Some(&bad) = [Some(loss), validation].iter().flatten().find(|l| !l.is_finite()) {
                return Err(ProbeError::Diverged { builder: self.builder, epoch, loss: bad });
            }
            watch.epoch(epochs - epoch, || bottleneck(&model));
            let better = match (&best, validation) {
                (Some(best), Some(found)) => best.validation.is_none_or(|least| found < least),
                _ => true,
            };
            match &mut best {
                Some(best) if !better => best.epochs = epoch,
                best => {
                    *best = Some(Trained { model: model.clone(), epochs: epoch, best_epoch: epoch, loss, validation })
                }
            }
            if best.as_ref().is_some_and(|b| epoch - b.best_epoch >= patience) {
                break;
            }
        }
        best.ok_or_else(|| ProbeError::Data(format!("{}: no epoch was asked for", self.builder)))
    }
}

fn mean_loss<T: Task>(task: &T, model: &T::Model, rows: &[usize]) -> Option<f64> {
    let total: f64 = rows.chunks(ROWS).map(|part| task.loss(model, part) * part.len() as f64).sum();
    (!rows.is_empty()).then(|| total / rows.len() as f64)
}

impl<M> Trained<M> {
    /// How the training went, under these names: epochs, best epoch, training loss, validation loss.
    pub(crate) fn measures(&self, names: [&'static str; 4]) -> Vec<Measure> {
        let values = [Some(self.epochs as f64), Some(self.best_epoch as f64), Some(self.loss), self.validation];
        names.into_iter().zip(values).filter_map(|(name, value)| Some(Measure::whole(name, value?))).collect()
    }

    /// What the user should know of a training that could have gone on.
    pub(crate) fn warning(&self, what: &str, schedule: &Schedule) -> Option<String> {
        let unfinished = self.validation.is_some() && self.best_epoch == schedule.epochs && schedule.epochs > 1;
        unfinished.then(|| {
            format!(
                "{what}: the validation loss was still falling in the last of {} epochs; more of them may help",
                schedule.epochs
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unwatched;
    use crate::train::Method;
    use ndarray::{Array2, array};

    /// Learns the mean of its training rows, and is judged on how near zero it is: best early on.
    struct Mean(Vec<f32>);

    impl Task for Mean {
        type Model = Array2<f32>;

        fn gradient(&self, model: &Array2<f32>, rows: &[usize], _: &mut ChaCha8Rng, into: &mut Array2<f32>) -> f64 {
            let mean = rows.iter().map(|&r| self.0[r]).sum::<f32>() / rows.len() as f32;
            into[[0, 0]] += model[[0, 0]] - mean;
            f64::from(model[[0, 0]] - mean).powi(2) / 2.0
        }

        fn loss(&self, model: &Array2<f32>, _: &[usize]) -> f64 {
            f64::from((model[[0, 0]] - 0.5).abs())
        }
    }

    fn schedule(epochs: usize, patience: usize, rate: f32) -> Schedule {
        let step = Step { method: Method::Sgd, rate, decay: 0.0, momentum: 0.0 };
        Schedule { epochs, batch: 4, step, validation: 0.2, patience }
    }

    fn trained(schedule: &Schedule, split: &Split) -> Result<Trained<Array2<f32>>, ProbeError> {
        let steps = vec![schedule.step];
        let run = Run { builder: "test", schedule, steps, seed: 1, part: 0 };
        let mut unwatched = Unwatched;
        let mut watch = Watch::start(&mut unwatched, || unreachable!("nobody asks"));
        run.train(&Mean(vec![1.0; 10]), array![[0.0]], split, &mut watch, |_| unreachable!("nobody asks"))
    }

    #[test]
    fn the_best_epoch_by_validation_is_kept_and_patience_ends_it() {
        // From 0 to 1 in steps that halve the distance twice an epoch: 0.75 after the first, 0.9375 after the second.
        let found = trained(&schedule(50, 3, 0.5), &Split::new(10, 0.2, 0)).unwrap();
        assert_eq!((found.best_epoch, found.epochs, found.model[[0, 0]]), (1, 4, 0.75));
        assert_eq!(found.validation, Some(0.25));
        let all = trained(&schedule(5, 3, 0.5), &Split::new(10, 0.0, 0)).unwrap();
        assert_eq!((all.best_epoch, all.epochs, all.validation), (5, 5, None));
    }

    #[test]
    fn a_loss_that_leaves_the_numbers_is_an_error_that_names_the_epoch() {
        let error = trained(&schedule(500, 500, 50.0), &Split::new(10, 0.0, 0)).unwrap_err().to_string();
        assert!(error.starts_with("test: the loss became") && error.contains("smaller learning rate"), "{error}");
    }

    #[test]
    fn a_split_has_each_row_once_and_follows_the_seed() {
        let split = Split::new(100, 0.2, 7);
        assert_eq!((split.train.len(), split.validation.len()), (80, 20));
        let mut all = [split.train.clone(), split.validation.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert_eq!(Split::new(100, 0.2, 7), split);
        assert_ne!(Split::new(100, 0.2, 8), split);
        assert_eq!(Split::new(4, 0.05, 7).validation, Vec::<usize>::new());
    }
}
