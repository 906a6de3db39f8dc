//! Several fitted bottlenecks, each with the data that it is looked at on.

use super::data_args::ConceptDataArgs;
use super::ending::Said;
use super::tell_apart;
use crate::concept::{DataSpec, Model, Subject};
use crate::run::InputFile;
use anyhow::Result;
use std::path::PathBuf;

/// Bottlenecks with their data.
pub(super) struct Loaded {
    pub(super) models: Vec<Model>,
    pub(super) subjects: Vec<Subject>,
    /// Where the data of each come from.
    pub(super) data: Vec<DataSpec>,
    /// Every file that was read, once.
    pub(super) files: Vec<InputFile>,
}

impl Loaded {
    /// The models of these folders, told apart where they have one name; each on the data that were given, or on its own.
    pub(super) fn of(paths: &[PathBuf], data: &ConceptDataArgs) -> Result<Self> {
        let mut models = paths.iter().map(|path| Model::load(path)).collect::<Result<Vec<_>>>()?;
        tell_apart(&mut models, paths);
        let data: Vec<DataSpec> = models.iter().map(|m| data.spec_for(&m.data)).collect();
        let (mut files, mut subjects) = (vec![], vec![]);
        for ((model, path), data) in models.iter().zip(paths).zip(&data) {
            files.extend(Model::files(path)?);
            let subject = data.load(model.seed)?;
            files.extend(subject.files.iter().filter(|f| !files.contains(f)).cloned().collect::<Vec<_>>());
            subjects.push(subject);
        }
        Ok(Self { models, subjects, data, files })
    }

    /// Each model with its data.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&Model, &Subject)> {
        self.models.iter().zip(&self.subjects)
    }

    /// What is said at the end, with where the data come from.
    pub(super) fn said(&self, findings: Vec<String>, warnings: Vec<String>) -> Said {
        Said { attribution: self.subjects.iter().find_map(|s| s.attribution), findings, warnings }
    }
}
