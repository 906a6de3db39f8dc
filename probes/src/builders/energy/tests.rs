//! The builder on data whose answers are known.

use crate::builders::toys::{assert_consistent, assert_survives, fitted, toy};
use crate::interventions::Correction;
use crate::registry::{builder, restore};
use crate::{ConceptData, Known, Unwatched, best_class, intervene};
use ndarray::{Array2, Axis};

#[test]
fn it_survives_being_written_down_whatever_the_inference() {
    let data = toy("trigonometric", 300, 1);
    for inference in ["exact", "mean-field", "gradient", "feed-forward"] {
        for partition in ["class", "joint"] {
            let specification = format!("energy:width=8,epochs=2,inference={inference},partition={partition}");
            let found = fitted(&specification, &data, 1).bottleneck;
            assert_survives(&*found, data.embeddings());
            assert_consistent(&*found, data.embeddings());
            assert!(found.bypasses() && found.joint().is_some() && found.propagation().is_some());
            assert_eq!(fitted(&specification, &data, 1).bottleneck.record(), found.record());
        }
    }
}

#[test]
fn it_learns_concepts_and_a_class_that_no_linear_head_can_tell() {
    let (train, test) = (toy("xor", 3000, 1), toy("xor", 1000, 2));
    let fitted = fitted("energy:width=64,epochs=60", &train, 1);
    let found = &fitted.bottleneck;
    let truth = test.concepts().unwrap();
    let concepts = found.concepts(test.embeddings()).unwrap();
    let right = concepts.iter().zip(truth).filter(|(p, c)| (**p >= 0.5) == (**c == 1.0)).count();
    assert!(right as f64 / 2000.0 > 0.97, "{right}");
    assert!(found.accuracy(test.embeddings(), test.labels()).unwrap() > 0.95);
    // p(y | c) is the exclusive or, and p(y | x, c) follows it.
    let patterns = ndarray::array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let class = found.class_given_concepts(patterns.view()).unwrap().unwrap();
    assert_eq!(best_class(class.view()), [0, 1, 1, 0]);
    assert!(class.outer_iter().all(|row| (row.mapv(f64::exp).sum() - 1.0).abs() < 1e-12));
    let chosen = fitted.measures.iter().find(|m| m.metric == "global_weight").unwrap().value;
    assert_eq!(found.record().settings["inference"]["weights"]["global"], chosen);
}

/// Six concepts of which two threes always agree; each is seen through its own noise. The class is the first three's.
fn agreeing(samples: usize, shift: usize) -> ConceptData {
    let truth = |i: usize, k: usize| f64::from(u8::from(((i + shift) * 7919 / if k < 3 { 1 } else { 64 }) % 2 == 1));
    let noise = |i: usize, k: usize| {
        let z = ((i + shift) * 6 + k) as f64 * 12.9898;
        (z.sin() * 43_758.545_3).fract()
    };
    let embeddings = Array2::from_shape_fn((samples, 6), |(i, k)| truth(i, k) + 0.9 * noise(i, k));
    let labels = (0..samples).map(|i| truth(i, 0) as u32).collect();
    let concepts = Array2::from_shape_fn((samples, 6), |(i, k)| truth(i, k));
    let names = (0..6).map(|k| format!("c{k}")).collect();
    ConceptData::new(embeddings, labels).unwrap().with_concepts(concepts, names).unwrap()
}

#[test]
fn a_correction_stays_and_moves_the_concepts_that_go_with_it() {
    let data = agreeing(1500, 0);
    for inference in ["exact", "mean-field", "gradient"] {
        let specification = format!("energy:width=32,epochs=30,global-weight=1,inference={inference}");
        let found = fitted(&specification, &data, 1).bottleneck;
        let few = agreeing(50, 5000);
        let predicted = found.concepts(few.embeddings()).unwrap();
        let mut mask = Array2::from_elem(predicted.dim(), false);
        mask.column_mut(4).fill(true);
        // Told the opposite of what holds: the others of its three must give way.
        let told = few.concepts().unwrap().mapv(|c| 1.0 - c);
        let corrected = intervene(predicted.view(), &mask, told.view(), &found.corrections().unwrap());
        let correction = Correction {
            predicted: predicted.view(),
            corrected: corrected.view(),
            mask: &mask,
            embeddings: few.embeddings(),
        };
        let moved = found.propagation().unwrap().propagate(correction).unwrap();
        assert_eq!(moved.column(4), corrected.column(4));
        let gain = |k: usize| {
            let toward = |c: &Array2<f64>| 1.0 - (&c.column(k) - &told.column(k)).mapv(f64::abs).sum() / 50.0;
            toward(&moved) - toward(&predicted)
        };
        let [with, without] = [(gain(3) + gain(5)) / 2.0, (gain(0) + gain(1) + gain(2)) / 3.0];
        assert!(with > 0.1 && without.abs() < 0.3 * with, "{inference}: {with} {without}");
        let posterior = found.joint().unwrap();
        let known = Known { concepts: Some((corrected.view(), &mask)), classes: None };
        assert_eq!(posterior.infer(few.embeddings(), known).unwrap().concepts, moved);
    }
}

#[test]
fn a_known_class_moves_concepts_and_samples_do_not_see_each_other() {
    let data = agreeing(1500, 0);
    let few = agreeing(90, 5000);
    for inference in ["exact", "mean-field", "gradient"] {
        let specification = format!("energy:width=16,epochs=20,global-weight=1,inference={inference}");
        let found = fitted(&specification, &data, 1).bottleneck;
        let joint = found.joint().unwrap();
        let free = joint.infer(few.embeddings(), Known::default()).unwrap();
        let classes: Vec<Option<u32>> = few.labels().iter().map(|y| Some(1 - y)).collect();
        let told = joint.infer(few.embeddings(), Known { concepts: None, classes: Some(&classes) }).unwrap();
        let distance = |c: &Array2<f64>| {
            c.column(0).iter().zip(&classes).map(|(p, y)| (p - f64::from(y.unwrap())).abs()).sum::<f64>() / 90.0
        };
        assert!(distance(&told.concepts) < distance(&free.concepts), "{inference}");
        assert!(told.classes.outer_iter().zip(&classes).all(|(q, y)| q[y.unwrap() as usize] == 1.0));
        // One sample alone, and the last of a chunk that is not full.
        for i in [0, 63, 64, 89] {
            let alone = joint.infer(few.embeddings().select(Axis(0), &[i]).view(), Known::default()).unwrap();
            assert_eq!(alone.concepts.row(0), free.concepts.row(i), "{inference}");
            assert_eq!((alone.energy[0], alone.steps[0]), (free.energy[i], free.steps[i]));
        }
        let trace = joint.energy_trace(few.embeddings(), Known::default()).unwrap();
        assert!(trace.outer_iter().all(|t| t.iter().copied().fold(f64::INFINITY, f64::min) < t[0]));
    }
}

#[test]
fn missing_labels_are_learnt_around() {
    let whole = toy("xor", 2000, 1);
    let concepts =
        Array2::from_shape_fn(
            (2000, 2),
            |at| {
                if (at.0 + at.1) % 3 == 0 { f64::NAN } else { whole.concepts().unwrap()[at] }
            },
        );
    let data = ConceptData::new(whole.embeddings().to_owned(), whole.labels().to_vec()).unwrap();
    let data = data.with_concepts(concepts, whole.names().concepts.clone()).unwrap();
    let found = fitted("energy:width=64,epochs=60", &data, 1).bottleneck;
    let truth = whole.concepts().unwrap();
    let predicted = found.concepts(whole.embeddings()).unwrap();
    let right = predicted.iter().zip(truth).filter(|(p, c)| (**p >= 0.5) == (**c == 1.0)).count();
    assert!(right as f64 / 4000.0 > 0.95, "{right}");
}

#[test]
fn hostile_records_and_choices_are_refused() {
    let data = toy("trigonometric", 200, 1);
    let record = fitted("energy:width=4,epochs=1", &data, 1).bottleneck.record();
    let refused = |change: &dyn Fn(&mut crate::Record)| {
        let mut damaged = record.clone();
        change(&mut damaged);
        restore(&damaged).unwrap_err().to_string()
    };
    assert!(refused(&|r| r.settings["width"] = usize::MAX.into()).contains("is no energy-based bottleneck"));
    assert!(refused(&|r| r.settings["width"] = 5.into()).contains("class_gate"));
    assert!(refused(&|r| drop(r.tensors.remove("projection.weights"))).contains("projection.weights"));
    assert!(refused(&|r| r.settings["inference"]["weights"]["global"] = (-1.0).into()).contains("at least 0"));
    assert!(refused(&|r| r.settings["inference"]["partition"] = "both".into()).contains("inference"));
    assert!(refused(&|r| r.settings["class_gate"]["leak"] = 0.5.into()).contains("no rectified layer"));
    assert!(refused(&|r| r.settings["class_gate"]["closing"] = false.into()).contains("no rectified layer"));
    assert!(refused(&|r| r.names.concepts.clear()).contains("0 concepts"));
    for (text, expected) in [
        ("partition=both", "it must be one of joint, class"),
        ("global-weight=-1", "it must be auto or a number of at least 0"),
        ("perturbed-samples=2", "[0, 1]"),
        ("dropout=1", "[0, 1)"),
        ("restarts=0", "at least 1"),
    ] {
        let error = builder(&format!("energy:{text}")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let wide = crate::builders::toys::with_vectors(60, 21);
    let error = builder("energy:inference=exact").unwrap().fit(&wide, 1, &mut Unwatched).unwrap_err().to_string();
    assert!(error.contains("at most 20 concepts, but there are 21"), "{error}");
    let found = fitted("energy:width=4,epochs=1", &data, 1).bottleneck;
    let joint = found.joint().unwrap();
    let far = [Some(9u32); 200];
    let error = joint.infer(data.embeddings(), Known { concepts: None, classes: Some(&far) }).unwrap_err();
    assert!(error.to_string().contains("numbered from 0 to 1"), "{error}");
    let (values, mask) = (Array2::from_elem((200, 3), 1.5), Array2::from_elem((200, 3), true));
    let known = Known { concepts: Some((values.view(), &mask)), classes: None };
    assert!(joint.infer(data.embeddings(), known).unwrap_err().to_string().contains("1.5 is no label"));
    assert_eq!(joint.infer(Array2::zeros((0, 7)).view(), Known::default()).unwrap().concepts.dim(), (0, 3));
}
