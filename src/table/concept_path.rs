//! Accuracy along the path of a sparse predictor.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// The accuracy at one penalty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptPathRow {
    /// Which bottleneck.
    pub probe: String,
    /// Penalty λ.
    pub lambda: f64,
    /// Mean number of concepts with a weight a class.
    pub concepts_per_class: f64,
    /// `train` or `test`.
    pub split: String,
    /// Share of right predictions.
    pub accuracy: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Samples that it rests on.
    pub n_samples: u64,
    /// Seed of the split and the bank.
    pub seed: u64,
}

impl Row for ConceptPathRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck, by its specification" },
            Column { name: "lambda", kind: Real, meaning: "penalty" },
            Column { name: "concepts_per_class", kind: Real, meaning: "mean number of concepts with a weight a class" },
            Column { name: "split", kind: Text, meaning: "train or test" },
            Column { name: "accuracy", kind: Real, meaning: "share of right predictions" },
            Column { name: "std_error", kind: Real, meaning: "its standard error" },
            Column { name: "n_samples", kind: Integer, meaning: "samples that it rests on" },
            Column { name: "seed", kind: Integer, meaning: "seed of the split and the bank" },
        ]
    };
}
