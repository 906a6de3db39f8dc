//! A fitted bottleneck in a folder: `model.safetensors` holds its tensors, `model.json` everything else.

use super::data::DataSpec;
use super::numbers;
use crate::run::{InputFile, RunFolder, write_atomic};
use anyhow::{Context, Result, ensure};
use narrows_probes::{Bottleneck, Record, registry};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const DESCRIPTION: &str = "model.json";
const TENSORS: &str = "model.safetensors";
const SCHEMA: &str = "narrows-concept-model-1";

/// A bottleneck with what is known of its fit.
#[derive(Debug)]
pub struct Model {
    /// Name in tables.
    pub probe: String,
    /// Builder's specification as it was given, or what was done to it since.
    pub specification: String,
    /// Seed of the fit and the split.
    pub seed: u64,
    /// The data that it was fitted to.
    pub data: DataSpec,
    /// Of its concepts over the training samples.
    pub statistics: Statistics,
    /// The bottleneck.
    pub bottleneck: Box<dyn Bottleneck>,
}

/// Mean and standard deviation of each concept over the training samples, on the bottleneck's own scale.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// One a concept.
    pub mean: Vec<f64>,
    /// One a concept.
    pub std: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    schema: String,
    probe: String,
    specification: String,
    seed: u64,
    data: DataSpec,
    statistics: Statistics,
    #[serde(flatten)]
    record: Record,
}

impl Model {
    /// Writes both files into the folder of a run.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &RunFolder) -> Result<()> {
        self.save_in(folder.path())
    }

    /// Writes both files into a folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save_in(&self, folder: &Path) -> Result<()> {
        let record = self.bottleneck.record();
        write_atomic(&folder.join(TENSORS), &numbers::encode(&record.tensors)?)?;
        let description = Description {
            schema: SCHEMA.into(),
            probe: self.probe.clone(),
            specification: self.specification.clone(),
            seed: self.seed,
            data: self.data.clone(),
            statistics: self.statistics.clone(),
            record,
        };
        write_atomic(&folder.join(DESCRIPTION), &serde_json::to_vec_pretty(&description)?)
    }

    /// Both files of the model at `path`, a folder or one of them, for the manifest of a run that reads it.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn files(path: &Path) -> Result<Vec<InputFile>> {
        let folder = folder_of(path);
        Ok(vec![InputFile::of(&folder.join(DESCRIPTION))?, InputFile::of(&folder.join(TENSORS))?])
    }

    /// Reads a model from its folder, or from the path of its `model.json`.
    ///
    /// # Errors
    /// When a file is missing or damaged, or of a builder that this version does not have.
    pub fn load(path: &Path) -> Result<Self> {
        let folder = folder_of(path);
        let described = folder.join(DESCRIPTION);
        ensure!(
            described.exists(),
            "{} holds no model: there is no {DESCRIPTION}; `narrows concept fit --out {}` makes one",
            folder.display(),
            folder.display()
        );
        let read = || -> Result<Self> {
            let text = std::fs::read(&described)?;
            let description: Description =
                serde_json::from_slice(&text).with_context(|| format!("{DESCRIPTION} cannot be understood"))?;
            ensure!(
                description.schema == SCHEMA,
                "it is of the kind '{}', and '{SCHEMA}' is known here",
                description.schema
            );
            let mut record = description.record;
            let bytes = std::fs::read(folder.join(TENSORS)).with_context(|| format!("cannot read {TENSORS}"))?;
            record.tensors = numbers::decode_all(&bytes).with_context(|| format!("{TENSORS} is damaged"))?;
            let width = record.names.concepts.len();
            let statistics = description.statistics;
            ensure!(
                statistics.mean.len() == width && statistics.std.len() == width,
                "{DESCRIPTION} names {width} concepts and has the means of {}",
                statistics.mean.len()
            );
            Ok(Self {
                statistics,
                probe: description.probe,
                specification: description.specification,
                seed: description.seed,
                data: description.data,
                bottleneck: registry::restore(&record)?,
            })
        };
        read().with_context(|| format!("cannot load the model in {}", folder.display()))
    }
}

fn folder_of(path: &Path) -> PathBuf {
    if path.file_name().is_some_and(|n| n == DESCRIPTION || n == TENSORS) {
        path.parent().unwrap_or(Path::new("")).to_path_buf()
    } else {
        path.to_path_buf()
    }
}
