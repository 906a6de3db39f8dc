//! The finished cells of a plane that is under way, one line each, so that a killed run computes none twice.

use super::cell::Cell;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A cell with its place: checkpoint and layer, counted from 0 in the job's order.
#[derive(Serialize, Deserialize)]
struct Line {
    checkpoint: usize,
    layer: usize,
    cell: Cell,
}

/// Cells by checkpoint and layer.
pub(super) type Finished = HashMap<(usize, usize), Cell>;

pub(super) struct Ledger {
    file: Mutex<File>,
}

impl Ledger {
    /// Opens the ledger and reads the cells that stand in it. A line that a kill cut short is cut off.
    pub(super) fn open(path: &Path) -> Result<(Self, Finished)> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
        };
        let mut cells = HashMap::new();
        let mut sound = 0;
        for line in text.split_inclusive('\n') {
            let Some(parsed) = line.strip_suffix('\n').and_then(|l| serde_json::from_str::<Line>(l).ok()) else {
                break;
            };
            cells.insert((parsed.checkpoint, parsed.layer), parsed.cell);
            sound += line.len();
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        file.set_len(sound as u64)?;
        Ok((Self { file: Mutex::new(file) }, cells))
    }

    /// Adds a finished cell.
    pub(super) fn add(&self, checkpoint: usize, layer: usize, cell: &Cell) -> Result<()> {
        let mut line = serde_json::to_vec(&Line { checkpoint, layer, cell: cell.clone() })?;
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

    fn cell() -> Cell {
        Cell { rows: vec![], timings: vec![] }
    }

    #[test]
    fn a_torn_line_is_forgotten_and_the_rest_stands() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cells.jsonl");
        let (ledger, found) = Ledger::open(&path).unwrap();
        assert!(found.is_empty());
        ledger.add(0, 1, &cell()).unwrap();
        ledger.add(2, 0, &cell()).unwrap();
        drop(ledger);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let (ledger, found) = Ledger::open(&path).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), [&(0, 1)]);
        ledger.add(2, 0, &cell()).unwrap();
        drop(ledger);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}
