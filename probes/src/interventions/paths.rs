//! What a simulation leaves behind: how every sample stood after every correction.

use super::state::State;
use crate::ProbeError;
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// What became of each sample after 0, 1, … corrections [samples × (steps + 1)]. A sample of which nothing is
/// left to correct, or that its policy leaves alone, stays as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    /// Predicted class.
    pub predicted: Array2<u32>,
    /// Probability of the true class.
    pub probability: Array2<f64>,
    /// What was spent on corrections.
    pub spent: Array2<f64>,
    /// Concepts that stand on the side of their truth.
    pub concepts_right: Array2<u32>,
    /// Concepts whose truth is known.
    pub known: Vec<u32>,
    /// Corrections that were made of each sample.
    pub steps: Vec<usize>,
}

impl Paths {
    pub(super) fn empty(n: usize, last: usize, truth: ArrayView2<'_, f64>) -> Self {
        Self {
            predicted: Array2::zeros((n, last + 1)),
            probability: Array2::zeros((n, last + 1)),
            spent: Array2::zeros((n, last + 1)),
            concepts_right: Array2::zeros((n, last + 1)),
            known: truth.outer_iter().map(|row| row.iter().filter(|t| !t.is_nan()).count() as u32).collect(),
            steps: vec![0; n],
        }
    }

    /// Starts a step from what was spent before it.
    pub(super) fn carry(&mut self, step: usize) {
        let before = self.spent.column(step - 1).to_owned();
        self.spent.column_mut(step).assign(&before);
    }

    /// Writes down how things stand.
    pub(super) fn look(&mut self, step: usize, state: &State<'_>, labels: &[u32], truth: ArrayView2<'_, f64>) {
        let (classes, probabilities) = (state.classes(), state.probabilities());
        let presence = state.model.presence(state.concepts.view());
        for (i, &label) in labels.iter().enumerate() {
            self.predicted[[i, step]] = classes[i];
            self.probability[[i, step]] = probabilities[[i, label as usize]];
            let right = |(p, t): (&f64, &f64)| !t.is_nan() && (*p > 0.5) == (*t >= 0.5);
            self.concepts_right[[i, step]] =
                presence.row(i).iter().zip(truth.row(i)).filter(|pair| right(*pair)).count() as u32;
        }
    }

    pub(super) fn joined(batches: &[Self]) -> Result<Self, ProbeError> {
        fn rows<T: Clone>(
            batches: &[Paths],
            of: impl for<'b> Fn(&'b Paths) -> &'b Array2<T>,
        ) -> Result<Array2<T>, ProbeError> {
            let views: Vec<_> = batches.iter().map(|b| of(b).view()).collect();
            concatenate(Axis(0), &views).map_err(|e| ProbeError::Data(format!("batches of samples: {e}")))
        }
        Ok(Self {
            predicted: rows(batches, |p| &p.predicted)?,
            probability: rows(batches, |p| &p.probability)?,
            spent: rows(batches, |p| &p.spent)?,
            concepts_right: rows(batches, |p| &p.concepts_right)?,
            known: batches.iter().flat_map(|b| b.known.iter().copied()).collect(),
            steps: batches.iter().flat_map(|b| b.steps.iter().copied()).collect(),
        })
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.steps.len()
    }

    /// The largest number of corrections of a sample.
    pub fn last(&self) -> usize {
        self.predicted.ncols() - 1
    }
}
