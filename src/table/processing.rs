//! The table of the data-processing inequality: no layer can know more than one before it.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number of one checkpoint's check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessingRow {
    /// Name of the run.
    pub run: String,
    /// File name of the checkpoint.
    pub checkpoint: String,
    /// Epoch of the checkpoint.
    pub epoch: Option<u64>,
    /// Estimator name.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// `I_XT` or `I_TY`.
    pub quantity: String,
    /// `pairs` of layers, `violated` ones of them, `largest` violation, `largest_error` its standard error.
    pub metric: String,
    /// Its value.
    pub value: Option<f64>,
    /// `count`, `bits` or `nats`.
    pub unit: String,
    /// The two layers of the largest violation, as `earlier<later`; empty where there is none.
    pub layers: String,
}

impl Row for ProcessingRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "checkpoint", kind: Text, meaning: "file name of the checkpoint" },
            Column { name: "epoch", kind: Integer, meaning: "epoch of the checkpoint" },
            Column { name: "estimator", kind: Text, meaning: "estimator" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "quantity", kind: Text, meaning: "I_XT or I_TY" },
            Column { name: "metric", kind: Text, meaning: "pairs, violated, largest, largest_error" },
            Column { name: "value", kind: Real, meaning: "its value" },
            Column { name: "unit", kind: Text, meaning: "count, bits or nats" },
            Column { name: "layers", kind: Text, meaning: "the layers of the largest violation, earlier<later" },
        ]
    };
}
