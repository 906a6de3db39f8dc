//! Simulations on bottlenecks whose answers can be worked out.

use super::*;
use crate::{Bottleneck, Head, Names, ProbeError, Record, Scale};
use ndarray::{Array1, Array2, ArrayView2, Axis as Along, array, concatenate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Concepts are the first features, probabilities as they are; a linear head, something curved, something past it.
#[derive(Debug, Clone)]
pub(super) struct Toy {
    pub(super) names: Names,
    pub(super) head: Head,
    /// Weight of the product of the first two concepts in class 0's score.
    curved: f64,
    /// Weight of the last feature, which is no concept, in class 0's score.
    beside: f64,
}

impl Toy {
    pub(super) fn new(weights: Array2<f64>) -> Self {
        let (l, k) = weights.dim();
        let names = Names {
            concepts: (0..l).map(|c| format!("c{c}")).collect(),
            classes: (0..k).map(|c| c.to_string()).collect(),
        };
        Self { names, head: Head { weights, intercepts: Array1::zeros(k) }, curved: 0.0, beside: 0.0 }
    }
}

impl Bottleneck for Toy {
    fn builder(&self) -> &'static str {
        "toy"
    }
    fn names(&self) -> &Names {
        &self.names
    }
    fn n_features(&self) -> usize {
        self.names.concepts.len() + 1
    }
    fn scale(&self) -> Scale {
        Scale::Probability
    }
    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        Ok(embeddings.slice_axis(Along(1), (..-1).into()).to_owned())
    }
    fn scores(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>, ProbeError> {
        let mut scores = self.head.scores(concepts);
        for (i, mut row) in scores.outer_iter_mut().enumerate() {
            row[0] += self.curved * concepts[[i, 0]] * concepts[[i, 1]];
            row[0] += self.beside * embeddings[[i, embeddings.ncols() - 1]];
        }
        Ok(scores)
    }
    fn record(&self) -> Record {
        Record::new("toy", &self.names, self.n_features(), serde_json::json!({}))
    }
    fn head(&self) -> Option<Head> {
        Some(self.head.clone())
    }
    fn corrections(&self) -> Option<Array2<f64>> {
        Some(Array2::from_shape_fn((self.names.concepts.len(), 2), |(_, b)| b as f64))
    }
}

/// Samples whose concepts are guessed with noise, and whose labels a head makes of the true ones.
pub(super) struct Samples {
    pub(super) toy: Toy,
    pub(super) embeddings: Array2<f64>,
    pub(super) truth: Array2<f64>,
    pub(super) labels: Vec<u32>,
}

pub(super) fn samples(n: usize, l: usize, k: usize, seed: u64) -> Samples {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut toy = Toy::new(Array2::from_shape_fn((l, k), |_| 4.0 * random.random::<f64>() - 2.0));
    // Without intercepts all classes would be equal, up to rounding, where all concepts are absent.
    toy.head.intercepts = Array1::from_shape_fn(k, |_| random.random::<f64>() - 0.5);
    let truth = Array2::from_shape_fn((n, l), |_| f64::from(u8::from(random.random::<bool>())));
    let embeddings = Array2::from_shape_fn((n, l + 1), |(i, j)| {
        let noise = random.random::<f64>();
        if j == l { noise } else { 0.55 * truth[[i, j]] + 0.45 * noise }
    });
    let labels = crate::best_class(toy.head.scores(truth.view()).view());
    Samples { toy, embeddings, truth, labels }
}

impl Samples {
    fn interventions(&self) -> Interventions<'_> {
        let units = Units::single(&self.toy.names.concepts);
        Interventions::new(&self.toy, self.embeddings.view(), &self.labels, self.truth.view(), units).unwrap()
    }
}

const ALL: [&str; 8] = [
    "random",
    "uncertainty",
    "gradient:weight=move",
    "coop",
    "coop:importance=absolute,uncertainty=0",
    "k-flip:k=2",
    "k-flip:threshold=0.2",
    "greedy",
];

#[test]
fn the_short_cut_of_a_linear_head_changes_nothing() {
    for beside in [0.0, 1.5] {
        let mut samples = samples(90, 5, 4, 3);
        samples.toy.beside = beside;
        let groups = [("pair".to_owned(), vec!["c1".to_owned(), "c3".to_owned()])];
        let units = Units::grouped(&samples.toy.names.concepts, &groups).unwrap();
        for units in [Units::single(&samples.toy.names.concepts), units] {
            let make = || {
                let (e, t) = (samples.embeddings.view(), samples.truth.view());
                Interventions::new(&samples.toy, e, &samples.labels, t, units.clone()).unwrap()
            };
            let (short, long) = (make(), make().without_shortcut());
            assert!(short.has_shortcut() && !long.has_shortcut());
            for name in ALL {
                let policy = policy(name).unwrap();
                let (a, b) = (short.simulate(&*policy, 1).unwrap(), long.simulate(&*policy, 1).unwrap());
                assert_eq!(a.predicted, b.predicted, "{name}");
                assert!((&a.probability - &b.probability).iter().all(|d| d.abs() < 1e-9), "{name}");
            }
        }
    }
}

#[test]
fn a_head_that_is_not_the_whole_way_is_not_taken_for_it() {
    let mut samples = samples(60, 4, 3, 5);
    samples.toy.curved = 2.0;
    assert!(!samples.interventions().has_shortcut());
}

#[test]
fn everything_corrected_is_the_truth_whatever_the_order() {
    let samples = samples(300, 6, 3, 7);
    for name in ALL.iter().filter(|n| !n.contains("threshold")) {
        let paths = samples.interventions().simulate(&*policy(name).unwrap(), 2).unwrap();
        assert_eq!(paths.predicted.column(6).to_vec(), samples.labels, "{name}");
        assert!(paths.concepts_right.column(6).iter().all(|&c| c == 6) && paths.steps.iter().all(|&t| t == 6));
        assert_eq!(paths.spent.row(0).to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}

#[test]
fn an_adversary_leads_to_the_opposite_and_mistakes_lie_between() {
    let samples = samples(400, 6, 3, 7);
    let random = policy("random").unwrap();
    let accuracy = |rate: f64| {
        let paths = samples.interventions().with_human(Human::new(rate).unwrap()).simulate(&*random, 2).unwrap();
        let opposite = crate::best_class(samples.toy.head.scores(samples.truth.mapv(|t| 1.0 - t).view()).view());
        if rate == 1.0 {
            assert_eq!(paths.predicted.column(6).to_vec(), opposite);
        }
        paths.predicted.column(6).iter().zip(&samples.labels).filter(|(a, b)| a == b).count()
    };
    assert!(accuracy(0.0) == 400 && accuracy(0.1) < 400 && accuracy(0.1) > accuracy(0.4));
    assert!(accuracy(0.4) > accuracy(1.0));
}

#[test]
fn uncertainty_takes_the_concept_nearest_to_a_half() {
    let toy = Toy::new(array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]);
    let (embeddings, truth) = (array![[0.1, 0.7, 0.45, 0.0]], array![[0.0, 1.0, 1.0]]);
    let units = Units::single(&toy.names.concepts);
    let run = Interventions::new(&toy, embeddings.view(), &[0], truth.view(), units).unwrap();
    let paths = run.simulate(&*policy("uncertainty").unwrap(), 0).unwrap();
    // 0.45 is on the wrong side; it is corrected first, and the others are right already.
    assert_eq!(paths.concepts_right.row(0).to_vec(), [2, 3, 3, 3]);
}

#[test]
fn the_oracle_s_first_step_is_the_best_there_is_and_its_curve_the_highest() {
    let samples = samples(200, 6, 4, 11);
    let run = samples.interventions();
    let greedy = run.simulate(&*policy("greedy").unwrap(), 0).unwrap();
    for i in 0..200 {
        let best = (0..6).map(|c| {
            let mut concepts = samples.toy.concepts(samples.embeddings.select(Along(0), &[i]).view()).unwrap();
            concepts[[0, c]] = samples.truth[[i, c]];
            crate::softmax(samples.toy.head.scores(concepts.view()).view())[[0, samples.labels[i] as usize]]
        });
        assert!((best.fold(0.0, f64::max) - greedy.probability[[i, 1]]).abs() < 1e-12);
    }
    let random: Vec<Paths> = (0..5).map(|s| run.simulate(&*policy("random").unwrap(), s).unwrap()).collect();
    let gain = auc_difference(&[greedy], &random, &samples.labels, Axis::Number).unwrap();
    assert!(gain.low > 0.0, "{gain:?}");
}

#[test]
fn coop_is_its_formula() {
    // Two classes, scores (a, 0): P(class 0) = σ(2 c0 − 1 + 3 c1 − …); worked out below with the plain formula.
    let toy = Toy::new(array![[3.0, 0.0], [-2.0, 0.0], [0.5, 0.0]]);
    let (embeddings, truth) = (array![[0.9, 0.2, 0.6, 0.0]], array![[0.0, 1.0, 1.0]]);
    let sigma = |z: f64| 1.0 / (1.0 + (-z).exp());
    let (weights, c) = ([3.0, -2.0, 0.5], [0.9, 0.2, 0.6]);
    let score: f64 = weights.iter().zip(&c).map(|(w, c)| w * c).sum();
    let entropy = |p: f64| -(p * p.log2() + (1.0 - p) * (1.0 - p).log2());
    let number = |k: usize, change: f64| {
        let (up, down) = (sigma(score + weights[k] * (1.0 - c[k])), sigma(score - weights[k] * c[k]));
        entropy(c[k]) + change * (c[k] * up + (1.0 - c[k]) * down - sigma(score)).abs()
    };
    // A weight of change at which the order is not that of the uncertainty alone.
    for change in [0.0, 1.0, 40.0] {
        let best = (0..3).max_by(|&a, &b| number(a, change).total_cmp(&number(b, change))).unwrap();
        let units = Units::single(&toy.names.concepts);
        let run = Interventions::new(&toy, embeddings.view(), &[0], truth.view(), units).unwrap();
        let paths = run.simulate(&*policy(&format!("coop:change={change}")).unwrap(), 0).unwrap();
        let mut corrected = c;
        corrected[best] = truth[[0, best]];
        let expected: f64 = weights.iter().zip(&corrected).map(|(w, c)| w * c).sum();
        assert!((paths.probability[[0, 1]] - sigma(expected)).abs() < 1e-12, "change {change}");
    }
    let order = |change| (0..3).max_by(|&a, &b| number(a, change).total_cmp(&number(b, change))).unwrap();
    assert_ne!(order(0.0), order(40.0));
}

#[test]
fn a_cost_counts_against_a_concept() {
    let toy = Toy::new(array![[1.0, 0.0], [1.0, 0.0]]);
    let (embeddings, truth) = (array![[0.5, 0.6, 0.0]], array![[1.0, 1.0]]);
    let units = Units::single(&toy.names.concepts).with_costs(&[("c0".into(), 3.0)]).unwrap();
    let spent = |name: &str, per_cost: bool| {
        let run = Interventions::new(&toy, embeddings.view(), &[0], truth.view(), units.clone()).unwrap();
        run.per_cost(per_cost).simulate(&*policy(name).unwrap(), 0).unwrap().spent.row(0).to_vec()
    };
    assert_eq!(spent("coop", false), [0.0, 3.0, 4.0]);
    assert_eq!(spent("coop:cost=0.1", false), [0.0, 1.0, 4.0]);
    assert_eq!(spent("uncertainty", true), [0.0, 1.0, 4.0]);
}

#[test]
fn samples_do_not_share_their_histories_nor_threads_their_results() {
    let samples = samples(700, 5, 3, 13);
    let run = samples.interventions().with_human(Human::new(0.2).unwrap());
    for name in ALL {
        let policy = policy(name).unwrap();
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let together = pool(1).install(|| run.simulate(&*policy, 4)).unwrap();
        assert_eq!(pool(3).install(|| run.simulate(&*policy, 4)).unwrap(), together);
        // One alone: only what is drawn for sample 0 can be compared.
        let one = |a: &Array2<f64>| a.select(Along(0), &[0]);
        let (e, t) = (one(&samples.embeddings), one(&samples.truth));
        let alone =
            Interventions::new(&samples.toy, e.view(), &samples.labels[..1], t.view(), run.units().clone()).unwrap();
        let alone = alone.with_human(Human::new(0.2).unwrap()).simulate(&*policy, 4).unwrap();
        assert_eq!(alone.predicted.row(0), together.predicted.row(0), "{name}");
    }
}

#[test]
fn k_flip_finds_the_pair_that_no_single_concept_replaces() {
    // Class 1 wins only when both c1 and c2 are present; c0 is the most uncertain and does nothing.
    let mut toy = Toy::new(array![[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]]);
    toy.head.intercepts = array![1.5, 0.0];
    let (embeddings, truth) = (array![[0.5, 0.3, 0.4, 0.0]], array![[1.0, 1.0, 1.0]]);
    let run = |name: &str| {
        let units = Units::single(&toy.names.concepts);
        let run = Interventions::new(&toy, embeddings.view(), &[1], truth.view(), units).unwrap();
        run.simulate(&*policy(name).unwrap(), 0).unwrap()
    };
    // One at a time: nothing flips, so the uncertain c0 comes first.
    assert_eq!(run("k-flip:k=1").predicted.row(0).to_vec(), [0, 0, 0, 1]);
    assert_eq!(run("k-flip:k=2").predicted.row(0).to_vec(), [0, 0, 1, 1]);
    // The pair flips with probability 0.3 × 0.4 = 0.12: below a threshold of 0.2 the sample is left alone.
    let stopped = run("k-flip:k=2,threshold=0.2");
    assert_eq!((stopped.steps[0], stopped.predicted.row(0).to_vec()), (0, vec![0, 0, 0, 0]));
    assert_eq!(run("k-flip:k=2,threshold=0.11").steps[0], 2);
}

#[test]
fn what_is_not_known_is_not_corrected() {
    let mut samples = samples(50, 4, 3, 17);
    samples.truth.column_mut(2).fill(f64::NAN);
    let paths = samples.interventions().simulate(&*policy("greedy").unwrap(), 0).unwrap();
    assert!(paths.steps.iter().all(|&t| t == 3) && paths.known.iter().all(|&k| k == 3));
    assert_eq!(paths.spent[[0, 4]], 3.0);
    let points = curve(&[paths], &samples.labels, 3, Axis::Number).unwrap();
    let corrected = points.iter().rev().find(|p| p.metric == "corrected").unwrap();
    assert!((corrected.value - 3.0).abs() < 1e-12);
}

/// Corrections of concept 0 are taken over by concept 1.
#[derive(Debug)]
struct Copied;

impl Propagation for Copied {
    fn propagate(&self, correction: Correction<'_>) -> Result<Array2<f64>, ProbeError> {
        let mut concepts = correction.corrected.to_owned();
        for (i, mut row) in concepts.outer_iter_mut().enumerate() {
            if correction.mask[[i, 0]] && !correction.mask[[i, 1]] {
                row[1] = row[0];
            }
        }
        Ok(concepts)
    }
}

#[test]
fn a_model_of_the_concepts_carries_corrections_on() {
    let toy = Toy::new(array![[0.0, 0.0], [0.0, 1.0]]);
    let (embeddings, truth) = (array![[0.4, 0.2, 0.0]], array![[1.0, 1.0]]);
    let units = Units::single(&toy.names.concepts);
    let run = Interventions::new(&toy, embeddings.view(), &[1], truth.view(), units).unwrap();
    let run = run.with_propagation(&Copied).unwrap();
    assert!(!run.has_shortcut());
    let paths = run.simulate(&*policy("uncertainty").unwrap(), 0).unwrap();
    assert_eq!(paths.concepts_right.row(0).to_vec(), [0, 2, 2]);
    // The oracle sees the consequence as well: either correction makes c1 right, and the first wins.
    let greedy = run.simulate(&*policy("greedy").unwrap(), 0).unwrap();
    assert_eq!(greedy.concepts_right[[0, 1]], 2);
}

#[test]
fn harm_is_counted_as_it_is_defined() {
    // Sample 0: right, wrong, right. Sample 1: wrong, right, right. Sample 2: right throughout.
    let paths = Paths {
        predicted: array![[0, 1, 0], [1, 0, 0], [1, 1, 1]],
        probability: array![[0.6, 0.4, 0.7], [0.3, 0.8, 0.7], [0.9, 0.9, 0.95]],
        spent: array![[0.0, 1.0, 3.0], [0.0, 2.0, 3.0], [0.0, 1.0, 3.0]],
        concepts_right: Array2::zeros((3, 3)),
        known: vec![2; 3],
        steps: vec![2; 3],
    };
    let found = summary(std::slice::from_ref(&paths), &[0, 0, 1], 2, Axis::Number).unwrap();
    let of = |metric| found.iter().find(|p| p.metric == metric).unwrap().value;
    assert!((of("first_harmful") - 1.0 / 3.0).abs() < 1e-15 && (of("first_harmful_of_right") - 0.5).abs() < 1e-15);
    assert!((of("first_helpful") - 1.0 / 3.0).abs() < 1e-15 && (of("ever_harmed") - 1.0 / 3.0).abs() < 1e-15);
    assert!((of("harmful_steps") - 2.0 / 6.0).abs() < 1e-15);
    assert!((of("auc_accuracy") - (0.5 + 0.75 + 1.0) / 3.0).abs() < 1e-15);
    assert!((of("auc_balanced_accuracy") - (0.625 + 1.0) / 2.0).abs() < 1e-15);
    // A budget of 1.5 pays for the first correction of samples 0 and 2 alone: of 65 points from 0 to 3 the 33rd.
    let points = curve(&[paths], &[0, 0, 1], 2, Axis::Cost).unwrap();
    let at = |amount: f64| points.iter().find(|p| p.metric == "accuracy" && p.amount == amount).unwrap().value;
    assert!((at(0.0) - 2.0 / 3.0).abs() < 1e-15 && (at(1.5) - 1.0 / 3.0).abs() < 1e-15 && at(3.0) == 1.0);
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let samples = samples(20, 3, 3, 1);
    let units = Units::single(&samples.toy.names.concepts);
    let make = |labels: &[u32], truth: ArrayView2<'_, f64>| {
        let run = Interventions::new(&samples.toy, samples.embeddings.view(), labels, truth, units.clone());
        run.err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(make(&samples.labels[1..], samples.truth.view()).contains("19 labels"));
    assert!(make(&[9; 20], samples.truth.view()).contains("label 9"));
    let wide = concatenate![Along(1), samples.truth, samples.truth];
    assert!(make(&samples.labels, wide.view()).contains("6 found, 3 expected"));
    let unknown = policy("best").unwrap_err().to_string();
    assert!(unknown.contains("random, uncertainty, gradient, coop, k-flip, greedy"), "{unknown}");
    assert!(policy("coop:uncertainty=-1").is_err() && policy("k-flip:k=0").is_err());
    let probe = crate::LinearProbe::new(1e-3)
        .unwrap()
        .fit_linear(&crate::ConceptData::new(samples.embeddings.clone(), samples.labels.clone()).unwrap());
    let truth = Array2::zeros((20, 4));
    let units = Units::single(&probe.names().concepts);
    let none = Interventions::new(&probe, samples.embeddings.view(), &samples.labels, truth.view(), units).unwrap_err();
    assert!(none.to_string().contains("nothing to correct"), "{none}");
}

/// Run with `--ignored --nocapture`: the time that a large case takes.
#[test]
#[ignore = "a measurement"]
fn large_cases_take_seconds() {
    let samples = samples(4000, 64, 25, 1);
    for name in ["random", "uncertainty", "gradient", "coop", "k-flip", "greedy"] {
        let start = std::time::Instant::now();
        let paths = samples.interventions().simulate(&*policy(name).unwrap(), 0).unwrap();
        let points = curve(&[paths], &samples.labels, 25, Axis::Number).unwrap();
        println!("{name}: {:?}, {} points", start.elapsed(), points.len());
    }
}
