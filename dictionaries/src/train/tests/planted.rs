//! Each variant finds a planted dictionary.

use super::Planted;
use crate::train::{Plan, Recipe, Trainer};

/// Sparsity as it is right for two of 32 features in a sample, and the least mean max cosine (observed: see the docs).
const VARIANTS: [(&str, f32); 6] = [
    ("l1:lambda=0.2,learning-rate=0.003", 0.97),
    ("gated:lambda=0.6,learning-rate=0.003", 0.97),
    ("topk:k=2,learning-rate=0.003", 0.97),
    ("batch-topk:k=2,learning-rate=0.003", 0.95),
    ("jumprelu:target-l0=2,learning-rate=0.003", 0.94),
    ("matryoshka:k=2,prefixes=0.5,learning-rate=0.003", 0.91),
];

#[test]
fn every_variant_recovers_a_planted_dictionary() {
    let planted = Planted::new(8192, 2, 1);
    let recipe =
        |&(text, _): &(&str, f32)| Recipe { name: text.into(), specification: text.into(), width: 48, seed: 1 };
    let plan = Plan { steps: 2000, batch: 256 };
    let recipes = VARIANTS.iter().map(recipe).collect();
    let mut trainer = Trainer::new(recipes, plan, planted.samples.view()).unwrap();
    let start = trainer.dictionary(0).unwrap();
    assert!(planted.recovery(&start.decoder) < 0.7);
    for step in 0..plan.steps {
        trainer.step(planted.batch(step, plan.batch)).unwrap();
    }
    for (i, (name, bar)) in VARIANTS.iter().enumerate() {
        let dictionary = trainer.dictionary(i).unwrap();
        dictionary.check().unwrap();
        let found = planted.recovery(&dictionary.decoder);
        assert!(found > *bar, "{name}: {found}");
        for row in dictionary.decoder.rows() {
            assert!((row.dot(&row) - 1.0).abs() < 1e-5, "{name}");
        }
        // On what it was trained on, it is as sparse and as true as the training said: scale and threshold are folded in.
        let told = trainer.learners[i].sums.told(&trainer.inputs, 0.0, 0.0);
        let codes = dictionary.encode(planted.samples.view()).unwrap();
        let l0 = codes.n_active() as f64 / codes.n_samples() as f64;
        assert!((l0 / told.l0 - 1.0).abs() < 1.0, "{name}: {l0} of {}", told.l0);
        let error = &dictionary.decode(&codes).unwrap() - &planted.samples;
        let mse = error.iter().map(|e| f64::from(e * e)).sum::<f64>() / error.len() as f64;
        assert!(mse < 0.03, "{name}: {mse}");
    }
}

#[test]
fn dead_features_come_back() {
    let planted = Planted::new(2048, 2, 1);
    // All samples lie on one side of these features' hyperplanes: without treatment they stay dead for ever.
    let dead_share = |specification: &str| {
        let recipe = Recipe { name: "d".into(), specification: specification.into(), width: 48, seed: 1 };
        let plan = Plan { steps: 400, batch: 128 };
        let mut trainer = Trainer::new(vec![recipe], plan, planted.samples.view()).unwrap();
        trainer.learners[0].weights.encoder_bias[..24].fill(-20.0);
        for step in 0..plan.steps {
            trainer.step(planted.batch(step, plan.batch)).unwrap();
        }
        trainer.progress()[0].dead_share
    };
    // The auxiliary loss reaches only features that are above zero somewhere.
    for (with, without) in [("l1", "l1:resample=0"), ("gated", "gated:resample=0")] {
        assert!(dead_share(without) >= 0.5 && dead_share(with) < 0.1, "{with}");
    }
}

#[test]
fn the_auxiliary_loss_revives_what_the_largest_crowd_out() {
    let planted = Planted::new(2048, 2, 1);
    // Features so weak that others are always larger: no code, no derivative.
    let dead = |specification: &str| {
        let recipe = Recipe { name: "d".into(), specification: specification.into(), width: 48, seed: 1 };
        let plan = Plan { steps: 600, batch: 128 };
        let mut trainer = Trainer::new(vec![recipe], plan, planted.samples.view()).unwrap();
        let weights = &mut trainer.learners[0].weights;
        (0..16).for_each(|j| weights.encoder.row_mut(j).iter_mut().for_each(|w| *w *= 1e-3));
        for step in 0..plan.steps {
            trainer.step(planted.batch(step, plan.batch)).unwrap();
        }
        trainer.learners[0].silent[..16].iter().filter(|s| **s == 600 * 128).count()
    };
    for name in ["topk", "batch-topk", "matryoshka"] {
        let never = dead(&format!("{name}:k=2,dead-after=1000,auxiliary=0"));
        let revived = dead(&format!("{name}:k=2,dead-after=1000"));
        assert!(never >= 14 && revived <= 4, "{name}: {never} without, {revived} with");
    }
}
