//! What a file is, by its content and not by its name.

use super::blob::Blob;
use super::{Problem, burnpack, hdf5, keras, sharded};
use std::fmt;
use zip::ZipArchive;

/// A format of checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// safetensors.
    Safetensors,
    /// The zip archive that PyTorch has written since version 1.6.
    TorchZip,
    /// The sequence of pickles that PyTorch wrote before, and still writes when told to.
    TorchLegacy,
    /// A graph and its weights.
    Onnx,
    /// A single numpy array.
    Npy,
    /// A zip archive of numpy arrays.
    Npz,
    /// HDF5, as Keras writes it.
    Hdf5,
    /// The zip archive that Keras has written since version 3.
    Keras,
    /// burnpack, of the Burn framework.
    Burnpack,
    /// An index of Hugging Face's, and the files that it names.
    Sharded,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::TorchZip => "PyTorch zip",
            Self::TorchLegacy => "PyTorch (before 1.6)",
            Self::Onnx => "ONNX",
            Self::Npy => "numpy array",
            Self::Npz => "npz",
            Self::Hdf5 => "HDF5",
            Self::Keras => "Keras archive",
            Self::Burnpack => "burnpack",
            Self::Sharded => "Hugging Face index",
        })
    }
}

/// Bytes of a file's beginning that tell its format.
pub(super) const HEAD: u64 = 1024;

/// The number 0x1950a86a20f9469cfc6c, with which PyTorch's older files begin, as a pickle holds it.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The format of a checkpoint: by its first bytes, and where these may begin several formats, by what follows.
///
/// # Errors
/// When the file is of no format that is read; the message says what it seems to be instead.
pub(super) fn of(blob: &Blob) -> Result<Format, Problem> {
    let head = blob.head(HEAD)?;
    match sniff(&head) {
        // A damaged directory says nothing; the name of the first entry does.
        Ok(first @ (Format::TorchZip | Format::Npz | Format::Keras)) => {
            let archive = ZipArchive::new(blob.cursor());
            Ok(archive.map_or(first, |zip| of_entries(zip.file_names())))
        }
        Err(_) if head.trim_ascii_start().starts_with(b"{") && sharded::is_index(blob)? => Ok(Format::Sharded),
        other => other,
    }
}

/// The format of a zip archive, by the names of its entries.
fn of_entries<'a>(names: impl Iterator<Item = &'a str>) -> Format {
    let mut format = Format::TorchZip;
    for name in names {
        match name {
            "data.pkl" => return Format::TorchZip,
            _ if name.ends_with("/data.pkl") || name.ends_with("/constants.pkl") => return Format::TorchZip,
            keras::WEIGHTS => format = Format::Keras,
            _ if name.ends_with(".npy") && format != Format::Keras => format = Format::Npz,
            _ => {}
        }
    }
    format
}

/// The name of the first entry of a zip archive.
fn first_entry(bytes: &[u8]) -> &str {
    let length = bytes.get(26..28).map_or(0, |n| usize::from(n[0]) | usize::from(n[1]) << 8);
    bytes.get(30..30 + length).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
}

/// The format that a checkpoint's first bytes promise.
///
/// # Errors
/// When the bytes are of no format that is read; the message says what they seem to be instead.
pub(super) fn sniff(bytes: &[u8]) -> Result<Format, Problem> {
    match bytes {
        [] => Err(Problem::Empty),
        // Before the zip archive: the length of a header can happen to read `PK`, the method of an archive never `{`.
        b if b.get(8) == Some(&b'{') => Ok(Format::Safetensors),
        b if b.starts_with(b"PK\x03\x04") => Ok(of_entries(std::iter::once(first_entry(b)))),
        b if b.starts_with(b"\x93NUMPY") => Ok(Format::Npy),
        b if b.starts_with(hdf5::MAGIC) => Ok(Format::Hdf5),
        b if b.starts_with(burnpack::MAGIC) => Ok(Format::Burnpack),
        // Where a protocol has a frame, the number stands a few bytes later.
        b if b[0] == 0x80 && b[..b.len().min(64)].windows(10).any(|w| w == LEGACY_MAGIC) => Ok(Format::TorchLegacy),
        b if super::onnx::looks_like(b) => Ok(Format::Onnx),
        b => Err(Problem::UnknownFormat(guess(b).unwrap_or(EXPECTED))),
    }
}

const EXPECTED: &str = "safetensors, a PyTorch file, ONNX, numpy's arrays, HDF5 or burnpack is expected";

/// What bytes of no known format seem to be, and what to do about it.
pub(super) fn guess(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let lower: Vec<u8> = start.iter().take(64).map(u8::to_ascii_lowercase).collect();
    let what = if bytes.starts_with(b"version https://git-lfs") {
        "it is a git-lfs pointer; fetch the file itself with git lfs pull"
    } else if ["<!doctype html", "<html", "<head", "<?xml"].iter().any(|tag| lower.starts_with(tag.as_bytes())) {
        "it is a web page; the download gave a page instead of the file"
    } else if bytes.starts_with(b"\x89HDF") || bytes.starts_with(b"\x09HDF") {
        "it is HDF5 whose first bytes were changed, as a transfer of text changes them; transfer it as binary"
    } else if start.starts_with(b"{") || start.starts_with(b"[") {
        "it is JSON and no index of shards (\"weight_map\"); name the file of the weights"
    } else if bytes.starts_with(b"PK\x05\x06") {
        "it is an empty zip archive"
    } else if bytes.starts_with(b"7z\xbc\xaf\x27\x1c") || bytes.starts_with(b"\x1f\x8b") || bytes.starts_with(b"Rar!") {
        "it is a compressed file; unpack it first"
    } else if bytes.get(257..262) == Some(b"ustar") {
        "it is a tar archive, as PyTorch wrote before version 0.1.10; load it there and save it again with torch.save(model.state_dict(), …)"
    } else if bytes.first() == Some(&0x80) {
        "it is a plain pickle, which can hold anything; save the weights with torch.save(model.state_dict(), …)"
    } else if bytes.len() < 16 {
        "it is too short for any checkpoint: it may be truncated"
    } else {
        return None;
    };
    Some(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        assert_eq!(sniff(b"\x08\0\0\0\0\0\0\0{}      ").unwrap(), Format::Safetensors);
        assert_eq!(sniff(b"PK\x03\x04").unwrap(), Format::TorchZip);
        assert_eq!(sniff(b"PK\x03\x04\0\0\0\0{}").unwrap(), Format::Safetensors);
        assert_eq!(sniff(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.").unwrap(), Format::TorchLegacy);
        assert_eq!(sniff(b"\x93NUMPY\x01\x00").unwrap(), Format::Npy);
        assert_eq!(sniff(b"\x89HDF\r\n\x1a\n\0").unwrap(), Format::Hdf5);
        assert_eq!(sniff(b"NRUB\x01\x00").unwrap(), Format::Burnpack);
        assert_eq!(sniff(b"").unwrap_err(), Problem::Empty);
    }

    #[test]
    fn zip_archives_are_told_by_their_entries() {
        for (names, expected) in [
            (&["fc.npy", "b.npy"][..], Format::Npz),
            (&["x/fc.npy"], Format::Npz),
            (&["config.json", "model.weights.h5"], Format::Keras),
            (&["m/a.npy", "m/data.pkl"], Format::TorchZip),
            (&["data.pkl", "data/0"], Format::TorchZip),
            (&["a.npy", "m/constants.pkl"], Format::TorchZip),
            (&["readme.txt"], Format::TorchZip),
            (&[], Format::TorchZip),
        ] {
            assert_eq!(of_entries(names.iter().copied()), expected, "{names:?}");
        }
        // A cut one has its first entry's name.
        let mut cut = b"PK\x03\x04".to_vec();
        cut.resize(26, 0);
        cut.extend(b"\x05\0\0\0a.npy and no more");
        assert_eq!(of(&Blob::of(cut)).unwrap(), Format::Npz);
    }

    #[test]
    fn an_index_is_told_from_other_json() {
        let of = |text: &str| of(&Blob::of(text.as_bytes().to_vec()));
        assert_eq!(of(r#"{"metadata": {}, "weight_map": {}}"#), Ok(Format::Sharded));
        assert_eq!(of(&format!("\n{{{}\"weight_map\": {{}}}}", " ".repeat(5000))), Ok(Format::Sharded));
        assert!(of(r#"{"architectures": ["x"]}"#).unwrap_err().to_string().contains("no index of shards"));
    }

    #[test]
    fn what_is_no_checkpoint_is_told_what_it_is() {
        let mut tar = vec![0; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, expected) in [
            (&b"version https://git-lfs.github.com/spec/v1\n"[..], "git lfs pull"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf\n <HTML>", "web page"),
            (b"\x89HDF\n\x1a\n", "transfer it as binary"),
            (b"PK\x05\x06", "an empty zip archive"),
            (b"[1, 2]", "it is JSON"),
            (b"7z\xbc\xaf\x27\x1c....", "unpack it"),
            (&tar, "0.1.10"),
            (b"\x80\x04}.", "plain pickle"),
            (b"short", "truncated"),
            (b"something else entirely", "is expected"),
        ] {
            let message = sniff(bytes).unwrap_err().to_string();
            assert!(message.starts_with("not a checkpoint: ") && message.contains(expected), "{message}");
        }
    }
}
