//! What files were, by their content; a file that has not changed since is not read again.

use crate::run::{InputFile, within, write_atomic};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Files and what they were found to be.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    /// Where they are remembered from one process to the next.
    kept: Option<PathBuf>,
    known: BTreeMap<String, Known>,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    bytes: u64,
    /// Time of the last change, in nanoseconds.
    modified: u128,
    sha256: String,
}

/// Folders deeper than this are not looked into.
const DEEPEST: usize = 8;

impl Fingerprints {
    /// Those that are remembered in a file, which may be missing or foreign: it only saves time.
    pub(super) fn kept_in(path: PathBuf) -> Self {
        let known = std::fs::read(&path).ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default();
        Self { kept: Some(path), known, changed: false }
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
        if whole.exists() {
            return Ok(vec![self.of(whole)?]);
        }
        if let (path, Some(_)) = within(text) {
            return Ok(vec![self.of(Path::new(path))?]);
        }
        if text.contains(['*', '?', '[']) {
            let Ok(paths) = glob::glob(text) else { return Ok(vec![]) };
            let mut found: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
            found.sort();
            return found.iter().map(|path| self.of(path)).collect();
        }
        let parts = text.split([',', ':', '=']).map(Path::new).filter(|part| part.is_file());
        parts.map(|part| self.of(part)).collect()
    }

    /// What a file is, or all files of a folder together.
    pub(super) fn of(&mut self, path: &Path) -> Result<InputFile> {
        if !path.is_dir() {
            return self.file(path);
        }
        let mut files = vec![];
        below(path, 0, &mut files)?;
        files.sort();
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        for file in files {
            let one = self.file(&file)?;
            let name = file.strip_prefix(path).unwrap_or(&file);
            hash.update(format!("{}  {}\n", one.sha256, name.display()));
            bytes += one.bytes;
        }
        let sha256 = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(InputFile { path: path.display().to_string(), bytes, sha256 })
    }

    fn file(&mut self, path: &Path) -> Result<InputFile> {
        let shown = path.display().to_string();
        let found = path.metadata().with_context(|| format!("cannot read {shown}"))?;
        let (bytes, modified) = (found.len(), modified(&found));
        let key = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string();
        if let Some(known) = self.known.get(&key)
            && (known.bytes, known.modified) == (bytes, modified)
        {
            return Ok(InputFile { path: shown, bytes, sha256: known.sha256.clone() });
        }
        let file = InputFile::of(path)?;
        // A file that changed within the last moment may change again within the clock's resolution.
        let settled = found.modified().ok().and_then(|m| m.elapsed().ok()).is_some_and(|age| age.as_secs() >= 2);
        if settled {
            self.known.insert(key, Known { bytes: file.bytes, modified, sha256: file.sha256.clone() });
            self.changed = true;
        }
        Ok(file)
    }
}

fn modified(found: &Metadata) -> u128 {
    let since = found.modified().ok().and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |d| d.as_nanos())
}

/// The files of a folder and of those in it, but for what is unfinished or hidden.
fn below(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() && depth < DEEPEST {
            below(&path, depth + 1, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
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
        let mut prints = Fingerprints::kept_in(dir.path().join(".kept.json"));
        let mut n = |text: &str| prints.named(text).unwrap().len();
        assert_eq!(
            (n(&at("a.npz")), n(&format!("{}:x", at("a.npz"))), n(&at("*.npz")), n("binning:bins=30")),
            (1, 1, 2, 0)
        );
        assert_eq!((n(&format!("posthoc:bank={},k=3", at("b.npz"))), n(""), n(&at("none"))), (1, 0, 0));
        let folder = prints.of(dir.path()).unwrap();
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
        assert_eq!(Fingerprints::kept_in(kept).of(&path).unwrap(), file);
    }
}
