//! Of the builder as a whole.

use super::{Discover, distinct};
use crate::builders::toys::{assert_consistent, assert_survives, fitted};
use crate::registry::builder;
use crate::{Builder, ConceptData, Fitted, Scale, Unwatched};
use narrows_dictionaries::naming::Name;
use narrows_dictionaries::{Activation, Dictionary};
use ndarray::{Array1, Array2};

/// Unit directions [12 × 8] that no two of are alike.
fn directions() -> Array2<f64> {
    let mut rows = Array2::from_shape_fn((12, 8), |(i, j)| ((i * 8 + j).pow(2) as f64 * 1.7).sin());
    for mut row in rows.outer_iter_mut() {
        let norm = row.dot(&row).sqrt();
        row /= norm;
    }
    rows
}

/// Samples that are sums of two of twelve directions; the class is which third the first of them is from.
fn planted(samples: usize, from: usize) -> ConceptData {
    let directions = directions();
    let parts = |i: usize| ((i * 5) % 12, (i * 7 + i / 12) % 12);
    let embeddings = Array2::from_shape_fn((samples, 8), |(i, j)| {
        let (a, b) = parts(i + from);
        let wobble = 0.02 * (((i + from) * 8 + j) as f64 * 2.3).sin();
        1.5 * directions[[a, j]] + 0.5 * directions[[b, j]] + wobble
    });
    let labels = (0..samples).map(|i| (parts(i + from).0 % 3) as u32).collect();
    ConceptData::new(embeddings, labels).unwrap()
}

fn words() -> Vec<String> {
    (0..12).map(|w| format!("word {w}")).collect()
}

fn measure(fitted: &Fitted, name: &str) -> f64 {
    fitted.measures.iter().find(|m| m.metric == name && m.concept.is_none() && m.class.is_none()).unwrap().value
}

#[test]
fn planted_classes_are_predicted_and_every_variant_survives_being_written_down() {
    let (train, test) = (planted(600, 0), planted(300, 1000));
    for variant in ["topk,k=2", "batch-topk,k=2", "jumprelu,k=2", "l1,lambda=0.05", "gated", "matryoshka,k=2"] {
        let specification = format!("discover:variant={variant},features=32,epochs=40,batch=64,penalty=0.01");
        let found = fitted(&specification, &train, 1);
        let accuracy = found.bottleneck.accuracy(test.embeddings(), test.labels()).unwrap();
        assert!(accuracy > 0.9, "{variant}: {accuracy}");
        assert_survives(&*found.bottleneck, test.embeddings());
        assert_consistent(&*found.bottleneck, test.embeddings());
        assert_eq!(found.bottleneck.names().concepts[11], "feature 12");
        assert!(found.bottleneck.scale() == Scale::Feature && found.bottleneck.corrections().is_none());
        assert!(measure(&found, "explained_variance") > 0.6, "{variant}: {}", measure(&found, "explained_variance"));
        let needed = ["90", "95", "99"].map(|s| measure(&found, &format!("features_for_{s}_percent")));
        assert!(needed[0] > 0.0 && needed[0] <= needed[1] && needed[1] <= needed[2], "{needed:?}");
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        if variant == "topk,k=2" {
            assert!(needed[2] <= 2.0 && measure(&found, "l0") <= 2.0);
        }
    }
}

#[test]
fn vectors_name_features_and_a_given_dictionary_serves_two_label_sets() {
    let train = planted(600, 0);
    let decoder = Array2::from_shape_fn((14, 8), |(i, j)| directions()[[i % 12, j]] as f32);
    let dictionary = Dictionary {
        encoder: decoder.clone(),
        // The copies of the last two rows never win against the first of them.
        encoder_bias: Array1::from_shape_fn(14, |i| if i < 12 { 0.0 } else { -0.5 }),
        decoder,
        bias: Array1::zeros(8),
        centred: false,
        activation: Activation::TopK { k: 3 },
        prefixes: vec![],
    };
    let of = |data: &ConceptData| {
        let builder = Discover::of_dictionary(dictionary.clone(), 0.01).unwrap();
        builder.fit(data, 0, &mut Unwatched).unwrap()
    };
    let named = train.clone().with_vectors(directions() * 3.0, words()).unwrap();
    let other: Vec<u32> = (0..600).map(|i| u32::from((i * 5) % 12 >= 6)).collect();
    let other = ConceptData::new(train.embeddings().to_owned(), other).unwrap();
    let (first, second) = (of(&named), of(&other));
    for (found, data) in [(&first, &named), (&second, &other)] {
        assert!(found.bottleneck.accuracy(data.embeddings(), data.labels()).unwrap() > 0.9);
        assert_survives(&*found.bottleneck, data.embeddings());
    }
    let concepts = |f: &Fitted| f.bottleneck.concepts(train.embeddings()).unwrap();
    assert_eq!(concepts(&first), concepts(&second));
    let names = &first.bottleneck.names().concepts;
    assert_eq!((names[3].as_str(), names[12].as_str()), ("word 3", "word 0 (feature 13)"));
    assert_eq!(first.bottleneck.scale(), Scale::Similarity);
    let corrections = first.bottleneck.corrections().unwrap();
    assert!(corrections[[3, 0]] == 0.0 && corrections[[3, 1]] > 1.0, "{corrections}");
    assert!((measure(&first, "name_cosine") - 1.0).abs() < 1e-5);
    assert!((measure(&first, "shared_names") - 4.0 / 14.0).abs() < 1e-12);
}

#[test]
fn names_differ_whatever_the_words_are() {
    let name = |word, score| Some(Name { word, score, best: vec![], margin: 0.0, shared: 1 });
    let words = ["bird", "bird (feature 1)", "feature 4"].map(String::from);
    let found = distinct(&[name(0, 0.4), name(0, 0.9), name(1, 0.5), None], &words);
    assert_eq!(found, ["bird (feature 1)'", "bird", "bird (feature 1)", "feature 4'"]);
}

#[test]
fn what_cannot_be_is_told() {
    let data = planted(60, 0);
    let error = |s: &str| builder(s).and_then(|b| b.fit(&data, 0, &mut Unwatched)).unwrap_err().to_string();
    assert!(error("discover:variant=l1,k=3").contains("l1 has no such number"));
    assert!(error("discover:lambda=1").contains("topk has no such weight"));
    assert!(error("discover:variant=magic").contains("matryoshka"));
    assert!(error("discover:penalty=2").contains("at most 1"));
    assert!(error("discover:features=8,k=9").contains('9'));
    let few = data.clone().with_vectors(directions().select(ndarray::Axis(0), &[0, 1]), words()[..2].to_vec()).unwrap();
    let found = fitted("discover:features=16,k=2,epochs=2", &few, 0);
    assert!(found.warnings.iter().any(|w| w.contains("too few to name")), "{:?}", found.warnings);
}
