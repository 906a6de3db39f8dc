//! The nonlinear information bottleneck ("Nonlinear information bottleneck", Kolchinsky, Tracey & Wolpert 2019).
//!
//! The code is the encoder's value with Gaussian noise of standard deviation 1; I(X;T) is bounded from above by the
//! pairwise divergences of the minibatch's Gaussians, `−(1/N) Σ_i log (1/N) Σ_j exp(−‖μ_i − μ_j‖²/2)` in nats. The loss
//! is `(y − ŷ)² + β I`. (The authors also fit the noise; with a linear last layer the size of the code does that.)

use super::{CodeNoise, Objective, Pass, squared_error};
use crate::regression::kernel::gram;
use burn::tensor::Tensor;

pub(super) const OBJECTIVE: Objective = Objective {
    name: "nib",
    summary: "squared error + β·pairwise bound on I(X;T) of a noisy code (Kolchinsky et al. 2019)",
    noise: CodeNoise::Unit,
    betas: &[0.001, 0.01, 0.1, 1.0],
    loss: |pass, beta, _| {
        let error = squared_error(pass);
        Ok(if beta == 0.0 { error } else { error + information(pass) * beta as f32 })
    },
};

/// The upper bound on I(X;T) in nats.
pub(super) fn information(pass: &Pass) -> Tensor<1> {
    // The divergence of two Gaussians of variance 1 is half the squared distance of their means.
    gram(&pass.mean, 1.0).mean_dim(1).log().mean().neg()
}
