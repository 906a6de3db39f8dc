//! The builder on grids whose law is known.

use super::network::Network;
use crate::builders::toys::{assert_consistent, assert_survives, fitted, toy};
use crate::registry::{builder, restore};
use crate::{Bottleneck, ConceptData, ConceptPlaces, Grid, Record, Scale, Unwatched};
use ndarray::{Array2, Array3, Axis};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const GRID: Grid = Grid { height: 3, width: 4, channels: 6 };
const CONCEPTS: usize = 4;

/// Four concepts, each a direction of the channels in a cell of its own, that differs between samples; the class is told
/// by the first two. Also, of each sample, the cells.
fn planted(samples: usize, seed: u64) -> (ConceptData, Vec<Vec<usize>>) {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut embeddings = Array2::from_shape_simple_fn((samples, GRID.features()), || random.random_range(-0.3..0.3));
    let mut shares = Array3::zeros((samples, CONCEPTS, GRID.cells()));
    let labels = Array2::from_shape_simple_fn((samples, CONCEPTS), || f64::from(u8::from(random.random_bool(0.5))));
    let mut cells = vec![];
    for i in 0..samples {
        let mut places: Vec<usize> = (0..GRID.cells()).collect();
        places.shuffle(random);
        for (j, &cell) in places.iter().enumerate().take(CONCEPTS) {
            shares[[i, j, cell]] = 1.0;
            embeddings[[i, cell * GRID.channels + j]] += 2.0 * labels[[i, j]];
        }
        cells.push(places[..CONCEPTS].to_vec());
    }
    let classes = labels.outer_iter().map(|c| (c[0] + 2.0 * c[1]) as u32).collect();
    let names = (0..CONCEPTS).map(|j| format!("c{j}")).collect();
    let data = ConceptData::new(embeddings, classes).unwrap().with_concepts(labels, names).unwrap();
    let places = ConceptPlaces { shares, parts: (0..CONCEPTS).map(Some).collect() };
    (data.with_grid(GRID).unwrap().with_places(places).unwrap(), cells)
}

/// For each concept and slot, the share of samples with the concept in which the slot's most attended cell is its.
fn pointing(found: &dyn Bottleneck, data: &ConceptData, cells: &[Vec<usize>]) -> Array2<f64> {
    let maps = found.attention().unwrap().attention(data.embeddings()).unwrap();
    let labels = data.concepts().unwrap();
    Array2::from_shape_fn((CONCEPTS, maps.dim().2), |(j, slot)| {
        let present: Vec<usize> = (0..cells.len()).filter(|&i| labels[[i, j]] == 1.0).collect();
        let right = present.iter().filter(|&&i| {
            let map = maps.index_axis(Axis(0), i);
            let map = map.column(slot);
            (0..map.len()).all(|n| map[n] <= map[cells[i][j]])
        });
        right.count() as f64 / present.len() as f64
    })
}

#[test]
fn taught_by_cells_attention_finds_them_and_the_classes() {
    let ((train, _), (test, cells)) = (planted(500, 1), planted(300, 2));
    let found = fitted("concept-centric:width=16,epochs=30,background=yes", &train, 1);
    assert!(found.warnings.iter().all(|w| !w.contains("one cell")), "{:?}", found.warnings);
    let found = found.bottleneck;
    let accuracy = found.accuracy(test.embeddings(), test.labels()).unwrap();
    let of_cells = pointing(&*found, &test, &cells);
    let own = of_cells.diag().mean().unwrap();
    println!("cells: accuracy {accuracy}, pointing {of_cells}");
    assert!(accuracy > 0.95 && own > 0.95, "{accuracy} {of_cells}");
    let p = found.concept_probabilities(found.concepts(test.embeddings()).unwrap().view()).unwrap();
    let right = p.iter().zip(test.concepts().unwrap()).filter(|(p, c)| (**p >= 0.5) == (**c == 1.0)).count();
    assert!(right as f64 / p.len() as f64 > 0.9, "{right}");
    // Without any word on concepts each concept's best slot of all finds less.
    let alone = fitted("concept-centric:width=16,epochs=30,lr=5e-3,supervision=none", &train, 1).bottleneck;
    assert_eq!((alone.scale(), alone.names().concepts[3].as_str()), (Scale::Feature, "slot 4"));
    assert!(alone.corrections().is_none());
    let best = pointing(&*alone, &test, &cells);
    println!("none: {best}");
    let best = best.outer_iter().map(|row| row.iter().copied().fold(0.0, f64::max)).sum::<f64>() / CONCEPTS as f64;
    assert!(best < own - 0.2, "{best} without, {own} with");
}

#[test]
fn every_kind_survives_being_written_down() {
    let (data, _) = planted(60, 3);
    for more in [
        "",
        ",background=yes,lambda-sparse=0.5",
        ",heads=2,gradient=implicit,supervision=image,hidden=7",
        ",heads=4,gradient=straight-through,supervision=both,positions=no",
        ",slots=gaussian,supervision=none,slots-count=3",
    ] {
        let found = fitted(&format!("concept-centric:width=8,epochs=2{more}"), &data, 1).bottleneck;
        assert_survives(&*found, data.embeddings());
        assert_consistent(&*found, data.embeddings());
        let maps = found.attention().unwrap().attention(data.embeddings()).unwrap();
        // The background has the rest, where there is one.
        let background = more.starts_with(",background");
        let whole = |s: &f32| if background { (0.0..1.0).contains(s) } else { (s - 1.0).abs() < 1e-5 };
        assert!(maps.sum_axis(Axis(2)).iter().all(whole));
        let restored = restore(&found.record()).unwrap();
        assert_eq!(restored.attention().unwrap().attention(data.embeddings()).unwrap(), maps);
        let means = maps.mapv(f64::from).sum_axis(Axis(1)) / GRID.cells() as f64;
        let concepts = found.concepts(data.embeddings()).unwrap();
        assert!(means.iter().zip(&concepts).all(|(a, b)| (a - b).abs() < 1e-6));
        let z = found.representation(concepts.view(), data.embeddings()).unwrap().unwrap();
        assert_eq!(z.dim(), (60, concepts.ncols(), 8));
        assert!(found.head().is_none() && found.bypasses());
    }
}

#[test]
fn weights_say_what_a_unit_of_a_concept_adds() {
    let (data, _) = planted(40, 3);
    for heads in [1, 2] {
        let found = fitted(&format!("concept-centric:width=8,epochs=2,heads={heads}"), &data, 1).bottleneck;
        let concepts = found.concepts(data.embeddings()).unwrap();
        let mut more = concepts.clone();
        more.column_mut(2).mapv_inplace(|v| v + 1.0);
        let scores = |c: &Array2<f64>| found.scores(c.view(), data.embeddings()).unwrap();
        let weights = found.attention().unwrap().weights(data.embeddings()).unwrap();
        let moved = scores(&more) - scores(&concepts);
        assert!(moved.iter().zip(weights.index_axis(Axis(1), 2)).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}

#[test]
fn neither_the_batch_nor_the_number_of_threads_matters() {
    let (data, _) = planted(50, 4);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fitted("concept-centric:width=8,epochs=2,slots=gaussian", &data, 1).bottleneck.record())
    };
    assert_eq!(with(1), with(3));
    let found = restore(&with(1)).unwrap();
    let all = found.predict(data.embeddings()).unwrap();
    for i in [0, 13, 49] {
        let one = data.embeddings().select(Axis(0), &[i]);
        assert_eq!(found.predict(one.view()).unwrap().row(0), all.row(i));
    }
    assert_eq!(found.predict(Array2::zeros((0, GRID.features())).view()).unwrap().dim(), (0, 4));
}

#[test]
fn an_embedding_without_a_grid_is_one_cell_and_the_user_is_told() {
    let (train, test) = (toy("xor", 1500, 1), toy("xor", 500, 2));
    let found = fitted("concept-centric:width=16,hidden=32,epochs=30,lr=5e-3", &train, 1);
    assert!(found.warnings[0].contains("identical update") && found.warnings[0].contains("--tokens"));
    let found = found.bottleneck;
    assert_eq!(found.attention().unwrap().grid(), Grid { height: 1, width: 1, channels: 2 });
    assert_survives(&*found, test.embeddings());
    let accuracy = found.accuracy(test.embeddings(), test.labels()).unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
    // A share of one cell is its concept's share.
    let maps = found.attention().unwrap().attention(test.embeddings()).unwrap();
    let concepts = found.concepts(test.embeddings()).unwrap();
    assert!(maps.iter().zip(&concepts).all(|(a, b)| f64::from(*a) == *b));
}

#[test]
fn what_cannot_be_is_told() {
    let error = |s: &str| builder(s).unwrap_err().to_string();
    assert!(error("concept-centric:width=30,heads=4").contains("divide the width, 30"));
    assert!(error("concept-centric:iterations=0").contains("from 1 to 1000"));
    assert!(error("concept-centric:gradient=half").contains("straight-through"));
    assert!(error("concept-centric:slots-count=0").contains("at least 1, or auto"));
    let fit = |s: &str, data: &ConceptData| builder(s).unwrap().fit(data, 0, &mut Unwatched);
    let data = toy("xor", 50, 1);
    let refused = fit("concept-centric:supervision=cells", &data).unwrap_err().to_string();
    assert!(refused.contains("--tokens"), "{refused}");
    let refused = fit("concept-centric:background=yes", &data).unwrap_err().to_string();
    assert!(refused.contains("supervision=cells"), "{refused}");
    // Concepts about no part are named.
    let (data, _) = planted(30, 1);
    let mut places = data.places().unwrap().clone();
    places.parts[3] = None;
    let found = fit("concept-centric:epochs=1,supervision=cells", &data.with_places(places).unwrap()).unwrap();
    assert!(found.warnings[0].contains("1 of 4 concepts are about no part (c3)"), "{:?}", found.warnings);
}

#[test]
fn damage_is_refused() {
    let (data, _) = planted(30, 1);
    let record = fitted("concept-centric:width=4,epochs=1,slots=gaussian", &data, 1).bottleneck.record();
    let refused = |change: &dyn Fn(&mut Record)| {
        let mut damaged = record.clone();
        change(&mut damaged);
        restore(&damaged).unwrap_err().to_string()
    };
    for name in record.tensors.keys() {
        assert!(refused(&|r| drop(r.tensors.remove(name))).contains(name), "{name}");
        assert!(refused(&|r| r.tensors.get_mut(name).unwrap().fill(f64::NAN)).contains(name), "{name}");
    }
    let set =
        |key: &'static str, value: serde_json::Value| refused(&move |r| r.settings["network"][key] = value.clone());
    assert!(set("width", (1u64 << 62).into()).contains("grid") || set("width", (1u64 << 40).into()).contains("shape"));
    assert!(set("width", 0.into()).contains("multiple"));
    assert!(set("heads", 3.into()).contains("multiple"));
    assert!(set("iterations", 10_000_000.into()).contains("iterations"));
    assert!(set("hidden", vec![0].into()).contains("hidden"));
    assert!(set("gradient", "half".into()).contains("half"));
    let huge = serde_json::json!({ "height": u64::MAX, "width": 3, "channels": 6 });
    assert!(set("grid", huge).contains("grid"));
    let other = serde_json::json!({ "height": 3, "width": 4, "channels": 5 });
    assert!(set("grid", other).contains("72 features"));
    assert!(refused(&|r| r.names.concepts.truncate(2)).contains("shape"));
    assert!(refused(&|r| r.tensors.get_mut("scaling.spread").unwrap().fill(0.0)).contains("no spread"));
    assert!(refused(&|r| r.tensors.get_mut("cross.key").unwrap().fill(1e300)).contains("single precision"));
}

#[test]
fn corrections_by_own_weights_are_those_of_the_network() {
    use crate::interventions::{Interventions, Units, policy};
    let (data, _) = planted(80, 3);
    let found = fitted("concept-centric:width=8,epochs=2", &data, 1).bottleneck;
    let units = Units::single(&data.names().concepts);
    let truth = data.concepts().unwrap();
    let run = Interventions::new(&*found, data.embeddings(), data.labels(), truth, units).unwrap();
    let by_weights = run.simulate(&*policy("greedy").unwrap(), 1).unwrap();
    let by_network = run.without_shortcut().simulate(&*policy("greedy").unwrap(), 1).unwrap();
    assert_eq!(by_weights.predicted, by_network.predicted);
    assert!((&by_weights.probability - &by_network.probability).iter().all(|d| d.abs() < 1e-5));
}

#[test]
fn training_lowers_what_it_is_to_lower() {
    use super::aim::Aim;
    use super::task::SlotTask;
    use crate::train::{Optimiser, Purpose, Step, Task, Weights, single, stream};
    let (data, _) = planted(64, 5);
    let record = fitted("concept-centric:width=8,epochs=1,background=yes", &data, 1).bottleneck.record();
    let plan = record.setting("network").unwrap();
    let mut model = Network::new(plan, CONCEPTS + 1, 4, 2).unwrap();
    let scaling = super::cells::scaling(data.embeddings(), GRID.channels);
    let task = SlotTask {
        inputs: super::cells::standardised(data.embeddings(), &scaling),
        labels: data.labels(),
        aim: Aim::new(single(data.concepts().unwrap()), data.places(), (false, true)),
        explanation: 1.0,
        sparse: 0.5,
    };
    let rows: Vec<usize> = (0..64).collect();
    let before = task.loss(&model, &rows);
    let step = Step { method: crate::train::Method::Adam, rate: 5e-3, decay: 0.0, momentum: 0.0 };
    let (mut optimiser, mut gradient) = (Optimiser::new(vec![step], &model), model.clone());
    for _ in 0..100 {
        gradient.clear();
        task.gradient(&model, &rows, &mut stream(0, Purpose::Noise, 0, 0), &mut gradient);
        optimiser.step(&mut model, &gradient);
    }
    let after = task.loss(&model, &rows);
    assert!(after < 0.4 * before, "{before} {after}");
}
