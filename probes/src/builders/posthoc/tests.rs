//! Post-hoc bottlenecks on planted concepts.

use super::*;
use crate::{Unwatched, registry};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Four classes by the signs of two planted concepts; a third concept says nothing. With `hidden`, a direction without
/// a concept splits class 0 off into class 4.
fn planted(hidden: bool) -> ConceptData {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let x = Array2::from_shape_fn((800, 8), |_| rng.random_range(-2.0..2.0));
    let present = |i: usize, j: usize| x[[i, j]] > 0.0;
    let concepts = Array2::from_shape_fn((800, 3), |(i, j)| f64::from(u8::from(present(i, j))));
    let label = |i: usize| {
        let base = u32::from(present(i, 0)) + 2 * u32::from(present(i, 1));
        if hidden && base == 0 && present(i, 5) { 4 } else { base }
    };
    let labels = (0..800).map(label).collect();
    let names = ["left", "up", "idle"].map(String::from).to_vec();
    ConceptData::new(x.clone(), labels).unwrap().with_concepts(concepts, names).unwrap()
}

fn fit(specification: &str, data: &ConceptData) -> Fitted {
    registry::builder(specification).unwrap().fit(data, 7, &mut Unwatched).unwrap()
}

fn measure(fitted: &Fitted, metric: &str) -> f64 {
    fitted.measures.iter().find(|m| m.metric == metric).unwrap().value
}

#[test]
fn classes_are_read_off_their_concepts() {
    let data = planted(false);
    for head in ["one-vs-rest", "multinomial"] {
        let fitted = fit(&format!("posthoc:head={head},lambda=1e-3"), &data);
        let accuracy = fitted.bottleneck.accuracy(data.embeddings(), data.labels()).unwrap();
        assert!(accuracy > 0.93, "{head}: {accuracy}");
        let weights = fitted.bottleneck.head().unwrap().weights;
        assert!(weights[[0, 1]] > 0.0 && weights[[1, 1]] < 0.0 && weights[[0, 0]] < 0.0, "{weights}");
        assert!(weights.row(2).iter().all(|w| w.abs() < 0.05 * weights[[0, 1]]), "{weights}");
        assert!(measure(&fitted, "head_duality_gap") < 1e-6);
    }
}

#[test]
fn a_target_is_kept_and_standardising_changes_only_what_the_penalty_sees() {
    let data = planted(false);
    for extra in ["", ",standardise=yes", ",head=multinomial"] {
        let fitted = fit(&format!("posthoc:concepts-per-class=1{extra}"), &data);
        assert!(fitted.bottleneck.head().unwrap().concepts_per_class() <= 1.0);
    }
    // With next to no penalty it does not matter what it sees.
    let scores = |extra: &str| {
        let fitted = fit(&format!("posthoc:lambda=1e-3,alpha=0{extra}"), &data);
        fitted.bottleneck.predict(data.embeddings()).unwrap()
    };
    let (plain, standard) = (scores(""), scores(",standardise=yes"));
    assert_eq!(crate::best_class(plain.view()).len(), 800);
    let same = crate::best_class(plain.view())
        .iter()
        .zip(crate::best_class(standard.view()))
        .filter(|(a, b)| **a == *b)
        .count();
    assert!(same > 780, "{same}");
}

#[test]
fn lambda_by_the_number_of_weights_is_the_paper_s() {
    let data = planted(false);
    let plain = fit("posthoc:lambda=1e-4", &data);
    let scaled = fit("posthoc:lambda=12e-4,lambda-scale=weights", &data);
    assert!((measure(&scaled, "lambda") - 1e-4).abs() < 1e-18);
    let [a, b] = [plain, scaled].map(|f| f.bottleneck.head().unwrap().weights);
    assert!((a - b).iter().all(|d| d.abs() < 1e-9));
}

#[test]
fn corrections_are_mean_margins_and_lead_to_the_class() {
    let data = planted(false);
    let fitted = fit("posthoc:lambda=1e-3", &data).bottleneck;
    let corrections = fitted.corrections().unwrap();
    let margins = fitted.concepts(data.embeddings()).unwrap();
    let labels = data.concepts().unwrap();
    for (side, present) in [(0, 0.0), (1, 1.0)] {
        let of: Vec<f64> = (0..800).filter(|&i| labels[[i, 0]] == present).map(|i| margins[[i, 0]]).collect();
        let mean = of.iter().sum::<f64>() / of.len() as f64;
        assert!((corrections[[0, side]] - mean).abs() < 1e-10);
    }
    let mask = Array2::from_elem((800, 3), true);
    let corrected = crate::intervene(margins.view(), &mask, labels, &corrections);
    let scores = fitted.scores(corrected.view(), data.embeddings()).unwrap();
    assert_eq!(crate::best_class(scores.view()), data.labels());
    assert!(!fitted.bypasses());
}

#[test]
fn given_vectors_are_similarities() {
    let data = planted(false);
    let names = data.names().concepts.clone();
    let vectors = Array2::from_shape_fn((3, 8), |(c, f)| if c == f { 2.0 } else { 0.0 });
    let data = data.with_vectors(vectors, names).unwrap();
    let fitted = fit("posthoc:source=vectors,lambda=1e-3", &data).bottleneck;
    assert_eq!(fitted.scale(), Scale::Similarity);
    assert_eq!(fitted.concepts(data.embeddings()).unwrap().column(1), data.embeddings().column(1));
    assert!(fitted.accuracy(data.embeddings(), data.labels()).unwrap() > 0.95);
    assert_eq!(fit("posthoc", &data).bottleneck.scale(), Scale::Margin);
}

#[test]
fn the_residual_finds_what_no_concept_says() {
    let data = planted(true);
    let posthoc = fit("posthoc:lambda=1e-3", &data);
    let hybrid = fit("posthoc-hybrid:lambda=1e-3,epochs=60", &data);
    let accuracy = |f: &Fitted| f.bottleneck.accuracy(data.embeddings(), data.labels()).unwrap();
    assert!(accuracy(&hybrid) > accuracy(&posthoc) + 0.05, "{} {}", accuracy(&hybrid), accuracy(&posthoc));
    assert!(hybrid.bottleneck.bypasses());
    assert_eq!(hybrid.bottleneck.head(), posthoc.bottleneck.head());
    assert!(measure(&hybrid, "residual_share") > 0.02 && measure(&hybrid, "residual_changes") > 0.05);
}

#[test]
fn both_come_back_from_their_records_and_take_other_heads() {
    let data = planted(true);
    for name in ["posthoc:lambda=1e-2", "posthoc-hybrid:lambda=1e-2,epochs=2"] {
        let fitted = fit(name, &data).bottleneck;
        let restored = registry::restore(&fitted.record()).unwrap();
        assert_eq!(restored.record(), fitted.record());
        assert_eq!(restored.predict(data.embeddings()).unwrap(), fitted.predict(data.embeddings()).unwrap());
        let mut head = fitted.head().unwrap();
        head.weights.fill(0.0);
        let edited = fitted.with_head(head.clone()).unwrap();
        assert_eq!(edited.head(), Some(head));
        assert_eq!(edited.bypasses(), fitted.bypasses());
        assert_eq!(edited.concepts(data.embeddings()).unwrap(), fitted.concepts(data.embeddings()).unwrap());
    }
}

#[test]
fn the_path_rises_and_halves_agree_on_what_matters() {
    let data = planted(false);
    let plan = PathPlan { points: 15, ratio: 1e-3, ..PathPlan::default() };
    let test = Some((data.embeddings(), data.labels()));
    let points = Posthoc::default().path(plan, &data, test, 7, &mut Unwatched).unwrap();
    assert_eq!(points.len(), 15);
    assert!(points[0].concepts_per_class == 0.0 && points[14].train_accuracy > 0.93);
    assert!(points.iter().all(|p| p.test_accuracy == Some(p.train_accuracy) && p.support.len() == 4));
    let stability = StabilityPlan { halves: 10, lambda: points[6].lambda };
    let chosen = Posthoc::default().stability(stability, &data, 7, &mut Unwatched).unwrap();
    assert!(chosen[[0, 1]] == 1.0 && chosen[[2, 1]] < 0.6, "{chosen}");
}

#[test]
fn bad_parameters_and_data_are_told() {
    let error = |text: &str| registry::builder(text).unwrap_err().to_string();
    assert!(error("posthoc:head=softmax").contains("one-vs-rest or multinomial"));
    assert!(error("posthoc:c=1/0").contains("numbers above 0"));
    assert!(error("posthoc:alpha=0,concepts-per-class=3").contains("ridge has no zeros"));
    assert!(error("posthoc-hybrid:folds=1").contains("at least 2"));
    let bare = ConceptData::new(planted(false).embeddings().to_owned(), planted(false).labels().to_vec()).unwrap();
    let missing = registry::builder("posthoc:source=labels").unwrap().fit(&bare, 0, &mut Unwatched).unwrap_err();
    assert!(missing.to_string().contains("needs concept labels"), "{missing}");
}
