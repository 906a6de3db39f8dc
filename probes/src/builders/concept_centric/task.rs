//! What a concept-centric network learns, with its gradient.

use super::CHUNK;
use super::aim::{Aim, Counts};
use super::blocks::{block, block_mut};
use super::network::Network;
use super::plan::Starts;
use crate::train::{Task, Weights, cross_entropy};
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Class, explanation and sparsity.
pub(super) struct SlotTask<'a> {
    /// Standardised cells [rows × cells · channels].
    pub(super) inputs: Array2<f32>,
    pub(super) labels: &'a [u32],
    pub(super) aim: Aim<'a>,
    /// Weight of the explanation loss.
    pub(super) explanation: f64,
    /// Weight of the entropy of attention.
    pub(super) sparse: f64,
}

/// A few rows of a minibatch.
struct Part<'a> {
    rows: &'a [usize],
    noise: Option<Array2<f32>>,
    /// Of the whole minibatch.
    all: usize,
    counts: Counts,
}

impl SlotTask<'_> {
    /// The share of some rows in the mean loss of their minibatch; adds its gradient where that is wanted.
    fn pass(&self, model: &Network, part: &Part<'_>, into: Option<&mut Network>) -> f64 {
        let (samples, n) = (part.rows.len(), model.cells());
        let cells = self.inputs.select(Axis(0), part.rows);
        let shape = (samples * n, model.plan.grid.channels);
        let cells = cells.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("rows follow each other"));
        let traced = model.forward(cells, part.noise.clone());
        let share = samples as f64 / part.all as f64;
        let (class, mut by_scores) = cross_entropy(&traced.cross.scores, part.rows.iter().map(|&r| self.labels[r]));
        by_scores *= share as f32;
        let attention = traced.cross.attention();
        let mut by_attention = Array2::zeros(attention.dim());
        let mut explained = 0.0;
        for (i, &row) in part.rows.iter().enumerate() {
            let mut slope = block_mut(&mut by_attention, i, n);
            let attention = block(&attention, i, n);
            explained += self.aim.loss(row, attention, part.counts, self.explanation as f32, &mut slope);
        }
        let mut entropy = 0.0;
        if self.sparse > 0.0 {
            let each = 1.0 / (part.all * n * model.slots()) as f32;
            let weight = self.sparse as f32 * each;
            let mut total = 0.0f32;
            ndarray::Zip::from(&mut by_attention).and(&attention).for_each(|slope, &p| {
                // A share that has left the numbers has neither entropy nor slope.
                let log = p.max(f32::MIN_POSITIVE).ln();
                total -= p * log;
                *slope -= weight * (log + 1.0);
            });
            entropy = f64::from(total * each);
        }
        if let Some(into) = into {
            model.backward(&traced, (&by_scores, &by_attention), part.noise.as_ref(), into);
        }
        class * share + self.explanation * explained + self.sparse * entropy
    }

    /// The rows in parts of a fixed size, so that sums are the same with any number of threads.
    fn parts<'a>(&self, model: &Network, rows: &'a [usize], noise: Option<&mut ChaCha8Rng>) -> Vec<Part<'a>> {
        let (all, counts) = (rows.len(), self.aim.counts(rows));
        let mut noise = noise.filter(|_| model.plan.starts == Starts::Gaussian);
        let parts = rows.chunks(CHUNK).map(|rows| {
            let shape = (rows.len() * model.slots(), model.plan.width);
            let noise = noise.as_mut().map(|random| {
                Array2::from_shape_simple_fn(shape, || Distribution::<f32>::sample(&StandardNormal, *random))
            });
            Part { rows, noise, all, counts }
        });
        parts.collect()
    }
}

impl Task for SlotTask<'_> {
    type Model = Network;

    fn gradient(&self, model: &Network, rows: &[usize], noise: &mut ChaCha8Rng, into: &mut Network) -> f64 {
        let parts = self.parts(model, rows, Some(noise));
        let found: Vec<(f64, Network)> = parts
            .par_iter()
            .map(|part| {
                let mut own = model.clone();
                own.clear();
                (self.pass(model, part, Some(&mut own)), own)
            })
            .collect();
        let mut total = 0.0;
        for (loss, own) in found {
            total += loss;
            for (to, from) in into.slices_mut().into_iter().zip(own.slices()) {
                to.iter_mut().zip(from).for_each(|(to, v)| *to += v);
            }
        }
        total
    }

    fn loss(&self, model: &Network, rows: &[usize]) -> f64 {
        let parts = self.parts(model, rows, None);
        let found: Vec<f64> = parts.par_iter().map(|part| self.pass(model, part, None)).collect();
        found.into_iter().sum()
    }
}
