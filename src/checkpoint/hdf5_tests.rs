//! HDF5 as h5py wrote it (`fixtures/make_keras.py`), and as nobody should.

use super::blob::Blob;
use super::found::Found;
use super::{Checkpoint, Contents, Format, Problem, ReadOptions, hdf5, keras};

const WEIGHTS: &[u8] = include_bytes!("fixtures/weights.h5");
const MODEL: &[u8] = include_bytes!("fixtures/model.hdf5");
const NEWEST: &[u8] = include_bytes!("fixtures/model.weights.h5");
const TYPES: &[u8] = include_bytes!("fixtures/types.h5");
const PACKED: [&[u8]; 2] = [include_bytes!("fixtures/packed.h5"), include_bytes!("fixtures/packed-new.h5")];
const KERAS: &[u8] = include_bytes!("fixtures/model.keras");

fn load(bytes: &[u8]) -> Checkpoint {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("epoch_9.weights.h5");
    std::fs::write(&path, bytes).unwrap();
    Contents::open(&path, &ReadOptions::default()).unwrap().load().unwrap()
}

fn open(bytes: &[u8]) -> Result<Found, Problem> {
    hdf5::open(&Blob::of(bytes.to_vec()))
}

fn names(c: &Checkpoint) -> Vec<&str> {
    c.tensors.iter().map(|(name, _)| name).collect()
}

fn message(bytes: &[u8]) -> String {
    open(bytes).unwrap_err().to_string()
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
    bytes
}

#[test]
fn attributes_give_the_order_of_weights() {
    let c = load(WEIGHTS);
    assert_eq!((c.format, c.epoch), (Format::Hdf5, Some(9)));
    assert_eq!(names(&c), ["dense_2/dense_2_W", "dense_2/dense_2_b", "dense_10/dense_10_W", "dense_10/dense_10_b"]);
    assert_eq!(c.tensors.get("dense_2/dense_2_W").unwrap().shape, [2, 3]);
    assert_eq!(c.tensors.get("dense_2/dense_2_W").unwrap().values, [10., 11., 12., 13., 14., 15.]);
    assert_eq!(c.tensors.get("dense_10/dense_10_b").unwrap().values, [0.5, -1.0, 2.0]);
    assert_eq!((c.metadata["backend"].as_str(), c.metadata["keras_version"].as_str()), ("tensorflow", "2.0.5"));
}

#[test]
fn a_whole_model_is_read_without_its_optimiser() {
    let c = load(MODEL);
    assert_eq!(c.epoch, Some(4));
    let path = |layer: &str, weight: &str| format!("model_weights/{layer}/{layer}/{weight}:0");
    let expected = ["dense_2", "dense_10"].map(|layer| [path(layer, "kernel"), path(layer, "bias")]).concat();
    assert_eq!(names(&c), expected);
    assert_eq!(c.metadata["model_config"], r#"{"class_name": "Sequential"}"#);
}

#[test]
fn the_newest_layout_is_read_alone_and_in_its_archive() {
    let expected = ["layers/dense/vars/0", "layers/dense/vars/1", "layers/dense_1/vars/0", "layers/dense_1/vars/1"];
    let (alone, archive) = (load(NEWEST), load(KERAS));
    assert_eq!((alone.format, archive.format), (Format::Hdf5, Format::Keras));
    assert_eq!((names(&alone), names(&archive)), (expected.to_vec(), expected.to_vec()));
    assert_eq!(archive.tensors.get("layers/dense_1/vars/1").unwrap().values, [1.0; 4]);
    assert_eq!(archive.metadata["keras_version"], "3.4.1");
    assert_eq!(archive.metadata["model_config"], r#"{"class_name": "Sequential"}"#);
}

#[test]
fn every_type_is_read() {
    let found = open(TYPES).unwrap();
    let tensor = |name: &str| found.tensors.iter().find(|(n, _)| n == name).unwrap().1.clone();
    for (name, dtype) in [
        ("f8", "F64"),
        ("f4", "F32"),
        ("f2", "F16"),
        ("i8", "I64"),
        ("i4", "I32"),
        ("i2", "I16"),
        ("i1", "I8"),
        ("u8", "U64"),
        ("u4", "U32"),
        ("u2", "U16"),
        ("u1", "U8"),
    ] {
        let t = tensor(name).load().unwrap();
        assert_eq!((t.dtype.as_str(), &t.values[..]), (dtype, &[1., 2., 3.][..]));
    }
    assert_eq!(tensor("big/f4").load().unwrap().values, [1., 2., 3.]);
    assert_eq!(tensor("big/i2").load().unwrap().values, [-1., 2., 3.]);
    assert_eq!((tensor("bool").dtype.name(), tensor("bool").load().unwrap().values), ("BOOL", vec![1., 0.]));
    assert_eq!((tensor("scalar").shape.len(), tensor("scalar").load().unwrap().values), (0, vec![0.1]));
    assert_eq!((&tensor("empty").shape[..], tensor("empty").load().unwrap().values.len()), (&[0, 3][..], 0));
    let e = tensor("text").load().unwrap_err().to_string();
    assert!(e.contains("holds values of type string, which are not read"), "{e}");
}

#[test]
fn packed_values_are_unpacked() {
    for bytes in PACKED {
        let found = open(bytes).unwrap();
        let (name, tensor) = &found.tensors[0];
        assert_eq!((name.as_str(), &tensor.shape[..]), ("packed", &[3, 3][..]));
        assert_eq!(tensor.load().unwrap().values, [0., 1., 2., 3., 4., 5., 6., 7., 8.]);
        assert_eq!(tensor.rows(2, 3).unwrap(), [6., 7., 8.]);
    }
}

#[test]
fn what_does_not_fit_the_file_is_refused() {
    let cut = message(&WEIGHTS[..WEIGHTS.len() / 2]);
    assert!(cut.starts_with("a damaged or truncated HDF5 file: "), "{cut}");
    assert!(message(hdf5::MAGIC).starts_with("a damaged or truncated HDF5 file: "));
    // Axes of 3 by 3, as they stand in the oldest format.
    let axes = |n: u64| [n.to_le_bytes(), n.to_le_bytes()].concat();
    let large = message(&replaced(PACKED[0], &axes(3), &axes(1 << 20)));
    assert!(large.contains("it unpacks to more than") && large.contains("save the tensors without"), "{large}");
    let larger = message(&replaced(PACKED[0], &axes(3), &axes(1 << 40)));
    assert!(larger.contains("the dataset packed") && larger.contains("beyond all measure"), "{larger}");
    // 2 by 3 values that should be 2 by 4.
    let axes = |a: u64, b: u64| [a.to_le_bytes(), b.to_le_bytes()].concat();
    let e = message(&replaced(WEIGHTS, &axes(2, 3), &axes(2, 4)));
    assert!(e.contains("of type F32 and shape [2, 4] has 32 bytes, but its place in the file has 24"), "{e}");
}

/// A chunk of 4 GiB in a file of four kilobytes: nothing is allocated for it. Found by fuzzing.
#[test]
fn chunks_beyond_the_file_are_refused() {
    let mut bytes = PACKED[0].to_vec();
    // A node of a tree of chunks: its mark, type 1, 22 more bytes, then the first chunk's length.
    let nodes: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"TREE\x01")).collect();
    assert!(!nodes.is_empty());
    for at in nodes {
        bytes[at + 24..at + 28].fill(0xff);
    }
    let e = read_all(&bytes).unwrap_err().to_string();
    assert!(e.contains("a chunk of the dataset ") && e.contains("should have 4294967295 bytes from "), "{e}");
    assert!(e.ends_with("but the file has 4099"), "{e}");
}

/// Chunks as HDF5 2.0 lays them out when it is told to write the newest format.
#[test]
fn what_is_newer_than_the_reader_is_told() {
    let e = message(include_bytes!("fixtures/newest.h5"));
    assert!(e.starts_with("an HDF5 file of a kind that is not read: the dataset packed: "), "{e}");
    assert!(e.contains("version: 5; save it again with h5py.File(…, libver=\"earliest\")"), "{e}");
}

#[test]
fn an_archive_without_weights_is_told() {
    let e = keras::open(&Blob::of(replaced(KERAS, b"model.weights.h5", b"mudel.weights.h5"))).unwrap_err();
    assert!(e.to_string().contains("it has no model.weights.h5 at its top"), "{e}");
    let e = keras::open(&Blob::of(KERAS[..KERAS.len() - 1].to_vec())).unwrap_err();
    assert!(e.to_string().contains("a damaged or truncated Keras file"), "{e}");
}

/// A type of 64,000 bytes that is eight thousand types within each other: deeper than a thread's usual stack.
#[test]
fn a_type_within_a_type_is_no_end_of_the_program() {
    let message = |kind: u16, body: &[u8]| {
        let length = body.len().next_multiple_of(8);
        let mut message = [&kind.to_le_bytes()[..], &(length as u16).to_le_bytes(), &[0; 4], body].concat();
        message.resize(8 + length, 0);
        message
    };
    // A sequence of variable length, of what follows.
    let types = [0x19u8, 0, 0, 0, 16, 0, 0, 0].repeat(8000);
    let space = [&[1u8, 1, 0, 0, 0, 0, 0, 0][..], &1u64.to_le_bytes()].concat();
    let layout = [&[3u8, 1][..], &0u64.to_le_bytes(), &4u64.to_le_bytes()].concat();
    let messages = [message(1, &space), message(3, &types), message(8, &layout)].concat();
    let header = [&[1u8, 0, 3, 0, 1, 0, 0, 0][..], &(messages.len() as u32).to_le_bytes(), &[0; 4], &messages].concat();
    // The only entry of the root leads to a header at the end.
    let mut bytes = PACKED[0].to_vec();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let (end, entry) = (bytes.len() as u64, bytes.windows(4).position(|w| w == b"SNOD").unwrap() + 8);
    bytes[entry + 8..entry + 16].copy_from_slice(&end.to_le_bytes());
    bytes.extend(header);
    let e = open(&bytes).unwrap_err().to_string();
    assert!(e.contains("the dataset packed: ") && !e.contains("something that it cannot be"), "{e}");
}

/// Whatever byte is changed or cut: an error or a checkpoint, and never a panic.
#[test]
fn a_changed_byte_does_no_harm() {
    for whole in [WEIGHTS, MODEL, PACKED[0], PACKED[1]] {
        for at in (0..whole.len()).step_by(7) {
            let _ = read_all(&whole[..at]);
        }
        for at in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[at] ^= [0xff, 0x01, 0x80, 0x10][at % 4];
            if let Err(e) = read_all(&bytes) {
                assert!(!e.to_string().contains("something that it cannot be"), "a panic at {at}: {e}");
            }
        }
    }
}

fn read_all(bytes: &[u8]) -> Result<(), Problem> {
    open(bytes)?.tensors.iter().try_for_each(|(_, tensor)| tensor.load().map(drop))
}
