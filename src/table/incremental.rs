//! Class-incremental learning: accuracies along a stream, and what the stream comes to.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number of one learner in one stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct IncrementalRow {
    /// Learner, as it was given.
    pub learner: String,
    /// `stream`, or `iid` for the control.
    pub order: String,
    /// Seed of the stream and the learner.
    pub seed: u64,
    /// The block that is there, from 1; empty for numbers of the whole stream.
    pub block: Option<u64>,
    /// Iterations since it came.
    pub step: Option<u64>,
    /// Iterations since the beginning.
    pub iteration: Option<u64>,
    /// `all` or `some` of the test samples.
    pub tested: String,
    /// The block whose classes are tested, from 1.
    pub task: Option<u64>,
    /// Names of those classes.
    pub classes: String,
    /// What was measured.
    pub metric: String,
    /// The number.
    pub value: f64,
    /// Test samples.
    pub n_samples: Option<u64>,
}

/// One number of one learner, over seeds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct IncrementalSummaryRow {
    /// Learner, as it was given.
    pub learner: String,
    /// `stream`, or `iid` for the control.
    pub order: String,
    /// The block that is there, from 1; empty for numbers of the whole stream, and over all boundaries.
    pub block: Option<u64>,
    /// Iterations since it came; empty at its end.
    pub step: Option<u64>,
    /// The block whose classes are tested, from 1.
    pub task: Option<u64>,
    /// What was measured.
    pub metric: String,
    /// Mean over seeds.
    pub mean: f64,
    /// Its standard error; empty for a single seed.
    pub std_error: Option<f64>,
    /// Lower end of the 95 % interval by Student's t.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Seeds.
    pub seeds: u64,
}

/// One number of an unlearnt class.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UnlearningRow {
    /// Learner, as it was given.
    pub learner: String,
    /// Seed.
    pub seed: u64,
    /// The class whose pairs are masked.
    pub class: String,
    /// Pairs masked.
    pub masked: u64,
    /// What was measured.
    pub metric: String,
    /// The number.
    pub value: f64,
}

use ColumnKind::{Integer, Real, Text};

const LEARNER: Column = Column { name: "learner", kind: Text, meaning: "learner, as it was given" };
const ORDER: Column = Column {
    name: "order",
    kind: Text,
    meaning: "stream: blocks of classes one after the other; iid: the control, all classes mixed",
};
const TASK: Column = Column {
    name: "task",
    kind: Integer,
    meaning: "the block whose classes are tested, from 1; empty: all that the metric says",
};

impl Row for IncrementalRow {
    const COLUMNS: &'static [Column] = &[
        LEARNER,
        ORDER,
        Column { name: "seed", kind: Integer, meaning: "seed of the order of the classes and of the learner" },
        Column {
            name: "block",
            kind: Integer,
            meaning: "the block that is there, from 1; empty for numbers of the whole stream",
        },
        Column { name: "step", kind: Integer, meaning: "iterations since the block came; 0: before its first" },
        Column { name: "iteration", kind: Integer, meaning: "iterations since the beginning" },
        Column { name: "tested", kind: Text, meaning: "all test samples (at the end of a block), or some" },
        TASK,
        Column { name: "classes", kind: Text, meaning: "names of the task's classes, joined by spaces" },
        Column {
            name: "metric",
            kind: Text,
            meaning: "accuracy_task, accuracy_seen (all blocks that have come), accuracy_all; of the whole stream final_accuracy, average_accuracy, forgetting, min_accuracy, worst_case_accuracy",
        },
        Column { name: "value", kind: Real, meaning: "the number" },
        Column { name: "n_samples", kind: Integer, meaning: "test samples" },
    ];
}

impl Row for IncrementalSummaryRow {
    const COLUMNS: &'static [Column] = &[
        LEARNER,
        ORDER,
        Column {
            name: "block",
            kind: Integer,
            meaning: "the block that is there, from 1; empty for numbers of the whole stream, or over all boundaries",
        },
        Column { name: "step", kind: Integer, meaning: "iterations since a block came; empty at a block's end" },
        TASK,
        Column {
            name: "metric",
            kind: Text,
            meaning: "as in incremental.csv; with a step accuracy_earlier: on the blocks before the one that is there, over all boundaries",
        },
        Column { name: "mean", kind: Real, meaning: "mean over seeds" },
        Column { name: "std_error", kind: Real, meaning: "its standard error; empty for a single seed" },
        Column { name: "ci_low", kind: Real, meaning: "lower end of the 95 % interval by Student's t" },
        Column { name: "ci_high", kind: Real, meaning: "upper end" },
        Column { name: "seeds", kind: Integer, meaning: "seeds" },
    ];
}

impl Row for UnlearningRow {
    const COLUMNS: &'static [Column] = &[
        LEARNER,
        Column { name: "seed", kind: Integer, meaning: "seed of the learner" },
        Column { name: "class", kind: Text, meaning: "class whose most fetched pairs are masked" },
        Column { name: "masked", kind: Integer, meaning: "pairs masked, of all heads" },
        Column {
            name: "metric",
            kind: Text,
            meaning: "accuracy_class: on its test samples; accuracy_others: on those of the others",
        },
        Column { name: "value", kind: Real, meaning: "the number" },
    ];
}
