//! Unlearning a class: the pairs of the memory that it fetches most are masked, until nothing of it is left.

use super::Samples;
use crate::ProbeError;
use crate::bottleneck::best_class;
use crate::builders::key_value::{MemoryPlan, told};
use crate::incremental::LearnerSpec;
use crate::incremental::learners::key_value::NAME;
use crate::train::{Purpose, single, stream};
use narrows_dictionaries::key_value::most_fetched;
use ndarray::Axis;
use rand::seq::SliceRandom;

/// Accuracies after so many pairs of a class were masked.
#[derive(Debug, Clone, PartialEq)]
pub struct Unlearned {
    /// The class.
    pub class: u32,
    /// Pairs that were masked, of all heads.
    pub masked: usize,
    /// Accuracy on the test samples of the class.
    pub own: f64,
    /// On those of the other classes.
    pub others: f64,
}

/// Shares of the pairs that a class fetches which are masked in turn.
const SHARES: [f64; 7] = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0];

/// Trains a memory on all classes together in `epochs` passes, and for each class masks the pairs that its training samples
/// fetch, the most fetched first; a query then goes to the nearest pair that is left. Nothing is trained again. A class
/// without test samples is left out.
///
/// # Errors
/// When the specification is not of a key–value learner, or the memory refuses.
pub fn unlearn(
    spec: &LearnerSpec,
    samples: &Samples,
    (epochs, batch): (usize, usize),
    seed: u64,
) -> Result<Vec<Unlearned>, ProbeError> {
    if spec.entry.name != NAME {
        let name = spec.entry.name;
        return Err(ProbeError::Data(format!("{name} has no pairs that could be masked: unlearning is for key-value")));
    }
    let plan = MemoryPlan::read(&spec.given())?;
    let inputs = single(samples.inputs.view());
    let mut memory = plan.memory(single(samples.unlabelled.view()).view(), samples.classes, seed)?;
    let fetched = memory.fetch(inputs.view(), None).map_err(told)?;
    let mut training = plan.training(&memory)?;
    let mut order = samples.train.clone();
    for epoch in 0..epochs {
        order.shuffle(&mut stream(seed, Purpose::Order, 1, epoch));
        for rows in order.chunks(batch) {
            let labels: Vec<u32> = rows.iter().map(|&r| samples.labels[r]).collect();
            training.step(&mut memory, &fetched.rows(rows), &labels);
        }
    }
    let labels: Vec<u32> = samples.train.iter().map(|&r| samples.labels[r]).collect();
    let truth: Vec<u32> = samples.test.iter().map(|&r| samples.labels[r]).collect();
    let (trained, test) = (fetched.rows(&samples.train), inputs.select(Axis(0), &samples.test));
    let mut found = vec![];
    for class in (0..samples.classes as u32).filter(|c| truth.contains(c)) {
        let pairs = most_fetched(&trained, &labels, class, memory.counts.len());
        for share in SHARES {
            let masked = (share * pairs.len() as f64).round() as usize;
            let mut allowed = memory.used();
            pairs[..masked].iter().for_each(|&(p, _)| allowed[p as usize] = false);
            // A head of which nothing would be left keeps the pairs that the class fetches least.
            for (head, own) in allowed.chunks_mut(memory.pairs).enumerate() {
                let missing = memory.nearest.saturating_sub(own.iter().filter(|a| **a).count());
                let of_head = pairs.iter().rev().map(|p| p.0 as usize).filter(|p| p / memory.pairs == head);
                of_head.take(missing).for_each(|p| own[p % memory.pairs] = true);
            }
            let scores = memory.scores(&memory.fetch(test.view(), Some(&allowed)).map_err(told)?);
            let best = best_class(scores.mapv(f64::from).view());
            let accuracy = |of: &dyn Fn(u32) -> bool| {
                let rows: Vec<usize> = (0..truth.len()).filter(|&i| of(truth[i])).collect();
                rows.iter().filter(|&&i| best[i] == truth[i]).count() as f64 / rows.len().max(1) as f64
            };
            found.push(Unlearned { class, masked, own: accuracy(&|c| c == class), others: accuracy(&|c| c != class) });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_datasets::BlobTasks;

    #[test]
    fn a_class_goes_and_the_others_stay() {
        let data = BlobTasks::default().draw(200, 1, 0).unwrap();
        let samples = Samples {
            inputs: data.inputs.mapv(f64::from),
            labels: data.labels,
            classes: 8,
            train: (0..400).collect(),
            test: (400..800).collect(),
            unlabelled: data.inputs.mapv(f64::from),
        };
        let spec = LearnerSpec::parse("key-value:splitter=identity,heads=1,pairs=100,learning-rate=10").unwrap();
        let found = unlearn(&spec, &samples, (20, 50), 1).unwrap();
        assert_eq!(found.len(), 8 * SHARES.len());
        for curve in found.chunks(SHARES.len()) {
            let (before, after) = (&curve[0], &curve[SHARES.len() - 1]);
            assert!(before.own > 0.9 && after.own < 0.1, "{before:?} {after:?}");
            assert!(after.others > before.others - 0.02, "{before:?} {after:?}");
        }
        let refused = unlearn(&LearnerSpec::parse("mlp").unwrap(), &samples, (1, 50), 1).unwrap_err().to_string();
        assert!(refused.contains("mlp has no pairs"), "{refused}");
    }
}
