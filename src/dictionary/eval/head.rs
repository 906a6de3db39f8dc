//! The loss of a frozen head on reconstructions, as a share of what ablating the activations costs.
//!
//! `(H_ablated − H_reconstructed) / (H_ablated − H_original)`, where ablated rows are all zero, or all the mean of the
//! rows seen: 1 where nothing is lost, 0 where the reconstruction is no better than the ablation, and below 0 where it is
//! worse.

use super::Found;
use super::rows::About;
use crate::concept::{Model, labels};
use crate::dictionary::source::Source;
use crate::run::InputFile;
use crate::table::DictionaryRow;
use anyhow::{Context, Result, ensure};
use ndarray::{Array1, Array2, ArrayView2};
use std::path::Path;

/// A head with the labels of all rows.
#[derive(Debug)]
pub(super) struct Head {
    model: Model,
    labels: Vec<u32>,
    /// Mean of the rows seen (of all, where none were).
    mean: Array1<f64>,
}

/// Losses of each sample: original, reconstructed, zero, mean; and how often the first two were right.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    losses: [Vec<f64>; 4],
    right: [usize; 2],
}

impl Head {
    pub(super) fn read(
        place: &str,
        (file, column): (&str, Option<&str>),
        source: &Source,
        fitted: usize,
        files: &mut Vec<InputFile>,
    ) -> Result<Self> {
        let path = Path::new(place);
        let model = Model::load(path)?;
        files.extend(Model::files(path)?);
        let takes = model.bottleneck.n_features();
        ensure!(
            takes == source.width(),
            "{place} takes {takes} columns, but {} has {}: the head must read these activations",
            source.name,
            source.width()
        );
        let (found, labelled) = labels(file, column)?;
        files.push(labelled);
        ensure!(
            found.len() == source.rows(),
            "{file} has {} label(s), but there are {} activations",
            found.len(),
            source.rows()
        );
        let labels = found.numbers(&model.bottleneck.names().classes).with_context(|| format!("cannot use {file}"))?;
        let rows = if fitted > 0 { fitted } else { source.rows() };
        let mut mean = Array1::<f64>::zeros(source.width());
        source.pieces((0, rows), super::PIECE, |piece| {
            piece.rows().into_iter().for_each(|r| mean.zip_mut_with(&r, |m, &v| *m += f64::from(v)));
            Ok(())
        })?;
        mean /= rows as f64;
        Ok(Self { model, labels, mean })
    }

    pub(super) fn sums(&self) -> Sums {
        Sums::default()
    }

    /// Adds rows from row `first` of the activations on.
    pub(super) fn add(
        &self,
        sums: &mut Sums,
        first: usize,
        rows: ArrayView2<f32>,
        decoded: ArrayView2<f32>,
    ) -> Result<()> {
        let labels = &self.labels[first..first + rows.nrows()];
        let ablated = |row: &Array1<f64>| Array2::from_shape_fn(rows.dim(), |(_, j)| row[j]);
        let kinds =
            [rows.mapv(f64::from), decoded.mapv(f64::from), ablated(&Array1::zeros(rows.ncols())), ablated(&self.mean)];
        for (kind, values) in kinds.iter().enumerate() {
            let scores = self.model.bottleneck.predict(values.view())?;
            let chances = self.model.bottleneck.class_probabilities(scores.view());
            for (chances, &label) in chances.rows().into_iter().zip(labels) {
                let own = chances[label as usize];
                sums.losses[kind].push(-own.max(f64::MIN_POSITIVE).ln());
                if kind < 2 {
                    sums.right[kind] += usize::from(chances.iter().all(|c| *c <= own));
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(&self, about: &About<'_>, sums: Sums, found: &mut Found) {
        let n = sums.losses[0].len();
        for (kind, losses) in ["original", "reconstructed", "zero", "mean"].iter().zip(&sums.losses) {
            let (value, error) = mean(losses);
            let row = about.row("head_loss", Some(value), n);
            found.numbers.push(DictionaryRow { std_error: Some(error), parameters: (*kind).into(), ..row });
        }
        for (kind, right) in ["original", "reconstructed"].iter().zip(sums.right) {
            let share = right as f64 / n as f64;
            let row = about.row("head_accuracy", Some(share), n);
            let std_error = Some((share * (1.0 - share) / n as f64).sqrt());
            found.numbers.push(DictionaryRow { std_error, parameters: (*kind).into(), ..row });
        }
        for (kind, ablated) in [("zero", &sums.losses[2]), ("mean", &sums.losses[3])] {
            let share = recovered(ablated, &sums.losses[1], &sums.losses[0]);
            let row = about.row("loss_recovered", share.map(|s| s.0), n);
            found.numbers.push(DictionaryRow { std_error: share.map(|s| s.1), parameters: kind.into(), ..row });
        }
    }
}

/// Mean and standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// The share with its error (delta method, samples in pairs); `None` unless ablating costs anything.
fn recovered(ablated: &[f64], reconstructed: &[f64], original: &[f64]) -> Option<(f64, f64)> {
    let gains: Vec<f64> = ablated.iter().zip(reconstructed).map(|(a, r)| a - r).collect();
    let costs: Vec<f64> = ablated.iter().zip(original).map(|(a, o)| a - o).collect();
    let ((gain, _), (cost, _)) = (mean(&gains), mean(&costs));
    if cost <= 0.0 {
        return None;
    }
    let share = gain / cost;
    let rest: Vec<f64> = gains.iter().zip(&costs).map(|(g, c)| g - share * c).collect();
    Some((share, mean(&rest).1 / cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_recovered_by_hand() {
        // H: ablated 2, reconstructed 1.25, original 1.
        let (share, error) = recovered(&[2.0, 2.0], &[1.0, 1.5], &[1.0, 1.0]).unwrap();
        assert!((share - 0.75).abs() < 1e-12);
        // Rests 0.25 and −0.25: a standard deviation of 0.354, over √2.
        assert!((error - 0.25).abs() < 1e-12);
        assert_eq!(recovered(&[2.0, 3.0], &[1.0, 1.0], &[1.0, 1.0]).unwrap().0, 1.0);
        assert!(recovered(&[1.0], &[1.0], &[1.0]).is_none());
    }
}
