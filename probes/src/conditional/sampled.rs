//! Draws from p(c), weighted by the law of classes, where there are too many patterns for sums over all of them.
//!
//! A draw is a pattern c of Π_k p(c_k | x) at a sample x; every sample has as many draws as any other (stratified), two at
//! least. A draw speaks for class y with the weight w = p(y | c), and every probability given y is a ratio of weighted
//! sums r = Σa / Σb: a self-normalised estimate. Its error is that of the delta method, `√Σ(Δa − r Δb)² / Σb`, where Δ is
//! the difference of two draws of one sample: what differs between samples does not count, since p(c) is the mean over
//! just these. What needs no class, p(c_k), p(c_j, c_k) and p(c_k | c_j), is a mean over the samples in closed form and
//! has no such error.

use super::exact::of_patterns;
use super::law::Law;
use super::{ClassLaw, Conditionals, Entry, Marginals, OfPattern, Pattern, binomial_error};
use crate::ProbeError;
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Candidates that are looked at for each pattern that is asked for: draws tell roughly which are probable.
const CANDIDATES: usize = 8;

/// The joint law of a bottleneck on samples, by draws.
pub struct Sampled<'a> {
    law: Law<'a>,
    /// Two by two of the same sample.
    draws: Vec<Pattern>,
    /// p(y | c) of each draw [draws × classes].
    weights: Array2<f64>,
}

/// Weighted sums over draws within a class; matrices [concepts × concepts], of which the upper triangles are filled.
struct Sums {
    /// Σb = Σw, Σw², Σ(Δw)².
    weight: [f64; 3],
    /// Σ w c_j c_k.
    pairs: Array2<f64>,
    /// Σ w² c_j, of single concepts.
    squares: Vec<f64>,
    /// Σ (Δ w c_j c_k)².
    own: Array2<f64>,
    /// Σ Δ(w c_j c_k) Δw.
    with_weight: Array2<f64>,
    /// Σ Δ(w c_j c_k) Δ(w c_j), at all [j, k].
    with_first: Array2<f64>,
}

impl<'a> Sampled<'a> {
    /// Of concept probabilities p(c_k = 1 | x) [samples × concepts] and the law of classes, with `draws` draws: as many
    /// more as make the same even number a sample.
    ///
    /// # Errors
    /// When a number is no probability, or `given` does not answer with probabilities.
    pub fn new(
        present: ArrayView2<'_, f64>,
        classes: usize,
        given: &'a ClassLaw<'a>,
        draws: usize,
        seed: u64,
    ) -> Result<Self, ProbeError> {
        let law = Law::new(present, classes, given)?;
        let each = 2 * draws.div_ceil(2 * law.samples()).max(1);
        let of_sample = |i: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // A stream a sample: threads cannot disturb each other.
            rng.set_stream(i as u64);
            let row = law.present.row(i);
            let mut draw =
                || row.iter().enumerate().filter(|(_, p)| rng.random::<f64>() < **p).map(|(k, _)| k).collect();
            (0..each).map(|_| draw()).collect::<Vec<Pattern>>()
        };
        let draws: Vec<Pattern> = (0..law.samples()).into_par_iter().flat_map_iter(of_sample).collect();
        let weights = law.class_given_each(&draws)?;
        Ok(Self { law, draws, weights })
    }

    /// Number of draws.
    pub fn draws(&self) -> usize {
        self.draws.len()
    }

    /// Effective number of draws of a class, (Σw)² / Σw²: as many draws with equal weights would tell as much.
    pub fn effective_draws(&self, class: usize) -> f64 {
        let column = self.weights.column(class);
        let squares = column.dot(&column);
        if squares > 0.0 { column.sum().powi(2) / squares } else { 0.0 }
    }

    fn sums(&self, class: usize) -> Sums {
        let concepts = self.law.concepts();
        let zero = || Array2::<f64>::zeros((concepts, concepts));
        let mut sums = Sums {
            weight: [0.0; 3],
            pairs: zero(),
            squares: vec![0.0; concepts],
            own: zero(),
            with_weight: zero(),
            with_first: zero(),
        };
        for (at, pair) in self.draws.chunks_exact(2).enumerate() {
            let weights = [self.weights[[2 * at, class]], self.weights[[2 * at + 1, class]]];
            if weights != [0.0; 2] {
                sums.add(pair, weights);
            }
        }
        sums
    }
}

impl Sums {
    /// Adds two draws of one sample.
    fn add(&mut self, pair: &[Pattern], weights: [f64; 2]) {
        let [first, second] = weights;
        let difference = first - second;
        let add = [first + second, first * first + second * second, difference * difference];
        self.weight.iter_mut().zip(add).for_each(|(sum, v)| *sum += v);
        // Each concept that is present in either draw, with its weight in both.
        let mut present: Vec<(usize, [f64; 2])> = Vec::with_capacity(pair[0].len() + pair[1].len());
        let (mut a, mut b) = (pair[0].iter().peekable(), pair[1].iter().peekable());
        while let Some(k) = [a.peek(), b.peek()].into_iter().flatten().min().map(|k| **k) {
            let in_first = a.next_if(|&&p| p == k).map_or(0.0, |_| first);
            let in_second = b.next_if(|&&p| p == k).map_or(0.0, |_| second);
            present.push((k, [in_first, in_second]));
        }
        for (at, &(j, of_j)) in present.iter().enumerate() {
            self.squares[j] += of_j[0] * of_j[0] + of_j[1] * of_j[1];
            for &(k, of_k) in &present[at..] {
                // A draw's weight is there where both concepts are.
                let both = [of_j[0].min(of_k[0]), of_j[1].min(of_k[1])];
                let change = both[0] - both[1];
                self.pairs[[j, k]] += both[0] + both[1];
                self.own[[j, k]] += change * change;
                self.with_weight[[j, k]] += change * difference;
                self.with_first[[j, k]] += change * (of_j[0] - of_j[1]);
                if j != k {
                    self.with_first[[k, j]] += change * (of_k[0] - of_k[1]);
                }
            }
        }
    }

    /// r = part / whole with Σ(Δa)², ΣΔaΔb and Σ(Δb)², where the whole has so many effective draws.
    fn ratio(part: f64, whole: f64, [own, cross, other]: [f64; 3], support: f64) -> Entry {
        if whole <= 0.0 {
            return Entry::NONE;
        }
        let value = (part / whole).min(1.0);
        let variance = (own - 2.0 * value * cross + value * value * other).max(0.0);
        let mut std_error = variance.sqrt() / whole;
        if value == 0.0 || value == 1.0 {
            // What no draw showed may still be: the delta method cannot know.
            std_error = std_error.max(binomial_error(value * support, support));
        }
        Entry { value, std_error, support }
    }

    fn marginals(&self) -> Marginals {
        let concepts = self.squares.len();
        let [weight, squares, changes] = self.weight;
        let effective = |sum: f64, squares: f64| if squares > 0.0 { sum * sum / squares } else { 0.0 };
        let whole = effective(weight, squares);
        let pairs = Array2::from_shape_fn((concepts, concepts), |(j, k)| {
            let at = [j.min(k), j.max(k)];
            Self::ratio(self.pairs[at], weight, [self.own[at], self.with_weight[at], changes], whole)
        });
        let given = Array2::from_shape_fn((concepts, concepts), |(j, k)| {
            let at = [j.min(k), j.max(k)];
            let support = effective(self.pairs[[j, j]], self.squares[j]);
            if j == k && support > 0.0 {
                return Entry { value: 1.0, std_error: 0.0, support };
            }
            let moments = [self.own[at], self.with_first[[j, k]], self.own[[j, j]]];
            Self::ratio(self.pairs[at], self.pairs[[j, j]], moments, support)
        });
        Marginals { concepts: pairs.diag().to_vec(), pairs, given }
    }
}

impl Conditionals for Sampled<'_> {
    fn method(&self) -> &'static str {
        "sampled"
    }

    fn size(&self) -> (usize, usize) {
        (self.law.concepts(), self.law.classes)
    }

    fn class(&self, class: usize) -> Entry {
        let column = self.weights.column(class);
        let draws = self.draws.len() as f64;
        let changes: f64 = (0..self.draws.len() / 2).map(|i| (column[2 * i] - column[2 * i + 1]).powi(2)).sum();
        Entry { value: column.sum() / draws, std_error: changes.sqrt() / draws, support: draws }
    }

    fn overall(&self) -> Marginals {
        let present = &self.law.present;
        let samples = self.law.samples() as f64;
        let mut pairs = present.t().dot(present) / samples;
        // A concept goes with itself whenever it is present.
        pairs.diag_mut().assign(&(present.sum_axis(ndarray::Axis(0)) / samples));
        Marginals::of_masses(&pairs, 1.0, samples)
    }

    fn of_class(&self, class: usize) -> Marginals {
        self.sums(class).marginals()
    }

    fn top_patterns(&self, class: usize, most: usize) -> Result<Vec<Pattern>, ProbeError> {
        let mut tally: BTreeMap<&Pattern, f64> = BTreeMap::new();
        for (draw, weight) in self.draws.iter().zip(self.weights.column(class)) {
            *tally.entry(draw).or_default() += weight;
        }
        let mut ranked: Vec<(&Pattern, f64)> = tally.into_iter().filter(|(_, w)| *w > 0.0).collect();
        // The sort keeps equals in the order of the patterns.
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let candidates: Vec<Pattern> = ranked.iter().take(most * CANDIDATES).map(|(p, _)| (*p).clone()).collect();
        let exactly = self.of_patterns(class, &candidates)?;
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by(|&a, &b| exactly[b].importance.value.total_cmp(&exactly[a].importance.value));
        Ok(order.into_iter().take(most).map(|i| candidates[i].clone()).collect())
    }

    fn of_patterns(&self, class: usize, patterns: &[Pattern]) -> Result<Vec<OfPattern>, ProbeError> {
        of_patterns(&self.law, class, self.class(class), patterns)
    }
}
