//! The finished cells of a job that is under way, one line each, so that a killed run computes none twice.

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A file of one JSON value a line.
pub(crate) struct Ledger<T> {
    file: Mutex<File>,
    lines: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> Ledger<T> {
    /// Opens the ledger and reads what stands in it. A line that a kill cut short is cut off.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<T>)> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
        };
        let mut lines = Vec::new();
        let mut sound = 0;
        for line in text.split_inclusive('\n') {
            let Some(parsed) = line.strip_suffix('\n').and_then(|l| serde_json::from_str::<T>(l).ok()) else {
                break;
            };
            lines.push(parsed);
            sound += line.len();
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        file.set_len(sound as u64)?;
        Ok((Self { file: Mutex::new(file), lines: PhantomData }, lines))
    }

    /// Adds a finished cell.
    pub(crate) fn add(&self, cell: &T) -> Result<()> {
        let mut line = serde_json::to_vec(cell)?;
        line.push(b'\n');
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(&line)
            .context("cannot write the ledger of finished cells")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_forgotten_and_the_rest_stands() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cells.jsonl");
        let (ledger, found) = Ledger::<(u32, String)>::open(&path).unwrap();
        assert!(found.is_empty());
        ledger.add(&(1, "a".into())).unwrap();
        ledger.add(&(2, "b".into())).unwrap();
        drop(ledger);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let (ledger, found) = Ledger::<(u32, String)>::open(&path).unwrap();
        assert_eq!(found, [(1, "a".to_string())]);
        ledger.add(&(2, "b".into())).unwrap();
        drop(ledger);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}
