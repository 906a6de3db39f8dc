//! The auxiliary loss by which dead features learn what the others leave over (Gao et al. 2024, A.2).
//!
//! `α ‖r − z_dead W_dec‖² / ‖r − r̄‖²` with the residual `r = x − x̂` as a constant, r̄ its mean over the batch (as
//! dictionary_learning has it), and z_dead the `inputs / 2` largest activations of dead features of each sample.

use super::residual::Residual;
use crate::kernel::{Entries, Matrix, largest};
use crate::variants::Scene;

/// Codes of dead features, what they lose, and how that is divided among the outputs.
pub(super) struct Auxiliary {
    pub(super) entries: Entries,
    /// Derivative by what is decoded [samples × inputs].
    pub(super) slopes: Matrix,
    /// With its weight.
    pub(super) loss: f64,
}

impl Auxiliary {
    /// `None` when no feature is dead or nothing is left over. `error` is x̂ − x.
    pub(super) fn of(scene: &Scene<'_>, error: &Matrix, dead: &[u32], weight: f32) -> Option<Self> {
        let spread = spread(error);
        if dead.is_empty() || spread <= 0.0 {
            return None;
        }
        let most = (error.n_columns() / 2).max(1);
        let mut entries = Entries::of_rows(error.n_rows(), |sample, row| {
            row.extend(dead.iter().map(|&j| (j, scene.pre(sample, j as usize))).filter(|e| e.1 > 0.0));
            largest(row, most);
        });
        let mut target = error.clone();
        target.data_mut().iter_mut().for_each(|e| *e = -*e);
        let whole = [scene.weights.decoder.n_rows()];
        let mut residual = Residual::of(&entries, &scene.weights.decoder, None, &target, &whole);
        let factor = f64::from(weight) / (spread / error.n_rows() as f64);
        let mut slopes = residual.slopes.pop()?;
        slopes.data_mut().iter_mut().for_each(|s| *s *= factor as f32);
        residual.slopes.push(slopes);
        residual.by_values(&mut entries, &scene.weights.decoder, &whole);
        Some(Self { entries, loss: residual.loss * factor, slopes: residual.slopes.pop()? })
    }
}

/// Σ ‖r − r̄‖² over the rows.
fn spread(rows: &Matrix) -> f64 {
    let mut sums = vec![0f64; rows.n_columns()];
    let mut squares = 0.0;
    for row in rows.rows() {
        for (sum, &r) in sums.iter_mut().zip(row) {
            *sum += f64::from(r);
            squares += f64::from(r) * f64::from(r);
        }
    }
    squares - sums.iter().map(|s| s * s).sum::<f64>() / rows.n_rows().max(1) as f64
}
