//! Trained transformers in a folder: `model.safetensors` holds their parameters, `model.json` the plan.

use super::Plan;
use crate::checkpoint::{ReadOptions, read, write_safetensors};
use crate::run::{InputFile, write_atomic};
use anyhow::{Context, Result, ensure};
use narrows_dictionaries::transformer::Model;
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DESCRIPTION: &str = "model.json";
const TENSORS: &str = "model.safetensors";
const SCHEMA: &str = "narrows-codebook-model-1";

/// Models with the plan that they were trained by.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The plan.
    pub plan: Plan,
    /// Steps that each was trained for.
    pub steps: BTreeMap<String, u64>,
    /// The models, `codebook` and perhaps `plain`.
    pub models: BTreeMap<String, Model>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    schema: String,
    plan: Plan,
    steps: BTreeMap<String, u64>,
}

impl Saved {
    /// Writes both files.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let named = self.models.iter().flat_map(|(model, m)| m.parameters().iter().map(move |(n, a)| (model, n, a)));
        let arrays = named.map(|(model, name, array)| (format!("{model}.{name}"), array));
        write_arrays(&folder.join(TENSORS), arrays, &BTreeMap::new())?;
        let description = Description { schema: SCHEMA.into(), plan: self.plan.clone(), steps: self.steps.clone() };
        write_atomic(&folder.join(DESCRIPTION), &serde_json::to_vec_pretty(&description)?)
    }

    /// The files that a run's models are in.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn files(folder: &Path) -> Result<Vec<InputFile>> {
        [DESCRIPTION, TENSORS].iter().map(|name| InputFile::of(&folder.join(name))).collect()
    }

    /// Reads both files.
    ///
    /// # Errors
    /// When one is missing, is of something else, or does not go with the other.
    pub fn load(folder: &Path) -> Result<Self> {
        let file: PathBuf = folder.join(DESCRIPTION);
        let shown = file.display();
        let text = std::fs::read(&file)
            .with_context(|| format!("cannot read {shown}: a folder of narrows codebook train is expected"))?;
        let schema: serde_json::Value = serde_json::from_slice(&text).with_context(|| format!("{shown} is no JSON"))?;
        let schema = schema.get("schema").and_then(serde_json::Value::as_str).unwrap_or("none");
        ensure!(
            schema == SCHEMA,
            "{shown} has the schema '{schema}', but '{SCHEMA}' is expected: give a folder of narrows codebook train"
        );
        let Description { plan, steps, .. } =
            serde_json::from_slice(&text).with_context(|| format!("{shown} cannot be understood"))?;
        let (arrays, _) = read_arrays(&folder.join(TENSORS))?;
        let mut models = BTreeMap::new();
        for (name, with_codebooks) in plan.models() {
            let prefix = format!("{name}.");
            let own = arrays.iter().filter_map(|(n, a)| Some((n.strip_prefix(&prefix)?.to_owned(), a.clone())));
            let model = Model::from_parameters(plan.config(with_codebooks), own.collect())
                .with_context(|| format!("{}: the model '{name}'", folder.join(TENSORS).display()))?;
            models.insert(name.to_owned(), model);
        }
        Ok(Self { plan, steps, models })
    }
}

/// Arrays and metadata as a safetensors file.
pub(super) fn write_arrays<'a>(
    path: &Path,
    arrays: impl Iterator<Item = (String, &'a ArrayD<f32>)>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    let arrays: Vec<(String, Vec<usize>, Vec<f32>)> =
        arrays.map(|(name, a)| (name, a.shape().to_vec(), a.iter().copied().collect())).collect();
    let views: Vec<_> = arrays.iter().map(|(n, s, v)| (n.clone(), s.clone(), v.as_slice())).collect();
    write_safetensors(path, &views, metadata)
}

/// Arrays by name, and what the file says as text.
type Arrays = (BTreeMap<String, ArrayD<f32>>, BTreeMap<String, String>);

/// The same, read back.
pub(super) fn read_arrays(path: &Path) -> Result<Arrays> {
    let mut file = read(path, &ReadOptions::default())?;
    let names: Vec<String> = file.tensors.iter().map(|(n, _)| n.to_string()).collect();
    let mut arrays = BTreeMap::new();
    for name in names {
        if let Some(tensor) = file.tensors.remove(&name) {
            arrays.insert(name, ArrayD::from_shape_vec(IxDyn(&tensor.shape), tensor.values)?);
        }
    }
    Ok((arrays, file.metadata.into_iter().collect()))
}
