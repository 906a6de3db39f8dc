//! safetensors.

use super::tensor::decode;
use super::{Problem, StateDict, Tensor};
use ::safetensors::{SafeTensorError, SafeTensors};
use std::collections::BTreeMap;

pub(super) fn parse(bytes: &[u8]) -> Result<(BTreeMap<String, String>, StateDict), Problem> {
    let damaged = |e: SafeTensorError| Problem::Damaged {
        format: "safetensors",
        reason: match e {
            SafeTensorError::InvalidHeaderLength => "the header reaches beyond the end of the file".into(),
            SafeTensorError::MetadataIncompleteBuffer => "the tensors do not fill the file exactly".into(),
            e => e.to_string(),
        },
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let mut tensors = StateDict::default();
    for name in header.offset_keys() {
        let view = file.tensor(&name).map_err(damaged)?;
        let dtype = format!("{:?}", view.dtype());
        let values =
            decode(&dtype, view.data()).ok_or_else(|| Problem::Dtype { tensor: name.clone(), dtype: dtype.clone() })?;
        tensors.insert(&name, Tensor { shape: view.shape().to_vec(), dtype, values });
    }
    Ok((metadata, tensors.without_common_prefix("module.").without_common_prefix("_orig_mod.")))
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
        assert!(message(&trailing).contains("do not fill the file"));
        assert!(message(&file(&one("[0,8]", "[1]"), &[0; 8])).contains("safetensors"));
        assert!(message(&file(&one("[0,4]", "[4611686018427387904, 4]"), &[0; 4])).contains("safetensors"));
        assert!(message(&file("{", &[])).contains("JSON"));
        assert!(message(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat()).contains("safetensors"));
        assert!(message(&file("{\"a\":\u{0}", &[])).contains("JSON"));
        let hole = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#;
        assert!(message(&file(hole, &[0; 3])).contains("safetensors"));
        assert!(message(&file(&one("[0,8]", "[1]").replace("F32", "C64"), &[0; 8])).contains("C64"));
    }
}
