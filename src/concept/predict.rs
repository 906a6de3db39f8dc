//! What a bottleneck says of samples.

use super::files::matrix;
use crate::run::InputFile;
use crate::table::ConceptPredictionRow;
use anyhow::{Context, Result, ensure};
use narrows_probes::{Bottleneck, best_class};
use ndarray::Array2;

/// Embeddings of which nothing else is known.
#[derive(Debug, Clone)]
pub struct PlainEmbeddings {
    /// [samples × features]
    pub values: Array2<f64>,
    /// The file.
    pub file: InputFile,
}

impl PlainEmbeddings {
    /// Reads them.
    ///
    /// # Errors
    /// When the file cannot be read, or the width is not the bottleneck's.
    pub fn read(place: &str, bottleneck: &dyn Bottleneck) -> Result<Self> {
        let read = matrix(place)?;
        let (found, expected) = (read.values.ncols(), bottleneck.n_features());
        ensure!(
            found == expected,
            "{place} has {found} features a row, but the model was fitted on {expected}: give the embeddings of the same \
             layer"
        );
        Ok(Self { values: read.values, file: read.file })
    }
}

/// One row a sample: predicted class, its probability, the margin. `rows` number the samples from 0; `labels` are the
/// bottleneck's own numbers.
///
/// # Errors
/// When the embeddings are not the bottleneck's.
pub fn predictions(
    probe: &str,
    bottleneck: &dyn Bottleneck,
    embeddings: &Array2<f64>,
    rows: &[usize],
    labels: Option<&[u32]>,
    split: &str,
) -> Result<Vec<ConceptPredictionRow>> {
    let scores = bottleneck.predict(embeddings.view()).context("the model cannot be applied")?;
    let probabilities = bottleneck.class_probabilities(scores.view());
    let best = best_class(scores.view());
    let classes = &bottleneck.names().classes;
    Ok(rows
        .iter()
        .enumerate()
        .map(|(at, &row)| {
            let predicted = best[at] as usize;
            let second = scores
                .row(at)
                .iter()
                .enumerate()
                .filter(|(k, _)| *k != predicted)
                .map(|(_, s)| *s)
                .fold(f64::NEG_INFINITY, f64::max);
            let label = labels.map(|l| l[at] as usize);
            ConceptPredictionRow {
                probe: probe.into(),
                sample: row as u64 + 1,
                split: split.into(),
                label: label.map_or(String::new(), |l| classes[l].clone()),
                predicted: classes[predicted].clone(),
                probability: probabilities[[at, predicted]],
                probability_of_label: label.map(|l| probabilities[[at, l]]),
                margin: scores[[at, predicted]] - second,
            }
        })
        .collect())
}
