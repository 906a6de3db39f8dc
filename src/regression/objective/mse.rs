//! No bottleneck: the mean squared error.

use super::{CodeNoise, Objective, squared_error};

pub(super) const OBJECTIVE: Objective = Objective {
    name: "mse",
    summary: "mean squared error; no bottleneck",
    noise: CodeNoise::None,
    betas: &[0.0],
    loss: |pass, _, _| Ok(squared_error(pass)),
};
