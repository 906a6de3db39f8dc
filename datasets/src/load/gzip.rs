//! gzip, taken off where it is found.

use crate::LoadError;
use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use std::borrow::Cow;
use std::io::Read;

/// Far above any data set that fits a machine of today's memory as one array, far below what a bomb unpacks to.
pub(super) const LIMIT: u64 = 16 << 30;

/// The bytes as they are, or unpacked when they begin as a gzip stream.
///
/// # Errors
/// When the stream is damaged, or unpacks to more than 16 GiB.
pub fn gunzip(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(LIMIT + 1).read_to_end(&mut unpacked);
    read.map_err(|e| LoadError::Invalid { format: "gzip", reason: e.to_string() })?;
    if unpacked.len() as u64 > LIMIT {
        return Err(LoadError::TooLarge { limit: LIMIT });
    }
    Ok(Cow::Owned(unpacked))
}

/// What a gzip stream unpacks to, as it is read.
pub fn gunzip_from<R: Read>(packed: R) -> impl Read {
    MultiGzDecoder::new(packed)
}

/// What the compressed bytes of a zip archive's entry unpack to, as they are read.
pub fn inflate_from<R: Read>(packed: R) -> impl Read {
    DeflateDecoder::new(packed)
}

/// The bytes as they are read; reading their end is an error unless their CRC-32 is this.
pub fn checked_from<R: Read>(bytes: R, checksum: u32) -> impl Read {
    Checked { bytes, checksum, found: Crc::new() }
}

struct Checked<R> {
    bytes: R,
    checksum: u32,
    found: Crc,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.bytes.read(buffer)?;
        if n == 0 && !buffer.is_empty() && self.found.sum() != self.checksum {
            return Err(std::io::Error::other("its checksum is another: the file is damaged"));
        }
        self.found.update(&buffer[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn packed_and_plain_bytes_read_alike() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"hello").unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(&*gunzip(&packed).unwrap(), b"hello");
        let mut text = String::new();
        gunzip_from(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        let mut checked = checked_from(&b"hello"[..], 0x3610_a686);
        checked.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hellohello");
        assert!(checked_from(&b"hellO"[..], 0x3610_a686).read_to_string(&mut text).is_err());
        assert_eq!(&*gunzip(b"hello").unwrap(), b"hello");
        assert!(gunzip(&packed[..packed.len() - 6]).unwrap_err().to_string().contains("gzip"));
    }
}
