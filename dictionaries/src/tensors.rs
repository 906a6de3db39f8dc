//! Between arrays and burn's tensors.

use crate::DictionaryError;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, ArrayView1, ArrayView2};

/// A matrix on a device.
pub(crate) fn from_matrix(values: ArrayView2<f32>, device: &Device) -> Tensor<2> {
    let shape = [values.nrows(), values.ncols()];
    Tensor::from_data(TensorData::new(values.iter().copied().collect(), shape), device)
}

/// A vector on a device.
pub(crate) fn from_vector(values: ArrayView1<f32>, device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// The values of a tensor, on the host.
pub(crate) fn to_host<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>, DictionaryError> {
    let read = tensor.to_data().try_to_vec::<f32>();
    read.map_err(|e| DictionaryError::Data(format!("a tensor cannot be read back from the device: {e:?}")))
}

/// A matrix, on the host.
pub(crate) fn to_matrix(tensor: &Tensor<2>) -> Result<Array2<f32>, DictionaryError> {
    let [rows, columns] = tensor.dims();
    let values = to_host(tensor)?;
    Array2::from_shape_vec((rows, columns), values)
        .map_err(|e| DictionaryError::Data(format!("a tensor read back from the device has another size: {e}")))
}

/// A leaf whose gradient is wanted, where the device records gradients.
pub(crate) fn parameter<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if tensor.is_autodiff() { tensor.require_grad() } else { tensor }
}
