//! The folder `submit/` of a study: one numbered folder a submission, with its scripts, its logs, and notes on its jobs.

use super::Submission;
use crate::run::write_atomic;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A submission's place, `submit/N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number, from 1.
    pub number: usize,
    /// Its folder.
    pub path: PathBuf,
}

/// What is known of a submission: notes for people, on which nothing rests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    /// When it was handed in.
    pub submitted: String,
    /// What takes the jobs.
    pub engine: String,
    /// Number of the array, as the scheduler called it.
    pub array: String,
    /// Number of the job that merges; none where it was refused.
    pub merge: Option<String>,
    /// Tasks of the array.
    pub tasks: usize,
    /// Cells of the study.
    pub cells: usize,
    /// Cells that were done when it was handed in.
    pub done: usize,
}

const ARRAY: &str = "array.sh";
const MERGE: &str = "merge.sh";
const NOTES: &str = "jobs.json";

impl Kept {
    /// The place that the next submission of the study in `folder` would have; nothing is made.
    pub fn next(folder: &Path) -> Self {
        let number = numbers(folder).into_iter().max().unwrap_or(0) + 1;
        Self { number, path: at(folder, number) }
    }

    /// Makes the place of the next submission. Of two that ask at once each gets its own.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn create(folder: &Path) -> Result<Self> {
        let cannot = |path: &Path| format!("cannot make the folder {}", path.display());
        let all = folder.join("submit");
        fs::create_dir_all(&all).with_context(|| cannot(&all))?;
        loop {
            let kept = Self::next(folder);
            match fs::create_dir(&kept.path) {
                Ok(()) => return Ok(kept),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(e).with_context(|| cannot(&kept.path)),
            }
        }
    }

    /// The script of the array.
    pub fn array(&self) -> PathBuf {
        self.path.join(ARRAY)
    }

    /// The script of the job that merges.
    pub fn merge(&self) -> PathBuf {
        self.path.join(MERGE)
    }

    /// Writes the scripts, and makes the folder of the logs: without it Slurm fails a job and says nothing.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write(&self, submission: &Submission) -> Result<()> {
        let logs = submission.logs();
        fs::create_dir_all(&logs).with_context(|| format!("cannot make the folder {}", logs.display()))?;
        write_atomic(&self.array(), submission.array_script()?.as_bytes())?;
        write_atomic(&self.merge(), submission.merge_script()?.as_bytes())
    }

    /// Writes what is known of the jobs.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn note(&self, notes: &Notes) -> Result<()> {
        write_atomic(&self.path.join(NOTES), &serde_json::to_vec_pretty(notes)?)
    }

    /// The submissions of the study in `folder` that came through, oldest first.
    pub fn earlier(folder: &Path) -> Vec<(Self, Notes)> {
        let mut numbers = numbers(folder);
        numbers.sort_unstable();
        let read = |number| {
            let kept = Self { number, path: at(folder, number) };
            let text = fs::read_to_string(kept.path.join(NOTES)).ok()?;
            Some((kept, serde_json::from_str(&text).ok()?))
        };
        numbers.into_iter().filter_map(read).collect()
    }
}

fn at(folder: &Path, number: usize) -> PathBuf {
    folder.join("submit").join(number.to_string())
}

fn numbers(folder: &Path) -> Vec<usize> {
    let entries = fs::read_dir(folder.join("submit")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_submission_has_its_own_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Kept::next(dir.path()).number, 1);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let first = Kept::create(dir.path()).unwrap();
        let second = Kept::create(dir.path()).unwrap();
        assert_eq!((first.number, second.number), (1, 2));
        assert_eq!(second.array(), dir.path().join("submit/2/array.sh"));
        let notes = Notes {
            submitted: "2026-01-01T00:00:00Z".into(),
            engine: "slurm".into(),
            array: "12".into(),
            merge: None,
            tasks: 4,
            cells: 80,
            done: 3,
        };
        second.note(&notes).unwrap();
        // What was never handed in, or is no submission, is not among the earlier ones.
        fs::write(dir.path().join("submit/notes"), "mine").unwrap();
        assert_eq!(Kept::earlier(dir.path()), [(second, notes)]);
    }
}
