//! Types of values.

use half::{bf16, f16};
use std::fmt;

/// Type of a tensor's values, by its safetensors name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// 64-bit floating point.
    F64,
    /// 32-bit floating point.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// Eight bits: four of exponent, three of fraction, no infinities (OCP).
    F8E4m3,
    /// Eight bits: five of exponent, two of fraction (OCP).
    F8E5m2,
    /// Signed integers.
    I64,
    /// Signed integers.
    I32,
    /// Signed integers.
    I16,
    /// Signed integers.
    I8,
    /// Unsigned integers.
    U64,
    /// Unsigned integers.
    U32,
    /// Unsigned integers.
    U16,
    /// Unsigned integers.
    U8,
    /// Truth values, a byte each.
    Bool,
    /// Another type, which is listed but not read.
    Other(String),
}

impl Dtype {
    /// Those that are read.
    pub const ALL: [Dtype; 15] = [
        Dtype::F64,
        Dtype::F32,
        Dtype::F16,
        Dtype::Bf16,
        Dtype::F8E4m3,
        Dtype::F8E5m2,
        Dtype::I64,
        Dtype::I32,
        Dtype::I16,
        Dtype::I8,
        Dtype::U64,
        Dtype::U32,
        Dtype::U16,
        Dtype::U8,
        Dtype::Bool,
    ];

    /// The type of this safetensors name.
    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|d| d.name() == name).unwrap_or_else(|| Self::Other(name.into()))
    }

    /// Its safetensors name.
    pub fn name(&self) -> &str {
        match self {
            Dtype::F64 => "F64",
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::Bf16 => "BF16",
            Dtype::F8E4m3 => "F8_E4M3",
            Dtype::F8E5m2 => "F8_E5M2",
            Dtype::I64 => "I64",
            Dtype::I32 => "I32",
            Dtype::I16 => "I16",
            Dtype::I8 => "I8",
            Dtype::U64 => "U64",
            Dtype::U32 => "U32",
            Dtype::U16 => "U16",
            Dtype::U8 => "U8",
            Dtype::Bool => "BOOL",
            Dtype::Other(name) => name,
        }
    }

    /// numpy's name of the type, little-endian; `None` of those that numpy does not have.
    pub(crate) fn numpy_name(&self) -> Option<&'static str> {
        Some(match self {
            Dtype::F64 => "<f8",
            Dtype::F32 => "<f4",
            Dtype::F16 => "<f2",
            Dtype::I64 => "<i8",
            Dtype::I32 => "<i4",
            Dtype::I16 => "<i2",
            Dtype::I8 => "|i1",
            Dtype::U64 => "<u8",
            Dtype::U32 => "<u4",
            Dtype::U16 => "<u2",
            Dtype::U8 => "|u1",
            Dtype::Bool => "|b1",
            Dtype::Bf16 | Dtype::F8E4m3 | Dtype::F8E5m2 | Dtype::Other(_) => return None,
        })
    }

    /// Bytes of one value; `None` for a type that is not read.
    pub fn size(&self) -> Option<usize> {
        Some(match self {
            Dtype::F64 | Dtype::I64 | Dtype::U64 => 8,
            Dtype::F32 | Dtype::I32 | Dtype::U32 => 4,
            Dtype::F16 | Dtype::Bf16 | Dtype::I16 | Dtype::U16 => 2,
            Dtype::F8E4m3 | Dtype::F8E5m2 | Dtype::I8 | Dtype::U8 | Dtype::Bool => 1,
            Dtype::Other(_) => return None,
        })
    }

    /// Whether values are whole numbers or truth values.
    pub fn is_integer(&self) -> bool {
        !matches!(
            self,
            Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::Bf16 | Dtype::F8E4m3 | Dtype::F8E5m2 | Dtype::Other(_)
        )
    }

    /// The numbers behind little-endian bytes; `None` for a type that is not read. Bytes that are no whole number are
    /// left aside.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|&b| value(b)).collect()
        }
        Some(match self {
            Dtype::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Dtype::F32 => each(bytes, f32::from_le_bytes),
            Dtype::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Dtype::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Dtype::F8E4m3 => each(bytes, |[b]| small_float(b, 4, 7)),
            Dtype::F8E5m2 => each(bytes, |[b]| small_float(b, 5, 15)),
            Dtype::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            Dtype::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            Dtype::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Dtype::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Dtype::U64 => each(bytes, |b| u64::from_le_bytes(b) as f32),
            Dtype::U32 => each(bytes, |b| u32::from_le_bytes(b) as f32),
            Dtype::U16 => each(bytes, |b| f32::from(u16::from_le_bytes(b))),
            Dtype::U8 => each(bytes, |[b]| f32::from(b)),
            Dtype::Bool => each(bytes, |[b]| f32::from(b != 0)),
            Dtype::Other(_) => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The 8-bit floats of the OCP specification. E4M3 gives its largest exponent to numbers, all but the last code.
fn small_float(bits: u8, exponent_bits: u32, bias: i32) -> f32 {
    let fraction_bits = 7 - exponent_bits;
    let sign = if bits & 0x80 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits & 0x7f) >> fraction_bits);
    let fraction = f32::from(bits & ((1 << fraction_bits) - 1)) / f32::from(1u8 << fraction_bits);
    let last = (1 << exponent_bits) - 1;
    if exponent_bits == 4 && bits & 0x7f == 0x7f || exponent_bits == 5 && exponent == last && fraction > 0.0 {
        return f32::NAN;
    }
    if exponent_bits == 5 && exponent == last {
        return sign * f32::INFINITY;
    }
    match exponent {
        0 => sign * fraction * 2f32.powi(1 - bias),
        _ => sign * (1.0 + fraction) * 2f32.powi(exponent - bias),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_decodes() {
        let decode = |name: &str, bytes: &[u8]| Dtype::of_name(name).decode(bytes);
        assert_eq!(
            decode("F16", &[0x00, 0x3c, 0x00, 0xc0, 0x01, 0x80, 0x00, 0x7c]).unwrap(),
            [1.0, -2.0, -(2f32.powi(-24)), f32::INFINITY]
        );
        assert_eq!(decode("BF16", &[0x80, 0x3f, 0x20, 0xc1]).unwrap(), [1.0, -10.0]);
        assert_eq!(decode("F64", &0.1f64.to_le_bytes()).unwrap(), [0.1]);
        assert_eq!(decode("I64", &(-3i64).to_le_bytes()).unwrap(), [-3.0]);
        assert_eq!(decode("I8", &[0xff]).unwrap(), [-1.0]);
        assert_eq!(decode("BOOL", &[1, 0]).unwrap(), [1.0, 0.0]);
        // Largest and smallest numbers of the OCP 8-bit floating point specification, revision 1.0, table 2.
        assert_eq!(decode("F8_E4M3", &[0x7e, 0x01, 0xb8, 0x00]).unwrap(), [448.0, 2f32.powi(-9), -1.0, 0.0]);
        assert!(decode("F8_E4M3", &[0x7f]).unwrap()[0].is_nan());
        assert_eq!(decode("F8_E5M2", &[0x7b, 0x01, 0xfc]).unwrap(), [57344.0, 2f32.powi(-16), f32::NEG_INFINITY]);
        assert!(decode("F8_E5M2", &[0x7d]).unwrap()[0].is_nan());
        assert_eq!(decode("C64", &[0; 8]), None);
    }

    #[test]
    fn names_and_sizes_belong_together() {
        for dtype in Dtype::ALL {
            assert_eq!(Dtype::of_name(dtype.name()), dtype);
            let bytes = vec![0; 3 * dtype.size().unwrap()];
            assert_eq!(dtype.decode(&bytes).unwrap(), [0.0; 3]);
        }
        assert_eq!((Dtype::of_name("F4").size(), Dtype::of_name("F4").to_string()), (None, "F4".into()));
    }
}
