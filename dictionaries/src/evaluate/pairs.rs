//! Pairs of features whose directions overlap while their firing excludes one another.
//!
//! Absorption (Chanin et al. 2024, "A is for Absorption") is that the feature of a general concept falls silent where the
//! feature of a special case fires, whose direction then has the general one's within it. They find it by the labels of
//! the general concept: samples that a linear probe gets right, where the concept's own features are silent and another
//! feature, of positive cosine with the probe, does the work. **Without labels that cannot be seen**, and what is found
//! here is only its shadow: the signature, for both of
//! - overlap: a cosine of decoder rows of at least 0.3;
//! - exclusion: they fire together less than half as often as if they were independent, and so rarely that chance
//!   (Poisson, Bonferroni over all pairs examined) gives it less than 1 %;
//! - presence, for "absorption-like": where only the rarer fires, the activation reaches at least half as far along the
//!   other's direction as where the other itself fires.
//!
//! Features that merely compete for the places of a TopK code, or split one concept between them (of which exclusion is
//! the whole point), look the same. A pair is a place to look at, and no proof.

use super::neighbours::{neighbours, unit_rows};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use statrs::distribution::{DiscreteCDF, Poisson};

/// The least cosine of a pair.
pub(super) const OVERLAP: f64 = 0.3;
/// Neighbours of a feature that are examined.
const PARTNERS: usize = 8;
/// Of the joint firing that independence gives.
const EXCLUSION: f64 = 0.5;
/// Of the reach along the direction of the more frequent one.
const PRESENCE: f64 = 0.5;
const CHANCE: f64 = 0.01;

/// Two live features of overlapping direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The one that fires more often; of equal ones, the lower number.
    pub frequent: u32,
    /// The other.
    pub rare: u32,
    /// Cosine of their decoder rows.
    pub cosine: f64,
    /// Samples on which both are active.
    pub together: u64,
    /// Samples on which both would be if they were independent.
    pub expected: f64,
    /// Chance of so few under independence (Poisson).
    pub p_value: f64,
    /// Mean of (x − b)·d̂ over samples where only the rare one is active, over that where the frequent one is, with d̂ the
    /// frequent one's direction; `None` where there are no such samples or the frequent one does not reach its own way.
    pub presence: Option<f64>,
    /// Whether they exclude one another.
    pub exclusive: bool,
    /// Whether the frequent one seems to be carried by the rare one.
    pub absorption_like: bool,
}

/// Counts pairs as samples go by.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    directions: Array2<f32>,
    origin: Array1<f32>,
    /// For each feature, partners and the number of the pair.
    partners: Vec<Vec<(u32, u32)>>,
    /// Lower feature, higher feature, cosine.
    pairs: Vec<(u32, u32, f64)>,
    together: Vec<u64>,
    /// Σ (x − b)·d̂ of the lower and of the higher one, where the other alone is active.
    reach: Vec<[f64; 2]>,
    own: Vec<f64>,
    active: Vec<bool>,
}

impl Counter {
    pub(super) fn new(decoder: ArrayView2<f32>, origin: ArrayView1<f32>) -> Self {
        let width = decoder.nrows();
        let mut pairs: Vec<(u32, u32, f64)> = (neighbours(decoder, PARTNERS, OVERLAP).into_iter().enumerate())
            .flat_map(|(i, near)| near.into_iter().map(move |(j, c)| (j.min(i as u32), j.max(i as u32), c)))
            .collect();
        pairs.sort_by_key(|p| (p.0, p.1));
        pairs.dedup_by_key(|p| (p.0, p.1));
        let mut partners = vec![Vec::new(); width];
        for (number, &(low, high, _)) in pairs.iter().enumerate() {
            partners[low as usize].push((high, number as u32));
            partners[high as usize].push((low, number as u32));
        }
        Self {
            directions: unit_rows(decoder),
            origin: origin.to_owned(),
            partners,
            together: vec![0; pairs.len()],
            reach: vec![[0.0; 2]; pairs.len()],
            pairs,
            own: vec![0.0; width],
            active: vec![false; width],
        }
    }

    pub(super) fn add(&mut self, x: ArrayView1<f32>, features: &[u32]) {
        features.iter().for_each(|&f| self.active[f as usize] = true);
        let centred = &x - &self.origin;
        for &feature in features {
            let near = &self.partners[feature as usize];
            if near.is_empty() {
                continue;
            }
            self.own[feature as usize] += f64::from(centred.dot(&self.directions.row(feature as usize)));
            for &(partner, pair) in near {
                if self.active[partner as usize] {
                    self.together[pair as usize] += u64::from(feature < partner);
                } else {
                    let reach = f64::from(centred.dot(&self.directions.row(partner as usize)));
                    self.reach[pair as usize][usize::from(partner > feature)] += reach;
                }
            }
        }
        features.iter().for_each(|&f| self.active[f as usize] = false);
    }

    /// The pairs of which both were active at some time, in the order of their features.
    pub(super) fn finish(&self, fires: &[u64], samples: u64) -> Vec<Pair> {
        let live: Vec<usize> = (0..self.pairs.len())
            .filter(|&p| fires[self.pairs[p].0 as usize] > 0 && fires[self.pairs[p].1 as usize] > 0)
            .collect();
        let limit = CHANCE / live.len().max(1) as f64;
        let judge = |&pair: &usize| {
            let (low, high, cosine) = self.pairs[pair];
            let (n_low, n_high) = (fires[low as usize], fires[high as usize]);
            let swapped = n_high > n_low;
            let (frequent, rare) = if swapped { (high, low) } else { (low, high) };
            let (n_frequent, n_rare) = (n_low.max(n_high), n_low.min(n_high));
            let together = self.together[pair];
            let expected = n_low as f64 * n_high as f64 / samples as f64;
            let p_value = Poisson::new(expected).map_or(1.0, |p| p.cdf(together));
            let alone = n_rare - together;
            let own = self.own[frequent as usize] / n_frequent as f64;
            let presence =
                (alone > 0 && own > 0.0).then(|| self.reach[pair][usize::from(swapped)] / alone as f64 / own);
            let exclusive = (together as f64) < EXCLUSION * expected && p_value < limit;
            let absorption_like = exclusive && presence.is_some_and(|p| p >= PRESENCE);
            Pair { frequent, rare, cosine, together, expected, p_value, presence, exclusive, absorption_like }
        };
        live.iter().map(judge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn counter() -> Counter {
        // 0 and 1 overlap with a cosine of 0.6; 2 stands alone.
        let decoder = array![[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]];
        Counter::new(decoder.view(), array![1.0, 0.0, 0.0].view())
    }

    #[test]
    fn one_that_carries_the_other_is_found() {
        let mut counter = counter();
        // The general feature fires on 40 of 100, the special one on 30 others, where x has the general one's direction
        // as strongly: x − b = [2, …] in both.
        for i in 0..100 {
            match i % 10 {
                0..4 => counter.add(array![3.0, 0.0, 0.0].view(), &[0]),
                4..7 => counter.add(array![3.0, 1.0, 0.0].view(), &[1]),
                _ => counter.add(array![1.0, 0.0, 1.0].view(), &[2]),
            }
        }
        let pairs = counter.finish(&[40, 30, 30], 100);
        assert_eq!(pairs.len(), 1);
        let pair = &pairs[0];
        assert_eq!((pair.frequent, pair.rare, pair.together, pair.expected), (0, 1, 0, 12.0));
        assert!((pair.cosine - 0.6).abs() < 1e-6 && (pair.p_value - (-12.0f64).exp()).abs() < 1e-12);
        assert!((pair.presence.unwrap() - 1.0).abs() < 1e-9);
        assert!(pair.exclusive && pair.absorption_like);
    }

    #[test]
    fn independent_ones_are_not_and_absence_is_told_from_absorption() {
        let mut independent = counter();
        for i in 0..100 {
            let features: &[u32] = match (i % 2, (i / 2) % 2) {
                (0, 0) => &[0, 1],
                (0, _) => &[0],
                (_, 0) => &[1],
                _ => &[],
            };
            independent.add(array![3.0, 0.0, 0.0].view(), features);
        }
        let pair = &independent.finish(&[50, 50, 0], 100)[0];
        assert_eq!((pair.together, pair.expected, pair.exclusive), (25, 25.0, false));
        let mut absent = counter();
        for i in 0..100 {
            // Where the rare one fires, nothing of the frequent one is there.
            if i % 2 == 0 {
                absent.add(array![3.0, 0.0, 0.0].view(), &[1]);
            } else if i < 80 {
                absent.add(array![1.0, 0.0, 1.0].view(), &[0]);
            }
        }
        let pair = &absent.finish(&[40, 50, 0], 100)[0];
        assert_eq!((pair.frequent, pair.rare), (1, 0));
        assert!(pair.exclusive && !pair.absorption_like);
        assert_eq!(pair.presence, Some(0.0));
    }
}
