//! The state from which a killed training goes on: weights, optimiser, and how much of the table stands.

use super::optimiser::SavedState;
use crate::checkpoint::{read, write_safetensors};
use crate::subject::{Architecture, Network};
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use std::path::Path;

const OPTIMISER: &str = "optimiser.";
const SCALAR: &str = "scalar.";

/// Everything after a whole number of epochs.
pub(super) struct TrainingState {
    pub(super) epoch: u64,
    pub(super) step: u64,
    pub(super) network: Network,
    pub(super) optimiser: SavedState,
    /// Bytes of the table of rows that belong to these epochs.
    pub(super) table_bytes: u64,
}

impl TrainingState {
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut tensors = super::super::network::tensors_of(&self.network);
        tensors.extend(
            self.optimiser.tensors.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), values.clone())),
        );
        let mut metadata: BTreeMap<String, String> =
            self.optimiser.scalars.iter().map(|(name, value)| (format!("{SCALAR}{name}"), value.clone())).collect();
        metadata.insert("epoch".into(), self.epoch.to_string());
        metadata.insert("step".into(), self.step.to_string());
        metadata.insert("table_bytes".into(), self.table_bytes.to_string());
        let views: Vec<_> =
            tensors.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), values.as_slice())).collect();
        write_safetensors(path, &views, &metadata)?;
        Ok(())
    }

    pub(super) fn read(path: &Path, architecture: &Architecture) -> Result<Self> {
        let mut file = read(path, &crate::checkpoint::ReadOptions::default())?;
        let number = |key: &str| -> Result<u64> {
            let text = file.metadata.get(key).ok_or_else(|| anyhow!("{} lacks {key}", path.display()))?;
            text.parse().with_context(|| format!("{}: {key} = {text}", path.display()))
        };
        let (epoch, step, table_bytes) = (number("epoch")?, number("step")?, number("table_bytes")?);
        let mut optimiser = SavedState::default();
        for (key, value) in &file.metadata {
            if let Some(name) = key.strip_prefix(SCALAR) {
                optimiser.scalars.insert(name.into(), value.clone());
            }
        }
        let names: Vec<String> =
            file.tensors.iter().map(|(n, _)| n.to_string()).filter(|n| n.starts_with(OPTIMISER)).collect();
        for name in names {
            if let Some(tensor) = file.tensors.remove(&name) {
                optimiser.tensors.push((name, tensor.shape, tensor.values));
            }
        }
        let network = Network::from_checkpoint(architecture, &file)?;
        Ok(Self { epoch, step, network, optimiser, table_bytes })
    }
}
