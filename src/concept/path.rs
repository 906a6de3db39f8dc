//! Accuracy against the number of concepts that a class may have.

use super::data::Subject;
use super::guard::Sound;
use crate::table::ConceptPathRow;
use anyhow::{Context, Result};
use narrows_probes::elastic::PathPlan;
use narrows_probes::{Observer, Posthoc};
use ndarray::Axis;

/// Walks the path of a post-hoc bottleneck (`posthoc:key=value,…`): from no concept at all, in `points` steps of λ, to a
/// ten-thousandth of where the first one came in. Two rows a point, of training and test samples.
///
/// # Errors
/// When the specification is not a post-hoc bottleneck's, or the fit fails.
pub fn path(
    subject: &Subject,
    sound: &Sound,
    specification: &str,
    points: usize,
    seed: u64,
    observer: &mut dyn Observer,
) -> Result<Vec<ConceptPathRow>> {
    let posthoc = Posthoc::of(specification)?;
    let embeddings = subject.data.embeddings().select(Axis(0), &subject.test);
    let labels: Vec<u32> = subject.test.iter().map(|&r| subject.data.labels()[r]).collect();
    let plan = PathPlan { points, alpha: posthoc.alpha, ..PathPlan::default() };
    let found = posthoc
        .path(plan, &sound.training, Some((embeddings.view(), &labels)), seed, observer)
        .with_context(|| format!("cannot walk the path of {specification}"))?;
    let rows = found.iter().flat_map(|point| {
        let row = |split: &str, accuracy: f64, n: usize| ConceptPathRow {
            probe: specification.into(),
            lambda: point.lambda,
            concepts_per_class: point.concepts_per_class,
            split: split.into(),
            accuracy,
            std_error: (accuracy * (1.0 - accuracy) / n as f64).sqrt(),
            n_samples: n as u64,
            seed,
        };
        let test = point.test_accuracy.map(|a| row("test", a, labels.len()));
        [Some(row("train", point.train_accuracy, sound.training.n_samples())), test]
    });
    Ok(rows.flatten().collect())
}
