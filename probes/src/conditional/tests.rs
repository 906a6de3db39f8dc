//! The ways against each other and against sums written out.

use super::*;
use crate::builders::toys::{fitted, toy};
use ndarray::{Array1, ArrayView2, array};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// A law of classes with every interaction of two concepts: softmax of a random quadratic form.
struct Quadratic {
    linear: Array2<f64>,
    pairs: Vec<Array2<f64>>,
}

impl Quadratic {
    fn new(concepts: usize, classes: usize, seed: u64) -> Self {
        let mut rng = generator(seed, 0);
        let mut number = || 4.0 * rng.random::<f64>() - 2.0;
        let linear = Array2::from_shape_simple_fn((concepts, classes), &mut number);
        let pairs = (0..classes).map(|_| Array2::from_shape_simple_fn((concepts, concepts), &mut number)).collect();
        Self { linear, pairs }
    }

    fn ask(&self, patterns: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        let mut scores = patterns.dot(&self.linear);
        for (i, c) in patterns.outer_iter().enumerate() {
            for (y, q) in self.pairs.iter().enumerate() {
                scores[[i, y]] += c.dot(&q.dot(&c));
            }
        }
        Ok(crate::softmax(scores.view()).mapv(f64::ln))
    }
}

fn present(samples: usize, concepts: usize, seed: u64) -> Array2<f64> {
    let mut rng = generator(seed, 1);
    Array2::from_shape_simple_fn((samples, concepts), || rng.random::<f64>())
}

/// p(c, y) by the definition, one pattern and sample after the other.
fn by_hand(present: &Array2<f64>, law: &Quadratic, classes: usize) -> Array2<f64> {
    let (samples, concepts) = present.dim();
    let mut joint = Array2::zeros((1 << concepts, classes));
    for number in 0..1usize << concepts {
        let bits = Array1::from_shape_fn(concepts, |k| (number >> k & 1) as f64);
        let of_sample = |x: ndarray::ArrayView1<'_, f64>| -> f64 {
            x.iter().zip(&bits).map(|(p, b)| if *b == 1.0 { *p } else { 1.0 - p }).product()
        };
        let pattern = present.outer_iter().map(of_sample).sum::<f64>() / samples as f64;
        let given = law.ask(bits.insert_axis(ndarray::Axis(0)).view()).unwrap();
        for y in 0..classes {
            joint[[number, y]] = pattern * given[[0, y]].exp();
        }
    }
    joint
}

fn mass(joint: &Array2<f64>, class: Option<usize>, on: &[usize]) -> f64 {
    let own = |(n, _): &(usize, _)| on.iter().all(|k| n >> k & 1 == 1);
    let rows = joint.outer_iter().enumerate().filter(own);
    rows.map(|(_, row)| class.map_or_else(|| row.sum(), |y| row[y])).sum()
}

#[test]
fn enumeration_is_the_sum_written_out() {
    for (concepts, classes, samples) in [(1, 2, 3), (5, 3, 7), (7, 4, 300)] {
        let (x, law) = (present(samples, concepts, 2), Quadratic::new(concepts, classes, 3));
        let ask = |p: ArrayView2<'_, f64>| law.ask(p);
        let exact = Exact::new(x.view(), classes, &ask, 4).unwrap();
        let joint = by_hand(&x, &law, classes);
        let near = |found: Entry, wanted: f64| {
            assert!((found.value - wanted).abs() < 1e-12, "{} for {wanted}", found.value);
            assert!(found.std_error.is_nan());
        };
        for y in 0..classes {
            let all = mass(&joint, Some(y), &[]);
            near(exact.class(y), all);
            let found = exact.of_class(y);
            for j in 0..concepts {
                near(found.concepts[j], mass(&joint, Some(y), &[j]) / all);
                for k in 0..concepts {
                    let both = mass(&joint, Some(y), &[j, k]);
                    near(found.pairs[[j, k]], both / all);
                    near(found.given[[j, k]], both / mass(&joint, Some(y), &[j]));
                }
            }
            // The first of the patterns is the most probable one of all.
            let top = exact.top_patterns(y, 1 << concepts.min(2)).unwrap();
            let of = exact.of_patterns(y, &top).unwrap();
            let best = joint.column(y).iter().copied().fold(0.0, f64::max);
            near(of[0].importance, best / all);
            near(of[0].pattern, joint.row(enumerate::number(&top[0])).sum());
            near(of[0].class, best / joint.row(enumerate::number(&top[0])).sum());
            assert!(of.windows(2).all(|w| w[0].importance.value >= w[1].importance.value));
        }
        let overall = exact.overall();
        for j in 0..concepts {
            near(overall.concepts[j], mass(&joint, None, &[j]));
            for k in 0..concepts {
                near(overall.given[[j, k]], mass(&joint, None, &[j, k]) / mass(&joint, None, &[j]));
            }
        }
    }
}

#[test]
fn probabilities_add_up_to_one() {
    // Fourteen concepts take several chunks.
    let (concepts, classes) = (14, 5);
    let (x, law) = (present(40, concepts, 5), Quadratic::new(concepts, classes, 6));
    let ask = |p: ArrayView2<'_, f64>| law.ask(p);
    let exact = Exact::new(x.view(), classes, &ask, 1 << concepts).unwrap();
    let total: f64 = (0..classes).map(|y| exact.class(y).value).sum();
    assert!((total - 1.0).abs() < 1e-12, "{total}");
    for y in 0..classes {
        let patterns = exact.top_patterns(y, 1 << concepts).unwrap();
        assert_eq!(patterns.len(), 1 << concepts);
        let of = exact.of_patterns(y, &patterns).unwrap();
        let sum: f64 = of.iter().map(|p| p.importance.value).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }
    // p(c_k) = Σ_y p(c_k | y) p(y) is the mean of the concept probabilities.
    let mean = x.mean_axis(ndarray::Axis(0)).unwrap();
    for k in 0..concepts {
        let sum: f64 = (0..classes).map(|y| exact.class(y).value * exact.of_class(y).concepts[k].value).sum();
        assert!((sum - mean[k]).abs() < 1e-12);
    }
}

#[test]
fn known_concepts_and_the_true_law_of_classes_give_the_truth() {
    // Every pattern as often as the law has it: multiples of 1/64 over patterns, and any p(y | c).
    let counts = [9usize, 3, 14, 1, 0, 20, 6, 11];
    let given =
        array![[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [1.0, 0.0], [0.3, 0.7], [0.6, 0.4], [0.0, 1.0], [0.25, 0.75]];
    let mut x = Array2::zeros((64, 3));
    let numbers = counts.iter().enumerate().flat_map(|(n, &c)| std::iter::repeat_n(n, c));
    numbers.enumerate().for_each(|(i, n)| (0..3).for_each(|k| x[[i, k]] = (n >> k & 1) as f64));
    let joint = Array2::from_shape_fn((8, 2), |(n, y)| counts[n] as f64 / 64.0 * given[[n, y]]);
    let ask = |p: ArrayView2<'_, f64>| {
        let number = |row: ndarray::ArrayView1<'_, f64>| (0..3).map(|k| (row[k] as usize) << k).sum::<usize>();
        let rows: Vec<usize> = p.outer_iter().map(number).collect();
        Ok(given.select(ndarray::Axis(0), &rows).mapv(f64::ln))
    };
    let exact = Exact::new(x.view(), 2, &ask, 8).unwrap();
    let truth = Truth::new(joint.view(), 64, 8).unwrap();
    let mut comparison = Comparison::new(0.0);
    comparison.overall(&exact.overall(), &truth.overall());
    for y in 0..2 {
        comparison.class(&exact.class(y), &truth.class(y));
        comparison.of_class(&exact.of_class(y), &truth.of_class(y));
        assert_eq!(exact.top_patterns(y, 8).unwrap(), truth.top_patterns(y, 8).unwrap());
        let patterns = truth.top_patterns(y, 8).unwrap();
        let pairs = exact.of_patterns(y, &patterns).unwrap().into_iter().zip(truth.of_patterns(y, &patterns).unwrap());
        for (a, b) in pairs {
            assert!((a.importance.value - b.importance.value).abs() < 1e-12);
            assert!((a.class.value - b.class.value).abs() < 1e-12);
            assert!((a.pattern.value - b.pattern.value).abs() < 1e-12);
        }
    }
    for found in comparison.finish() {
        assert!(found.entries > 0 && found.mean_absolute.unwrap() < 1e-13, "{found:?}");
        assert!(found.correlation.is_none_or(|r| r > 1.0 - 1e-12) && found.noise.is_none(), "{found:?}");
    }
}

#[test]
fn draws_keep_to_their_own_standard_errors() {
    let (concepts, classes) = (6, 3);
    let (x, law) = (present(50, concepts, 8), Quadratic::new(concepts, classes, 9));
    let ask = |p: ArrayView2<'_, f64>| law.ask(p);
    let exact = Exact::new(x.view(), classes, &ask, 4).unwrap();
    let (mut inside, mut all, mut squares) = (0usize, 0usize, 0.0);
    let mut see = |found: &Entry, wanted: &Entry| {
        // Where a condition is met by a handful of draws, or an event by hardly any, no error can be trusted.
        let events = found.support * wanted.value.min(1.0 - wanted.value);
        if found.support > 100.0 && events > 20.0 {
            let z = (found.value - wanted.value) / found.std_error;
            inside += usize::from(z.abs() < 1.96);
            squares += z * z;
            all += 1;
        }
    };
    for seed in 0..40 {
        let sampled = Sampled::new(x.view(), classes, &ask, 2000, seed).unwrap();
        assert_eq!(sampled.draws(), 2000);
        for y in 0..classes {
            see(&sampled.class(y), &exact.class(y));
            let (found, wanted) = (sampled.of_class(y), exact.of_class(y));
            found.concepts.iter().zip(&wanted.concepts).for_each(|(a, b)| see(a, b));
            found.pairs.iter().zip(&wanted.pairs).for_each(|(a, b)| see(a, b));
            found.given.iter().zip(&wanted.given).for_each(|(a, b)| see(a, b));
        }
        let (found, wanted) = (sampled.overall(), exact.overall());
        assert!(found.given.iter().zip(&wanted.given).all(|(a, b)| (a.value - b.value).abs() < 1e-12));
    }
    let share = inside as f64 / all as f64;
    let spread = (squares / all as f64).sqrt();
    assert!(all > 2000 && (0.93..0.97).contains(&share), "{share} of {all} within 1.96 errors");
    assert!((0.9..1.1).contains(&spread), "deviations are {spread} standard errors");
}

#[test]
fn draws_do_not_depend_on_threads_and_say_when_they_are_few() {
    let (concepts, classes) = (30, 3);
    let (x, law) = (present(20, concepts, 10), Quadratic::new(concepts, classes, 11));
    let ask = |p: ArrayView2<'_, f64>| law.ask(p);
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let sampled = Sampled::new(x.view(), classes, &ask, 500, 1).unwrap();
            let values: Vec<u64> = sampled.of_class(0).given.iter().map(|e| e.value.to_bits()).collect();
            (values, sampled.top_patterns(0, 3).unwrap(), sampled.effective_draws(0))
        })
    };
    let (one, three) = (of(1), of(3));
    assert_eq!(one.0, three.0);
    assert_eq!(one.1, three.1);
    assert!(one.2 < 520.0 && one.2 > 0.0);
    assert!(Exact::new(x.view(), classes, &ask, 1).err().unwrap().to_string().contains("30 concepts"));
    // As many as make an even number a sample.
    assert_eq!(Sampled::new(x.view(), classes, &ask, 41, 1).unwrap().draws(), 80);
}

#[test]
fn what_no_draw_showed_is_not_certain() {
    let x = Array2::from_elem((10, 2), 1e-6);
    let ask = |p: ArrayView2<'_, f64>| Ok(Array2::from_elem((p.nrows(), 2), 0.5f64.ln()));
    let sampled = Sampled::new(x.view(), 2, &ask, 100, 0).unwrap();
    let entry = sampled.of_class(0).concepts[0];
    assert!(entry.value == 0.0 && entry.std_error > 1e-3 && entry.std_error < 0.02, "{entry:?}");
    assert!((sampled.effective_draws(0) - 100.0).abs() < 1e-9);
}

#[test]
fn counts_tend_to_the_exact_numbers_where_labels_come_from_the_model() {
    let (concepts, classes) = (4, 3);
    let (x, law) = (present(30, concepts, 12), Quadratic::new(concepts, classes, 13));
    let ask = |p: ArrayView2<'_, f64>| law.ask(p);
    let exact = Exact::new(x.view(), classes, &ask, 4).unwrap();
    let distance = |n: usize| {
        let mut rng = generator(14, 0);
        let mut c = Array2::zeros((n, concepts));
        let labels: Vec<u32> = (0..n)
            .map(|i| {
                (0..concepts).for_each(|k| c[[i, k]] = f64::from(u8::from(rng.random::<f64>() < x[[i % 30, k]])));
                let p = law.ask(c.row(i).insert_axis(ndarray::Axis(0))).unwrap().mapv(f64::exp);
                let u = rng.random::<f64>();
                (0..classes - 1)
                    .scan(0.0, |sum, y| {
                        *sum += p[[0, y]];
                        Some(*sum)
                    })
                    .filter(|sum| u >= *sum)
                    .count() as u32
            })
            .collect();
        let counted = Tally::new("counted", c.view(), &labels, classes).unwrap();
        let mut comparison = Comparison::new(20.0);
        comparison.overall(&exact.overall(), &counted.overall());
        for y in 0..classes {
            comparison.class(&exact.class(y), &counted.class(y));
            comparison.of_class(&exact.of_class(y), &counted.of_class(y));
        }
        comparison.finish()
    };
    let (few, many) = (distance(300), distance(60_000));
    for (few, many) in few.iter().zip(&many) {
        let (a, b) = (few.mean_absolute.unwrap(), many.mean_absolute.unwrap());
        assert!(b < 0.006 && b < 0.5 * a, "{:?}: {a} with few, {b} with many", few.quantity);
        // The model being right, the difference is the noise of the counts.
        // Of p(y) there are three numbers alone: a wide margin.
        assert!((0.3..2.5).contains(&(b / many.noise.unwrap())), "{many:?}");
    }
}

#[test]
fn unknown_labels_do_not_count_and_a_class_may_never_occur() {
    let nan = f64::NAN;
    let c = array![[1.0, 1.0], [1.0, 0.0], [0.0, nan], [nan, 1.0], [1.0, nan]];
    let tally = Tally::new("data", c.view(), &[0, 0, 0, 0, 2], 3).unwrap();
    let found = tally.of_class(0);
    assert_eq!((found.concepts[0].value, found.concepts[0].support), (2.0 / 3.0, 3.0));
    assert_eq!((found.concepts[1].value, found.concepts[1].support), (2.0 / 3.0, 3.0));
    assert_eq!((found.pairs[[0, 1]].value, found.pairs[[0, 1]].support), (0.5, 2.0));
    // Of two samples with the first and a known second, one has the second.
    assert_eq!((found.given[[0, 1]].value, found.given[[0, 1]].support), (0.5, 2.0));
    assert_eq!((found.given[[1, 0]].value, found.given[[1, 0]].support), (1.0, 1.0));
    assert!(!tally.of_class(1).concepts[0].is_known() && tally.class(1).value == 0.0);
    assert!(!tally.of_class(2).concepts[1].is_known() && tally.of_class(2).concepts[0].value == 1.0);
    assert_eq!((tally.absent_classes(), tally.complete()), (vec![1], 2));
    assert_eq!(tally.top_patterns(0, 5).unwrap(), [vec![0], vec![0, 1]]);
    assert!(tally.top_patterns(1, 5).unwrap().is_empty());
    let of = tally.of_patterns(0, &[vec![0], vec![1]]).unwrap();
    assert_eq!((of[0].importance.value, of[0].class.value, of[1].pattern.value), (0.5, 1.0, 0.0));
    assert!(!of[1].class.is_known());
    let error = (0.75f64 * 0.25 / 3.0).sqrt();
    let jeffreys = found.concepts[0].std_error;
    assert!((jeffreys - (2.5f64 / 4.0 * 1.5 / 4.0 / 3.0).sqrt()).abs() < 1e-15 && (jeffreys - error).abs() < 0.05);
    // What is compared with an unknown is left out, and told.
    let mut comparison = Comparison::new(3.0);
    comparison.of_class(&found, &tally.of_class(1));
    comparison.of_class(&found, &found);
    let of = comparison.finish();
    let singles = of.iter().find(|a| a.quantity == Quantity::ConceptGivenClass).unwrap();
    assert_eq!((singles.entries, singles.left_out, singles.mean_absolute), (2, 2, Some(0.0)));
    let pairs = of.iter().find(|a| a.quantity == Quantity::PairGivenClass).unwrap();
    assert_eq!((pairs.entries, pairs.left_out, pairs.correlation), (0, 2, None));
}

#[test]
fn a_class_without_probability_has_no_conditionals() {
    let x = present(5, 3, 1);
    let ask = |p: ArrayView2<'_, f64>| {
        Ok(Array2::from_shape_fn((p.nrows(), 2), |(_, y)| if y == 0 { 0.0 } else { f64::NEG_INFINITY }))
    };
    let exact = Exact::new(x.view(), 2, &ask, 3).unwrap();
    let sampled = Sampled::new(x.view(), 2, &ask, 50, 0).unwrap();
    for way in [&exact as &dyn Conditionals, &sampled] {
        assert_eq!(way.class(1).value, 0.0);
        let of = way.of_class(1);
        assert!(of.concepts.iter().chain(&of.pairs).chain(&of.given).all(|e| !e.is_known()), "{}", way.method());
        assert!(way.top_patterns(1, 3).unwrap().is_empty() && way.top_patterns(0, 3).unwrap().len() == 3);
        assert!(!way.of_patterns(1, &[vec![0]]).unwrap()[0].importance.is_known());
    }
}

#[test]
fn what_is_no_law_is_refused() {
    let x = present(5, 2, 1);
    let half = |p: ArrayView2<'_, f64>| Ok(Array2::from_elem((p.nrows(), 2), 0.25f64.ln()));
    let e = Exact::new(x.view(), 2, &half, 1).err().unwrap().to_string();
    assert!(e.contains("adds up to 0.5"), "{e}");
    let narrow = |p: ArrayView2<'_, f64>| Ok(Array2::from_elem((p.nrows(), 1), 0.0));
    assert!(Exact::new(x.view(), 2, &narrow, 1).err().unwrap().to_string().contains("1 found, 2 expected"));
    let bad = array![[0.5, 1.5]];
    let fine = |p: ArrayView2<'_, f64>| Ok(Array2::from_elem((p.nrows(), 2), 0.5f64.ln()));
    let e = Sampled::new(bad.view(), 2, &fine, 1, 0).err().unwrap().to_string();
    assert!(e.contains("concept 2 of sample 1") && e.contains("1.5"), "{e}");
    assert!(Truth::new(array![[0.5, 0.4]].view(), 1, 1).err().unwrap().to_string().contains("sum of 0.9"));
    assert!(Truth::new(array![[0.5], [0.25], [0.25]].view(), 1, 1).is_err());
}

#[test]
fn margins_become_the_probabilities_that_they_were_made_from() {
    // Labels of p = σ(2 v − 1).
    let mut rng = generator(20, 0);
    let v = Array2::from_shape_simple_fn((20_000, 1), || 4.0 * rng.random::<f64>() - 2.0);
    let mut t = v.mapv(|v: f64| f64::from(u8::from(rng.random::<f64>() < 1.0 / (1.0 + (1.0 - 2.0 * v).exp()))));
    (0..100).for_each(|i| t[[i, 0]] = f64::NAN);
    let curve = Calibration::fit(v.view(), t.view()).unwrap();
    let p = curve.probabilities(array![[0.5], [1.5], [-1.0]].view()).unwrap();
    for (found, z) in p.iter().zip([0.0f64, 2.0, -3.0]) {
        let wanted = 1.0 / (1.0 + (-z).exp());
        assert!((found - wanted).abs() < 0.015, "{found} for {wanted}");
    }
    // Parted labels leave a steep curve and no infinity.
    let parted =
        Calibration::fit(array![[-1.0], [-0.5], [0.5], [1.0]].view(), array![[0.0], [0.0], [1.0], [1.0]].view());
    let p = parted.unwrap().probabilities(array![[-1.0], [1.0]].view()).unwrap();
    assert!(p[[0, 0]] < 0.3 && p[[1, 0]] > 0.7 && p.iter().all(|p| p.is_finite()), "{p}");
    let none = Calibration::fit(array![[0.1], [0.2]].view(), array![[1.0], [f64::NAN]].view()).unwrap_err();
    assert!(none.to_string().contains("concept 1"), "{none}");
}

#[test]
fn an_energy_based_bottleneck_has_a_law_though_its_scores_read_embeddings() {
    let data = toy("xor", 400, 1);
    let fit = fitted("energy:width=16,epochs=30", &data, 0);
    let bottleneck = fit.bottleneck.as_ref();
    let law = class_law(bottleneck).unwrap().unwrap();
    let x = data.embeddings();
    // p(c | x) is what the concepts' own energies say, and not what inference makes of it.
    let alone = bottleneck.concepts_alone(x).unwrap().unwrap();
    assert_eq!(alone.dim(), (400, 2));
    assert!(alone.iter().all(|p| (0.0..=1.0).contains(p)));
    assert_ne!(alone, bottleneck.concepts(x).unwrap());
    let (exact, sampled) =
        (Exact::new(alone.view(), 2, &*law, 2).unwrap(), Sampled::new(alone.view(), 2, &*law, 20_000, 0).unwrap());
    assert!(((exact.class(0).value + exact.class(1).value) - 1.0).abs() < 1e-12);
    for y in 0..2 {
        for (e, s) in exact.of_class(y).pairs.iter().zip(&sampled.of_class(y).pairs) {
            assert!((e.value - s.value).abs() < 5.0 * s.std_error + 1e-3, "{e:?} {s:?}");
        }
    }
}

#[test]
fn a_bottleneck_s_law_is_asked_in_its_own_scale() {
    let data = toy("xor", 400, 1);
    for (specification, there) in
        [("linear-probe", false), ("cem:epochs=1", false), ("cbm-independent:head-hidden=16", true)]
    {
        let fit = fitted(specification, &data, 0);
        let law = class_law(fit.bottleneck.as_ref()).unwrap();
        assert_eq!(law.is_some(), there, "{specification}");
        let Some(law) = law else { continue };
        // Exclusive or: patterns decide the class, and so p(c | y) is a half on two of them.
        let corners = array![[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]];
        let concepts = Array2::from_shape_fn((100, 2), |(i, k)| corners[[i % 3, k]]);
        let exact = Exact::new(concepts.view(), 2, &law, 2).unwrap();
        assert!((exact.class(0).value - 0.67).abs() < 0.05, "{:?}", exact.class(0));
        assert!(exact.of_class(0).given[[0, 1]].value > 0.95);
    }
}
