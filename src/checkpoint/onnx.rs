//! ONNX files: a protocol buffer of a graph, its weights among it or in files beside it.
//!
//! The decoder is that of the engine that runs the graph, so that what is checked here is what is run there. It is
//! checked as a whole before the engine sees it ([`check`](super::onnx_check)), and weights in other files are fetched
//! here, from the model's own folder only: the engine opens nothing.

use super::blob::Blob;
use super::found::{Found, Texts};
use super::{Dtype, LazyTensor, Problem, onnx_check, wire};
use std::collections::HashSet;
use std::path::{Component, Path};
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{ModelProto, TensorProto};
use tract_onnx::prelude::Framework;

/// Messages that a file may have beyond one for each sixteen of its bytes. In memory a message takes up to some 450
/// bytes, so no file takes more than some thirty times its size and 50 MiB.
const SPARE_MESSAGES: u64 = 100_000;

/// Times that all bytes of the files beside a model may be fetched. Tensors may share bytes, but a small model could ask
/// for the same gigabyte for each of its tensors.
const MAX_SHARED: u64 = 4;

/// Bytes that may be fetched beyond that.
const SPARE_BYTES: u64 = 1 << 20;

/// Reads and checks a model, with all of its weights.
pub(super) fn model(blob: &Blob, path: &Path) -> Result<ModelProto, Problem> {
    let mut model = decode(blob)?;
    fetch_external(&mut model, path)?;
    onnx_check::check(&model)?;
    Ok(model)
}

/// The weights of a model as tensors, in the file's order.
pub(super) fn open(blob: &Blob, path: &Path) -> Result<Found, Problem> {
    let model = model(blob, path)?;
    let mut texts: Texts = model.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    let opset = model.opset_import.iter().find(|o| o.domain.is_empty() || o.domain == "ai.onnx");
    for (key, value) in [
        ("producer", format!("{} {}", model.producer_name, model.producer_version).trim().to_string()),
        ("opset", opset.map(|o| o.version.to_string()).unwrap_or_default()),
        ("ir_version", model.ir_version.to_string()),
    ] {
        if !value.is_empty() {
            texts.entry(key.into()).or_insert(value);
        }
    }
    let graph = model.graph.unwrap_or_default();
    let tensors = graph.initializer.into_iter().map(tensor).collect::<Result<_, _>>()?;
    Ok(Found { texts, tensors })
}

fn decode(blob: &Blob) -> Result<ModelProto, Problem> {
    let bytes = blob.all()?;
    let messages = wire::count_messages(&bytes).map_err(damaged)?;
    if messages > bytes.len() as u64 / 16 + SPARE_MESSAGES {
        return Err(damaged(format!("it has {messages} messages in {} bytes, more than any model", bytes.len())));
    }
    tract_onnx::onnx().proto_model_for_read(&mut bytes.as_slice()).map_err(|e| damaged(format!("it is no model: {e}")))
}

/// The files that hold weights of a model, as it names them, each once.
pub(super) fn locations(blob: &Blob) -> Result<Vec<String>, Problem> {
    let model = decode(blob)?;
    let tensors = model.graph.iter().flat_map(|graph| &graph.initializer);
    let named = tensors.flat_map(|t| &t.external_data).filter(|entry| entry.key == "location");
    let mut names: Vec<String> = named.map(|entry| entry.value.clone()).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether bytes begin as an ONNX model does: a version of the format, then what wrote it or the graph.
pub(super) fn looks_like(head: &[u8]) -> bool {
    // Field 1, a number below 128; then one of the fields that follow it.
    matches!(head, [0x08, 1..=127, tag, ..] if matches!(tag, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72))
        // A graph, and no version.
        || matches!(head, [0x12, ..] if head.windows(2).take(80).any(|w| w == [0x1a, 0x05] || w[0] == 0x3a))
}

pub(super) fn fetch_external(model: &mut ModelProto, path: &Path) -> Result<(), Problem> {
    let mut opened: Vec<(String, Blob)> = Vec::new();
    let (mut there, mut fetched) = (0u64, 0u64);
    let Some(graph) = &mut model.graph else { return Ok(()) };
    for tensor in &mut graph.initializer {
        if tensor.data_location != Some(DataLocation::External as i32) {
            continue;
        }
        let of = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.clone());
        let location = of("location")
            .ok_or_else(|| damaged(format!("the tensor {} is in another file, but no file is named", tensor.name)))?;
        let blob = match opened.iter().find(|(name, _)| *name == location) {
            Some((_, blob)) => blob.clone(),
            None => {
                let blob = beside(path, &location)?;
                opened.push((location.clone(), blob.clone()));
                there = there.saturating_add(blob.len());
                blob
            }
        };
        let number = |key: &str| -> Result<Option<u64>, Problem> {
            let odd = |text: &String| damaged(format!("the {key} of the tensor {} is \"{text}\"", tensor.name));
            of(key).map(|text| text.trim().parse().map_err(|_| odd(&text))).transpose()
        };
        let offset = number("offset")?.unwrap_or(0);
        let length = number("length")?.unwrap_or(blob.len().saturating_sub(offset));
        if onnx_check::byte_len(tensor) != Some(length) {
            return Err(damaged(format!(
                "the tensor {} of shape {:?} takes {length} bytes in {location}, which is not its length",
                tensor.name, tensor.dims
            )));
        }
        fetched = fetched.saturating_add(length);
        if fetched > there.saturating_mul(MAX_SHARED).saturating_add(SPARE_BYTES) {
            return Err(Problem::Unsupported {
                format: "ONNX",
                reason: format!(
                    "its tensors take {fetched} bytes from files that have {there}; save each tensor with bytes of its own"
                ),
            });
        }
        let bytes = blob.read(offset, length).map_err(|_| {
            damaged(format!(
                "the tensor {} should be bytes {offset} to {} of {location}, which has {}",
                tensor.name,
                offset.saturating_add(length),
                blob.len()
            ))
        })?;
        tensor.raw_data = bytes;
        tensor.data_location = None;
        tensor.external_data.clear();
    }
    Ok(())
}

/// A file of weights: in the model's folder or below it, by name and in truth.
fn beside(model: &Path, location: &str) -> Result<Blob, Problem> {
    let outside = || {
        damaged(format!(
            "its weights should be in {location}, but only files in the model's own folder are read; put the file there"
        ))
    };
    let name = Path::new(location);
    if location.is_empty() || !name.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let folder = match model.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let missing = |e: std::io::Error| Problem::Unsupported {
        format: "ONNX",
        reason: format!("its weights are in {location}, which cannot be read ({e}); copy that file beside the model"),
    };
    let folder = folder.canonicalize().map_err(missing)?;
    let file = folder.join(name).canonicalize().map_err(missing)?;
    if !file.starts_with(&folder) {
        return Err(outside());
    }
    Blob::open(&file).map_err(|problem| Problem::Unsupported {
        format: "ONNX",
        reason: format!("its weights are in {location}, which {problem}"),
    })
}

/// An initializer with its values in memory, whichever field they were in.
fn tensor(proto: TensorProto) -> Result<(String, LazyTensor), Problem> {
    let shape = proto.dims.iter().map(|&d| d as usize).collect();
    let dtype = dtype_of(proto.data_type);
    let name = proto.name.clone();
    if dtype.size().is_none() {
        return Ok((name, LazyTensor::packed(dtype, shape, || Err(Problem::Changed))));
    }
    let bytes = if proto.raw_data.is_empty() { typed_bytes(&proto, &dtype) } else { proto.raw_data };
    Ok((name, LazyTensor::span(&Blob::of(bytes), 0, dtype, shape)))
}

/// Little-endian bytes of values that stand in a field of their type.
fn typed_bytes(proto: &TensorProto, dtype: &Dtype) -> Vec<u8> {
    let low = |size: usize| -> Vec<u8> {
        proto.int32_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(size)).collect()
    };
    match dtype {
        Dtype::F32 => proto.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::F64 => proto.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::I64 => proto.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::U64 => proto.uint64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::U32 => proto.uint64_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(4)).collect(),
        other => low(other.size().unwrap_or(1)),
    }
}

/// The type of ONNX' number for it.
pub(super) fn dtype_of(number: i32) -> Dtype {
    match DataType::try_from(number) {
        Ok(DataType::Float) => Dtype::F32,
        Ok(DataType::Double) => Dtype::F64,
        Ok(DataType::Float16) => Dtype::F16,
        Ok(DataType::Bfloat16) => Dtype::Bf16,
        Ok(DataType::Int64) => Dtype::I64,
        Ok(DataType::Int32) => Dtype::I32,
        Ok(DataType::Int16) => Dtype::I16,
        Ok(DataType::Int8) => Dtype::I8,
        Ok(DataType::Uint64) => Dtype::U64,
        Ok(DataType::Uint32) => Dtype::U32,
        Ok(DataType::Uint16) => Dtype::U16,
        Ok(DataType::Uint8) => Dtype::U8,
        Ok(DataType::Bool) => Dtype::Bool,
        Ok(other) => Dtype::Other(format!("{other:?}").to_uppercase()),
        Err(_) => Dtype::Other(format!("ONNX {number}")),
    }
}

pub(super) fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "ONNX", reason }
}

/// Names that stand more than once.
pub(super) fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| !name.is_empty()).find(|name| !seen.insert(*name))
}
