//! Tensors of safetensors files as variables: the layers that `narrows capture` writes, embeddings of other tools.

use crate::checkpoint::{Blob, Contents, ReadOptions};
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::LoadError;
use narrows_datasets::load::npy::{Decoder, NpyArray, NpyHeader};
use ndarray::{ArrayD, IxDyn};
use std::path::Path;

/// Whether a file that begins with these bytes is a safetensors file: the length of its header, and JSON.
pub(super) fn is_safetensors(head: &[u8]) -> bool {
    let length = head.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
    (2..1 << 32).contains(&length) && head.get(8) == Some(&b'{')
}

/// A tensor's place in its file, and what stands there as numpy would say it; `begin` is 0, at that place.
pub(super) struct Placed {
    pub(super) blob: Blob,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) header: NpyHeader,
}

/// The tensor of this name, or the only one.
///
/// # Errors
/// When the file is damaged, has no such tensor, or several and none was named, or its type is not read.
pub(super) fn tensor(path: &Path, which: Option<&str>) -> Result<Placed> {
    let contents = Contents::open(path, &ReadOptions::default())?;
    let known = || contents.tensors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let (name, tensor) = match (which, contents.tensors.as_slice()) {
        (None, [(name, tensor)]) => (name.as_str(), tensor),
        (None, _) => bail!("the file holds {}: say which, as {}:NAME", known(), path.display()),
        (Some(name), _) => {
            let found = contents.get(name);
            (name, found.with_context(|| format!("the file has no tensor {name}; it has: {}", known()))?)
        }
    };
    let dtype = tensor.dtype.numpy_name().ok_or_else(|| LoadError::Dtype { dtype: tensor.dtype.name().into() });
    let dtype = dtype.with_context(|| format!("tensor {name}"))?;
    let (blob, offset) = tensor.place().with_context(|| format!("tensor {name} does not stand in one place"))?;
    let length = tensor.byte_len().with_context(|| format!("tensor {name} is too large"))? as u64;
    let header = NpyHeader { dtype: dtype.into(), fortran_order: false, shape: tensor.shape.clone(), begin: 0 };
    Ok(Placed { blob: blob.clone(), offset, length, header })
}

impl Placed {
    /// All values.
    ///
    /// # Errors
    /// When the file has changed.
    pub(super) fn read(self) -> Result<NpyArray> {
        let decoder = Decoder::for_dtype(&self.header.dtype);
        let decoder = decoder.ok_or_else(|| LoadError::Dtype { dtype: self.header.dtype.clone() })?;
        let mut values = Vec::with_capacity(self.length as usize / decoder.size());
        decoder.extend(&mut values, &self.blob.read(self.offset, self.length)?);
        ensure!(self.blob.is_unchanged(), "the file changed while it was read; read it again when it has been written");
        let values = ArrayD::from_shape_vec(IxDyn(&self.header.shape), values)?;
        Ok(NpyArray { dtype: self.header.dtype, values })
    }
}
