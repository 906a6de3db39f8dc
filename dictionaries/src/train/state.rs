//! A training on its way, as numbers that can be kept.

use super::learner::Learner;
use super::progress::{Inputs, Sums};
use super::{Plan, Recipe, Trainer};
use crate::DictionaryError;
use crate::kernel::Matrix;
use crate::variants::{self, Variant, Weights};
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a training needs to go on: numbers, and arrays by name. Whoever calls keeps them.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Counters and sums.
    pub json: serde_json::Value,
    /// Weights and moments, as `0.encoder`, `0.first.encoder`, `0.second.encoder`, …: the number is the recipe's.
    pub tensors: BTreeMap<String, ArrayD<f32>>,
}

#[derive(Serialize, Deserialize)]
struct Counters {
    format: u32,
    steps: u64,
    batch: usize,
    steps_done: u64,
    inputs: Inputs,
    dictionaries: Vec<One>,
}

#[derive(Serialize, Deserialize)]
struct One {
    name: String,
    specification: String,
    width: usize,
    seed: u64,
    scale: f32,
    threshold: Option<f64>,
    silent: Vec<u64>,
    sums: Sums,
}

/// The layout that this version writes.
const FORMAT: u32 = 1;

pub(super) fn save(trainer: &Trainer) -> State {
    let one = |l: &Learner| One {
        name: l.recipe.name.clone(),
        specification: l.recipe.specification.clone(),
        width: l.recipe.width,
        seed: l.recipe.seed,
        scale: l.scale,
        threshold: l.threshold,
        silent: l.silent.clone(),
        sums: l.sums.clone(),
    };
    let counters = Counters {
        format: FORMAT,
        steps: trainer.plan.steps,
        batch: trainer.plan.batch,
        steps_done: trainer.steps_done,
        inputs: trainer.inputs.clone(),
        dictionaries: trainer.learners.iter().map(one).collect(),
    };
    let mut tensors = BTreeMap::new();
    for (i, learner) in trainer.learners.iter().enumerate() {
        let variant = &*learner.settings.variant;
        put(&mut tensors, &format!("{i}."), variant, &learner.weights);
        put(&mut tensors, &format!("{i}.first."), variant, &learner.moments.first);
        put(&mut tensors, &format!("{i}.second."), variant, &learner.moments.second);
    }
    State { json: serde_json::to_value(counters).unwrap_or_default(), tensors }
}

pub(super) fn load(recipes: Vec<Recipe>, plan: Plan, state: State) -> Result<Trainer, DictionaryError> {
    let bad = |what: String| DictionaryError::State(what);
    let counters: Counters = serde_json::from_value(state.json).map_err(|e| bad(e.to_string()))?;
    if counters.format != FORMAT {
        return Err(bad(format!("its layout is number {}, and this version reads {FORMAT}", counters.format)));
    }
    if (counters.steps, counters.batch) != (plan.steps, plan.batch) {
        return Err(bad(format!(
            "it is of a plan of {} steps of {} samples, and {} steps of {} are asked for",
            counters.steps, counters.batch, plan.steps, plan.batch
        )));
    }
    if counters.dictionaries.len() != recipes.len() {
        let found = counters.dictionaries.len();
        return Err(bad(format!("it is of {found} dictionaries, and {} are asked for", recipes.len())));
    }
    let mut tensors = state.tensors;
    let mut learners = Vec::with_capacity(recipes.len());
    for (i, (recipe, one)) in recipes.into_iter().zip(counters.dictionaries).enumerate() {
        let same = (&one.specification, one.width, one.seed) == (&recipe.specification, recipe.width, recipe.seed);
        if !same {
            return Err(bad(format!(
                "its dictionary {i} is {} of {} features with seed {}, and {} of {} with seed {} is asked for",
                one.specification, one.width, one.seed, recipe.specification, recipe.width, recipe.seed
            )));
        }
        if one.silent.len() != one.width {
            return Err(bad(format!("{} counters for {} features", one.silent.len(), one.width)));
        }
        let (_, settings) = variants::settings(&recipe.specification)?;
        let variant = &*settings.variant;
        let inputs = tensors.get(&format!("{i}.bias")).map_or(0, |b| b.len());
        let mut take = |prefix: String| take(&mut tensors, &prefix, variant, one.width, inputs);
        let weights = take(format!("{i}."))?;
        let (first, second) = (take(format!("{i}.first."))?, take(format!("{i}.second."))?);
        let mut learner = Learner::with_weights(recipe, settings, plan, one.scale, weights);
        learner.moments = super::adam::Moments { first, second };
        learner.silent = one.silent;
        learner.threshold = one.threshold;
        learner.sums = one.sums;
        learners.push(learner);
    }
    let mut trainer = Trainer::of(learners, plan)?;
    trainer.steps_done = counters.steps_done;
    trainer.inputs = counters.inputs;
    Ok(trainer)
}

fn put(tensors: &mut BTreeMap<String, ArrayD<f32>>, prefix: &str, variant: &dyn Variant, weights: &Weights) {
    let vector = |v: &[f32]| ndarray::Array1::from_vec(v.to_vec()).into_dyn();
    tensors.insert(format!("{prefix}encoder"), weights.encoder.to_array().into_dyn());
    tensors.insert(format!("{prefix}decoder"), weights.decoder.to_array().into_dyn());
    tensors.insert(format!("{prefix}encoder_bias"), vector(&weights.encoder_bias));
    tensors.insert(format!("{prefix}bias"), vector(&weights.bias));
    for ((name, _), own) in variant.own().iter().zip(&weights.own) {
        tensors.insert(format!("{prefix}{name}"), vector(own));
    }
}

fn take(
    tensors: &mut BTreeMap<String, ArrayD<f32>>,
    prefix: &str,
    variant: &dyn Variant,
    width: usize,
    inputs: usize,
) -> Result<Weights, DictionaryError> {
    let mut get = |name: &str, shape: &[usize]| {
        let key = format!("{prefix}{name}");
        let found = tensors.remove(&key).ok_or_else(|| DictionaryError::State(format!("{key} is missing")))?;
        if found.shape() != shape {
            return Err(DictionaryError::State(format!("{key} has the shape {:?}, not {shape:?}", found.shape())));
        }
        Ok(found.iter().copied().collect::<Vec<f32>>())
    };
    let mut encoder = Matrix::zeros(width, inputs);
    encoder.data_mut().copy_from_slice(&get("encoder", &[width, inputs])?);
    let mut decoder = Matrix::zeros(width, inputs);
    decoder.data_mut().copy_from_slice(&get("decoder", &[width, inputs])?);
    let (encoder_bias, bias) = (get("encoder_bias", &[width])?, get("bias", &[inputs])?);
    let own: Result<Vec<_>, _> = variant.own().iter().map(|(name, _)| get(name, &[width])).collect();
    Ok(Weights { encoder, encoder_bias, decoder, bias, own: own? })
}
