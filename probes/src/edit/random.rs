//! What pruning the same number of other concepts would have done.

use super::apply::{Edit, Settle, apply};
use super::scores::EditedScores;
use crate::metrics::random::generator;
use crate::{Head, ProbeError, best_class};
use rand::seq::index::sample;
use rayon::prelude::*;

/// Gains of prunes that nobody chose.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomPrunes {
    /// The prunes of each draw: (class, concept).
    pub prunes: Vec<Vec<(usize, usize)>>,
    /// For each draw and each set of samples, predictions after the edit.
    pub predictions: Vec<Vec<Vec<u32>>>,
    /// Whether these are all that there are, each once.
    pub exhaustive: bool,
}

impl RandomPrunes {
    /// Share of the draws whose number is at least that of the edit (one-sided p-value). Where the draws are a sample,
    /// the edit counts as one of them, so that it is never 0.
    pub fn p_value(&self, numbers: &[f64], edit: f64) -> f64 {
        let as_good = numbers.iter().filter(|v| **v >= edit - 1e-12).count() as f64;
        if self.exhaustive { as_good / numbers.len() as f64 } else { (as_good + 1.0) / (numbers.len() as f64 + 1.0) }
    }
}

/// Purpose of the draws.
const STREAM: u64 = 3_100_000;

/// The edits again and again, with the pruned concepts of each class replaced by as many others, drawn from those that
/// have a weight for the class (pruning the rest does nothing); everything else of the edits stays. Where there are no
/// more than `draws` combinations, each is taken once instead.
///
/// # Errors
/// When nothing is pruned or there are no draws, or as [`apply`].
pub fn random_prunes(
    head: &Head,
    edits: &[Edit],
    settle: Settle<'_>,
    sets: &[&EditedScores],
    draws: usize,
    seed: u64,
) -> Result<RandomPrunes, ProbeError> {
    let mut pruned: Vec<(usize, usize)> = edits.iter().filter_map(Edit::pruned).collect();
    pruned.sort_unstable();
    pruned.dedup();
    if pruned.is_empty() || draws == 0 {
        return Err(ProbeError::Data("random prunes need an edit that prunes something, and one draw at least".into()));
    }
    apply(head, edits, Settle::default())?;
    let mut classes: Vec<usize> = pruned.iter().map(|p| p.0).collect();
    classes.dedup();
    let pools: Vec<(usize, usize, Vec<usize>)> = classes
        .into_iter()
        .map(|class| {
            let count = pruned.iter().filter(|p| p.0 == class).count();
            // What the edit prunes belongs to it even where its weight is 0.
            let belongs = |c: &usize| head.weights[[*c, class]] != 0.0 || pruned.contains(&(class, *c));
            (class, count, (0..head.weights.nrows()).filter(belongs).collect())
        })
        .collect();
    let combinations: f64 = pools.iter().map(|(_, count, pool)| binomial(pool.len(), *count)).product();
    let exhaustive = combinations <= draws as f64;
    let prunes: Vec<Vec<(usize, usize)>> = if exhaustive {
        pools.iter().fold(vec![vec![]], |all, (class, count, pool)| {
            let own = combinations_of(pool, *count);
            let join = |before: &Vec<(usize, usize)>, set: &Vec<usize>| {
                before.iter().copied().chain(set.iter().map(|&c| (*class, c))).collect()
            };
            all.iter().flat_map(|before| own.iter().map(move |set| join(before, set))).collect()
        })
    } else {
        let draw = |number: usize| {
            let random = &mut generator(seed, STREAM + number as u64);
            let of = |(class, count, pool): &(usize, usize, Vec<usize>)| {
                let mut places = sample(random, pool.len(), *count).into_vec();
                places.sort_unstable();
                places.into_iter().map(|place| (*class, pool[place])).collect::<Vec<_>>()
            };
            pools.iter().flat_map(of).collect()
        };
        (0..draws).map(draw).collect()
    };
    let rest: Vec<Edit> = edits.iter().copied().filter(|e| e.pruned().is_none()).collect();
    let predict = |set: &Vec<(usize, usize)>| -> Result<Vec<Vec<u32>>, ProbeError> {
        let prunes = set.iter().map(|&(class, concept)| Edit::Prune { class, concept });
        let edits: Vec<Edit> = rest.iter().copied().chain(prunes).collect();
        let after = apply(head, &edits, settle)?;
        Ok(sets.iter().map(|scores| best_class(scores.with(head, &after).view())).collect())
    };
    let predictions: Result<Vec<_>, ProbeError> = prunes.par_iter().map(predict).collect();
    Ok(RandomPrunes { predictions: predictions?, prunes, exhaustive })
}

fn binomial(n: usize, k: usize) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

/// All sets of `k` of these, in order.
fn combinations_of(pool: &[usize], k: usize) -> Vec<Vec<usize>> {
    if k == 0 {
        return vec![vec![]];
    }
    let with_first = |(place, &first): (usize, &usize)| {
        let rest = combinations_of(&pool[place + 1..], k - 1);
        rest.into_iter().map(move |set| std::iter::once(first).chain(set).collect()).collect::<Vec<Vec<usize>>>()
    };
    pool.iter().enumerate().flat_map(with_first).collect()
}
