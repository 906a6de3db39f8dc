//! Banks of concepts that are planted in the embeddings.

use super::*;
use crate::Unwatched;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Embeddings of ten features with noise; concept 0 is feature 0 above 0, concept 1 feature 1 above 1 (rarer),
/// concept 2 nearly concept 0, concept 3 never, concept 4 noise.
fn planted(samples: usize) -> ConceptData {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let x = Array2::from_shape_fn((samples, 10), |_| rng.random_range(-2.0..2.0));
    let concepts = Array2::from_shape_fn((samples, 5), |(i, j)| {
        let present = match j {
            0 => x[[i, 0]] > 0.0,
            1 => x[[i, 1]] > 1.0,
            2 => x[[i, 0]] + 0.01 * x[[i, 3]] > 0.0,
            3 => false,
            _ => rng.random_bool(0.5),
        };
        if i % 50 == 3 { f64::NAN } else { f64::from(u8::from(present)) }
    });
    let labels = (0..samples).map(|i| u32::from(x[[i, 0]] > 0.0)).collect();
    let names = ["zero", "one", "twin", "never", "noise"].map(String::from).to_vec();
    ConceptData::new(x, labels).unwrap().with_concepts(concepts, names).unwrap()
}

fn fit(plan: &BankPlan) -> Bank {
    Bank::fit(plan, &planted(600), 1, &mut Unwatched).unwrap()
}

#[test]
fn planted_directions_are_found_by_every_method() {
    for method in [Method::Svm, Method::Logistic, Method::MeanDifference] {
        let bank = fit(&BankPlan { method, ..BankPlan::default() });
        let names: Vec<&str> = bank.concepts.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["zero", "one", "twin", "noise"]);
        assert!(bank.concepts[0].vector[0] > 0.97, "{method:?}: {:?}", bank.concepts[0]);
        assert!(bank.concepts[1].vector[1] > 0.9, "{method:?}: {:?}", bank.concepts[1]);
        assert!(bank.concepts[0].validation.unwrap().auc > 0.98);
        assert_eq!(bank.concepts[0].cost.is_some(), method.has_cost());
        let [absent, present] = bank.concepts[0].corrections;
        assert!(absent < -0.7 && present > 0.7, "{absent} {present}");
        // The threshold lies where the concept begins.
        let threshold = -bank.concepts[1].intercept / bank.concepts[1].vector[1];
        assert!(method == Method::MeanDifference || (threshold - 1.0).abs() < 0.3, "{method:?}: {threshold}");
    }
}

#[test]
fn what_is_left_out_is_named() {
    let bank = fit(&BankPlan { merge: 0.99, min_auc: 0.8, ..BankPlan::default() });
    let names: Vec<&str> = bank.concepts.iter().map(|c| c.name.as_str()).collect();
    assert!(names.len() == 2 && names.contains(&"one"), "{names:?}");
    let warnings = bank.warnings().join("\n");
    assert!(warnings.contains("'never' is left out: it is present in none of the 588 training samples"), "{warnings}");
    assert!(warnings.contains("'noise' is left out: its validation AUC"), "{warnings}");
    assert!(warnings.contains("(cosine 0.99") || warnings.contains("(cosine 1.0"), "{warnings}");
    assert!(
        fit(&BankPlan::default()).warnings().iter().any(|w| w.contains("no better than chance") && w.contains("noise"))
    );
}

#[test]
fn permutations_tell_a_concept_from_noise() {
    let bank = fit(&BankPlan { permutations: 19, per_side: 60, ..BankPlan::default() });
    let p = |name: &str| bank.concepts.iter().find(|c| c.name == name).unwrap().p_value.unwrap();
    assert!((p("zero") - 0.05).abs() < 1e-12);
    assert!(p("noise") > 0.05, "{}", p("noise"));
}

#[test]
fn folds_choose_a_cost_and_judge_out_of_fold() {
    let bank = fit(&BankPlan { folds: 5, per_side: 100, ..BankPlan::default() });
    let zero = &bank.concepts[0];
    assert!(zero.cost.is_some() && zero.validation.unwrap().auc > 0.98);
    assert!(zero.margins.positive_count + zero.margins.negative_count == 200);
    let noise = bank.concepts.iter().find(|c| c.name == "noise").unwrap();
    assert!(noise.validation.unwrap().auc < noise.train_accuracy, "{noise:?}");
}

#[test]
fn given_vectors_are_normalised_and_measured() {
    let data = planted(50).columns(&[0, 1]);
    let names = data.names().concepts.clone();
    let vectors = Array2::from_shape_fn((2, 10), |(c, f)| if c == f { 3.0 } else { 0.0 });
    let data = data.with_vectors(vectors, names).unwrap();
    let bank = Bank::given(&BankPlan::default(), &data).unwrap();
    assert_eq!(bank.margins(data.embeddings()).unwrap().column(0), data.embeddings().column(0));
    let metrics: Vec<&str> = bank.measures().iter().map(|m| m.metric).collect();
    assert!(metrics.contains(&"margin_q90") && !metrics.contains(&"bank_validation_auc"));
    assert!(bank.margins(data.embeddings().t()).is_err());
}

#[test]
fn seeds_repeat_and_threads_change_nothing() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let plan = BankPlan { per_side: 80, ..BankPlan::default() };
    let vectors = |threads| pool(threads).install(|| fit(&plan).vectors());
    assert_eq!(vectors(1), vectors(3));
}
