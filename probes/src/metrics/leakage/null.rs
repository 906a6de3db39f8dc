//! The null of no leakage: scores that know a concept and nothing else.
//!
//! Shuffling the rows of ĉ among samples of the same true concepts keeps p(ĉ|c) and p(c, y) and breaks everything else:
//! whatever leakage an estimator still finds is its own bias. Strata of one sample cannot be shuffled; where most are
//! so (many concepts), the null is the data themselves and says nothing: [`movable`] is the share that can move.

use crate::metrics::random::generator;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Stream of the seed from which shuffles are drawn, one further stream each.
const STREAM: u64 = 3_000_000;

/// What shuffles say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Null {
    /// Mean over shuffles: the bias of the estimate at no leakage.
    pub mean: f64,
    /// Standard deviation over shuffles.
    pub spread: f64,
    /// `(1 + #{shuffled ≥ observed})/(1 + shuffles)` ("Permutation p-values should never be zero", Phipson & Smyth 2010).
    pub p_value: f64,
}

/// The statistic's null: it is given, for each sample, the sample whose scores it gets.
pub(crate) fn null<E: Send>(
    observed: f64,
    strata: &[u32],
    shuffles: usize,
    seed: u64,
    statistic: impl Fn(&[usize]) -> Result<f64, E> + Sync,
) -> Result<Option<Null>, E> {
    if shuffles == 0 {
        return Ok(None);
    }
    let found: Vec<f64> = (0..shuffles)
        .into_par_iter()
        .map(|i| statistic(&shuffled(strata, seed, STREAM + i as u64)))
        .collect::<Result<_, E>>()?;
    let count = shuffles as f64;
    let mean = found.iter().sum::<f64>() / count;
    let variance = found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    let as_large = found.iter().filter(|v| **v >= observed).count();
    Ok(Some(Null { mean, spread: variance.sqrt(), p_value: (1 + as_large) as f64 / (1.0 + count) }))
}

fn members(strata: &[u32]) -> BTreeMap<u32, Vec<usize>> {
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    strata.iter().enumerate().for_each(|(i, s)| members.entry(*s).or_default().push(i));
    members
}

/// Rows in random order within their strata.
fn shuffled(strata: &[u32], seed: u64, stream: u64) -> Vec<usize> {
    let rng = &mut generator(seed, stream);
    let mut from = vec![0; strata.len()];
    for rows in members(strata).values() {
        let mut order = rows.clone();
        order.shuffle(rng);
        rows.iter().zip(order).for_each(|(&row, other)| from[row] = other);
    }
    from
}

/// Share of the samples that are not alone in their stratum.
pub fn movable(strata: &[u32]) -> f64 {
    let together: usize = members(strata).values().filter(|rows| rows.len() > 1).map(Vec::len).sum();
    together as f64 / strata.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_in_their_stratum() {
        let strata: Vec<u32> = (0..200).map(|i| i % 7).collect();
        let from = shuffled(&strata, 1, 0);
        assert!(from.iter().enumerate().all(|(row, &other)| strata[row] == strata[other]));
        let mut sorted = from.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..200).collect::<Vec<_>>());
        assert!(from.iter().enumerate().any(|(row, &other)| row != other));
        assert_eq!((movable(&strata), movable(&[0, 1, 1, 2])), (1.0, 0.5));
    }

    #[test]
    fn the_p_value_is_never_zero() {
        let found = null::<()>(5.0, &[0, 0, 1], 19, 0, |_| Ok(1.0)).unwrap().unwrap();
        assert_eq!((found.mean, found.spread, found.p_value), (1.0, 0.0, 0.05));
        assert_eq!(null::<()>(5.0, &[0], 0, 0, |_| Ok(1.0)).unwrap(), None);
    }
}
