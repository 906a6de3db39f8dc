//! Toy data for the tests of the builders.

use crate::registry::{builder, restore};
use crate::{Bottleneck, ConceptData, Fitted, Unwatched};
use narrows_datasets::concepts::by_name;
use ndarray::{Array2, ArrayView2};

/// Samples of a built-in concept set.
pub(crate) fn toy(name: &str, samples: usize, seed: u64) -> ConceptData {
    let set = by_name(name, samples, seed).unwrap();
    let data = ConceptData::new(set.inputs.mapv(f64::from), set.labels).unwrap();
    data.with_concepts(set.concepts, set.concept_names).unwrap()
}

/// Fits what `specification` says.
pub(crate) fn fitted(specification: &str, data: &ConceptData, seed: u64) -> Fitted {
    builder(specification).unwrap().fit(data, seed, &mut Unwatched).unwrap()
}

/// Accuracy on `test` of what `specification` fits to `train`.
pub(crate) fn accuracy(specification: &str, train: &ConceptData, test: &ConceptData) -> f64 {
    fitted(specification, train, 1).bottleneck.accuracy(test.embeddings(), test.labels()).unwrap()
}

/// Checks that a bottleneck comes back from its record with the same predictions.
pub(crate) fn assert_survives(bottleneck: &dyn Bottleneck, embeddings: ArrayView2<'_, f64>) {
    let restored = restore(&bottleneck.record()).unwrap();
    assert_eq!(restored.record(), bottleneck.record());
    assert_eq!(restored.predict(embeddings).unwrap(), bottleneck.predict(embeddings).unwrap());
    assert_eq!(restored.concepts(embeddings).unwrap(), bottleneck.concepts(embeddings).unwrap());
    assert_eq!(restored.corrections(), bottleneck.corrections());
    assert_eq!(restored.scale(), bottleneck.scale());
}

/// Checks that predictions are the scores of the concepts, and that a linear head gives the same scores.
pub(crate) fn assert_consistent(bottleneck: &dyn Bottleneck, embeddings: ArrayView2<'_, f64>) {
    let concepts = bottleneck.concepts(embeddings).unwrap();
    let scores = bottleneck.scores(concepts.view(), embeddings).unwrap();
    let near = |a: &ndarray::Array2<f64>, b: &ndarray::Array2<f64>| {
        assert_eq!(a.dim(), b.dim());
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{a} for {b}"));
    };
    near(&bottleneck.predict(embeddings).unwrap(), &scores);
    if let Some(head) = bottleneck.head() {
        near(&head.scores(concepts.view()), &scores);
    }
}

/// `samples` noisy copies of as many class vectors as there are concepts, near one concept vector each, in 8
/// dimensions.
pub(crate) fn with_vectors(samples: usize, concepts: usize) -> ConceptData {
    let vectors = Array2::from_shape_fn((concepts, 8), |(i, j)| f64::from(i == j) + 0.1 * ((i * 8 + j) as f64).sin());
    let classes = Array2::from_shape_fn((concepts, 8), |(i, j)| f64::from(i == j) + 0.2 * ((i + j * 5) as f64).cos());
    let embeddings = Array2::from_shape_fn((samples, 8), |(i, j)| {
        classes[[i % concepts, j]] + 0.35 * ((i * 8 + j) as f64 * 2.3).sin()
    });
    let data = ConceptData::new(embeddings, (0..samples).map(|i| (i % concepts) as u32).collect()).unwrap();
    let truth = Array2::from_shape_fn((samples, concepts), |(i, j)| f64::from(i % concepts == j));
    let names: Vec<String> = (0..concepts).map(|j| format!("concept {j}")).collect();
    let data = data.with_concepts(truth, names.clone()).unwrap().with_vectors(vectors, names).unwrap();
    data.with_class_vectors(classes).unwrap()
}
