//! The zip archive around a PyTorch file's pickle.
//!
//! `torch.save` stores its entries as they are, each once, from the first byte of the file to the last. Nothing else is
//! accepted: then an archive cannot unpack to more than its size, and no two readers can see different things in it.

use super::Problem;
use std::io::{Cursor, Read};
use zip::{CompressionMethod, ZipArchive};

/// A pickle holds names and shapes, not values.
const MAX_PICKLE: u64 = 100 << 20;

/// The bytes of `data.pkl`.
///
/// # Errors
/// When the archive is damaged, or is something else than a PyTorch file.
pub(super) fn pickle_of(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    // The end record is the last 22 bytes: an archive that is cut has none, and one with something behind it is two
    // things at once.
    if !bytes.len().checked_sub(22).is_some_and(|at| bytes[at..].starts_with(b"PK\x05\x06")) {
        return Err(damaged("the end of the archive is missing; was the download, or the saving, cut short?".into()));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
    if archive.offset() != 0 || records(bytes, archive.central_directory_start()) != Some(archive.len()) {
        return Err(damaged("its directory does not fit its content, or two entries have one name".into()));
    }
    let names: Vec<String> = archive.file_names().map(String::from).collect();
    let pickle = pickle_among(&names)?;
    let order = pickle.replace("data.pkl", "byteorder");
    if names.contains(&order) && content(&mut archive, &order)? != b"little" {
        return Err(unsupported("it was saved by a big-endian machine; save it again on a common one".into()));
    }
    content(&mut archive, pickle)
}

/// Checks that every entry is stored as it is. To be asked when the pickle has been looked at: that it holds code is
/// worse, and is told first.
///
/// # Errors
/// When an entry is compressed or encrypted, or shares bytes with another.
pub(super) fn check_packing(bytes: &[u8]) -> Result<(), Problem> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|e| damaged(e.to_string()))?;
        if entry.encrypted() {
            return Err(unsupported(format!("its entry {} is encrypted", entry.name())));
        }
        if entry.compression() != CompressionMethod::Stored {
            return Err(unsupported(format!(
                "its entry {} is compressed, which torch.save does not do; load it in PyTorch and save it again",
                entry.name()
            )));
        }
    }
    match archive.has_overlapping_files() {
        Ok(false) => Ok(()),
        Ok(true) => Err(damaged("entries overlap".into())),
        Err(e) => Err(damaged(e.to_string())),
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
    if names.iter().any(|n| n.ends_with(".npy")) {
        return Err(Problem::UnknownFormat("it is an archive of numpy arrays; give activation dumps the ending .npz"));
    }
    let mut pickles = names.iter().filter(|n| *n == "data.pkl" || n.ends_with("/data.pkl"));
    match (pickles.next(), pickles.next()) {
        (Some(name), None) => Ok(name),
        _ => {
            Err(Problem::UnknownFormat("it is a zip archive without a single data.pkl, so torch.save did not write it"))
        }
    }
}

/// An entry's bytes, its checksum compared.
fn content(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, Problem> {
    let entry = archive.by_name(name).map_err(|e| damaged(e.to_string()))?;
    if entry.size() > MAX_PICKLE {
        return Err(damaged(format!("{name} is larger than {MAX_PICKLE} bytes")));
    }
    let mut content = Vec::new();
    entry.take(MAX_PICKLE).read_to_end(&mut content).map_err(|e| damaged(format!("{name}: {e}")))?;
    Ok(content)
}

/// How many records the directory has, when it reaches to the end records and nothing lies between. An archive's reader
/// keeps one of several entries with the same name, so its own count says less.
fn records(bytes: &[u8], start: u64) -> Option<usize> {
    let mut rest = bytes.get(usize::try_from(start).ok()?..)?;
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

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "PyTorch", reason }
}

fn unsupported(reason: String) -> Problem {
    Problem::Unsupported { format: "PyTorch", reason }
}
