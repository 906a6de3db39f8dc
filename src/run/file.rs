//! Files that appear whole or not at all, and what is remembered of the files that were read.

use anyhow::{Context, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What the names of unfinished files begin with; a run that goes on removes those that a kill left behind.
pub(crate) const PARTIAL: &str = ".narrows-partial-";

/// Writes a file beside its place and renames it there, so that no reader ever sees half of it.
///
/// # Errors
/// When the folder cannot be written to; nothing is left behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |file| Ok(file.write_all(bytes)?))
}

/// Reads a command's config, and says of which file it was where it is at fault.
///
/// # Errors
/// When the file cannot be read, or `parse` refuses it.
pub(crate) fn read_config<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the config {}", path.display()))?;
    parse(&text).with_context(|| format!("the config {} cannot be used", path.display()))
}

/// As [`write_atomic`], by somebody who writes it piece by piece.
pub(crate) fn write_atomic_with(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let attempt = || -> Result<()> {
        let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder)?;
        write(file.as_file_mut())?;
        file.as_file().sync_all()?;
        // A temporary file is private to its owner; a result is as readable as any other file of the folder.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path)?;
        Ok(())
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

/// A file that a run read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Path as it was given.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

impl InputFile {
    /// Reads a file through and remembers what it was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        let mut file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            let n = file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))?;
            if n == 0 {
                break;
            }
            hash.update(&buffer[..n]);
            bytes += n as u64;
        }
        Ok(Self { path: path.display().to_string(), bytes, sha256: hexadecimal(&hash.finalize()) })
    }

    /// Reads many files through, on all threads, and remembers them as one: thousands of images would fill the manifest.
    ///
    /// The hash is that of the lines that `sha256sum` prints for the files (hash, two spaces, name within the folder) in
    /// the order of `files`, which are names and paths; the size is that of all together. Every content and every name
    /// goes into it.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn of_all(folder: &Path, files: &[(String, PathBuf)]) -> Result<Self> {
        let read: Vec<Result<Self>> = files.par_iter().map(|(_, path)| Self::of(path)).collect();
        let read = read.into_iter().zip(files).map(|(file, (name, _))| Ok((file?, name.clone())));
        Ok(Self::together(folder, &read.collect::<Result<Vec<_>>>()?))
    }

    /// Files as one, as [`InputFile::of_all`] does, of which each is known already, with its name.
    pub(crate) fn together(folder: &Path, files: &[(Self, String)]) -> Self {
        let mut hash = Sha256::new();
        files.iter().for_each(|(file, name)| hash.update(format!("{}  {name}\n", file.sha256)));
        let bytes = files.iter().map(|(file, _)| file.bytes).sum();
        Self { path: folder.display().to_string(), bytes, sha256: hexadecimal(&hash.finalize()) }
    }
}

/// Bytes as hashes are written.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A place `FILE:WHICH` as its file and what follows the colon; the whole is the file where there is one of that name, and
/// where there is none before the colon.
pub(crate) fn within(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once(':') {
        Some((path, which)) if !Path::new(place).exists() && Path::new(path).exists() => (path, Some(which)),
        _ => (place, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_split_where_only_its_file_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.npz").display().to_string();
        let place = format!("{file}:one");
        assert_eq!(within(&place), (place.as_str(), None));
        std::fs::write(&file, b"").unwrap();
        assert_eq!(within(&place), (file.as_str(), Some("one")));
        assert_eq!(within(&file), (file.as_str(), None));
        std::fs::write(&place, b"").unwrap();
        assert_eq!(within(&place), (place.as_str(), None));
    }

    #[test]
    fn the_hash_is_the_published_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_atomic(&path, b"abc").unwrap();
        let file = InputFile::of(&path).unwrap();
        assert_eq!(file.bytes, 3);
        assert_eq!(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn many_files_have_the_hash_of_what_sha256sum_prints() {
        let dir = tempfile::tempdir().unwrap();
        let files = [("a", "abc"), ("b", "")].map(|(name, text)| {
            std::fs::write(dir.path().join(name), text).unwrap();
            (name.to_string(), dir.path().join(name))
        });
        // sha256sum a b | sha256sum
        let whole = InputFile::of_all(dir.path(), &files).unwrap();
        assert_eq!(
            (whole.bytes, whole.sha256.as_str()),
            (3, "09c7e0b8a02d027d95ec0375a600ed4ad4d6b26a1c93f16d9150cab5fec761a6")
        );
        assert_eq!(whole.path, dir.path().display().to_string());
        assert!(InputFile::of_all(dir.path(), &[("c".into(), dir.path().join("c"))]).is_err());
    }

    #[test]
    fn nothing_is_left_when_the_place_cannot_be_taken() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("folder");
        std::fs::create_dir(&taken).unwrap();
        assert!(write_atomic(&taken, b"x").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
