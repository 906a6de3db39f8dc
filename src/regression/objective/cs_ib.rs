//! The Cauchy–Schwarz information bottleneck ("Cauchy-Schwarz divergence information bottleneck for regression", Yu et al.
//! 2024).
//!
//! The loss is `D_CS(p(y|x); q(ŷ|x)) + β I_CS(x;t)/√(I_CS(x;x) I_CS(t;t))`, all from Gram matrices of the minibatch: no
//! distribution is assumed for the target or the code, and no bound is taken. The divergence is in bits, as in the
//! published program, so that β means what it does there.

use super::{CodeNoise, KernelSettings, Objective, Pass};
use crate::regression::config::Denominator;
use crate::regression::kernel::{gram, log_kernel, log_sum, log_sum_rows, squared_distances, width};
use anyhow::Result;
use burn::tensor::Tensor;
use std::f32::consts::LN_2;

pub(super) const OBJECTIVE: Objective = Objective {
    name: "cs-ib",
    summary: "D_CS(p(y|x); q(ŷ|x)) + β·normalised I_CS(x;t) (Yu et al. 2024)",
    noise: CodeNoise::None,
    betas: &[0.001, 0.01, 0.1, 1.0],
    loss: |pass, beta, settings| {
        let divergence = conditional_divergence(pass, settings)? / LN_2;
        Ok(if beta == 0.0 { divergence } else { divergence + information(pass, settings)? * beta as f32 })
    },
};

/// D_CS(p(y|x); q(ŷ|x)) in nats.
pub(super) fn conditional_divergence(pass: &Pass, settings: &KernelSettings) -> Result<Tensor<1>> {
    let (sigma_x, sigma_y) = (width(settings.width, &pass.inputs)?, width(settings.width, &pass.target)?);
    let of_inputs = log_kernel(squared_distances(&pass.inputs, &pass.inputs), sigma_x);
    let weights = match settings.denominator {
        Denominator::Paper => log_sum_rows(of_inputs.clone()) * 2.0,
        Denominator::Code => log_sum_rows(of_inputs.clone() * 2.0),
    };
    let base = of_inputs - weights;
    let sum = |a: &Tensor<2>, b: &Tensor<2>| log_sum(base.clone() + log_kernel(squared_distances(a, b), sigma_y));
    let (y, predicted) = (&pass.target, &pass.predicted);
    Ok(sum(y, y) + sum(predicted, predicted) - sum(predicted, y) * 2.0)
}

/// Normalised I_CS(x;t): 1 where the code is the input.
pub(super) fn information(pass: &Pass, settings: &KernelSettings) -> Result<Tensor<1>> {
    // Below it an information of itself is the rounding of its logarithms: a code without spread knows nothing.
    const LEAST: f32 = 1e-9;
    let k = gram(&pass.inputs, width(settings.width, &pass.inputs)?);
    let l = gram(&pass.code, width(settings.width, &pass.code)?);
    let (rows_k, rows_l) = (k.clone().sum_dim(1), l.clone().sum_dim(1));
    let of = |a: &Tensor<2>, b: &Tensor<2>, rows_a: &Tensor<2>, rows_b: &Tensor<2>| {
        // The powers of N cancel.
        (a.clone() * b.clone()).sum().log() + rows_a.clone().sum().log() + rows_b.clone().sum().log()
            - (rows_a.clone() * rows_b.clone()).sum().log() * 2.0
    };
    let own = of(&k, &k, &rows_k, &rows_k) * of(&l, &l, &rows_l, &rows_l);
    Ok(of(&k, &l, &rows_k, &rows_l) / own.clamp_min(LEAST).sqrt())
}
