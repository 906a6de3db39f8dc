//! What attention is held to: where concepts lie, or which an image has.

use super::blocks::rows_mut;
use crate::ConceptPlaces;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

/// Targets of attention, with the loss C · MSE(A, H) (Rigotti et al. 2022, "Attention-based interpretability with concept
/// transformers", which the concept-centric transformer takes over).
pub(super) struct Aim<'a> {
    /// [samples × concepts], NaN where missing.
    labels: Array2<f32>,
    places: Option<&'a ConceptPlaces>,
    /// Which samples have a target of some cell, and of the whole image.
    known: [Vec<bool>; 2],
}

/// Samples that have a target of some cell, and of the whole image.
pub(super) type Counts = [usize; 2];

impl<'a> Aim<'a> {
    /// Nothing.
    pub(super) fn none(samples: usize) -> Self {
        Self { labels: Array2::zeros((samples, 0)), places: None, known: [vec![false; samples], vec![false; samples]] }
    }

    /// Of concept labels [samples × concepts]: each covered cell where `places` are given, and each image as a whole where
    /// that is wanted.
    pub(super) fn new(labels: Array2<f32>, places: Option<&'a ConceptPlaces>, image: bool) -> Self {
        let mut aim = Self { labels, places, known: [vec![], vec![]] };
        let samples = 0..aim.labels.nrows();
        aim.known[0] = samples.clone().map(|i| aim.cells(i).is_some_and(|(_, known)| known.contains(&true))).collect();
        aim.known[1] = samples.map(|i| image && aim.labels.row(i).sum() > 0.0).collect();
        aim
    }

    /// How many of these samples have targets.
    pub(super) fn counts(&self, rows: &[usize]) -> Counts {
        [0, 1].map(|kind: usize| rows.iter().filter(|r| self.known[kind][**r]).count())
    }

    /// Of a sample, H [cells × concepts] and which cells have one: the concepts that are present, by the share of the cell
    /// that their part covers, so that a cell's add up to 1. A cell that nothing covers has none, nor has one whose parts
    /// have a missing label.
    pub(super) fn cells(&self, sample: usize) -> Option<(Array2<f32>, Vec<bool>)> {
        let places = self.places?;
        let shares = places.shares.index_axis(Axis(0), sample);
        let mut targets = Array2::<f32>::zeros((shares.ncols(), self.labels.ncols()));
        for (concept, (&label, part)) in self.labels.row(sample).iter().zip(&places.parts).enumerate() {
            let Some(part) = *part else { continue };
            for (cell, &share) in shares.row(part).iter().enumerate().filter(|(_, s)| **s > 0.0) {
                targets[[cell, concept]] = label * share;
            }
        }
        let known = rows_mut(&mut targets).map(|row| {
            let total: f32 = row.iter().sum();
            // No comparison with NaN holds.
            let known = total > 0.0;
            if known {
                row.iter_mut().for_each(|v| *v /= total);
            }
            known
        });
        let known = known.collect();
        Some((targets, known))
    }

    /// The loss of a sample's attention [cells × slots], its share of the mean over `counts`; its derivative times `weight`
    /// is added to `slope`.
    pub(super) fn loss(
        &self,
        sample: usize,
        attention: ArrayView2<'_, f32>,
        counts: Counts,
        weight: f32,
        slope: &mut ArrayViewMut2<'_, f32>,
    ) -> f64 {
        let mut loss = 0.0;
        if let Some((targets, known)) = self.cells(sample).filter(|_| self.known[0][sample]) {
            let cells = known.iter().filter(|k| **k).count();
            let share = 1.0 / (cells * counts[0]) as f32;
            let all = attention.outer_iter().zip(targets.outer_iter()).zip(slope.outer_iter_mut()).zip(known);
            for (((attention, target), mut slope), _) in all.filter(|(_, known)| *known) {
                for ((a, h), s) in attention.iter().zip(target).zip(&mut slope) {
                    loss += f64::from((a - h).powi(2) * share);
                    *s += weight * 2.0 * (a - h) * share;
                }
            }
        }
        if self.known[1][sample] {
            let labels = self.labels.row(sample);
            let (cells, total) = (attention.nrows() as f32, labels.sum());
            let gaps = attention.sum_axis(Axis(0)) / cells - &labels / total;
            let share = 1.0 / counts[1] as f32;
            loss += f64::from(gaps.iter().map(|g| g * g).sum::<f32>() * share);
            let by_each = gaps * (2.0 * weight * share / cells);
            slope.outer_iter_mut().for_each(|mut row| row += &by_each);
        }
        loss
    }
}
