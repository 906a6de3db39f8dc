//! The archive that Keras has written since version 3: the weights as HDF5, and JSON beside them.

use super::blob::Blob;
use super::found::Found;
use super::zipped::Zipped;
use super::{Problem, hdf5};
use serde_json::Value;

/// The entry that holds the weights.
pub(super) const WEIGHTS: &str = "model.weights.h5";

/// Bytes of a JSON entry that is kept.
const MAX_TEXT: u64 = 1 << 20;

/// Opens an archive. The weights are unpacked into memory, for only then is their checksum known to be right.
pub(super) fn open(blob: &Blob) -> Result<Found, Problem> {
    let (zipped, entries) = Zipped::open(blob, "Keras")?;
    let entry = |name: &str| entries.iter().find(|entry| entry.name == name);
    let Some(weights) = entry(WEIGHTS) else {
        return Err(Problem::Unsupported { format: "Keras", reason: format!("it has no {WEIGHTS} at its top") });
    };
    let mut found = hdf5::open(&Blob::of(zipped.content(weights)?))?;
    let text = |name: &str| match entry(name) {
        Some(entry) if entry.bytes <= MAX_TEXT => zipped.content(entry).map(|bytes| String::from_utf8(bytes).ok()),
        _ => Ok(None),
    };
    // As the older files call it, in an attribute.
    if let Some(config) = text("config.json")? {
        found.texts.entry("model_config".into()).or_insert(config);
    }
    let metadata = text("metadata.json")?.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(Value::Object(table)) = metadata {
        for (key, value) in table {
            if let Value::String(text) = value {
                found.texts.entry(key).or_insert(text);
            }
        }
    }
    Ok(found)
}
