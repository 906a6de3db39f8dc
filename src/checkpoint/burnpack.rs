//! burnpack, the format of the Burn framework: a header, a CBOR table of tensors, their values.
//!
//! The table is read by the `burn-pack` crate, which keeps its own limits: 100 MiB of table, 100,000 tensors, 10 GiB a
//! tensor, and no more bytes than there are.

use super::blob::Blob;
use super::found::{Allowance, Found, Texts};
use super::{Dtype, LazyTensor, Problem};
use burn_pack::{Bytes, DType, FORMAT_VERSION, HEADER_SIZE, Header, MAX_METADATA_SIZE, Reader, Scalar};

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"NRUB";

/// Opens a pack: its tensors in the order of their names, its metadata and scalars as texts.
pub(super) fn open(blob: &Blob) -> Result<Found, Problem> {
    let head = blob.head(HEADER_SIZE as u64)?;
    let header = Header::from_bytes(&head).map_err(|e| damaged(e.to_string()))?;
    if header.version > FORMAT_VERSION {
        let reason =
            format!("it is of version {} of the format; versions up to {FORMAT_VERSION} are read", header.version);
        return Err(Problem::Unsupported { format: "burnpack", reason });
    }
    let table = HEADER_SIZE as u64 + u64::from(header.metadata_size);
    if header.metadata_size > MAX_METADATA_SIZE || table > blob.len() {
        return Err(damaged(format!(
            "its table should have {} bytes, but the file has {}, and at most {MAX_METADATA_SIZE} are read",
            header.metadata_size,
            blob.len()
        )));
    }
    let image = image(blob, table)?;
    // Where the tensors are is known to the crate alone. It hands out views of what it was given, so their distance
    // from the beginning tells.
    let begin = image.as_ptr().addr();
    let reader = Reader::from_bytes(image).map_err(|e| damaged(e.to_string()))?;
    let texts = texts(&reader);
    let mut allowance = Allowance::of(blob);
    let mut tensors = Vec::new();
    for tensor in reader.into_tensors().map_err(|e| damaged(e.to_string()))? {
        let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(|e| damaged(e.to_string()))?;
        let (dtype, shape, length) = (dtype_of(dtype), shape.to_vec(), bytes.len() as u64);
        let offset = if length == 0 { Some(0) } else { bytes.as_ptr().addr().checked_sub(begin).map(|o| o as u64) };
        let offset = offset
            .filter(|offset| offset.checked_add(length).is_some_and(|end| end <= blob.len()))
            .ok_or_else(|| damaged(format!("the tensor {name} is not within the file")))?;
        if !allowance.take(length) {
            return Err(damaged("many tensors share the same bytes".into()));
        }
        tensors.push((name, LazyTensor::span(blob, offset, dtype, shape)));
    }
    Ok(Found { texts, tensors })
}

/// A pack with the blob's header and table, and zeros for values: what is never looked at need not be read. The system
/// gives zeros without memory behind them, as far as they are left alone.
fn image(blob: &Blob, table: u64) -> Result<Bytes, Problem> {
    let too_large = || Problem::Unsupported {
        format: "burnpack",
        reason: format!("it has {} bytes, for which there is no memory", blob.len()),
    };
    let length = usize::try_from(blob.len()).map_err(|_| too_large())?;
    // A large allocation that fails ends the program, unless it was asked for in this way.
    Vec::<u8>::new().try_reserve_exact(length).map_err(|_| too_large())?;
    let mut image = vec![0; length];
    let table = usize::try_from(table).map_err(|_| too_large())?;
    blob.read_into(0, &mut image[..table])?;
    Ok(Bytes::from_bytes_vec(image))
}

fn texts(reader: &Reader) -> Texts {
    let mut texts: Texts = reader.metadata().clone();
    for (name, scalar) in reader.scalars() {
        let text = match scalar {
            Scalar::Int(n) => n.to_string(),
            Scalar::UInt(n) => n.to_string(),
            Scalar::Float(x) => x.to_string(),
            Scalar::Bool(b) => b.to_string(),
        };
        texts.entry(name.clone()).or_insert(text);
    }
    texts
}

fn dtype_of(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 | DType::Flex32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::Bf16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        // Truth values are stored in one byte or in four.
        DType::Bool(_) if dtype.size() == 1 => Dtype::Bool,
        DType::Bool(_) => Dtype::U32,
        DType::QFloat(_) => Dtype::Other("QFloat".into()),
    }
}

fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "burnpack", reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_pack::{Tensor, Writer};

    fn tensor(name: &str, dtype: DType, shape: Vec<usize>, bytes: Vec<u8>) -> Tensor {
        Tensor::new(name.into(), dtype, shape, Some(7), Bytes::from_bytes_vec(bytes))
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn pack(tensors: Vec<Tensor>) -> Vec<u8> {
        Writer::new(tensors)
            .with_metadata("run", "a")
            .with_scalar("epoch", Scalar::from(3u32))
            .into_bytes()
            .unwrap()
            .to_vec()
    }

    fn small() -> Vec<u8> {
        pack(vec![
            tensor("w", DType::F32, vec![2, 2], floats(&[1., 2., 3., 4.])),
            tensor("b", DType::F64, vec![1], 0.5f64.to_le_bytes().to_vec()),
            tensor("none", DType::F32, vec![0, 2], vec![]),
        ])
    }

    fn message(bytes: &[u8]) -> String {
        open(&Blob::of(bytes.to_vec())).unwrap_err().to_string()
    }

    #[test]
    fn tensors_and_texts_come_out() {
        let found = open(&Blob::of(small())).unwrap();
        assert_eq!((found.texts["run"].as_str(), found.texts["epoch"].as_str()), ("a", "3"));
        let read: Vec<_> = found.tensors.iter().map(|(name, t)| (name.as_str(), t.load().unwrap())).collect();
        assert_eq!(read.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["b", "none", "w"]);
        assert_eq!((read[0].1.dtype.as_str(), &read[0].1.values[..]), ("F64", &[0.5][..]));
        assert_eq!((&read[1].1.shape[..], read[1].1.values.len()), (&[0, 2][..], 0));
        assert_eq!((&read[2].1.shape[..], &read[2].1.values[..]), (&[2, 2][..], &[1., 2., 3., 4.][..]));
    }

    #[test]
    fn every_type_is_read() {
        for (dtype, expected) in [
            (DType::F64, Dtype::F64),
            (DType::F32, Dtype::F32),
            (DType::F16, Dtype::F16),
            (DType::BF16, Dtype::Bf16),
            (DType::I64, Dtype::I64),
            (DType::I32, Dtype::I32),
            (DType::I16, Dtype::I16),
            (DType::I8, Dtype::I8),
            (DType::U64, Dtype::U64),
            (DType::U32, Dtype::U32),
            (DType::U16, Dtype::U16),
            (DType::U8, Dtype::U8),
        ] {
            let size = dtype.size();
            assert_eq!(expected.size(), Some(size));
            let found = open(&Blob::of(pack(vec![tensor("x", dtype, vec![3], vec![0; 3 * size])]))).unwrap();
            let (_, t) = &found.tensors[0];
            assert_eq!((&t.dtype, t.load().unwrap().values), (&expected, vec![0.0; 3]));
        }
    }

    #[test]
    fn damage_is_told() {
        let whole = small();
        assert!(message(&whole[..9]).contains("a damaged or truncated burnpack file: Invalid header"));
        let cut = message(&whole[..whole.len() - 1]);
        assert!(cut.contains("File truncated"), "{cut}");
        let mut long = whole.clone();
        long[6..10].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(message(&long).contains("its table should have 4294967295 bytes"), "{}", message(&long));
        let mut newer = whole.clone();
        newer[4] = 9;
        assert!(message(&newer).contains("it is of version 9 of the format; versions up to 1 are read"));
    }

    /// Whatever byte is changed or cut: an error or a checkpoint, and never a panic.
    #[test]
    fn a_changed_byte_does_no_harm() {
        let whole = pack(vec![tensor("w", DType::F32, vec![2, 2], floats(&[1., 2., 3., 4.]))]);
        for at in 0..whole.len() {
            assert!(open(&Blob::of(whole[..at].to_vec())).is_err(), "cut at {at}");
            for flip in [0xff, 0x01, 0x80, 0x20] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let Ok(found) = open(&Blob::of(bytes)) else { continue };
                for (_, tensor) in found.tensors {
                    let _ = tensor.load();
                }
            }
        }
    }
}
