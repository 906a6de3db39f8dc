//! PyTorch's files: the outline of the pickle says what is where, and the values are fetched from there.

use super::archive::{self, Archive};
use super::blob::Blob;
use super::format::Format;
use super::found::{Found, Texts};
use super::lazy::LazyTensor;
use super::outline::{Id, Node, Outline, damaged as pickle_damaged};
use super::state_dict::choose;
use super::{Dtype, Problem, ReadOptions, pickle};
use std::collections::{HashMap, HashSet};

/// Bytes that tensors may take together beyond sixteen times the file: a view can repeat one value without end.
const SPARE: usize = 64 << 20;

pub(super) fn open(blob: &Blob, format: Format, options: &ReadOptions) -> Result<Found, Problem> {
    let (outline, storages) = match format {
        Format::TorchLegacy => legacy(blob)?,
        _ => {
            let archive = Archive::open(blob)?;
            let (outline, _) = pickle::outline(&archive.pickle()?)?;
            // After the pickle has been looked at: that it holds code is worse than how it is packed.
            archive.check_packing()?;
            (outline, Storages::Archive(archive))
        }
    };
    if outline.has_tensors_in_attributes() {
        return Err(unsupported("a dict has tensors among its attributes; save a plain dict".into()));
    }
    let chosen = choose(&outline, options.with_key.as_deref())?;
    let mut known = HashSet::new();
    // `{"a": {"b": …}}` and `{"a.b": …}` are one name.
    if let Some((name, _)) = chosen.iter().find(|(name, _)| !known.insert(name.as_str())) {
        return Err(unsupported(format!("two tensors are called {name}")));
    }
    let length = usize::try_from(blob.len()).unwrap_or(usize::MAX);
    let mut budget = length.saturating_mul(16).saturating_add(SPARE);
    let mut tensors = Vec::with_capacity(chosen.len());
    for (name, id) in chosen {
        let view = View::of(&outline, id)?;
        let tensor = storages.tensor(blob, &view)?;
        let bytes = tensor
            .byte_len()
            .ok_or_else(|| damaged(format!("the tensor {name} of shape {:?} is beyond all measure", tensor.shape)))?;
        budget = budget.checked_sub(bytes).ok_or_else(|| {
            unsupported(format!("the tensor {name} is a view that repeats its values; save a copy, by .clone()"))
        })?;
        tensors.push((name, tensor));
    }
    Ok(Found { texts: scalars(&outline), tensors })
}

/// A tensor as its pickle describes it: part of a storage, with strides. Lengths and offsets are in values.
struct View<'a> {
    storage: Storage<'a>,
    dtype: Dtype,
    /// Offset within the storage.
    offset: usize,
    shape: &'a [usize],
    strides: Vec<usize>,
}

/// What a pickle says of a storage.
#[derive(Clone)]
struct Storage<'a> {
    key: &'a str,
    /// Type of its values; bytes for a storage without a type.
    dtype: Dtype,
    /// Number of its values.
    length: usize,
    /// Values by which a part of an older file's storage begins later.
    shift: usize,
}

impl<'a> View<'a> {
    fn of(outline: &'a Outline, id: Id) -> Result<Self, Problem> {
        let Node::Tensor { shape, arguments } = &outline.nodes[id] else {
            return Err(pickle_damaged("holds a tensor that is none"));
        };
        let Node::List(arguments) = &outline.nodes[*arguments] else {
            return Err(pickle_damaged("rebuilds a tensor without arguments"));
        };
        let [storage, offset, _, strides, rest @ ..] = arguments.as_slice() else {
            return Err(pickle_damaged("rebuilds a tensor with too few arguments"));
        };
        let storage = Storage::of(outline, *storage)?;
        let Node::List(steps) = &outline.nodes[*strides] else {
            return Err(pickle_damaged("has a tensor without strides"));
        };
        let strides = steps.iter().map(|&step| whole(outline, step)).collect::<Result<Vec<_>, _>>()?;
        if strides.len() != shape.len() {
            return Err(pickle_damaged("has a tensor with more or fewer strides than axes"));
        }
        // The newest way of rebuilding names the type, since the storage has none.
        let dtype = match rest.get(2).map(|&id| &outline.nodes[id]) {
            Some(Node::Class { module, name }) if module == "torch" => {
                dtype_of(name).ok_or_else(|| pickle_damaged("has a tensor without a type"))?
            }
            _ => storage.dtype.clone(),
        };
        Ok(Self { storage, dtype, offset: whole(outline, *offset)?, shape, strides })
    }

    /// Offset and length, in bytes, of the part of the storage that the tensor's values are in.
    fn span(&self) -> Result<(usize, usize), Problem> {
        let beyond = || pickle_damaged("has a tensor that reaches beyond its storage");
        let size = self.dtype.size().ok_or_else(|| pickle_damaged("has a tensor without a type"))?;
        let storage = self.storage.byte_len().ok_or_else(beyond)?;
        if self.shape.contains(&0) {
            return Ok((0, 0));
        }
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(0usize, |at, (axis, step)| at.checked_add((axis - 1).checked_mul(*step)?));
        let length = last.and_then(|last| last.checked_add(1)?.checked_mul(size)).ok_or_else(beyond)?;
        let offset = self.offset.checked_mul(size).ok_or_else(beyond)?;
        if offset.checked_add(length).is_none_or(|end| end > storage) {
            return Err(beyond());
        }
        let shift = self.storage.shift.checked_mul(self.storage.dtype.size().unwrap_or(1)).ok_or_else(beyond)?;
        Ok((shift.checked_add(offset).ok_or_else(beyond)?, length))
    }
}

impl<'a> Storage<'a> {
    fn of(outline: &'a Outline, id: Id) -> Result<Self, Problem> {
        let odd = || pickle_damaged("has a tensor without a storage");
        let Node::Storage(id) = &outline.nodes[id] else { return Err(odd()) };
        let Node::List(parts) = &outline.nodes[*id] else { return Err(odd()) };
        // ("storage", class, key, device, length), and in older files what part of it this is.
        let [_, class, key, _, length, rest @ ..] = parts.as_slice() else { return Err(odd()) };
        let (Node::Class { name, .. }, Node::Text(key)) = (&outline.nodes[*class], &outline.nodes[*key]) else {
            return Err(odd());
        };
        let dtype = storage_type(name).ok_or_else(odd)?;
        let mut storage = Self { key, dtype, length: whole(outline, *length)?, shift: 0 };
        if let Some(Node::List(part)) = rest.first().map(|&id| &outline.nodes[id]) {
            let [_, shift, length] = part.as_slice() else { return Err(odd()) };
            storage.shift = whole(outline, *shift)?;
            storage.length = whole(outline, *length)?;
        }
        Ok(storage)
    }

    fn byte_len(&self) -> Option<usize> {
        self.length.checked_mul(self.dtype.size()?)
    }
}

fn whole(outline: &Outline, id: Id) -> Result<usize, Problem> {
    match outline.nodes[id] {
        Node::Int(n) => usize::try_from(n).map_err(|_| pickle_damaged("has a tensor with a negative length or offset")),
        _ => Err(pickle_damaged("has a tensor whose lengths are no numbers")),
    }
}

/// Where the values of storages are.
enum Storages {
    /// Each an entry of its own.
    Archive(Archive),
    /// One after the other in the file: first byte and length by key.
    Stream(HashMap<String, (u64, u64)>),
}

impl Storages {
    fn tensor(&self, blob: &Blob, view: &View<'_>) -> Result<LazyTensor, Problem> {
        let (offset, length) = view.span()?;
        let (shape, strides, dtype) = (view.shape.to_vec(), view.strides.clone(), view.dtype.clone());
        if shape.contains(&0) {
            return Ok(LazyTensor::span(blob, 0, dtype, shape));
        }
        match self {
            Self::Stream(places) => {
                let (start, bytes) = *places.get(view.storage.key).ok_or_else(|| missing(view.storage.key))?;
                if (offset + length) as u64 > bytes {
                    return Err(pickle_damaged("has a tensor that reaches beyond its storage"));
                }
                Ok(LazyTensor::strided(blob, (start + offset as u64, length as u64), dtype, shape, strides))
            }
            Self::Archive(archive) => {
                let entry = archive.storage(view.storage.key).ok_or_else(|| missing(view.storage.key))?;
                if Some(entry.bytes) != view.storage.byte_len().map(|n| n as u64) {
                    return Err(pickle_damaged(&format!(
                        "says that its storage {} has {} values of type {}, but the entry has {} bytes",
                        view.storage.key, view.storage.length, view.storage.dtype, entry.bytes
                    )));
                }
                let archive = archive.clone();
                let whole = LazyTensor::packed(dtype.clone(), shape.clone(), move || {
                    // The entry is read whole, for only then is its checksum known to be right.
                    let content = Blob::of(archive.content(&entry)?);
                    let span = (offset as u64, length as u64);
                    LazyTensor::strided(&content, span, dtype.clone(), shape.clone(), strides.clone()).bytes()
                });
                Ok(whole)
            }
        }
    }
}

/// The saved object of the older format, the fourth of five pickles, and the storages that follow them.
fn legacy(blob: &Blob) -> Result<(Outline, Storages), Problem> {
    // The pickles are short, the storages are not: more is read only when the end of a pickle was not there.
    let mut length = 4 << 20;
    loop {
        let head = blob.head(length)?;
        match legacy_pickles(&head) {
            Err(Problem::Damaged { .. }) if length < blob.len() && length < archive::MAX_PICKLE => length *= 4,
            Err(problem) => return Err(problem),
            Ok((outline, keys, begin)) => {
                let places = places(blob, &outline, &keys, begin as u64)?;
                return Ok((outline, Storages::Stream(places)));
            }
        }
    }
}

/// The saved object, the keys of its storages in their order, and where the first of them begins.
fn legacy_pickles(bytes: &[u8]) -> Result<(Outline, Vec<String>, usize), Problem> {
    let mut rest = bytes;
    let mut next = || -> Result<Outline, Problem> {
        let (outline, length) = pickle::outline(rest)?;
        rest = &rest[length..];
        Ok(outline)
    };
    let (_magic, _protocol, system, object, keys) = (next()?, next()?, next()?, next()?, next()?);
    let entries = system.entries(system.root).unwrap_or_default();
    if entries.iter().any(|(key, id)| key == "little_endian" && system.nodes[*id] == Node::Bool(false)) {
        return Err(unsupported("it was saved by a big-endian machine; save it again on a common one".into()));
    }
    let Node::List(items) = &keys.nodes[keys.root] else { return Err(pickle_damaged("lists no storages")) };
    let key = |id: &Id| match &keys.nodes[*id] {
        Node::Text(key) => Ok(key.clone()),
        _ => Err(pickle_damaged("lists a storage without a name")),
    };
    let keys = items.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    Ok((object, keys, bytes.len() - rest.len()))
}

/// First byte and length of each storage: eight bytes of number of values, then the values.
fn places(
    blob: &Blob,
    outline: &Outline,
    keys: &[String],
    mut at: u64,
) -> Result<HashMap<String, (u64, u64)>, Problem> {
    let mut sizes = HashMap::new();
    for id in (0..outline.nodes.len()).filter(|&id| matches!(outline.nodes[id], Node::Storage(_))) {
        let storage = Storage::of(outline, id)?;
        sizes.insert(storage.key, storage.dtype.size().unwrap_or(1) as u64);
    }
    let mut places = HashMap::with_capacity(keys.len());
    for key in keys {
        let size = sizes.get(key.as_str()).ok_or_else(|| pickle_damaged("lists a storage that no tensor has"))?;
        let cut = || damaged(format!("it ends within the storage {key}; was the download, or the saving, cut short?"));
        let count = match at.checked_add(8).filter(|end| *end <= blob.len()) {
            Some(_) => u64::from_le_bytes(blob.read(at, 8)?.first_chunk().copied().unwrap_or_default()),
            None => return Err(cut()),
        };
        let begin = at + 8;
        let length = count.checked_mul(*size).ok_or_else(cut)?;
        at = begin.checked_add(length).filter(|end| *end <= blob.len()).ok_or_else(cut)?;
        if places.insert(key.clone(), (begin, length)).is_some() {
            return Err(pickle_damaged("lists a storage twice"));
        }
    }
    if at != blob.len() {
        return Err(damaged(format!("{} bytes follow the last storage", blob.len() - at)));
    }
    Ok(places)
}

fn storage_type(class: &str) -> Option<Dtype> {
    Some(match class {
        "DoubleStorage" => Dtype::F64,
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::Bf16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" | "UntypedStorage" => Dtype::U8,
        "BoolStorage" => Dtype::Bool,
        _ => return None,
    })
}

fn dtype_of(name: &str) -> Option<Dtype> {
    Some(match name {
        "float64" | "double" => Dtype::F64,
        "float32" | "float" => Dtype::F32,
        "float16" | "half" => Dtype::F16,
        "bfloat16" => Dtype::Bf16,
        "int64" | "long" => Dtype::I64,
        "int32" | "int" => Dtype::I32,
        "int16" | "short" => Dtype::I16,
        "int8" => Dtype::I8,
        "uint64" => Dtype::U64,
        "uint32" => Dtype::U32,
        "uint16" => Dtype::U16,
        "uint8" => Dtype::U8,
        "bool" => Dtype::Bool,
        _ => return None,
    })
}

/// Numbers and texts beside the state dict, such as the epoch.
fn scalars(outline: &Outline) -> Texts {
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

fn missing(key: &str) -> Problem {
    pickle_damaged(&format!("has a tensor in the storage {key}, which is not in the file"))
}

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "PyTorch", reason }
}

fn unsupported(reason: String) -> Problem {
    Problem::Unsupported { format: "PyTorch", reason }
}
