//! Containers around bytes, so that what is within is reached.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The bytes with their beginning replaced.
pub(crate) fn begin(magic: &[u8], data: &[u8]) -> Vec<u8> {
    [magic, data.get(magic.len()..).unwrap_or_default()].concat()
}

/// An archive of these entries, as they are.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    archive(entries, CompressionMethod::Stored)
}

/// An archive of one entry, packed.
pub(crate) fn deflated(name: &str, data: &[u8]) -> Vec<u8> {
    archive(&[(name, data)], CompressionMethod::Deflated)
}

fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("an entry");
        writer.write_all(data).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}
