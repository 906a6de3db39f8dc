//! The tables of features: one row a feature of a dictionary, and one row a pair that excludes one another.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// A feature of a dictionary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DictionaryFeatureRow {
    /// Which dictionary.
    pub dictionary: String,
    /// The variant, with the parameters that were given; the method of a baseline.
    pub variant: String,
    /// Feature, from 0.
    pub feature: u64,
    /// Samples on which it was active.
    pub fires: u64,
    /// Their share.
    pub density: f64,
    /// Standard error of the share.
    pub density_error: f64,
    /// Samples.
    pub n_samples: u64,
    /// Mean activation over all samples.
    pub mean: f64,
    /// Mean activation over samples on which it was active.
    pub mean_active: Option<f64>,
    /// Largest activation.
    pub max: Option<f64>,
    /// Row of the activations (from 0) that has it.
    pub max_row: Option<u64>,
    /// Norm of the decoder row.
    pub decoder_norm: f64,
    /// Norm of the encoder row.
    pub encoder_norm: Option<f64>,
    /// Cosine of encoder and decoder row.
    pub encoder_decoder_cosine: Option<f64>,
    /// Feature of the largest cosine of decoder rows.
    pub nearest: Option<u64>,
    /// That cosine.
    pub nearest_cosine: Option<f64>,
    /// The same among features that were active.
    pub nearest_live: Option<u64>,
    /// That cosine.
    pub nearest_live_cosine: Option<f64>,
}

impl Row for DictionaryFeatureRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "dictionary", kind: Text, meaning: "dictionary" },
            Column { name: "variant", kind: Text, meaning: "variant with its parameters; method of a baseline" },
            Column { name: "feature", kind: Integer, meaning: "feature, from 0" },
            Column { name: "fires", kind: Integer, meaning: "samples on which it was active" },
            Column { name: "density", kind: Real, meaning: "their share" },
            Column { name: "density_error", kind: Real, meaning: "standard error of the share" },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
            Column { name: "mean", kind: Real, meaning: "mean activation over all samples" },
            Column { name: "mean_active", kind: Real, meaning: "mean activation where it was active" },
            Column { name: "max", kind: Real, meaning: "largest activation" },
            Column { name: "max_row", kind: Integer, meaning: "row of the activations, from 0, that has it" },
            Column { name: "decoder_norm", kind: Real, meaning: "norm of the decoder row" },
            Column { name: "encoder_norm", kind: Real, meaning: "norm of the encoder row" },
            Column { name: "encoder_decoder_cosine", kind: Real, meaning: "cosine of encoder and decoder row" },
            Column { name: "nearest", kind: Integer, meaning: "feature of the largest cosine of decoder rows" },
            Column { name: "nearest_cosine", kind: Real, meaning: "that cosine" },
            Column { name: "nearest_live", kind: Integer, meaning: "the same among features that were active" },
            Column { name: "nearest_live_cosine", kind: Real, meaning: "that cosine" },
        ]
    };
}

/// Two features of overlapping direction that exclude one another.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DictionaryPairRow {
    /// Which dictionary.
    pub dictionary: String,
    /// The one that fires more often.
    pub frequent: u64,
    /// The other.
    pub rare: u64,
    /// Cosine of their decoder rows.
    pub cosine: f64,
    /// Samples on which both are active.
    pub together: u64,
    /// Samples on which both would be, if they were independent.
    pub expected: f64,
    /// Chance of so few under independence.
    pub p_value: f64,
    /// How far the activation reaches along the frequent one's direction where only the rare one fires, over how far
    /// where the frequent one does.
    pub presence: Option<f64>,
    /// `absorption-like` or `exclusive`.
    pub kind: String,
}

impl Row for DictionaryPairRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "dictionary", kind: Text, meaning: "dictionary" },
            Column { name: "frequent", kind: Integer, meaning: "feature that fires more often" },
            Column { name: "rare", kind: Integer, meaning: "the other" },
            Column { name: "cosine", kind: Real, meaning: "cosine of their decoder rows" },
            Column { name: "together", kind: Integer, meaning: "samples on which both are active" },
            Column { name: "expected", kind: Real, meaning: "samples on which both would be, were they independent" },
            Column { name: "p_value", kind: Real, meaning: "chance of so few under independence" },
            Column {
                name: "presence",
                kind: Real,
                meaning: "reach along the frequent one where only the rare one fires",
            },
            Column { name: "kind", kind: Text, meaning: "absorption-like or exclusive" },
        ]
    };
}
