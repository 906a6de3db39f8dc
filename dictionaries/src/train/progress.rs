//! How a training goes, as means over the samples since one last looked.

use serde::{Deserialize, Serialize};

/// Means over the samples of the steps since the last call, in the units of the data but for the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps that it is the mean of; of 0 steps, the numbers are NaN.
    pub steps: u64,
    /// What is minimised, on inputs as they are scaled for the training.
    pub loss: f64,
    /// (x − x̂)², mean over samples and columns.
    pub mse: f64,
    /// Active features of a sample.
    pub l0: f64,
    /// `1 − Σ‖x − x̂‖² / Σ‖x − x̄‖²`, x̄ the mean of the same samples. Codes are those of the training: of a BatchTopK
    /// dictionary, chosen over the batch.
    pub explained_variance: f64,
    /// Features without a code in the last `dead-after` samples, as a share of all.
    pub dead_share: f64,
    /// Dead features that started anew.
    pub resampled: u64,
    /// Factor of the learning rate in the last step, 0 to 1.
    pub learning_rate: f64,
}

/// Sums that progress is told from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) steps: u64,
    pub(super) samples: u64,
    pub(super) loss: f64,
    /// Σ‖x − x̂‖².
    pub(super) squared: f64,
    pub(super) active: u64,
    pub(super) resampled: u64,
}

/// Sums over the inputs, which are the same for all dictionaries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Inputs {
    pub(super) samples: u64,
    /// Σx.
    pub(super) sums: Vec<f64>,
    /// Σ‖x‖².
    pub(super) squares: f64,
}

impl Inputs {
    pub(super) fn add(&mut self, batch: ndarray::ArrayView2<f32>) {
        self.sums.resize(batch.ncols(), 0.0);
        self.samples += batch.nrows() as u64;
        for row in batch.rows() {
            for (sum, &x) in self.sums.iter_mut().zip(row) {
                let x = f64::from(x);
                *sum += x;
                self.squares += x * x;
            }
        }
    }

    /// Σ‖x − x̄‖².
    pub(super) fn spread(&self) -> f64 {
        self.squares - self.sums.iter().map(|s| s * s).sum::<f64>() / (self.samples as f64).max(1.0)
    }
}

impl Sums {
    pub(super) fn told(&self, inputs: &Inputs, dead_share: f64, learning_rate: f64) -> Progress {
        let samples = self.samples as f64;
        Progress {
            steps: self.steps,
            loss: self.loss / samples,
            mse: self.squared / (samples * inputs.sums.len() as f64),
            l0: self.active as f64 / samples,
            explained_variance: 1.0 - self.squared / inputs.spread(),
            dead_share,
            resampled: self.resampled,
            learning_rate,
        }
    }
}
