//! The table of an information-bottleneck curve.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// Names of what a row of the curve may hold: those of a β first, then those of the whole distribution.
pub mod curve_quantity {
    /// I(X;T) of the best T at this β.
    pub const I_XT: &str = "I_XT";
    /// I(T;Y) of the best T at this β.
    pub const I_TY: &str = "I_TY";
    /// H(T) of it.
    pub const H_T: &str = "H_T";
    /// Its clusters.
    pub const CLUSTERS: &str = "clusters";
    /// Iterations of the search that found it.
    pub const ITERATIONS: &str = "iterations";
    /// H(X).
    pub const H_X: &str = "H_X";
    /// H of the inputs with those of equal p(y|x) made one, where the curve reaches I(X;Y).
    pub const H_S: &str = "H_S";
    /// H(Y).
    pub const H_Y: &str = "H_Y";
    /// I(X;Y).
    pub const I_XY: &str = "I_XY";
    /// 1/ρ², the β at which knowing nothing stops being even a local optimum.
    pub const LOCAL_CRITICAL_BETA: &str = "local_critical_beta";
    /// Lower end of where the curve leaves zero.
    pub const CRITICAL_BETA_LOW: &str = "critical_beta_low";
    /// Upper end of it.
    pub const CRITICAL_BETA_HIGH: &str = "critical_beta_high";
    /// Inputs that occur.
    pub const N_X: &str = "n_x";
    /// Different p(y|x) among them.
    pub const N_S: &str = "n_s";
    /// Classes.
    pub const N_Y: &str = "n_y";
}

/// One number of an information-bottleneck curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IbCurveRow {
    /// Name or file of the joint distribution.
    pub joint: String,
    /// Seed of the search.
    pub seed: u64,
    /// β; empty for a quantity of the whole distribution.
    pub beta: Option<f64>,
    /// See [`curve_quantity`].
    pub quantity: String,
    /// Its value; empty where it has none.
    pub value: Option<f64>,
    /// `bits`, `nats`, `count` or `ratio`.
    pub unit: String,
    /// Which search found the point: `exact`, `reverse`, `forward`, `random` or `neighbour`.
    pub origin: String,
    /// `corner`, `not_converged`, `below_hull`, joined by `;`.
    pub flags: String,
}

impl Row for IbCurveRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "joint", kind: Text, meaning: "name or file of the joint distribution" },
            Column { name: "seed", kind: Integer, meaning: "seed of the search" },
            Column { name: "beta", kind: Real, meaning: "inverse slope; empty for the whole distribution" },
            Column {
                name: "quantity",
                kind: Text,
                meaning: "of a beta: I_XT, I_TY, H_T, clusters, iterations; of the whole: H_X, H_S (inputs of equal p(y|x) made one), H_Y, I_XY, n_x, n_s, n_y, local_critical_beta, critical_beta_low, critical_beta_high",
            },
            Column { name: "value", kind: Real, meaning: "its value" },
            Column { name: "unit", kind: Text, meaning: "bits, nats, count or ratio" },
            Column { name: "origin", kind: Text, meaning: "search that found the point" },
            Column { name: "flags", kind: Text, meaning: "corner, not_converged, below_hull, joined by ;" },
        ]
    };
}
