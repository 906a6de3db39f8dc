//! Whether inputs that share a code belong together.

use super::{Firing, Walks, jensen_shannon};
use ndarray::Array2;
use std::collections::BTreeMap;

/// How many codes of a codebook stand for one state alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purity {
    /// Sets of codes that fired.
    pub used: usize,
    /// Those with one state only.
    pub pure: usize,
}

impl Purity {
    /// Share of the used ones; 0 where none is.
    pub fn share(&self) -> f64 {
        self.pure as f64 / self.used.max(1) as f64
    }

    /// Of the codes that fire together at one token of each state, a row a state [states × groups·k]; their order within
    /// a group does not matter.
    pub fn of(ids: &Array2<u32>, k: usize) -> Self {
        let mut inputs: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        for row in ids.rows() {
            let mut set = row.to_vec();
            set.chunks_mut(k.max(1)).for_each(<[u32]>::sort_unstable);
            *inputs.entry(set).or_default() += 1;
        }
        Self { used: inputs.len(), pure: inputs.values().filter(|&&n| n == 1).count() }
    }
}

/// Mean divergence of the true next-state distributions of pairs of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharing {
    /// Of pairs that share a code of one group, in nats; none where no two tokens do.
    pub shared: Option<f64>,
    /// Of any pairs, in nats.
    pub random: f64,
}

impl Sharing {
    /// Over all pairs of last digits of states [tokens × groups·k].
    pub fn of(walks: &Walks, firing: &Firing, ids: &Array2<u32>, k: usize) -> Self {
        let states = walks.states();
        let gaps = Array2::from_shape_fn((states, states), |(a, b)| {
            jensen_shannon(walks.transitions.row(a), walks.transitions.row(b))
        });
        // Pairs of different tokens; a token's divergence to itself, and to others of its state, is zero.
        let mean = |groups: &[BTreeMap<usize, usize>]| {
            let (mut sum, mut pairs) = (0.0, 0.0);
            for group in groups {
                let n: f64 = group.values().map(|&c| c as f64).sum();
                pairs += n * (n - 1.0);
                for (&a, &ca) in group {
                    for (&b, &cb) in group {
                        sum += ca as f64 * cb as f64 * gaps[[a, b]];
                    }
                }
            }
            (pairs > 0.0).then_some(sum / pairs)
        };
        let mut shared: Vec<_> = firing.counts(ids, k).into_iter().collect();
        shared.sort_by_key(|(code, _)| *code);
        let shared: Vec<BTreeMap<usize, usize>> = shared.into_iter().map(|(_, c)| c.into_iter().collect()).collect();
        let all = firing.occurrences.iter().copied().enumerate().filter(|(_, c)| *c > 0).collect();
        Self { shared: mean(&shared), random: mean(&[all]).unwrap_or(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::walks::tests::ring;
    use super::*;
    use ndarray::array;

    #[test]
    fn purity_counts_codes_of_one_state() {
        assert_eq!(Purity::of(&array![[0], [1], [1], [3]], 1), Purity { used: 3, pure: 2 });
        assert_eq!(Purity::of(&array![[0, 1], [1, 0], [2, 0]], 2), Purity { used: 2, pure: 1 });
        assert_eq!(Purity::of(&array![[0, 1], [1, 0], [2, 0]], 1), Purity { used: 3, pure: 3 });
    }

    #[test]
    fn sharing_by_hand() {
        let walks = ring();
        let firing = Firing { states: vec![Some(0), Some(0), Some(1), None], occurrences: vec![2, 1, 0] };
        // 0 → 1 and 1 → 2 have nothing in common: ln 2. Two of three pairs of any tokens.
        let apart = Sharing::of(&walks, &firing, &array![[5], [5], [6], [6]], 1);
        assert_eq!(apart.shared, Some(0.0));
        assert!((apart.random - 2.0 / 3.0 * 2f64.ln()).abs() < 1e-12);
        let together = Sharing::of(&walks, &firing, &array![[5], [6], [6], [6]], 1);
        assert!((together.shared.unwrap() - 2f64.ln()).abs() < 1e-12);
        assert_eq!(Sharing::of(&walks, &firing, &array![[5], [6], [7], [7]], 1).shared, None);
    }
}
