//! The gated recurrent unit (Cho et al. 2014) that updates slots, with its backward pass.
//!
//! As PyTorch has it, but for one of two biases that only add up: with x the update and h the slot,
//! r = σ(W_r x + U_r h + b_r), z = σ(W_z x + U_z h + b_z), n = tanh(W_n x + b_n + r ∘ (U_n h + b_u)), h ← (1 − z) ∘ n + z ∘ h.

use super::blocks::{rows, rows_mut};
use crate::train::sigmoid;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Axis};

/// Weights of width D.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gru {
    /// W_r, W_z, W_n [D × 3D].
    pub(super) input: Array2<f32>,
    /// U_r, U_z, U_n [D × 3D].
    pub(super) state: Array2<f32>,
    /// b_r, b_z, b_n [1 × 3D].
    pub(super) bias: Array2<f32>,
    /// b_u [1 × D].
    pub(super) state_bias: Array2<f32>,
}

/// What the backward pass needs: of each row r, z, n and U_n h + b_u, one after another [rows × 4D].
pub(super) struct Gates(Array2<f32>);

impl Gru {
    /// The new slots of updates and slots [rows × D].
    pub(super) fn forward(&self, updates: &Array2<f32>, slots: &Array2<f32>) -> (Array2<f32>, Gates) {
        let d = slots.ncols();
        let of_input = updates.dot(&self.input) + &self.bias;
        let of_state = slots.dot(&self.state);
        let bias = self.state_bias.as_slice().unwrap_or_default();
        let mut gates = Array2::zeros((slots.nrows(), 4 * d));
        let mut out = Array2::zeros(slots.dim());
        let inputs = rows(&of_input).zip(rows(&of_state)).zip(rows(slots));
        for ((out, gates), ((x, u), h)) in rows_mut(&mut out).zip(rows_mut(&mut gates)).zip(inputs) {
            for j in 0..d {
                let (r, z) = (sigmoid(x[j] + u[j]), sigmoid(x[d + j] + u[d + j]));
                let held = u[2 * d + j] + bias[j];
                let n = (x[2 * d + j] + r * held).tanh();
                (gates[j], gates[d + j], gates[2 * d + j], gates[3 * d + j]) = (r, z, n, held);
                out[j] = (1.0 - z) * n + z * h[j];
            }
        }
        (out, Gates(gates))
    }

    /// From derivatives by the new slots to those by the updates and by the slots; adds those by the weights.
    pub(super) fn backward(
        &self,
        (updates, slots): (&Array2<f32>, &Array2<f32>),
        gates: &Gates,
        slope: &Array2<f32>,
        into: &mut Gru,
    ) -> (Array2<f32>, Array2<f32>) {
        let (count, d) = slots.dim();
        let mut by_input = Array2::zeros((count, 3 * d));
        let mut by_state = Array2::zeros((count, 3 * d));
        let mut by_slots = Array2::zeros((count, d));
        let from = rows(slope).zip(rows(&gates.0)).zip(rows(slots));
        let to = rows_mut(&mut by_input).zip(rows_mut(&mut by_state)).zip(rows_mut(&mut by_slots));
        for (((x, u), h), ((s, gates), held)) in to.zip(from) {
            for j in 0..d {
                let (r, z, n, own) = (gates[j], gates[d + j], gates[2 * d + j], gates[3 * d + j]);
                let by_n = s[j] * (1.0 - z) * (1.0 - n * n);
                let by_r = by_n * own * r * (1.0 - r);
                let by_z = s[j] * (held[j] - n) * z * (1.0 - z);
                (x[j], x[d + j], x[2 * d + j]) = (by_r, by_z, by_n);
                (u[j], u[d + j], u[2 * d + j]) = (by_r, by_z, by_n * r);
                h[j] = s[j] * z;
            }
        }
        general_mat_mul(1.0, &updates.t(), &by_input, 1.0, &mut into.input);
        general_mat_mul(1.0, &slots.t(), &by_state, 1.0, &mut into.state);
        into.bias += &by_input.sum_axis(Axis(0));
        let total = by_state.sum_axis(Axis(0));
        into.state_bias.iter_mut().zip(total.iter().skip(2 * d)).for_each(|(to, v)| *to += v);
        general_mat_mul(1.0, &by_state, &self.state.t(), 1.0, &mut by_slots);
        (by_input.dot(&self.input.t()), by_slots)
    }
}
