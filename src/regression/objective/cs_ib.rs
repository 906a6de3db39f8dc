//! The Cauchy–Schwarz information bottleneck ("Cauchy-Schwarz divergence information bottleneck for regression", Yu et al.
//! 2024).
//!
//! The loss is `D_CS(p(y|x); q(ŷ|x)) + β I_CS(x;t)/√(I_CS(x;x) I_CS(t;t))`, all from Gram matrices of the minibatch: no
//! distribution is assumed for the target or the code, and no bound is taken. The divergence is in bits, as in the
//! published program, so that β means what it does there.

use super::{CodeNoise, KernelSettings, Objective, Pass};
use crate::regression::config::Denominator;
use crate::regression::kernel::{gram_complement, log_kernel, log_sum, log_sum_rows, squared_distances, width};
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
    // A code without any spread knows nothing.
    const LEAST: f32 = 1e-12;
    let x = Side::new(&pass.inputs, width(settings.width, &pass.inputs)?);
    let t = Side::new(&pass.code, width(settings.width, &pass.code)?);
    let own = x.information(&x) * t.information(&t);
    Ok(x.information(&t) / own.clamp_min(LEAST).sqrt())
}

/// A variable's Gram matrix K, what it lacks to ones, M = 1 − K, and the means of the rows of both.
struct Side {
    k: Tensor<2>,
    m: Tensor<2>,
    k_rows: Tensor<2>,
    m_rows: Tensor<2>,
}

impl Side {
    fn new(values: &Tensor<2>, sigma: f64) -> Self {
        let m = gram_complement(values, sigma);
        let k = m.clone().neg() + 1.0;
        Self { k_rows: k.clone().mean_dim(1), m_rows: m.clone().mean_dim(1), k, m }
    }

    /// I_CS with another variable. With the other's Gram matrix written as 1 − M, the logarithms of sums near N² become
    /// those of numbers near zero: `log(1−a) + log(1−c) − 2 log(1−e)`, a = mean(K∘M)/mean(K), c = mean(M) and
    /// e = mean(k_i m_i)/mean(K) with the rows' means.
    fn information(&self, other: &Self) -> Tensor<1> {
        let mean_k = self.k_rows.clone().mean();
        let a = (self.k.clone() * other.m.clone()).mean() / mean_k.clone();
        let c = other.m_rows.clone().mean();
        let e = (self.k_rows.clone() * other.m_rows.clone()).mean() / mean_k;
        a.neg().log1p() + c.neg().log1p() - e.neg().log1p() * 2.0
    }
}
