//! Inference by sampling: a Markov chain whose stationary law is p(c, y | x), for more concepts than can be enumerated.
//!
//! A sweep draws the class given the concepts, each unknown concept given all else, in a random order (Geman & Geman
//! 1984, "Stochastic relaxation, Gibbs distributions, and the Bayesian restoration of images"), and as many exchanges:
//! two concepts of unlike values trade them, accepted by the rule of Metropolis (1953). Concepts that exclude each other
//! are bound by the global energy so that neither can change alone; exchanges carry them across. Marginals are means of
//! the conditional probabilities that were drawn from, after a fifth of the sweeps (Gelfand & Smith 1990, equation 2.9).
//!
//! Every sample has the same random numbers, whatever batch it is in.

use super::choices::Partition;
use super::global::Global;
use super::sample::{Found, Sample, sigmoid};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Share of the sweeps that the chain runs before anything is counted.
const UNCOUNTED: f64 = 0.2;

/// Marginals of one sample over so many sweeps.
pub(super) fn gibbs(global: &Global<'_>, sample: &Sample<'_>, sweeps: usize, seed: u64) -> Found {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut chain = Chain::new(global, sample);
    let uncounted = (sweeps as f64 * UNCOUNTED) as usize;
    let mut concepts: Vec<f64> = sample.known.iter().map(|c| if c.is_nan() { 0.0 } else { *c }).collect();
    let mut classes = vec![0.0; sample.class.len()];
    let share = 1.0 / (sweeps - uncounted) as f64;
    for sweep in 0..sweeps {
        let counted = sweep >= uncounted;
        let found = chain.draw_class(&mut rng);
        if counted {
            classes.iter_mut().zip(found).for_each(|(sum, p)| *sum += share * p);
        }
        chain.draw_concepts(&mut rng, |k, p| {
            if counted {
                concepts[k] += share * p;
            }
        });
        chain.exchange(&mut rng);
    }
    Found { concepts, classes, steps: sweeps }
}

/// One sample's concepts and class.
struct Chain<'a> {
    global: &'a Global<'a>,
    sample: &'a Sample<'a>,
    concepts: Vec<f64>,
    unknown: Vec<usize>,
    /// p [H] of the concepts.
    projected: Vec<f64>,
    /// p of what is proposed.
    proposed: Vec<f64>,
    class: usize,
    /// a_cy ∘ (1 + ū) [H] of the class.
    reads: Vec<f64>,
    /// G [M] of a point.
    energies: Vec<f64>,
}

impl<'a> Chain<'a> {
    /// Begins where each concept is by itself.
    fn new(global: &'a Global<'a>, sample: &'a Sample<'a>) -> Self {
        let own = sample.own_concepts(1.0);
        let concepts: Vec<f64> =
            own.iter().zip(sample.known).map(|(p, c)| if c.is_nan() { p.round() } else { *c }).collect();
        let projected = global.projected(&concepts);
        Self {
            global,
            sample,
            unknown: (0..concepts.len()).filter(|&k| sample.known[k].is_nan()).collect(),
            proposed: projected.clone(),
            projected,
            concepts,
            class: 0,
            reads: vec![0.0; global.tables.reads.nrows()],
            energies: vec![0.0; global.tables.n_classes()],
        }
    }

    /// Draws the class, and says with which probabilities.
    fn draw_class(&mut self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        self.global.into(&self.projected, &mut self.energies);
        let weights = self.sample.weights;
        for (energy, own) in self.energies.iter_mut().zip(self.sample.class) {
            *energy = weights.class * own + weights.global * *energy;
        }
        let probabilities = self.sample.classes(&self.energies);
        let mut left: f64 = rng.random();
        let last = probabilities.len() - 1;
        let beyond = |p: &f64| {
            left -= p;
            left < 0.0
        };
        self.class = probabilities.iter().position(beyond).unwrap_or(last);
        let column = self.global.tables.reads.column(self.class);
        self.reads.iter_mut().zip(column).for_each(|(to, r)| *to = *r);
        probabilities
    }

    /// G at a point for the class that was drawn.
    fn energy(global: &Global<'_>, point: &[f64], reads: &[f64], class: usize, energies: &mut [f64]) -> f64 {
        match global.partition {
            Partition::Joint => point.iter().zip(reads).map(|(p, r)| p.max(0.0) * r).sum(),
            Partition::Class => {
                global.into(point, energies);
                energies[class]
            }
        }
    }

    fn here(&mut self) -> f64 {
        Self::energy(self.global, &self.projected, &self.reads, self.class, &mut self.energies)
    }

    fn there(&mut self) -> f64 {
        Self::energy(self.global, &self.proposed, &self.reads, self.class, &mut self.energies)
    }

    /// Moves a point along D_k.
    fn shift(global: &Global<'_>, point: &mut [f64], concept: usize, by: f64) {
        let change = global.tables.change.row(concept);
        point.iter_mut().zip(change).for_each(|(p, d)| *p += by * d);
    }

    /// Draws every unknown concept given all else; `told` hears with which probability.
    fn draw_concepts(&mut self, rng: &mut ChaCha8Rng, mut told: impl FnMut(usize, f64)) {
        self.unknown.shuffle(rng);
        let weights = self.sample.weights;
        for at in 0..self.unknown.len() {
            let k = self.unknown[at];
            let value = self.concepts[k];
            self.proposed.copy_from_slice(&self.projected);
            Self::shift(self.global, &mut self.proposed, k, 1.0 - 2.0 * value);
            let (here, there) = (self.here(), self.there());
            let gain = if value > 0.5 { there - here } else { here - there };
            let p = sigmoid(weights.concept * self.sample.odds[k] + weights.global * gain);
            told(k, p);
            let new = f64::from(u8::from(rng.random::<f64>() < p));
            if new != value {
                self.concepts[k] = new;
                self.projected.copy_from_slice(&self.proposed);
            }
        }
    }

    /// Offers as many pairs of unknown concepts as there are of them an exchange of their values.
    fn exchange(&mut self, rng: &mut ChaCha8Rng) {
        let count = self.unknown.len();
        if count < 2 {
            return;
        }
        // In their own order, so that a pair's draw does not hang on the last shuffle.
        self.unknown.sort_unstable();
        let weights = self.sample.weights;
        let mut here = self.here();
        for _ in 0..count {
            let (i, j) = (self.unknown[rng.random_range(0..count)], self.unknown[rng.random_range(0..count)]);
            let chance: f64 = rng.random();
            if self.concepts[i] == self.concepts[j] {
                continue;
            }
            let [up, down] = [i, j].map(|k| 1.0 - 2.0 * self.concepts[k]);
            self.proposed.copy_from_slice(&self.projected);
            Self::shift(self.global, &mut self.proposed, i, up);
            Self::shift(self.global, &mut self.proposed, j, down);
            let there = self.there();
            let odds = up * self.sample.odds[i] + down * self.sample.odds[j];
            if chance.ln() < weights.concept * odds - weights.global * (there - here) {
                self.concepts[i] += up;
                self.concepts[j] += down;
                std::mem::swap(&mut self.projected, &mut self.proposed);
                here = there;
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

    /// Largest difference of sampled and exact marginals.
    fn error(partition: Partition, known: &[f64], label: Option<usize>, sweeps: usize) -> f64 {
        let mut tables = random_tables(8, 4, 6);
        // Coupled beyond what mean field can follow.
        tables.reads *= 2.0;
        let global = Global { tables: &tables, partition };
        let (odds, class) = random_evidence(8, 4);
        let weights = Weighing { concept: 1.0, class: 1.0, global: 1.0 };
        let sample = Sample { odds: &odds, class: &class, known, label, weights };
        let (found, expected) = (gibbs(&global, &sample, sweeps, 1), exact(&global, &[sample]).remove(0));
        let pairs = found.concepts.iter().zip(&expected.concepts).chain(found.classes.iter().zip(&expected.classes));
        pairs.fold(0.0f64, |most, (a, b)| most.max((a - b).abs()))
    }

    #[test]
    fn the_chain_goes_where_enumeration_is() {
        let mut some = [f64::NAN; 8];
        (some[2], some[5]) = (1.0, 0.0);
        for partition in [Partition::Class, Partition::Joint] {
            for (known, label) in [([f64::NAN; 8], None), (some, None), (some, Some(1))] {
                let found = error(partition, &known, label, 40_000);
                assert!(found < 0.015, "{partition:?} {label:?}: {found}");
            }
        }
    }

    #[test]
    fn all_known_is_all_known() {
        let known = [1.0, 0.0, 1.0, 1.0, 0.0, 0.25, 1.0, 0.0];
        assert!(error(Partition::Joint, &known, None, 10) < 1e-12);
    }
}
