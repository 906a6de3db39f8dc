//! What features are called.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// The name of a feature; a feature whose decoder row is zero has an empty one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FeatureNameRow {
    /// Which dictionary.
    pub dictionary: String,
    /// The feature, from 0 as in every other tool.
    pub feature: u64,
    /// Its name.
    pub name: String,
    /// Cosine of the name and the decoder row.
    pub score: Option<f64>,
    /// The nearest other word.
    pub runner_up: String,
    /// The name's cosine less the runner-up's.
    pub margin: Option<f64>,
    /// Other features of the same name.
    pub duplicates: Option<u64>,
    /// The nearest words with their cosines, the nearest first.
    pub nearest: String,
    /// Share of the samples looked at on which the feature is active.
    pub density: Option<f64>,
    /// The concept whose name lies nearest to the feature's, where that is near enough.
    pub concept: String,
    /// Cosine of both names.
    pub concept_similarity: Option<f64>,
    /// Area under the ROC curve of the activation for the concept.
    pub auc: Option<f64>,
    /// Share of the samples on which the feature is active that have the concept.
    pub precision: Option<f64>,
    /// Share of the concept's samples on which the feature is active.
    pub recall: Option<f64>,
    /// Share of samples that have the concept.
    pub prevalence: Option<f64>,
}

impl Row for FeatureNameRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "dictionary", kind: Text, meaning: "dictionary" },
            Column { name: "feature", kind: Integer, meaning: "feature, from 0" },
            Column { name: "name", kind: Text, meaning: "its name; empty for a decoder row of zeros" },
            Column { name: "score", kind: Real, meaning: "cosine of the name and the decoder row" },
            Column { name: "runner_up", kind: Text, meaning: "the nearest other word" },
            Column { name: "margin", kind: Real, meaning: "the name's cosine less the runner-up's" },
            Column { name: "duplicates", kind: Integer, meaning: "other features of the same name" },
            Column { name: "nearest", kind: Text, meaning: "the nearest words with their cosines" },
            Column { name: "density", kind: Real, meaning: "share of samples on which the feature is active" },
            Column { name: "concept", kind: Text, meaning: "concept whose name lies nearest to the feature's" },
            Column { name: "concept_similarity", kind: Real, meaning: "cosine of both names" },
            Column { name: "auc", kind: Real, meaning: "area under the ROC curve of the activation for the concept" },
            Column {
                name: "precision",
                kind: Real,
                meaning: "share of samples where it is active that have the concept",
            },
            Column { name: "recall", kind: Real, meaning: "share of the concept's samples where it is active" },
            Column { name: "prevalence", kind: Real, meaning: "share of samples that have the concept" },
        ]
    };
}
