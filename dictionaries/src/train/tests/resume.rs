//! Going on from a state, other dictionaries alongside, and other numbers of threads change no bit.

use super::Planted;
use crate::train::{Plan, Recipe, Trainer};

const PLAN: Plan = Plan { steps: 40, batch: 64 };

fn recipes() -> Vec<Recipe> {
    let of = |specification: &str, seed| Recipe {
        name: specification.into(),
        specification: specification.into(),
        width: 40,
        seed,
    };
    vec![
        of("l1:lambda=0.2,dead-after=100", 1),
        of("gated", 2),
        of("topk:k=3,dead-after=100", 3),
        of("batch-topk:k=2,dead-after=100", 4),
        of("jumprelu:target-l0=3,dead-after=100", 5),
        of("matryoshka:k=3,dead-after=100,prefixes=0.2/0.5", 6),
    ]
}

fn run(trainer: &mut Trainer, planted: &Planted, until: u64) {
    while trainer.steps_done() < until {
        trainer.step(planted.batch(trainer.steps_done(), PLAN.batch)).unwrap();
    }
}

#[test]
fn a_training_that_was_cut_goes_on_the_same_to_the_bit() {
    let planted = Planted::new(1024, 2, 1);
    let mut whole = Trainer::new(recipes(), PLAN, planted.samples.view()).unwrap();
    run(&mut whole, &planted, 40);
    let mut first = Trainer::new(recipes(), PLAN, planted.samples.view()).unwrap();
    run(&mut first, &planted, 23);
    let mut state = first.state();
    state.json = serde_json::from_str(&serde_json::to_string(&state.json).unwrap()).unwrap();
    let mut second = Trainer::restore(recipes(), PLAN, state.clone()).unwrap();
    assert_eq!(second.state(), state);
    run(&mut second, &planted, 40);
    assert_eq!(second.state(), whole.state());
    assert_eq!(second.progress(), whole.progress());
    assert!(second.step(planted.batch(0, 64)).unwrap_err().to_string().contains("all 40 steps"));
}

#[test]
fn neither_company_nor_threads_change_a_dictionary() {
    let planted = Planted::new(1024, 2, 1);
    let mut together = Trainer::new(recipes(), PLAN, planted.samples.view()).unwrap();
    run(&mut together, &planted, 40);
    for (i, recipe) in recipes().into_iter().enumerate() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1 + i % 3).build().unwrap();
        let alone = pool.install(|| {
            let mut alone = Trainer::new(vec![recipe], PLAN, planted.samples.view()).unwrap();
            run(&mut alone, &planted, 40);
            alone.dictionary(0).unwrap()
        });
        assert_eq!(alone, together.dictionary(i).unwrap());
    }
}

#[test]
fn a_state_of_something_else_is_refused() {
    let planted = Planted::new(256, 2, 1);
    let trainer = Trainer::new(recipes(), PLAN, planted.samples.view()).unwrap();
    let told = |recipes, plan, state| match Trainer::restore(recipes, plan, state) {
        Ok(_) => String::new(),
        Err(e) => e.to_string(),
    };
    let longer = told(recipes(), Plan { steps: 41, ..PLAN }, trainer.state());
    assert!(longer.contains("a plan of 40 steps of 64 samples, and 41"), "{longer}");
    let mut others = recipes();
    others[2].width = 41;
    assert!(told(others, PLAN, trainer.state()).contains("dictionary 2 is topk"));
    let mut damaged = trainer.state();
    damaged.tensors.remove("3.first.decoder");
    assert!(told(recipes(), PLAN, damaged).contains("3.first.decoder is missing"));
    let mut damaged = trainer.state();
    damaged.json["steps_done"] = "many".into();
    assert!(told(recipes(), PLAN, damaged).contains("the saved state is damaged"));
}

#[test]
fn bad_batches_are_told() {
    let planted = Planted::new(256, 2, 1);
    let mut trainer = Trainer::new(recipes(), PLAN, planted.samples.view()).unwrap();
    let mut batch = planted.batch(0, 64).to_owned();
    batch[[4, 2]] = f32::NAN;
    let told = trainer.step(batch.view()).unwrap_err().to_string();
    assert_eq!(told, "batch: the value at row 5, column 3 (counted from 1) is NaN");
    let narrow = trainer.step(ndarray::Array2::zeros((4, 3)).view()).unwrap_err().to_string();
    assert!(narrow.contains("3 columns"), "{narrow}");
    let wild = Recipe { name: "wild".into(), specification: "l1:learning-rate=1e30".into(), width: 8, seed: 0 };
    let mut trainer = Trainer::new(vec![wild], PLAN, planted.samples.view()).unwrap();
    let error = (0..40).find_map(|s| trainer.step(planted.batch(s, 64)).err()).unwrap();
    assert!(error.to_string().starts_with("wild: the loss became"), "{error}");
}
