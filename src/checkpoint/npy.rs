//! numpy's arrays: a header, and values in one of two orders.

use super::blob::Blob;
use super::found::Found;
use super::{Dtype, LazyTensor, Problem};
use narrows_datasets::LoadError;
use narrows_datasets::load::npy::{self, MAX_HEADER};
use std::path::Path;

/// Bytes of an array's beginning that its header is certainly within.
pub(super) const HEAD: u64 = MAX_HEADER as u64 + 12;

/// Axes that numpy's arrays can have, since version 2.
const MAX_AXES: usize = 64;

/// Opens a single array: one tensor, with the name of the file.
pub(super) fn open(blob: &Blob, path: &Path) -> Result<Found, Problem> {
    let array = Array::of(&blob.head(HEAD)?, blob.len())?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "arr_0".into());
    Ok(Found { tensors: vec![(name, array.place(blob, 0))], ..Found::default() })
}

/// Where and how the values of an array stand within its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    fortran_order: bool,
    big_endian: bool,
    /// Bytes before the first value.
    pub(super) begin: u64,
    /// Bytes of the values.
    bytes: u64,
}

impl Array {
    /// Reads the header in the first bytes of an array of `length` bytes.
    ///
    /// # Errors
    /// When the header is damaged, or the values are of a type that is not read, or fewer or more than it says.
    pub(super) fn of(head: &[u8], length: u64) -> Result<Self, Problem> {
        let header = npy::header(head).map_err(|e| match e {
            LoadError::Invalid { reason, .. } => damaged(reason),
            LoadError::Dtype { dtype } => not_read(&dtype),
            e => damaged(e.to_string()),
        })?;
        let (dtype, big_endian) = dtype_of(&header.dtype).ok_or_else(|| not_read(&header.dtype))?;
        let (shape, begin) = (header.shape, header.begin as u64);
        let beyond = || damaged(format!("its shape {shape:?} is beyond all measure"));
        // An empty axis does not excuse the others.
        let product = shape.iter().filter(|&&axis| axis > 0).try_fold(1usize, |n, &axis| n.checked_mul(axis));
        let whole = product.and_then(|n| n.checked_mul(dtype.size()?)).ok_or_else(beyond)?;
        if shape.len() > MAX_AXES {
            return Err(beyond());
        }
        let bytes = if shape.contains(&0) { 0 } else { whole as u64 };
        let found = length.saturating_sub(begin);
        if found != bytes {
            return Err(damaged(format!(
                "its header promises {bytes} bytes of values, of shape {shape:?} and type {dtype}, but {found} follow"
            )));
        }
        Ok(Self { dtype, shape, fortran_order: header.fortran_order, big_endian, begin, bytes })
    }

    /// Whether the values are row-major and little-endian as they stand.
    pub(super) fn is_plain(&self) -> bool {
        !self.fortran_order && !self.big_endian
    }

    /// The tensor, of an array that begins at byte `at`.
    pub(super) fn place(&self, blob: &Blob, at: u64) -> LazyTensor {
        let (dtype, shape, offset) = (self.dtype.clone(), self.shape.clone(), at.saturating_add(self.begin));
        let tensor = if self.fortran_order {
            let strides = column_major(&shape);
            LazyTensor::strided(blob, (offset, self.bytes), dtype, shape, strides)
        } else {
            LazyTensor::span(blob, offset, dtype, shape)
        };
        if !self.big_endian {
            return tensor;
        }
        LazyTensor::packed(self.dtype.clone(), self.shape.clone(), move || {
            let mut bytes = tensor.bytes()?;
            swap_bytes(&mut bytes, tensor.dtype.size().unwrap_or(1));
            Ok(bytes)
        })
    }
}

/// Turns values of `size` bytes around.
pub(super) fn swap_bytes(bytes: &mut [u8], size: usize) {
    bytes.chunks_exact_mut(size.max(1)).for_each(<[u8]>::reverse);
}

/// Strides of values whose first axis moves fastest. The product of the lengths has been found to fit.
fn column_major(shape: &[usize]) -> Vec<usize> {
    let place = |step: &mut usize, &axis: &usize| {
        let stride = *step;
        *step = step.saturating_mul(axis);
        Some(stride)
    };
    shape.iter().scan(1, place).collect()
}

/// A type by numpy's name, such as `<f4`, and whether its first byte is the highest.
fn dtype_of(name: &str) -> Option<(Dtype, bool)> {
    let (order, kind) = name.split_at_checked(1)?;
    let dtype = match kind {
        "f8" => Dtype::F64,
        "f4" => Dtype::F32,
        "f2" => Dtype::F16,
        "i8" => Dtype::I64,
        "i4" => Dtype::I32,
        "i2" => Dtype::I16,
        "i1" => Dtype::I8,
        "u8" => Dtype::U64,
        "u4" => Dtype::U32,
        "u2" => Dtype::U16,
        "u1" => Dtype::U8,
        "b1" => Dtype::Bool,
        _ => return None,
    };
    match order {
        "<" | "|" | "=" => Some((dtype, false)),
        ">" => Some((dtype, true)),
        _ => None,
    }
}

fn not_read(dtype: &str) -> Problem {
    let why = match dtype.trim_start_matches(['<', '>', '|', '=']).chars().next() {
        Some('O') => "it holds Python objects, which only code can make again, and nothing is ever executed",
        Some('S' | 'U' | 'a') => "it holds text",
        Some('c') => "it holds complex numbers",
        Some('[' | '(' | '{' | 'V') => "it holds structures or values without a type",
        _ => "it holds values that are no plain numbers",
    };
    let reason = format!("{why} (numpy's type {dtype:?}); save it as float32, float64 or integers");
    Problem::Unsupported { format: "numpy", reason }
}

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "numpy", reason }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An array of version 1 by hand.
    pub(in crate::checkpoint) fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn tensor(bytes: Vec<u8>) -> Result<LazyTensor, Problem> {
        let found = open(&Blob::of(bytes), Path::new("some/fc1.weight.npy"))?;
        let [(name, tensor)] = &found.tensors[..] else { panic!("one tensor") };
        assert_eq!(name, "fc1.weight");
        Ok(tensor.clone())
    }

    #[test]
    fn both_orders_of_values_and_of_bytes_come_out_right() {
        let le: Vec<u8> = [1f32, 2., 3., 4., 5., 6.].iter().flat_map(|v| v.to_le_bytes()).collect();
        let be: Vec<u8> = [1f64, 4., 2., 5., 3., 6.].iter().flat_map(|v| v.to_be_bytes()).collect();
        for (bytes, dtype) in
            [(npy("'<f4'", false, "(2, 3)", &le), Dtype::F32), (npy("'>f8'", true, "(2, 3)", &be), Dtype::F64)]
        {
            let t = tensor(bytes).unwrap();
            assert_eq!((&t.shape[..], &t.dtype), (&[2, 3][..], &dtype));
            assert_eq!(t.load().unwrap().values, [1., 2., 3., 4., 5., 6.]);
            assert_eq!(t.rows(1, 2).unwrap(), [4., 5., 6.]);
        }
        let columns: Vec<u8> = [1i16, 3, 2, 4].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(tensor(npy("'<i2'", true, "(2, 2)", &columns)).unwrap().load().unwrap().values, [1., 2., 3., 4.]);
    }

    #[test]
    fn every_type_and_version_is_read() {
        for (descr, dtype) in [
            ("<f8", Dtype::F64),
            ("<f4", Dtype::F32),
            (">f2", Dtype::F16),
            ("<i8", Dtype::I64),
            (">i4", Dtype::I32),
            ("<i2", Dtype::I16),
            ("|i1", Dtype::I8),
            ("<u8", Dtype::U64),
            ("=u4", Dtype::U32),
            (">u2", Dtype::U16),
            ("|u1", Dtype::U8),
            ("|b1", Dtype::Bool),
        ] {
            let size = dtype.size().unwrap();
            let t = tensor(npy(&format!("'{descr}'"), false, "(2,)", &vec![0; 2 * size])).unwrap();
            assert_eq!((&t.dtype, t.load().unwrap().values), (&dtype, vec![0.0; 2]), "{descr}");
        }
        let one = npy("'<f4'", false, "()", &1.5f32.to_le_bytes());
        for version in [2, 3] {
            let mut bytes = one.clone();
            bytes[6] = version;
            bytes.splice(10..10, [0, 0]);
            let t = tensor(bytes).unwrap();
            assert_eq!((t.shape.len(), t.load().unwrap().values), (0, vec![1.5]));
        }
        assert!(tensor(npy("'<f4'", false, "(0, 3)", &[])).unwrap().load().unwrap().values.is_empty());
    }

    #[test]
    fn what_is_no_array_of_numbers_is_refused() {
        let message = |bytes: Vec<u8>| tensor(bytes).unwrap_err().to_string();
        let with = |descr: &str, shape: &str, data: usize| message(npy(descr, false, shape, &vec![0; data]));
        for (descr, expected) in [
            ("'|O'", "it holds Python objects, which only code can make again, and nothing is ever executed"),
            ("'<c8'", "it holds complex numbers (numpy's type \"<c8\")"),
            ("'<U5'", "it holds text"),
            ("'|S3'", "it holds text"),
            ("'|V2'", "structures or values without a type"),
            ("[('a', '<f4')]", "structures or values without a type"),
            ("('<f4', (2,))", "structures or values without a type"),
            ("()", "structures or values without a type"),
            ("''", "no plain numbers"),
            ("'<f3'", "no plain numbers"),
            ("'f4'", "no plain numbers"),
            ("'<M8[ns]'", "no plain numbers"),
        ] {
            let e = with(descr, "(1,)", 8);
            assert!(e.starts_with("a numpy file of a kind that is not read: ") && e.contains(expected), "{descr}: {e}");
        }
        for (e, expected) in [
            (with("'<f4'", "(3,)", 8), "promises 12 bytes of values, of shape [3] and type F32, but 8 follow"),
            (with("'<f4'", "(1,)", 8), "promises 4 bytes of values, of shape [1] and type F32, but 8 follow"),
            (with("'<f4'", "(4294967296, 4294967296)", 8), "beyond all measure"),
            (with("'<f4'", "(0, 4294967296, 4294967296)", 0), "beyond all measure"),
            (with("'<f4'", &format!("({})", "1,".repeat(65)), 4), "beyond all measure"),
            (with("'<f4'", "(18446744073709551616,)", 8), "illegal value for key shape"),
            (with("'<f4'", "(-1,)", 8), "illegal value for key shape"),
            (with("'<f4'", "3", 8), "illegal value for key shape"),
            (with("'<f4'", &"(".repeat(3000), 8), "nested too deeply"),
            (message(b"\x93NUMPY\x03\x00\xff\xff\xff\xff{}".to_vec()), "should have 4294967295 bytes"),
            (message(b"\x93NUMPY".to_vec()), "ends within the length of its header"),
            (message(b"\x93NUMPY\x09\x00\x00\x00".to_vec()), "version 9"),
        ] {
            assert!(e.starts_with("a damaged or truncated numpy file: ") && e.contains(expected), "{e}");
        }
    }

    /// Whatever byte is changed or cut: an error or an array, and never a panic.
    #[test]
    fn a_changed_byte_does_no_harm() {
        let whole = npy("'>f4'", true, "(2, 3)", &[7; 24]);
        let open = |bytes: &[u8]| open(&Blob::of(bytes.to_vec()), Path::new("x.npy"));
        for at in 0..whole.len() {
            assert!(open(&whole[..at]).is_err(), "cut at {at}");
            for flip in [0xff, 0x01, 0x80, 0x10] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                if let Ok(found) = open(&bytes) {
                    found.tensors[0].1.load().unwrap();
                }
            }
        }
    }
}
