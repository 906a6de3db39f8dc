//! Zip archives, read so that no two readers can see different things in them.

use super::Problem;
use super::blob::{Blob, BlobCursor};
use super::found::Allowance;
use std::io::Read;
use zip::{CompressionMethod, ZipArchive};

/// Entries that an archive may have: the largest models have some thousand tensors.
const MAX_ENTRIES: usize = 10_000;

/// Reads the directory of an archive that fills its file from the first byte to the last.
///
/// # Errors
/// When the archive is cut, has something behind or before it, or has two entries of one name; the message says
/// `format`.
pub(super) fn directory(blob: &Blob, format: &'static str) -> Result<ZipArchive<BlobCursor>, Problem> {
    let damaged = |reason: String| Problem::Damaged { format, reason };
    // The end record is the last 22 bytes: an archive that is cut has none, and one with something behind it is two
    // things at once.
    let end = blob.len().checked_sub(22).map(|at| blob.read(at, 4)).transpose()?;
    if end.as_deref() != Some(b"PK\x05\x06") {
        return Err(damaged("the end of the archive is missing; was the download, or the saving, cut short?".into()));
    }
    let zip = ZipArchive::new(blob.cursor()).map_err(|e| damaged(e.to_string()))?;
    let start = zip.central_directory_start();
    let directory = blob.len().checked_sub(start).map(|length| blob.read(start, length)).transpose()?;
    if zip.offset() != 0 || directory.as_deref().and_then(records) != Some(zip.len()) {
        return Err(damaged("its directory does not fit its content, or two entries have one name".into()));
    }
    Ok(zip)
}

/// How many records the directory has, when it reaches to the end records and nothing lies between. An archive's reader
/// keeps one of several entries with the same name, so its own count says less.
fn records(directory: &[u8]) -> Option<usize> {
    let mut rest = directory;
    let mut count = 0;
    while let Some(record) = rest.get(..46).filter(|record| record.starts_with(b"PK\x01\x02")) {
        let length = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
        // Name, extra field and comment follow.
        rest = rest.get(46 + length(28) + length(30) + length(32)..)?;
        count += 1;
    }
    // The end record alone, or with the two that large archives have before it.
    let large = rest.starts_with(b"PK\x06\x06") && rest.get(56..)?.starts_with(b"PK\x06\x07");
    (rest.len() == if large { 56 + 20 + 22 } else { 22 }).then_some(count)
}

/// Refuses names that would lie outside of the folder that the archive is unpacked in. Nothing is unpacked here; but
/// whoever made such a name meant harm.
pub(super) fn check_names(names: &[String], format: &'static str) -> Result<(), Problem> {
    let leaves = |name: &&String| {
        name.starts_with(['/', '\\']) || name.get(1..2) == Some(":") || name.split(['/', '\\']).any(|part| part == "..")
    };
    match names.iter().find(leaves) {
        Some(name) => {
            let reason = format!("its entry {name} has a name that leads out of the archive");
            Err(Problem::Damaged { format, reason })
        }
        None => Ok(()),
    }
}

/// An archive whose entries may be packed. Clones share its directory.
#[derive(Clone)]
pub(super) struct Zipped {
    blob: Blob,
    zip: ZipArchive<BlobCursor>,
    format: &'static str,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    index: usize,
    /// Its name, with folders.
    pub(super) name: String,
    /// Its length when it is unpacked.
    pub(super) bytes: u64,
    /// Its first byte within the archive's file, when it is stored as it is.
    pub(super) start: Option<u64>,
}

impl Zipped {
    /// Reads the directory; `format` is what messages call the archive.
    ///
    /// # Errors
    /// When the archive is damaged, holds too much, an encrypted entry, or one that is packed in an unusual way.
    pub(super) fn open(blob: &Blob, format: &'static str) -> Result<(Self, Vec<Entry>), Problem> {
        let zip = directory(blob, format)?;
        let names: Vec<String> = zip.file_names().map(String::from).collect();
        check_names(&names, format)?;
        let mut zipped = Self { blob: blob.clone(), zip, format };
        let entries = zipped.entries()?;
        // Sums of lengths that were compared with the file's cannot wrap within the library.
        match zipped.zip.has_overlapping_files() {
            Ok(false) => Ok((zipped, entries)),
            Ok(true) => Err(zipped.damaged("entries overlap".into())),
            Err(e) => Err(zipped.damaged(e.to_string())),
        }
    }

    fn entries(&mut self) -> Result<Vec<Entry>, Problem> {
        let (length, format) = (self.blob.len(), self.format);
        let damaged = |reason: String| Problem::Damaged { format, reason };
        let unsupported = |reason: String| Problem::Unsupported { format, reason };
        if self.zip.len() > MAX_ENTRIES {
            return Err(unsupported(format!("it has {} entries, and at most {MAX_ENTRIES} are read", self.zip.len())));
        }
        let mut allowance = Allowance::of(&self.blob);
        let mut entries = Vec::with_capacity(self.zip.len());
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index_raw(index).map_err(|e| damaged(e.to_string()))?;
            let (name, bytes, packed) = (entry.name().to_string(), entry.size(), entry.compressed_size());
            if entry.encrypted() {
                return Err(unsupported(format!("its entry {name} is encrypted; unpack it and save it again")));
            }
            let stored = match entry.compression() {
                CompressionMethod::Stored => true,
                CompressionMethod::Deflated => false,
                method => {
                    return Err(unsupported(format!(
                        "its entry {name} is compressed by {method}, where stored and deflated entries are read"
                    )));
                }
            };
            let start = entry.data_start();
            if start.checked_add(packed).is_none_or(|end| end > length) || (stored && bytes != packed) {
                return Err(damaged(format!(
                    "its entry {name} says that it has {bytes} bytes, which are not in the file"
                )));
            }
            if !allowance.take(bytes) {
                return Err(unsupported(allowance.refusal()));
            }
            entries.push(Entry { index, name, bytes, start: stored.then_some(start) });
        }
        Ok(entries)
    }

    /// The first bytes of an entry, at most `length` of them; no checksum is compared.
    ///
    /// # Errors
    /// When the entry does not unpack.
    pub(super) fn head(&self, entry: &Entry, length: u64) -> Result<Vec<u8>, Problem> {
        match entry.start {
            Some(start) => self.blob.read(start, length.min(entry.bytes)),
            None => self.unpacked(entry, length.min(entry.bytes)),
        }
    }

    /// An entry's bytes, its checksum compared.
    ///
    /// # Errors
    /// When they are not what the directory says.
    pub(super) fn content(&self, entry: &Entry) -> Result<Vec<u8>, Problem> {
        // One more than there should be: the checksum is compared where the entry ends.
        let content = self.unpacked(entry, entry.bytes.saturating_add(1))?;
        if content.len() as u64 != entry.bytes {
            let Entry { name, bytes, .. } = entry;
            return Err(self.damaged(format!("its entry {name} does not unpack to the {bytes} bytes that it promises")));
        }
        Ok(content)
    }

    fn unpacked(&self, entry: &Entry, most: u64) -> Result<Vec<u8>, Problem> {
        let mut zip = self.zip.clone();
        let file = zip.by_index(entry.index).map_err(|e| self.damaged(e.to_string()))?;
        let mut content = Vec::new();
        let name = &entry.name;
        file.take(most).read_to_end(&mut content).map_err(|e| self.damaged(format!("its entry {name}: {e}")))?;
        Ok(content)
    }

    fn damaged(&self, reason: String) -> Problem {
        Problem::Damaged { format: self.format, reason }
    }
}
