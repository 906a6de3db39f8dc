//! Exact inference: a sum over all patterns of the unknown concepts and all classes.
//!
//! Patterns come in blocks of 2^b: p of a block is p of its high concepts plus the p of all patterns of b low ones,
//! which is made once by doubling; the global energies of a block are one matrix product, shared by all samples of
//! which the same is known. Sums are kept relative to the largest term so far.

use super::global::Global;
use super::sample::{Found, Sample};
use ndarray::{Array2, Axis};

/// Low concepts of a block.
const LOW: usize = 8;

/// Sums of exp(−energy) of one sample, relative to e^`largest`.
struct Sums {
    largest: f64,
    all: f64,
    /// Where an unknown concept is present.
    present: Vec<f64>,
    classes: Vec<f64>,
}

/// Marginals of samples that agree in which concepts are known and how, in their order.
pub(super) fn exact(global: &Global<'_>, samples: &[Sample<'_>]) -> Vec<Found> {
    let Some(first) = samples.first() else { return vec![] };
    let unknown: Vec<usize> = (0..first.known.len()).filter(|&k| first.known[k].is_nan()).collect();
    let low = unknown.len().min(LOW);
    let certain: Vec<f64> = first.known.iter().map(|c| if c.is_nan() { 0.0 } else { *c }).collect();
    let base = global.projected(&certain);
    let block = doubled(low, base.len(), |bit, h| global.tables.change[[unknown[bit], h]]);
    let merits: Vec<Vec<f64>> = samples
        .iter()
        .map(|s| doubled(low, 1, |bit, _| s.weights.concept * s.odds[unknown[bit]]).into_raw_vec_and_offset().0)
        .collect();
    let mut sums: Vec<Sums> = samples
        .iter()
        .map(|s| Sums {
            largest: f64::NEG_INFINITY,
            all: 0.0,
            present: vec![0.0; unknown.len()],
            classes: vec![0.0; s.class.len()],
        })
        .collect();
    for high in 0..1usize << (unknown.len() - low) {
        let on = || (low..unknown.len()).filter(|bit| high >> (bit - low) & 1 == 1);
        let mut projected = block.clone();
        let mut offset = base.clone();
        for bit in on() {
            offset.iter_mut().zip(global.tables.change.row(unknown[bit])).for_each(|(o, d)| *o += d);
        }
        for mut row in projected.outer_iter_mut() {
            row.iter_mut().zip(&offset).for_each(|(p, o)| *p += o);
        }
        let energies = global.at(&projected);
        for ((sample, merit), sums) in samples.iter().zip(&merits).zip(&mut sums) {
            let offset: f64 = on().map(|bit| sample.weights.concept * sample.odds[unknown[bit]]).sum();
            sums.add(sample, &energies, |pattern| merit[pattern] + offset, (high << low, low));
        }
    }
    samples.iter().zip(sums).map(|(sample, sums)| sums.marginals(sample, &unknown)).collect()
}

/// Sums [2^bits × width] over the bits that are set of what `of` says.
fn doubled(bits: usize, width: usize, of: impl Fn(usize, usize) -> f64) -> Array2<f64> {
    let mut out = Array2::zeros((1 << bits, width));
    for pattern in 1..1usize << bits {
        let bit = pattern.ilog2() as usize;
        let rest = pattern ^ (1 << bit);
        for h in 0..width {
            out[[pattern, h]] = out[[rest, h]] + of(bit, h);
        }
    }
    out
}

impl Sums {
    /// Adds a block of patterns; `place` is the number of its first and its low bits.
    fn add(
        &mut self,
        sample: &Sample<'_>,
        energies: &Array2<f64>,
        merit: impl Fn(usize) -> f64,
        (start, low): (usize, usize),
    ) {
        let weights = sample.weights;
        let classes = 0..sample.class.len();
        let wanted = |m: &usize| sample.label.is_none_or(|label| label == *m);
        let value = |t: usize, m: usize| merit(t) - weights.class * sample.class[m] - weights.global * energies[[t, m]];
        let patterns = 0..energies.len_of(Axis(0));
        let largest = patterns
            .clone()
            .flat_map(|t| classes.clone().filter(wanted).map(move |m| (t, m)))
            .fold(f64::NEG_INFINITY, |largest, (t, m)| largest.max(value(t, m)));
        if largest > self.largest {
            let scale = (self.largest - largest).exp();
            self.all *= scale;
            self.present.iter_mut().chain(&mut self.classes).for_each(|s| *s *= scale);
            self.largest = largest;
        }
        let mut block = 0.0;
        for t in patterns {
            let mut of_pattern = 0.0;
            for m in classes.clone().filter(wanted) {
                let term = (value(t, m) - self.largest).exp();
                self.classes[m] += term;
                of_pattern += term;
            }
            for (bit, present) in self.present.iter_mut().enumerate().take(low) {
                if t >> bit & 1 == 1 {
                    *present += of_pattern;
                }
            }
            block += of_pattern;
        }
        for (bit, present) in self.present.iter_mut().enumerate().skip(low) {
            if start >> bit & 1 == 1 {
                *present += block;
            }
        }
        self.all += block;
    }

    fn marginals(self, sample: &Sample<'_>, unknown: &[usize]) -> Found {
        let mut concepts = sample.known.to_vec();
        for (&k, present) in unknown.iter().zip(&self.present) {
            concepts[k] = (present / self.all).min(1.0);
        }
        Found { concepts, classes: self.classes.iter().map(|c| c / self.all).collect(), steps: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::choices::{Partition, Weighing};
    use super::super::testing::{random_evidence, random_tables};
    use super::*;

    /// Every pattern by itself, its energy from nothing shared.
    fn brute(global: &Global<'_>, sample: &Sample<'_>) -> Found {
        let (k, m) = (sample.odds.len(), sample.class.len());
        let mut terms = vec![];
        for pattern in 0..1usize << k {
            let soft = |j: usize| if sample.known[j].is_nan() { (pattern >> j & 1) as f64 } else { sample.known[j] };
            if (0..k).any(|j| !sample.known[j].is_nan() && pattern >> j & 1 == 1) {
                continue;
            }
            let concepts: Vec<f64> = (0..k).map(soft).collect();
            let mut energies = vec![0.0; m];
            global.into(&global.projected(&concepts), &mut energies);
            for (y, energy) in energies.iter().enumerate() {
                if sample.label.is_some_and(|label| label != y) {
                    continue;
                }
                let own: f64 = (0..k).filter(|j| pattern >> j & 1 == 1).map(|j| sample.odds[j]).sum();
                let w = sample.weights;
                terms.push((pattern, y, w.concept * own - w.class * sample.class[y] - w.global * energy));
            }
        }
        let largest = terms.iter().fold(f64::NEG_INFINITY, |l, t| l.max(t.2));
        let all: f64 = terms.iter().map(|t| (t.2 - largest).exp()).sum();
        let share = |wanted: &dyn Fn(&(usize, usize, f64)) -> bool| {
            terms.iter().filter(|t| wanted(t)).map(|t| (t.2 - largest).exp()).sum::<f64>() / all
        };
        let concepts = (0..k).map(|j| match sample.known[j] {
            unknown if unknown.is_nan() => share(&|t| t.0 >> j & 1 == 1),
            known => known,
        });
        Found { concepts: concepts.collect(), classes: (0..m).map(|y| share(&|t| t.1 == y)).collect(), steps: 0 }
    }

    #[test]
    fn marginals_are_those_of_every_pattern_by_itself_and_sum_to_one() {
        let tables = random_tables(11, 4, 6);
        let (odds, class) = random_evidence(11, 4);
        for partition in [Partition::Class, Partition::Joint] {
            let global = Global { tables: &tables, partition };
            let mut known = vec![f64::NAN; 11];
            for (given, label) in
                [(vec![], None), (vec![(3, 1.0), (9, 0.0), (5, 0.3)], None), (vec![(0, 1.0)], Some(2))]
            {
                given.iter().for_each(|&(k, c)| known[k] = c);
                let weights = Weighing { concept: 0.9, class: 1.1, global: 0.7 };
                let sample = Sample { odds: &odds, class: &class, known: &known, label, weights };
                // Alone, and beside another sample of which the same is known.
                let other: Vec<f64> = odds.iter().map(|z| -z).collect();
                let both = exact(&global, &[Sample { odds: &other, label: None, ..sample }, sample]);
                let (found, expected) = (&both[1], brute(&global, &sample));
                assert_eq!(exact(&global, &[sample])[0], *found);
                let pairs = found.concepts.iter().zip(&expected.concepts);
                for (a, b) in pairs.chain(found.classes.iter().zip(&expected.classes)) {
                    assert!((a - b).abs() < 1e-12, "{a} for {b}");
                }
                assert!((found.classes.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }
}
