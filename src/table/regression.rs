//! The tables of a regression study.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// One number of one trained network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegressionRow {
    /// Data set.
    pub dataset: String,
    /// What the network was trained for.
    pub objective: String,
    /// Weight of the bottleneck.
    pub beta: f64,
    /// Seed of split, weights and minibatches.
    pub seed: u64,
    /// `train`, `validation` or `test`.
    pub part: String,
    /// `none`, `fgsm` or `pgd`.
    pub attack: String,
    /// Largest change of an input under attack, in standard deviations.
    pub epsilon: f64,
    /// `rmse`, `I_XT`, `I_TY`, `compression`, `best_epoch`.
    pub quantity: String,
    /// Estimator of an information.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// The number; empty where it could not be had.
    pub value: Option<f64>,
    /// `target` (the target's own unit), `bits`, `ratio`, `share`, `epochs`.
    pub unit: String,
    /// Samples that it rests on.
    pub n_samples: u64,
    /// Warnings of the estimator, or why it refused.
    pub flags: String,
}

impl Row for RegressionRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "dataset", kind: Text, meaning: "data set" },
            Column { name: "objective", kind: Text, meaning: "what the network was trained for" },
            Column { name: "beta", kind: Real, meaning: "weight of the bottleneck; 0 without one" },
            Column { name: "seed", kind: Integer, meaning: "seed of split, weights and minibatches" },
            Column { name: "part", kind: Text, meaning: "samples it was measured on: train, validation, test" },
            Column { name: "attack", kind: Text, meaning: "none, fgsm or pgd" },
            Column { name: "epsilon", kind: Real, meaning: "largest change of an input, in standard deviations" },
            Column { name: "quantity", kind: Text, meaning: "rmse, I_XT, I_TY, compression, best_epoch" },
            Column { name: "estimator", kind: Text, meaning: "estimator of an information" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "value", kind: Real, meaning: "the number; empty where it could not be had" },
            Column { name: "unit", kind: Text, meaning: "target (the target's unit), bits, ratio, share, epochs" },
            Column { name: "n_samples", kind: Integer, meaning: "samples that it rests on" },
            Column { name: "flags", kind: Text, meaning: "warnings of the estimator, or why it refused" },
        ]
    };
}

/// A number over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegressionSummaryRow {
    /// Data set.
    pub dataset: String,
    /// What the networks were trained for.
    pub objective: String,
    /// Weight of the bottleneck.
    pub beta: f64,
    /// `yes` for the objective's weight with the smallest mean error on the validation samples, else `no`.
    pub chosen: String,
    /// As in [`RegressionRow`].
    pub part: String,
    /// As in [`RegressionRow`].
    pub attack: String,
    /// As in [`RegressionRow`].
    pub epsilon: f64,
    /// As in [`RegressionRow`].
    pub quantity: String,
    /// As in [`RegressionRow`].
    pub estimator: String,
    /// As in [`RegressionRow`].
    pub parameters: String,
    /// Seeds with a value.
    pub seeds: u64,
    /// Mean over seeds.
    pub mean: Option<f64>,
    /// Standard deviation over seeds.
    pub std: Option<f64>,
    /// Lower end of the 95 % interval of the mean, by Student's t.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// As in [`RegressionRow`].
    pub unit: String,
}

impl Row for RegressionSummaryRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "dataset", kind: Text, meaning: "data set" },
            Column { name: "objective", kind: Text, meaning: "what the networks were trained for" },
            Column { name: "beta", kind: Real, meaning: "weight of the bottleneck; 0 without one" },
            Column { name: "chosen", kind: Text, meaning: "yes where the validation samples choose this beta" },
            Column { name: "part", kind: Text, meaning: "samples it was measured on: train, validation, test" },
            Column { name: "attack", kind: Text, meaning: "none, fgsm or pgd" },
            Column { name: "epsilon", kind: Real, meaning: "largest change of an input, in standard deviations" },
            Column { name: "quantity", kind: Text, meaning: "rmse, I_XT, I_TY, compression, best_epoch" },
            Column { name: "estimator", kind: Text, meaning: "estimator of an information" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "seeds", kind: Integer, meaning: "seeds with a value" },
            Column { name: "mean", kind: Real, meaning: "mean over seeds" },
            Column { name: "std", kind: Real, meaning: "standard deviation over seeds" },
            Column { name: "ci_low", kind: Real, meaning: "lower end of the mean's 95 % interval (Student's t)" },
            Column { name: "ci_high", kind: Real, meaning: "upper end of it" },
            Column { name: "unit", kind: Text, meaning: "target (the target's unit), bits, ratio, share, epochs" },
        ]
    };
}

#[cfg(test)]
pub(crate) mod testing {
    use super::RegressionRow;

    /// Two sets, `mse` and `cs-ib` at three weights, two seeds. Errors grow with |β − 0.1|, with the part and with ε;
    /// I(X;T) halves from β = 0 to β = 1.
    pub(crate) fn regression_rows() -> Vec<RegressionRow> {
        let mut rows = vec![];
        for dataset in ["a", "b"] {
            for (objective, beta) in [("mse", 0.0), ("cs-ib", 0.01), ("cs-ib", 0.1), ("cs-ib", 1.0)] {
                for seed in [3u64, 4] {
                    let row = |part: &str, attack: &str, epsilon: f64, quantity: &str, value: f64| RegressionRow {
                        dataset: dataset.into(),
                        objective: objective.into(),
                        beta,
                        seed,
                        part: part.into(),
                        attack: attack.into(),
                        epsilon,
                        quantity: quantity.into(),
                        estimator: if quantity == "I_XT" { "cauchy-schwarz".into() } else { String::new() },
                        parameters: String::new(),
                        value: Some(value),
                        unit: if quantity == "I_XT" { "ratio" } else { "target" }.into(),
                        n_samples: 50,
                        flags: String::new(),
                    };
                    let off = (beta - 0.1f64).abs();
                    let error = 2.0 + off + 0.1 * seed as f64;
                    rows.push(row("validation", "none", 0.0, "rmse", error));
                    rows.push(row("test", "none", 0.0, "rmse", error + 0.1));
                    for (attack, by) in [("fgsm", 1.0), ("pgd", 1.5)] {
                        for epsilon in [0.1, 0.3] {
                            rows.push(row("test", attack, epsilon, "rmse", error + by * epsilon * (1.0 - 0.5 * beta)));
                        }
                    }
                    rows.push(row("test", "none", 0.0, "I_XT", 0.8 * (1.0 - 0.5 * beta)));
                }
            }
        }
        rows
    }
}
