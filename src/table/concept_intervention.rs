//! Corrections of concepts: curves, and what they come to.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number of one policy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConceptInterventionRow {
    /// Which bottleneck.
    pub probe: String,
    /// Policy, as it was given.
    pub policy: String,
    /// Probability that a correction is wrong.
    pub error_rate: f64,
    /// `single` or `group`: what is corrected at once.
    pub units: String,
    /// `number` or `cost`: what `amount` counts.
    pub axis: String,
    /// Corrections, or their cost, a sample; empty for numbers of the whole curve.
    pub amount: Option<f64>,
    /// What was measured.
    pub metric: String,
    /// The number.
    pub value: f64,
    /// Standard error over samples and seeds.
    pub std_error: Option<f64>,
    /// Lower end of the 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Seeds of the random parts.
    pub seeds: u64,
    /// Samples.
    pub n_samples: u64,
}

impl Row for ConceptInterventionRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "policy", kind: Text, meaning: "which concept is corrected next, as it was given" },
            Column {
                name: "error_rate",
                kind: Real,
                meaning: "probability that a correction is wrong; 1: an adversary",
            },
            Column { name: "units", kind: Text, meaning: "corrected at once: single concepts, or a group" },
            Column { name: "axis", kind: Text, meaning: "what amount counts: number of corrections, or their cost" },
            Column {
                name: "amount",
                kind: Real,
                meaning: "corrections a sample; empty for numbers of the whole curve",
            },
            Column {
                name: "metric",
                kind: Text,
                meaning: "accuracy, balanced_accuracy, concept_accuracy, true_class_probability, corrected; of the whole curve auc_*, first_*, harmful_steps, ever_harmed",
            },
            Column { name: "value", kind: Real, meaning: "the number" },
            Column { name: "std_error", kind: Real, meaning: "its standard error over samples and seeds" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of the 95 % interval" },
            Column { name: "ci_high", kind: Real, meaning: "upper end" },
            Column { name: "seeds", kind: Integer, meaning: "seeds of the policy's and the person's randomness" },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
        ]
    };
}
