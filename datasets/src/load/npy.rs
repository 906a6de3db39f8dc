//! numpy arrays of real numbers.

use super::Compact;
use super::csv::whole;
use crate::LoadError;
use ndarray::{Array2, ArrayD, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::Header;

/// An array as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct NpyArray {
    /// numpy's name of the type in the file, such as `<f4`.
    pub dtype: String,
    /// The values, in the array's shape.
    pub values: ArrayD<f64>,
}

/// What stands before an array's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpyHeader {
    /// numpy's name of the type, such as `<f4`.
    pub dtype: String,
    /// Whether the first axis is the one that moves fastest.
    pub fortran_order: bool,
    /// Lengths of the axes, the outermost first.
    pub shape: Vec<usize>,
    /// Bytes before the first value.
    pub begin: usize,
}

/// Bytes of a header; numpy writes some hundred, and its oldest format has room for no more than this.
pub const MAX_HEADER: usize = 1 << 16;

/// Brackets within brackets: the dict and the tuple of the shape are two, the fields of a structure a few more. The
/// parser of headers calls itself for each, and tries some twice.
const MAX_DEPTH: usize = 6;

/// Digits of a number: those of a length of 64 bits.
const MAX_DIGITS: usize = 20;

/// Reads the header of an array from the array's first bytes, which may end behind the header.
///
/// Format: numpy's NEP 1, versions 1 to 3.
///
/// # Errors
/// When the bytes are no header, end within it, or the type is no plain one.
pub fn header(bytes: &[u8]) -> Result<NpyHeader, LoadError> {
    let invalid = |reason: String| LoadError::Invalid { format: "npy", reason };
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(invalid("it does not begin as numpy's arrays do".into()));
    }
    let (prefix, length) = match (bytes.get(6), bytes.get(8..10), bytes.get(8..12)) {
        (Some(1), Some(&[a, b]), _) => (10, usize::from(u16::from_le_bytes([a, b]))),
        (Some(2 | 3), _, Some(&[a, b, c, d])) => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        (Some(&version), ..) if !(1..=3).contains(&version) => {
            return Err(invalid(format!("it is of version {version} of the format; versions 1 to 3 are read")));
        }
        _ => return Err(invalid("it ends within the length of its header".into())),
    };
    if length > MAX_HEADER {
        return Err(invalid(format!("its header should have {length} bytes, and at most {MAX_HEADER} are read")));
    }
    let Some(text) = bytes.get(prefix..prefix + length) else {
        let found = bytes.len().saturating_sub(prefix);
        return Err(invalid(format!("its header should have {length} bytes, but {found} follow")));
    };
    check_size_of_literal(text).map_err(|what| invalid(format!("its header holds {what}")))?;
    let header = Header::from_reader(&mut &bytes[..prefix + length]).map_err(|e| invalid(e.to_string()))?;
    let dtype = match header.type_descriptor.as_string() {
        Some(name) => name.clone(),
        None => return Err(LoadError::Dtype { dtype: header.type_descriptor.to_string() }),
    };
    let (fortran_order, shape) = (header.layout.is_fortran(), header.shape);
    Ok(NpyHeader { dtype, fortran_order, shape, begin: prefix + length })
}

/// Refuses what the parser of Python's literals could choke on: deep nesting and very long numbers.
fn check_size_of_literal(text: &[u8]) -> Result<(), &'static str> {
    let (mut depth, mut digits, mut before) = (0usize, 0usize, b' ');
    for &c in text {
        match c {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err("brackets nested too deeply");
        }
        let is_word = c.is_ascii_alphanumeric() || c == b'_';
        digits = match digits {
            // A word that begins with a digit is a number.
            0 if c.is_ascii_digit() && !(before.is_ascii_alphanumeric() || before == b'_') => 1,
            0 => 0,
            n if is_word => n + 1,
            _ => 0,
        };
        if digits > MAX_DIGITS {
            return Err("a number of more than 20 digits");
        }
        before = c;
    }
    Ok(())
}

/// Reads an array of floating-point numbers (16, 32 or 64 bits), integers or booleans, of either byte order and layout.
///
/// # Errors
/// When the header is damaged, the type has no place here (objects, structures, text, complex numbers), or the file is
/// shorter than its header says.
pub fn read(bytes: &[u8]) -> Result<NpyArray, LoadError> {
    let parsed = Parsed::of(bytes)?;
    let mut values = Vec::with_capacity(parsed.data.len() / parsed.decoder.size);
    parsed.decoder.extend(&mut values, parsed.data);
    let values = parsed.shaped(values)?;
    Ok(NpyArray { dtype: parsed.dtype, values })
}

/// Reads an array as [`read`] does, as small as it comes: unsigned bytes stay bytes, anything else becomes 32-bit
/// floats and is multiplied by `scale` on the way.
///
/// # Errors
/// As [`read`].
pub fn read_compact(bytes: &[u8], scale: f64) -> Result<Compact, LoadError> {
    let parsed = Parsed::of(bytes)?;
    if (parsed.decoder.kind, parsed.decoder.size) == (b'u', 1) {
        return Ok(Compact::Bytes(parsed.array(|b| b[0])?));
    }
    Ok(Compact::Floats(parsed.array(|b| (parsed.decoder.value(b) * scale) as f32)?))
}

/// What a header says, and the bytes of the values.
struct Parsed<'a> {
    dtype: String,
    decoder: Decoder,
    shape: Vec<usize>,
    fortran: bool,
    data: &'a [u8],
}

impl<'a> Parsed<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, LoadError> {
        if bytes.is_empty() {
            return Err(LoadError::Empty);
        }
        let header = header(bytes)?;
        let (dtype, rest) = (header.dtype, &bytes[header.begin..]);
        let decoder = Decoder::for_dtype(&dtype).ok_or_else(|| LoadError::Dtype { dtype: dtype.clone() })?;
        // In 128 bits: a hostile shape cannot overflow into something small.
        let count = header.shape.iter().try_fold(1u128, |n, &d| n.checked_mul(d as u128)).unwrap_or(u128::MAX);
        let promised = count.saturating_mul(decoder.size as u128);
        if promised > rest.len() as u128 {
            return Err(LoadError::Truncated { promised, found: rest.len() });
        }
        let data = &rest[..promised as usize];
        Ok(Self { dtype, decoder, shape: header.shape, fortran: header.fortran_order, data })
    }

    fn array<T>(&self, value: impl Fn(&[u8]) -> T) -> Result<ArrayD<T>, LoadError> {
        let values: Vec<T> = self.data.chunks_exact(self.decoder.size).map(value).collect();
        self.shaped(values)
    }

    fn shaped<T>(&self, values: Vec<T>) -> Result<ArrayD<T>, LoadError> {
        ArrayD::from_shape_vec(IxDyn(&self.shape).set_f(self.fortran), values)
            .map_err(|e| LoadError::Invalid { format: "npy", reason: e.to_string() })
    }
}

impl NpyArray {
    /// A table [samples × features]; further axes are flattened into features, row by row.
    ///
    /// # Errors
    /// When there is no axis of features.
    pub fn to_matrix(&self) -> Result<Array2<f64>, LoadError> {
        let shape = self.values.shape();
        if shape.len() < 2 {
            return Err(LoadError::Shape { shape: shape.to_vec() });
        }
        let (samples, features) = (shape[0], shape[1..].iter().product());
        let rows = self.values.iter().copied().collect();
        Array2::from_shape_vec((samples, features), rows).map_err(|_| LoadError::Shape { shape: shape.to_vec() })
    }

    /// Labels: whole numbers of shape `[samples]` or `[samples, 1]`.
    ///
    /// # Errors
    /// When the shape is another, or a value is no whole number.
    pub fn to_labels(&self) -> Result<Vec<i64>, LoadError> {
        match self.values.shape() {
            [_] | [_, 1] => self.values.iter().enumerate().map(|(i, &v)| whole(v, i)).collect(),
            shape => Err(LoadError::LabelShape { shape: shape.to_vec() }),
        }
    }
}

/// How the bytes of one value become a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoder {
    kind: u8,
    size: usize,
    big_endian: bool,
}

impl Decoder {
    /// That of one of numpy's types, such as `<f4`: floating-point numbers of 16, 32 or 64 bits, integers and truth
    /// values, of either byte order; `None` of any other.
    pub fn for_dtype(dtype: &str) -> Option<Self> {
        let &[order, kind, digit] = dtype.as_bytes() else { return None };
        let size = usize::from(digit.checked_sub(b'0')?);
        let known = matches!((kind, size), (b'f', 2 | 4 | 8) | (b'i' | b'u', 1 | 2 | 4 | 8) | (b'b', 1));
        (known && matches!(order, b'<' | b'>' | b'|' | b'=')).then_some(Self { kind, size, big_endian: order == b'>' })
    }

    /// Bytes of one value.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the values are integers or truth values.
    pub fn is_integer(&self) -> bool {
        self.kind != b'f'
    }

    /// Appends the values of these bytes, whose number is a multiple of [`Decoder::size`].
    pub fn extend(&self, values: &mut Vec<f64>, bytes: &[u8]) {
        // The common types without a look at each value's kind.
        match (self.kind, self.size, self.big_endian) {
            (b'f', 4, false) => values.extend(bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b)))),
            (b'f', 8, false) => values.extend(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b))),
            _ => values.extend(bytes.chunks_exact(self.size).map(|b| self.value(b))),
        }
    }

    fn value(&self, bytes: &[u8]) -> f64 {
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().zip(0..self.size) {
            *to = bytes[if self.big_endian { self.size - 1 - from } else { from }];
        }
        let bits = u64::from_le_bytes(word);
        match (self.kind, self.size) {
            (b'f', 2) => half(bits as u16),
            (b'f', 4) => f64::from(f32::from_bits(bits as u32)),
            (b'f', _) => f64::from_bits(bits),
            (b'i', 1) => f64::from(bits as i8),
            (b'i', 2) => f64::from(bits as i16),
            (b'i', 4) => f64::from(bits as i32),
            (b'i', _) => bits as i64 as f64,
            (b'b', _) => f64::from(u8::from(bits != 0)),
            _ => bits as f64,
        }
    }
}

/// IEEE 754 binary16: sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ndarray::array;

    /// A version-1 npy file by hand.
    pub(in crate::load) fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        let mut header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn layouts_and_byte_orders_come_out_right() {
        let le: Vec<u8> = [1f32, 2., 3., 4., 5., 6.].iter().flat_map(|v| v.to_le_bytes()).collect();
        let be: Vec<u8> = [1f64, 4., 2., 5., 3., 6.].iter().flat_map(|v| v.to_be_bytes()).collect();
        let expected = array![[1., 2., 3.], [4., 5., 6.]];
        assert_eq!(read(&npy("'<f4'", false, "(2, 3)", &le)).unwrap().to_matrix().unwrap(), expected);
        assert_eq!(read(&npy("'>f8'", true, "(2, 3)", &be)).unwrap().to_matrix().unwrap(), expected);
        let h: Vec<u8> = [0x3c00u16, 0xc000, 0x0001, 0x7c00].iter().flat_map(|v| v.to_le_bytes()).collect();
        let read_half = read(&npy("'<f2'", false, "(4,)", &h)).unwrap().values;
        assert_eq!(read_half.iter().copied().collect::<Vec<_>>(), [1.0, -2.0, 2f64.powi(-24), f64::INFINITY]);
        let i: Vec<u8> = [-1i64, 7].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(read(&npy("'<i8'", false, "(2, 1)", &i)).unwrap().to_labels().unwrap(), [-1, 7]);
        assert_eq!(read(&npy("'|b1'", false, "(2,)", &[0, 1])).unwrap().to_labels().unwrap(), [0, 1]);
    }

    #[test]
    fn a_decoder_knows_every_type() {
        for (dtype, bytes, expected) in [
            ("<f4", &1.5f32.to_le_bytes()[..], 1.5),
            (">f4", &1.5f32.to_be_bytes(), 1.5),
            ("<f8", &0.1f64.to_le_bytes(), 0.1),
            ("<f2", &[0, 0x3c], 1.0),
            ("|i1", &[255], -1.0),
            (">u2", &[1, 2], 258.0),
            ("|b1", &[1], 1.0),
        ] {
            let decoder = Decoder::for_dtype(dtype).unwrap();
            let mut values = vec![7.0];
            decoder.extend(&mut values, &bytes.repeat(3));
            assert_eq!((decoder.size(), values), (bytes.len(), vec![7.0, expected, expected, expected]), "{dtype}");
            assert_eq!(decoder.is_integer(), !dtype.contains('f'));
        }
        assert_eq!(Decoder::for_dtype("<c8"), None);
    }

    #[test]
    fn images_are_flattened_sample_by_sample() {
        let a = read(&npy("'|u1'", false, "(2, 2, 2)", &[1, 2, 3, 4, 5, 6, 7, 8])).unwrap();
        assert_eq!(a.to_matrix().unwrap(), array![[1., 2., 3., 4.], [5., 6., 7., 8.]]);
    }

    #[test]
    fn bytes_stay_bytes_and_other_numbers_become_floats() {
        let compact =
            |descr, fortran, shape, data: &[u8]| read_compact(&npy(descr, fortran, shape, data), 0.5).unwrap();
        assert_eq!(compact("'|u1'", true, "(2, 2)", &[1, 3, 2, 4]), Compact::Bytes(array![[1, 2], [3, 4]].into_dyn()));
        assert_eq!(compact("'|i1'", false, "(2,)", &[255, 4]), Compact::Floats(array![-0.5f32, 2.0].into_dyn()));
        assert!(read_compact(&npy("'|u1'", false, "(9,)", &[1]), 1.0).is_err());
    }

    #[test]
    fn a_header_is_read_without_values() {
        let bytes = npy("'>f8'", true, "(2, 3)", &[]);
        let begin = bytes.len();
        assert_eq!(
            header(&bytes).unwrap(),
            NpyHeader { dtype: ">f8".into(), fortran_order: true, shape: vec![2, 3], begin }
        );
        // Version 2 has four bytes of length.
        let mut two = bytes.clone();
        two[6] = 2;
        two.splice(10..10, [0, 0]);
        assert_eq!(header(&two).unwrap().begin, begin + 2);
    }

    #[test]
    fn a_header_that_is_none_is_told() {
        let message = |bytes: &[u8]| header(bytes).unwrap_err().to_string();
        let with = |descr: &str, shape: &str| message(&npy(descr, false, shape, &[]));
        assert!(message(b"PK").contains("does not begin as numpy's arrays do"));
        assert!(message(b"\x93NUMPY\x07\x00\x00\x00").contains("version 7 of the format"));
        assert!(message(b"\x93NUMPY\x02\x00\x00").contains("ends within the length of its header"));
        assert!(message(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("4294967295 bytes, and at most 65536"));
        assert!(message(&npy("'<f4'", false, "(2,)", &[])[..40]).contains("bytes, but 30 follow"));
        assert!(with("'<f4'", &"(".repeat(5000)).contains("nested too deeply"));
        assert!(with("'<f4'", &format!("(1.0+{},)", "9".repeat(400))).contains("more than 20 digits"));
        assert!(with("'<f4'", "(-1,)").contains("shape"));
        assert!(with("'<f4'", "(18446744073709551616,)").contains("shape"));
        assert!(with("{1}", "(1,)").contains("values of type {1}"));
        assert!(with("()", "(1,)").contains("cannot be used"));
        assert!(read(&npy("''", false, "(1,)", &[])).unwrap_err().to_string().contains("cannot be used"));
    }

    #[test]
    fn faults_are_told() {
        let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert!(message(&npy("'|O'", false, "(2,)", &[0; 16])).contains("type |O"));
        assert!(message(&npy("[('a', '<f4')]", false, "(2,)", &[0; 8])).contains("cannot be used"));
        assert!(message(&npy("'<f4'", false, "(3,)", &[0; 8])).contains("promises 12 bytes of values, but 8 follow"));
        assert!(message(&npy("'<f8'", false, "(4294967296, 4294967296, 4294967296)", &[])).contains("truncated"));
        assert!(message(b"\x93NUMPY\x01\x00\xff\xff{").contains("not a valid npy"));
        assert!(
            read(&npy("'<f4'", false, "(2,)", &[0; 8])).unwrap().to_matrix().unwrap_err().to_string().contains("[2]")
        );
        let f: Vec<u8> = [1.5f64].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert!(read(&npy("'<f8'", false, "(1,)", &f)).unwrap().to_labels().unwrap_err().to_string().contains("1.5"));
    }
}
