//! The table of the information plane.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// Names of the quantities a row may hold.
pub mod quantity {
    /// Mutual information between the input and the layer, I(X;T).
    pub const I_XT: &str = "I_XT";
    /// Mutual information between the layer and the target, I(T;Y).
    pub const I_TY: &str = "I_TY";
    /// Lower end of the interval that holds the noisy layer's I(T;Y), for the pairwise bounds.
    pub const I_TY_LOW: &str = "I_TY_LOW";
    /// Upper end of that interval.
    pub const I_TY_HIGH: &str = "I_TY_HIGH";
    /// What the layer tells of the input beyond the target, I(X;T|Y) = I(X;T) − I(T;Y).
    pub const I_XT_GIVEN_Y: &str = "I_XT_given_Y";
    /// Entropy of the layer's (binned or noisy) state, H(T).
    pub const H_T: &str = "H_T";
    /// How far I(T;Y) is below the information-bottleneck bound at the layer's I(X;T).
    pub const IB_DISTANCE: &str = "IB_distance";
    /// I(T;Y) as a share of that bound.
    pub const IB_RATIO: &str = "IB_ratio";
    /// How much more I(X;T) the layer has than its I(T;Y) needs.
    pub const IB_EXCESS: &str = "IB_excess";
}

/// Flags a row may carry, joined by `;`.
pub mod flags {
    /// Within 5 % of the ceiling that the sample sets (log N for I(X;T) and H(T), H(Y) for I(T;Y)).
    pub const SATURATED: &str = "saturated";
    /// The raw estimate was below zero and is reported as it came out.
    pub const NEGATIVE: &str = "negative";
    /// A later layer seems to know more than an earlier one, which the data-processing inequality forbids.
    pub const DPI_VIOLATED: &str = "dpi_violated";
    /// The network is stochastic: there is Gaussian noise on every hidden layer.
    pub const NOISE: &str = "noise";
    /// The same, with noise in proportion to the values.
    pub const RELATIVE_NOISE: &str = "relative_noise";
    /// The estimator refused this layer at this checkpoint, and there is no value: the manifest says why.
    pub const REFUSED: &str = "refused";
    /// Above the information-bottleneck bound, where no T can be.
    pub const ABOVE_BOUND: &str = "above_bound";
}

/// One number of the information plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneRow {
    /// Name of the run (the network) that the checkpoint belongs to.
    pub run: String,
    /// File name of the checkpoint.
    pub checkpoint: String,
    /// Epoch of the checkpoint, when known.
    pub epoch: Option<u64>,
    /// Optimiser step of the checkpoint, when known.
    pub step: Option<u64>,
    /// Layer name.
    pub layer: String,
    /// Position of the layer, from 1 for the first after the input.
    pub layer_index: u64,
    /// Units in the layer.
    pub width: u64,
    /// Estimator name, as in the registry.
    pub estimator: String,
    /// Every parameter of the estimator, `key=value` joined by spaces.
    pub parameters: String,
    /// See [`quantity`].
    pub quantity: String,
    /// The estimate; empty when it could not be made.
    pub value: Option<f64>,
    /// `bits` or `nats`.
    pub unit: String,
    /// Standard error, where the method has one.
    pub std_error: Option<f64>,
    /// Lower end of the 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub ci_high: Option<f64>,
    /// Samples used.
    pub n_samples: u64,
    /// Standard deviation of the Gaussian noise that makes I(X;T) finite: of the estimator's model, or the network's (the
    /// root of the mean square where it is in proportion to the values).
    pub noise_std: Option<f64>,
    /// The seed that trained the network when the checkpoint says so, else the seed of the analysis.
    pub seed: u64,
    /// See [`flags`]; joined by `;`, empty when there is nothing to say.
    pub flags: String,
}

impl Row for PlaneRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run (the network) that the checkpoint belongs to" },
            Column { name: "checkpoint", kind: Text, meaning: "file name of the checkpoint" },
            Column { name: "epoch", kind: Integer, meaning: "training epoch of the checkpoint" },
            Column { name: "step", kind: Integer, meaning: "optimiser step of the checkpoint" },
            Column { name: "layer", kind: Text, meaning: "layer name" },
            Column {
                name: "layer_index",
                kind: Integer,
                meaning: "position of the layer, from 1 for the first after the input",
            },
            Column { name: "width", kind: Integer, meaning: "units in the layer" },
            Column { name: "estimator", kind: Text, meaning: "estimator, by its registry name" },
            Column {
                name: "parameters",
                kind: Text,
                meaning: "every parameter of the estimator, key=value joined by spaces",
            },
            Column {
                name: "quantity",
                kind: Text,
                meaning: "I_XT, I_TY, H_T, I_XT_given_Y; for pairwise bounds also I_TY_LOW and I_TY_HIGH; with --ib-curve also IB_distance, IB_ratio and IB_excess",
            },
            Column { name: "value", kind: Real, meaning: "the estimate" },
            Column { name: "unit", kind: Text, meaning: "bits or nats; ratio for IB_ratio" },
            Column { name: "std_error", kind: Real, meaning: "standard error, where the method has one" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of the 95 % interval" },
            Column { name: "ci_high", kind: Real, meaning: "upper end of the 95 % interval" },
            Column { name: "n_samples", kind: Integer, meaning: "samples used" },
            Column {
                name: "noise_std",
                kind: Real,
                meaning: "standard deviation of the noise that makes I_XT finite: of the estimator's model, or the network's own",
            },
            Column {
                name: "seed",
                kind: Integer,
                meaning: "seed that trained the network when known, else seed of the analysis",
            },
            Column {
                name: "flags",
                kind: Text,
                meaning: "saturated, negative, dpi_violated, above_bound, refused, noise, relative_noise, …, joined by ;",
            },
        ]
    };
}
