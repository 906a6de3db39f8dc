//! PyTorch's files, as PyTorch wrote them (`fixtures/`, version 2.15) and as it never would.

use super::{Checkpoint, CheckpointError, Format, ReadOptions, read};
use std::io::{Cursor, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

fn load_as(bytes: &[u8], options: &ReadOptions) -> Result<Checkpoint, CheckpointError> {
    let dir = tempfile::tempdir().unwrap();
    // The ending says nothing.
    let path = dir.path().join("epoch_9.safetensors");
    std::fs::write(&path, bytes).unwrap();
    read(&path, options)
}

fn load(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    load_as(bytes, &ReadOptions::default())
}

fn keyed(bytes: &[u8], key: &str) -> Result<Checkpoint, CheckpointError> {
    load_as(bytes, &ReadOptions { with_key: Some(key.into()) })
}

fn message(bytes: &[u8]) -> String {
    load(bytes).unwrap_err().to_string()
}

fn names(c: &Checkpoint) -> Vec<&str> {
    c.tensors.iter().map(|(name, _)| name).collect()
}

fn tensor_of(c: &Checkpoint, name: &str) -> (Vec<usize>, String, Vec<f32>) {
    let t = c.tensors.get(name).unwrap();
    (t.shape.clone(), t.dtype.clone(), t.values.clone())
}

/// `state_dict()` of `Linear(2, 1)`, in the zip archive and in the older format.
#[test]
fn a_plain_state_dict_reads_in_its_order() {
    for (bytes, format) in [
        (&include_bytes!("fixtures/plain.pt")[..], Format::TorchZip),
        (include_bytes!("fixtures/legacy.pt"), Format::TorchLegacy),
    ] {
        let c = load(bytes).unwrap();
        assert_eq!((c.format, c.epoch, names(&c)), (format, Some(9), vec!["weight", "bias"]));
        assert_eq!(tensor_of(&c, "weight"), (vec![1, 2], "F32".into(), vec![1.0, 2.0]));
        assert_eq!(tensor_of(&c, "bias"), (vec![1], "F32".into(), vec![3.0]));
        // The table of versions, an attribute of the dict, is no entry of it.
        assert!(c.metadata.is_empty());
    }
}

/// `{"epoch": 7, "model": …, "optimizer": …}`, the optimiser with its momentum.
#[test]
fn a_nested_state_dict_is_found_without_the_optimiser() {
    let bytes = include_bytes!("fixtures/nested.pt");
    let c = load(bytes).unwrap();
    assert_eq!((c.epoch, c.metadata["epoch"].as_str(), names(&c)), (Some(7), "7", vec!["weight"]));
    assert_eq!(names(&keyed(bytes, "optimizer").unwrap()), ["state.0.momentum_buffer"]);
    let e = keyed(bytes, "best").unwrap_err().to_string();
    assert!(e.contains("there is no entry best") && e.contains("the file has: epoch, model, optimizer"), "{e}");
    assert!(keyed(bytes, "epoch").unwrap_err().to_string().contains("the entry epoch holds no tensors"));
}

/// Of `b = arange(6).reshape(2, 3)`: its transpose, a row (as a parameter) and a column, in one storage.
#[test]
fn views_of_one_storage_come_out_right() {
    let c = load(include_bytes!("fixtures/views.pt")).unwrap();
    assert_eq!(tensor_of(&c, "t"), (vec![3, 2], "F32".into(), vec![0., 3., 1., 4., 2., 5.]));
    assert_eq!(tensor_of(&c, "row"), (vec![3], "F32".into(), vec![3., 4., 5.]));
    assert_eq!(tensor_of(&c, "col"), (vec![2], "F32".into(), vec![2., 5.]));
}

#[test]
fn types_are_converted_and_remembered() {
    let c = load(include_bytes!("fixtures/types.pt")).unwrap();
    assert_eq!(tensor_of(&c, "h"), (vec![2], "F16".into(), vec![1.5, -2.0]));
    assert_eq!(tensor_of(&c, "b"), (vec![1], "BF16".into(), vec![1.5]));
    assert_eq!(tensor_of(&c, "i"), (vec![], "I64".into(), vec![-3.0]));
    assert_eq!(tensor_of(&c, "u"), (vec![1], "U16".into(), vec![65535.0]));
    let file = archive(
        &pickle(dict(&[
            ("d", tensor("0", "DoubleStorage", 1, 0, &[1], &[1])),
            ("y", tensor("1", "BoolStorage", 2, 0, &[2], &[1])),
        ])),
        &[("0", 0.1f64.to_le_bytes().to_vec()), ("1", vec![0, 2])],
    );
    let c = load(&file).unwrap();
    assert_eq!(tensor_of(&c, "d"), (vec![1], "F64".into(), vec![0.1]));
    assert_eq!(tensor_of(&c, "y"), (vec![2], "BOOL".into(), vec![0.0, 1.0]));
}

/// `{"ema": {"shadow": sd}, "model": sd}`: the pickle holds the dict once.
#[test]
fn a_dict_under_two_keys_is_read_under_either() {
    let bytes = include_bytes!("fixtures/shared.pt");
    assert_eq!(names(&load(bytes).unwrap()), ["weight", "bias"]);
    let c = keyed(bytes, "ema").unwrap();
    assert_eq!(names(&c), ["shadow.weight", "shadow.bias"]);
    assert_eq!(c.tensors.get("shadow.bias").unwrap().values, [3.0]);
}

/// `torch.save(PReLU())`.
#[test]
fn a_whole_module_is_refused_by_name() {
    let e = message(include_bytes!("fixtures/module.pt"));
    assert!(e.contains("the Python class torch.nn.modules.activation.PReLU (the saved object itself)"), "{e}");
    assert!(e.contains("torch.save(model.state_dict(), …)"), "{e}");
}

#[test]
fn the_model_is_found_among_other_things_or_asked_for() {
    let one = || tensor("0", "FloatStorage", 1, 0, &[1], &[1]);
    let sd = |name: &str| dict(&[(name, one())]);
    let file = |entries: &[(&str, Vec<u8>)]| archive(&pickle(dict(entries)), &[("0", floats(&[5.0]))]);
    let momentum = dict(&[("state", dict(&[("0", dict(&[("exp_avg", one())]))]))]);

    for key in ["state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params", "mine"] {
        let c = load(&file(&[("optimizer", momentum.clone()), (key, sd("module.a")), ("epoch", int(4))])).unwrap();
        assert_eq!((names(&c), c.epoch), (vec!["a"], Some(4)), "{key}");
    }
    // A parameter may be called as a state dict is; a state dict may have an optimiser beside it.
    assert_eq!(names(&load(&file(&[("weights", one()), ("optimizer", momentum.clone())])).unwrap()), ["weights"]);
    // A model of several parts.
    let parts = file(&[("model", dict(&[("enc", sd("a")), ("dec", sd("a"))]))]);
    assert_eq!(names(&load(&parts).unwrap()), ["enc.a", "dec.a"]);

    let two = file(&[("ema", sd("a")), ("raw", sd("b"))]);
    assert!(
        message(&two).contains("several entries hold tensors (ema, raw): name the state dict's key by --state-dict")
    );
    assert_eq!(names(&keyed(&two, "raw").unwrap()), ["b"]);
    let mixed = file(&[("mine", sd("a")), ("loss", one())]);
    assert!(message(&mixed).contains("tensors at the top (\"\") and in other entries (mine)"), "{}", message(&mixed));
    assert_eq!(names(&keyed(&mixed, "").unwrap()), ["loss"]);
    assert!(message(&file(&[("a", dict(&[("b", sd("c"))]))])).contains("nested too deeply"));
    assert!(message(&file(&[("a", int(1))])).ends_with("the file holds no tensors"));
    let twin = file(&[("model", dict(&[("a", sd("b")), ("a.b", one())]))]);
    assert!(message(&twin).contains("two tensors are called a.b"), "{}", message(&twin));
    for (pickled, kind) in [(b"]".to_vec(), "a list"), (one(), "a single tensor"), (int(3), "a number")] {
        let e = message(&archive(&pickle(pickled), &[("0", floats(&[5.0]))]));
        assert!(e.contains(&format!("the file holds {kind}, where a dict of tensors is expected")), "{e}");
    }
}

#[test]
fn nothing_but_tensors_and_containers_gets_through() {
    let one = || tensor("0", "FloatStorage", 1, 0, &[1], &[1]);
    let with = |extra: &[u8]| archive(&pickle(dict(&[("a", one()), ("x", extra.to_vec())])), &[("0", floats(&[1.0]))]);
    let evil = archive(&pickle([&b"cos\nsystem\n"[..], &tuple(&[text("true")]), b"R"].concat()), &[]);
    assert!(message(&evil).contains("the Python class os.system (the saved object itself)"));
    for (extra, expected) in [
        (&b"cargparse\nNamespace\n)\x81"[..], "the Python class argparse.Namespace (at [\"x\"])"),
        (b"cnumpy.core.multiarray\nscalar\n)R", "the Python class numpy.core.multiarray.scalar (at [\"x\"])"),
        (b"ctorch._utils\n_rebuild_sparse_tensor\n)R", "a sparse, quantized or otherwise special tensor"),
        (b"ctorch\ncomplex64\n", "the tensor at [\"x\"] holds values of type torch.complex64"),
        (b"ctorch\nfloat8_e4m3fn\n", "the tensor at [\"x\"] holds values of type torch.float8_e4m3fn"),
        (b"ctorch\nQInt8Storage\n", "torch.QInt8Storage"),
        // A tensor of a class of its own, an object of it as another's state.
        (b"ctorch._tensor\n_rebuild_from_type_v2\n(c__main__\nMine\nt", "__main__.Mine"),
    ] {
        let e = message(&with(extra));
        assert!(e.contains(expected), "{e}");
    }
    // What is harmless, and is saved beside weights.
    for extra in [
        &b"ctorch\nfloat32\n"[..],
        b"ctorch\nSize\n(K\x02t\x85R",
        b"ctorch\ndevice\nX\x03\x00\x00\x00cpu\x85R",
        b"ccollections\nCounter\n}K\x01K\x02s\x85R",
        b"c_codecs\nencode\nX\x01\x00\x00\x00xX\x06\x00\x00\x00latin1\x86R",
        b"c__builtin__\nset\n]K\x01a\x85R",
        b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01",
    ] {
        assert_eq!(names(&load(&with(extra)).unwrap()), ["a"], "{}", String::from_utf8_lossy(extra));
    }
    // An attribute does not hide an entry, and may not hold a tensor of its own.
    let built = |state: Vec<u8>| {
        archive(&pickle([dict(&[("a", one())]), state, b"b".to_vec()].concat()), &[("0", floats(&[1.0]))])
    };
    assert!(load(&built(dict(&[("_metadata", dict(&[]))]))).is_ok());
    assert_eq!(names(&load(&built(dict(&[("a", int(1))]))).unwrap()), ["a"]);
    assert!(message(&built(dict(&[("a", one())]))).contains("tensors among its attributes"));
}

#[test]
fn a_tensor_that_does_not_fit_its_storage_is_damage() {
    let with = |t: Vec<u8>| archive(&pickle(dict(&[("a", t)])), &[("0", floats(&[1., 2., 3., 4.]))]);
    assert!(load(&with(tensor("0", "FloatStorage", 4, 0, &[4], &[1]))).is_ok());
    for t in [
        tensor("0", "FloatStorage", 4, 2, &[4], &[1]),
        tensor("0", "FloatStorage", 4, -1, &[4], &[1]),
        tensor("0", "FloatStorage", 4, 0, &[2], &[4]),
        tensor("0", "FloatStorage", 4, 0, &[2], &[-1]),
        tensor("0", "FloatStorage", 4, 0, &[-2], &[1]),
        tensor("0", "FloatStorage", 4, 0, &[2], &[1, 1]),
        tensor("0", "FloatStorage", 400, 0, &[400], &[1]),
        tensor("0", "DoubleStorage", 4, 0, &[4], &[1]),
        tensor("7", "FloatStorage", 4, 0, &[4], &[1]),
        tensor("../0", "FloatStorage", 4, 0, &[4], &[1]),
        tensor("0", "FloatStorage", i32::MAX, 0, &[i32::MAX; 3], &[i32::MAX; 3]),
        tensor("0", "FloatStorage", 4, 0, &[i32::MAX; 4], &[0; 4]),
    ] {
        let e = message(&with(t));
        assert!(e.contains("a damaged or truncated PyTorch file"), "{e}");
    }
    // A view that repeats a value is sound, but may not fill the memory.
    let c = load(&with(tensor("0", "FloatStorage", 4, 3, &[2, 2], &[0, 0]))).unwrap();
    assert_eq!(c.tensors.get("a").unwrap().values, [4.0; 4]);
    for (size, stride) in [(&[1 << 30][..], &[0][..]), (&[i32::MAX; 2], &[0; 2])] {
        let e = message(&with(tensor("0", "FloatStorage", 4, 0, size, stride)));
        assert!(e.contains("a view that repeats its values"), "{e}");
    }
}

#[test]
fn a_cut_file_never_gets_through() {
    for whole in [&include_bytes!("fixtures/plain.pt")[..], include_bytes!("fixtures/legacy.pt")] {
        for cut in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            let e = message(&whole[..cut]);
            assert!(
                e.contains("damaged or truncated PyTorch file") || cut < 16 || (e.contains("plain pickle") && cut < 20),
                "cut at {cut}: {e}"
            );
        }
    }
    let e = message(&include_bytes!("fixtures/plain.pt")[..1000]);
    assert!(e.contains("the end of the archive is missing"), "{e}");
}

/// Whatever byte is changed: an error or a checkpoint, and never a panic.
#[test]
fn a_changed_byte_does_no_harm() {
    for whole in [&include_bytes!("fixtures/views.pt")[..], include_bytes!("fixtures/legacy.pt")] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pt");
        for at in 0..whole.len() {
            for flip in [0xff, 0x01, 0x80] {
                let mut bytes = whole.to_vec();
                bytes[at] ^= flip;
                std::fs::write(&path, bytes).unwrap();
                let _ = read(&path, &ReadOptions::default());
                // A new file each time: some file systems write one that is truncated to the disk at once.
                std::fs::remove_file(&path).unwrap();
            }
        }
    }
}

#[test]
fn an_archive_that_torch_would_not_write_is_refused() {
    let entry = || pickle(dict(&[("a", tensor("0", "FloatStorage", 1, 0, &[1], &[1]))]));
    let storage = [("0", floats(&[1.0]))];
    let good = archive(&entry(), &storage);
    assert!(load(&good).is_ok());

    let packed = zipped(&[("m/data.pkl", entry()), ("m/data/0", floats(&[1.0]))], CompressionMethod::Deflated);
    assert!(message(&packed).contains("its entry m/data.pkl is compressed, which torch.save does not do"));
    let evil = zipped(&[("m/data.pkl", b"cos\nsystem\n.".to_vec())], CompressionMethod::Deflated);
    assert!(message(&evil).contains("os.system"));
    let big = zipped(
        &[("m/data.pkl", entry()), ("m/byteorder", b"big".to_vec()), ("m/data/0", floats(&[1.0]))],
        CompressionMethod::Stored,
    );
    assert!(message(&big).contains("big-endian"));
    let script = zipped(&[("m/data.pkl", entry()), ("m/code/x.py", vec![])], CompressionMethod::Stored);
    assert!(message(&script).contains("TorchScript"));
    let arrays = zipped(&[("a.npy", vec![])], CompressionMethod::Deflated);
    assert!(message(&arrays).contains("a damaged or truncated npz file: its entry a.npy"));
    let two = zipped(&[("m/data.pkl", entry()), ("data.pkl", entry())], CompressionMethod::Stored);
    assert!(message(&two).contains("without a single data.pkl"));

    assert!(message(&[&good[..], b"more"].concat()).contains("end of the archive is missing"));
    // Two things at once: an archive behind another.
    let e = message(&[&good[..], &good[..]].concat());
    assert!(e.contains("its directory does not fit its content"), "{e}");
    // Two entries of one name, by renaming one in both places.
    let twins = zipped(
        &[("m/data.pkl", entry()), ("m/data/0", floats(&[1.0])), ("m/data/1", floats(&[2.0]))],
        CompressionMethod::Stored,
    );
    let e = message(&replaced(&twins, b"m/data/1", b"m/data/0"));
    assert!(e.contains("two entries have one name"), "{e}");
    // A value that is not what its checksum says.
    let e = message(&replaced(&good, &1f32.to_le_bytes(), &2f32.to_le_bytes()));
    assert!(e.contains("hecksum"), "{e}");
    // The bit that says that an entry is encrypted.
    let mut locked = good.clone();
    let directory = good.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    locked[directory + 8] |= 1;
    locked[6] |= 1;
    let e = message(&locked);
    assert!(e.contains("is encrypted") || e.contains("damaged"), "{e}");
}

// ------------------------------------------------------------------------------------------------------------------
// Files by hand

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

fn zipped(entries: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A file as `torch.save` lays it out: one pickle, one entry a storage, all stored.
fn archive(pickle: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let storages: Vec<(String, Vec<u8>)> = storages.iter().map(|(k, b)| (format!("m/data/{k}"), b.clone())).collect();
    let mut entries = vec![("m/data.pkl", pickle.to_vec()), ("m/byteorder", b"little".to_vec())];
    entries.extend(storages.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    entries.push(("m/version", b"3\n".to_vec()));
    zipped(&entries, CompressionMethod::Stored)
}

fn text(s: &str) -> Vec<u8> {
    [&b"X"[..], &(s.len() as u32).to_le_bytes(), s.as_bytes()].concat()
}

fn int(i: i32) -> Vec<u8> {
    [&b"J"[..], &i.to_le_bytes()].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [&b"("[..], &items.concat(), b"t"].concat()
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())`
fn tensor(storage: &str, kind: &str, numel: i32, offset: i32, size: &[i32], stride: &[i32]) -> Vec<u8> {
    let id =
        tuple(&[text("storage"), format!("ctorch\n{kind}\n").into_bytes(), text(storage), text("cpu"), int(numel)]);
    let numbers = |n: &[i32]| tuple(&n.iter().map(|&i| int(i)).collect::<Vec<_>>());
    let hooks = b"ccollections\nOrderedDict\n)R".to_vec();
    let arguments =
        [[id, b"Q".to_vec()].concat(), int(offset), numbers(size), numbers(stride), b"\x89".to_vec(), hooks];
    [&b"ctorch._utils\n_rebuild_tensor_v2\n"[..], &tuple(&arguments), b"R"].concat()
}

fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> = entries.iter().flat_map(|(k, v)| [text(k), v.clone()].concat()).collect();
    [&b"}("[..], &items, b"u"].concat()
}

fn pickle(value: Vec<u8>) -> Vec<u8> {
    [&b"\x80\x02"[..], &value, b"."].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
