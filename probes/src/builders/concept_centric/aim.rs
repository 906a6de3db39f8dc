//! What attention is held to: where concepts lie, or which an image has.

use super::blocks::rows_mut;
use crate::ConceptPlaces;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};

/// Targets of attention, with the loss C · MSE(A, H) (Rigotti et al. 2022, "Attention-based interpretability with concept
/// transformers", which the concept-centric transformer takes over).
pub(super) struct Aim<'a> {
    /// [samples × concepts], NaN where missing.
    labels: Array2<f32>,
    places: Option<&'a ConceptPlaces>,
    /// Whether one more slot, the last, takes what no concept covers.
    background: bool,
    /// Which samples have a target of some cell, and of the whole image.
    known: [Vec<bool>; 2],
}

/// Samples that have a target of some cell, and of the whole image.
pub(super) type Counts = [usize; 2];

impl<'a> Aim<'a> {
    /// Nothing.
    pub(super) fn none(samples: usize) -> Self {
        let known = [vec![false; samples], vec![false; samples]];
        Self { labels: Array2::zeros((samples, 0)), places: None, background: false, known }
    }

    /// Of concept labels [samples × concepts]: each covered cell where `places` are given, and each image as a whole where
    /// that is wanted. With a `background` there are places and no targets of images as a whole.
    pub(super) fn new(
        labels: Array2<f32>,
        places: Option<&'a ConceptPlaces>,
        (image, background): (bool, bool),
    ) -> Self {
        let mut aim = Self { labels, places, background, known: [vec![], vec![]] };
        let samples = 0..aim.labels.nrows();
        aim.known[0] = samples.clone().map(|i| aim.cells(i).is_some_and(|(_, known)| known.contains(&true))).collect();
        aim.known[1] = samples.map(|i| image && aim.labels.row(i).sum() > 0.0).collect();
        aim
    }

    /// How many of these samples have targets.
    pub(super) fn counts(&self, rows: &[usize]) -> Counts {
        [0, 1].map(|kind: usize| rows.iter().filter(|r| self.known[kind][**r]).count())
    }

    /// Of a sample, H [cells × slots] and which cells have one: the concepts that are present, by the share of the cell that
    /// their part covers, so that a cell's add up to 1. A cell that nothing covers has none, nor has one whose parts have a
    /// missing label. Where there is a slot for the background, it has the share that no part of a present concept covers.
    pub(super) fn cells(&self, sample: usize) -> Option<(Array2<f32>, Vec<bool>)> {
        let places = self.places?;
        let shares = places.shares.index_axis(Axis(0), sample);
        let (parts, cells) = shares.dim();
        let concepts = self.labels.ncols();
        let mut targets = Array2::<f32>::zeros((cells, concepts + usize::from(self.background)));
        let mut shown = vec![0.0f32; parts];
        for (concept, (&label, part)) in self.labels.row(sample).iter().zip(&places.parts).enumerate() {
            let Some(part) = *part else { continue };
            shown[part] = label.max(shown[part]);
            for (cell, &share) in shares.row(part).iter().enumerate().filter(|(_, s)| **s > 0.0) {
                targets[[cell, concept]] = label * share;
            }
        }
        let mut known = Vec::with_capacity(cells);
        for (cell, row) in rows_mut(&mut targets).enumerate() {
            let total: f32 = row.iter().sum();
            let covered: f32 = shares.column(cell).iter().zip(&shown).map(|(share, shown)| share * shown).sum();
            let covered = if self.background { covered.min(1.0) } else { 1.0 };
            if total > 0.0 {
                row.iter_mut().for_each(|v| *v *= covered / total);
            }
            if self.background {
                row[concepts] = if total > 0.0 { 1.0 - covered } else { 1.0 };
            }
            // No comparison with NaN holds.
            known.push(total > 0.0 || (self.background && total == 0.0));
        }
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
            // Cells that a concept covers and cells of the background are averaged apart: there are many more of the latter.
            let bare = |target: ArrayView1<'_, f32>| self.background && target[target.len() - 1] == 1.0;
            let kinds =
                targets.outer_iter().zip(&known).filter(|(_, known)| **known).map(|(t, _)| usize::from(bare(t)));
            let mut cells = [0usize; 2];
            kinds.for_each(|kind| cells[kind] += 1);
            let all = attention.outer_iter().zip(targets.outer_iter()).zip(slope.outer_iter_mut()).zip(&known);
            for (((attention, target), mut slope), _) in all.filter(|(_, known)| **known) {
                let share = 1.0 / (cells[usize::from(bare(target))] * counts[0]) as f32;
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
