//! The three losses on classes that lie along concepts.

use crate::builders::toys::{assert_consistent, assert_survives, fitted, with_vectors};
use crate::registry::builder;
use crate::{ConceptData, Fitted, Unwatched};

const LOSSES: [&str; 4] = ["sparse-l1:", "sparse-contrastive:", "sparse-gumbel:", "sparse-gumbel:gumbel=released,"];

fn measure(fitted: &Fitted, metric: &str) -> f64 {
    fitted.measures.iter().find(|m| m.metric == metric && m.concept.is_none()).unwrap().value
}

#[test]
fn every_loss_leaves_a_head_that_tells_the_classes() {
    let data = with_vectors(400, 4);
    for loss in LOSSES {
        for more in ["", "concepts=similarities,"] {
            let found = fitted(&format!("{loss}{more}scale=10,epochs=20,head-lr=1e-2"), &data, 1);
            let accuracy = found.bottleneck.accuracy(data.embeddings(), data.labels()).unwrap();
            assert!(accuracy > 0.95, "{loss}{more} {accuracy}");
            assert_survives(&*found.bottleneck, data.embeddings());
            assert_consistent(&*found.bottleneck, data.embeddings());
            assert!((1.0..=4.0).contains(&measure(&found, "concepts_for_90_percent")));
        }
    }
}

#[test]
fn layer_and_head_in_one_predict_the_same_from_the_similarities() {
    let data = with_vectors(200, 5);
    let of = |more: &str| fitted(&format!("sparse-l1:epochs=3{more}"), &data, 1).bottleneck;
    let (layer, merged) = (of(""), of(",concepts=similarities"));
    let difference = layer.predict(data.embeddings()).unwrap() - merged.predict(data.embeddings()).unwrap();
    assert!(difference.iter().all(|d| d.abs() < 1e-9));
    assert_ne!(layer.concepts(data.embeddings()).unwrap(), merged.concepts(data.embeddings()).unwrap());
    let similarities = merged.concepts(data.embeddings()).unwrap();
    assert!(similarities.iter().all(|s| s.abs() <= 100.0 + 1e-9));
}

#[test]
fn a_strong_penalty_shrinks_the_layer_and_units_that_left_their_concepts_are_told() {
    let data = with_vectors(200, 6);
    let of = |more: &str| fitted(&format!("sparse-l1:epochs=30,lr=1e-2,{more}"), &data, 1);
    let size = |f: &Fitted| f.bottleneck.record().tensors["layer"].iter().map(|w| w.abs()).sum::<f64>();
    assert!(size(&of("l1=10")) < 0.3 * size(&of("l1=0")));
    let drawn = fitted("sparse-contrastive", &data, 1);
    assert!(measure(&drawn, "unit_concept_correlation") < 0.5);
    assert!(drawn.warnings[0].contains("init=identity"), "{:?}", drawn.warnings);
    let identity = fitted("sparse-l1:init=identity,epochs=1", &data, 1);
    assert!(measure(&identity, "unit_concept_correlation") > 0.9 && identity.warnings.is_empty());
    assert_eq!(identity.measures.iter().filter(|m| m.concept.is_some()).count(), 6);
}

#[test]
fn pairing_by_nearest_concept_ties_units_to_their_concepts() {
    let data = with_vectors(600, 5);
    let of = |pairs: &str| {
        let found = fitted(&format!("sparse-contrastive:pairs={pairs},scale=10,lr=1e-2,epochs=30"), &data, 1);
        measure(&found, "unit_concept_correlation")
    };
    let (position, nearest) = (of("position"), of("nearest"));
    assert!(nearest > 0.8 && nearest > position + 0.3, "{nearest} {position}");
}

#[test]
fn without_vectors_nothing_is_fitted_and_the_seed_decides_the_rest() {
    let data = with_vectors(100, 4);
    let bare = ConceptData::new(data.embeddings().to_owned(), data.labels().to_vec()).unwrap();
    let error = builder("sparse-l1").unwrap().fit(&bare, 1, &mut Unwatched).unwrap_err().to_string();
    assert!(error.starts_with("sparse-l1 needs concept vectors"), "{error}");
    let of = |seed| fitted("sparse-gumbel:epochs=2", &data, seed).bottleneck.record();
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    let unknown = builder("sparse-gumbel:gumbel=hard").unwrap_err().to_string();
    assert_eq!(unknown, "sparse-gumbel: gumbel = hard, but it must be one of paper, released");
}
