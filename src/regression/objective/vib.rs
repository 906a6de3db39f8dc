//! The variational information bottleneck ("Deep variational information bottleneck", Alemi et al. 2017).
//!
//! The encoder says a mean and a standard deviation for every unit of the code; the code is a draw. The loss is
//! `(y − ŷ)² + β KL(N(μ, σ²) ‖ N(0, 1))`, in nats, averaged over the minibatch: the squared error is the negative log
//! likelihood of a Gaussian of variance ½, up to a constant; the divergence bounds I(X;T) from above.

use super::{CodeNoise, Objective, Pass, squared_error};
use anyhow::Context;
use burn::tensor::Tensor;

pub(super) const OBJECTIVE: Objective = Objective {
    name: "vib",
    summary: "squared error + β·KL(q(t|x) ‖ N(0, I)) of a Gaussian encoder (Alemi et al. 2017)",
    noise: CodeNoise::Learned,
    betas: &[0.001, 0.01, 0.1, 1.0],
    loss: |pass, beta, _| {
        let error = squared_error(pass);
        if beta == 0.0 {
            return Ok(error);
        }
        let divergence = divergence(pass).context("the encoder says no standard deviations")?;
        Ok(error + divergence * beta as f32)
    },
};

/// Mean over the samples of KL(N(μ, σ²) ‖ N(0, 1)) in nats.
pub(super) fn divergence(pass: &Pass) -> Option<Tensor<1>> {
    let samples = pass.mean.dims()[0] as f32;
    let variance = pass.std.as_ref()?.clone().square();
    Some((pass.mean.clone().square() + variance.clone() - variance.log() - 1.0).sum() * (0.5 / samples))
}
