//! PyTorch's files: the outline of the pickle says what is where, the reader of PyTorch files fetches the values.

use super::format::Format;
use super::outline::{Id, Node, Outline};
use super::state_dict::choose;
use super::tensor::decode;
use super::{Problem, ReadOptions, StateDict, Tensor, archive, pickle};
use pytorch_reader::{PytorchError, PytorchReader};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

/// Bytes that tensors may take together beyond sixteen times the file: a view can repeat one value without end.
const SPARE: usize = 64 << 20;

pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
    format: Format,
    options: &ReadOptions,
) -> Result<(BTreeMap<String, String>, StateDict), Problem> {
    let outline = match format {
        Format::TorchLegacy => legacy(bytes)?,
        _ => {
            let (outline, _) = pickle::outline(&archive::pickle_of(bytes)?)?;
            archive::check_packing(bytes)?;
            outline
        }
    };
    if outline.has_tensors_in_attributes() {
        return Err(Problem::Unsupported {
            format: "PyTorch",
            reason: "a dict has tensors among its attributes; save a plain dict".into(),
        });
    }
    let chosen = choose(&outline, options.with_key.as_deref())?;
    let reader = Reader::open(path, &outline)?;
    let mut budget = bytes.len().saturating_mul(16).saturating_add(SPARE);
    let mut tensors = StateDict::default();
    for (name, id) in chosen {
        let found = reader.find(&name, id)?;
        budget = budget.checked_sub(found.byte_len()).ok_or_else(|| Problem::Unsupported {
            format: "PyTorch",
            reason: format!("the tensor {name} is a view that repeats its values; save a copy, by .clone()"),
        })?;
        let dtype = format!("{:?}", found.dtype()).to_uppercase();
        let raw = found.read().map_err(|e| damaged(e.to_string()))?;
        let values =
            decode(&dtype, &raw).ok_or_else(|| Problem::Dtype { tensor: name.clone(), dtype: dtype.clone() })?;
        tensors.insert(&name, Tensor { shape: found.shape().to_vec(), dtype, values });
    }
    if !is_unchanged(path, bytes) {
        return Err(Problem::Changed);
    }
    Ok((scalars(&outline), tensors))
}

/// The saved object of the older format: the fourth of five pickles, which are all looked at.
fn legacy(bytes: &[u8]) -> Result<Outline, Problem> {
    let (_magic, mut rest) = next(bytes)?;
    (_, rest) = next(rest)?;
    (_, rest) = next(rest)?;
    let (object, rest) = next(rest)?;
    next(rest)?;
    Ok(object)
}

fn next(bytes: &[u8]) -> Result<(Outline, &[u8]), Problem> {
    pickle::outline(bytes).map(|(outline, length)| (outline, &bytes[length..]))
}

/// The reader's tensors by the outline's names.
struct Reader {
    tensors: PytorchReader,
    /// All paths of each tensor.
    paths: HashMap<Id, Vec<String>>,
    shapes: HashMap<Id, Vec<usize>>,
}

impl Reader {
    fn open(path: &Path, outline: &Outline) -> Result<Self, Problem> {
        let (mut owner, mut paths, mut shapes) = (HashMap::new(), HashMap::<Id, Vec<String>>::new(), HashMap::new());
        for (name, id) in outline.tensors_below(outline.root)? {
            // `{"a": {"b": …}}` and `{"a.b": …}` are one name to the reader.
            if *owner.entry(name.clone()).or_insert(id) != id {
                return Err(Problem::Unsupported {
                    format: "PyTorch",
                    reason: format!("two tensors are called {name}"),
                });
            }
            paths.entry(id).or_default().push(name);
            if let Node::Tensor { shape, .. } = &outline.nodes[id] {
                shapes.insert(id, shape.clone());
            }
        }
        let tensors = PytorchReader::new(path).map_err(|e: PytorchError| damaged(e.to_string()))?;
        Ok(Self { tensors, paths, shapes })
    }

    /// A tensor of the state dict.
    ///
    /// A dict that was saved under two keys is there only once in the reader, under the first: what the pickle fetches
    /// from its memo is the dict as it was when it was still empty. So any path of the same tensor will do.
    fn find(&self, name: &str, id: Id) -> Result<&pytorch_reader::Tensor, Problem> {
        let mut paths = self.paths.get(&id).into_iter().flatten();
        paths
            .find_map(|path| self.tensors.get(path))
            .filter(|tensor| self.shapes.get(&id).is_some_and(|shape| shape == tensor.shape()))
            .ok_or_else(|| damaged(format!("the tensor {name} is not where its pickle says")))
    }
}

/// Whether a file still is what was looked at: the reader opens it by its name.
fn is_unchanged(path: &Path, bytes: &[u8]) -> bool {
    let Ok(mut file) = std::fs::File::open(path) else { return false };
    let (mut rest, mut buffer) = (bytes, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return rest.is_empty(),
            Ok(n) if rest.starts_with(&buffer[..n]) => rest = &rest[n..],
            _ => return false,
        }
    }
}

/// Numbers and texts beside the state dict, such as the epoch.
fn scalars(outline: &Outline) -> BTreeMap<String, String> {
    let text = |id: Id| match &outline.nodes[id] {
        Node::Bool(b) => Some(b.to_string()),
        Node::Int(i) => Some(i.to_string()),
        Node::Float(f) => Some(f.to_string()),
        Node::Text(s) => Some(s.clone()),
        _ => None,
    };
    let entries = outline.entries(outline.root).unwrap_or_default();
    entries.into_iter().filter_map(|(key, id)| Some((key, text(id)?))).collect()
}

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "PyTorch", reason }
}
