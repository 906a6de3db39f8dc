//! The tables of concept bottlenecks.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number about one bottleneck.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConceptMetricRow {
    /// Which bottleneck: the builder, or a name of the user's.
    pub probe: String,
    /// `train`, `test`, or `fit` for numbers of the fit itself.
    pub split: String,
    /// What was measured.
    pub metric: String,
    /// The concept that it is of, if of one.
    pub concept: String,
    /// The class that it is of, if of one.
    pub class: String,
    /// The number; empty where it is not defined.
    pub value: Option<f64>,
    /// Its standard error.
    pub std_error: Option<f64>,
    /// Lower end of the 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// What chance alone would give.
    pub chance: Option<f64>,
    /// Samples that it rests on.
    pub n_samples: u64,
    /// Seed of the fit.
    pub seed: u64,
    /// Choices and warnings.
    pub flags: String,
    /// The second concept of a pair.
    pub second_concept: String,
    /// Choices that make several of one metric.
    pub parameters: String,
}

impl Row for ConceptMetricRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "split", kind: Text, meaning: "samples measured on: train, test; fit: the fit itself" },
            Column { name: "metric", kind: Text, meaning: "what was measured" },
            Column { name: "concept", kind: Text, meaning: "concept that it is of, if of one" },
            Column { name: "class", kind: Text, meaning: "class that it is of, if of one" },
            Column { name: "value", kind: Real, meaning: "the number; empty where it is not defined" },
            Column { name: "std_error", kind: Real, meaning: "its standard error" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of the 95 % interval" },
            Column { name: "ci_high", kind: Real, meaning: "upper end" },
            Column { name: "chance", kind: Real, meaning: "what a model without knowledge gives on these samples" },
            Column { name: "n_samples", kind: Integer, meaning: "samples that it rests on" },
            Column { name: "seed", kind: Integer, meaning: "seed of the fit" },
            Column { name: "flags", kind: Text, meaning: "choices and warnings" },
            Column { name: "second_concept", kind: Text, meaning: "second concept of a pair" },
            Column { name: "parameters", kind: Text, meaning: "choices that make several of one metric" },
        ]
    };
}

/// The weight of one concept for one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptWeightRow {
    /// Which bottleneck.
    pub probe: String,
    /// Class.
    pub class: String,
    /// Concept; `(intercept)` for the class's constant.
    pub concept: String,
    /// Weight on the concept's own scale.
    pub weight: f64,
    /// Weight times the concept's standard deviation over the training samples: comparable between concepts.
    pub standardised: Option<f64>,
}

impl Row for ConceptWeightRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "class", kind: Text, meaning: "class" },
            Column { name: "concept", kind: Text, meaning: "concept; (intercept) for the class's constant" },
            Column { name: "weight", kind: Real, meaning: "weight on the concept's own scale" },
            Column {
                name: "standardised",
                kind: Real,
                meaning: "weight times the concept's standard deviation in training: comparable between concepts",
            },
        ]
    };
}

/// What a bottleneck says of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptPredictionRow {
    /// Which bottleneck.
    pub probe: String,
    /// Row of the data, from 1.
    pub sample: u64,
    /// `train` or `test`; empty for data without a split.
    pub split: String,
    /// True class; empty where there is none.
    pub label: String,
    /// Predicted class.
    pub predicted: String,
    /// Probability of the predicted class.
    pub probability: f64,
    /// Probability of the true class.
    pub probability_of_label: Option<f64>,
    /// Largest score less the second largest.
    pub margin: f64,
}

impl Row for ConceptPredictionRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "sample", kind: Integer, meaning: "row of the data, from 1" },
            Column { name: "split", kind: Text, meaning: "train or test; empty for data without a split" },
            Column { name: "label", kind: Text, meaning: "true class, where there is one" },
            Column { name: "predicted", kind: Text, meaning: "predicted class" },
            Column { name: "probability", kind: Real, meaning: "probability of the predicted class" },
            Column { name: "probability_of_label", kind: Real, meaning: "probability of the true class" },
            Column { name: "margin", kind: Real, meaning: "largest score less the second largest" },
        ]
    };
}

/// What one concept adds to one class's score of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptContributionRow {
    /// Which bottleneck.
    pub probe: String,
    /// Row of the data, from 1.
    pub sample: u64,
    /// Class whose score it is.
    pub class: String,
    /// Place among the contributions, the largest in size first, from 1.
    pub rank: u64,
    /// Concept; `(intercept)`, `(beside the concepts)` for what passes by.
    pub concept: String,
    /// The concept's value.
    pub value: Option<f64>,
    /// Weight.
    pub weight: Option<f64>,
    /// Weight times value, less the mean of that over the training samples: what is special about this sample.
    pub contribution: f64,
    /// Label of the concept, where there is one.
    pub truth: Option<f64>,
}

impl Row for ConceptContributionRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "sample", kind: Integer, meaning: "row of the data, from 1" },
            Column { name: "class", kind: Text, meaning: "class whose score it is" },
            Column { name: "rank", kind: Integer, meaning: "place by size, from 1" },
            Column { name: "concept", kind: Text, meaning: "concept; in brackets what is none" },
            Column { name: "value", kind: Real, meaning: "the concept's value on its own scale" },
            Column { name: "weight", kind: Real, meaning: "its weight for the class" },
            Column {
                name: "contribution",
                kind: Real,
                meaning: "weight times value, less the mean of that over the training samples",
            },
            Column { name: "truth", kind: Real, meaning: "label of the concept, where there is one" },
        ]
    };
}

/// A number of one bottleneck over all seeds of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptComparisonRow {
    /// Which bottleneck.
    pub probe: String,
    /// As in [`ConceptMetricRow`].
    pub split: String,
    /// As in [`ConceptMetricRow`].
    pub metric: String,
    /// Seeds with a value.
    pub seeds: u64,
    /// Mean over seeds.
    pub mean: Option<f64>,
    /// Standard deviation over seeds.
    pub std: Option<f64>,
    /// Lower end of the 95 % interval of the mean: Student's t over seeds; of one seed, its own standard error.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// What chance alone gives, as a mean.
    pub chance: Option<f64>,
    /// As in [`ConceptMetricRow`].
    pub parameters: String,
}

impl Row for ConceptComparisonRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "split", kind: Text, meaning: "samples measured on: train, test; fit: the fit itself" },
            Column { name: "metric", kind: Text, meaning: "what was measured" },
            Column { name: "seeds", kind: Integer, meaning: "seeds with a value" },
            Column { name: "mean", kind: Real, meaning: "mean over seeds" },
            Column { name: "std", kind: Real, meaning: "standard deviation over seeds" },
            Column {
                name: "ci_low",
                kind: Real,
                meaning: "lower end of the 95 % interval: Student's t over seeds; of one seed its standard error's",
            },
            Column { name: "ci_high", kind: Real, meaning: "upper end" },
            Column { name: "chance", kind: Real, meaning: "what chance alone gives, mean over seeds" },
            Column { name: "parameters", kind: Text, meaning: "choices that make several of one metric" },
        ]
    };
}

/// How long a fit took, kept apart so that equal runs give equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptTimingRow {
    /// Which bottleneck.
    pub probe: String,
    /// Seed.
    pub seed: u64,
    /// Wall-clock seconds of the fit.
    pub seconds: f64,
}

impl Row for ConceptTimingRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "seed", kind: Integer, meaning: "seed of the fit" },
            Column { name: "seconds", kind: Real, meaning: "wall-clock seconds of the fit" },
        ]
    };
}
