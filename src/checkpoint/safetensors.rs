//! safetensors: eight bytes of header length, a JSON table of tensors, their values.

use super::blob::Blob;
use super::found::{Found, Texts};
use super::{Dtype, LazyTensor, Problem};
use ::safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// Bytes of a header; the format's own limit.
const MAX_HEADER: u64 = 100_000_000;

pub(super) fn open(blob: &Blob) -> Result<Found, Problem> {
    let length = blob.len();
    let header = match blob.head(8)?.first_chunk() {
        Some(n) => u64::from_le_bytes(*n),
        None => return Err(damaged("it ends within the length of its header".into())),
    };
    let begin = header.saturating_add(8);
    if begin > length || header > MAX_HEADER {
        return Err(damaged(format!(
            "its header should have {header} bytes, but the file has {length}, and at most 100,000,000 are read"
        )));
    }
    let text = blob.read(8, header)?;
    let text = std::str::from_utf8(&text).map_err(|_| damaged("its header is not UTF-8 text".into()))?;
    let Table { texts, tensors } =
        serde_json::from_str(text).map_err(|e| damaged(format!("its header is not the JSON of a table: {e}")))?;
    let values = check(&tensors)?;
    let end = begin.saturating_add(values);
    if end != length {
        return Err(damaged(format!("its header promises a file of {end} bytes, but there are {length}")));
    }
    let place = |(name, info): (String, TensorInfo)| {
        let dtype = Dtype::of_name(&info.dtype.to_string());
        (name, LazyTensor::span(blob, begin + info.data_offsets.0 as u64, dtype, info.shape))
    };
    Ok(Found { texts, tensors: tensors.into_iter().map(place).collect() })
}

/// Checks that each tensor is as long as its shape and type say, and that there is no hole or overlap; the length of
/// all values.
fn check(tensors: &[(String, TensorInfo)]) -> Result<u64, Problem> {
    let mut spans: Vec<(usize, usize, &str)> = Vec::with_capacity(tensors.len());
    for (name, info) in tensors {
        let (start, end) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |n, &axis| n.checked_mul(axis));
        let Some(bits) = bits.filter(|bits| bits % 8 == 0) else {
            return Err(damaged(format!("the tensor {name} of shape {:?} is beyond all measure", info.shape)));
        };
        if end.checked_sub(start) != Some(bits / 8) {
            return Err(damaged(format!(
                "the tensor {name} of type {} and shape {:?} has {} bytes, but its place in the file, {start} to {end}, has another length",
                info.dtype,
                info.shape,
                bits / 8
            )));
        }
        spans.push((start, end, name));
    }
    spans.sort_unstable();
    let mut at = 0;
    for (start, end, name) in spans {
        if start != at {
            let what = if start < at { "overlaps another one" } else { "leaves a hole before it" };
            return Err(damaged(format!("the tensor {name} begins at byte {start} of the values, where it {what}")));
        }
        at = end;
    }
    Ok(at as u64)
}

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "safetensors", reason }
}

/// The header, in its order; each name may be there once.
struct Table {
    texts: Texts,
    tensors: Vec<(String, TensorInfo)>,
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Table;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
                let (mut table, mut known) = (Table { texts: Texts::new(), tensors: vec![] }, HashSet::new());
                while let Some(name) = map.next_key::<String>()? {
                    if !known.insert(name.clone()) {
                        return Err(A::Error::custom(format!("there are two entries {name}")));
                    }
                    match name.as_str() {
                        "__metadata__" => table.texts = map.next_value()?,
                        _ => table.tensors.push((name, map.next_value()?)),
                    }
                }
                Ok(table)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StateDict, Tensor};
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn parse(bytes: &[u8]) -> Result<(Texts, StateDict), Problem> {
        let found = open(&Blob::of(bytes.to_vec()))?;
        let mut tensors = StateDict::default();
        for (name, tensor) in &found.tensors {
            tensors.insert(name, tensor.load()?);
        }
        Ok((found.texts, tensors))
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
        for (dtype, size) in [("C64", 8), ("F8_E8M0", 1), ("F4", 1)] {
            let shape = if dtype == "F4" { "[2]" } else { "[1]" };
            let header = one(&format!("[0,{size}]"), shape).replace("F32", dtype);
            let e = message(&file(&header, &vec![0; size]));
            assert!(e.contains("holds values of type") && e.contains("not read"), "{e}");
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
