//! The parameters of a memory, shared by the builder and by the learner of the class-incremental protocol.

use crate::ProbeError;
use crate::train::Given;
use narrows_dictionaries::DictionaryError;
use narrows_dictionaries::key_value::{
    Expiry, KeyPlan, KeyStart, KeyValueMemory, Split, Splitter, ValueMethod, ValueTraining, learn_keys,
};
use narrows_estimators::registry::ParameterDoc;
use ndarray::ArrayView2;

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

/// What a memory is made of, and how its values are trained but for the learning rate.
pub(crate) const MEMORY: [ParameterDoc; 12] = [
    doc("heads", "64", "heads, each with keys of its own"),
    doc("pairs", "256", "key-value pairs of a head"),
    doc("key-dimension", "14", "columns of a random projection"),
    doc("splitter", "projection", "projection (random, unit columns), chunks (a piece a head) or identity"),
    doc(
        "keys",
        "kmeans",
        "kmeans (10 rounds), ema (moving averages from a normal start) or random (samples as they are)",
    ),
    doc("passes", "auto", "passes of moving averages over the embeddings; auto: 10 for ema, else 0"),
    doc("expiry", "0.1", "share of the mean count below which a key is replaced in a pass; 0: never"),
    doc("nearest", "1", "pairs that a head fetches; their values are added"),
    doc("optimiser", "sgd", "sgd or adam, of the values"),
    doc("smoothing", "0.1", "share of a label that is spread over all classes"),
    doc("clip", "1", "longest gradient of a minibatch"),
    doc("mask-unused", "no", "yes: pairs that training never fetched are passed over in predictions"),
];

/// Queries a pair that a head's k-means sees at most: more of them move no centre that matters.
const QUERIES_PER_PAIR: usize = 32;

/// A memory to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MemoryPlan {
    heads: usize,
    pairs: usize,
    key_dimension: usize,
    splitter: Split,
    keys: KeyStart,
    passes: usize,
    expiry: f64,
    nearest: usize,
    method: ValueMethod,
    rate: f64,
    smoothing: f64,
    clip: f64,
    /// Whether predictions pass over pairs that were never used.
    pub(crate) mask: bool,
}

impl MemoryPlan {
    /// Reads the parameters of [`MEMORY`], and `learning-rate`.
    pub(crate) fn read(given: &Given<'_>) -> Result<Self, ProbeError> {
        let splitters = [("projection", Split::Projection), ("chunks", Split::Chunks), ("identity", Split::Identity)];
        let (kmeans, ema) = (KeyStart::KMeans { rounds: 10 }, KeyStart::Normal);
        let keys = given.choice("keys", &[("kmeans", kmeans), ("ema", ema), ("random", KeyStart::Queries)])?;
        let passes = match given.text("passes") {
            "auto" => {
                if keys == ema {
                    10
                } else {
                    0
                }
            }
            _ => given.value("passes", "it must be a whole number, or auto", |_: &usize| true)?,
        };
        Ok(Self {
            heads: given.count("heads")?,
            pairs: given.count("pairs")?,
            key_dimension: given.count("key-dimension")?,
            splitter: given.choice("splitter", &splitters)?,
            keys,
            passes,
            expiry: given.not_negative("expiry")?,
            nearest: given.count("nearest")?,
            method: given.choice("optimiser", &[("sgd", ValueMethod::Sgd), ("adam", ValueMethod::Adam)])?,
            rate: given.positive("learning-rate")?,
            smoothing: given.value("smoothing", "it must be in [0, 1)", |s: &f64| (0.0..1.0).contains(s))?,
            clip: given.positive("clip")?,
            mask: given.yes("mask-unused")?,
        })
    }

    /// A memory for embeddings whose keys are fitted to these, without labels; its values are zero.
    pub(crate) fn memory(
        &self,
        unlabelled: ArrayView2<'_, f32>,
        classes: usize,
        seed: u64,
    ) -> Result<KeyValueMemory, ProbeError> {
        let splitter =
            Splitter::new(self.splitter, unlabelled.ncols(), self.heads, self.key_dimension, seed).map_err(told)?;
        let expiry = if self.expiry > 0.0 { Expiry::Share(self.expiry) } else { Expiry::Off };
        let most_queries = QUERIES_PER_PAIR.saturating_mul(self.pairs);
        let plan =
            KeyPlan { start: self.keys, passes: self.passes, expiry, most_queries, ..KeyPlan::new(self.pairs, seed) };
        let keys = learn_keys(&splitter, unlabelled, &plan).map_err(told)?;
        KeyValueMemory::new(splitter, keys, classes, self.nearest).map_err(told)
    }

    /// The training of its values.
    pub(crate) fn training(&self, memory: &KeyValueMemory) -> Result<ValueTraining, ProbeError> {
        ValueTraining::new(memory, self.method, self.rate, self.smoothing, self.clip).map_err(told)
    }
}

/// What the memory refuses, as this crate says it.
pub(crate) fn told(error: DictionaryError) -> ProbeError {
    ProbeError::Data(format!("key-value: {error}"))
}
