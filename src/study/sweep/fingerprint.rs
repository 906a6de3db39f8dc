//! What files were, by their content; a file that has not changed since is not read again.

use crate::checkpoint::companions;
use crate::run::{InputFile, within, write_atomic};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Files and what they were found to be.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    /// Where they are remembered from one process to the next.
    kept: Option<PathBuf>,
    /// The study's own folder, which is no input of it.
    own: Option<PathBuf>,
    known: BTreeMap<String, Known>,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    bytes: u64,
    /// What else tells that a file is the same: times of the last change of its content and of anything about it, and its
    /// number on the disk. Copying can keep the first.
    stamp: String,
    sha256: String,
}

/// Folders deeper than this are not looked into.
const DEEPEST: usize = 8;

impl Fingerprints {
    /// Those that are remembered in a file of a study's folder; it may be missing or foreign, since it only saves time.
    pub(super) fn kept_in(path: PathBuf) -> Self {
        let known = std::fs::read(&path).ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default();
        let own = path.parent().map(|p| p.canonicalize().unwrap_or_else(|_| absolute(p)));
        Self { kept: Some(path), own, known, changed: false }
    }

    /// Remembers them. A folder that cannot be written to is no reason to fail: nothing but time is lost.
    pub(super) fn keep(&self) {
        if let (Some(path), true) = (&self.kept, self.changed)
            && let Ok(text) = serde_json::to_vec(&self.known)
        {
            let _ = write_atomic(path, &text);
        }
    }

    /// The files and folders that a text of a job names: itself, `FILE:WHICH`, a pattern, or a part of `NAME:KEY=FILE`.
    pub(super) fn named(&mut self, text: &str) -> Result<Vec<InputFile>> {
        let whole = Path::new(text);
        if text.is_empty() || text.len() > 4096 {
            return Ok(vec![]);
        }
        if is_readable(whole) {
            return if self.is_own(whole) { Ok(vec![]) } else { Ok(vec![self.of(whole)?]) };
        }
        if let (path, Some(_)) = within(text) {
            return Ok(vec![self.of(Path::new(path))?]);
        }
        if text.contains(['*', '?', '[']) {
            // A pattern, or PATTERN:WHICH.
            let matched = |pattern: &str| {
                let paths = glob::glob(pattern).ok().into_iter().flatten().filter_map(Result::ok);
                paths.filter(|path| is_readable(path)).collect::<BTreeSet<PathBuf>>()
            };
            let mut found = matched(text);
            if let (true, Some((pattern, _))) = (found.is_empty(), text.rsplit_once(':')) {
                found = matched(pattern);
            }
            found.retain(|path| !self.is_own(path));
            return found.iter().map(|path| self.of(path)).collect();
        }
        let parts = text.split([',', ':', '=']).map(Path::new).filter(|part| part.is_file());
        parts.map(|part| self.of(part)).collect()
    }

    /// What a file is, or all files of a folder together.
    pub(super) fn of(&mut self, path: &Path) -> Result<InputFile> {
        let mut files = vec![];
        if path.is_dir() {
            self.below(path, 0, &mut BTreeSet::new(), &mut files)?;
        } else {
            // Weights beside a graph, shards of an index.
            let refers = path.extension().is_some_and(|e| e == "onnx" || e == "json");
            let others = if refers { companions(path).unwrap_or_default() } else { vec![] };
            if others.is_empty() {
                return self.file(path);
            }
            files.push(path.to_path_buf());
            files.extend(others.into_iter().filter(|other| other.is_file()));
        }
        files.sort();
        let known = files.iter().map(|file| {
            let name = file.strip_prefix(path).unwrap_or(file);
            Ok((self.file(file)?, name.display().to_string()))
        });
        Ok(InputFile::together(path, &known.collect::<Result<Vec<_>>>()?))
    }

    /// Whether a path is the study's own folder, or in it.
    fn is_own(&self, path: &Path) -> bool {
        let path = path.canonicalize().unwrap_or_else(|_| absolute(path));
        self.own.as_ref().is_some_and(|own| path.starts_with(own))
    }

    /// The files of a folder and of those in it, each folder once, but for what is unfinished, hidden or the study's own.
    fn below(&self, folder: &Path, depth: usize, seen: &mut BTreeSet<PathBuf>, files: &mut Vec<PathBuf>) -> Result<()> {
        if !seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())) || self.is_own(folder) {
            return Ok(());
        }
        for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')) {
                continue;
            }
            if path.is_dir() && depth < DEEPEST {
                self.below(&path, depth + 1, seen, files)?;
            } else if path.is_file() {
                files.push(path);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<InputFile> {
        let shown = path.display().to_string();
        let found = path.metadata().with_context(|| format!("cannot read {shown}"))?;
        let (bytes, stamp) = (found.len(), stamp(&found));
        let key = absolute(path).display().to_string();
        if let Some(known) = self.known.get(&key)
            && (known.bytes, &known.stamp) == (bytes, &stamp)
        {
            return Ok(InputFile { path: shown, bytes, sha256: known.sha256.clone() });
        }
        let file = InputFile::of(path)?;
        // A file that changed within the last moment may change again within the clock's resolution.
        let settled = found.modified().ok().and_then(|m| m.elapsed().ok()).is_some_and(|age| age.as_secs() >= 2);
        if settled {
            self.known.insert(key, Known { bytes: file.bytes, stamp, sha256: file.sha256.clone() });
            self.changed = true;
        }
        Ok(file)
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A file or a folder; a pipe would be waited for.
fn is_readable(path: &Path) -> bool {
    path.is_file() || path.is_dir()
}

#[cfg(unix)]
fn stamp(found: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!("{}.{} {}.{} {}", found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec(), found.ino())
}

#[cfg(not(unix))]
fn stamp(found: &Metadata) -> String {
    let since = found.modified().ok().and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or_else(String::new, |d| d.as_nanos().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_names_is_found_and_a_change_shows() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(at("a.npz"), "a").unwrap();
        std::fs::write(at("b.npz"), "b").unwrap();
        let own = dir.path().join("study");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join("c.npz"), "own").unwrap();
        let mut prints = Fingerprints::kept_in(own.join(".kept.json"));
        let mut n = |text: &str| prints.named(text).unwrap().len();
        assert_eq!(
            (n(&at("a.npz")), n(&format!("{}:x", at("a.npz"))), n(&at("*.npz")), n("binning:bins=30")),
            (1, 1, 2, 0)
        );
        assert_eq!((n(&format!("posthoc:bank={},k=3", at("b.npz"))), n(""), n(&at("none"))), (1, 0, 0));
        assert_eq!((n(&format!("{}:fc1", at("*.npz"))), n(&at("study")), n(&at("study/*.npz"))), (2, 0, 0));
        let folder = prints.of(dir.path()).unwrap();
        std::fs::write(own.join("c.npz"), "changed").unwrap();
        assert_eq!(prints.of(dir.path()).unwrap().sha256, folder.sha256, "its own folder is no input");
        std::fs::write(at("b.npz"), "c").unwrap();
        assert_ne!(prints.of(dir.path()).unwrap().sha256, folder.sha256);
    }

    #[test]
    fn a_file_of_long_ago_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let (path, kept) = (dir.path().join("a"), dir.path().join("kept.json"));
        std::fs::write(&path, "abc").unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        let mut prints = Fingerprints::kept_in(kept.clone());
        let file = prints.of(&path).unwrap();
        prints.keep();
        assert!(std::fs::read_to_string(&kept).unwrap().contains(&file.sha256));
        assert_eq!(Fingerprints::kept_in(kept.clone()).of(&path).unwrap(), file);
        // Another file under the same name, of the same size and the same time, as a copy that keeps times makes it.
        let other = dir.path().join("b");
        std::fs::write(&other, "xyz").unwrap();
        std::fs::File::options().write(true).open(&other).unwrap().set_modified(old).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(Fingerprints::kept_in(kept).of(&path).unwrap().sha256, file.sha256);
    }
}
