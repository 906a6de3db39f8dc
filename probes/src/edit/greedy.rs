//! The best prunes that target data can point at: what an edit could reach.

use super::apply::{Edit, Settle, apply};
use super::scores::EditedScores;
use crate::{Head, ProbeError, best_class};
use rayon::prelude::*;

/// At most `count` prunes of these classes, one after the other, each the one that raises the accuracy on the samples
/// most (of equal ones the first); it ends when none raises it. The accuracy on the same samples flatters it: look at
/// others.
///
/// # Errors
/// When the numbers of samples and labels differ, or a class is none of the head's.
pub fn greedy_prunes(
    head: &Head,
    classes: &[usize],
    count: usize,
    settle: Settle<'_>,
    scores: &EditedScores,
    labels: &[u32],
) -> Result<Vec<Edit>, ProbeError> {
    if scores.n_samples() != labels.len() {
        return Err(ProbeError::Shape { what: "labels".into(), found: labels.len(), expected: scores.n_samples() });
    }
    if let Some(class) = classes.iter().find(|c| **c >= head.weights.ncols()) {
        return Err(ProbeError::Data(format!("class number {class} is none of {}", head.weights.ncols())));
    }
    let right = |after: &Head| {
        let found = best_class(scores.with(head, after).view());
        found.iter().zip(labels).filter(|(a, b)| a == b).count()
    };
    let mut edits: Vec<Edit> = vec![];
    let mut best = right(head);
    for _ in 0..count {
        let candidates: Vec<Edit> = classes
            .iter()
            .flat_map(|&class| (0..head.weights.nrows()).map(move |concept| (class, concept)))
            .filter(|&(class, concept)| head.weights[[concept, class]] != 0.0)
            .map(|(class, concept)| Edit::Prune { class, concept })
            .filter(|edit| !edits.contains(edit))
            .collect();
        let tried: Vec<Option<usize>> = candidates
            .par_iter()
            .map(|candidate| {
                let with: Vec<Edit> = edits.iter().copied().chain([*candidate]).collect();
                // A class's last weight cannot be pruned and renormalised.
                apply(head, &with, settle).ok().map(|after| right(&after))
            })
            .collect();
        let better = candidates.iter().zip(tried).filter_map(|(edit, right)| Some((*edit, right?)));
        let highest = better.fold(None, |highest: Option<(Edit, usize)>, (edit, right)| match highest {
            Some((_, most)) if right <= most => highest,
            _ => Some((edit, right)),
        });
        match highest {
            Some((edit, right)) if right > best => {
                edits.push(edit);
                best = right;
            }
            _ => break,
        }
    }
    Ok(edits)
}
