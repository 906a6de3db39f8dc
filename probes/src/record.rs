//! A fitted bottleneck as named numbers: whoever calls decides in which file they are kept.

use crate::{Names, ProbeError};
use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, Ix1, Ix2};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that brings a bottleneck back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the builder.
    pub builder: String,
    /// Names of concepts and classes.
    pub names: Names,
    /// Features of the embeddings.
    pub n_features: usize,
    /// Whatever else is not a tensor: scales, choices.
    pub settings: serde_json::Value,
    /// Tensors by name.
    #[serde(skip)]
    pub tensors: BTreeMap<String, ArrayD<f64>>,
}

impl Record {
    /// A record without tensors.
    pub fn new(builder: &str, names: &Names, n_features: usize, settings: serde_json::Value) -> Self {
        Self { builder: builder.into(), names: names.clone(), n_features, settings, tensors: BTreeMap::new() }
    }

    /// Adds a matrix.
    #[must_use]
    pub fn with_matrix(mut self, name: &str, values: ArrayView2<'_, f64>) -> Self {
        self.tensors.insert(name.into(), values.to_owned().into_dyn());
        self
    }

    /// Adds a vector.
    #[must_use]
    pub fn with_vector(mut self, name: &str, values: ArrayView1<'_, f64>) -> Self {
        self.tensors.insert(name.into(), values.to_owned().into_dyn());
        self
    }

    /// A matrix of this shape.
    ///
    /// # Errors
    /// When it is not there, has another shape, or holds values that are not finite.
    pub fn matrix(&self, name: &str, shape: (usize, usize)) -> Result<Array2<f64>, ProbeError> {
        let tensor = self.tensor(name, &[shape.0, shape.1])?;
        tensor.clone().into_dimensionality::<Ix2>().map_err(|e| ProbeError::Record(format!("{name}: {e}")))
    }

    /// A vector of this length.
    ///
    /// # Errors
    /// As [`Record::matrix`].
    pub fn vector(&self, name: &str, length: usize) -> Result<Array1<f64>, ProbeError> {
        let tensor = self.tensor(name, &[length])?;
        tensor.clone().into_dimensionality::<Ix1>().map_err(|e| ProbeError::Record(format!("{name}: {e}")))
    }

    /// A setting, read as what it must be.
    ///
    /// # Errors
    /// When it is not there or something else.
    pub fn setting<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, ProbeError> {
        let value = self.settings.get(name).ok_or_else(|| ProbeError::Record(format!("it has no setting '{name}'")))?;
        T::deserialize(value).map_err(|e| ProbeError::Record(format!("setting '{name}': {e}")))
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&ArrayD<f64>, ProbeError> {
        let tensor = self.tensors.get(name).ok_or_else(|| ProbeError::Record(format!("it has no tensor '{name}'")))?;
        if tensor.shape() != shape {
            let found = tensor.shape();
            return Err(ProbeError::Record(format!("tensor '{name}' has shape {found:?}, not {shape:?}")));
        }
        if tensor.iter().any(|v| !v.is_finite()) {
            return Err(ProbeError::Record(format!("tensor '{name}' holds NaN or infinity")));
        }
        Ok(tensor)
    }
}
