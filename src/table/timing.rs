//! How long each part of a plane took, kept apart from the plane so that equal runs give equal bytes.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// Seconds that one estimator took on one layer of one checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimingRow {
    /// Name of the run.
    pub run: String,
    /// File name of the checkpoint.
    pub checkpoint: String,
    /// Layer name.
    pub layer: String,
    /// Estimator name.
    pub estimator: String,
    /// Its parameters, as in the plane table.
    pub parameters: String,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Row for TimingRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "checkpoint", kind: Text, meaning: "file name of the checkpoint" },
            Column { name: "layer", kind: Text, meaning: "layer name" },
            Column { name: "estimator", kind: Text, meaning: "estimator, by its registry name" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column {
                name: "seconds",
                kind: Real,
                meaning: "wall-clock seconds for this layer, estimator and checkpoint",
            },
        ]
    };
}
