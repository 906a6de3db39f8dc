//! Conditional probabilities of concepts and classes, and how well they agree.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One probability, in one way to know it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConceptConditionalRow {
    /// Which bottleneck.
    pub probe: String,
    /// `exact`, `sampled`, `counted`, `data` or `truth`.
    pub method: String,
    /// `class`, `concept`, `concept_given_class`, ….
    pub quantity: String,
    /// y, where there is one.
    pub class: String,
    /// c_k, where there is one.
    pub concept: String,
    /// c_j, where there is one.
    pub given: String,
    /// The concepts of c that are present, where it is about a whole pattern.
    pub pattern: String,
    /// The probability.
    pub value: Option<f64>,
    /// Its standard error, where the method has one.
    pub std_error: Option<f64>,
    /// How much the condition occurs.
    pub n: Option<f64>,
    /// Warnings.
    pub flags: String,
}

impl Row for ConceptConditionalRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column {
                name: "method",
                kind: Text,
                meaning: "exact or sampled (the model), counted (its predictions), data (true labels), truth (the law)",
            },
            Column {
                name: "quantity",
                kind: Text,
                meaning: "class p(y), concept p(c_k), concept_given_class, concept_given_concept, \
                          concept_given_class_and_concept, pair, pair_given_class, pattern p(c), pattern_given_class, \
                          class_given_pattern",
            },
            Column { name: "class", kind: Text, meaning: "class y, where there is one" },
            Column { name: "concept", kind: Text, meaning: "concept c_k that is present, where there is one" },
            Column {
                name: "given",
                kind: Text,
                meaning: "concept c_j that is known to be present; of a pair its other concept",
            },
            Column {
                name: "pattern",
                kind: Text,
                meaning: "of a whole pattern: the concepts that are present, joined by +, or (none)",
            },
            Column { name: "value", kind: Real, meaning: "the probability; empty where the condition never occurs" },
            Column {
                name: "std_error",
                kind: Real,
                meaning: "standard error: over draws (sampled), binomial (counted, data); exact and truth have none",
            },
            Column {
                name: "n",
                kind: Real,
                meaning: "how much the condition occurs: samples (counted, data), effective draws (sampled), expected \
                          samples (exact, truth)",
            },
            Column {
                name: "flags",
                kind: Text,
                meaning: "few-draws (fewer than 100 effective ones), few-samples (fewer than --least)",
            },
        ]
    };
}

/// How well one way agrees with another.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConceptAgreementRow {
    /// Which bottleneck.
    pub probe: String,
    /// The way that is judged.
    pub method: String,
    /// The way that it is held against: `data` or `truth`.
    pub reference: String,
    /// As in the table of probabilities.
    pub quantity: String,
    /// Entries compared.
    pub entries: u64,
    /// Entries left out.
    pub left_out: u64,
    /// Pearson's correlation.
    pub correlation: Option<f64>,
    /// Mean absolute difference.
    pub mean_absolute_error: Option<f64>,
    /// What it would be of a method that is right.
    pub noise: Option<f64>,
    /// Least support of a condition in the reference.
    pub least: f64,
    /// Samples.
    pub n_samples: u64,
}

impl Row for ConceptAgreementRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "method", kind: Text, meaning: "exact, sampled, counted or data: what is judged" },
            Column { name: "reference", kind: Text, meaning: "data or truth: what it is held against" },
            Column { name: "quantity", kind: Text, meaning: "as in conditional.csv" },
            Column {
                name: "entries",
                kind: Integer,
                meaning: "entries compared: of all classes and concepts, whatever was written",
            },
            Column {
                name: "left_out",
                kind: Integer,
                meaning: "entries whose condition the reference has on fewer samples than least, or one of the two never has",
            },
            Column {
                name: "correlation",
                kind: Real,
                meaning: "Pearson's, over the entries; empty where they do not vary",
            },
            Column { name: "mean_absolute_error", kind: Real, meaning: "mean absolute difference over the entries" },
            Column {
                name: "noise",
                kind: Real,
                meaning: "expected mean absolute difference if the method were right and the data drawn from it",
            },
            Column {
                name: "least",
                kind: Real,
                meaning: "samples (of truth: expected ones) that a condition must have in the reference",
            },
            Column { name: "n_samples", kind: Integer, meaning: "samples whose mean p(c) is" },
        ]
    };
}
