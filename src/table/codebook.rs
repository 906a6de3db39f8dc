//! The tables of codebooks in a transformer: numbers, codes at states, steering.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number about a transformer or one of its codebooks, of its training or of an evaluation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CodebookRow {
    /// `codebook` for the model with codebooks, `plain` for that without.
    pub model: String,
    /// Steps of training done.
    pub step: u64,
    /// Layer from 1, if of one.
    pub layer: Option<u64>,
    /// `attention` or `mlp`, if of one.
    pub part: String,
    /// What was measured.
    pub metric: String,
    /// The number.
    pub value: Option<f64>,
    /// Its standard error.
    pub std_error: Option<f64>,
    /// What the best possible model has, or what chance gives.
    pub reference: Option<f64>,
    /// Sequences, states or pairs that it rests on.
    pub n: Option<u64>,
}

impl Row for CodebookRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "model", kind: Text, meaning: "codebook: the model with codebooks; plain: that without" },
            Column { name: "step", kind: Integer, meaning: "steps of training done" },
            Column { name: "layer", kind: Integer, meaning: "layer from 1, if of one" },
            Column { name: "part", kind: Text, meaning: "attention or mlp, if of one" },
            Column { name: "metric", kind: Text, meaning: "what was measured" },
            Column { name: "value", kind: Real, meaning: "the number; losses and divergences in nats" },
            Column { name: "std_error", kind: Real, meaning: "its standard error" },
            Column { name: "reference", kind: Real, meaning: "what the best possible model has, or random pairs" },
            Column { name: "n", kind: Integer, meaning: "sequences, states or pairs that it rests on" },
        ]
    };
}

/// A code at a state.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CodeRow {
    /// Layer from 1.
    pub layer: u64,
    /// `attention` or `mlp`.
    pub part: String,
    /// Head from 1; empty for an MLP.
    pub head: Option<u64>,
    /// Code from 0 in its codebook.
    pub code: u64,
    /// State from 0.
    pub state: u64,
    /// Share of the code's tokens that are the state's last digit.
    pub precision: f64,
    /// Share of the state's last digits at which the code fires.
    pub recall: f64,
    /// Tokens at which the code fired.
    pub count: u64,
    /// `yes` for the state's best code.
    pub best: String,
    /// Of a best code: precision of the best neuron of the plain model at the same recall.
    pub neuron_precision: Option<f64>,
}

impl Row for CodeRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "layer", kind: Integer, meaning: "layer from 1" },
            Column { name: "part", kind: Text, meaning: "attention or mlp" },
            Column { name: "head", kind: Integer, meaning: "head from 1, empty for an MLP" },
            Column { name: "code", kind: Integer, meaning: "code, from 0 in its codebook" },
            Column { name: "state", kind: Integer, meaning: "state, from 0" },
            Column {
                name: "precision",
                kind: Real,
                meaning: "share of the code's tokens that are the state's last digit",
            },
            Column { name: "recall", kind: Real, meaning: "share of the state's last digits at which the code fires" },
            Column { name: "count", kind: Integer, meaning: "tokens at which the code fired" },
            Column {
                name: "best",
                kind: Text,
                meaning: "yes where the smaller of precision and recall is the state's largest",
            },
            Column {
                name: "neuron_precision",
                kind: Real,
                meaning: "of a state's best code: precision of the plain model's best neuron at the same recall",
            },
        ]
    };
}

/// A pair of states, with the codes of the second put where the first is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SteeringRow {
    /// At which codebooks: `none`, `attention_1`, …, `attention`, `mlp`, `all`.
    pub components: String,
    /// State that is read, from 0.
    pub from: u64,
    /// State whose codes are put in place.
    pub to: u64,
    /// Divergence of the next-state distribution from the model's own after `to`, in nats.
    pub divergence: f64,
    /// Divergence from the machine's after `to`, in nats.
    pub true_divergence: f64,
    /// Mass on the successors of `to`.
    pub mass: f64,
    /// Mass on those successors of `from` that are none of `to`.
    pub old_mass: f64,
    /// `yes` where most of the mass is on successors of `to`.
    pub success: String,
}

impl Row for SteeringRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "components", kind: Text, meaning: "codebooks at which codes are put in place" },
            Column { name: "from", kind: Integer, meaning: "state that is read, from 0" },
            Column { name: "to", kind: Integer, meaning: "state whose codes are put in place" },
            Column {
                name: "divergence",
                kind: Real,
                meaning: "Jensen–Shannon divergence of the next-state distribution from the model's own after to, in nats",
            },
            Column { name: "true_divergence", kind: Real, meaning: "divergence from the machine's after to, in nats" },
            Column { name: "mass", kind: Real, meaning: "mass on the successors of to" },
            Column { name: "old_mass", kind: Real, meaning: "mass on those successors of from that are none of to" },
            Column {
                name: "success",
                kind: Text,
                meaning: "yes where more than half of the mass is on successors of to",
            },
        ]
    };
}
