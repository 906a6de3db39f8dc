//! One class's weights fitted anew, all others frozen.

use super::scores::EditedScores;
use crate::lbfgs::minimise;
use crate::{Head, ProbeError};
use ndarray::{Array1, Axis};

/// A head of which one class was fitted anew.
#[derive(Debug, Clone, PartialEq)]
pub struct FineTuned {
    /// The head.
    pub head: Head,
    /// Whether the fit ended at a minimum.
    pub converged: bool,
}

/// Fits the weights and the intercept of one class to samples: the minimum of the mean cross entropy of the softmax over
/// all scores plus λ/2 Σ_j (σ_j (w_j − w⁰_j))², σ_j the concept's standard deviation over the samples and w⁰ the weights
/// of `from`; the other classes' weights stay. Weights of `held` concepts stay too (those that were pruned, say).
///
/// `scores` are those of the samples under `before`, the bottleneck's own head; `from` is the edited head that the fit
/// starts from. A convex problem, so the start does not matter but through the penalty.
///
/// # Errors
/// When the numbers of samples and labels differ, the class is none of the head's or has no sample, or λ is negative.
pub fn fine_tune(
    before: &Head,
    from: &Head,
    class: usize,
    held: &[usize],
    scores: &EditedScores,
    labels: &[u32],
    lambda: f64,
) -> Result<FineTuned, ProbeError> {
    if !(lambda >= 0.0 && lambda.is_finite()) {
        return Err(ProbeError::BadParameter { name: "lambda", value: lambda, rule: "it cannot be negative" });
    }
    let n = scores.n_samples();
    if n != labels.len() || n == 0 {
        return Err(ProbeError::Shape { what: "labels".into(), found: labels.len(), expected: n });
    }
    let classes = before.weights.ncols();
    if class >= classes || labels.iter().any(|l| *l as usize >= classes) {
        return Err(ProbeError::Data(format!("class numbers must be below {classes}, the number of classes")));
    }
    let own: Vec<bool> = labels.iter().map(|l| *l as usize == class).collect();
    if own.iter().all(|o| !o) {
        return Err(ProbeError::Data(format!(
            "none of the samples is of class number {class} (from 0): its weights cannot be fitted to them"
        )));
    }
    let free: Vec<usize> = (0..before.weights.nrows()).filter(|c| !held.contains(c)).collect();
    let x = scores.concepts.select(Axis(1), &free);
    let mean = x.sum_axis(Axis(0)) / n as f64;
    // What does not vary cannot be told from the intercept: it is left where it is.
    let spread = x.std_axis(Axis(0), 0.0);
    let x = (&x - &mean) / &spread.mapv(|s| if s > 0.0 { s } else { 1.0 });
    let now = scores.with(before, from);
    let own_score = now.column(class).to_owned();
    // log Σ exp of the other classes' scores, and the score of the true class where it is another.
    let others: Array1<f64> = now
        .outer_iter()
        .map(|row| {
            let rest = || row.iter().enumerate().filter(|(k, _)| *k != class).map(|(_, s)| *s);
            let largest = rest().fold(f64::NEG_INFINITY, f64::max);
            largest + rest().map(|s| (s - largest).exp()).sum::<f64>().ln()
        })
        .collect();
    let d = free.len();
    // Parameters: changes of the standardised weights [d], then of the intercept (at the mean).
    let objective = |p: &[f64]| {
        let change = Array1::from(p[..d].to_vec());
        let score = &own_score + &x.dot(&change) + p[d];
        let mut loss = 0.0;
        let mut slope = Array1::zeros(n);
        for i in 0..n {
            // −log softmax of the true class, as a function of this class's score alone.
            let margin = score[i] - others[i];
            let q = 1.0 / (1.0 + (-margin).exp());
            let total = if margin > 0.0 { margin + (-margin).exp().ln_1p() } else { margin.exp().ln_1p() };
            loss += if own[i] { total - margin } else { total + others[i] - now[[i, labels[i] as usize]] };
            slope[i] = q - f64::from(u8::from(own[i]));
        }
        let gradient = x.t().dot(&slope) / n as f64 + &change * lambda;
        let penalty = 0.5 * lambda * change.dot(&change);
        (loss / n as f64 + penalty, gradient.iter().copied().chain([slope.sum() / n as f64]).collect())
    };
    let (best, converged) = minimise(objective, vec![0.0; d + 1], 1e-7, 1000);
    let mut head = from.clone();
    let mut shift = best[d];
    for (place, &concept) in free.iter().enumerate().filter(|(place, _)| spread[*place] > 0.0) {
        let change = best[place] / spread[place];
        head.weights[[concept, class]] += change;
        shift -= change * mean[place];
    }
    head.intercepts[class] += shift;
    Ok(FineTuned { head, converged })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Edit, Editable, Settle, apply, compare, greedy_prunes, random_prunes};
    use crate::metrics::Bootstrap;
    use crate::{Bottleneck, ConceptData, LinearProbe, best_class};
    use ndarray::Array2;

    /// Mean cross entropy of scores [samples × classes].
    fn cross_entropy(scores: &Array2<f64>, labels: &[u32]) -> f64 {
        let p = crate::softmax(scores.view());
        labels.iter().enumerate().map(|(i, &l)| -p[[i, l as usize]].ln()).sum::<f64>() / labels.len() as f64
    }

    const RENORMALISED: Settle<'static> = Settle { renormalise: true, means: None };

    /// Class = largest of three of the four features; class 0 has a spurious fourth in `shifted = false`.
    fn data(shifted: bool) -> (Array2<f64>, Vec<u32>) {
        let wave = |i: usize, j: usize| (((i * 7919 + j * 104_729) % 1009) as f64 / 1009.0 - 0.5) * 1.6;
        let label = |i: usize| (i % 3) as u32;
        let x = Array2::from_shape_fn((600, 4), |(i, j)| match j {
            3 => f64::from(u8::from((label(i) == 0) != shifted)) + 0.2 * wave(i, j),
            _ => f64::from(u8::from(label(i) as usize == j)) + wave(i, j),
        });
        (x, (0..600).map(label).collect())
    }

    fn probe() -> impl Bottleneck {
        let (x, y) = data(false);
        LinearProbe::new(1e-2).unwrap().fit_linear(&ConceptData::new(x, y).unwrap())
    }

    #[test]
    fn the_minimum_is_a_minimum_and_other_classes_stay() {
        let probe = probe();
        let (x, y) = data(true);
        let editable = Editable::new(&probe).unwrap();
        let scores = editable.scores(x.view()).unwrap();
        let from = apply(editable.head(), &[Edit::Prune { class: 0, concept: 3 }], Settle::default()).unwrap();
        let found = fine_tune(editable.head(), &from, 0, &[3], &scores, &y, 0.0).unwrap();
        assert!(found.converged && found.head.weights[[3, 0]] == 0.0);
        let loss = |head: &Head| cross_entropy(&scores.with(editable.head(), head), &y);
        let least = loss(&found.head);
        assert!(least < loss(&from));
        for concept in 0..3 {
            for step in [-1e-3, 1e-3] {
                let mut other = found.head.clone();
                other.weights[[concept, 0]] += step;
                assert!(loss(&other) > least, "concept {concept}");
                assert_eq!(found.head.weights.column(1), editable.head().weights.column(1));
            }
        }
        let mut other = found.head.clone();
        other.intercepts[0] += 1e-3;
        assert!(loss(&other) > least);
        // A heavy penalty leaves the weights where they were.
        let heavy = fine_tune(editable.head(), &from, 0, &[3], &scores, &y, 1e6).unwrap();
        assert!((&heavy.head.weights - &from.weights).iter().all(|d| d.abs() < 1e-4));
    }

    #[test]
    fn pruning_what_is_spurious_helps_on_shifted_data_and_beats_other_prunes() {
        let probe = probe();
        let (x, y) = data(true);
        let editable = Editable::new(&probe).unwrap();
        let scores = editable.scores(x.view()).unwrap();
        let edits = [Edit::Prune { class: 0, concept: 3 }];
        let after = apply(editable.head(), &edits, Settle::default()).unwrap();
        let predictions = |head: &Head| best_class(scores.with(editable.head(), head).view());
        let before = predictions(editable.head());
        let gain = compare(&before, &predictions(&after), &y, 3, Bootstrap::default()).unwrap()[0].clone();
        assert!(gain.interval.unwrap().0 > 0.05, "{gain:?}");
        // The bottleneck with the edited head says the same.
        let edited = editable.with(&after).unwrap();
        assert_eq!(best_class(edited.predict(x.view()).unwrap().view()), predictions(&after));
        // Of the four possible prunes it is the best: p = 1/4.
        let random = random_prunes(editable.head(), &edits, Settle::default(), &[&scores], 100, 0).unwrap();
        assert!(random.exhaustive && random.prunes.len() == 4);
        let accuracy = |p: &Vec<u32>| p.iter().zip(&y).filter(|(a, b)| a == b).count() as f64;
        let numbers: Vec<f64> = random.predictions.iter().map(|sets| accuracy(&sets[0])).collect();
        assert_eq!(random.p_value(&numbers, accuracy(&predictions(&after))), 0.25);
        let drawn = random_prunes(editable.head(), &edits, Settle::default(), &[&scores], 3, 0).unwrap();
        assert!(!drawn.exhaustive && drawn.prunes.len() == 3);
        assert_eq!(greedy_prunes(editable.head(), &[0], 1, Settle::default(), &scores, &y).unwrap(), edits);
    }

    #[test]
    fn random_prunes_are_as_many_of_the_same_class_and_keep_the_other_edits() {
        let probe = probe();
        let (x, y) = data(true);
        let editable = Editable::new(&probe).unwrap();
        let scores = editable.scores(x.view()).unwrap();
        let edits = [
            Edit::Prune { class: 0, concept: 3 },
            Edit::Prune { class: 0, concept: 1 },
            Edit::Prune { class: 2, concept: 0 },
            Edit::Set { class: 1, concept: 0, value: -3.0 },
        ];
        let random = random_prunes(editable.head(), &edits, RENORMALISED, &[&scores], 1000, 0).unwrap();
        // (4 over 2) × 4.
        assert_eq!(random.prunes.len(), 24);
        assert!(random.prunes.iter().all(|p| p.iter().filter(|q| q.0 == 0).count() == 2 && p.len() == 3));
        let own = random.prunes.iter().position(|p| p == &[(0, 1), (0, 3), (2, 0)]).unwrap();
        let after = apply(editable.head(), &edits, RENORMALISED).unwrap();
        assert_eq!(random.predictions[own][0], best_class(scores.with(editable.head(), &after).view()));
        assert!(random_prunes(editable.head(), &edits[3..], RENORMALISED, &[&scores], 10, 0).is_err());
        assert!(fine_tune(editable.head(), &after, 0, &[], &scores, &y, -1.0).is_err());
        assert!(fine_tune(editable.head(), &after, 3, &[], &scores, &y, 0.0).is_err());
        let one = scores.rows(&[1, 4]);
        let none = fine_tune(editable.head(), &after, 0, &[], &one, &[1, 1], 0.0).unwrap_err();
        assert!(none.to_string().contains("none of the samples"), "{none}");
    }
}
