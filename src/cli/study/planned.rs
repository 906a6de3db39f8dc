//! A study of many jobs with its plan, from its file or from its folder.

use crate::cli::job::OwnCommands;
use crate::study::sweep::{Plan, States, Store, SweepFile, is_full};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A study with its plan.
pub(super) struct Planned {
    pub(super) file: SweepFile,
    pub(super) plan: Plan,
    pub(super) store: Store,
}

impl Planned {
    /// Reads a study's file and plans it in a folder.
    pub(super) fn of_file(source: &str, out: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(source).with_context(|| format!("cannot read the study {source}"))?;
        let file = SweepFile::read(Path::new(source))?;
        // Before the folder is made: a study that cannot be planned leaves nothing behind.
        let plan = plan_of(&file, source, &Store::fingerprints_in(out))?;
        let store = Store::open(out, &file, &text, source).map_err(|e| {
            if is_full(&e) {
                e.context(format!("nothing can be written to {}: make room, or give another --out", out.display()))
            } else {
                e
            }
        })?;
        Ok(Self { file, plan, store })
    }

    /// The study of a folder, or of a file whose folder is the usual one. Relative paths count from where it was begun.
    pub(super) fn existing(place: &Path) -> Result<Self> {
        let folder = if place.is_file() { usual_folder(&SweepFile::read(place)?) } else { place.to_path_buf() };
        let (store, opening, file) = Store::existing(&folder)?;
        std::env::set_current_dir(&opening.directory).with_context(|| {
            format!(
                "the study in {} was begun in {}, which cannot be entered, and relative paths in it count from there; where it was \
                 moved, `narrows study run` in the new place makes that known",
                folder.display(),
                opening.directory.display()
            )
        })?;
        let plan = plan_of(&file, &opening.source, &store.fingerprints())?;
        Ok(Self { file, plan, store })
    }
}

fn plan_of(file: &SweepFile, source: &str, kept: &Path) -> Result<Plan> {
    Plan::of(file, &OwnCommands::new(), kept).with_context(|| format!("the study {source} cannot be used"))
}

/// Where a study's folder is when nobody says.
pub(super) fn usual_folder(file: &SweepFile) -> PathBuf {
    Path::new("notebooks-out").join(&file.name)
}

/// A study and its folder as the words that follow `narrows study run`.
pub(super) fn spoken(file: &SweepFile, source: &str, out: &Path) -> String {
    if out == usual_folder(file) { source.to_string() } else { format!("{source} --out {}", out.display()) }
}

/// The plan of a study, and how its cells stand in a folder. Nothing is written: where there is no folder yet, none is done.
pub(super) fn looked_at(file: &SweepFile, source: &str, out: &Path) -> Result<(Plan, States)> {
    let plan = plan_of(file, source, &Store::fingerprints_in(out))?;
    let store = match Store::is_one(out).then(|| Store::existing(out)).transpose()? {
        Some((store, opening, _)) => {
            opening.check_directory(out)?;
            Some(store)
        }
        None => None,
    };
    let states = store.map_or_else(|| States::none(plan.cells.len()), |s| States::look(&plan, &s));
    Ok((plan, states))
}
