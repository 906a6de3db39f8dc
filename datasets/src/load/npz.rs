//! Archives of numpy arrays.

use super::gzip::LIMIT;
use super::npy::{self, NpyArray};
use crate::LoadError;
use std::io::{Cursor, Read};

/// Entries that an archive may have: a thousand layers fit ten times over.
const MAX_ENTRIES: usize = 10_000;

/// Reads every array, in the archive's order, under its name without `.npy`.
///
/// # Errors
/// When the archive or an array is damaged (the array is named), it is empty, or it unpacks to more than 16 GiB.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, NpyArray)>, LoadError> {
    each(bytes, |name, content| {
        npy::read(&content).map_err(|e| LoadError::Invalid { format: "npz", reason: format!("entry {name}: {e}") })
    })
}

/// Unpacks every entry, in the archive's order, under its name without `.npy`; none is looked into.
///
/// # Errors
/// When the archive is damaged, it is empty, or it unpacks to more than 16 GiB.
pub fn unpack(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, LoadError> {
    each(bytes, |_, content| Ok(content))
}

fn each<T>(
    bytes: &[u8],
    mut take: impl FnMut(&str, Vec<u8>) -> Result<T, LoadError>,
) -> Result<Vec<(String, T)>, LoadError> {
    let invalid = |reason: String| LoadError::Invalid { format: "npz", reason };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| invalid(e.to_string()))?;
    if archive.is_empty() {
        return Err(invalid("it holds no arrays".into()));
    }
    if archive.len() > MAX_ENTRIES {
        return Err(invalid(format!("it holds {} entries, more than {MAX_ENTRIES}", archive.len())));
    }
    let mut budget = LIMIT;
    let mut taken = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| invalid(e.to_string()))?;
        let name = entry.name().strip_suffix(".npy").unwrap_or(entry.name()).to_string();
        let mut content = Vec::new();
        entry.by_ref().take(budget + 1).read_to_end(&mut content).map_err(|e| invalid(format!("entry {name}: {e}")))?;
        budget = budget.checked_sub(content.len() as u64).ok_or(LoadError::TooLarge { limit: LIMIT })?;
        let value = take(&name, content)?;
        taken.push((name, value));
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::super::npy::tests::npy;
    use super::*;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn archive(entries: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn arrays_keep_names_and_order() {
        let entries =
            [("b.npy", npy("'|u1'", false, "(2, 1)", &[1, 2])), ("a.npy", npy("'|u1'", false, "(2, 1)", &[3, 4]))];
        for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
            let read = read(&archive(&entries, method)).unwrap();
            assert_eq!(read.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["b", "a"]);
            assert_eq!(read[1].1.values.iter().copied().collect::<Vec<_>>(), [3.0, 4.0]);
        }
    }

    #[test]
    fn faults_name_the_entry() {
        let stored = zip::CompressionMethod::Stored;
        let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert!(message(&archive(&[], stored)).contains("no arrays"));
        assert!(
            message(&archive(&[("x.npy", npy("'|O'", false, "(1,)", &[0; 8]))], stored))
                .contains("entry x: values of type |O")
        );
        let whole = archive(&[("x.npy", npy("'|u1'", false, "(3,)", &[1, 2, 3]))], stored);
        assert!(message(&whole[..whole.len() / 2]).contains("not a valid npz"));
        let mut damaged = whole.clone();
        let at = damaged.windows(3).position(|w| w == [1, 2, 3]).unwrap();
        damaged[at] = 9;
        assert!(message(&damaged).contains("entry x"), "{}", message(&damaged));
    }
}
