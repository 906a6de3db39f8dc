//! The HSIC bottleneck as a regulariser ("Revisiting Hilbert-Schmidt information bottleneck for adversarial robustness", Wang
//! et al. 2021; after "The HSIC bottleneck: deep learning without back-propagation", Ma et al. 2020).
//!
//! The loss is `(y − ŷ)² + β [HSIC(x,t) − HSIC(y,t)]`, with both criteria normalised to 0…1 (centred kernel alignment), so
//! that β can be compared between data sets, and with one weight for both terms.

use super::{CodeNoise, KernelSettings, Objective, Pass, squared_error};
use crate::regression::kernel::{gram, width};
use anyhow::Result;
use burn::tensor::Tensor;

pub(super) const OBJECTIVE: Objective = Objective {
    name: "hsic",
    summary: "squared error + β·[HSIC(x,t) − HSIC(y,t)], normalised (after Wang et al. 2021)",
    noise: CodeNoise::None,
    betas: &[0.001, 0.01, 0.1, 1.0],
    loss: |pass, beta, settings| {
        let error = squared_error(pass);
        if beta == 0.0 {
            return Ok(error);
        }
        let [of_input, of_target] = criteria(pass, settings)?;
        Ok(error + (of_input - of_target) * beta as f32)
    },
};

/// Normalised HSIC(x,t) and HSIC(y,t).
pub(super) fn criteria(pass: &Pass, settings: &KernelSettings) -> Result<[Tensor<1>; 2]> {
    const LEAST: f32 = 1e-12;
    let centred = |values: &Tensor<2>| -> Result<Tensor<2>> {
        let k = gram(values, width(settings.width, values)?);
        let rows = k.clone().mean_dim(1);
        let all = rows.clone().mean_dim(0);
        Ok(k - rows.clone() - rows.transpose() + all)
    };
    let (x, y, t) = (centred(&pass.inputs)?, centred(&pass.target)?, centred(&pass.code)?);
    let of = |a: &Tensor<2>, b: &Tensor<2>| (a.clone() * b.clone()).sum();
    let own = of(&t, &t);
    let with = |a: &Tensor<2>| of(a, &t) / (of(a, a) * own.clone()).clamp_min(LEAST).sqrt();
    Ok([with(&x), with(&y)])
}
