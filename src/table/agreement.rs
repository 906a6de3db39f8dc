//! The table of how far estimators agree.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number that compares two estimators on the runs of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgreementRow {
    /// Name of the runs without `-seedN`; empty for all runs of the table.
    pub group: String,
    /// Layer name; empty for a comparison over layers.
    pub layer: String,
    /// Position of the layer from 1.
    pub layer_index: Option<u64>,
    /// First estimator.
    pub estimator_a: String,
    /// Its parameters.
    pub parameters_a: String,
    /// Second estimator.
    pub estimator_b: String,
    /// Its parameters.
    pub parameters_b: String,
    /// What is compared: `compressed` (amounts, over layers and runs), `compresses` (the verdicts), `I_XT` (of a layer, over
    /// its checkpoints).
    pub comparison: String,
    /// `kendall`, `spearman`; of verdicts `share_agreeing`, `only_a`, `only_b`, `both`.
    pub statistic: String,
    /// Its value; empty where it is not defined, as for an estimator that says the same of all.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval: bootstrap over runs or layers; of `I_XT` Student's t over seeds.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Items that were compared: layers of runs, or runs whose correlations were averaged.
    pub n: u64,
}

impl Row for AgreementRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "group", kind: Text, meaning: "name of the runs without -seedN; empty for all runs" },
            Column { name: "layer", kind: Text, meaning: "layer name; empty for a comparison over layers" },
            Column { name: "layer_index", kind: Integer, meaning: "position of the layer, from 1" },
            Column { name: "estimator_a", kind: Text, meaning: "first estimator" },
            Column { name: "parameters_a", kind: Text, meaning: "its parameters" },
            Column { name: "estimator_b", kind: Text, meaning: "second estimator" },
            Column { name: "parameters_b", kind: Text, meaning: "its parameters" },
            Column { name: "comparison", kind: Text, meaning: "compressed, compresses, I_XT" },
            Column {
                name: "statistic",
                kind: Text,
                meaning: "kendall, spearman; of verdicts share_agreeing, only_a, only_b, both",
            },
            Column { name: "value", kind: Real, meaning: "its value; empty where it is not defined" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of the 95 % interval" },
            Column { name: "ci_high", kind: Real, meaning: "upper end of it" },
            Column { name: "n", kind: Integer, meaning: "items compared" },
        ]
    };
}
