//! The folder of a study: finished cells, failures, and who is at work.
//!
//! Everything in it appears whole, by renaming, and no file is written by two processes: any number of them, on any number
//! of machines that share the folder, may work on it at once, and any may be killed at any moment.

use super::records::{Failure, Finished, Opening, SCHEMA};
use super::spec::SweepFile;
use crate::run::{PARTIAL, write_atomic};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a study.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

const STUDY: &str = "study.json";
const CELL: &str = "cell.json";

impl Store {
    /// Opens the folder for a study that was read from `source`; makes it where there is none. A study of the same name
    /// may have grown since: cells that it still has stay.
    ///
    /// # Errors
    /// When the folder holds another study or foreign files, or cannot be written.
    pub fn open(path: &Path, file: &SweepFile, text: &str, source: &str) -> Result<Self> {
        let shown = path.display();
        ensure!(!path.exists() || path.is_dir(), "{shown} is a file, but a study needs a folder: give another --out");
        let directory = std::env::current_dir().context("there is no working directory")?;
        let opening = Opening {
            schema: SCHEMA.into(),
            program: concat!("narrows ", env!("CARGO_PKG_VERSION")).into(),
            name: file.name.clone(),
            directory,
            source: source.into(),
            text: text.into(),
        };
        let study = path.join(STUDY);
        if study.exists() {
            let before = Self::read_opening(path)?;
            ensure!(
                before.name == opening.name,
                "{shown} is the folder of the study '{}', and this one is called '{}': give another --out",
                before.name,
                opening.name
            );
            before.check_directory(path)?;
            if before == opening {
                remove_old_partials(path);
                return Self::at(path);
            }
        } else if path.exists() && fs::read_dir(path).with_context(|| format!("cannot read {shown}"))?.next().is_some()
        {
            // Another process may have begun the same study a moment ago, and stand between folder and file.
            let ours = |e: &fs::DirEntry| {
                ["cells", "claims", "work", "failures", "submit"].iter().any(|n| e.file_name() == *n)
                    || e.file_name().to_string_lossy().starts_with('.')
            };
            let foreign = fs::read_dir(path)?.filter_map(Result::ok).find(|e| !ours(e));
            if let Some(foreign) = foreign {
                bail!(
                    "{shown} holds files that are not a study of narrows ({}); they are left alone: give another --out",
                    foreign.file_name().to_string_lossy()
                );
            }
        }
        for folder in ["cells", "claims", "work", "failures"] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        remove_old_partials(path);
        write_atomic(&study, &serde_json::to_vec_pretty(&opening)?)?;
        Self::at(path)
    }

    /// The study that a folder holds.
    ///
    /// # Errors
    /// When it holds none, or its file cannot be understood.
    pub fn existing(path: &Path) -> Result<(Self, Opening, SweepFile)> {
        let opening = Self::read_opening(path)?;
        let file = SweepFile::parse(&opening.text).with_context(|| format!("the study in {}", path.display()))?;
        Ok((Self::at(path)?, opening, file))
    }

    /// Whether a folder is that of a study.
    pub fn is_one(path: &Path) -> bool {
        path.join(STUDY).exists()
    }

    fn read_opening(path: &Path) -> Result<Opening> {
        let file = path.join(STUDY);
        ensure!(
            file.exists(),
            "{} is not the folder of a study: it has no {STUDY}; `narrows study run STUDY.toml --out DIR` makes one",
            path.display()
        );
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let opening: Opening =
            serde_json::from_slice(&bytes).with_context(|| format!("{} cannot be understood", file.display()))?;
        ensure!(opening.schema == SCHEMA, "{} is of another version: {}", file.display(), opening.schema);
        Ok(opening)
    }

    fn at(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).with_context(|| format!("cannot use {}", path.display()))?;
        Ok(Self { path })
    }

    /// The folder, from the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a finished cell is.
    pub fn cell(&self, id: &str) -> PathBuf {
        self.path.join("cells").join(&id[..2]).join(id)
    }

    /// Where the claim on a cell is.
    pub(super) fn claim(&self, id: &str) -> PathBuf {
        self.path.join("claims").join(id)
    }

    /// Where unfinished cells are.
    pub(super) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Where what is known of files is kept.
    pub fn fingerprints(&self) -> PathBuf {
        Self::fingerprints_in(&self.path)
    }

    /// The same for a folder in which there may be no study yet.
    pub fn fingerprints_in(path: &Path) -> PathBuf {
        path.join(".inputs.json")
    }

    /// What is remembered of a finished cell; none where it is not finished.
    pub fn finished(&self, id: &str) -> Option<Finished> {
        let found: Finished = serde_json::from_slice(&fs::read(self.cell(id).join(CELL)).ok()?).ok()?;
        (found.id == id).then_some(found)
    }

    /// Puts a cell whose results stand in `results` into its place, whole. One that is there already stays, unless other files
    /// had decided it; what is known not to be wanted is left in `aside`.
    pub(super) fn commit(&self, finished: &Finished, results: &Path, aside: &Path) -> Result<()> {
        write_atomic(&results.join(CELL), &serde_json::to_vec_pretty(finished)?)?;
        let target = self.cell(&finished.id);
        let above = target.parent().unwrap_or(&self.path).to_path_buf();
        fs::create_dir_all(&above).with_context(|| format!("cannot create {}", above.display()))?;
        if target.exists() && self.finished(&finished.id).is_none_or(|there| there.mark() != finished.mark()) {
            let _ = fs::rename(&target, aside);
        }
        match fs::rename(results, &target) {
            // Another process was faster: its results are the same.
            Err(_) if self.finished(&finished.id).is_some() => {}
            done => done.with_context(|| format!("cannot put the finished cell into {}", target.display()))?,
        }
        // A folder's entries are on the disk when the folder is.
        if let Ok(folder) = fs::File::open(&above) {
            let _ = folder.sync_all();
        }
        let _ = fs::remove_file(self.failure_file(&finished.id));
        let _ = fs::remove_file(self.failure_log(&finished.id));
        Ok(())
    }

    fn failure_file(&self, id: &str) -> PathBuf {
        self.path.join("failures").join(format!("{id}.json"))
    }

    /// Where the log of a failed cell is kept.
    pub fn failure_log(&self, id: &str) -> PathBuf {
        self.path.join("failures").join(format!("{id}.log"))
    }

    /// What is remembered of a cell's failure.
    pub fn failure(&self, id: &str) -> Option<Failure> {
        serde_json::from_slice(&fs::read(self.failure_file(id)).ok()?).ok()
    }

    /// Remembers a failure, and what the command printed.
    pub(super) fn fail(&self, failure: &Failure, log: &Path) -> Result<()> {
        if log.exists() {
            fs::copy(log, self.failure_log(&failure.id)).context("cannot keep the log of a failed cell")?;
        }
        write_atomic(&self.failure_file(&failure.id), &serde_json::to_vec_pretty(failure)?)
    }
}

/// Removes unfinished tables that a merge left which was killed; not those of one that may be under way.
fn remove_old_partials(path: &Path) {
    let old = |e: &fs::DirEntry| {
        let modified = e.metadata().and_then(|m| m.modified()).ok();
        e.file_name().to_string_lossy().starts_with(PARTIAL)
            && modified.and_then(|m| m.elapsed().ok()).is_some_and(|age| age.as_secs() > 3600)
    };
    for entry in fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).filter(old) {
        let _ = fs::remove_file(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::InputFile;
    use std::collections::BTreeMap;

    const TEXT: &str = "name = \"s\"\n[job]\ncommand = \"mi\"";

    fn finished(id: &str, read: &str) -> Finished {
        let file = |sha256: &str| InputFile { path: "beside".into(), bytes: 1, sha256: sha256.into() };
        Finished {
            id: id.into(),
            step: "job".into(),
            label: "".into(),
            seconds: 1.0,
            host: "h".into(),
            also_read: if read.is_empty() { vec![] } else { vec![file(read)] },
            needs: BTreeMap::new(),
        }
    }

    #[test]
    fn a_folder_is_one_studys_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = SweepFile::parse(TEXT).unwrap();
        let path = dir.path().join("a");
        Store::open(&path, &file, TEXT, "s.toml").unwrap();
        Store::open(&path, &file, TEXT, "s.toml").unwrap();
        assert_eq!(Store::existing(&path).unwrap().2, file);
        let other = SweepFile::parse(&TEXT.replace("\"s\"", "\"t\"")).unwrap();
        let e = Store::open(&path, &other, TEXT, "t.toml").unwrap_err().to_string();
        assert!(e.contains("the study 's', and this one is called 't'"), "{e}");
        fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        assert!(Store::open(dir.path(), &file, TEXT, "s").unwrap_err().to_string().contains("left alone"));
        assert!(Store::existing(dir.path()).unwrap_err().to_string().contains("not the folder of a study"));
    }

    #[test]
    fn cells_come_whole_and_the_first_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("s"), &SweepFile::parse(TEXT).unwrap(), TEXT, "s").unwrap();
        let put = |text: &str, read: &str| {
            let results = store.work().join("x");
            fs::create_dir(&results).unwrap();
            fs::write(results.join("table"), text).unwrap();
            store.commit(&finished("abcd", read), &results, &store.work().join("old")).unwrap();
            let _ = (fs::remove_dir_all(&results), fs::remove_dir_all(store.work().join("old")));
            fs::read_to_string(store.cell("abcd").join("table")).unwrap()
        };
        assert!(store.finished("abcd").is_none());
        assert_eq!(put("1", ""), "1");
        assert_eq!(put("2", ""), "1");
        assert_eq!(put("3", "another file beside"), "3");
        fs::write(store.cell("abcd").join(CELL), "{").unwrap();
        assert!(store.finished("abcd").is_none(), "what is torn is not finished");
        assert_eq!(put("4", ""), "4");
    }
}
