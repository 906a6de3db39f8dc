//! The simulation: one correction after the other, until nothing is left to correct.

use super::human::Human;
use super::paths::Paths;
use super::policy::{Policy, View};
use super::state::{Independent, Model, Propagation, State};
use super::units::Units;
use crate::data::check_finite;
use crate::{Bottleneck, ProbeError};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::collections::VecDeque;

/// Samples that are treated together: enough for matrix products, few enough to stay in the cache.
pub(super) const BATCH: usize = 256;

/// A bottleneck, the samples on which a person corrects it, and how.
#[derive(Debug)]
pub struct Interventions<'a> {
    pub(super) model: Model<'a>,
    pub(super) embeddings: ArrayView2<'a, f64>,
    pub(super) labels: &'a [u32],
    pub(super) truth: ArrayView2<'a, f64>,
    pub(super) units: Units,
    pub(super) human: Human,
    per_cost: bool,
    most_steps: Option<usize>,
}

static INDEPENDENT: Independent = Independent;

impl<'a> Interventions<'a> {
    /// Samples with their embeddings [samples × features], labels and true concepts [samples × concepts] (in the order
    /// of the bottleneck's; NaN where not known: such a concept cannot be corrected), corrected by a person who makes
    /// no mistakes, in any units, until nothing is left.
    ///
    /// # Errors
    /// When the bottleneck has no concepts to correct, the numbers of samples or concepts differ, a label is no class
    /// of the bottleneck, or an embedding is not finite.
    pub fn new(
        bottleneck: &'a dyn Bottleneck,
        embeddings: ArrayView2<'a, f64>,
        labels: &'a [u32],
        truth: ArrayView2<'a, f64>,
        units: Units,
    ) -> Result<Self, ProbeError> {
        let n = embeddings.nrows();
        for (other, what) in [(labels.len(), "labels"), (truth.nrows(), "rows of concepts")] {
            if other != n {
                return Err(ProbeError::LengthMismatch { embeddings: n, other, what });
            }
        }
        if n == 0 {
            return Err(ProbeError::TooSmall { samples: 0, features: embeddings.ncols() });
        }
        check_finite("embeddings", embeddings)?;
        let names = bottleneck.names();
        for (found, what) in [(truth.ncols(), "columns of true concepts"), (units.n_concepts(), "concepts in units")] {
            if found != names.concepts.len() {
                return Err(ProbeError::Shape { what: what.into(), found, expected: names.concepts.len() });
            }
        }
        if let Some(label) = labels.iter().find(|l| **l as usize >= names.classes.len()) {
            return Err(ProbeError::Data(format!(
                "label {label} is no class of the bottleneck, which has {} (from 0)",
                names.classes.len()
            )));
        }
        let model = Model::new(bottleneck, &INDEPENDENT, embeddings)?;
        let human = Human::perfect();
        Ok(Self { model, embeddings, labels, truth, units, human, per_cost: false, most_steps: None })
    }

    /// Another person.
    #[must_use]
    pub fn with_human(mut self, human: Human) -> Self {
        self.human = human;
        self
    }

    /// Policies weigh what a unit promises against its cost.
    #[must_use]
    pub fn per_cost(mut self, per_cost: bool) -> Self {
        self.per_cost = per_cost;
        self
    }

    /// Ends after so many corrections a sample.
    #[must_use]
    pub fn most_steps(mut self, steps: Option<usize>) -> Self {
        self.most_steps = steps;
        self
    }

    /// Lets corrections change what is believed of the other concepts.
    ///
    /// # Errors
    /// As [`Interventions::new`].
    pub fn with_propagation(mut self, propagation: &'a dyn Propagation) -> Result<Self, ProbeError> {
        self.model = Model::new(self.model.bottleneck, propagation, self.embeddings)?;
        Ok(self)
    }

    /// What is corrected at once.
    pub fn units(&self) -> &Units {
        &self.units
    }

    /// Classes of the bottleneck.
    pub fn n_classes(&self) -> usize {
        self.model.bottleneck.names().classes.len()
    }

    /// Labels of the samples.
    pub fn labels(&self) -> &[u32] {
        self.labels
    }

    /// Whether the seed changes what this policy does here.
    pub fn depends_on_seed(&self, policy: &dyn Policy) -> bool {
        policy.is_random() || self.human.is_random()
    }

    #[cfg(test)]
    pub(crate) fn without_shortcut(mut self) -> Self {
        self.model = self.model.without_shortcut();
        self
    }

    #[cfg(test)]
    pub(super) fn has_shortcut(&self) -> bool {
        self.model.has_shortcut()
    }

    /// Corrects every sample in the order of a policy. Results do not depend on the number of threads.
    ///
    /// # Errors
    /// Whatever the bottleneck refuses.
    pub fn simulate(&self, policy: &dyn Policy, seed: u64) -> Result<Paths, ProbeError> {
        let starts: Vec<usize> = (0..self.labels.len()).step_by(BATCH).collect();
        let batches: Result<Vec<Paths>, ProbeError> =
            starts.into_par_iter().map(|first| self.batch(policy, seed, first)).collect();
        Paths::joined(&batches?)
    }

    fn batch(&self, policy: &dyn Policy, seed: u64, first: usize) -> Result<Paths, ProbeError> {
        let end = (first + BATCH).min(self.labels.len());
        let labels = &self.labels[first..end];
        let truth = self.truth.slice_axis(Axis(0), (first..end).into());
        let told = self.human.answers(truth, seed, first);
        let mut state = State::new(&self.model, self.embeddings.slice_axis(Axis(0), (first..end).into()).to_owned())?;
        let n = labels.len();
        let mut open = Array2::from_shape_fn((n, self.units.len()), |(i, u)| {
            self.units.members(u).iter().any(|&c| !told[[i, c]].is_nan())
        });
        let last = self.units.len().min(self.most_steps.unwrap_or(usize::MAX));
        let mut paths = Paths::empty(n, last, truth);
        let mut queues: Vec<VecDeque<usize>> = vec![VecDeque::new(); n];
        let mut stopped = vec![false; n];
        paths.look(0, &state, labels, truth);
        for step in 1..=last {
            let rows: Vec<usize> =
                (0..n).filter(|&i| !stopped[i] && queues[i].is_empty() && open.row(i).iter().any(|&o| o)).collect();
            if !rows.is_empty() {
                let view = View {
                    state: &state,
                    rows: &rows,
                    first,
                    units: &self.units,
                    open: &open,
                    told: told.view(),
                    labels,
                    seed,
                    per_cost: self.per_cost,
                };
                for (&row, next) in rows.iter().zip(policy.next(&view)?) {
                    stopped[row] = next.is_empty();
                    queues[row].extend(next);
                }
            }
            paths.carry(step);
            let mut moved = false;
            for (row, queue) in queues.iter_mut().enumerate() {
                if let Some(unit) = queue.pop_front() {
                    state.correct(row, self.units.members(unit), told.view());
                    open[[row, unit]] = false;
                    paths.spent[[row, step]] += self.units.cost(unit);
                    paths.steps[row] = step;
                    moved = true;
                }
            }
            if moved {
                state.refresh()?;
            }
            paths.look(step, &state, labels, truth);
        }
        Ok(paths)
    }
}
