//! Doing one cell: its process, what it leaves, and whether that can be kept.

use super::fingerprint::Fingerprints;
use super::holder::host;
use super::lease::Lease;
use super::plan::{Cell, Yields};
use super::process::{Trouble, perform};
use super::records::{Failure, Finished};
use super::state::CellState;
use super::work::Order;
use crate::run::InputFile;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often a process that is ended from outside is begun.
const TRIES: u32 = 2;

/// What came of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ended {
    /// It is in its place; it took so many seconds.
    Done(f64),
    /// It could not be done; that is remembered.
    Failed(String),
    /// This file changed meanwhile: the results were put away.
    Changed(String),
    /// Nothing can be written: it is no fault of the cell.
    Full(String),
    /// Another process has taken it over, since this one stood still for long.
    Lost,
}

/// Does a cell and puts it in its place.
pub(super) fn attempt(
    order: &Order,
    at: usize,
    lease: &Lease,
    prints: &Mutex<Fingerprints>,
    progress: &mut dyn FnMut(&Value),
) -> Result<Ended> {
    match attempted(order, at, lease, prints, progress) {
        Err(e) if is_full(&e) => Ok(Ended::Full(format!("{e:#}"))),
        Err(_) if !lease.is_ours() => Ok(Ended::Lost),
        ended => ended,
    }
}

fn attempted(
    order: &Order,
    at: usize,
    lease: &Lease,
    prints: &Mutex<Fingerprints>,
    progress: &mut dyn FnMut(&Value),
) -> Result<Ended> {
    let cell = &order.plan.cells[at];
    let (began, clock) = (Instant::now(), SystemTime::now());
    let (results, log) = (lease.folder().join("run"), lease.folder().join("log.txt"));
    let (message, keep) = match tries(order, cell, lease, (&results, &log), progress)? {
        None => {
            let mut prints = prints.lock().unwrap_or_else(PoisonError::into_inner);
            let beside = beside(order, cell, &results);
            if let Some(path) = changed(cell, &beside, clock, &mut prints) {
                lease.clear();
                return Ok(Ended::Changed(path));
            }
            let finished = Finished {
                id: cell.id.clone(),
                step: cell.step.clone(),
                label: cell.label.clone(),
                seconds: began.elapsed().as_secs_f64(),
                host: host(),
                also_read: beside.iter().filter_map(|path| prints.of(Path::new(path)).ok()).collect(),
                needs: cell.needs.iter().map(|&need| (order.plan.cells[need].id.clone(), mark(order, need))).collect(),
            };
            drop(prints);
            order.store.commit(&finished, &results, &lease.folder().join("old"))?;
            lease.clear();
            return Ok(Ended::Done(finished.seconds));
        }
        Some(Trouble::Storage(message)) => return Ok(Ended::Full(message)),
        Some(_) if !lease.is_ours() => return Ok(Ended::Lost),
        // What it has done so far stays for another try.
        Some(Trouble::Killed(message)) => (message, true),
        Some(Trouble::Failed(message)) => (message, false),
    };
    let tries = if let CellState::Failed(before) = &order.states.0[at] { before.tries + 1 } else { 1 };
    let failure = Failure {
        id: cell.id.clone(),
        step: cell.step.clone(),
        label: cell.label.clone(),
        message: message.clone(),
        tries,
        host: host(),
    };
    order.store.fail(&failure, &log)?;
    if !keep {
        lease.clear();
    }
    Ok(Ended::Failed(message))
}

/// Runs the cell's process; again from the beginning where what an earlier one left is of no use, and once more where it
/// was ended from outside.
fn tries(
    order: &Order,
    cell: &Cell,
    lease: &Lease,
    (results, log): (&Path, &Path),
    progress: &mut dyn FnMut(&Value),
) -> Result<Option<Trouble>> {
    let job = order.plan.job(cell, &|id| order.store.cell(id).display().to_string());
    let words = order.commands.words(&job, &lease.folder().join("config.toml"))?;
    let mut left = results.exists();
    let mut kills = 0;
    loop {
        if cell.yields != Yields::Run && results.exists() {
            remove(results)?;
            left = false;
        }
        let trouble = perform(&words, cell.yields, (results, log), order.threads, progress)?;
        match &trouble {
            Some(Trouble::Failed(_)) if left => {
                remove(results)?;
                left = false;
            }
            Some(Trouble::Killed(_)) => {
                // Whoever ends all processes of a job ends this one in a moment: then it is no failure of the cell.
                std::thread::sleep(Duration::from_secs(2));
                kills += 1;
                if kills >= TRIES {
                    return Ok(trouble);
                }
            }
            _ => return Ok(trouble),
        }
    }
}

/// A file that is another one than when the cell was planned, or that changed while it was read.
fn changed(cell: &Cell, beside: &[String], began: SystemTime, prints: &mut Fingerprints) -> Option<String> {
    for then in cell.inputs.iter().chain(&cell.read) {
        let now = prints.of(Path::new(&then.path));
        if !now.is_ok_and(|now| now.sha256 == then.sha256) {
            return Some(then.path.clone());
        }
    }
    let late = |path: &&String| {
        let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        found.and_then(|m| m.modified().ok()).is_some_and(|modified| modified >= began)
    };
    beside.iter().find(late).cloned()
}

/// What had decided a cell that is needed, beside its name.
fn mark(order: &Order, need: usize) -> String {
    order.store.finished(&order.plan.cells[need].id).map(|finished| finished.mark()).unwrap_or_default()
}

/// Files that the command says it read beside those that the job names: not those of other cells, which stay.
fn beside(order: &Order, cell: &Cell, results: &Path) -> Vec<String> {
    let read = std::fs::read(results.join("manifest.json")).ok();
    let manifest: Option<Value> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let inputs = manifest.and_then(|m| serde_json::from_value::<Vec<InputFile>>(m["inputs"].clone()).ok());
    let own = |path: &str| Path::new(path).starts_with(order.store.path());
    let named = |path: &str| cell.inputs.iter().any(|file| file.path == path);
    let paths = inputs.unwrap_or_default().into_iter().map(|file| file.path);
    paths.filter(|path| Path::new(path).exists() && !own(path) && !named(path)).collect()
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Whether an error says that nothing can be written.
pub fn is_full(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let io = error.chain().filter_map(|e| e.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    io.into_iter().any(|kind| matches!(kind, StorageFull | QuotaExceeded | ReadOnlyFilesystem))
        || format!("{error:#}").contains("No space left on device")
}
