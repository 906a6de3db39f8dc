//! The zip archive around a PyTorch file's pickle.
//!
//! `torch.save` stores its entries as they are, each once, from the first byte of the file to the last. Nothing else is
//! accepted: then an archive cannot unpack to more than its size, and no two readers can see different things in it.

use super::blob::{Blob, BlobCursor};
use super::{Problem, zipped};
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use zip::{CompressionMethod, ZipArchive};

/// A pickle holds names and shapes, not values.
pub(super) const MAX_PICKLE: u64 = 100 << 20;

/// A PyTorch file's archive. Clones share its directory.
#[derive(Clone)]
pub(super) struct Archive {
    blob: Blob,
    zip: ZipArchive<BlobCursor>,
    /// Name of the pickle; the storages lie in `data` beside it.
    pickle: String,
    storages: Arc<HashMap<String, Entry>>,
}

/// Where a storage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    index: usize,
    /// Its length.
    pub(super) bytes: u64,
}

impl Archive {
    /// Reads the directory.
    ///
    /// # Errors
    /// When the archive is damaged, or is something else than a PyTorch file.
    pub(super) fn open(blob: &Blob) -> Result<Self, Problem> {
        let mut zip = zipped::directory(blob, "PyTorch")?;
        let names: Vec<String> = zip.file_names().map(String::from).collect();
        let pickle = pickle_among(&names)?.to_string();
        zipped::check_names(&names, "PyTorch")?;
        let mut storages = HashMap::new();
        let folder = pickle.replace("data.pkl", "data/");
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|e| damaged(e.to_string()))?;
            if entry.encrypted() {
                return Err(unsupported(format!(
                    "its entry {} is encrypted; save it again without a password",
                    entry.name()
                )));
            }
            if let Some(key) = entry.name().strip_prefix(&folder) {
                storages.insert(key.to_string(), Entry { index, bytes: entry.size() });
            }
        }
        let mut archive = Self { blob: blob.clone(), zip, pickle, storages: Arc::new(storages) };
        let order = archive.pickle.replace("data.pkl", "byteorder");
        if names.contains(&order) && archive.named(&order)? != b"little" {
            return Err(unsupported("it was saved by a big-endian machine; save it again on a common one".into()));
        }
        Ok(archive)
    }

    /// The bytes of `data.pkl`.
    pub(super) fn pickle(&self) -> Result<Vec<u8>, Problem> {
        self.clone().named(&self.pickle)
    }

    /// The entry of a storage.
    pub(super) fn storage(&self, key: &str) -> Option<Entry> {
        self.storages.get(key).copied()
    }

    /// A storage's bytes, its checksum compared.
    ///
    /// # Errors
    /// When they are not what the directory says.
    pub(super) fn content(&self, entry: &Entry) -> Result<Vec<u8>, Problem> {
        let mut zip = self.zip.clone();
        let mut file = zip.by_index(entry.index).map_err(|e| damaged(e.to_string()))?;
        let mut content = Vec::with_capacity(usize::try_from(entry.bytes.min(self.blob.len())).unwrap_or(0));
        let name = file.name().to_string();
        file.read_to_end(&mut content).map_err(|e| damaged(format!("{name}: {e}")))?;
        Ok(content)
    }

    /// A small entry's bytes, its checksum compared.
    fn named(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        let entry = self.zip.by_name(name).map_err(|e| damaged(e.to_string()))?;
        if entry.size() > MAX_PICKLE {
            return Err(damaged(format!("{name} is larger than {MAX_PICKLE} bytes")));
        }
        let mut content = Vec::new();
        entry.take(MAX_PICKLE).read_to_end(&mut content).map_err(|e| damaged(format!("{name}: {e}")))?;
        Ok(content)
    }

    /// Checks that every entry is stored as it is. To be asked when the pickle has been looked at: that it holds code is
    /// worse, and is told first.
    ///
    /// # Errors
    /// When an entry is compressed or encrypted, says that it is longer than the file, or shares bytes with another.
    pub(super) fn check_packing(&self) -> Result<(), Problem> {
        let mut zip = self.zip.clone();
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|e| damaged(e.to_string()))?;
            if entry.encrypted() {
                return Err(unsupported(format!("its entry {} is encrypted", entry.name())));
            }
            if entry.compression() != CompressionMethod::Stored {
                return Err(unsupported(format!(
                    "its entry {} is compressed, which torch.save does not do; load it in PyTorch and save it again",
                    entry.name()
                )));
            }
            if entry.size() != entry.compressed_size() || entry.size() > self.blob.len() {
                return Err(damaged(format!(
                    "its entry {} says that it has {} bytes, which are not in the file",
                    entry.name(),
                    entry.size()
                )));
            }
        }
        match zip.has_overlapping_files() {
            Ok(false) => Ok(()),
            Ok(true) => Err(damaged("entries overlap".into())),
            Err(e) => Err(damaged(e.to_string())),
        }
    }
}

/// The name of the pickle; what an archive without one seems to be.
fn pickle_among(names: &[String]) -> Result<&str, Problem> {
    if names.iter().any(|n| n.contains("/code/") || n.ends_with("/constants.pkl")) {
        return Err(unsupported(
            "it is a TorchScript archive, which holds a program; save the weights with torch.save(model.state_dict(), …)"
                .into(),
        ));
    }
    let mut pickles = names.iter().filter(|n| *n == "data.pkl" || n.ends_with("/data.pkl"));
    match (pickles.next(), pickles.next()) {
        (Some(name), None) => Ok(name),
        _ => {
            Err(Problem::UnknownFormat("it is a zip archive without a single data.pkl, so torch.save did not write it"))
        }
    }
}

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "PyTorch", reason }
}

fn unsupported(reason: String) -> Problem {
    Problem::Unsupported { format: "PyTorch", reason }
}
