//! What the fuzz targets do: bytes go into a reader, and whatever it makes of them is read through.
//!
//! The readers are included by path. The package that they belong to draws in a training framework and a data-frame
//! engine, which would be instrumented too and are not what is looked at.
//!
//! Anything but a panic, a hang, or memory out of proportion is fine: a file is read, or refused.

// Of the readers' own parts only some are used here.
#![allow(dead_code, unreachable_pub, unused_imports)]

#[path = "../../src/checkpoint/mod.rs"]
pub mod checkpoint;
// Only for `write_atomic`, which the writer of safetensors wants.
#[path = "../../src/run/file.rs"]
mod run;

mod loaders;
mod wrap;

pub use loaders::loaders;

use checkpoint::{Contents, ReadOptions, Statistics};
use std::path::Path;

/// Tensors of more bytes are left alone: a tensor that repeats one value may be as large as it likes.
const MAX_TENSOR: usize = 64 << 20;

/// A file that is not there, in a folder with one shard and one file of ONNX weights.
const NAME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/beside/epoch_3.bin");

fn read(bytes: Vec<u8>) {
    let Ok(contents) = Contents::of_bytes(Path::new(NAME), bytes, &ReadOptions::default()) else { return };
    for (_, tensor) in &contents.tensors {
        if tensor.byte_len().is_none_or(|length| length > MAX_TENSOR) {
            continue;
        }
        let statistics = Statistics::of(tensor);
        let loaded = tensor.load();
        if let (Ok(_), Ok(loaded)) = (&statistics, &loaded) {
            assert_eq!(Some(loaded.values.len()), tensor.count(), "as many values as the shape says");
        }
        if let Some(&rows) = tensor.shape.first() {
            let _ = tensor.rows(0, rows.min(2));
        }
    }
}

/// Any bytes: the format is told by them.
pub fn checkpoint(data: &[u8]) {
    read(data.to_vec());
}

/// A header of JSON, whose length is always right; the first byte says how many bytes of values follow.
pub fn safetensors(data: &[u8]) {
    let Some((&count, header)) = data.split_first() else { return };
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.extend((0..count).map(|i| i.wrapping_mul(37)));
    read(bytes);
}

/// A pickle, in an archive whose checksums are right and that has two storages.
pub fn torch_zip(data: &[u8]) {
    let storage: Vec<u8> = (0..64).collect();
    read(wrap::zip(&[
        ("m/data.pkl", data),
        ("m/byteorder", b"little"),
        ("m/data/0", &storage),
        ("m/data/1", &storage),
        ("m/version", b"3\n"),
    ]));
}

/// The sequence of pickles of older files; the magic number is always there.
pub fn torch_legacy(data: &[u8]) {
    read(wrap::begin(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", data));
}

/// A zip archive as it is, of whatever kind.
pub fn zip(data: &[u8]) {
    read(wrap::begin(b"PK\x03\x04", data));
}

/// A numpy array.
pub fn npy(data: &[u8]) {
    read(wrap::begin(b"\x93NUMPY", data));
}

/// A numpy array within an archive whose checksums are right, packed and not.
pub fn npz(data: &[u8]) {
    let array = wrap::begin(b"\x93NUMPY", data);
    read(wrap::zip(&[("a.npy", &array)]));
    read(wrap::deflated("a.npy", &array));
}

/// HDF5.
pub fn hdf5(data: &[u8]) {
    read(wrap::begin(b"\x89HDF\r\n\x1a\n", data));
}

/// HDF5 within Keras' archive, with checksums that are right.
pub fn keras(data: &[u8]) {
    let weights = wrap::begin(b"\x89HDF\r\n\x1a\n", data);
    read(wrap::zip(&[("metadata.json", b"{}"), ("config.json", b"{}"), ("model.weights.h5", &weights)]));
}

/// burnpack.
pub fn burnpack(data: &[u8]) {
    read(wrap::begin(b"NRUB", data));
}

/// Hugging Face's index, beside one shard.
pub fn sharded(data: &[u8]) {
    read(data.to_vec());
}

/// An ONNX model. Of a field that stands twice the last one counts, so the first four bytes change nothing but that
/// what follows is taken for ONNX.
pub fn onnx(data: &[u8]) {
    read([b"\x08\x08\x12\x00", data].concat());
}
