//! Files of captured activations.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One layer of one checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivationRow {
    /// Name of the run.
    pub run: String,
    /// Name of the checkpoint's file.
    pub checkpoint: String,
    /// Epoch, when known.
    pub epoch: Option<u64>,
    /// Optimiser step, when known.
    pub step: Option<u64>,
    /// Layer.
    pub layer: String,
    /// Its place among the layers that were captured, from 1.
    pub layer_index: u64,
    /// What makes it.
    pub operator: String,
    /// Lengths of its axes, without the samples.
    pub shape: String,
    /// Numbers a sample.
    pub width: u64,
    /// Samples.
    pub n_samples: u64,
    /// Type of the values, as numpy names it.
    pub dtype: String,
    /// The file, from the run's folder.
    pub file: String,
}

impl Row for ActivationRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "checkpoint", kind: Text, meaning: "name of the checkpoint's file" },
            Column { name: "epoch", kind: Integer, meaning: "epoch, when known" },
            Column { name: "step", kind: Integer, meaning: "optimiser step, when known" },
            Column { name: "layer", kind: Text, meaning: "layer" },
            Column { name: "layer_index", kind: Integer, meaning: "place among the layers captured, from 1" },
            Column { name: "operator", kind: Text, meaning: "what makes it" },
            Column { name: "shape", kind: Text, meaning: "lengths of its axes without the samples, as 32x7x7" },
            Column { name: "width", kind: Integer, meaning: "numbers a sample" },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
            Column { name: "dtype", kind: Text, meaning: "type of the values" },
            Column { name: "file", kind: Text, meaning: "file with the values, from the run's folder" },
        ]
    };
}

/// One sample that layers were captured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapturedSampleRow {
    /// Row in the captured arrays, from 0.
    pub row: u64,
    /// Row in the inputs, from 0.
    pub source_row: u64,
    /// Name of its file, where it has one.
    pub id: String,
    /// Its label, where it has one.
    pub label: Option<i64>,
    /// Name of its class, where it has one.
    pub class: String,
}

impl Row for CapturedSampleRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Text};
        &[
            Column { name: "row", kind: Integer, meaning: "row in the captured arrays, from 0" },
            Column { name: "source_row", kind: Integer, meaning: "row in the inputs, from 0" },
            Column { name: "id", kind: Text, meaning: "file of the sample, where it has one" },
            Column { name: "label", kind: Integer, meaning: "label, where it has one" },
            Column { name: "class", kind: Text, meaning: "name of its class, where it has one" },
        ]
    };
}
