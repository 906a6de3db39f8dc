//! A convolution with a matrix of kernels.

use super::Convolutions;
use burn::tensor::Tensor;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

/// Convolution of maps [samples × channels × height × width] with kernels [outputs × channels·kernel²], by burn.
pub(super) fn convolve(maps: Tensor<4>, kernels: Tensor<2>, bias: Tensor<1>, shape: &Convolutions) -> Tensor<4> {
    let [outputs, _] = kernels.dims();
    let kernels = kernels.reshape([outputs, maps.dims()[1], shape.kernel, shape.kernel]);
    conv2d(maps, kernels, Some(bias), ConvOptions::new([1, 1], [shape.padding; 2], [1, 1], 1))
}

/// The largest value of each window.
pub(super) fn pool(maps: Tensor<4>, side: usize) -> Tensor<4> {
    if side > 1 { max_pool2d(maps, MaxPoolOptions::new([side; 2])) } else { maps }
}

/// The same as [`convolve`] by unfolding: every patch a row, and one product of matrices.
#[cfg(test)]
pub(super) fn unfolded(maps: Tensor<4>, kernels: Tensor<2>, bias: Tensor<1>, shape: &Convolutions) -> Tensor<4> {
    use burn::tensor::{Int, TensorData};
    let (side, padding) = (shape.kernel, shape.padding);
    let maps = if padding > 0 { maps.pad((padding, padding, padding, padding), 0.0) } else { maps };
    let [samples, channels, height, width] = maps.dims();
    let [outputs, inputs] = kernels.dims();
    let (down, across) = (height + 1 - side, width + 1 - side);
    let mut places = Vec::with_capacity(down * across * inputs);
    for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
        for c in 0..channels {
            places.extend((0..side * side).map(|k| ((c * height + y + k / side) * width + x + k % side) as i64));
        }
    }
    let device = maps.device();
    let length = places.len();
    let places = Tensor::<1, Int>::from_data(TensorData::new(places, [length]), &device);
    let patches = maps.reshape([samples, channels * height * width]).select(1, places);
    let values = patches.reshape([samples * down * across, inputs]).matmul(kernels.transpose()) + bias.unsqueeze();
    values.reshape([samples, down * across, outputs]).swap_dims(1, 2).reshape([samples, outputs, down, across])
}
