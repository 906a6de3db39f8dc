//! The table of what goes with compression over many networks.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One correlation over networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssociationRow {
    /// Estimator name.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// Layer name.
    pub layer: String,
    /// Position of the layer from 1.
    pub layer_index: u64,
    /// What is correlated of the layer: `compressed`.
    pub quantity: String,
    /// With what: `test_accuracy` or `accuracy_gap` (training less test), at the last epoch.
    pub against: String,
    /// `spearman` or `kendall`.
    pub statistic: String,
    /// The correlation; empty where one of both is the same for all networks.
    pub value: Option<f64>,
    /// Lower end of its 95 % interval, by the bootstrap over networks.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Networks.
    pub n: u64,
}

impl Row for AssociationRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "estimator", kind: Text, meaning: "estimator, by its registry name" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "layer", kind: Text, meaning: "layer name" },
            Column { name: "layer_index", kind: Integer, meaning: "position of the layer, from 1" },
            Column { name: "quantity", kind: Text, meaning: "what is correlated of the layer" },
            Column { name: "against", kind: Text, meaning: "with what: test_accuracy, accuracy_gap" },
            Column { name: "statistic", kind: Text, meaning: "spearman or kendall" },
            Column { name: "value", kind: Real, meaning: "the correlation over networks" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of its 95 % interval (bootstrap over networks)" },
            Column { name: "ci_high", kind: Real, meaning: "upper end of it" },
            Column { name: "n", kind: Integer, meaning: "networks" },
        ]
    };
}
