//! Concept embeddings on data whose ceilings are known.

use crate::builders::toys::{assert_consistent, assert_survives, fitted, toy};
use crate::{Bottleneck, ProbeError, best_class, intervene};
use ndarray::Array2;

const TOY: &str = "cem:hidden=64x64,lr=5e-3,batch=64";

fn accuracy(bottleneck: &dyn Bottleneck, concepts: &Array2<f64>, data: &crate::ConceptData) -> f64 {
    let scores = bottleneck.scores(concepts.view(), data.embeddings()).unwrap();
    let right = best_class(scores.view()).iter().zip(data.labels()).filter(|(a, b)| a == b).count();
    right as f64 / data.n_samples() as f64
}

#[test]
fn it_passes_the_ceiling_of_incomplete_concepts_and_keeps_their_meaning() {
    let (train, test) = (toy("dot", 3000, 1), toy("dot", 2000, 2));
    let found = fitted(TOY, &train, 1).bottleneck;
    assert!(found.bypasses());
    let class = found.accuracy(test.embeddings(), test.labels()).unwrap();
    assert!(class > 0.9, "{class}: Bayes accuracy from the concepts alone is 0.75");
    let p = found.concepts(test.embeddings()).unwrap();
    let right = p.iter().zip(test.concepts().unwrap()).filter(|(p, c)| (**p >= 0.5) == (**c == 1.0)).count();
    assert!(right as f64 / 4000.0 > 0.95, "{right}");
}

#[test]
fn corrections_reach_the_class_past_the_vectors() {
    let (train, test) = (toy("xor", 2000, 1), toy("xor", 1000, 2));
    let truth = test.concepts().unwrap();
    let found = fitted(TOY, &train, 1).bottleneck;
    let all = Array2::from_elem(truth.dim(), true);
    let corrections = found.corrections().unwrap();
    let right = intervene(truth, &all, truth, &corrections);
    assert!(accuracy(&*found, &right, &test) > 0.99);
    // The second concept told wrongly turns the exclusive or; the vectors, which know it too, resist.
    let mut one = all;
    one.column_mut(0).fill(false);
    let wrong = intervene(right.view(), &one, truth.mapv(|c| 1.0 - c).view(), &corrections);
    let misled = accuracy(&*found, &wrong, &test);
    assert!(misled < 0.8, "{misled}");
    let mixed = found.representation(right.view(), test.embeddings()).unwrap().unwrap();
    assert_eq!(mixed.dim(), (1000, 2, 16));
    // Half a probability is the mean of both vectors.
    let of = |p: f64| found.representation(Array2::from_elem((1000, 2), p).view(), test.embeddings()).unwrap().unwrap();
    let (half, ends) = (of(0.5), (of(0.0) + of(1.0)) / 2.0);
    assert!(half.iter().zip(&ends).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn it_survives_being_written_down_and_refuses_rows_that_do_not_belong_together() {
    // More rows than are evaluated at once.
    let data = toy("trigonometric", 700, 1);
    let found = fitted("cem:width=3,epochs=2", &data, 1).bottleneck;
    assert_survives(&*found, data.embeddings());
    assert_consistent(&*found, data.embeddings());
    assert!(found.head().is_none());
    let twice = fitted("cem:width=3,epochs=2", &data, 1).bottleneck;
    assert_eq!(twice.record(), found.record());
    let concepts = Array2::zeros((3, 3));
    let error = found.scores(concepts.view(), data.embeddings()).unwrap_err();
    assert!(matches!(error, ProbeError::LengthMismatch { embeddings: 700, other: 3, .. }));
    assert!(found.scores(Array2::zeros((700, 2)).view(), data.embeddings()).is_err());
}

#[test]
fn without_samples_nothing_is_predicted() {
    let data = toy("trigonometric", 100, 1);
    let found = fitted("cem:epochs=1", &data, 1).bottleneck;
    assert_eq!(found.predict(Array2::zeros((0, 7)).view()).unwrap().dim(), (0, 2));
}
