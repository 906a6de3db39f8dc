//! PyTorch's zip files.

use super::pickle::check_classes;
use super::tensor::{decode, natural_order};
use super::{Problem, ReadOptions, StateDict, Tensor};
use pytorch_reader::{PickleValue, PytorchError, PytorchReader};
use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::path::Path;

/// Keys under which people save a state dict, the most telling first.
const USUAL_KEYS: [&str; 8] =
    ["state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params"];

/// A pickle holds names and shapes, not values: a hundred megabytes of it are no checkpoint.
const MAX_PICKLE: u64 = 100 << 20;

pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
    options: &ReadOptions,
) -> Result<(BTreeMap<String, String>, StateDict), Problem> {
    check_classes(&pickle_of(bytes)?)?;
    let tree = PytorchReader::read_pickle_data(path, None).map_err(problem)?;
    let PickleValue::Dict(root) = tree else {
        return Err(Problem::WhichStateDict {
            reason: "the file does not hold a dict".into(),
            known: kind(&tree).into(),
        });
    };
    let key = state_dict_key(&root, options.with_key.as_deref())?;
    let reader = match key {
        Some(key) => PytorchReader::with_top_level_key(path, key),
        None => PytorchReader::new(path),
    }
    .map_err(problem)?;
    // Beside a plain state dict there may be others, an optimiser's say: only tensors at its own level are the model's.
    let level = match key.and_then(|k| root.get(k)) {
        Some(PickleValue::Dict(level)) => level,
        _ => &root,
    };
    let mut names: Vec<&String> = level.iter().filter(|(_, v)| is_tensor(v)).map(|(name, _)| name).collect();
    names.sort_by(|a, b| natural_order(a, b));
    let mut tensors = StateDict::default();
    for name in names {
        let Some(tensor) = reader.get(name) else { continue };
        let dtype = format!("{:?}", tensor.dtype()).to_uppercase();
        let bytes = tensor.read().map_err(|e| Problem::Damaged { format: "PyTorch", reason: e.to_string() })?;
        let values =
            decode(&dtype, &bytes).ok_or_else(|| Problem::Dtype { tensor: name.clone(), dtype: dtype.clone() })?;
        tensors.insert(name, Tensor { shape: tensor.shape().to_vec(), dtype, values });
    }
    Ok((scalars(&root), tensors.without_common_prefix("module.").without_common_prefix("_orig_mod.")))
}

/// The bytes of `data.pkl`.
fn pickle_of(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let damaged = |reason: String| Problem::Damaged { format: "PyTorch", reason };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
    let names: Vec<String> = archive.file_names().map(String::from).collect();
    if names.iter().any(|n| n.contains("/code/") || n.ends_with("/constants.pkl")) {
        return Err(Problem::UnknownFormat(
            "it is a TorchScript archive; save the weights with torch.save(model.state_dict(), …)",
        ));
    }
    if names.iter().any(|n| n.ends_with(".npy")) {
        return Err(Problem::UnknownFormat("it is an archive of numpy arrays; give activation dumps the ending .npz"));
    }
    let mut pickles = names.iter().filter(|n| *n == "data.pkl" || n.ends_with("/data.pkl"));
    let (Some(name), None) = (pickles.next(), pickles.next()) else {
        return Err(Problem::UnknownFormat(
            "it is a zip archive without a single data.pkl, so PyTorch did not write it",
        ));
    };
    let entry = archive.by_name(name).map_err(|e| damaged(e.to_string()))?;
    let mut pickle = Vec::new();
    entry.take(MAX_PICKLE + 1).read_to_end(&mut pickle).map_err(|e| damaged(format!("data.pkl: {e}")))?;
    if pickle.len() as u64 > MAX_PICKLE {
        return Err(damaged(format!("data.pkl is larger than {MAX_PICKLE} bytes")));
    }
    Ok(pickle)
}

fn is_tensor(value: &PickleValue) -> bool {
    matches!(value, PickleValue::Unsupported(name) if name == "torch.Tensor")
}

fn holds_tensors(value: &PickleValue) -> bool {
    matches!(value, PickleValue::Dict(dict) if dict.values().any(is_tensor))
}

/// The key under which the state dict lies; `None` when the file is one.
fn state_dict_key<'a>(
    root: &'a HashMap<String, PickleValue>,
    wanted: Option<&str>,
) -> Result<Option<&'a str>, Problem> {
    let mut known: Vec<&str> = root.keys().map(String::as_str).collect();
    known.sort_unstable();
    let unclear = |reason: String| Problem::WhichStateDict { reason, known: known.join(", ") };
    if let Some(wanted) = wanted {
        return match root.get_key_value(wanted) {
            Some((key, value)) if holds_tensors(value) => Ok(Some(key)),
            Some(_) => Err(unclear(format!("the entry {wanted} holds no tensors"))),
            None => Err(unclear(format!("there is no entry {wanted}"))),
        };
    }
    if let Some(key) = USUAL_KEYS.iter().find_map(|key| root.get_key_value(*key).filter(|(_, v)| holds_tensors(v))) {
        return Ok(Some(key.0));
    }
    if root.values().any(is_tensor) {
        return Ok(None);
    }
    let mut candidates: Vec<&str> = root.iter().filter(|(_, v)| holds_tensors(v)).map(|(k, _)| k.as_str()).collect();
    candidates.sort_unstable();
    match candidates[..] {
        [] => Err(Problem::NoTensors),
        [one] => Ok(Some(one)),
        _ => Err(unclear(format!("several entries hold tensors ({})", candidates.join(", ")))),
    }
}

/// Numbers and texts beside the state dict, such as the epoch.
fn scalars(root: &HashMap<String, PickleValue>) -> BTreeMap<String, String> {
    root.iter()
        .filter_map(|(key, value)| {
            let text = match value {
                PickleValue::Bool(b) => b.to_string(),
                PickleValue::Int(i) => i.to_string(),
                PickleValue::Float(f) => f.to_string(),
                PickleValue::String(s) => s.clone(),
                _ => return None,
            };
            Some((key.clone(), text))
        })
        .collect()
}

fn kind(value: &PickleValue) -> &str {
    match value {
        PickleValue::List(_) => "a list",
        PickleValue::Unsupported(name) => name,
        _ => "a single value",
    }
}

fn problem(error: PytorchError) -> Problem {
    Problem::Damaged { format: "PyTorch", reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{Checkpoint, read};
    use super::*;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    /// A file as `torch.save` lays it out: one pickle, one entry a storage, all stored.
    fn archive(pickle: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let mut entry = |name: &str, bytes: &[u8]| {
            writer.start_file(name, options).unwrap();
            writer.write_all(bytes).unwrap();
        };
        entry("m/data.pkl", pickle);
        entry("m/byteorder", b"little");
        for (key, bytes) in storages {
            entry(&format!("m/data/{key}"), bytes);
        }
        entry("m/version", b"3\n");
        writer.finish().unwrap().into_inner()
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
        let arguments = tuple(&[
            [id, b"Q".to_vec()].concat(),
            int(offset),
            numbers(size),
            numbers(stride),
            b"\x89".to_vec(),
            hooks,
        ]);
        [&b"ctorch._utils\n_rebuild_tensor_v2\n"[..], &arguments, b"R"].concat()
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

    fn load(bytes: &[u8], options: &ReadOptions) -> Result<Checkpoint, super::super::CheckpointError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epoch_9.pt");
        std::fs::write(&path, bytes).unwrap();
        read(&path, options)
    }

    fn message(bytes: &[u8]) -> String {
        load(bytes, &ReadOptions::default()).unwrap_err().to_string()
    }

    #[test]
    fn views_types_and_order_come_out_right() {
        let file = archive(
            &pickle(dict(&[
                ("10.weight", tensor("0", "FloatStorage", 6, 0, &[3, 2], &[1, 3])),
                ("2.weight", tensor("0", "FloatStorage", 6, 2, &[2], &[1])),
                ("half", tensor("1", "HalfStorage", 1, 0, &[1], &[1])),
                ("count", tensor("2", "LongStorage", 1, 0, &[], &[])),
            ])),
            &[("0", floats(&[1., 2., 3., 4., 5., 6.])), ("1", vec![0, 0x3c]), ("2", 7i64.to_le_bytes().to_vec())],
        );
        let c = load(&file, &ReadOptions::default()).unwrap();
        assert_eq!(c.tensors.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["2.weight", "10.weight", "count", "half"]);
        // A transposed view and an offset view of one storage.
        assert_eq!(c.tensors.get("10.weight").unwrap().values, [1., 4., 2., 5., 3., 6.]);
        assert_eq!(c.tensors.get("2.weight").unwrap().values, [3., 4.]);
        assert_eq!(
            (&c.tensors.get("half").unwrap().values[..], &c.tensors.get("count").unwrap().values[..]),
            (&[1.0][..], &[7.0][..])
        );
        assert_eq!(c.epoch, Some(9));
    }

    #[test]
    fn a_nested_state_dict_is_found_with_its_epoch() {
        let one = || tensor("0", "FloatStorage", 1, 0, &[1], &[1]);
        let storages = [("0", floats(&[5.0]))];
        let optimizer = dict(&[("state", dict(&[("0", dict(&[("exp_avg", one())]))]))]);
        let nested = |key: &str| {
            archive(
                &pickle(dict(&[
                    ("epoch", int(4)),
                    (key, dict(&[("module.a", one())])),
                    ("optimizer", optimizer.clone()),
                ])),
                &storages,
            )
        };
        for key in ["model", "state_dict", "my_model"] {
            let c = load(&nested(key), &ReadOptions::default()).unwrap();
            assert_eq!(c.tensors.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["a"], "{key}");
            assert_eq!(c.epoch, Some(4));
        }
        let two = archive(&pickle(dict(&[("ema", dict(&[("a", one())])), ("raw", dict(&[("b", one())]))])), &storages);
        assert!(message(&two).contains("several entries hold tensors (ema, raw): name the state dict's key"));
        let chosen = load(&two, &ReadOptions { with_key: Some("raw".into()) }).unwrap();
        assert!(chosen.tensors.get("b").is_some() && chosen.tensors.get("a").is_none());
        let wrong = load(&two, &ReadOptions { with_key: Some("best".into()) }).unwrap_err().to_string();
        assert!(wrong.contains("no entry best") && wrong.contains("ema, raw"), "{wrong}");
    }

    #[test]
    fn nothing_but_tensors_and_containers_gets_through() {
        let evil = archive(&pickle([&b"cos\nsystem\n"[..], &tuple(&[text("touch /tmp/x")]), b"R"].concat()), &[]);
        assert!(message(&evil).contains("the Python class os.system"));
        let hidden = archive(
            &pickle(dict(&[
                ("a", tensor("0", "FloatStorage", 1, 0, &[1], &[1])),
                ("x", b"cargparse\nNamespace\n)\x81".to_vec()),
            ])),
            &[("0", floats(&[1.0]))],
        );
        assert!(message(&hidden).contains("argparse.Namespace"));
    }

    #[test]
    fn damage_is_told() {
        let good = archive(
            &pickle(dict(&[("a", tensor("0", "FloatStorage", 4, 0, &[4], &[1]))])),
            &[("0", floats(&[1., 2., 3., 4.]))],
        );
        assert!(load(&good, &ReadOptions::default()).is_ok());
        for cut in [10, good.len() / 2, good.len() - 5] {
            assert!(message(&good[..cut]).contains("damaged or truncated PyTorch file"), "cut at {cut}");
        }
        let beyond = archive(
            &pickle(dict(&[("a", tensor("0", "FloatStorage", 4, 2, &[4], &[1]))])),
            &[("0", floats(&[1., 2., 3., 4.]))],
        );
        assert!(message(&beyond).contains("damaged"));
        let short =
            archive(&pickle(dict(&[("a", tensor("0", "FloatStorage", 4, 0, &[4], &[1]))])), &[("0", floats(&[1.]))]);
        assert!(message(&short).contains("damaged"));
        let missing = archive(&pickle(dict(&[("a", tensor("7", "FloatStorage", 4, 0, &[4], &[1]))])), &[]);
        assert!(message(&missing).contains("damaged"));
        assert!(message(&archive(&pickle(dict(&[("a", int(1))])), &[])).contains("no tensors"));
        assert!(message(&archive(&pickle(b"]".to_vec()), &[])).contains("does not hold a dict"));
    }

    #[test]
    fn real_checkpoints_agree_with_their_safetensors_where_they_are_at_hand() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/torch/mlp12-tanh");
        for epoch in [0u64, 100, 1000, 4000] {
            let path = |ending: &str| folder.join(format!("epoch_{epoch:05}.{ending}"));
            if !path("pt").exists() {
                return;
            }
            let (a, b) = (
                read(&path("pt"), &ReadOptions::default()).unwrap(),
                read(&path("safetensors"), &ReadOptions::default()).unwrap(),
            );
            assert_eq!((a.epoch, b.epoch), (Some(epoch), Some(epoch)));
            for (name, tensor) in a.tensors.iter() {
                assert_eq!(Some(tensor), b.tensors.get(name), "{name}");
            }
        }
    }
}
