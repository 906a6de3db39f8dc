//! What a training goes on from.

use super::Trainer;
use super::train::Recipe;
use super::weights::Model;
use crate::codebook::Usage;
use crate::{DictionaryError, Moments};
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A training as it is after a step: what is small as JSON, and arrays by name.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps done and how often each code fired.
    pub json: serde_json::Value,
    /// `parameters.NAME`, and the optimiser's `first.NAME` and `second.NAME`.
    pub tensors: BTreeMap<String, ArrayD<f32>>,
}

#[derive(Serialize, Deserialize)]
struct Counts {
    step: u64,
    window: Vec<Vec<u64>>,
    recent: Vec<Vec<u64>>,
}

impl Trainer {
    /// All that the next steps depend on.
    pub fn state(&self) -> State {
        let mut tensors = BTreeMap::new();
        for (name, array) in self.model.parameters() {
            tensors.insert(format!("parameters.{name}"), array.clone());
            if let Some(moments) = self.moments.get(name) {
                for (kind, values) in [("first", &moments.first), ("second", &moments.second)] {
                    if let Ok(array) = ArrayD::from_shape_vec(IxDyn(array.shape()), values.clone()) {
                        tensors.insert(format!("{kind}.{name}"), array);
                    }
                }
            }
        }
        let counts = |usages: &[Usage]| usages.iter().map(|u| u.counts().to_vec()).collect();
        let counts = Counts { step: self.step, window: counts(&self.window), recent: counts(&self.recent) };
        State { json: serde_json::json!(counts), tensors }
    }

    /// Goes on from a state, in the same numbers as if nothing had happened in between.
    ///
    /// # Errors
    /// When the state is of another model, or damaged.
    pub fn restore(
        model: Model,
        recipe: Recipe,
        device: burn::tensor::Device,
        state: State,
    ) -> Result<Self, DictionaryError> {
        let counts: Counts =
            serde_json::from_value(state.json).map_err(|e| DictionaryError::State(format!("its counts: {e}")))?;
        let mut parts: BTreeMap<&str, BTreeMap<String, ArrayD<f32>>> = BTreeMap::new();
        for (name, array) in state.tensors {
            let Some((kind, rest)) = name.split_once('.') else {
                return Err(DictionaryError::State(format!("the array '{name}' is unknown")));
            };
            let kind = match kind {
                "parameters" => "parameters",
                "first" => "first",
                "second" => "second",
                _ => return Err(DictionaryError::State(format!("the array '{name}' is unknown"))),
            };
            parts.entry(kind).or_default().insert(rest.to_owned(), array);
        }
        let mut take = |kind: &str| parts.remove(kind).unwrap_or_default();
        let model = Model::from_parameters(model.config().clone(), take("parameters"))?;
        let mut trainer = Trainer::new(model, recipe, device)?;
        let (mut first, mut second) = (take("first"), take("second"));
        for (name, moments) in &mut trainer.moments {
            let numbers = |from: &mut BTreeMap<String, ArrayD<f32>>| -> Result<Vec<f32>, DictionaryError> {
                let array = from.remove(name);
                let array = array.ok_or_else(|| DictionaryError::State(format!("moments of '{name}' are missing")))?;
                Ok(array.iter().copied().collect())
            };
            let restored = Moments { first: numbers(&mut first)?, second: numbers(&mut second)? };
            if restored.first.len() != moments.first.len() || restored.second.len() != moments.second.len() {
                return Err(DictionaryError::State(format!("moments of '{name}' have another size")));
            }
            *moments = restored;
        }
        for (usages, counts) in [(&mut trainer.window, counts.window), (&mut trainer.recent, counts.recent)] {
            if usages.len() != counts.len() {
                return Err(DictionaryError::State("it counts other codebooks".into()));
            }
            for (usage, counts) in usages.iter_mut().zip(counts) {
                usage.restore(counts)?;
            }
        }
        trainer.step = counts.step;
        Ok(trainer)
    }
}
