//! Numbers of safetensors files as 64-bit floats, and back.

use anyhow::{Result, bail};
use half::{bf16, f16};
use ndarray::ArrayD;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// The values of a tensor, whatever its type.
///
/// # Errors
/// For types that hold no real numbers.
pub(crate) fn decode(dtype: Dtype, data: &[u8]) -> Result<Vec<f64>> {
    fn of<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        data.as_chunks::<N>().0.iter().map(|&bytes| read(bytes)).collect()
    }
    Ok(match dtype {
        Dtype::F64 => of(data, f64::from_le_bytes),
        Dtype::F32 => of(data, |b| f32::from_le_bytes(b).into()),
        Dtype::F16 => of(data, |b| f16::from_le_bytes(b).into()),
        Dtype::BF16 => of(data, |b| bf16::from_le_bytes(b).into()),
        Dtype::U8 | Dtype::BOOL => of(data, |[b]: [u8; 1]| b.into()),
        Dtype::I8 => of(data, |b| i8::from_le_bytes(b).into()),
        Dtype::I16 => of(data, |b| i16::from_le_bytes(b).into()),
        Dtype::I32 => of(data, |b| i32::from_le_bytes(b).into()),
        Dtype::I64 => of(data, |b| i64::from_le_bytes(b) as f64),
        other => bail!("holds values of the type {other:?}: real numbers are needed"),
    })
}

/// Tensors of 64-bit floats as a safetensors file. The names of its header are sorted: the same tensors, the same bytes.
///
/// # Errors
/// When a tensor cannot be described.
pub(crate) fn encode(tensors: &BTreeMap<String, ArrayD<f64>>) -> Result<Vec<u8>> {
    let bytes: Vec<(&String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, t)| (name, t.shape().to_vec(), t.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, data)| {
            Ok((name.as_str(), safetensors::tensor::TensorView::new(Dtype::F64, shape.clone(), data)?))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(safetensors::serialize(views, None)?)
}

/// All tensors of a safetensors file.
///
/// # Errors
/// When it is none, or a tensor holds no real numbers.
pub(crate) fn decode_all(bytes: &[u8]) -> Result<BTreeMap<String, ArrayD<f64>>> {
    let file = SafeTensors::deserialize(bytes)?;
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            let values = decode(view.dtype(), view.data())?;
            Ok((name, ArrayD::from_shape_vec(view.shape().to_vec(), values)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, IxDyn};

    #[test]
    fn what_is_written_comes_back_to_the_bit() {
        let tensor = ArrayD::from_shape_fn(IxDyn(&[2, 3]), |i| (i[0] as f64 + 0.1) / (i[1] as f64 + 3.0));
        let tensors = BTreeMap::from([("b".to_string(), tensor.clone()), ("a".to_string(), tensor)]);
        let bytes = encode(&tensors).unwrap();
        assert_eq!(decode_all(&bytes).unwrap(), tensors);
        assert_eq!(encode(&tensors).unwrap(), bytes);
        assert!(decode_all(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn small_types_are_read() {
        assert_eq!(decode(Dtype::F16, &f16::from_f32(1.5).to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(decode(Dtype::BOOL, &[0, 1]).unwrap(), [0.0, 1.0]);
        assert_eq!(decode(Dtype::I16, &(-2i16).to_le_bytes()).unwrap(), [-2.0]);
    }
}
