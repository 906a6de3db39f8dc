//! A model's parameters as tensors, for one pass.

use super::weights::{numbers, place};
use super::{Config, Model, Site};
use crate::DictionaryError;
use crate::codebook::CodebookTensors;
use crate::tensors::{parameter, to_host};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// The parameters on a device, as leaves where it records gradients.
pub(super) struct Tensors<'m> {
    pub(super) config: &'m Config,
    pub(super) device: Device,
    matrices: BTreeMap<&'m str, Tensor<2>>,
    vectors: BTreeMap<&'m str, Tensor<1>>,
}

impl<'m> Tensors<'m> {
    pub(super) fn new(model: &'m Model, device: &Device) -> Result<Self, DictionaryError> {
        let (mut matrices, mut vectors) = (BTreeMap::new(), BTreeMap::new());
        for (name, array) in model.parameters() {
            let values = numbers(array)?.to_vec();
            match *array.shape() {
                [rows, columns] => {
                    let tensor = Tensor::from_data(TensorData::new(values, [rows, columns]), device);
                    matrices.insert(name.as_str(), parameter(tensor));
                }
                _ => {
                    let size = [values.len()];
                    vectors.insert(name.as_str(), parameter(Tensor::from_data(TensorData::new(values, size), device)));
                }
            }
        }
        Ok(Self { config: model.config(), device: device.clone(), matrices, vectors })
    }

    pub(super) fn matrix(&self, name: &str) -> Result<Tensor<2>, DictionaryError> {
        self.matrices.get(name).cloned().ok_or_else(|| missing(name))
    }

    fn vector(&self, name: &str) -> Result<Tensor<1>, DictionaryError> {
        self.vectors.get(name).cloned().ok_or_else(|| missing(name))
    }

    /// `x W + b`.
    pub(super) fn linear(&self, name: &str, x: Tensor<2>) -> Result<Tensor<2>, DictionaryError> {
        let product = x.matmul(self.matrix(&format!("{name}.weight"))?);
        Ok(product + self.vector(&format!("{name}.bias"))?.unsqueeze())
    }

    /// Layer norm, ε = 10⁻⁵.
    pub(super) fn norm(&self, name: &str, x: Tensor<2>) -> Result<Tensor<2>, DictionaryError> {
        let x = x.clone() - x.mean_dim(1);
        let scale = (x.clone().square().mean_dim(1) + 1e-5).sqrt();
        let gain = self.vector(&format!("{name}.gain"))?.unsqueeze();
        Ok(x / scale * gain + self.vector(&format!("{name}.shift"))?.unsqueeze())
    }

    /// The codebook at a place, if there is one.
    pub(super) fn codebook(&self, site: Site) -> Result<Option<CodebookTensors>, DictionaryError> {
        let Some(settings) = self.config.settings(site.kind) else { return Ok(None) };
        let place = place(site);
        Ok(Some(CodebookTensors {
            settings,
            gain: self.vector(&format!("{place}.gain"))?,
            shift: self.vector(&format!("{place}.shift"))?,
            codes: self.matrix(&format!("{place}.codes"))?,
        }))
    }

    /// The gradients of all parameters, on the host; zero for one that the loss does not depend on.
    pub(super) fn gradients(&self, mut found: Gradients) -> Result<BTreeMap<String, Vec<f32>>, DictionaryError> {
        let mut all = BTreeMap::new();
        for (name, tensor) in &self.matrices {
            let gradient = tensor.grad_remove(&mut found);
            all.insert(
                (*name).to_owned(),
                gradient.map_or_else(|| Ok(vec![0.0; tensor.shape().num_elements()]), |g| to_host(&g))?,
            );
        }
        for (name, tensor) in &self.vectors {
            let gradient = tensor.grad_remove(&mut found);
            all.insert(
                (*name).to_owned(),
                gradient.map_or_else(|| Ok(vec![0.0; tensor.shape().num_elements()]), |g| to_host(&g))?,
            );
        }
        Ok(all)
    }
}

fn missing(name: &str) -> DictionaryError {
    DictionaryError::Data(format!("the parameter '{name}' is missing"))
}
