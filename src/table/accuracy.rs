//! Estimates of distributions whose mutual information is known.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One estimate of one sample of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccuracyRow {
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
    /// Estimator name.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// Samples.
    pub n_samples: u64,
    /// Seed of the sample.
    pub seed: u64,
    /// Estimate in nats; missing where the estimator refused the sample.
    pub value: Option<f64>,
    /// Its standard error in nats.
    pub std_error: Option<f64>,
    /// Unit of truth, value and standard error.
    pub unit: String,
    /// Warnings, joined by semicolons; `refused: …` with the reason where there is no value.
    pub flags: String,
}

impl Row for AccuracyRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "suite", kind: Text, meaning: "suite of tasks" },
            Column { name: "task", kind: Text, meaning: "distribution" },
            Column { name: "family", kind: Text, meaning: "family that the distribution is of" },
            Column { name: "dim_x", kind: Integer, meaning: "dimensions of X" },
            Column { name: "dim_y", kind: Integer, meaning: "dimensions of Y; 1 where it is discrete" },
            Column { name: "truth", kind: Real, meaning: "true mutual information" },
            Column { name: "estimator", kind: Text, meaning: "estimator, by its registry name" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
            Column { name: "seed", kind: Integer, meaning: "seed of the sample" },
            Column { name: "value", kind: Real, meaning: "estimate; empty where the estimator refused the sample" },
            Column { name: "std_error", kind: Real, meaning: "standard error of the estimate" },
            Column { name: "unit", kind: Text, meaning: "unit of truth, value and std_error" },
            Column { name: "flags", kind: Text, meaning: "warnings, or why the sample was refused" },
        ]
    };
}

/// What an estimator makes of a task over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccuracySummaryRow {
    /// Suite of tasks.
    pub suite: String,
    /// Task.
    pub task: String,
    /// True mutual information in nats.
    pub truth: f64,
    /// Estimator name.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// Samples of each seed.
    pub n_samples: u64,
    /// Seeds with a value.
    pub seeds: u64,
    /// Mean of the estimates in nats.
    pub mean: Option<f64>,
    /// Standard deviation over seeds.
    pub std: Option<f64>,
    /// Mean less truth.
    pub bias: Option<f64>,
    /// Share of seeds whose 95 % interval holds the truth, where there are intervals.
    pub coverage: Option<f64>,
}

impl Row for AccuracySummaryRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "suite", kind: Text, meaning: "suite of tasks" },
            Column { name: "task", kind: Text, meaning: "distribution" },
            Column { name: "truth", kind: Real, meaning: "true mutual information in nats" },
            Column { name: "estimator", kind: Text, meaning: "estimator, by its registry name" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "n_samples", kind: Integer, meaning: "samples of each seed" },
            Column { name: "seeds", kind: Integer, meaning: "seeds with a value" },
            Column { name: "mean", kind: Real, meaning: "mean of the estimates in nats" },
            Column { name: "std", kind: Real, meaning: "standard deviation over seeds" },
            Column { name: "bias", kind: Real, meaning: "mean less truth" },
            Column { name: "coverage", kind: Real, meaning: "share of seeds whose 95 % interval holds the truth" },
        ]
    };
}
