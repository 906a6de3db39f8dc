//! The table of a training run.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number of a training run: per epoch, or per epoch and layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRow {
    /// Name of the run.
    pub run: String,
    /// Seed that the run was trained with.
    pub seed: u64,
    /// Epoch, 0 before the first update.
    pub epoch: u64,
    /// Optimiser steps done by the end of the epoch.
    pub step: u64,
    /// Layer name; empty for a quantity of the whole network.
    pub layer: String,
    /// Position of the layer from 1; empty for the whole network.
    pub layer_index: Option<u64>,
    /// `train_loss`, `test_loss`, `train_accuracy`, `test_accuracy`, `gradient_mean_norm`, `gradient_std_norm`,
    /// `gradient_snr`, `weight_norm`.
    pub quantity: String,
    /// Its value; empty when not available.
    pub value: Option<f64>,
    /// `nats`, `share` or `norm`, `ratio`.
    pub unit: String,
}

impl Row for TrainingRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "seed", kind: Integer, meaning: "seed that the run was trained with" },
            Column { name: "epoch", kind: Integer, meaning: "epoch, 0 before the first update" },
            Column { name: "step", kind: Integer, meaning: "optimiser steps done by the end of the epoch" },
            Column { name: "layer", kind: Text, meaning: "layer name, empty for the whole network" },
            Column {
                name: "layer_index",
                kind: Integer,
                meaning: "position of the layer from 1, empty for the whole network",
            },
            Column {
                name: "quantity",
                kind: Text,
                meaning: "train_loss, test_loss, train_accuracy, test_accuracy, gradient_mean_norm, gradient_std_norm, gradient_snr, weight_norm",
            },
            Column {
                name: "value",
                kind: Real,
                meaning: "its value; gradient norms are divided by the layer's weight norm",
            },
            Column {
                name: "unit",
                kind: Text,
                meaning: "nats (loss), share (accuracy), ratio (gradient norms over the weight norm), norm (weight norm)",
            },
        ]
    };
}
