//! safetensors.

use super::tensor::decode;
use super::{Problem, StateDict, Tensor};
use ::safetensors::{SafeTensorError, SafeTensors};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::collections::{BTreeMap, HashSet};
use std::fmt;

pub(super) fn parse(bytes: &[u8]) -> Result<(BTreeMap<String, String>, StateDict), Problem> {
    let damaged = |e: SafeTensorError| Problem::Damaged { format: "safetensors", reason: explain(e, bytes) };
    // This checks that the tensors fill the file without hole or overlap, and that each fits its shape.
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let Names(names) = serde_json::from_slice(&bytes[8..8 + length])
        .map_err(|e| Problem::Damaged { format: "safetensors", reason: format!("its header: {e}") })?;
    let mut tensors = StateDict::default();
    for name in names {
        let Some(info) = header.info(&name) else { continue };
        let (start, end) = info.data_offsets;
        let dtype = format!("{:?}", info.dtype);
        // Decoded byte by byte: the values may begin at any address.
        let values = decode(&dtype, &bytes[8 + length + start..8 + length + end])
            .ok_or_else(|| Problem::Dtype { tensor: name.clone(), dtype: dtype.clone() })?;
        tensors.insert(&name, Tensor { shape: info.shape.clone(), dtype, values });
    }
    Ok((metadata, tensors))
}

/// The reader's error, in numbers where the length is what is wrong.
fn explain(error: SafeTensorError, bytes: &[u8]) -> String {
    let header = bytes.first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
    let length = bytes.len() as u64;
    match error {
        SafeTensorError::InvalidHeaderLength | SafeTensorError::HeaderTooLarge => format!(
            "its header should have {header} bytes, but the file has {length}, and at most 100,000,000 are read"
        ),
        SafeTensorError::MetadataIncompleteBuffer => {
            let end = ends(bytes, header).max().unwrap_or(0).saturating_add(8).saturating_add(header);
            format!("its header promises a file of {end} bytes, but there are {length}")
        }
        e => e.to_string(),
    }
}

/// Where the header says that the tensors end.
fn ends(bytes: &[u8], header: u64) -> impl Iterator<Item = u64> {
    let header = bytes.get(8..).and_then(|b| b.get(..usize::try_from(header).ok()?)).unwrap_or_default();
    let header: serde_json::Value = serde_json::from_slice(header).unwrap_or_default();
    let entries = header.as_object().cloned().unwrap_or_default();
    entries.into_iter().filter_map(|(_, entry)| entry["data_offsets"][1].as_u64())
}

/// The tensors' names in the order of the header, which the reader loses; each may be there once.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let (mut names, mut known) = (Vec::new(), HashSet::new());
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    if !known.insert(name.clone()) {
                        return Err(A::Error::custom(format!("there are two entries {name}")));
                    }
                    if name != "__metadata__" {
                        names.push(name);
                    }
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn message(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn values_and_metadata_come_out() {
        let header = r#"{"__metadata__":{"epoch":"3"},"b":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}"#;
        let (metadata, tensors) = parse(&file(header, &[0, 0x3c, 0, 0x40, 0, 0, 0x40, 0x40])).unwrap();
        assert_eq!(metadata["epoch"], "3");
        assert_eq!(tensors.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(
            (tensors.get("b").unwrap().values.as_slice(), tensors.get("a").unwrap().values.as_slice()),
            ([1.0, 2.0].as_slice(), [3.0].as_slice())
        );
    }

    #[test]
    fn no_damaged_file_gets_through() {
        let one = |offsets: &str, shape: &str| {
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        let good = file(&one("[0,4]", "[1]"), &[0; 4]);
        assert!(parse(&good).is_ok());
        for cut in [1, 7, 9, 30, good.len() - 1] {
            assert!(message(&good[..cut]).contains("damaged or truncated safetensors"), "cut at {cut}");
        }
        let mut trailing = good.clone();
        trailing.push(0);
        assert!(message(&trailing).contains("promises a file of 66 bytes, but there are 67"), "{}", message(&trailing));
        assert!(message(&file(&one("[0,8]", "[1]"), &[0; 8])).contains("safetensors"));
        assert!(message(&file(&one("[0,4]", "[4611686018427387904, 4]"), &[0; 4])).contains("safetensors"));
        assert!(message(&file("{", &[])).contains("JSON"));
        assert!(message(&file("[]", &[])).contains("safetensors"));
        assert!(message(&file(&"[".repeat(1_000_000), &[])).contains("JSON"));
        assert!(message(&file("{\"a\":\u{ff}", &[])[..]).contains("JSON"));
        assert!(
            message(&[&2u64.to_le_bytes()[..], b"{\xff"].concat()).contains("UTF-8")
                || message(&[&2u64.to_le_bytes()[..], b"{\xff"].concat()).contains("utf-8")
        );
        assert!(message(&[&100_000_001u64.to_le_bytes()[..], b"{}"].concat()).contains("100,000,000"));
        assert!(message(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat()).contains("safetensors"));
        assert!(message(&file("{\"a\":\u{0}", &[])).contains("JSON"));
        let hole = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#;
        assert!(message(&file(hole, &[0; 3])).contains("safetensors"));
        let overlap = hole.replace("[2,3]", "[0,1]");
        assert!(message(&file(&overlap, &[0; 1])).contains("safetensors"));
        let twice = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
        assert!(message(&file(twice, &[0; 1])).contains("two entries a"), "{}", message(&file(twice, &[0; 1])));
        let metadata = r#"{"__metadata__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
        assert!(message(&file(metadata, &[0; 1])).contains("safetensors"));
        for (dtype, size) in [("C64", 8), ("F8_E4M3", 1), ("F4", 1)] {
            let shape = if dtype == "F4" { "[2]" } else { "[1]" };
            let header = one(&format!("[0,{size}]"), shape).replace("F32", dtype);
            let e = message(&file(&header, &vec![0; size]));
            assert!(e.contains("the tensor a holds values of type") && e.contains("not read"), "{e}");
        }
        assert!(message(&file(&one("[0,4]", "[1]").replace("F32", "F31"), &[0; 4])).contains("F31"));
    }

    #[test]
    fn odd_but_sound_files_are_read() {
        // A scalar, an empty tensor at an offset that another one uses, and 64-bit values at an odd address.
        let header = r#"{"z":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"e":{"dtype":"F32","shape":[0,2],"data_offsets":[1,1]},"d":{"dtype":"F64","shape":[2],"data_offsets":[1,17]}}"#;
        let data: Vec<u8> = [7].into_iter().chain([0.5f64, -1e-300].iter().flat_map(|v| v.to_le_bytes())).collect();
        let (_, tensors) = parse(&file(header, &data)).unwrap();
        assert_eq!(tensors.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["z", "e", "d"]);
        assert_eq!(tensors.get("z").unwrap().values, [7.0]);
        assert_eq!(tensors.get("e").unwrap(), &Tensor { shape: vec![0, 2], dtype: "F32".into(), values: vec![] });
        assert_eq!(tensors.get("d").unwrap().values, [0.5, -0.0]);
    }
}
