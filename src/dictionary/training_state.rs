//! What a killed training goes on from: one file, written whole or not at all.

use crate::run::write_atomic;
use crate::table::DictionaryTrainingRow;
use anyhow::{Context, Result, ensure};
use narrows_dictionaries::train::State;
use ndarray::ArrayD;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const FILE: &str = "training.safetensors";
const KEY: &str = "narrows";

/// What is kept beside the trainers' own states.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Steps done.
    pub(super) steps: u64,
    /// How the training went.
    pub(super) training: Vec<DictionaryTrainingRow>,
    /// Best explained variance of each dictionary on the rows held out.
    pub(super) best: Vec<f64>,
    /// Epochs since one gained.
    pub(super) idle: u64,
    /// Whether the training has been ended early.
    pub(super) stopped: bool,
}

#[derive(Serialize, Deserialize)]
struct Header {
    kept: Kept,
    trainers: Vec<serde_json::Value>,
}

/// Keeps the states of all trainers.
pub(super) fn keep(folder: &Path, kept: &Kept, states: &[State]) -> Result<()> {
    let header = Header { kept: kept.clone(), trainers: states.iter().map(|s| s.json.clone()).collect() };
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = vec![];
    for (layer, state) in states.iter().enumerate() {
        for (name, values) in &state.tensors {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            tensors.push((format!("{layer}/{name}"), values.shape().to_vec(), bytes));
        }
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    let header = HashMap::from([(KEY.to_string(), serde_json::to_string(&header)?)]);
    write_atomic(&folder.join(FILE), &safetensors::serialize(views, Some(header))?)
}

/// What was kept, if anything was.
pub(super) fn kept(folder: &Path, layers: usize) -> Result<Option<(Kept, Vec<State>)>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = || -> Result<(Kept, Vec<State>)> {
        let (_, metadata) = SafeTensors::read_metadata(&bytes)?;
        let header = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).context("its header lacks the state")?;
        let header: Header = serde_json::from_str(header)?;
        ensure!(header.trainers.len() == layers, "it is of {} layer(s)", header.trainers.len());
        let mut states: Vec<State> =
            header.trainers.into_iter().map(|json| State { json, tensors: BTreeMap::new() }).collect();
        for (name, view) in SafeTensors::deserialize(&bytes)?.tensors() {
            let (layer, name) = name.split_once('/').context("a tensor has another name")?;
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let state = states.get_mut(layer.parse::<usize>()?).context("a tensor is of no layer")?;
            state.tensors.insert(name.into(), ArrayD::from_shape_vec(view.shape().to_vec(), values)?);
        }
        Ok((header.kept, states))
    };
    read().map(Some).with_context(|| format!("{} is damaged: begin anew with --force", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{IxDyn, array};

    #[test]
    fn what_is_kept_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        assert!(kept(dir.path(), 1).unwrap().is_none());
        let tensors = BTreeMap::from([
            ("0.encoder".to_string(), array![[1f32, 2.5], [3.0, -0.1]].into_dyn()),
            ("0.bias".to_string(), ArrayD::zeros(IxDyn(&[2]))),
        ]);
        let states = vec![State { json: serde_json::json!({ "steps_done": 3 }), tensors }];
        let before = Kept { steps: 3, best: vec![0.5], ..Kept::default() };
        keep(dir.path(), &before, &states).unwrap();
        assert_eq!(kept(dir.path(), 1).unwrap().unwrap(), (before, states));
        std::fs::write(dir.path().join(FILE), b"short").unwrap();
        assert!(format!("{:#}", kept(dir.path(), 1).unwrap_err()).contains("begin anew with --force"));
    }
}
