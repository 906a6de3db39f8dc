//! Slot attention (Locatello et al. 2020, algorithm 1, without its residual network, as the concept-centric
//! transformer has it), with its backward pass, over a few samples at once.

use super::blocks::{Normed, block, block_mut, rows, rows_mut, softmax, through_softmax};
use super::gru::{Gates, Gru};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Zip};
use serde::{Deserialize, Serialize};

/// Added to each share before it is normalised over cells.
const EPSILON: f32 = 1e-8;

/// Through what the loss is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Gradient {
    /// All iterations.
    Full,
    /// The last one, from slots that are held fixed (Chang, Griffiths & Levine 2022).
    Implicit,
    /// The last one, whose slots pass their derivative to the starts (Jia, Liu & Huang 2023).
    StraightThrough,
}

/// Weights of slot attention of width D.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SlotAttention {
    /// [D × D], of slots.
    pub(super) query: Array2<f32>,
    /// [D × D], of cells.
    pub(super) key: Array2<f32>,
    /// [D × D], of cells.
    pub(super) value: Array2<f32>,
    /// Layer norm of slots [1 × D].
    pub(super) gain: Array2<f32>,
    pub(super) bias: Array2<f32>,
    pub(super) gru: Gru,
}

/// One iteration.
struct Step {
    slots: Array2<f32>,
    normed: Normed,
    queries: Array2<f32>,
    /// Softmax over slots [samples · cells × slots].
    shares: Array2<f32>,
    /// The same, normalised over cells.
    weights: Array2<f32>,
    /// What each slot's shares add up to [samples × slots].
    totals: Array2<f32>,
    updates: Array2<f32>,
    gates: Gates,
}

/// What the backward pass needs.
pub(super) struct SlotTrace {
    keys: Array2<f32>,
    values: Array2<f32>,
    steps: Vec<Step>,
    samples: usize,
}

impl SlotAttention {
    /// Slots [samples · slots × D] after `iterations`, of cells [samples · cells × D] and starts [samples · slots × D].
    pub(super) fn forward(
        &self,
        cells: &Array2<f32>,
        starts: Array2<f32>,
        samples: usize,
        (iterations, through): (usize, Gradient),
    ) -> (Array2<f32>, SlotTrace) {
        let scale = 1.0 / (cells.ncols() as f32).sqrt();
        let mut trace =
            SlotTrace { keys: cells.dot(&self.key) * scale, values: cells.dot(&self.value), steps: vec![], samples };
        let mut slots = starts;
        for _ in 0..iterations {
            let (next, step) = self.step(&trace, slots);
            if through != Gradient::Full {
                trace.steps.clear();
            }
            trace.steps.push(step);
            slots = next;
        }
        (slots, trace)
    }

    fn step(&self, trace: &SlotTrace, slots: Array2<f32>) -> (Array2<f32>, Step) {
        let samples = trace.samples;
        let (cells, count) = (trace.keys.nrows() / samples, slots.nrows() / samples);
        let normed = Normed::of(slots.clone(), &self.gain, &self.bias);
        let queries = normed.out.dot(&self.query);
        let mut shares = Array2::zeros((samples * cells, count));
        for i in 0..samples {
            let (keys, queries) = (block(&trace.keys, i, cells), block(&queries, i, count));
            general_mat_mul(1.0, &keys, &queries.t(), 0.0, &mut block_mut(&mut shares, i, cells));
        }
        softmax(&mut shares);
        let mut weights = shares.clone() + EPSILON;
        let mut totals = Array2::<f32>::zeros((samples, count));
        for (n, row) in rows(&weights).enumerate() {
            totals.row_mut(n / cells).iter_mut().zip(row).for_each(|(t, w)| *t += w);
        }
        for (n, row) in rows_mut(&mut weights).enumerate() {
            row.iter_mut().zip(totals.row(n / cells)).for_each(|(w, t)| *w /= t);
        }
        let mut updates = Array2::zeros(slots.dim());
        for i in 0..samples {
            let (weights, values) = (block(&weights, i, cells), block(&trace.values, i, cells));
            general_mat_mul(1.0, &weights.t(), &values, 0.0, &mut block_mut(&mut updates, i, count));
        }
        let (next, gates) = self.gru.forward(&updates, &slots);
        (next, Step { slots, normed, queries, shares, weights, totals, updates, gates })
    }

    /// From derivatives by the slots to those by the cells and by the starts; adds those by the weights.
    pub(super) fn backward(
        &self,
        cells: &Array2<f32>,
        trace: &SlotTrace,
        mut slope: Array2<f32>,
        through: Gradient,
        into: &mut SlotAttention,
    ) -> (Array2<f32>, Array2<f32>) {
        let mut by_keys = Array2::zeros(trace.keys.dim());
        let mut by_values = Array2::zeros(trace.values.dim());
        for step in trace.steps.iter().rev() {
            slope = self.back(trace, step, &slope, (&mut by_keys, &mut by_values), into);
        }
        if through == Gradient::Implicit {
            slope.fill(0.0);
        }
        let scale = 1.0 / (cells.ncols() as f32).sqrt();
        general_mat_mul(scale, &cells.t(), &by_keys, 1.0, &mut into.key);
        general_mat_mul(1.0, &cells.t(), &by_values, 1.0, &mut into.value);
        let mut by_cells = by_values.dot(&self.value.t());
        general_mat_mul(scale, &by_keys, &self.key.t(), 1.0, &mut by_cells);
        (by_cells, slope)
    }

    /// Back through one iteration: from derivatives by its new slots to those by its old ones.
    fn back(
        &self,
        trace: &SlotTrace,
        step: &Step,
        slope: &Array2<f32>,
        (by_keys, by_values): (&mut Array2<f32>, &mut Array2<f32>),
        into: &mut SlotAttention,
    ) -> Array2<f32> {
        let samples = trace.samples;
        let (cells, count) = (trace.keys.nrows() / samples, slope.nrows() / samples);
        let (by_updates, mut by_slots) =
            self.gru.backward((&step.updates, &step.slots), &step.gates, slope, &mut into.gru);
        let mut by_shares = Array2::zeros(step.shares.dim());
        for i in 0..samples {
            let (values, updates) = (block(&trace.values, i, cells), block(&by_updates, i, count));
            general_mat_mul(1.0, &values, &updates.t(), 0.0, &mut block_mut(&mut by_shares, i, cells));
            let weights = block(&step.weights, i, cells);
            general_mat_mul(1.0, &weights, &updates, 1.0, &mut block_mut(by_values, i, cells));
        }
        // Each weight is a share over the sum of its slot's shares.
        let mut along = Array2::<f32>::zeros((samples, count));
        for (n, (s, w)) in rows(&by_shares).zip(rows(&step.weights)).enumerate() {
            along.row_mut(n / cells).iter_mut().zip(s.iter().zip(w)).for_each(|(a, (s, w))| *a += s * w);
        }
        for (n, s) in rows_mut(&mut by_shares).enumerate() {
            let of_slot = along.row(n / cells);
            let of_slot = of_slot.iter().zip(step.totals.row(n / cells));
            s.iter_mut().zip(of_slot).for_each(|(s, (a, t))| *s = (*s - a) / t);
        }
        through_softmax(&step.shares, &mut by_shares);
        let mut by_queries = Array2::zeros(step.queries.dim());
        for i in 0..samples {
            let by_logits = block(&by_shares, i, cells);
            let (keys, queries) = (block(&trace.keys, i, cells), block(&step.queries, i, count));
            general_mat_mul(1.0, &by_logits, &queries, 1.0, &mut block_mut(by_keys, i, cells));
            general_mat_mul(1.0, &by_logits.t(), &keys, 0.0, &mut block_mut(&mut by_queries, i, count));
        }
        general_mat_mul(1.0, &step.normed.out.t(), &by_queries, 1.0, &mut into.query);
        let by_normed = by_queries.dot(&self.query.t());
        let more = step.normed.backward(by_normed, &self.gain, (&mut into.gain, &mut into.bias));
        Zip::from(&mut by_slots).and(&more).for_each(|to, v| *to += v);
        by_slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::oracle::assert_near;

    fn matrix(rows: usize, columns: usize, by: f32) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * columns + j) as f32 * by).sin())
    }

    fn attention() -> SlotAttention {
        let gru = Gru {
            input: matrix(4, 12, 0.7),
            state: matrix(4, 12, 0.9),
            bias: matrix(1, 12, 1.1),
            state_bias: matrix(1, 4, 1.3),
        };
        let (query, key, value) = (matrix(4, 4, 0.3), matrix(4, 4, 0.5), matrix(4, 4, 1.7));
        SlotAttention { query, key, value, gain: Array2::ones((1, 4)), bias: Array2::zeros((1, 4)), gru }
    }

    #[test]
    fn on_a_single_cell_every_slot_gets_the_identical_update() {
        let (slots, samples) = (5, 3);
        let (_, trace) = attention().forward(
            &matrix(samples, 4, 2.1),
            matrix(samples * slots, 4, 0.8),
            samples,
            (3, Gradient::Full),
        );
        for step in &trace.steps {
            assert!(step.weights.iter().all(|w| *w == 1.0), "of one cell's shares each is all");
            for i in 0..samples {
                let updates = block(&step.updates, i, slots);
                assert!(updates.outer_iter().all(|u| u == updates.row(0) && u == trace.values.row(i)));
            }
        }
        // Slots that start alike stay alike, whatever the cell holds; on four cells no two slots get the same.
        let (alike, _) = attention().forward(&matrix(1, 4, 2.1), Array2::ones((slots, 4)), 1, (3, Gradient::Full));
        assert!(alike.outer_iter().all(|s| s == alike.row(0)));
        let (_, trace) = attention().forward(&matrix(4, 4, 2.1), matrix(slots, 4, 0.8), 1, (1, Gradient::Full));
        let updates = &trace.steps[0].updates;
        assert!((1..slots).all(|k| updates.row(k) != updates.row(0)));
    }

    #[test]
    fn weights_of_a_slot_add_up_to_one_over_cells_and_shares_to_one_over_slots() {
        let (_, trace) = attention().forward(&matrix(14, 4, 2.1), matrix(6, 4, 0.8), 2, (2, Gradient::Full));
        for step in &trace.steps {
            let shares: Vec<f32> = step.shares.outer_iter().map(|row| row.sum()).collect();
            assert_near(&shares, &[1.0; 14], 1e-6);
            for i in 0..2 {
                let totals: Vec<f32> = block(&step.weights, i, 7).columns().into_iter().map(|c| c.sum()).collect();
                assert_near(&totals, &[1.0; 3], 1e-6);
            }
        }
    }
}
