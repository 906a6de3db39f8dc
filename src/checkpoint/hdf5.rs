//! HDF5, as Keras writes it: groups within groups, datasets for tensors, attributes for their order.
//!
//! The structure is read by the `hdf5-pure` crate. Values that stand in the file as they are, which is how Keras
//! writes them, are left there; packed ones are unpacked when somebody asks for them.

use super::blob::Blob;
use super::found::{Allowance, Found, Texts};
use super::hdf5_source::{Reading, apart, damaged, problem_of};
use super::hdf5_types::dtype_of;
use super::npy::swap_bytes;
use super::tensor::natural_order;
use super::{Dtype, LazyTensor, Problem};
use hdf5_pure::{AttrValue, ChunkCacheConfig, Dataset, File, FileAccessProperties, Group, Layout, Source};
use std::collections::HashMap;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Groups within groups; a group can be linked within itself.
const MAX_DEPTH: usize = 32;

/// Groups and datasets together.
const MAX_OBJECTS: usize = 100_000;

/// Bytes of a text that is kept: the description of a large model's layers is shorter.
const MAX_TEXT: usize = 1 << 20;

/// Groups beside the model's own that hold the state of its training.
const OPTIMIZERS: [&str; 2] = ["optimizer_weights", "optimizer"];

/// Opens a file: every dataset but the optimiser's, by its path.
///
/// Layers and weights are in the order of Keras' attributes `layer_names` and `weight_names` where they are there, else
/// in that of their names, numbers as numbers.
pub(super) fn open(blob: &Blob) -> Result<Found, Problem> {
    apart(|| {
        let reading = Reading::of(blob);
        // Packed values are asked for once: what is kept of them would only take memory.
        let access = FileAccessProperties::new().with_chunk_cache(ChunkCacheConfig::disabled());
        let file = File::from_source_with_options(reading.clone(), access).map_err(|e| problem_of(e, ""))?;
        let mut objects = 0;
        let datasets = walk(&file.root(), "", 0, &mut objects)?;
        let mut allowance = Allowance::of(blob);
        let mut tensors = Vec::with_capacity(datasets.len());
        for (name, dataset) in datasets {
            let tensor = tensor(blob, &reading, &name, dataset, &mut allowance)?;
            tensors.push((name, tensor));
        }
        Ok(Found { texts: texts(&file.root()), tensors })
    })
}

/// What stands in a group.
enum Child {
    Group(Group),
    Dataset(Box<Dataset>),
}

/// The datasets of a group and of all groups within, by their paths.
fn walk(group: &Group, path: &str, depth: usize, objects: &mut usize) -> Result<Vec<(String, Dataset)>, Problem> {
    if depth > MAX_DEPTH {
        return Err(unsupported(format!("its groups are nested more than {MAX_DEPTH} deep, at {path}")));
    }
    let unreadable = |e| problem_of(e, &if path.is_empty() { String::new() } else { format!("the group {path}: ") });
    let mut children: Vec<(String, Child)> = Vec::new();
    children.extend(group.iter_groups().map_err(unreadable)?.map(|(name, g)| (name, Child::Group(g))));
    children.extend(group.iter_datasets().map_err(unreadable)?.map(|(name, d)| (name, Child::Dataset(Box::new(d)))));
    *objects += children.len();
    if *objects > MAX_OBJECTS {
        return Err(unsupported(format!("it has more than {MAX_OBJECTS} groups and datasets")));
    }
    if depth == 0 && children.iter().any(|(name, _)| !OPTIMIZERS.contains(&name.as_str())) {
        children.retain(|(name, _)| !OPTIMIZERS.contains(&name.as_str()));
    }
    // Without attributes that can be read there is still an order.
    let attributes = group.attrs().unwrap_or_default();
    let layers = listed(&attributes, "layer_names");
    let place = |ranks: &HashMap<String, usize>, name: &str| ranks.get(name).copied().unwrap_or(usize::MAX);
    children.sort_by(|(a, _), (b, _)| place(&layers, a).cmp(&place(&layers, b)).then_with(|| natural_order(a, b)));
    let mut datasets = Vec::new();
    for (name, child) in children {
        let full = if path.is_empty() { name } else { format!("{path}/{name}") };
        match child {
            Child::Dataset(dataset) => datasets.push((full, *dataset)),
            Child::Group(group) => datasets.extend(walk(&group, &full, depth + 1, objects)?),
        }
    }
    // Weights are listed by their paths within the layer's group.
    let weights = listed(&attributes, "weight_names");
    let within = |name: &str| name.get(path.len()..).unwrap_or_default().trim_start_matches('/').to_string();
    datasets.sort_by_cached_key(|(name, _)| place(&weights, &within(name)));
    Ok(datasets)
}

/// Places of the names that an attribute lists. A list that is too long for one attribute goes on in `name0`, `name1`…
fn listed(attributes: &HashMap<String, AttrValue>, name: &str) -> HashMap<String, usize> {
    let strings = |key: &str| attributes.get(key).and_then(AttrValue::as_strings);
    let parts = (0..).map_while(|part: usize| strings(&format!("{name}{part}")));
    let names = strings(name).into_iter().chain(parts).flatten();
    let mut places = HashMap::new();
    for (place, name) in names.enumerate() {
        places.entry(name.clone()).or_insert(place);
    }
    places
}

/// A dataset as a tensor.
fn tensor(
    blob: &Blob,
    reading: &Reading,
    name: &str,
    dataset: Dataset,
    allowance: &mut Allowance,
) -> Result<LazyTensor, Problem> {
    let of = |e| problem_of(e, &format!("the dataset {name}: "));
    let extents = dataset.shape().map_err(of)?;
    let beyond = || damaged(format!("the dataset {name} of shape {extents:?} is beyond all measure"));
    let shape: Option<Vec<usize>> = extents.iter().map(|&axis| usize::try_from(axis).ok()).collect();
    let shape = shape.ok_or_else(beyond)?;
    let (dtype, big_endian) = dtype_of(&dataset.datatype().map_err(of)?);
    let Some(size) = dtype.size() else {
        return Ok(LazyTensor::span(blob, 0, dtype, shape));
    };
    let product = |lengths: &[u64]| lengths.iter().try_fold(size as u64, |n, &axis| n.checked_mul(axis));
    let bytes = product(&extents).ok_or_else(beyond)?;
    if !allowance.take(bytes) {
        return Err(unsupported(allowance.refusal()));
    }
    match dataset.layout().map_err(of)? {
        Layout::Contiguous { size, address: Some(address) } => {
            if size != bytes || address.checked_add(size).is_none_or(|end| end > blob.len()) {
                return Err(damaged(format!(
                    "the dataset {name} of type {dtype} and shape {shape:?} has {bytes} bytes, but its place in the \
                     file has {size}, from {address} on"
                )));
            }
            if !big_endian {
                return Ok(LazyTensor::span(blob, address, dtype, shape));
            }
        }
        Layout::Chunked { chunk_shape, .. } if product(&chunk_shape).is_none_or(|n| n > allowance.whole()) => {
            return Err(damaged(format!("the chunks of the dataset {name}, of shape {chunk_shape:?}, are too large")));
        }
        _ => {}
    }
    Ok(packed(reading.clone(), name.to_string(), dataset, (dtype, big_endian), shape, bytes))
}

/// A dataset whose values do not stand in the file as they are.
fn packed(
    reading: Reading,
    name: String,
    dataset: Dataset,
    (dtype, big_endian): (Dtype, bool),
    shape: Vec<usize>,
    bytes: u64,
) -> LazyTensor {
    let size = dtype.size().unwrap_or(1);
    LazyTensor::packed(dtype, shape, move || {
        reading.allow(bytes);
        apart(|| {
            check_chunks(&reading, &name, &dataset)?;
            let mut values = dataset.read_raw().map_err(|e| problem_of(e, &format!("the dataset {name}: ")))?;
            if values.len() as u64 != bytes {
                return Err(damaged(format!("the dataset {name} should have {bytes} bytes, but has {}", values.len())));
            }
            if big_endian {
                swap_bytes(&mut values, size);
            }
            Ok(values)
        })
    })
}

/// Compares the places of a dataset's chunks with the file's length: the crate takes the memory for a chunk before it
/// looks whether the file has so many bytes.
fn check_chunks(reading: &Reading, name: &str, dataset: &Dataset) -> Result<(), Problem> {
    // What has no chunks that can be listed is told when it is read.
    let chunks = dataset.chunks().unwrap_or_default();
    let is_beyond = |address: u64, size: u64| address.checked_add(size).is_none_or(|end| end > reading.len());
    match chunks.iter().find(|chunk| is_beyond(chunk.address, chunk.storage_size)) {
        Some(chunk) => Err(damaged(format!(
            "a chunk of the dataset {name} should have {} bytes from {} on, but the file has {}",
            chunk.storage_size,
            chunk.address,
            reading.len()
        ))),
        None => Ok(()),
    }
}

/// The root's attributes that are text or one number.
fn texts(root: &Group) -> Texts {
    let text = |value: &AttrValue| {
        let number = || value.as_i64().map(|n| n.to_string()).or_else(|| value.as_f64().map(|x| x.to_string()));
        value.as_str().map(String::from).or_else(number).filter(|text| text.len() <= MAX_TEXT)
    };
    let attributes = root.attrs().unwrap_or_default();
    attributes.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

fn unsupported(reason: String) -> Problem {
    Problem::Unsupported { format: "HDF5", reason }
}
