//! The tables of dictionaries: numbers about them, and how their training went.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number about one dictionary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DictionaryRow {
    /// Which dictionary.
    pub dictionary: String,
    /// The variant, with the parameters that were given; the method of a baseline.
    pub variant: String,
    /// The layer or array that it is of.
    pub layer: String,
    /// Features.
    pub width: u64,
    /// Seed of the training.
    pub seed: u64,
    /// `train`, `test` (rows held out), `all`; `fit` for numbers of the training itself.
    pub split: String,
    /// What was measured.
    pub metric: String,
    /// The feature that it is of, from 0 as in every other tool, if of one.
    pub feature: Option<u64>,
    /// The concept that it is of, if of one.
    pub concept: String,
    /// The number; empty where it is not defined.
    pub value: Option<f64>,
    /// Its standard error.
    pub std_error: Option<f64>,
    /// What chance alone would give.
    pub chance: Option<f64>,
    /// Samples that it rests on.
    pub n_samples: u64,
    /// Choices that make several of one metric.
    pub parameters: String,
}

impl Row for DictionaryRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "dictionary", kind: Text, meaning: "dictionary" },
            Column { name: "variant", kind: Text, meaning: "variant with its parameters; method of a baseline" },
            Column { name: "layer", kind: Text, meaning: "layer or array that it is of" },
            Column { name: "width", kind: Integer, meaning: "features" },
            Column { name: "seed", kind: Integer, meaning: "seed of the training" },
            Column {
                name: "split",
                kind: Text,
                meaning: "samples measured on: train, test (held out), all; fit: the training",
            },
            Column { name: "metric", kind: Text, meaning: "what was measured" },
            Column { name: "feature", kind: Integer, meaning: "feature that it is of, from 0, if of one" },
            Column { name: "concept", kind: Text, meaning: "concept that it is of, if of one" },
            Column { name: "value", kind: Real, meaning: "the number; empty where it is not defined" },
            Column { name: "std_error", kind: Real, meaning: "its standard error" },
            Column { name: "chance", kind: Real, meaning: "what chance alone would give" },
            Column { name: "n_samples", kind: Integer, meaning: "samples that it rests on" },
            Column { name: "parameters", kind: Text, meaning: "choices that make several of one metric" },
        ]
    };
}

/// One number of a training at one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DictionaryTrainingRow {
    /// Which dictionary.
    pub dictionary: String,
    /// The variant, with the parameters that were given.
    pub variant: String,
    /// The layer or array that it is of.
    pub layer: String,
    /// Features.
    pub width: u64,
    /// Seed of the training.
    pub seed: u64,
    /// Steps done.
    pub step: u64,
    /// Rows seen, with repetitions.
    pub rows: u64,
    /// `loss`, `mse`, `l0`, `explained_variance`, `dead_share`: means since the row before.
    pub metric: String,
    /// The number.
    pub value: Option<f64>,
}

impl Row for DictionaryTrainingRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "dictionary", kind: Text, meaning: "dictionary" },
            Column { name: "variant", kind: Text, meaning: "variant with its parameters" },
            Column { name: "layer", kind: Text, meaning: "layer or array that it is of" },
            Column { name: "width", kind: Integer, meaning: "features" },
            Column { name: "seed", kind: Integer, meaning: "seed of the training" },
            Column { name: "step", kind: Integer, meaning: "steps done" },
            Column { name: "rows", kind: Integer, meaning: "rows seen, with repetitions" },
            Column { name: "metric", kind: Text, meaning: "what was measured, mean since the row before" },
            Column { name: "value", kind: Real, meaning: "the number" },
        ]
    };
}
