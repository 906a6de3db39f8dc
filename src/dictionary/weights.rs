//! Tensors of a file by name, with the shapes that they must have.

use crate::checkpoint::{self, ReadOptions, StateDict, Tensor};
use anyhow::{Context, Result, ensure};
use ndarray::{Array1, Array2};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The tensors of a file.
pub(super) struct Weights {
    pub(super) file: PathBuf,
    /// What the file says as text.
    pub(super) texts: BTreeMap<String, String>,
    tensors: StateDict,
}

impl Weights {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let found = checkpoint::read(file, &ReadOptions::default())?;
        Ok(Self { file: file.to_path_buf(), texts: found.metadata, tensors: found.tensors })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.get(name).is_some()
    }

    /// Names, for messages.
    pub(super) fn names(&self) -> Vec<&str> {
        self.tensors.iter().map(|(name, _)| name).collect()
    }

    /// Leaves only the tensors of a group, where there are such, and drops its name from theirs.
    pub(super) fn within(&mut self, group: &str) {
        let prefix = format!("{group}.");
        let mut inner = StateDict::default();
        for (name, tensor) in self.tensors.iter() {
            if let Some(rest) = name.strip_prefix(&prefix) {
                inner.insert(rest, tensor.clone());
            }
        }
        if !inner.is_empty() {
            self.tensors = inner;
        }
    }

    fn take(&mut self, name: &str) -> Result<Tensor> {
        self.tensors.remove(name).with_context(|| {
            let names = self.names().join(", ");
            format!("{} has no tensor {name} (any more); it has: {names}", self.file.display())
        })
    }

    /// A matrix; leading axes of length 1 are left out.
    pub(super) fn matrix(&mut self, name: &str) -> Result<Array2<f32>> {
        let Tensor { shape, values, .. } = self.take(name)?;
        let ones = shape.len().saturating_sub(2);
        ensure!(
            shape.len() >= 2 && shape[..ones].iter().all(|&n| n == 1),
            "{}: the tensor {name} has the shape {shape:?}, but a matrix is expected",
            self.file.display()
        );
        Ok(Array2::from_shape_vec((shape[ones], shape[ones + 1]), values)?)
    }

    /// A matrix with its axes exchanged.
    pub(super) fn transposed(&mut self, name: &str) -> Result<Array2<f32>> {
        Ok(self.matrix(name)?.reversed_axes().as_standard_layout().into_owned())
    }

    /// A vector of a length; leading axes of length 1 are left out.
    pub(super) fn vector(&mut self, name: &str, length: usize) -> Result<Array1<f32>> {
        let Tensor { shape, values, .. } = self.take(name)?;
        let ones = shape.len().saturating_sub(1);
        ensure!(
            !shape.is_empty() && shape[..ones].iter().all(|&n| n == 1) && shape[ones] == length,
            "{}: the tensor {name} has the shape {shape:?}, but [{length}] is expected",
            self.file.display()
        );
        Ok(Array1::from_vec(values))
    }

    /// A single number, where there is one of that name.
    pub(super) fn scalar(&mut self, name: &str) -> Result<Option<f32>> {
        if !self.has(name) {
            return Ok(None);
        }
        let Tensor { shape, values, .. } = self.take(name)?;
        ensure!(
            values.len() == 1,
            "{}: the tensor {name} has the shape {shape:?}, but one number is expected",
            self.file.display()
        );
        Ok(values.first().copied())
    }

    /// A list of any length.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<f32>> {
        Ok(self.take(name)?.values)
    }
}
