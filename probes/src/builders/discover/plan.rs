//! The dictionary that a bottleneck is to be discovered with, and its training on embeddings.

use super::told;
use crate::train::{Given, Purpose, stream};
use crate::{Observer, ProbeError};
use narrows_dictionaries::train::{Plan, Recipe, Trainer};
use narrows_dictionaries::{Dictionary, variants};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{ArrayView2, Axis};
use rand::seq::SliceRandom;

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

/// What a training can be told.
pub(super) const TRAINING: [ParameterDoc; 8] = [
    doc("variant", "topk", "kind of dictionary: l1, gated, topk, batch-topk, jumprelu, matryoshka"),
    doc("k", "32", "features active in a sample (jumprelu: its target-l0); of no use to l1 and gated"),
    doc("lambda", "the variant's", "weight of the sparsity, for l1, gated and jumprelu"),
    doc("width", "8", "features, as a multiple of the columns of the embeddings"),
    doc("features", "width times the columns", "features, as a number"),
    doc("epochs", "20", "passes over the training rows"),
    doc("batch", "512", "samples of a minibatch"),
    doc("learning-rate", "the variant's", "of Adam"),
];

/// Samples that the trainer's scale and median are taken from, at most.
const START: usize = 4096;

/// A dictionary to be trained.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrainingPlan {
    /// As `narrows_dictionaries::variants` reads it.
    specification: String,
    width: f64,
    features: Option<usize>,
    epochs: usize,
    batch: usize,
}

impl TrainingPlan {
    pub(super) fn read(given: &Given<'_>) -> Result<Self, ProbeError> {
        let variant = given.text("variant");
        let entry = variants::find(variant).map_err(told)?;
        let takes = |name: &str| entry.parameters.iter().any(|p| p.name == name);
        let mut parts = vec![];
        let k = given.count("k")?;
        match ["k", "target-l0"].into_iter().find(|name| takes(name)) {
            Some(name) => parts.push(format!("{name}={k}")),
            None if given.parameters.text("k").is_some() => {
                let rule = format!("{variant} has no such number: its sparsity is set by lambda");
                return Err(given.parameters.bad("k", given.text("k"), &rule).into());
            }
            None => {}
        }
        for name in ["lambda", "learning-rate"] {
            let Some(text) = given.parameters.text(name) else { continue };
            if !takes(name) {
                let rule = format!("{variant} has no such weight: its sparsity is set by k");
                return Err(given.parameters.bad(name, text, &rule).into());
            }
            parts.push(format!("{name}={text}"));
        }
        let specification =
            if parts.is_empty() { variant.to_owned() } else { format!("{variant}:{}", parts.join(",")) };
        variants::variant(&specification).map_err(told)?;
        let features = match given.parameters.text("features") {
            Some(_) => Some(given.count("features")?),
            None => None,
        };
        Ok(Self {
            specification,
            width: given.positive("width")?,
            features,
            epochs: given.count("epochs")?,
            batch: given.count("batch")?,
        })
    }

    /// Trains on embeddings [samples × columns] in an order that follows from the seed.
    pub(super) fn train(
        &self,
        embeddings: ArrayView2<'_, f32>,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Dictionary, ProbeError> {
        let (samples, columns) = embeddings.dim();
        let width = self.features.unwrap_or_else(|| (self.width * columns as f64).round().max(1.0) as usize);
        let batch = self.batch.min(samples);
        let steps = self.epochs as u64 * samples.div_ceil(batch) as u64;
        let recipe = Recipe { name: super::NAME.into(), specification: self.specification.clone(), width, seed };
        let mut order: Vec<usize> = (0..samples).collect();
        order.shuffle(&mut stream(seed, Purpose::Order, 0, 0));
        let start = embeddings.select(Axis(0), &order[..samples.min(START)]);
        let mut trainer = Trainer::new(vec![recipe], Plan { steps, batch }, start.view()).map_err(told)?;
        for epoch in 1..=self.epochs {
            order.shuffle(&mut stream(seed, Purpose::Order, 0, epoch));
            for rows in order.chunks(batch) {
                trainer.step(embeddings.select(Axis(0), rows).view()).map_err(told)?;
            }
            observer.progress(epoch, self.epochs);
        }
        trainer.dictionary(0).map_err(told)
    }
}
