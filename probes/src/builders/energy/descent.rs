//! Gradient inference: Adam on the logits of concepts and class, from zero (Xu et al. 2024, algorithm of section 3.2).
//!
//! Samples go through the products of a step together but stop each by itself, after `patience` steps in which their
//! own energy did not fall by `delta`: what is found does not depend on which samples share a batch. (The released
//! code stops a whole batch by the mean of its class energy.) The two logits of a concept start at zero and get opposite
//! gradients, so that their difference moves by twice the rate: it is the one number that is kept. A sample ends where
//! its energy was least, so that no inference ends above its start.

use super::choices::{Descent, Weighing};
use super::parts::{Evidence, Tables};
use super::relaxed::Relaxed;
use super::sample::{Found, sigmoid};
use super::{choices::Partition, sample::Sample};
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// What is found, with the energy there, and energies on the way from the zero start.
pub(super) struct Descended {
    pub(super) found: Vec<Found>,
    pub(super) energies: Vec<f64>,
    pub(super) traces: Vec<Vec<f64>>,
}

/// One start of all samples of a batch.
struct Walk {
    /// Logits [samples × K + M].
    logits: Array2<f64>,
    mean: Array2<f64>,
    square: Array2<f64>,
}

impl Walk {
    fn new(samples: usize, start: &[f64]) -> Self {
        let shape = (samples, start.len());
        let logits = Array2::from_shape_fn(shape, |(_, j)| start[j]);
        Self { logits, mean: Array2::zeros(shape), square: Array2::zeros(shape) }
    }

    /// One step of Adam for one number; `taken` counts from 1.
    fn step(&mut self, at: [usize; 2], slope: f64, rate: f64, taken: i32) {
        let (mean, square) = (&mut self.mean[at], &mut self.square[at]);
        *mean += 0.1 * (slope - *mean);
        *square += 0.001 * (slope * slope - *square);
        let (first, second) = (1.0 - 0.9f64.powi(taken), 1.0 - 0.999f64.powi(taken));
        self.logits[at] -= rate * (*mean / first) / ((*square / second).sqrt() + 1e-8);
    }
}

/// Descends from all starts; `samples` are those of `evidence`.
pub(super) fn descend(
    tables: &Tables,
    partition: Partition,
    evidence: &Evidence,
    samples: &[Sample<'_>],
    plan: &Descent,
) -> Descended {
    let weights: Vec<Weighing> = samples.iter().map(|s| s.weights).collect();
    let relaxed = Relaxed::new(tables, partition, evidence, &weights);
    let count = tables.n_concepts() + tables.n_classes();
    let mut best = walk(&relaxed, samples, plan, &vec![0.0; count]);
    for restart in 1..plan.restarts {
        // The same logits for every sample, whatever batch it is in.
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
        random.set_stream(restart as u64);
        let start: Vec<f64> = (0..count).map(|_| StandardNormal.sample(&mut random)).collect();
        let other = walk(&relaxed, samples, plan, &start);
        for (i, (found, energy)) in other.found.into_iter().zip(other.energies).enumerate() {
            let steps = best.found[i].steps + found.steps;
            if energy < best.energies[i] {
                (best.found[i], best.energies[i]) = (found, energy);
            }
            best.found[i].steps = steps;
        }
    }
    best
}

fn walk(relaxed: &Relaxed<'_>, samples: &[Sample<'_>], plan: &Descent, start: &[f64]) -> Descended {
    let n = samples.len();
    let mut walk = Walk::new(n, start);
    let blank = Found { concepts: vec![], classes: vec![], steps: 0 };
    let mut out = Descended { found: vec![blank; n], energies: vec![f64::INFINITY; n], traces: vec![Vec::new(); n] };
    // The energy that the next gain counts from, and the steps since the last.
    let mut gains = vec![(f64::INFINITY, 0usize); n];
    let mut active: Vec<usize> = (0..n).collect();
    for taken in 0..=plan.steps {
        let (concepts, classes) = probabilities(&walk.logits, samples, &active);
        let point = relaxed.at(&active, &concepts, &classes);
        for (i, &row) in active.iter().enumerate() {
            let energy = point.energies[i];
            out.traces[row].push(energy);
            if energy < out.energies[row] || taken == 0 {
                out.energies[row] = energy;
                out.found[row].concepts = concepts.row(i).to_vec();
                out.found[row].classes = classes.row(i).to_vec();
            }
            out.found[row].steps = taken;
            let (from, since) = &mut gains[row];
            (*from, *since) = if energy < *from - plan.delta { (energy, 0) } else { (*from, *since + 1) };
        }
        let going = |row: usize| gains[row].1 < plan.patience;
        if taken == plan.steps || !active.iter().any(|&row| going(row)) {
            break;
        }
        let (by_concepts, by_classes) = relaxed.slopes(&point);
        let next = taken as i32 + 1;
        for (i, &row) in active.iter().enumerate().filter(|(_, row)| going(**row)) {
            let known = samples[row].known.len();
            for (k, &c) in concepts.row(i).iter().enumerate() {
                if samples[row].known[k].is_nan() {
                    walk.step([row, k], by_concepts[[i, k]] * c * (1.0 - c), 2.0 * plan.rate, next);
                }
            }
            if samples[row].label.is_none() {
                let (q, slope) = (classes.row(i), by_classes.row(i));
                let along = q.dot(&slope);
                for (m, (&q, &by)) in q.iter().zip(&slope).enumerate() {
                    walk.step([row, known + m], q * (by - along), plan.rate, next);
                }
            }
        }
        active.retain(|&row| going(row));
    }
    out
}

/// Concepts [rows × K] and classes [rows × M] of the logits of these samples.
fn probabilities(logits: &Array2<f64>, samples: &[Sample<'_>], rows: &[usize]) -> (Array2<f64>, Array2<f64>) {
    let (k, m) = samples.first().map_or((0, 0), |s| (s.known.len(), s.class.len()));
    let mut concepts = Array2::zeros((rows.len(), k));
    let mut classes = Array2::zeros((rows.len(), m));
    for (i, &row) in rows.iter().enumerate() {
        let logits = logits.row(row);
        for (j, c) in concepts.row_mut(i).iter_mut().enumerate() {
            let known = samples[row].known[j];
            *c = if known.is_nan() { sigmoid(logits[j]) } else { known };
        }
        let energies: Vec<f64> = logits.iter().skip(k).map(|z| -z).collect();
        classes.index_axis_mut(Axis(0), i).iter_mut().zip(samples[row].classes(&energies)).for_each(|(q, v)| *q = v);
    }
    (concepts, classes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::random_parts;
    use super::*;

    const PLAN: Descent = Descent { rate: 0.1, steps: 400, patience: 10, delta: 1e-3, restarts: 1, seed: 0 };

    fn weighing(global: f64) -> Weighing {
        Weighing { concept: 1.0, class: 1.0, global }
    }

    /// What `plan` finds of these rows together.
    fn found(rows: &[usize], plan: &Descent, known: &[f64], label: Option<usize>) -> Descended {
        let parts = random_parts(5, 6, 4, 12);
        let tables = Tables::of(&parts);
        let x = Array2::from_shape_fn((rows.len(), 5), |(i, j)| 2.0 * ((rows[i] * 5 + j) as f64 * 0.9).sin());
        let evidence = tables.evidence(&parts, x.view());
        let (odds, class) = (evidence.odds.clone(), evidence.class.clone());
        let samples: Vec<Sample<'_>> = (0..rows.len())
            .map(|i| Sample {
                odds: odds.row(i).to_slice().unwrap(),
                class: class.row(i).to_slice().unwrap(),
                known,
                label,
                weights: weighing(0.5),
            })
            .collect();
        descend(&tables, Partition::Joint, &evidence, &samples, plan)
    }

    #[test]
    fn energies_fall_and_never_end_above_their_start() {
        let all = found(&[0, 1, 2, 3, 4, 5, 6], &PLAN, &[f64::NAN; 6], None);
        for ((trace, energy), found) in all.traces.iter().zip(&all.energies).zip(&all.found) {
            assert!(*energy < trace[0] && trace.iter().all(|e| e >= energy), "{trace:?}");
            assert_eq!(found.steps + 1, trace.len());
            assert!(found.steps > PLAN.patience && found.steps < PLAN.steps, "{}: it converges", found.steps);
            assert!((found.classes.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_sample_ends_the_same_alone_and_in_any_batch() {
        let plan = Descent { restarts: 3, ..PLAN };
        let all = found(&[0, 1, 2, 3, 4, 5, 6], &plan, &[f64::NAN; 6], None);
        for (i, rows) in [(0, vec![0]), (3, vec![3, 5]), (6, vec![6, 0, 1])] {
            let alone = found(&rows, &plan, &[f64::NAN; 6], None);
            assert_eq!(alone.found[0], all.found[i]);
            assert_eq!(alone.traces[0], all.traces[i]);
        }
    }

    #[test]
    fn what_is_known_stays_and_more_starts_end_no_higher() {
        let known = [1.0, f64::NAN, 0.3, f64::NAN, f64::NAN, 0.0];
        let one = found(&[0, 1, 2], &PLAN, &known, Some(2));
        for found in &one.found {
            assert_eq!([found.concepts[0], found.concepts[2], found.concepts[5]], [1.0, 0.3, 0.0]);
            assert_eq!(found.classes, [0.0, 0.0, 1.0, 0.0]);
        }
        let more = found(&[0, 1, 2], &Descent { restarts: 4, ..PLAN }, &known, Some(2));
        assert!(more.energies.iter().zip(&one.energies).all(|(a, b)| a <= b));
        assert!(more.found.iter().zip(&one.found).all(|(a, b)| a.steps > b.steps));
    }
}
