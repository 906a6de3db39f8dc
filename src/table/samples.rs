//! Files of samples of distributions whose mutual information is known.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    /// Suite of tasks.
    pub suite: String,
    /// Task.
    pub task: String,
    /// Family that the task is of.
    pub family: String,
    /// Dimensions of X.
    pub dim_x: u64,
    /// Dimensions of Y.
    pub dim_y: u64,
    /// True mutual information in nats.
    pub truth: f64,
    /// Unit of the truth.
    pub unit: String,
    /// Samples.
    pub n_samples: u64,
    /// Seed of the sample.
    pub seed: u64,
    /// The file, in the same folder.
    pub file: String,
}

impl Row for SampleRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "suite", kind: Text, meaning: "suite of tasks" },
            Column { name: "task", kind: Text, meaning: "distribution" },
            Column { name: "family", kind: Text, meaning: "family that the distribution is of" },
            Column { name: "dim_x", kind: Integer, meaning: "dimensions of X" },
            Column { name: "dim_y", kind: Integer, meaning: "dimensions of Y; 1 where it is discrete" },
            Column { name: "truth", kind: Real, meaning: "true mutual information" },
            Column { name: "unit", kind: Text, meaning: "unit of truth" },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
            Column { name: "seed", kind: Integer, meaning: "seed of the sample" },
            Column { name: "file", kind: Text, meaning: "npz with the arrays x and y, in the same folder" },
        ]
    };
}
