//! Tables that scoring a bottleneck adds: bins of calibration, and what is drawn over images.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One bin of confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptCalibrationRow {
    /// Which bottleneck.
    pub probe: String,
    /// Samples measured on.
    pub split: String,
    /// Least confidence in the bin.
    pub low: f64,
    /// Largest.
    pub high: f64,
    /// Samples.
    pub count: u64,
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// Share that is right.
    pub accuracy: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
}

impl Row for ConceptCalibrationRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "split", kind: Text, meaning: "samples measured on" },
            Column { name: "low", kind: Real, meaning: "least confidence in the bin" },
            Column { name: "high", kind: Real, meaning: "largest" },
            Column { name: "count", kind: Integer, meaning: "samples" },
            Column { name: "confidence", kind: Real, meaning: "mean probability of the predicted class" },
            Column { name: "accuracy", kind: Real, meaning: "share that is right" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of its 95 % interval (Wilson)" },
            Column { name: "ci_high", kind: Real, meaning: "upper end" },
        ]
    };
}

/// One map over one image; its pixels lie in overlays.safetensors, under the same number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptOverlayRow {
    /// Which bottleneck.
    pub probe: String,
    /// Row of the data, from 1.
    pub sample: u64,
    /// True class.
    pub label: String,
    /// Predicted class.
    pub predicted: String,
    /// Place by importance, from 1.
    pub rank: u64,
    /// Concept.
    pub concept: String,
    /// Weight times value for the predicted class.
    pub importance: f64,
    /// The concept's label, where there is one.
    pub truth: Option<f64>,
    /// The part that it is about.
    pub part: String,
    /// Row of the part's centre, in pixels of the image.
    pub centre_row: Option<f64>,
    /// Column of it.
    pub centre_column: Option<f64>,
    /// Whether the centre lies in the most active region, where both are known.
    pub located: Option<f64>,
    /// Share of the image that the region takes.
    pub region: f64,
    /// Height of the image in pixels.
    pub height: u64,
    /// Width of it.
    pub width: u64,
}

impl Row for ConceptOverlayRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "sample", kind: Integer, meaning: "row of the data, from 1" },
            Column { name: "label", kind: Text, meaning: "true class" },
            Column { name: "predicted", kind: Text, meaning: "predicted class" },
            Column { name: "rank", kind: Integer, meaning: "place by importance, from 1" },
            Column { name: "concept", kind: Text, meaning: "concept" },
            Column { name: "importance", kind: Real, meaning: "weight times value for the predicted class" },
            Column { name: "truth", kind: Real, meaning: "label of the concept, where there is one" },
            Column { name: "part", kind: Text, meaning: "part that the concept is about" },
            Column { name: "centre_row", kind: Real, meaning: "row of the part's centre, in pixels" },
            Column { name: "centre_column", kind: Real, meaning: "column of it" },
            Column { name: "located", kind: Real, meaning: "1 where the centre lies in the most active region" },
            Column { name: "region", kind: Real, meaning: "share of the image that the region takes" },
            Column { name: "height", kind: Integer, meaning: "height of the image in pixels" },
            Column { name: "width", kind: Integer, meaning: "width of it" },
        ]
    };
}
