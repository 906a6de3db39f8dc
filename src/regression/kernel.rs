//! Gaussian kernels of minibatches as tensors that gradients flow through.
//!
//! Sums of kernels of a variable with itself cannot vanish: their diagonal is one. Sums of kernels between two variables
//! can, and are kept as logarithms.

use crate::subject::train::to_host;
use anyhow::Result;
use burn::tensor::Tensor;
use narrows_estimators::KernelWidth;
use ndarray::Array2;

/// ‖a_i − b_j‖² of [n × d] and [m × d], as [n × m].
pub(super) fn squared_distances(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
    if a.dims()[1] == 1 {
        return (a.clone() - b.clone().transpose()).square();
    }
    // Centred first: with the norms large beside the distances, their difference would lose its digits.
    let centre = b.clone().mean_dim(0).detach();
    let (a, b) = (a.clone() - centre.clone(), b.clone() - centre);
    let norms = |t: &Tensor<2>| t.clone().square().sum_dim(1);
    let (of_a, of_b) = (norms(&a), norms(&b).transpose());
    (of_a + of_b - a.matmul(b.transpose()) * 2.0).clamp_min(0.0)
}

/// log exp(−d/2σ²) of squared distances.
pub(super) fn log_kernel(distances: Tensor<2>, sigma: f64) -> Tensor<2> {
    distances * (-0.5 / (sigma * sigma)) as f32
}

/// The Gram matrix of values with themselves.
pub(super) fn gram(values: &Tensor<2>, sigma: f64) -> Tensor<2> {
    log_kernel(squared_distances(values, values), sigma).exp()
}

/// The width that a rule gives for a minibatch; no gradient flows through it.
pub(super) fn width(rule: KernelWidth, values: &Tensor<2>) -> Result<f64> {
    if let KernelWidth::Sigma(sigma) = rule {
        return Ok(sigma);
    }
    let shape = values.dims();
    let host = to_host(values)?.into_iter().map(f64::from).collect();
    Ok(rule.of(Array2::from_shape_vec((shape[0], shape[1]), host)?.view()))
}

/// log Σ_j exp of each row, [n × 1].
pub(super) fn log_sum_rows(logs: Tensor<2>) -> Tensor<2> {
    let largest = logs.clone().max_dim(1).detach();
    (logs - largest.clone()).exp().sum_dim(1).log() + largest
}

/// log Σ exp of all, as one number.
pub(super) fn log_sum(logs: Tensor<2>) -> Tensor<1> {
    let largest = logs.clone().max().detach();
    (logs - largest.clone().reshape([1, 1])).exp().sum().log() + largest
}
