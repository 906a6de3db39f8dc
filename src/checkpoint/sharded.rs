//! Hugging Face's layout: a model in several files beside an index, or in a folder.
//!
//! Source: the `save_pretrained` of `transformers`, which writes `model.safetensors` or `pytorch_model.bin`, and where
//! that would be too large a `….index.json` with the `weight_map` from tensors to files.

use super::blob::Blob;
use super::format::{self, Format};
use super::found::{Found, Texts};
use super::{LazyTensor, Problem, ReadOptions, safetensors, torch};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Bytes of an index: a hundred thousand tensors fit.
const MAX_INDEX: u64 = 32 << 20;

/// What a folder's model may be called, the best first.
const NAMES: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// The model's file in a folder of this layout; the path itself where it is no such folder.
pub(super) fn in_folder(path: &Path) -> PathBuf {
    let files = NAMES.iter().map(|name| path.join(name));
    files.filter(|_| path.is_dir()).find(|file| file.is_file()).unwrap_or_else(|| path.into())
}

/// Whether a file that begins as JSON is an index.
pub(super) fn is_index(blob: &Blob) -> Result<bool, Problem> {
    let needle = b"\"weight_map\"";
    Ok(blob.head(MAX_INDEX)?.windows(needle.len()).any(|window| window == needle))
}

#[derive(serde::Deserialize)]
struct Index {
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
    weight_map: Pairs,
}

fn index(blob: &Blob) -> Result<Index, Problem> {
    if blob.len() > MAX_INDEX {
        return Err(damaged(format!("it has {} bytes, and at most {MAX_INDEX} are read", blob.len())));
    }
    let text = blob.all()?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    serde_json::from_slice(text).map_err(|e| damaged(format!("it is not the JSON of an index: {e}")))
}

/// The files that an index names, each once.
pub(super) fn shards(blob: &Blob) -> Result<Vec<String>, Problem> {
    let Pairs(pairs) = index(blob)?.weight_map;
    let mut names: Vec<String> = pairs.into_iter().map(|(_, shard)| shard).collect();
    names.sort();
    names.dedup();
    names.iter().try_for_each(|name| check_name(name))?;
    Ok(names)
}

/// Opens the index at `path`, and every file that it names.
pub(super) fn open(blob: &Blob, path: &Path, options: &ReadOptions) -> Result<Found, Problem> {
    let Index { metadata, weight_map: Pairs(pairs) } = index(blob)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut texts = Texts::new();
    let mut shards: HashMap<&str, HashMap<String, LazyTensor>> = HashMap::new();
    for (_, shard) in &pairs {
        if !shards.contains_key(shard.as_str()) {
            check_name(shard)?;
            let in_shard = |problem: Problem| Problem::Shard { shard: shard.clone(), problem: Box::new(problem) };
            let found = open_shard(&folder.join(shard), options).map_err(in_shard)?;
            for (key, text) in found.texts {
                texts.entry(key).or_insert(text);
            }
            shards.insert(shard, found.tensors.into_iter().collect());
        }
    }
    let mut tensors = Vec::with_capacity(pairs.len());
    for (name, shard) in &pairs {
        let tensor = shards.get_mut(shard.as_str()).and_then(|tensors| tensors.remove(name));
        let missing = || damaged(format!("it says that the tensor {name} is in {shard}, but it is not"));
        tensors.push((name.clone(), tensor.ok_or_else(missing)?));
    }
    // In the order of the index, for a message that is the same each time.
    for (_, shard) in &pairs {
        if let Some(name) = shards.get(shard.as_str()).and_then(|rest| rest.keys().min()) {
            return Err(damaged(format!(
                "it does not list the tensor {name} of {shard}; is the index of another model?"
            )));
        }
    }
    for (key, value) in metadata {
        match value {
            serde_json::Value::String(text) => drop(texts.insert(key, text)),
            serde_json::Value::Number(number) => drop(texts.insert(key, number.to_string())),
            _ => {}
        }
    }
    Ok(Found { texts, tensors })
}

/// Only files beside the index are opened: an index must not lead elsewhere.
fn check_name(shard: &str) -> Result<(), Problem> {
    let is_plain = !shard.is_empty() && !shard.contains(['/', '\\', '\0', ':']) && shard != "." && shard != "..";
    if is_plain {
        return Ok(());
    }
    Err(Problem::Unsupported {
        format: "Hugging Face index",
        reason: format!("it names the file {shard:?}, which is not a plain name; files beside the index are read"),
    })
}

/// A shard's tensors. An index within an index is refused, or two could name each other.
fn open_shard(path: &Path, options: &ReadOptions) -> Result<Found, Problem> {
    let blob = Blob::open(path)?;
    match format::of(&blob)? {
        Format::Safetensors => safetensors::open(&blob),
        format @ (Format::TorchZip | Format::TorchLegacy) => torch::open(&blob, format, options),
        other => Err(Problem::Unsupported {
            format: "Hugging Face index",
            reason: format!("a shard of the format {other}, where safetensors and PyTorch files are read"),
        }),
    }
}

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "Hugging Face index", reason }
}

/// Tensors and files in their order; each tensor may be there once.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table from tensors to files")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let (mut pairs, mut known) = (Vec::new(), HashSet::new());
                while let Some((name, shard)) = map.next_entry::<String, String>()? {
                    if !known.insert(name.clone()) {
                        return Err(A::Error::custom(format!("there are two entries {name}")));
                    }
                    pairs.push((name, shard));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Contents, read};
    use super::*;

    /// A safetensors file of 32-bit floats, each tensor one value.
    fn shard(tensors: &[(&str, f32)]) -> Vec<u8> {
        let entry = |(i, (name, _)): (usize, &(&str, f32))| {
            format!(r#""{name}":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}}"#, 4 * i, 4 * i + 4)
        };
        let header = format!("{{{}}}", tensors.iter().enumerate().map(entry).collect::<Vec<_>>().join(","));
        let values: Vec<u8> = tensors.iter().flat_map(|(_, v)| v.to_le_bytes()).collect();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values].concat()
    }

    const INDEX: &str = r#"{"metadata": {"total_size": 12}, "weight_map":
        {"c": "model-00002-of-00002.safetensors", "a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors"}}"#;

    fn folder(index: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
        write("model-00001-of-00002.safetensors", &shard(&[("a", 1.0), ("b", 2.0)]));
        write("model-00002-of-00002.safetensors", &shard(&[("c", 3.0)]));
        write("model.safetensors.index.json", index.as_bytes());
        dir
    }

    fn message(index: &str) -> String {
        let dir = folder(index);
        let path = dir.path().join("model.safetensors.index.json");
        read(&path, &ReadOptions::default()).unwrap_err().problem.to_string()
    }

    #[test]
    fn the_shards_of_an_index_make_one_checkpoint() {
        let dir = folder(INDEX);
        // The folder will do.
        for path in [dir.path().join("model.safetensors.index.json"), dir.path().into()] {
            let c = read(&path, &ReadOptions::default()).unwrap();
            assert_eq!((c.format, c.metadata["total_size"].as_str()), (Format::Sharded, "12"));
            assert_eq!(c.file, dir.path().join("model.safetensors.index.json"));
            let values: Vec<_> = c.tensors.iter().map(|(name, t)| (name, t.values[0])).collect();
            assert_eq!(values, [("c", 3.0), ("a", 1.0), ("b", 2.0)]);
        }
    }

    #[test]
    fn a_folder_of_one_file_opens() {
        let dir = tempfile::tempdir().unwrap();
        let e = Contents::open(dir.path(), &ReadOptions::default()).unwrap_err().to_string();
        assert!(e.contains("it is a folder"), "{e}");
        let run = dir.path().join("checkpoint-500");
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join("pytorch_model.bin"), include_bytes!("fixtures/plain.pt")).unwrap();
        let c = Contents::open(&run, &ReadOptions::default()).unwrap();
        assert_eq!((c.format, c.tensors.len(), c.epoch, c.step), (Format::TorchZip, 2, None, Some(500)));
        std::fs::write(run.join("model.safetensors"), shard(&[("a", 1.0)])).unwrap();
        let c = Contents::open(&run, &ReadOptions::default()).unwrap();
        assert_eq!((c.format, c.tensors.len()), (Format::Safetensors, 1));
    }

    #[test]
    fn an_index_leads_nowhere_else() {
        for name in ["/etc/passwd", "../model.safetensors", "..", ".", "", "x/y", "x\\\\y", "c:y", "a\\u0000"] {
            let e = message(&format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#));
            assert!(e.contains("is not a plain name; files beside the index are read"), "{name}: {e}");
        }
        let e = message(r#"{"weight_map": {"a": "model.safetensors.index.json"}}"#);
        assert!(
            e.contains("in its shard model.safetensors.index.json") && e.contains("format Hugging Face index"),
            "{e}"
        );
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let two = "model-00002-of-00002.safetensors";
        for (index, expected) in [
            (INDEX.replace("00002-of", "00003-of"), "in its shard model-00003-of-00002.safetensors: cannot be read"),
            (INDEX.replace("\"c\"", "\"d\""), "the tensor d is in model-00002-of-00002.safetensors, but it is not"),
            (format!(r#"{{"weight_map": {{"c": "{two}", "a": "{two}"}}}}"#), "the tensor a is in model-00002"),
            (
                r#"{"weight_map": {"b": "model-00001-of-00002.safetensors"}}"#.into(),
                "it does not list the tensor a of model-00001-of-00002.safetensors",
            ),
            (format!(r#"{{"weight_map": {{"c": "{two}", "c": "{two}"}}}}"#), "there are two entries c"),
            (r#"{"weight_map": {"c": 3}}"#.into(), "it is not the JSON of an index"),
            (r#"{"weight_map": ["c"]}"#.into(), "a table from tensors to files"),
            (format!(r#"{{"weight_map": {}"#, "[".repeat(100_000)), "it is not the JSON of an index"),
            (INDEX[..INDEX.len() - 1].into(), "it is not the JSON of an index"),
        ] {
            let e = message(&index);
            assert!(e.contains(expected), "{e}");
        }
        assert_eq!(message(r#"{"weight_map": {}}"#), "the file holds no tensors");
        assert!(message(r#"{"weights": {}}"#).contains("JSON"));
        let dir = folder(INDEX);
        std::fs::write(dir.path().join(two), &shard(&[("c", 3.0)])[..60]).unwrap();
        let e = read(dir.path(), &ReadOptions::default()).unwrap_err().to_string();
        assert!(e.contains("in its shard model-00002-of-00002.safetensors: a damaged or truncated safetensors"), "{e}");
    }

    /// Whatever byte is changed or cut: an error or a checkpoint, and never a panic.
    #[test]
    fn a_changed_byte_does_no_harm() {
        let dir = folder(INDEX);
        let path = dir.path().join("model.safetensors.index.json");
        let open = |bytes: &[u8]| open(&Blob::of(bytes.to_vec()), &path, &ReadOptions::default());
        for at in 0..INDEX.len() {
            assert!(open(&INDEX.as_bytes()[..at]).is_err(), "cut at {at}");
            for flip in [0xff, 0x01, 0x80, 0x20] {
                let mut bytes = INDEX.as_bytes().to_vec();
                bytes[at] ^= flip;
                if let Ok(found) = open(&bytes) {
                    assert_eq!(found.tensors.len(), 3);
                }
            }
        }
    }
}
