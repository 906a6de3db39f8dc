//! Cross-attention from cells to slots, softmax over slots: its shares are the explanation. With its backward pass.

use super::blocks::{block, block_mut, rows, rows_mut, softmax, through_softmax};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// Weights of cross-attention of width D, in heads of D / heads columns each, to M classes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CrossAttention {
    /// [D × D], of cells.
    pub(super) query: Array2<f32>,
    /// [D × D], of slots.
    pub(super) key: Array2<f32>,
    /// [D × D], of slots.
    pub(super) value: Array2<f32>,
    /// [D × M].
    pub(super) output: Array2<f32>,
    /// [1 × M].
    pub(super) bias: Array2<f32>,
}

/// What it says of some samples, and what the backward pass needs.
pub(super) struct CrossTrace {
    queries: Array2<f32>,
    keys: Array2<f32>,
    pub(super) values: Array2<f32>,
    /// Of each head, softmax over slots [samples · cells × slots].
    shares: Vec<Array2<f32>>,
    /// Of each head, their mean over cells [samples × slots].
    pooled: Vec<Array2<f32>>,
    /// Slot values by those means [samples × D].
    mixed: Array2<f32>,
    /// [samples × M].
    pub(super) scores: Array2<f32>,
}

/// Columns of one head.
fn columns(all: ArrayView2<'_, f32>, head: usize, width: usize) -> ArrayView2<'_, f32> {
    all.slice_axis_move(Axis(1), Slice::from(head * width..(head + 1) * width))
}

fn columns_mut(all: ArrayViewMut2<'_, f32>, head: usize, width: usize) -> ArrayViewMut2<'_, f32> {
    all.slice_axis_move(Axis(1), Slice::from(head * width..(head + 1) * width))
}

impl CrossTrace {
    /// Attention [samples · cells × slots]: the mean over heads.
    pub(super) fn attention(&self) -> Array2<f32> {
        let mut mean = self.shares[0].clone();
        self.shares.iter().skip(1).for_each(|more| mean += more);
        mean / self.shares.len() as f32
    }

    /// Mean attention of each sample [samples × slots].
    pub(super) fn means(&self) -> Array2<f64> {
        let mut mean = self.pooled[0].mapv(f64::from);
        self.pooled.iter().skip(1).for_each(|more| mean += &more.mapv(f64::from));
        mean / self.pooled.len() as f64
    }
}

impl CrossAttention {
    /// Of cells [samples · cells × D] and slots [samples · slots × D].
    pub(super) fn forward(&self, cells: &Array2<f32>, slots: &Array2<f32>, samples: usize, heads: usize) -> CrossTrace {
        let width = cells.ncols() / heads;
        let (n, count) = (cells.nrows() / samples, slots.nrows() / samples);
        let queries = cells.dot(&self.query);
        let keys = slots.dot(&self.key) / (width as f32).sqrt();
        let values = slots.dot(&self.value);
        let mut mixed = Array2::zeros((samples, cells.ncols()));
        let (mut all, mut pooled) = (Vec::with_capacity(heads), Vec::with_capacity(heads));
        for head in 0..heads {
            let mut shares = Array2::zeros((samples * n, count));
            for i in 0..samples {
                let (queries, keys) = (block(&queries, i, n), block(&keys, i, count));
                let (queries, keys) = (columns(queries, head, width), columns(keys, head, width));
                general_mat_mul(1.0, &queries, &keys.t(), 0.0, &mut block_mut(&mut shares, i, n));
            }
            softmax(&mut shares);
            let mut means = Array2::<f32>::zeros((samples, count));
            for (at, row) in rows(&shares).enumerate() {
                means.row_mut(at / n).iter_mut().zip(row).for_each(|(m, s)| *m += s);
            }
            means /= n as f32;
            for i in 0..samples {
                let values = columns(block(&values, i, count), head, width);
                let to = block_mut(&mut mixed, i, 1);
                general_mat_mul(1.0, &block(&means, i, 1), &values, 0.0, &mut columns_mut(to, head, width));
            }
            all.push(shares);
            pooled.push(means);
        }
        let scores = mixed.dot(&self.output) + &self.bias;
        CrossTrace { queries, keys, values, shares: all, pooled, mixed, scores }
    }

    /// From derivatives by the scores [samples × M] and by the mean attention [samples · cells × slots] to those by cells
    /// and slots; adds those by the weights.
    pub(super) fn backward(
        &self,
        (cells, slots): (&Array2<f32>, &Array2<f32>),
        trace: &CrossTrace,
        (by_scores, by_attention): (&Array2<f32>, &Array2<f32>),
        into: &mut CrossAttention,
    ) -> (Array2<f32>, Array2<f32>) {
        let (samples, heads) = (by_scores.nrows(), trace.shares.len());
        let width = cells.ncols() / heads;
        let (n, count) = (cells.nrows() / samples, slots.nrows() / samples);
        general_mat_mul(1.0, &trace.mixed.t(), by_scores, 1.0, &mut into.output);
        into.bias += &by_scores.sum_axis(Axis(0));
        let by_mixed = by_scores.dot(&self.output.t());
        let mut by_queries = Array2::zeros(trace.queries.dim());
        let mut by_keys = Array2::zeros(trace.keys.dim());
        let mut by_values = Array2::zeros(trace.values.dim());
        for (head, (shares, pooled)) in trace.shares.iter().zip(&trace.pooled).enumerate() {
            let mut by_pooled = Array2::<f32>::zeros((samples, count));
            for i in 0..samples {
                let by_mixed = columns(block(&by_mixed, i, 1), head, width);
                let values = columns(block(&trace.values, i, count), head, width);
                general_mat_mul(1.0, &by_mixed, &values.t(), 0.0, &mut block_mut(&mut by_pooled, i, 1));
                let to = columns_mut(block_mut(&mut by_values, i, count), head, width);
                let mut to = to;
                general_mat_mul(1.0, &block(pooled, i, 1).t(), &by_mixed, 0.0, &mut to);
            }
            by_pooled /= n as f32;
            let mut by_shares = by_attention / heads as f32;
            for (at, row) in rows_mut(&mut by_shares).enumerate() {
                row.iter_mut().zip(by_pooled.row(at / n)).for_each(|(s, p)| *s += p);
            }
            through_softmax(shares, &mut by_shares);
            for i in 0..samples {
                let by_logits = block(&by_shares, i, n);
                let (queries, keys) = (block(&trace.queries, i, n), block(&trace.keys, i, count));
                let (queries, keys) = (columns(queries, head, width), columns(keys, head, width));
                let mut to = columns_mut(block_mut(&mut by_queries, i, n), head, width);
                general_mat_mul(1.0, &by_logits, &keys, 0.0, &mut to);
                let mut to = columns_mut(block_mut(&mut by_keys, i, count), head, width);
                general_mat_mul(1.0, &by_logits.t(), &queries, 0.0, &mut to);
            }
        }
        let scale = 1.0 / (width as f32).sqrt();
        general_mat_mul(1.0, &cells.t(), &by_queries, 1.0, &mut into.query);
        general_mat_mul(scale, &slots.t(), &by_keys, 1.0, &mut into.key);
        general_mat_mul(1.0, &slots.t(), &by_values, 1.0, &mut into.value);
        let mut by_slots = by_values.dot(&self.value.t());
        general_mat_mul(scale, &by_keys, &self.key.t(), 1.0, &mut by_slots);
        (by_queries.dot(&self.query.t()), by_slots)
    }
}
