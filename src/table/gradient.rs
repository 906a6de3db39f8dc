//! The table of the gradients' statistics that a plane was traced with.

use super::{Column, ColumnKind, Row, TrainingRow};
use serde::{Deserialize, Serialize};

/// One number of the gradients of one layer in one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientRow {
    /// Name of the run.
    pub run: String,
    /// Seed of the run, when known.
    pub seed: Option<u64>,
    /// Epoch.
    pub epoch: u64,
    /// Layer name.
    pub layer: String,
    /// Position of the layer from 1.
    pub layer_index: Option<u64>,
    /// `gradient_mean_norm`, `gradient_std_norm`, `gradient_snr`.
    pub quantity: String,
    /// Its value.
    pub value: Option<f64>,
    /// `ratio`; of the norms in a user's log, whatever they were logged in.
    pub unit: String,
}

impl GradientRow {
    /// Norm of the mean gradient over the minibatches of an epoch.
    pub const MEAN: &str = "gradient_mean_norm";
    /// Norm of their standard deviation.
    pub const STD: &str = "gradient_std_norm";
    /// The first over the second.
    pub const SNR: &str = "gradient_snr";

    /// The rows of a training table that are of gradients.
    pub fn of(training: &[TrainingRow]) -> Vec<Self> {
        let gradients = |r: &&TrainingRow| [Self::MEAN, Self::STD, Self::SNR].contains(&r.quantity.as_str());
        training
            .iter()
            .filter(gradients)
            .map(|r| Self {
                run: r.run.clone(),
                seed: Some(r.seed),
                epoch: r.epoch,
                layer: r.layer.clone(),
                layer_index: r.layer_index,
                quantity: r.quantity.clone(),
                value: r.value,
                unit: r.unit.clone(),
            })
            .collect()
    }

    /// The row in the form of a training table, for drawing: a log does not tell the step, which is 0 there.
    pub(crate) fn as_training(&self) -> TrainingRow {
        TrainingRow {
            run: self.run.clone(),
            seed: self.seed.unwrap_or(0),
            epoch: self.epoch,
            step: 0,
            layer: self.layer.clone(),
            layer_index: self.layer_index,
            quantity: self.quantity.clone(),
            value: self.value,
            unit: self.unit.clone(),
        }
    }
}

impl Row for GradientRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "seed", kind: Integer, meaning: "seed of the run, when known" },
            Column { name: "epoch", kind: Integer, meaning: "epoch" },
            Column { name: "layer", kind: Text, meaning: "layer name" },
            Column { name: "layer_index", kind: Integer, meaning: "position of the layer, from 1" },
            Column { name: "quantity", kind: Text, meaning: "gradient_mean_norm, gradient_std_norm, gradient_snr" },
            Column { name: "value", kind: Real, meaning: "its value" },
            Column { name: "unit", kind: Text, meaning: "ratio, or norm in a user's log" },
        ]
    };
}
