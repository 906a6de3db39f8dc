//! What a file is, by its content and not by its name.

use crate::LoadError;

/// A format that can be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// A numpy array.
    Npy,
    /// An archive of numpy arrays.
    Npz,
    /// The format of MNIST.
    Idx,
}

/// The format of (unpacked) bytes.
///
/// # Errors
/// When the file is empty, a page or pointer that was downloaded instead of the data, or binary of no known format.
pub fn sniff(bytes: &[u8]) -> Result<Format, LoadError> {
    let invalid = |reason: &str| LoadError::Invalid { format: "data", reason: reason.into() };
    let lower: Vec<u8> = bytes.iter().take(64).map(u8::to_ascii_lowercase).collect();
    match bytes {
        [] => Err(LoadError::Empty),
        _ if bytes.starts_with(b"\x93NUMPY") => Ok(Format::Npy),
        _ if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") => Ok(Format::Npz),
        [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, 1..=8, ..] => Ok(Format::Idx),
        _ if bytes.starts_with(b"version https://git-lfs") => {
            Err(invalid("it is a git-lfs pointer; fetch the file itself with git lfs pull"))
        }
        _ if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") => {
            Err(invalid("it is a web page; the download gave a page instead of the file"))
        }
        _ if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) => {
            Err(LoadError::Encoding { what: "it begins as UTF-16".into() })
        }
        _ if bytes.iter().take(4096).any(|&b| b == 0) => {
            Err(invalid("it is neither CSV, npy, npz nor IDX (it holds zero bytes, which text does not)"))
        }
        _ => Ok(Format::Csv),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        assert_eq!(sniff(b"1,2\n").unwrap(), Format::Csv);
        assert_eq!(sniff(b"\x93NUMPY\x01\x00").unwrap(), Format::Npy);
        assert_eq!(sniff(b"PK\x03\x04").unwrap(), Format::Npz);
        assert_eq!(sniff(&[0, 0, 8, 3, 0]).unwrap(), Format::Idx);
        let message = |b: &[u8]| sniff(b).unwrap_err().to_string();
        assert_eq!(message(b""), "the file is empty");
        assert!(message(b"<!DOCTYPE html><p>").contains("web page"));
        assert!(message(b"version https://git-lfs.github.com/spec/v1").contains("git lfs pull"));
        assert!(message(&[0xff, 0xfe, 49, 0]).contains("UTF-16"));
        assert!(message(b"\x7fELF\0\0").contains("neither CSV"));
    }
}
