//! The plane of layers that are at hand already, of something that is being trained.

use super::cell::{Settings, compute};
use super::{Located, Unit};
use crate::subject::LayerActivations;
use crate::table::PlaneRow;
use anyhow::Result;
use narrows_estimators::{PlaneEstimator, Targets};
use ndarray::Array2;
use std::path::PathBuf;

/// What is the same for all moments of a training.
pub(crate) struct Snapshots {
    /// Name of the run in the table.
    pub(crate) run: String,
    /// Seed of the training.
    pub(crate) seed: u64,
    /// The estimators.
    pub(crate) estimators: Vec<Box<dyn PlaneEstimator>>,
    /// Classes of the samples.
    pub(crate) targets: Targets,
}

impl Snapshots {
    /// The rows of these layers (name, position from 1, values [samples × units]) after an epoch, in bits.
    ///
    /// # Errors
    /// When a layer holds values that are not finite, or an estimator refuses all such layers.
    pub(crate) fn rows(&self, epoch: u64, layers: Vec<(&str, usize, Array2<f32>)>) -> Result<Vec<PlaneRow>> {
        let settings = Settings {
            estimators: &self.estimators,
            targets: &self.targets,
            inputs: None,
            unit: Unit::Bits,
            seed: self.seed,
        };
        let place = PathBuf::from(format!("epoch {epoch}"));
        let located = Located::at_hand(&self.run, place, epoch, self.seed);
        let mut rows = Vec::new();
        for (name, place, values) in layers {
            let layer = LayerActivations { name: name.into(), lower_saturation: None, values };
            rows.extend(compute(&settings, &located, &layer, place, None)?.rows);
        }
        Ok(rows)
    }
}
