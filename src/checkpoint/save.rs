//! Writing safetensors, the same bytes for the same tensors.

use crate::run::write_atomic;
use anyhow::{Result, anyhow, ensure};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The one name in a header that is no tensor's.
const METADATA: &str = "__metadata__";

/// Writes 32-bit tensors (name, shape, values in row-major order) in this order, whole or not at all.
///
/// # Errors
/// When the file cannot be written, a tensor has more or fewer values than its shape says, or two have one name.
pub fn write_safetensors(
    path: &Path,
    tensors: &[(String, Vec<usize>, &[f32])],
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    write_atomic(path, &safetensors_bytes(tensors, metadata).map_err(|e| anyhow!("{}: {e}", path.display()))?)
}

/// A safetensors file of 32-bit tensors (name, shape, values in row-major order) in this order.
///
/// The header is written here because the safetensors crate keeps metadata in a hash map, whose order, and so the
/// file's bytes, would change from run to run. Layout: eight bytes of header length, JSON padded with spaces to a
/// multiple of eight, then the values.
///
/// # Errors
/// When a tensor has more or fewer values than its shape says, or two have one name.
pub(crate) fn safetensors_bytes(
    tensors: &[(String, Vec<usize>, &[f32])],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.into(), json!(metadata));
    }
    let mut end = 0;
    for (name, shape, values) in tensors {
        let expected = shape.iter().product::<usize>();
        ensure!(
            expected == values.len(),
            "the tensor {name} of shape {shape:?} should have {expected} value(s), not {}",
            values.len()
        );
        ensure!(
            name != METADATA && !header.contains_key(name),
            "a tensor cannot be called {name}, for something else in the file is"
        );
        let begin = end;
        end += 4 * values.len();
        header.insert(name.clone(), json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, end] }));
    }
    let mut text = serde_json::to_vec(&Value::Object(header))?;
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + text.len() + end);
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
    for (_, _, values) in tensors {
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::{ReadOptions, read};
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_repeats_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("epoch_4.safetensors"), dir.path().join("b.safetensors"));
        let values = [1.5f32, -0.0, f32::MIN_POSITIVE, 3.0, 4.0, 5.0];
        let tensors = [("z.weight".to_string(), vec![3, 2], &values[..]), ("a".to_string(), vec![], &values[..1])];
        let metadata: BTreeMap<String, String> = (0..20).map(|i| (format!("key{i}"), "\"quoted\" ü".into())).collect();
        write_safetensors(&a, &tensors, &metadata).unwrap();
        write_safetensors(&b, &tensors, &metadata).unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        let found = read(&a, &ReadOptions::default()).unwrap();
        assert_eq!((found.epoch, &found.metadata), (Some(4), &metadata));
        let z = found.tensors.get("z.weight").unwrap();
        assert_eq!((z.shape.as_slice(), z.values.as_slice()), ([3, 2].as_slice(), values.as_slice()));
        assert_eq!(z.values[1].to_bits(), (-0.0f32).to_bits());
        assert_eq!(found.tensors.get("a").unwrap().shape, Vec::<usize>::new());
    }

    #[test]
    fn what_is_no_table_of_tensors_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.safetensors");
        let message = |tensors: &[(&str, usize)]| {
            let tensors: Vec<_> = tensors.iter().map(|(n, rows)| (n.to_string(), vec![*rows], &[1.0f32][..])).collect();
            write_safetensors(&path, &tensors, &BTreeMap::new()).unwrap_err().to_string()
        };
        assert!(message(&[("a", 2)]).contains("the tensor a of shape [2] should have 2 value(s), not 1"));
        assert!(message(&[("a", 1), ("a", 1)]).contains("cannot be called a"));
        assert!(message(&[("__metadata__", 1)]).contains("cannot be called __metadata__"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let nowhere = dir.path().join("no/x.safetensors");
        assert!(write_safetensors(&nowhere, &[], &BTreeMap::new()).is_err());
    }
}
