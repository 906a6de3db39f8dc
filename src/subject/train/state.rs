//! The state from which a killed training goes on: weights, optimiser, and how much of the table stands.

use super::optimiser::SavedState;
use crate::checkpoint::{Checkpoint, read, write_safetensors};
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

/// A saved state, with the weights as they stand in its file.
pub(super) struct SavedFile {
    pub(super) epoch: u64,
    pub(super) step: u64,
    pub(super) optimiser: SavedState,
    pub(super) table_bytes: u64,
    pub(super) file: Checkpoint,
}

impl TrainingState {
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let tensors = super::super::network::tensors_of(&self.network);
        write_state(path, tensors, &self.optimiser, [self.epoch, self.step, self.table_bytes])
    }

    pub(super) fn read(path: &Path, architecture: &Architecture) -> Result<Self> {
        let SavedFile { epoch, step, optimiser, table_bytes, file } = read_state(path)?;
        let network = Network::from_checkpoint(architecture, &file)?;
        Ok(Self { epoch, step, network, optimiser, table_bytes })
    }
}

/// Writes weights, optimiser, and the numbers of epochs, steps and bytes of the table.
pub(super) fn write_state(
    path: &Path,
    mut tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
    optimiser: &SavedState,
    [epoch, step, table_bytes]: [u64; 3],
) -> Result<()> {
    tensors.extend(optimiser.tensors.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), values.clone())));
    let mut metadata: BTreeMap<String, String> =
        optimiser.scalars.iter().map(|(name, value)| (format!("{SCALAR}{name}"), value.clone())).collect();
    metadata.insert("epoch".into(), epoch.to_string());
    metadata.insert("step".into(), step.to_string());
    metadata.insert("table_bytes".into(), table_bytes.to_string());
    let views: Vec<_> =
        tensors.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), values.as_slice())).collect();
    write_safetensors(path, &views, &metadata)?;
    Ok(())
}

/// Reads what [`write_state`] wrote.
pub(super) fn read_state(path: &Path) -> Result<SavedFile> {
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
    Ok(SavedFile { epoch, step, optimiser, table_bytes, file })
}
