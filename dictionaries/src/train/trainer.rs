//! Several dictionaries on the same batches.

use super::learner::Learner;
use super::progress::Inputs;
use super::{Plan, Progress, Recipe, State, schedule, start, state};
use crate::dictionary::finite;
use crate::{Dictionary, DictionaryError};
use ndarray::ArrayView2;

/// Trains several dictionaries at once: each sees the same batches, and none depends on which others are there.
pub struct Trainer {
    pub(super) plan: Plan,
    pub(super) learners: Vec<Learner>,
    pub(super) steps_done: u64,
    pub(super) inputs: Inputs,
}

impl Trainer {
    /// At the start. Scale and geometric median of the inputs are taken from the rows of `start` [samples × inputs], which
    /// should be some thousand rows drawn as the batches are.
    ///
    /// # Errors
    /// When a specification is wrong, there is no recipe, no step or no row, or a value is not finite.
    pub fn new(recipes: Vec<Recipe>, plan: Plan, start: ArrayView2<f32>) -> Result<Self, DictionaryError> {
        if start.nrows() == 0 || start.ncols() == 0 {
            return Err(DictionaryError::TooFew { what: "activations to start from", found: start.nrows(), needed: 1 });
        }
        finite("activations to start from", start)?;
        let (scale, median) = (start::scale(start), start::geometric_median(start));
        let learners: Result<_, _> =
            recipes.into_iter().map(|recipe| Learner::new(recipe, plan, scale, &median)).collect();
        Self::of(learners?, plan)
    }

    pub(super) fn of(learners: Vec<Learner>, plan: Plan) -> Result<Self, DictionaryError> {
        if learners.is_empty() {
            return Err(DictionaryError::TooFew { what: "dictionaries to train", found: 0, needed: 1 });
        }
        if plan.steps == 0 {
            let rule = "a training needs at least one step";
            return Err(DictionaryError::BadParameter { name: "steps", value: 0.0, rule });
        }
        Ok(Self { plan, learners, steps_done: 0, inputs: Inputs::default() })
    }

    /// One step of every dictionary on `batch` [samples × inputs].
    ///
    /// # Errors
    /// When the batch has another width or no rows, a value of it is not finite, the plan's steps are done, or a loss
    /// stops being finite.
    pub fn step(&mut self, batch: ArrayView2<f32>) -> Result<(), DictionaryError> {
        if batch.ncols() != self.n_inputs() {
            return Err(DictionaryError::WrongWidth { found: batch.ncols(), expected: self.n_inputs() });
        }
        if batch.nrows() == 0 {
            return Err(DictionaryError::TooFew { what: "a batch", found: 0, needed: 1 });
        }
        if self.steps_done >= self.plan.steps {
            let told = format!("all {} steps of the plan are done: there is nothing to train", self.plan.steps);
            return Err(DictionaryError::Data(told));
        }
        finite("batch", batch)?;
        for learner in &mut self.learners {
            learner.step(batch, self.steps_done)?;
        }
        self.inputs.add(batch);
        self.steps_done += 1;
        Ok(())
    }

    /// Steps so far.
    pub fn steps_done(&self) -> u64 {
        self.steps_done
    }

    /// Columns of the activations.
    pub fn n_inputs(&self) -> usize {
        self.learners.first().map_or(0, |l| l.weights.bias.len())
    }

    /// Dictionaries, in the order of the recipes.
    pub fn len(&self) -> usize {
        self.learners.len()
    }

    /// Always false: a trainer has at least one dictionary.
    pub fn is_empty(&self) -> bool {
        self.learners.is_empty()
    }

    /// How each dictionary did since the last call.
    pub fn progress(&mut self) -> Vec<Progress> {
        let inputs = std::mem::take(&mut self.inputs);
        let (plan, last) = (self.plan, self.steps_done.saturating_sub(1));
        let told = |learner: &mut Learner| {
            let sums = std::mem::take(&mut learner.sums);
            let dead_share = learner.dead().len() as f64 / learner.recipe.width as f64;
            sums.told(&inputs, dead_share, schedule::learning_rate(plan, &learner.settings.common, last))
        };
        self.learners.iter_mut().map(told).collect()
    }

    /// The dictionary of recipe `i` as it is now, for activations as they are: the scale is folded in.
    ///
    /// # Errors
    /// When there is no such recipe.
    pub fn dictionary(&self, i: usize) -> Result<Dictionary, DictionaryError> {
        let missing = || DictionaryError::Data(format!("there is no dictionary {i} (counted from 0)"));
        self.learners.get(i).map(Learner::dictionary).ok_or_else(missing)
    }

    /// Everything that [`Trainer::restore`] needs to go on as if nothing had happened.
    pub fn state(&self) -> State {
        state::save(self)
    }

    /// Goes on from a state of the same recipes and plan; steps are the same to the bit.
    ///
    /// # Errors
    /// When the state is of other recipes or another plan, or is damaged.
    pub fn restore(recipes: Vec<Recipe>, plan: Plan, state: State) -> Result<Self, DictionaryError> {
        state::load(recipes, plan, state)
    }
}
