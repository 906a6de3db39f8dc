//! Made-up tables for the tests of the figures and of the report.

use crate::table::{PlaneRow, TrainingRow, quantity};

pub(crate) fn plane_row(
    run: &str,
    epoch: u64,
    layer_index: u64,
    layer: &str,
    estimator: &str,
    quantity: &str,
    value: Option<f64>,
) -> PlaneRow {
    PlaneRow {
        run: run.into(),
        checkpoint: format!("epoch-{epoch:06}.safetensors"),
        epoch: Some(epoch),
        step: Some(16 * epoch),
        layer: layer.into(),
        layer_index,
        width: 10,
        estimator: estimator.into(),
        parameters: "bins=30 range=auto".into(),
        quantity: quantity.into(),
        value,
        unit: "bits".into(),
        std_error: None,
        ci_low: None,
        ci_high: None,
        n_samples: 4096,
        noise_std: None,
        seed: 1,
        flags: String::new(),
    }
}

/// Runs × estimators × checkpoints × layers, each with I(X;T) and I(T;Y).
pub(crate) fn plane_table(runs: usize, estimators: usize, checkpoints: u64, layers: u64) -> Vec<PlaneRow> {
    let mut rows = Vec::new();
    for run in 0..runs {
        for estimator in 0..estimators {
            for epoch in 0..checkpoints {
                for layer in 1..=layers {
                    let (t, depth) = ((epoch as f64).ln_1p() / 9.0, layer as f64 / layers as f64);
                    let values =
                        [(quantity::I_XT, 12.0 - 8.0 * depth * t), (quantity::I_TY, 0.2 + 0.8 * t * (1.2 - depth))];
                    let (run, estimator) = (format!("run {run}"), format!("estimator {estimator}"));
                    rows.extend(values.map(|(q, v)| {
                        plane_row(&run, epoch, layer, &format!("hidden{layer}"), &estimator, q, Some(v))
                    }));
                }
            }
        }
    }
    rows
}

/// All the quantities of a training run that the figure shows.
pub(crate) fn training_table(runs: usize, epochs: u64, layers: u64) -> Vec<TrainingRow> {
    let mut rows = Vec::new();
    for run in 0..runs {
        for epoch in 0..epochs {
            let decay = 1.0 / (1.0 + epoch as f64);
            let row = |layer: u64, quantity: &str, value| TrainingRow {
                run: format!("run {run}"),
                seed: 1,
                epoch,
                step: 16 * epoch,
                layer: if layer == 0 { String::new() } else { format!("hidden{layer}") },
                layer_index: (layer > 0).then_some(layer),
                quantity: quantity.into(),
                value: Some(value),
                unit: "ratio".into(),
            };
            rows.push(row(0, "train_accuracy", 1.0 - 0.5 * decay));
            rows.push(row(0, "test_accuracy", 0.95 - 0.45 * decay));
            rows.push(row(0, "train_loss", 0.7 * decay));
            rows.push(row(0, "test_loss", 0.1 + 0.6 * decay));
            rows.extend((1..=layers).map(|layer| row(layer, "gradient_snr", 10.0 * decay / layer as f64)));
        }
    }
    rows
}
