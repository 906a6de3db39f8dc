//! The IDX format of MNIST: two zero bytes, a type code, the number of axes, the axes' lengths, the values.

use super::Compact;
use crate::LoadError;
use crate::load::npy::{NpyArray, NpyHeader};
use ndarray::{ArrayD, IxDyn};

/// Reads an array; everything is big-endian, as the format has it.
///
/// # Errors
/// When the header is no IDX header, or the file is shorter or longer than it says.
pub fn read(bytes: &[u8]) -> Result<NpyArray, LoadError> {
    let parsed = Parsed::of(bytes)?;
    Ok(NpyArray { dtype: parsed.dtype.into(), values: parsed.array(|b| parsed.value(b))? })
}

/// Reads an array as [`read`] does, as small as it comes: unsigned bytes stay bytes, anything else becomes 32-bit
/// floats and is multiplied by `scale` on the way.
///
/// # Errors
/// As [`read`].
pub fn read_compact(bytes: &[u8], scale: f64) -> Result<Compact, LoadError> {
    let parsed = Parsed::of(bytes)?;
    Ok(match parsed.code {
        0x08 => Compact::Bytes(parsed.array(|b| b[0])?),
        _ => Compact::Floats(parsed.array(|b| (parsed.value(b) * scale) as f32)?),
    })
}

/// Bytes of the longest header: four for each of 255 axes, and four before them.
pub const MAX_HEADER: usize = 4 + 4 * 255;

/// Reads the header from the first bytes of a file, which may end behind it.
///
/// # Errors
/// When the bytes are no IDX header, or end within it.
pub fn header(bytes: &[u8]) -> Result<NpyHeader, LoadError> {
    let [0, 0, code, axes, rest @ ..] = bytes else {
        return Err(if bytes.is_empty() {
            LoadError::Empty
        } else {
            invalid("it does not begin with two zero bytes".into())
        });
    };
    let (dtype, _) = type_of(*code)?;
    let axes = usize::from(*axes);
    if axes == 0 || rest.len() < 4 * axes {
        return Err(invalid(format!("its header says {axes} axes, but ends early")));
    }
    let lengths = rest[..4 * axes].as_chunks::<4>().0;
    let shape = lengths.iter().map(|&b| u32::from_be_bytes(b) as usize).collect();
    Ok(NpyHeader { dtype: dtype.into(), fortran_order: false, shape, begin: 4 + 4 * axes })
}

/// numpy's name of a type code, and the bytes of a value.
fn type_of(code: u8) -> Result<(&'static str, usize), LoadError> {
    Ok(match code {
        0x08 => ("|u1", 1),
        0x09 => ("|i1", 1),
        0x0b => (">i2", 2),
        0x0c => (">i4", 4),
        0x0d => (">f4", 4),
        0x0e => (">f8", 8),
        other => return Err(invalid(format!("its type code is 0x{other:02x}, which the format does not know"))),
    })
}

fn invalid(reason: String) -> LoadError {
    LoadError::Invalid { format: "IDX", reason }
}

/// What a header says, and the bytes of the values.
struct Parsed<'a> {
    code: u8,
    dtype: &'static str,
    size: usize,
    shape: Vec<usize>,
    data: &'a [u8],
}

impl<'a> Parsed<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let header = header(bytes)?;
        let data = &bytes[header.begin..];
        let (code, shape) = (bytes[2], header.shape);
        let (dtype, size) = type_of(code)?;
        let promised = shape.iter().try_fold(size as u128, |n, &d| n.checked_mul(d as u128)).unwrap_or(u128::MAX);
        if promised > data.len() as u128 {
            return Err(LoadError::Truncated { promised, found: data.len() });
        }
        if promised < data.len() as u128 {
            return Err(invalid(format!(
                "{} bytes follow the {promised} bytes of values",
                data.len() as u128 - promised
            )));
        }
        Ok(Self { code, dtype, size, shape, data })
    }

    fn value(&self, bytes: &[u8]) -> f64 {
        match *bytes {
            [b] if self.code == 0x08 => f64::from(b),
            [b] => f64::from(b as i8),
            [a, b] => f64::from(i16::from_be_bytes([a, b])),
            [a, b, c, d] if self.code == 0x0c => f64::from(i32::from_be_bytes([a, b, c, d])),
            [a, b, c, d] => f64::from(f32::from_be_bytes([a, b, c, d])),
            _ => bytes.try_into().map_or(f64::NAN, f64::from_be_bytes),
        }
    }

    fn array<T>(&self, value: impl Fn(&[u8]) -> T) -> Result<ArrayD<T>, LoadError> {
        let values = self.data.chunks_exact(self.size).map(value).collect();
        ArrayD::from_shape_vec(IxDyn(&self.shape), values).map_err(|e| invalid(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_labels() {
        let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 255]].concat();
        assert_eq!(read(&images).unwrap().to_matrix().unwrap(), ndarray::array![[1., 2.], [3., 255.]]);
        let shorts = [&[0, 0, 0x0b, 1, 0, 0, 0, 2][..], &[0xff, 0xff, 0, 7]].concat();
        assert_eq!(read(&shorts).unwrap().to_labels().unwrap(), [-1, 7]);
        let double = [&[0, 0, 0x0e, 1, 0, 0, 0, 1][..], &2.5f64.to_be_bytes()].concat();
        assert_eq!(read(&double).unwrap().values[[0]], 2.5);
    }

    #[test]
    fn bytes_stay_bytes_and_other_numbers_become_floats() {
        let bytes = [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 255];
        assert_eq!(read_compact(&bytes, 9.0).unwrap(), Compact::Bytes(ndarray::array![[7, 255]].into_dyn()));
        let shorts = [0, 0, 0x0b, 1, 0, 0, 0, 2, 0xff, 0xff, 0, 7];
        assert_eq!(read_compact(&shorts, 0.5).unwrap(), Compact::Floats(ndarray::array![-0.5, 3.5].into_dyn()));
    }

    #[test]
    fn faults_are_told() {
        let message = |b: &[u8]| read(b).unwrap_err().to_string();
        assert!(message(&[1, 2, 3]).contains("two zero bytes"));
        assert!(message(&[0, 0, 7, 1, 0, 0, 0, 1]).contains("0x07"));
        assert!(message(&[0, 0, 8, 1, 0, 0, 0, 5, 1]).contains("promises 5 bytes of values, but 1 follow"));
        assert!(message(&[0, 0, 8, 1, 0, 0, 0, 1, 1, 1]).contains("1 bytes follow"));
        assert!(message(&[0, 0, 8, 8, 0]).contains("ends early"));
    }
}
