//! What knowing one concept says about the others: of one sample, over many, and the energies of the inference.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One concept or class of one sample, before and after something was told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConceptPropagationRow {
    /// Which bottleneck.
    pub probe: String,
    /// Row of the data, from 1.
    pub sample: u64,
    /// `concept` or `class`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The group of a concept; empty where it is alone.
    pub group: String,
    /// Probability before.
    pub before: f64,
    /// And after.
    pub after: f64,
    /// What the data say of it.
    pub truth: Option<f64>,
    /// What was told of it; empty where nothing was.
    pub told: Option<f64>,
}

impl Row for ConceptPropagationRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "sample", kind: Integer, meaning: "row of the data, from 1" },
            Column { name: "kind", kind: Text, meaning: "concept or class" },
            Column { name: "name", kind: Text, meaning: "its name" },
            Column { name: "group", kind: Text, meaning: "group of the concept; empty where it is alone" },
            Column { name: "before", kind: Real, meaning: "probability before anything was told" },
            Column { name: "after", kind: Real, meaning: "and after it" },
            Column {
                name: "truth",
                kind: Real,
                meaning: "label of the concept, where there is one; 1 for the true class",
            },
            Column { name: "told", kind: Real, meaning: "what was told of it: 1 present, 0 absent; empty: nothing" },
        ]
    };
}

/// What corrections do to the accuracy of something.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConceptNeighbourRow {
    /// Which bottleneck.
    pub probe: String,
    /// `single` or `group`: what is corrected at once.
    pub units: String,
    /// The concept or group that is corrected; empty: each in turn, pooled.
    pub corrected: String,
    /// `wrong` or `all`: samples in which it is corrected.
    pub over: String,
    /// What may change.
    pub target: String,
    /// Concepts of the target, on average.
    pub concepts: f64,
    /// Accuracy before.
    pub before: f64,
    /// And after.
    pub after: f64,
    /// Their difference.
    pub change: f64,
    /// Standard error of the difference.
    pub std_error: Option<f64>,
    /// Lower end of the 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Corrections.
    pub n_corrections: u64,
    /// Samples in which they were made.
    pub n_samples: u64,
}

impl Row for ConceptNeighbourRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "units", kind: Text, meaning: "corrected at once: single concepts, or a group" },
            Column {
                name: "corrected",
                kind: Text,
                meaning: "concept or group that is corrected; empty: each in turn, pooled",
            },
            Column {
                name: "over",
                kind: Text,
                meaning: "samples in which it is corrected: wrong (the bottleneck had it wrong), all",
            },
            Column {
                name: "target",
                kind: Text,
                meaning: "what may change: neighbours, same_group, rest, others, all_others, all_concepts, class",
            },
            Column { name: "concepts", kind: Real, meaning: "concepts of the target, on average; 1 for a yes or no" },
            Column { name: "before", kind: Real, meaning: "its accuracy before the correction" },
            Column { name: "after", kind: Real, meaning: "and after it" },
            Column { name: "change", kind: Real, meaning: "after − before" },
            Column { name: "std_error", kind: Real, meaning: "standard error of the change, paired, over samples" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of its 95 % interval (Student's)" },
            Column { name: "ci_high", kind: Real, meaning: "upper end" },
            Column { name: "n_corrections", kind: Integer, meaning: "corrections" },
            Column { name: "n_samples", kind: Integer, meaning: "samples in which they were made" },
        ]
    };
}

/// Energies of many samples at one step of an inference.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EnergyTraceRow {
    /// Which bottleneck.
    pub probe: String,
    /// Step, from 0: before the first.
    pub step: u64,
    /// Mean over samples.
    pub mean: f64,
    /// 10 % quantile.
    pub q10: f64,
    /// Median.
    pub q50: f64,
    /// 90 % quantile.
    pub q90: f64,
    /// Mean of what each sample's energy has above its last.
    pub above_end: f64,
    /// 10 % quantile of that.
    pub above_end_q10: f64,
    /// Median.
    pub above_end_q50: f64,
    /// 90 % quantile.
    pub above_end_q90: f64,
    /// Share of samples that moved neither in this step nor later.
    pub stopped: f64,
    /// Samples.
    pub n_samples: u64,
}

impl Row for EnergyTraceRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "probe", kind: Text, meaning: "bottleneck: its builder, or the name given" },
            Column { name: "step", kind: Integer, meaning: "step of the inference; 0: before the first" },
            Column { name: "mean", kind: Real, meaning: "mean energy over samples, in nats" },
            Column { name: "q10", kind: Real, meaning: "its 10 % quantile" },
            Column { name: "q50", kind: Real, meaning: "its median" },
            Column { name: "q90", kind: Real, meaning: "its 90 % quantile" },
            Column { name: "above_end", kind: Real, meaning: "mean of what each energy has above its last, in nats" },
            Column { name: "above_end_q10", kind: Real, meaning: "10 % quantile of that" },
            Column { name: "above_end_q50", kind: Real, meaning: "median of that" },
            Column { name: "above_end_q90", kind: Real, meaning: "90 % quantile of that" },
            Column {
                name: "stopped",
                kind: Real,
                meaning: "share of samples whose energy moved neither in this step nor later",
            },
            Column { name: "n_samples", kind: Integer, meaning: "samples" },
        ]
    };
}
