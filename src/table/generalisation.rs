//! The tables of a study of information and generalisation.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelRow {
    /// Name of the run.
    pub run: String,
    /// Name of the model.
    pub model: String,
    /// Number of its setting: models of one differ by their seeds only.
    pub setting: u64,
    /// `stochastic` or `dense`.
    pub kind: String,
    /// `blobs` or `digits`.
    pub source: String,
    /// Training samples.
    pub train: u64,
    /// Units of the first half of the hidden layers.
    pub width: u64,
    /// Hidden layers.
    pub depth: u64,
    /// L2 penalty.
    pub weight_decay: f64,
    /// Rate of the multiplier of the information constraint.
    pub constraint_rate: f64,
    /// Which training set.
    pub data_seed: u64,
    /// Seed of the training.
    pub seed: u64,
    /// Layer; empty for the whole model, `last` or `min` for a choice among the layers.
    pub layer: String,
    /// Position of the layer from 1.
    pub layer_index: Option<u64>,
    /// What the number is.
    pub quantity: String,
    /// How it was estimated.
    pub estimator: String,
    /// On which inputs: `train`, or `fresh-K` for K times as many fresh ones.
    pub sample: String,
    /// The number.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// Its standard error, where the method has one.
    pub std_error: Option<f64>,
    /// Samples that it rests on.
    pub n_samples: Option<u64>,
    /// What to beware of.
    pub flags: String,
}

impl Row for ModelRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "model", kind: Text, meaning: "name of the model" },
            Column {
                name: "setting",
                kind: Integer,
                meaning: "number of its setting; models of one differ by seeds only",
            },
            Column { name: "kind", kind: Text, meaning: "stochastic or dense" },
            Column { name: "source", kind: Text, meaning: "blobs or digits" },
            Column { name: "train", kind: Integer, meaning: "training samples" },
            Column { name: "width", kind: Integer, meaning: "units of the first half of the hidden layers" },
            Column { name: "depth", kind: Integer, meaning: "hidden layers" },
            Column { name: "weight_decay", kind: Real, meaning: "L2 penalty" },
            Column {
                name: "constraint_rate",
                kind: Real,
                meaning: "rate of the multiplier of the information constraint",
            },
            Column { name: "data_seed", kind: Integer, meaning: "which training set" },
            Column { name: "seed", kind: Integer, meaning: "seed of the training" },
            Column {
                name: "layer",
                kind: Text,
                meaning: "layer; empty for the whole model, last or min for a choice among layers",
            },
            Column { name: "layer_index", kind: Integer, meaning: "position of the layer from 1" },
            Column {
                name: "quantity",
                kind: Text,
                meaning: "included (in the correlations), train_loss, test_loss, train_error, test_error, gap_loss, gap_error, parameters, vc, norm_sum, norm_product, I_XZ, I_XZ_given_Y, I_S_theta, sum_…, scaled_sum_…, bound",
            },
            Column { name: "estimator", kind: Text, meaning: "how it was estimated; empty where nothing was" },
            Column {
                name: "sample",
                kind: Text,
                meaning: "inputs of the estimate: train, or fresh-K for K times as many fresh ones",
            },
            Column { name: "value", kind: Real, meaning: "the number" },
            Column { name: "unit", kind: Text, meaning: "nats, share, bits, count, norm, flag, sqrt(nats)" },
            Column { name: "std_error", kind: Real, meaning: "its standard error, where the method has one" },
            Column { name: "n_samples", kind: Integer, meaning: "samples that it rests on" },
            Column { name: "flags", kind: Text, meaning: "what to beware of" },
        ]
    };
}

/// The correlation of a quantity with a gap, over models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrelationRow {
    /// Name of the run.
    pub run: String,
    /// `all`, or the setting by which models are grouped.
    pub scope: String,
    /// Value of that setting.
    pub group: String,
    /// The quantity.
    pub quantity: String,
    /// How it was estimated.
    pub estimator: String,
    /// On which inputs.
    pub sample: String,
    /// Of which layer.
    pub layer: String,
    /// `loss` or `error`: test less training.
    pub gap: String,
    /// `pearson`, `spearman` or `kendall`.
    pub coefficient: String,
    /// The correlation; empty where it is not defined.
    pub value: Option<f64>,
    /// Lower end of its bootstrap interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Level of the interval.
    pub level: f64,
    /// Models.
    pub n_models: u64,
    /// Clusters that the bootstrap drew.
    pub clusters: u64,
    /// What a cluster is.
    pub cluster_by: String,
}

impl Row for CorrelationRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "scope", kind: Text, meaning: "all, or the setting by which models are grouped" },
            Column { name: "group", kind: Text, meaning: "value of that setting" },
            Column { name: "quantity", kind: Text, meaning: "the quantity" },
            Column { name: "estimator", kind: Text, meaning: "how it was estimated" },
            Column { name: "sample", kind: Text, meaning: "inputs of the estimate" },
            Column { name: "layer", kind: Text, meaning: "layer" },
            Column { name: "gap", kind: Text, meaning: "loss or error: test less training" },
            Column { name: "coefficient", kind: Text, meaning: "pearson, spearman or kendall" },
            Column { name: "value", kind: Real, meaning: "the correlation; empty where it is not defined" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of its bootstrap interval" },
            Column { name: "ci_high", kind: Real, meaning: "upper end of its bootstrap interval" },
            Column { name: "level", kind: Real, meaning: "level of the interval" },
            Column { name: "n_models", kind: Integer, meaning: "models" },
            Column { name: "clusters", kind: Integer, meaning: "clusters that the bootstrap drew" },
            Column { name: "cluster_by", kind: Text, meaning: "what a cluster is: setting, data-seed or model" },
        ]
    };
}

/// The sample on which quantities are compared: the largest fresh one, else the training set.
pub(crate) fn main_sample<'a>(samples: impl Iterator<Item = &'a str>) -> String {
    let fresh = samples.filter_map(|s| s.strip_prefix("fresh-")?.parse::<u64>().ok()).max();
    fresh.map_or_else(|| "train".into(), |times| format!("fresh-{times}"))
}

/// Whether a quantity is one of those that figures show and that are correlated within groups: on the main sample, of a
/// choice of layers where there are several, and in the main forms of the estimators.
pub(crate) fn is_main(quantity: &str, estimator: &str, sample: &str, layer: &str, main_sample: &str) -> bool {
    let whole = !layer.starts_with("hidden");
    match quantity {
        "I_S_theta" => whole && matches!(estimator, "single-jensen" | "single-mixture" | "multi-jensen"),
        "I_XZ" | "I_XZ_given_Y" => sample == main_sample && whole,
        _ if quantity.contains("sum_I") => sample == main_sample && estimator.ends_with("+single-jensen"),
        "bound" => sample == main_sample && !estimator.ends_with("+multi-jensen"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_sample_is_the_largest_fresh_one() {
        assert_eq!(main_sample(["train", "fresh-5", "fresh-10", ""].into_iter()), "fresh-10");
        assert_eq!(main_sample(["train"].into_iter()), "train");
        assert!(is_main("I_XZ", "mc", "train", "encoder", "train"));
        assert!(!is_main("I_XZ", "mc", "train", "encoder", "fresh-5"));
        assert!(!is_main("I_XZ", "mc", "train", "hidden2", "train") && is_main("I_XZ", "mc", "train", "min", "train"));
        assert!(is_main("parameters", "", "", "", "train"));
    }
}
