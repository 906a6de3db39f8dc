//! A claim on a cell, so that two processes do not do the same work.
//!
//! Claims only save work. Should two processes hold one (a machine that slept, a file system that is late), both do the
//! cell, each in a folder of its own, and the first to be done puts it in place.
//!
//! No lock of the file system and no clock of another machine is trusted: a claim is a file that is made exclusively and
//! touched as long as its holder lives; who waits for it measures by its own clock how long it has stood still.

use super::holder::Holder;
use super::store::Store;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How often a claim is touched.
pub(super) const BEAT: Duration = Duration::from_secs(5);
/// A claim that has stood still as long is nobody's. Network file systems may show a change a minute late.
const STILL: Duration = Duration::from_secs(150);

/// A cell that is this process's to work on, until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    file: File,
    holder: Holder,
    folder: PathBuf,
}

/// What others were seen to hold, and since when nothing moved.
#[derive(Debug, Default)]
pub(super) struct Watched(HashMap<String, (SystemTime, Instant)>);

/// What came of asking for a cell.
#[derive(Debug)]
pub(super) enum Asked {
    /// It is ours.
    Ours(Lease),
    /// Somebody is at work on it.
    Held(Holder),
}

impl Lease {
    /// Asks for a cell; a claim whose holder is gone is taken over, with what it had begun.
    pub(super) fn ask(store: &Store, id: &str, watched: &mut Watched) -> Result<Asked> {
        let path = store.claim(id);
        if let Some((holder, moved)) = look(&path) {
            let since = watched.0.entry(id.to_string()).or_insert((moved, Instant::now()));
            if since.0 != moved {
                *since = (moved, Instant::now());
            }
            let stands_still = since.1.elapsed() >= STILL;
            if !(stands_still || holder.as_ref().is_some_and(Holder::is_gone)) {
                // A claim that cannot be read is being written.
                return Ok(Asked::Held(holder.unwrap_or_else(Holder::new)));
            }
            // Whoever renames it first has it.
            let aside = store.work().join(format!("claim-{}", Holder::new().nonce));
            let ours = fs::rename(&path, &aside).is_ok();
            // Another may have taken it over between the look and the renaming: then it is that one's, and goes back.
            let moved = look(&aside).and_then(|(holder, _)| holder);
            let another = ours && moved != holder;
            if another {
                let _ = fs::hard_link(&aside, &path);
            }
            let _ = fs::remove_file(&aside);
            watched.0.remove(id);
            if !ours || another {
                return Ok(Asked::Held(moved.or(holder).unwrap_or_else(Holder::new)));
            }
        }
        let holder = Holder::new();
        let folder = store.work().join(format!("{id}.{}", holder.nonce));
        let Some(file) = claim(store, &path, &holder)? else {
            let by = look(&path).and_then(|(holder, _)| holder);
            return Ok(Asked::Held(by.unwrap_or(holder)));
        };
        let lease = Self { path, file, holder, folder };
        lease.take_up(store, id)?;
        Ok(Asked::Ours(lease))
    }

    /// The folder to work in, with what an earlier holder left there.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Goes on where a holder that is gone left off. Under another name: should it live after all, it finds nothing there.
    fn take_up(&self, store: &Store, id: &str) -> Result<()> {
        for left in left_behind(store, id)? {
            if left != self.folder && !self.folder.exists() {
                let _ = fs::rename(&left, &self.folder);
            } else if left != self.folder {
                let _ = fs::remove_dir_all(&left);
            }
        }
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot create {}", self.folder.display()))
    }

    /// Whether the cell is still this process's: one that slept for long may have lost it.
    pub(super) fn is_ours(&self) -> bool {
        self.folder.exists() && look(&self.path).is_some_and(|(holder, _)| holder.as_ref() == Some(&self.holder))
    }

    /// Shows that this process lives.
    pub(super) fn touch(&self) {
        let _ = self.file.set_modified(SystemTime::now());
    }

    /// Removes the folder: nothing in it is needed any more.
    pub(super) fn clear(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Not one that somebody took over in the meantime.
        if look(&self.path).is_some_and(|(holder, _)| holder.as_ref() == Some(&self.holder)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a claim, whole and exclusively; none where there is one already.
fn claim(store: &Store, path: &Path, holder: &Holder) -> Result<Option<File>> {
    let cannot = || format!("cannot write {}", path.display());
    let beside = store.work().join(format!("claim-{}", holder.nonce));
    let written = || -> Result<File> {
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(holder)?)?;
        Ok(file)
    };
    let file = written();
    // A link is made whole or not at all, on network file systems too.
    let linked = file.is_ok().then(|| match fs::hard_link(&beside, path) {
        // A network may lose the answer and ask again: then the link that is there already is this one.
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && is_linked(&beside) => Ok(()),
        done => done,
    });
    let _ = fs::remove_file(&beside);
    let file = file.with_context(cannot)?;
    match linked {
        Some(Err(e)) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        Some(Err(e)) if matches!(e.kind(), std::io::ErrorKind::Unsupported | std::io::ErrorKind::PermissionDenied) => {
            // A file system without links: a kill between the two lines below leaves a claim that must stand still first.
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(mut file) => {
                    file.write_all(&serde_json::to_vec(holder)?).with_context(cannot)?;
                    Ok(Some(file))
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
                Err(e) => Err(e).with_context(cannot),
            }
        }
        Some(Err(e)) => Err(e).with_context(cannot),
        _ => Ok(Some(file)),
    }
}

#[cfg(unix)]
fn is_linked(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| std::os::unix::fs::MetadataExt::nlink(&m) > 1)
}

#[cfg(not(unix))]
fn is_linked(_: &Path) -> bool {
    false
}

/// Folders of a cell that is not finished.
fn left_behind(store: &Store, id: &str) -> Result<Vec<PathBuf>> {
    let start = format!("{id}.");
    let entries = fs::read_dir(store.work()).with_context(|| format!("cannot read {}", store.work().display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|e| e.file_name().to_string_lossy().starts_with(&start))
        .map(|e| e.path())
        .collect();
    found.sort();
    Ok(found)
}

/// Who holds a claim, where that can be read, and when it last moved.
fn look(path: &Path) -> Option<(Option<Holder>, SystemTime)> {
    let moved = fs::metadata(path).ok()?.modified().ok()?;
    Some((fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()), moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sweep::SweepFile;

    fn store(dir: &Path) -> Store {
        let text = "name = \"s\"\n[job]\ncommand = \"mi\"";
        Store::open(&dir.join("s"), &SweepFile::parse(text).unwrap(), text, "s").unwrap()
    }

    fn ours(store: &Store, watched: &mut Watched) -> Lease {
        match Lease::ask(store, "abcd", watched).unwrap() {
            Asked::Ours(lease) => lease,
            Asked::Held(by) => panic!("held by {by:?}"),
        }
    }

    #[test]
    fn a_cell_is_one_holders_until_it_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let mut watched = Watched::default();
        let first = ours(&store, &mut watched);
        assert!(matches!(Lease::ask(&store, "abcd", &mut watched).unwrap(), Asked::Held(by) if by == first.holder));
        fs::write(first.folder().join("half"), "x").unwrap();
        drop(first);
        let second = ours(&store, &mut watched);
        assert!(second.folder().join("half").exists(), "what was begun is gone on with");
        second.clear();
        drop(second);
        assert_eq!(
            fs::read_dir(store.work()).unwrap().count() + fs::read_dir(store.path().join("claims")).unwrap().count(),
            0
        );
    }

    #[test]
    fn the_claim_of_a_process_that_is_gone_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let mut gone = Holder::new();
        gone.pid = u32::MAX - 1;
        fs::write(store.claim("abcd"), serde_json::to_vec(&gone).unwrap()).unwrap();
        drop(ours(&store, &mut Watched::default()));
        // Of another machine nothing is known, until it has stood still for long.
        gone.host = "elsewhere".into();
        fs::write(store.claim("abcd"), serde_json::to_vec(&gone).unwrap()).unwrap();
        let mut watched = Watched::default();
        assert!(matches!(Lease::ask(&store, "abcd", &mut watched).unwrap(), Asked::Held(_)));
        watched.0.get_mut("abcd").unwrap().1 = Instant::now().checked_sub(STILL).unwrap();
        let lease = ours(&store, &mut watched);
        // A holder that wakes up does not remove what is another's now.
        let late = Lease {
            path: lease.path.clone(),
            file: File::open(&lease.path).unwrap(),
            holder: gone,
            folder: "x".into(),
        };
        drop(late);
        assert!(lease.path.exists());
    }
}
