//! What a file is, by its content and not by its name.

use super::Problem;
use std::fmt;

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
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::TorchZip => "PyTorch zip",
            Self::TorchLegacy => "PyTorch (before 1.6)",
            Self::Onnx => "ONNX",
        })
    }
}

/// Bytes of a file's beginning that tell its format.
pub(super) const HEAD: u64 = 1024;

/// The number 0x1950a86a20f9469cfc6c, with which PyTorch's older files begin, as a pickle holds it.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The format of a checkpoint.
///
/// # Errors
/// When the bytes are of no format that is read; the message says what they seem to be instead.
pub(super) fn sniff(bytes: &[u8]) -> Result<Format, Problem> {
    match bytes {
        [] => Err(Problem::Empty),
        // Before the zip archive: the length of a header can happen to read `PK`, the method of an archive never `{`.
        b if b.get(8) == Some(&b'{') => Ok(Format::Safetensors),
        b if b.starts_with(b"PK\x03\x04") => Ok(Format::TorchZip),
        // Where a protocol has a frame, the number stands a few bytes later.
        b if b[0] == 0x80 && b[..b.len().min(64)].windows(10).any(|w| w == LEGACY_MAGIC) => Ok(Format::TorchLegacy),
        b if super::onnx::looks_like(b) => Ok(Format::Onnx),
        b => Err(Problem::UnknownFormat(guess(b).unwrap_or("safetensors or a PyTorch file is expected"))),
    }
}

/// What bytes of no known format seem to be, and what to do about it.
pub(super) fn guess(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let lower: Vec<u8> = start.iter().take(64).map(u8::to_ascii_lowercase).collect();
    let what = if bytes.starts_with(b"version https://git-lfs") {
        "it is a git-lfs pointer; fetch the file itself with git lfs pull"
    } else if ["<!doctype html", "<html", "<head", "<?xml"].iter().any(|tag| lower.starts_with(tag.as_bytes())) {
        "it is a web page; the download gave a page instead of the file"
    } else if bytes.starts_with(b"\x93NUMPY") {
        "it is a numpy array; activations are read from .npz archives with one array a layer"
    } else if bytes.starts_with(b"\x89HDF") {
        "it is HDF5, which is not read; save the weights as safetensors"
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
        assert_eq!(sniff(b"").unwrap_err(), Problem::Empty);
    }

    #[test]
    fn what_is_no_checkpoint_is_told_what_it_is() {
        let mut tar = vec![0; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, expected) in [
            (&b"version https://git-lfs.github.com/spec/v1\n"[..], "git lfs pull"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf\n <HTML>", "web page"),
            (b"\x93NUMPY\x01\x00", "numpy array"),
            (b"\x89HDF\r\n", "HDF5"),
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
