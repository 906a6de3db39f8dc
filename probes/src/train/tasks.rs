//! What a network alone can be trained to tell: the class, or the concepts.

use super::loss::{ConceptLoss, cross_entropy};
use super::network::Mlp;
use super::run::Task;
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;

/// The class of each row, by cross entropy.
pub(crate) struct ClassTask<'a> {
    /// [rows × features].
    pub(crate) inputs: Array2<f32>,
    pub(crate) labels: &'a [u32],
}

impl Task for ClassTask<'_> {
    type Model = Mlp;

    fn gradient(&self, model: &Mlp, rows: &[usize], noise: &mut ChaCha8Rng, into: &mut Mlp) -> f64 {
        let trace = model.trace(self.inputs.select(Axis(0), rows), noise);
        let (loss, slope) = cross_entropy(trace.output(), rows.iter().map(|&r| self.labels[r]));
        model.backward(&trace, slope, into);
        loss
    }

    fn loss(&self, model: &Mlp, rows: &[usize]) -> f64 {
        let scores = model.forward(self.inputs.select(Axis(0), rows).view());
        cross_entropy(&scores, rows.iter().map(|&r| self.labels[r])).0
    }
}

/// The concepts of each row, by binary cross entropy.
pub(crate) struct ConceptTask {
    /// [rows × features].
    pub(crate) inputs: Array2<f32>,
    /// [rows × concepts], NaN where missing.
    pub(crate) concepts: Array2<f32>,
    pub(crate) loss: ConceptLoss,
}

impl Task for ConceptTask {
    type Model = Mlp;

    fn gradient(&self, model: &Mlp, rows: &[usize], noise: &mut ChaCha8Rng, into: &mut Mlp) -> f64 {
        let trace = model.trace(self.inputs.select(Axis(0), rows), noise);
        let (loss, slope) = self.loss.of(trace.output(), &self.concepts.select(Axis(0), rows));
        model.backward(&trace, slope, into);
        loss
    }

    fn loss(&self, model: &Mlp, rows: &[usize]) -> f64 {
        let odds = model.forward(self.inputs.select(Axis(0), rows).view());
        self.loss.of(&odds, &self.concepts.select(Axis(0), rows)).0
    }
}
