//! What the layer and the head of a sparse bottleneck learn.

use super::contrast::{Matched, Relaxation, contrast};
use crate::train::{Task, cross_entropy};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;

/// The layer's own loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LayerLoss {
    /// λ/L Σ|W|.
    L1(f64),
    /// Pairs of samples and units told apart.
    Contrastive(Pairing),
    /// The same under Gumbel noise and a temperature.
    Gumbel(Pairing, f32),
    /// The Gumbel softmax of all entries, as released, at a temperature.
    Released(f32),
}

/// Which unit of the layer a sample of a minibatch belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairing {
    /// The k-th sample with the k-th unit.
    Position,
    /// The unit of the most similar concept.
    Nearest,
}

/// Classes by cross entropy, through a layer with a loss of its own.
pub(super) struct SparseTask<'a> {
    /// Scaled similarities [rows × concepts].
    pub(super) similarities: Array2<f32>,
    pub(super) labels: &'a [u32],
    pub(super) loss: LayerLoss,
    /// Whether the cross entropy changes the layer as well as the head.
    pub(super) into_layer: bool,
}

impl SparseTask<'_> {
    /// The layer's own loss and its gradient by the layer's output, where it is one of the output.
    fn own(
        &self,
        similarities: &Array2<f32>,
        units: &Array2<f32>,
        random: &mut ChaCha8Rng,
    ) -> Option<(f64, Array2<f32>)> {
        let pairs = |pairing| match pairing {
            Pairing::Position => Matched::by_position(units.nrows(), units.ncols()),
            Pairing::Nearest => Matched::nearest(similarities.view()),
        };
        match self.loss {
            LayerLoss::L1(_) => None,
            LayerLoss::Contrastive(pairing) => Some(contrast(units, &pairs(pairing), None)),
            LayerLoss::Gumbel(pairing, tau) => {
                Some(contrast(units, &pairs(pairing), Some(&Relaxation::draw(units.dim(), tau, random))))
            }
            LayerLoss::Released(tau) => {
                Some(contrast(units, &Matched::All, Some(&Relaxation::draw(units.dim(), tau, random))))
            }
        }
    }
}

/// A layer [concepts × units] and a head [units × classes], neither with intercepts.
pub(super) type Maps = (Array2<f32>, Array2<f32>);

impl Task for SparseTask<'_> {
    type Model = Maps;

    fn gradient(&self, (layer, head): &Maps, rows: &[usize], noise: &mut ChaCha8Rng, into: &mut Maps) -> f64 {
        let similarities = self.similarities.select(Axis(0), rows);
        let units = similarities.dot(layer);
        let (mut loss, slope) = cross_entropy(&units.dot(head), rows.iter().map(|&r| self.labels[r]));
        general_mat_mul(1.0, &units.t(), &slope, 1.0, &mut into.1);
        let mut by_units = if self.into_layer { slope.dot(&head.t()) } else { Array2::zeros(units.dim()) };
        if let Some((own, slope)) = self.own(&similarities, &units, noise) {
            loss += own;
            by_units += &slope;
        }
        general_mat_mul(1.0, &similarities.t(), &by_units, 1.0, &mut into.0);
        if let LayerLoss::L1(lambda) = self.loss {
            let share = lambda / layer.nrows() as f64;
            loss += share * layer.iter().map(|w| f64::from(w.abs())).sum::<f64>();
            into.0.zip_mut_with(layer, |g, &w| {
                if w != 0.0 {
                    *g += share as f32 * w.signum();
                }
            });
        }
        loss
    }

    /// The cross entropy alone: what the layer's own loss is in a minibatch depends on its size.
    fn loss(&self, (layer, head): &Maps, rows: &[usize]) -> f64 {
        let units = self.similarities.select(Axis(0), rows).dot(layer);
        cross_entropy(&units.dot(head), rows.iter().map(|&r| self.labels[r])).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Purpose, Weights, stream};

    fn maps() -> Maps {
        let of = |rows, columns, k: f32| {
            Array2::from_shape_fn((rows, columns), |(i, j)| ((i * columns + j) as f32 * k).sin())
        };
        (of(4, 4, 1.3), of(4, 3, 0.7))
    }

    fn task(labels: &[u32], loss: LayerLoss, into_layer: bool) -> SparseTask<'_> {
        let similarities = Array2::from_shape_fn((9, 4), |(i, j)| ((i * 4 + j) as f32 * 1.9).cos());
        SparseTask { similarities, labels, loss, into_layer }
    }

    const ROWS: [usize; 6] = [8, 1, 2, 5, 0, 3];

    fn value(task: &SparseTask<'_>, maps: &Maps) -> f64 {
        task.gradient(maps, &ROWS, &mut stream(2, Purpose::Noise, 0, 0), &mut maps.clone())
    }

    #[test]
    fn gradients_are_differences_of_the_value() {
        let labels: Vec<u32> = (0..9).map(|i| i % 3).collect();
        let losses = [
            LayerLoss::L1(0.4),
            LayerLoss::Contrastive(Pairing::Nearest),
            LayerLoss::Gumbel(Pairing::Position, 0.8),
            LayerLoss::Released(1.0),
        ];
        for loss in losses {
            let (task, at) = (task(&labels, loss, true), maps());
            let mut gradient = at.clone();
            gradient.clear();
            task.gradient(&at, &ROWS, &mut stream(2, Purpose::Noise, 0, 0), &mut gradient);
            let expected: Vec<Vec<f32>> = gradient.slices().iter().map(|s| s.to_vec()).collect();
            for (s, slice) in expected.iter().enumerate() {
                for (k, &expected) in slice.iter().enumerate() {
                    let moved = |by: f32| {
                        let mut maps = at.clone();
                        maps.slices_mut()[s][k] += by;
                        value(&task, &maps)
                    };
                    let found = (moved(5e-3) - moved(-5e-3)) / 1e-2;
                    assert!((found - f64::from(expected)).abs() < 2e-3, "{loss:?} {s} {k}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn the_cross_entropy_stays_out_of_the_layer_when_told_to() {
        let labels: Vec<u32> = (0..9).map(|i| i % 3).collect();
        let of = |into_layer| {
            let (task, at) = (task(&labels, LayerLoss::L1(0.0), into_layer), maps());
            let mut gradient = at.clone();
            gradient.clear();
            task.gradient(&at, &ROWS, &mut stream(2, Purpose::Noise, 0, 0), &mut gradient);
            gradient
        };
        let (into, out) = (of(true), of(false));
        assert!(out.0.iter().all(|&g| g == 0.0) && into.0.iter().any(|&g| g != 0.0));
        assert_eq!(into.1, out.1);
    }
}
