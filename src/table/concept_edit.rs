//! Edits of a bottleneck: before and after.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number before and after an edit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConceptEditRow {
    /// Which bottleneck.
    pub probe: String,
    /// `edit` for the user's; `random` for as many random prunes; `greedy` and `fine-tuned` for what target data point at.
    pub edit: String,
    /// Samples measured on.
    pub split: String,
    /// `accuracy`, `balanced_accuracy`, `recall`, `precision`.
    pub metric: String,
    /// The class that it is of, if of one.
    pub class: String,
    /// Whether the edit is of this class.
    pub edited: String,
    /// Before.
    pub before: Option<f64>,
    /// After; of `random` the mean over the draws.
    pub after: Option<f64>,
    /// After − before.
    pub gain: Option<f64>,
    /// Paired bootstrap over samples; of `random` the standard deviation over draws.
    pub std_error: Option<f64>,
    /// Lower end of the 95 % interval of the gain; of `random` the 2.5 % quantile of the draws.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Exact McNemar test; of `random` the share of draws that gain as much as the edit.
    pub p_value: Option<f64>,
    /// Samples.
    pub n_samples: u64,
    /// Draws of random prunes.
    pub draws: Option<u64>,
    /// Choices and warnings.
    pub flags: String,
}

impl Row for ConceptEditRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "edit", kind: Text, meaning: "edit (the one asked for), random, greedy, fine-tuned" },
            Column {
                name: "split",
                kind: Text,
                meaning: "samples measured on: test (the model's own), target, target-half",
            },
            Column { name: "metric", kind: Text, meaning: "accuracy, balanced_accuracy; of a class recall, precision" },
            Column { name: "class", kind: Text, meaning: "class that it is of, if of one" },
            Column { name: "edited", kind: Text, meaning: "yes where the edit changes a weight of this class" },
            Column { name: "before", kind: Real, meaning: "before the edit" },
            Column { name: "after", kind: Real, meaning: "after it; of random the mean over draws" },
            Column { name: "gain", kind: Real, meaning: "after − before" },
            Column {
                name: "std_error",
                kind: Real,
                meaning: "of the gain: paired bootstrap over samples; of random the standard deviation over draws",
            },
            Column {
                name: "ci_low",
                kind: Real,
                meaning: "lower end of the gain's 95 % interval; of random the 2.5 % quantile of the draws",
            },
            Column { name: "ci_high", kind: Real, meaning: "upper end; of random the 97.5 % quantile" },
            Column {
                name: "p_value",
                kind: Real,
                meaning: "exact McNemar test (accuracy, recall); of random the share of draws that gain as much as the edit",
            },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
            Column { name: "draws", kind: Integer, meaning: "of random: how many prunes were tried" },
            Column { name: "flags", kind: Text, meaning: "choices and warnings" },
        ]
    };
}

/// One draw of random prunes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptPruneRow {
    /// Which bottleneck.
    pub probe: String,
    /// Number of the draw, from 1.
    pub draw: u64,
    /// What was pruned, as CLASS:CONCEPT joined by ` + `.
    pub prunes: String,
    /// Samples measured on.
    pub split: String,
    /// `accuracy`, or `recall` of the edited classes together.
    pub metric: String,
    /// After − before.
    pub gain: f64,
}

impl Row for ConceptPruneRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "draw", kind: Integer, meaning: "number of the draw, from 1" },
            Column { name: "prunes", kind: Text, meaning: "what was pruned, as CLASS:CONCEPT joined by +" },
            Column { name: "split", kind: Text, meaning: "samples measured on" },
            Column {
                name: "metric",
                kind: Text,
                meaning: "accuracy, or recall over the samples of the edited classes",
            },
            Column { name: "gain", kind: Real, meaning: "after − before" },
        ]
    };
}
