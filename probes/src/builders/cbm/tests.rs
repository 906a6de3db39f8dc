//! The three kinds on data whose ceilings are known.

use crate::builders::toys::{accuracy, assert_consistent, assert_survives, fitted, toy};
use crate::registry::builder;
use crate::{Bottleneck, ConceptData, Observer, Scale, Unwatched};
use ndarray::{Array2, Axis};

const HIDDEN: &str = "hidden=64x64,lr=5e-3";

#[test]
fn hard_concepts_need_a_head_that_can_tell_xor() {
    let (train, test) = (toy("xor", 3000, 1), toy("xor", 3000, 2));
    let deep = accuracy(&format!("cbm-sequential:bottleneck=hard,head-hidden=16,{HIDDEN}"), &train, &test);
    assert!(deep >= 0.99, "{deep}");
    let linear = accuracy(&format!("cbm-sequential:bottleneck=hard,{HIDDEN}"), &train, &test);
    assert!(linear <= 0.78, "{linear}");
}

#[test]
fn soft_joint_concepts_pass_the_ceiling_that_hard_ones_keep() {
    // Bayes accuracy from the concepts is 3/4; 4 standard errors of 4000 samples are 0.027.
    let (train, test) = (toy("dot", 4000, 1), toy("dot", 4000, 2));
    for kind in ["independent", "sequential"] {
        let hard = accuracy(&format!("cbm-{kind}:bottleneck=hard,head-hidden=16,{HIDDEN}"), &train, &test);
        assert!((0.72..0.777).contains(&hard), "{kind}: {hard}");
    }
    let soft = accuracy(&format!("cbm-joint:lambda=0.1,head-hidden=16,{HIDDEN}"), &train, &test);
    assert!(soft > 0.85, "{soft}");
}

#[test]
fn hard_trigonometric_concepts_reach_their_ceiling_and_the_black_box_passes_it() {
    // Bayes accuracy from the concepts is 0.8128; 4 standard errors of 4000 samples are 0.025.
    let (train, test) = (toy("trigonometric", 4000, 1), toy("trigonometric", 4000, 2));
    let hard = accuracy(&format!("cbm-sequential:bottleneck=hard,head-hidden=16,{HIDDEN}"), &train, &test);
    assert!((0.78..0.838).contains(&hard), "{hard}");
    let [soft, box_] = [format!("cbm-joint:lambda=0.1,head-hidden=16,{HIDDEN}"), format!("mlp:{HIDDEN}")]
        .map(|s| accuracy(&s, &train, &test));
    assert!(soft > 0.9 && box_ > 0.95, "{soft} {box_}");
}

#[test]
fn the_kinds_share_their_concept_predictor_and_follow_the_seed() {
    let data = toy("trigonometric", 400, 1);
    let concepts = |kind: &str, seed| fitted(&format!("cbm-{kind}:epochs=3"), &data, seed).bottleneck;
    let of = |b: Box<dyn Bottleneck>| b.concepts(data.embeddings()).unwrap();
    assert_eq!(of(concepts("independent", 1)), of(concepts("sequential", 1)));
    assert_ne!(of(concepts("independent", 1)), of(concepts("independent", 2)));
    assert_ne!(of(concepts("joint", 1)), of(concepts("sequential", 1)));
    let twice = [(); 2].map(|()| fitted("cbm-joint:dropout=0.3,hidden=8,epochs=2", &data, 5).bottleneck.record());
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn every_reading_survives_being_written_down_and_says_its_scale() {
    let data = toy("trigonometric", 300, 1);
    for kind in ["independent", "sequential", "joint"] {
        for (reading, scale) in [("sigmoid", Scale::Probability), ("hard", Scale::Probability), ("logit", Scale::Logit)]
        {
            if (kind, reading) == ("independent", "logit") {
                continue;
            }
            let fitted = fitted(&format!("cbm-{kind}:bottleneck={reading},hidden=5,epochs=2"), &data, 1).bottleneck;
            assert_eq!(fitted.scale(), scale);
            assert_survives(&*fitted, data.embeddings());
            assert_consistent(&*fitted, data.embeddings());
            let concepts = fitted.concepts(data.embeddings()).unwrap();
            let corrections = fitted.corrections().unwrap();
            match reading {
                "logit" => {
                    // A twentieth of the samples lies beyond each of the two.
                    let below = concepts.column(0).iter().filter(|&&z| z < corrections[[0, 0]]).count();
                    assert_eq!(below, 15);
                    assert!(corrections[[0, 0]] < corrections[[0, 1]]);
                }
                _ => assert_eq!(corrections.row(1).to_vec(), [0.0, 1.0]),
            }
            if reading == "hard" {
                assert!(concepts.iter().all(|&c| c == 0.0 || c == 1.0));
            }
        }
    }
    let refused = builder("cbm-independent:bottleneck=logit").unwrap_err().to_string();
    assert_eq!(refused, "cbm-independent: bottleneck = logit, but it must be one of sigmoid, hard");
}

#[test]
fn missing_and_soft_labels_are_learnt_from_and_a_concept_without_any_is_refused() {
    let whole = toy("xor", 2000, 1);
    let mut concepts = whole.concepts().unwrap().to_owned();
    for ((i, j), c) in concepts.indexed_iter_mut() {
        *c = if (i + j) % 3 == 0 { f64::NAN } else { 0.1 + 0.8 * *c };
    }
    let with = |c: Array2<f64>| {
        let bare = ConceptData::new(whole.embeddings().to_owned(), whole.labels().to_vec()).unwrap();
        bare.with_concepts(c, whole.names().concepts.clone()).unwrap()
    };
    let data = with(concepts.clone());
    for kind in ["independent", "sequential", "joint"] {
        let fitted = fitted(&format!("cbm-{kind}:{HIDDEN},head-hidden=16,pos-weight=yes"), &data, 1);
        let found = fitted.bottleneck.concepts(whole.embeddings()).unwrap();
        let truth = whole.concepts().unwrap();
        let right = found.iter().zip(truth).filter(|(p, c)| (**p >= 0.5) == (**c == 1.0)).count();
        assert!(right as f64 / 4000.0 > 0.97, "{kind}: {right}");
        assert_eq!(fitted.measures.iter().filter(|m| m.metric == "positive_weight").count(), 2);
    }
    concepts.index_axis_mut(Axis(1), 1).fill(f64::NAN);
    let error = builder("cbm-joint").unwrap().fit(&with(concepts), 1, &mut Unwatched).unwrap_err().to_string();
    assert!(error.contains("'x2 > 0.5' has no label"), "{error}");
    let bare = ConceptData::new(whole.embeddings().to_owned(), whole.labels().to_vec()).unwrap();
    let error = builder("cbm-joint").unwrap().fit(&bare, 1, &mut Unwatched).unwrap_err().to_string();
    assert_eq!(error, "cbm-joint needs concept labels (a matrix of samples × concepts)");
}

/// Remembers what it was told.
#[derive(Default)]
struct Log {
    progress: Vec<(usize, usize)>,
    snapshots: Vec<(usize, f64)>,
    data: Option<ConceptData>,
}

impl Observer for Log {
    fn progress(&mut self, done: usize, total: usize) {
        self.progress.push((done, total));
    }

    fn wants(&self, epoch: usize) -> bool {
        epoch != 1
    }

    fn snapshot(&mut self, epoch: usize, bottleneck: &dyn Bottleneck) {
        self.snapshots.push((epoch, class_loss(bottleneck, self.data.as_ref().unwrap())));
    }
}

fn class_loss(bottleneck: &dyn Bottleneck, data: &ConceptData) -> f64 {
    let p = bottleneck.class_probabilities(bottleneck.predict(data.embeddings()).unwrap().view());
    data.labels().iter().enumerate().map(|(i, &y)| -p[[i, y as usize]].ln()).sum()
}

#[test]
fn an_observer_sees_every_epoch_of_both_parts() {
    let data = toy("trigonometric", 500, 1);
    let mut log = Log { data: Some(data.clone()), ..Log::default() };
    let specification = "cbm-sequential:epochs=2,validation=0,lr=1e-2";
    let fitted = builder(specification).unwrap().fit(&data, 1, &mut log).unwrap();
    assert_eq!(log.progress, [(1, 4), (2, 4), (3, 4), (4, 4)]);
    assert_eq!(log.snapshots.iter().map(|s| s.0).collect::<Vec<_>>(), [0, 2, 3, 4]);
    // Without validation the last epoch is what is kept; the head learns in the second part alone.
    let last = class_loss(&*fitted.bottleneck, &data);
    assert_eq!(log.snapshots[3].1, last);
    assert!(log.snapshots[2].1 < log.snapshots[0].1 && last < log.snapshots[2].1, "{:?}", log.snapshots);
    let mut joint = Log { data: Some(data.clone()), ..Log::default() };
    builder("cbm-joint:epochs=3,validation=0").unwrap().fit(&data, 1, &mut joint).unwrap();
    assert_eq!(joint.progress, [(1, 3), (2, 3), (3, 3)]);
}
