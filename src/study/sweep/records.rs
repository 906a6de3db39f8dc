//! What is remembered of a study and of its cells, in files of its folder.

use crate::run::{InputFile, hexadecimal};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Schema of `study.json`.
pub(super) const SCHEMA: &str = "narrows-study/1";

/// `study.json`: what makes a folder that of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// Schema of this file.
    pub(super) schema: String,
    /// The program that wrote it.
    pub(super) program: String,
    /// The study's name.
    pub name: String,
    /// The folder that relative paths in the study count from.
    pub directory: PathBuf,
    /// The file that the study was read from.
    pub source: String,
    /// Its text.
    pub text: String,
}

/// `cell.json`: what is remembered of a finished cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Its name.
    pub id: String,
    /// The step.
    pub step: String,
    /// Its values in short.
    pub label: String,
    /// Time that it took.
    pub seconds: f64,
    /// Where it was done.
    pub host: String,
    /// Files that were read beside those that the job names.
    pub also_read: Vec<InputFile>,
    /// What the cells that it needs had read so, by their names, each as [`Finished::mark`].
    pub needs: BTreeMap<String, String>,
}

impl Opening {
    /// Refuses another working folder than that in which the study in `path` was begun. A project that was moved as a whole
    /// counts from where it is now.
    ///
    /// # Errors
    /// When the folder is another one.
    pub fn check_directory(&self, path: &Path) -> Result<()> {
        let here = std::env::current_dir().context("there is no working directory")?;
        ensure!(
            self.directory == here || !self.directory.exists(),
            "the study in {} was begun in {}, and relative paths in it count from there: go there, or give another --out",
            path.display(),
            self.directory.display()
        );
        Ok(())
    }
}

impl Finished {
    /// What decided the results beside what the name says: equal where the same files were read beside those that jobs name,
    /// by this cell and by those that it needs.
    pub fn mark(&self) -> String {
        let read: Vec<(&str, &str)> = self.also_read.iter().map(|f| (f.path.as_str(), f.sha256.as_str())).collect();
        if read.is_empty() && self.needs.values().all(String::is_empty) {
            return String::new();
        }
        hexadecimal(&Sha256::digest(serde_json::json!([read, self.needs]).to_string())[..8])
    }
}

/// What is remembered of a cell that could not be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Its name.
    pub id: String,
    /// The step.
    pub step: String,
    /// Its values in short.
    pub label: String,
    /// What the command said.
    pub message: String,
    /// How often it was tried.
    pub tries: u32,
    /// Where.
    pub host: String,
}
