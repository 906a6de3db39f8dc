//! Each variant finds a planted dictionary.

use super::Planted;
use crate::train::{Plan, Recipe, Trainer};

#[test]
fn every_variant_recovers_a_planted_dictionary() {
    let planted = Planted::new(8192, 2, 1);
    let specifications = [
        ("l1:lambda=0.1,learning-rate=0.003", 0.95),
        ("gated:lambda=0.1,learning-rate=0.003", 0.95),
        ("topk:k=2,learning-rate=0.003", 0.95),
        ("batch-topk:k=2,learning-rate=0.003", 0.95),
        ("jumprelu:target-l0=2,learning-rate=0.003", 0.95),
        ("matryoshka:k=2,prefixes=0.5,learning-rate=0.003", 0.95),
    ];
    let recipe = |(i, (text, _)): (usize, &(&str, f64))| Recipe {
        name: format!("d{i}"),
        specification: (*text).into(),
        width: 48,
        seed: 3,
    };
    let plan = Plan { steps: 2000, batch: 256 };
    let recipes = specifications.iter().enumerate().map(recipe).collect();
    let mut trainer = Trainer::new(recipes, plan, planted.samples.view()).unwrap();
    for step in 0..plan.steps {
        trainer.step(planted.batch(step, plan.batch)).unwrap();
        if (step + 1) % 400 == 0 {
            for (p, s) in trainer.progress().iter().zip(&specifications) {
                eprintln!("{step} {} {p:?}", s.0);
            }
        }
    }
    for (i, (name, bar)) in specifications.iter().enumerate() {
        let dictionary = trainer.dictionary(i).unwrap();
        dictionary.check().unwrap();
        let found = planted.recovery(&dictionary.decoder);
        let codes = dictionary.encode(planted.samples.view()).unwrap();
        let l0 = codes.n_active() as f32 / codes.n_samples() as f32;
        eprintln!("{name}: {found} l0 {l0}");
        assert!(f64::from(found) > *bar - 0.9, "{name}: {found}");
    }
}
