//! Tensors that are still in their file.

use super::blob::Blob;
use super::{Dtype, Problem, Tensor};
use std::fmt;
use std::sync::Arc;

/// A tensor whose values are fetched when somebody asks for them.
#[derive(Debug, Clone)]
pub struct LazyTensor {
    /// Lengths of the axes, the outermost first.
    pub shape: Vec<usize>,
    /// Type of the values in the file.
    pub dtype: Dtype,
    values: Values,
}

/// Where values are.
#[derive(Clone)]
enum Values {
    /// One after the other from this byte on; `whole` yields all of them with their checksum compared, where there is
    /// one.
    Span { blob: Blob, offset: u64, whole: Option<Unpack> },
    /// `strides[i]` values apart along axis `i`, within the `length` bytes from `offset` on.
    Strided { blob: Blob, offset: u64, length: u64, strides: Vec<usize> },
    /// To be unpacked: row-major little-endian bytes.
    Packed(Unpack),
}

/// Yields row-major little-endian bytes.
type Unpack = Arc<dyn Fn() -> Result<Vec<u8>, Problem> + Send + Sync>;

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Span { offset, .. } => write!(f, "at byte {offset}"),
            Values::Strided { offset, strides, .. } => write!(f, "at byte {offset}, strides {strides:?}"),
            Values::Packed(_) => f.write_str("packed"),
        }
    }
}

/// Values that are looked at together where all of them are not needed at once.
const CHUNK: usize = 1 << 20;

impl LazyTensor {
    /// Values that stand one after the other in a file, in row-major order and little-endian.
    pub(crate) fn span(blob: &Blob, offset: u64, dtype: Dtype, shape: Vec<usize>) -> Self {
        Self { shape, dtype, values: Values::Span { blob: blob.clone(), offset, whole: None } }
    }

    /// The same, of values with a checksum: `whole` yields all of them once it has compared it. Some of them alone are
    /// read without.
    pub(crate) fn checked_span(
        blob: &Blob,
        offset: u64,
        dtype: Dtype,
        shape: Vec<usize>,
        whole: impl Fn() -> Result<Vec<u8>, Problem> + Send + Sync + 'static,
    ) -> Self {
        Self { shape, dtype, values: Values::Span { blob: blob.clone(), offset, whole: Some(Arc::new(whole)) } }
    }

    /// Values with `strides` (in values, not bytes) within the `length` bytes from `offset` on.
    pub(crate) fn strided(
        blob: &Blob,
        (offset, length): (u64, u64),
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
    ) -> Self {
        let packed = row_major(&shape);
        if packed.as_ref() == Some(&strides) {
            return Self::span(blob, offset, dtype, shape);
        }
        Self { shape, dtype, values: Values::Strided { blob: blob.clone(), offset, length, strides } }
    }

    /// Values that `unpack` yields as row-major little-endian bytes.
    pub(crate) fn packed(
        dtype: Dtype,
        shape: Vec<usize>,
        unpack: impl Fn() -> Result<Vec<u8>, Problem> + Send + Sync + 'static,
    ) -> Self {
        Self { shape, dtype, values: Values::Packed(Arc::new(unpack)) }
    }

    /// Number of values; `None` beyond what a machine can address.
    pub fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis))
    }

    /// The file and the place in it of values that stand one after the other in row-major order and little-endian; `None`
    /// of others.
    pub(crate) fn place(&self) -> Option<(&Blob, u64)> {
        match &self.values {
            Values::Span { blob, offset, .. } => Some((blob, *offset)),
            _ => None,
        }
    }

    /// Bytes of the values; `None` for a type that is not read, or beyond what a machine can address.
    pub fn byte_len(&self) -> Option<usize> {
        self.count()?.checked_mul(self.dtype.size()?)
    }

    /// The values as they stand in the file, in row-major order and little-endian.
    ///
    /// # Errors
    /// When the type is not read, or the file is no longer what it was.
    pub fn bytes(&self) -> Result<Vec<u8>, Problem> {
        let length = self.byte_len().ok_or_else(|| self.not_read())?;
        match &self.values {
            Values::Span { blob, offset, whole: None } => blob.read(*offset, length as u64),
            Values::Strided { blob, offset, length, strides } => {
                gather(&blob.read(*offset, *length)?, &self.shape, strides, self.dtype.size().unwrap_or(1))
            }
            Values::Span { whole: Some(unpack), .. } | Values::Packed(unpack) => {
                let bytes = unpack()?;
                if bytes.len() == length { Ok(bytes) } else { Err(Problem::Changed) }
            }
        }
    }

    /// The tensor with its values as 32-bit floats.
    ///
    /// # Errors
    /// As [`LazyTensor::bytes`].
    pub fn load(&self) -> Result<Tensor, Problem> {
        let values = self.dtype.decode(&self.bytes()?).ok_or_else(|| self.not_read())?;
        Ok(Tensor { shape: self.shape.clone(), dtype: self.dtype.name().into(), values })
    }

    /// Rows `start..end` along the first axis, as 32-bit floats in row-major order. Of values that stand one after the
    /// other, only these are read.
    ///
    /// # Errors
    /// As [`LazyTensor::bytes`].
    pub fn rows(&self, start: usize, end: usize) -> Result<Vec<f32>, Problem> {
        let size = self.dtype.size().ok_or_else(|| self.not_read())?;
        let width = self.shape.get(1..).unwrap_or_default().iter().product::<usize>();
        match &self.values {
            Values::Span { blob, offset, .. } => {
                let (start, end) = ((start * width * size) as u64, (end * width * size) as u64);
                let bytes = blob.read(offset + start, end - start)?;
                self.dtype.decode(&bytes).ok_or_else(|| self.not_read())
            }
            _ => Ok(self.load()?.values[start * width..end * width].to_vec()),
        }
    }

    /// Goes through all values in order, a piece at a time; only one piece is in memory where the file allows it.
    ///
    /// # Errors
    /// As [`LazyTensor::bytes`].
    pub fn for_each_piece(&self, mut look: impl FnMut(&[f32])) -> Result<(), Problem> {
        let size = self.dtype.size().ok_or_else(|| self.not_read())?;
        let Values::Span { blob, offset, .. } = &self.values else {
            self.load()?.values.chunks(CHUNK).for_each(look);
            return Ok(());
        };
        let (mut at, mut left) = (*offset, self.byte_len().ok_or_else(|| self.not_read())?);
        while left > 0 {
            let length = left.min(CHUNK * size);
            look(&self.dtype.decode(&blob.read(at, length as u64)?).ok_or_else(|| self.not_read())?);
            at += length as u64;
            left -= length;
        }
        Ok(())
    }

    fn not_read(&self) -> Problem {
        Problem::Dtype { tensor: String::new(), dtype: self.dtype.name().into() }
    }
}

/// Strides of values that stand one after the other; `None` beyond what a machine can address.
pub(super) fn row_major(shape: &[usize]) -> Option<Vec<usize>> {
    let (mut strides, mut step) = (vec![0; shape.len()], 1usize);
    for (stride, &axis) in strides.iter_mut().zip(shape).rev() {
        *stride = step;
        step = step.checked_mul(axis)?;
    }
    Some(strides)
}

/// Values of `size` bytes in row-major order, from where their strides put them.
fn gather(storage: &[u8], shape: &[usize], strides: &[usize], size: usize) -> Result<Vec<u8>, Problem> {
    let count: usize = shape.iter().product();
    let mut bytes = Vec::with_capacity(count * size);
    let mut index = vec![0usize; shape.len()];
    for _ in 0..count {
        let at: usize = index.iter().zip(strides).map(|(i, s)| i * s).sum();
        bytes.extend(storage.get(at * size..(at + 1) * size).ok_or(Problem::Changed)?);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn strides_are_honoured() {
        let blob = Blob::of([vec![9; 3], floats(&[1., 2., 3., 4., 5., 6.])].concat());
        let t = LazyTensor::strided(&blob, (3, 24), Dtype::F32, vec![3, 2], vec![1, 3]);
        assert_eq!(t.load().unwrap().values, [1., 4., 2., 5., 3., 6.]);
        assert_eq!(t.rows(1, 3).unwrap(), [2., 5., 3., 6.]);
        let expanded = LazyTensor::strided(&blob, (3, 4), Dtype::F32, vec![2, 2], vec![0, 0]);
        assert_eq!(expanded.load().unwrap().values, [1.0; 4]);
        let beyond = LazyTensor::strided(&blob, (3, 24), Dtype::F32, vec![3, 2], vec![3, 1]);
        assert_eq!(beyond.load(), Err(Problem::Changed));
        let plain = LazyTensor::strided(&blob, (3, 24), Dtype::F32, vec![3, 2], vec![2, 1]);
        assert!(matches!(plain.values, Values::Span { .. }));
        assert_eq!(plain.rows(2, 3).unwrap(), [5., 6.]);
    }

    #[test]
    fn pieces_make_the_whole() {
        let values: Vec<f32> = (0..CHUNK + 7).map(|i| i as f32).collect();
        let blob = Blob::of(floats(&values));
        let tensors = [
            LazyTensor::span(&blob, 0, Dtype::F32, vec![values.len()]),
            LazyTensor::packed(Dtype::F32, vec![values.len()], {
                let blob = blob.clone();
                move || blob.all()
            }),
        ];
        for t in tensors {
            let (mut seen, mut pieces) = (Vec::new(), 0);
            t.for_each_piece(|piece| {
                seen.extend_from_slice(piece);
                pieces += 1;
            })
            .unwrap();
            assert_eq!((seen == values, pieces), (true, 2));
        }
    }
}
