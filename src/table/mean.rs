//! The tables of means over the seeds of a group of runs.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// A number's mean and spread over the runs of a group, which differ by their seed alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeanRow {
    /// Name of the group: that of its runs without `-seedN`.
    pub group: String,
    /// Epoch, in the means of the plane; empty in those of the phases.
    pub epoch: Option<u64>,
    /// Layer name.
    pub layer: String,
    /// Position of the layer from 1.
    pub layer_index: Option<u64>,
    /// Estimator name; empty for gradients.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// As in the table that is averaged.
    pub quantity: String,
    /// Mean over the seeds that have a value.
    pub mean: f64,
    /// Standard deviation over them, with n − 1.
    pub std: Option<f64>,
    /// How many have one.
    pub n_seeds: u64,
    /// Lower end of the 95 % interval of the mean: Student's t; Wilson's score for the share of seeds that compress.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// As in the table that is averaged.
    pub unit: String,
}

impl Row for MeanRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "group", kind: Text, meaning: "name of the runs without -seedN" },
            Column { name: "epoch", kind: Integer, meaning: "epoch; empty in means of phases" },
            Column { name: "layer", kind: Text, meaning: "layer name" },
            Column { name: "layer_index", kind: Integer, meaning: "position of the layer, from 1" },
            Column { name: "estimator", kind: Text, meaning: "estimator; empty for gradients" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "quantity", kind: Text, meaning: "as in the table that is averaged" },
            Column { name: "mean", kind: Real, meaning: "mean over the seeds that have a value" },
            Column { name: "std", kind: Real, meaning: "standard deviation over them, with n - 1" },
            Column { name: "n_seeds", kind: Integer, meaning: "how many have one" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of the 95 % interval of the mean" },
            Column { name: "ci_high", kind: Real, meaning: "upper end of it" },
            Column { name: "unit", kind: Text, meaning: "as in the table that is averaged" },
        ]
    };
}
