//! A file, read piece by piece.
//!
//! Files are read at their positions and never mapped: one that shrinks under the reader is an error and not a crash,
//! and nothing is in memory that nobody asked for.

use super::Problem;
use std::fmt;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// A file's bytes, or bytes that are in memory. Clones share them.
#[derive(Clone)]
pub(crate) struct Blob(Arc<Inner>);

enum Inner {
    File { file: File, length: u64, modified: Option<SystemTime> },
    Memory(Vec<u8>),
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.len())
    }
}

impl Blob {
    /// Opens a file. Only a regular file has an end: a device or a pipe may have none.
    pub(crate) fn open(path: &Path) -> Result<Self, Problem> {
        let unreadable = |e: Error| Problem::Unreadable(e.to_string());
        // Before it is opened: opening a pipe waits for somebody to write to it.
        let kind = std::fs::metadata(path).map_err(unreadable)?;
        if kind.is_dir() {
            return Err(Problem::Unreadable("it is a folder; name a file in it".into()));
        }
        if !kind.is_file() {
            return Err(Problem::Unreadable("it is a device or a pipe; copy it to a file first".into()));
        }
        let file = File::open(path).map_err(unreadable)?;
        let kind = file.metadata().map_err(unreadable)?;
        Ok(Self(Arc::new(Inner::File { length: kind.len(), modified: kind.modified().ok(), file })))
    }

    /// Bytes that are in memory already.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Inner::Memory(bytes)))
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> u64 {
        match &*self.0 {
            Inner::File { length, .. } => *length,
            Inner::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// [`Problem::Changed`] when the bytes are no longer there; whoever asks has compared with [`Blob::len`].
    pub(crate) fn read_into(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Problem> {
        match &*self.0 {
            Inner::File { file, .. } => read_exact_at(file, buffer, offset).map_err(|e| match e.kind() {
                ErrorKind::UnexpectedEof => Problem::Changed,
                _ => Problem::Unreadable(e.to_string()),
            }),
            Inner::Memory(bytes) => {
                let end = usize::try_from(offset).ok().and_then(|o| Some(o..o.checked_add(buffer.len())?));
                let found = end.and_then(|range| bytes.get(range)).ok_or(Problem::Changed)?;
                buffer.copy_from_slice(found);
                Ok(())
            }
        }
    }

    /// The `length` bytes from `offset` on; refused before anything is allocated when the file has fewer.
    ///
    /// # Errors
    /// [`Problem::Changed`] when the bytes are not there.
    pub(crate) fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, Problem> {
        if offset.checked_add(length).is_none_or(|end| end > self.len()) {
            return Err(Problem::Changed);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Problem::Changed)?];
        self.read_into(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The first bytes, at most `length` of them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn head(&self, length: u64) -> Result<Vec<u8>, Problem> {
        self.read(0, length.min(self.len()))
    }

    /// All bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn all(&self) -> Result<Vec<u8>, Problem> {
        self.read(0, self.len())
    }

    /// Something to read and seek in, from the beginning.
    pub(crate) fn cursor(&self) -> BlobCursor {
        BlobCursor { blob: self.clone(), at: 0 }
    }

    /// Whether the file is as long and as old as it was when it was opened.
    pub(crate) fn is_unchanged(&self) -> bool {
        match &*self.0 {
            Inner::File { file, length, modified } => {
                file.metadata().is_ok_and(|now| now.len() == *length && now.modified().ok() == *modified)
            }
            Inner::Memory(_) => true,
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[n..];
        offset += n as u64;
    }
    Ok(())
}

/// A position in a [`Blob`].
#[derive(Debug, Clone)]
pub(crate) struct BlobCursor {
    blob: Blob,
    at: u64,
}

impl Read for BlobCursor {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.blob.len().saturating_sub(self.at);
        let n = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.blob.read_into(self.at, &mut buffer[..n]).map_err(|e| Error::other(e.to_string()))?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for BlobCursor {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.blob.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_memory_read_alike() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, b"0123456789").unwrap();
        for blob in [Blob::open(&path).unwrap(), Blob::of(b"0123456789".to_vec())] {
            assert_eq!(
                (blob.len(), blob.read(3, 4).unwrap(), blob.head(99).unwrap().len()),
                (10, b"3456".to_vec(), 10)
            );
            assert_eq!(blob.read(8, 3), Err(Problem::Changed));
            assert_eq!(blob.read(u64::MAX, 2), Err(Problem::Changed));
            let mut cursor = blob.cursor();
            cursor.seek(SeekFrom::End(-2)).unwrap();
            let mut rest = String::new();
            cursor.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "89");
            assert!(cursor.seek(SeekFrom::Current(-99)).is_err());
        }
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, b"0123456789").unwrap();
        let blob = Blob::open(&path).unwrap();
        assert!(blob.is_unchanged());
        std::fs::write(&path, b"0123").unwrap();
        assert_eq!(blob.read(2, 6), Err(Problem::Changed));
        assert!(!blob.is_unchanged());
    }
}
