//! Weights as numpy's arrays in a zip archive, one a tensor.

use super::blob::Blob;
use super::found::Found;
use super::npy::{self, Array};
use super::zipped::{Entry, Zipped};
use super::{LazyTensor, Problem};

/// Opens an archive; each array is a tensor with the name of its entry, less `.npy`.
///
/// Arrays that are stored as they are stay in the file, packed ones are unpacked when somebody asks for them.
pub(super) fn open(blob: &Blob) -> Result<Found, Problem> {
    let (zipped, entries) = Zipped::open(blob, "npz")?;
    let mut found = Found::default();
    for entry in entries {
        let Some(name) = entry.name.strip_suffix(".npy").filter(|name| !name.is_empty()) else {
            let reason = format!("its entry {} is no numpy array (.npy), as all of them should be", entry.name);
            return Err(Problem::Unsupported { format: "npz", reason });
        };
        let head = zipped.head(&entry, npy::HEAD)?;
        let array = Array::of(&head, entry.bytes).map_err(|problem| of_entry(problem, &entry.name))?;
        found.tensors.push((name.to_string(), tensor(blob, &zipped, &entry, array)));
    }
    Ok(found)
}

fn tensor(blob: &Blob, zipped: &Zipped, entry: &Entry, array: Array) -> LazyTensor {
    let (dtype, shape, begin) = (array.dtype.clone(), array.shape.clone(), array.begin);
    // Read whole, an entry's checksum is compared.
    let whole = {
        let (zipped, entry, array) = (zipped.clone(), entry.clone(), array.clone());
        move || array.place(&Blob::of(zipped.content(&entry)?), 0).bytes()
    };
    match entry.start {
        Some(start) if array.is_plain() => {
            LazyTensor::checked_span(blob, start.saturating_add(begin), dtype, shape, whole)
        }
        _ => LazyTensor::packed(dtype, shape, whole),
    }
}

/// The same problem, of an entry.
fn of_entry(problem: Problem, name: &str) -> Problem {
    match problem {
        Problem::Damaged { reason, .. } => {
            Problem::Damaged { format: "npz", reason: format!("its entry {name}: {reason}") }
        }
        Problem::Unsupported { reason, .. } => {
            Problem::Unsupported { format: "npz", reason: format!("its entry {name}: {reason}") }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dtype;
    use super::super::npy::tests::npy;
    use super::*;
    use std::io::{Cursor, Write};
    use zip::CompressionMethod::{Deflated, Stored};
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn zipped(entries: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn two() -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("fc/w.npy", npy("'<f4'", false, "(2, 2)", &floats(&[1., 2., 3., 4.]))),
            ("b.npy", npy("'<f4'", true, "(2, 2)", &floats(&[1., 3., 2., 4.]))),
        ]
    }

    fn message(bytes: &[u8]) -> String {
        open(&Blob::of(bytes.to_vec())).unwrap_err().to_string()
    }

    fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
        bytes
    }

    #[test]
    fn arrays_come_out_stored_and_packed() {
        for method in [Stored, Deflated] {
            let found = open(&Blob::of(zipped(&two(), method))).unwrap();
            assert_eq!(found.tensors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["fc/w", "b"]);
            for (_, tensor) in &found.tensors {
                assert_eq!((&tensor.shape[..], &tensor.dtype), (&[2, 2][..], &Dtype::F32));
                assert_eq!(tensor.load().unwrap().values, [1., 2., 3., 4.]);
                assert_eq!(tensor.rows(1, 2).unwrap(), [3., 4.]);
            }
        }
    }

    #[test]
    fn a_checksum_is_compared_when_an_array_is_read_whole() {
        for method in [Stored, Deflated] {
            let whole = zipped(&two()[..1], method);
            let damaged = if method == Stored {
                replaced(&whole, &4f32.to_le_bytes(), &5f32.to_le_bytes())
            } else {
                // The checksum itself, in the directory: that of the entry is not looked at.
                let at = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap() + 16;
                let mut bytes = whole.clone();
                bytes[at] ^= 1;
                bytes
            };
            let found = open(&Blob::of(damaged)).unwrap();
            let e = found.tensors[0].1.load().unwrap_err().to_string();
            assert!(
                e.starts_with("a damaged or truncated npz file: its entry fc/w.npy") && e.contains("hecksum"),
                "{e}"
            );
        }
    }

    #[test]
    fn an_archive_that_numpy_would_not_write_is_refused() {
        let good = zipped(&two(), Stored);
        assert!(message(&good[..good.len() - 1]).contains("the end of the archive is missing"));
        assert!(message(&[&good[..], &good[..]].concat()).contains("its directory does not fit its content"));
        let twins = zipped(&[("a.npy", two().remove(0).1), ("b.npy", two().remove(0).1)], Stored);
        assert!(message(&replaced(&twins, b"b.npy", b"a.npy")).contains("two entries have one name"));
        for name in ["/a.npy", "../a.npy", "x/../../a.npy", "\\a.npy", "c:\\a.npy", "x\\..\\a.npy"] {
            let e = message(&zipped(&[(name, two().remove(0).1)], Stored));
            assert!(e.contains("a name that leads out of the archive"), "{name}: {e}");
        }
        let e = message(&zipped(&[("a.npy", two().remove(0).1), ("readme.txt", vec![])], Stored));
        assert!(e.contains("its entry readme.txt is no numpy array (.npy)"), "{e}");
        let e = message(&zipped(&[("a.npy", npy("'|O'", false, "(1,)", &[0; 8]))], Deflated));
        assert!(e.starts_with("an npz file of a kind that is not read: "), "{e}");
        assert!(e.contains("its entry a.npy: it holds Python objects"), "{e}");
        let e = message(&zipped(&[("a.npy", npy("'<f4'", false, "(2,)", &[0; 4]))], Deflated));
        assert!(e.contains("its entry a.npy: its header promises 8 bytes"), "{e}");
        // The bit that says that an entry is encrypted, in both places.
        let mut locked = good.clone();
        let directory = good.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        locked[directory + 8] |= 1;
        locked[6] |= 1;
        assert!(message(&locked).contains("its entry fc/w.npy is encrypted"), "{}", message(&locked));
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = zipped(&[("a.npy", npy("'|u1'", false, "(80000000,)", &vec![0; 80_000_000]))], Deflated);
        assert!(bomb.len() < 100_000);
        let e = message(&bomb);
        assert!(e.contains("it unpacks to more than") && e.contains("sixteen times the file and 64 MiB"), "{e}");
        // One that lies about its size: four bytes less than there are.
        let mut liar = zipped(&two()[..1], Deflated);
        let length = two()[0].1.len() as u32;
        let at = liar.windows(4).position(|w| w == b"PK\x01\x02").unwrap() + 24;
        liar[at..at + 4].copy_from_slice(&(length - 4).to_le_bytes());
        assert!(message(&liar).contains("promises 16 bytes"), "{}", message(&liar));
    }

    /// Whatever byte is changed or cut: an error or a checkpoint, and never a panic.
    #[test]
    fn a_changed_byte_does_no_harm() {
        for method in [Stored, Deflated] {
            let whole = zipped(&two(), method);
            for at in 0..whole.len() {
                assert!(open(&Blob::of(whole[..at].to_vec())).is_err(), "cut at {at}");
                for flip in [0xff, 0x01, 0x80, 0x08] {
                    let mut bytes = whole.clone();
                    bytes[at] ^= flip;
                    let Ok(found) = open(&Blob::of(bytes)) else { continue };
                    for (_, tensor) in found.tensors {
                        let _ = (tensor.load(), tensor.for_each_piece(|_| {}));
                    }
                }
            }
        }
    }
}
