//! How long estimators take, and how their cost grows.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One estimator on samples of one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpeedRow {
    /// Estimator name.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// Kinds of the two variables: continuous, mixed or discrete.
    pub kind: String,
    /// Dimensions of each continuous variable.
    pub dim: u64,
    /// Samples.
    pub n_samples: u64,
    /// Threads that were allowed.
    pub threads: u64,
    /// Times it was run.
    pub repeats: u64,
    /// Median seconds of an estimate; missing where it was not run.
    pub seconds: Option<f64>,
    /// Bytes that the process held at the peak beyond what it held before; missing where the system does not tell.
    pub peak_bytes: Option<u64>,
    /// The estimate in nats, or in the estimator's own unit.
    pub value: Option<f64>,
    /// Why there is no time.
    pub flags: String,
}

impl Row for SpeedRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "estimator", kind: Text, meaning: "estimator, by its registry name" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "kind", kind: Text, meaning: "two variables that are continuous, mixed or discrete" },
            Column { name: "dim", kind: Integer, meaning: "dimensions of each continuous variable" },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
            Column { name: "threads", kind: Integer, meaning: "threads that were allowed" },
            Column { name: "repeats", kind: Integer, meaning: "times it was run" },
            Column { name: "seconds", kind: Real, meaning: "median seconds of an estimate; empty where not run" },
            Column { name: "peak_bytes", kind: Integer, meaning: "bytes held at the peak beyond those before" },
            Column { name: "value", kind: Real, meaning: "the estimate, in nats or the estimator's own unit" },
            Column { name: "flags", kind: Text, meaning: "why there is no time" },
        ]
    };
}

/// How an estimator's cost grows with the number of samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrowthRow {
    /// Estimator name.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// Dimensions of each continuous variable.
    pub dim: u64,
    /// Exponent p of seconds ~ N^p, by least squares of the logarithms.
    pub time_exponent: Option<f64>,
    /// The same of the peak memory.
    pub memory_exponent: Option<f64>,
    /// Smallest number of samples that took part.
    pub from_n: u64,
    /// Largest.
    pub to_n: u64,
}

impl GrowthRow {
    /// Whether a row of times is of this estimator with these parameters, on variables of this dimension.
    pub fn is_of(&self, row: &SpeedRow) -> bool {
        self.estimator == row.estimator && self.parameters == row.parameters && self.dim == row.dim
    }
}

impl Row for GrowthRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "estimator", kind: Text, meaning: "estimator, by its registry name" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "dim", kind: Integer, meaning: "dimensions of each continuous variable" },
            Column { name: "time_exponent", kind: Real, meaning: "p of seconds ~ N^p, fitted to the logarithms" },
            Column { name: "memory_exponent", kind: Real, meaning: "the same of peak_bytes" },
            Column { name: "from_n", kind: Integer, meaning: "smallest number of samples that took part" },
            Column { name: "to_n", kind: Integer, meaning: "largest number of samples that took part" },
        ]
    };
}
