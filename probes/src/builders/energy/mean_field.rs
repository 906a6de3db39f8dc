//! Mean-field inference: the product of independent concepts and class that is nearest to the joint distribution.
//!
//! Minimises E_q[energy] − H(q) over q(c, y) = q(y) Π q_k(c_k), one factor at a time. What a concept is told by the
//! others is E_q[G(c_k = 0)] − E_q[G(c_k = 1)], with the other concepts at their means inside G: p is exact there as it
//! is affine, the ReLU behind it is taken at the mean (so that this is the first-order mean field of Plefka's
//! expansion, and exact where p is certain). Sweeps go through the concepts in order and are damped from the
//! [`UNDAMPED`]th on, where they have not settled.

use super::choices::Partition;
use super::global::Global;
use super::sample::{Found, Sample, sigmoid};

/// Sweeps at most.
const SWEEPS: usize = 300;

/// Sweeps before new probabilities are mixed with the old ones.
const UNDAMPED: usize = 30;

/// Change of all probabilities below which a sweep is the last.
const SETTLED: f64 = 1e-7;

/// Marginals of one sample.
pub(super) fn mean_field(global: &Global<'_>, sample: &Sample<'_>) -> Found {
    let weights = sample.weights;
    let mut concepts = sample.own_concepts(weights.concept);
    let unknown: Vec<usize> = (0..concepts.len()).filter(|&k| sample.known[k].is_nan()).collect();
    let mut field = Field::new(global, sample);
    let mut classes = field.classes(&global.projected(&concepts));
    for sweep in 1..=SWEEPS {
        let damping = if sweep > UNDAMPED { 0.5 } else { 0.0 };
        let mut projected = global.projected(&concepts);
        field.expect(&classes);
        let mut largest = 0.0f64;
        for &k in &unknown {
            let change = global.tables.change.row(k);
            let change = change.to_slice().unwrap_or_default();
            let told = field.told(&projected, change, concepts[k], &classes);
            let new = sigmoid(weights.concept * sample.odds[k] + weights.global * told);
            let step = (1.0 - damping) * (new - concepts[k]);
            concepts[k] += step;
            projected.iter_mut().zip(change).for_each(|(p, d)| *p += step * d);
            largest = largest.max(step.abs());
        }
        let new = field.classes(&projected);
        for (old, new) in classes.iter_mut().zip(new) {
            let step = (1.0 - damping) * (new - *old);
            *old += step;
            largest = largest.max(step.abs());
        }
        if largest < SETTLED || unknown.is_empty() {
            return Found { concepts, classes, steps: sweep };
        }
    }
    Found { concepts, classes, steps: SWEEPS }
}

/// What the parts of q are told by each other.
struct Field<'a> {
    global: &'a Global<'a>,
    sample: &'a Sample<'a>,
    /// E_q[a_cy ∘ (1 + ū_y)] [H], where G is linear in that.
    reads: Vec<f64>,
    /// G [M] with a concept absent and present.
    sides: [Vec<f64>; 2],
    /// p [H] of one of them.
    point: Vec<f64>,
}

impl<'a> Field<'a> {
    fn new(global: &'a Global<'a>, sample: &'a Sample<'a>) -> Self {
        let (width, classes) = global.tables.reads.dim();
        let sides = [vec![0.0; classes], vec![0.0; classes]];
        Self { global, sample, reads: vec![0.0; width], sides, point: vec![0.0; width] }
    }

    /// q(y) given p.
    fn classes(&mut self, projected: &[f64]) -> Vec<f64> {
        self.global.into(projected, &mut self.sides[0]);
        let weights = self.sample.weights;
        let energies = self.sample.class.iter().zip(&self.sides[0]);
        let energies: Vec<f64> = energies.map(|(e, g)| weights.class * e + weights.global * g).collect();
        self.sample.classes(&energies)
    }

    /// Prepares for these class probabilities.
    fn expect(&mut self, classes: &[f64]) {
        for (to, reads) in self.reads.iter_mut().zip(self.global.tables.reads.outer_iter()) {
            *to = reads.iter().zip(classes).map(|(r, q)| r * q).sum();
        }
    }

    /// E_q[G] with a concept absent, less that with it present; it is at `c` in p.
    fn told(&mut self, projected: &[f64], change: &[f64], c: f64, classes: &[f64]) -> f64 {
        match self.global.partition {
            Partition::Joint => {
                let terms = projected.iter().zip(change).zip(&self.reads);
                terms.map(|((p, d), r)| r * ((p - c * d).max(0.0) - (p + (1.0 - c) * d).max(0.0))).sum()
            }
            Partition::Class => {
                for (side, step) in self.sides.iter_mut().zip([-c, 1.0 - c]) {
                    let point = self.point.iter_mut().zip(projected).zip(change);
                    point.for_each(|((to, p), d)| *to = p + step * d);
                    self.global.into(&self.point, side);
                }
                let [absent, present] = &self.sides;
                absent.iter().zip(present).zip(classes).map(|((a, b), q)| q * (a - b)).sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::choices::Weighing;
    use super::super::exact::exact;
    use super::super::testing::{random_evidence, random_tables};
    use super::*;

    /// Largest difference of mean field and exact marginals.
    fn error(partition: Partition, weight: f64, known: &[f64], label: Option<usize>) -> f64 {
        let tables = random_tables(8, 4, 6);
        let global = Global { tables: &tables, partition };
        let (odds, class) = random_evidence(8, 4);
        let weights = Weighing { concept: 1.0, class: 1.0, global: weight };
        let sample = Sample { odds: &odds, class: &class, known, label, weights };
        let (found, expected) = (mean_field(&global, &sample), exact(&global, &[sample]).remove(0));
        assert!(found.steps < SWEEPS);
        let pairs = found.concepts.iter().zip(&expected.concepts).chain(found.classes.iter().zip(&expected.classes));
        pairs.fold(0.0f64, |most, (a, b)| most.max((a - b).abs()))
    }

    #[test]
    fn it_is_exact_without_coupling_and_near_where_coupling_is_weak() {
        let mut known = [f64::NAN; 8];
        (known[2], known[5]) = (1.0, 0.0);
        for partition in [Partition::Class, Partition::Joint] {
            for (known, label) in [([f64::NAN; 8], None), (known, None), (known, Some(1))] {
                assert!(error(partition, 0.0, &known, label) < 1e-12);
                let [weak, weaker] = [0.2, 0.02].map(|w| error(partition, w, &known, label));
                assert!(weak < 0.03 && weaker < 0.003, "{partition:?}: {weak} {weaker}");
            }
        }
    }
}
