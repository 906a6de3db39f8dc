//! Which estimator measures the information of concept scores, and why.
//!
//! A concept score may be continuous, hard (0 and 1), or between: probabilities that saturate at 0 and 1. A column of
//! few values, each often, is discrete: observed frequencies with Miller and Madow's correction. A continuous column
//! and a discrete one: Ross 2014. Two continuous ones: KSG. A continuous column with more than one value in a hundred
//! repeated has places of its own, where distances are zero: with classes Ross's estimator then counts the place, in
//! the class and in all, instead of neighbours; with another column KSG with its jitter of 10⁻¹⁰ standard deviations,
//! which makes a place a cloud without structure. Not the estimator for mixtures of Gao et al. 2017: with ψ(k) beside
//! log(n + 1) it reads −0.4 bits at k = 3 for labels that are independent. All with k = 3 as the published leakage scores.
//! Neighbour estimators read too little at high information; differences to plug-in values of hard labels inherit it.

use crate::ProbeError;
use narrows_estimators::{
    Correction, Estimate, EstimatorError, Ksg, MutualInformation, Nats, NeighbourOptions, PlugIn, Ross, Ties, Variable,
};
use ndarray::{Array2, ArrayView1, ArrayView2};
use std::collections::BTreeMap;

/// Values at most that a discrete column may have, and samples that each must have on average.
const MOST_VALUES: usize = 10;
const LEAST_PER_VALUE: usize = 5;
/// Share of repeated values from which on a continuous column counts as a mixture.
const MOST_TIED: f64 = 0.01;
/// Neighbours.
pub(crate) const K: usize = 3;

/// One column of scores as a variable.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    /// Few values.
    Discrete(Vec<u32>),
    /// A density [samples × 1].
    Continuous(Array2<f64>),
    /// A density with values that occur again and again [samples × 1].
    Mixed(Array2<f64>),
}

impl Column {
    pub(crate) fn new(values: ArrayView1<'_, f64>, rows: &[usize]) -> Self {
        let values: Vec<f64> = rows.iter().map(|&r| values[r]).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        if sorted.len() <= MOST_VALUES && values.len() >= LEAST_PER_VALUE * sorted.len() {
            return Column::Discrete(values.iter().map(|v| sorted.partition_point(|s| s < v) as u32).collect());
        }
        let tied = 1.0 - sorted.len() as f64 / values.len() as f64;
        let column = Array2::from_shape_fn((values.len(), 1), |(i, _)| values[i]);
        if tied > MOST_TIED { Column::Mixed(column) } else { Column::Continuous(column) }
    }

    /// Hard labels of the rows.
    pub(crate) fn hard(values: ArrayView1<'_, f64>, rows: &[usize]) -> Vec<u32> {
        rows.iter().map(|&r| u32::from(values[r] >= 0.5)).collect()
    }

    pub(crate) fn view(&self) -> Variable<'_> {
        match self {
            Column::Discrete(labels) => Variable::Discrete(labels),
            Column::Continuous(values) | Column::Mixed(values) => Variable::Continuous(values.view()),
        }
    }
}

/// The estimator for a column and labels.
pub(crate) fn with_labels(x: &Column) -> Box<dyn MutualInformation> {
    match x {
        Column::Discrete(_) => Box::new(plug_in()),
        Column::Continuous(_) => Box::new(Ross::new(K)),
        Column::Mixed(_) => Box::new(counting_places()),
    }
}

/// The estimator for two columns.
pub(crate) fn of_pair(x: &Column, y: &Column) -> Box<dyn MutualInformation> {
    match (x, y) {
        (Column::Discrete(_), Column::Discrete(_)) => Box::new(plug_in()),
        (Column::Discrete(_), other) | (other, Column::Discrete(_)) => with_labels(other),
        _ => Box::new(Ksg::new(K)),
    }
}

/// Ross's estimator that leaves repeated values where they are, and counts them.
fn counting_places() -> Ross {
    Ross { options: NeighbourOptions { ties: Ties::Keep, ..NeighbourOptions::new(K) } }
}

pub(crate) fn plug_in() -> PlugIn {
    PlugIn { correction: Correction::MillerMadow }
}

/// A value in nats that is the sum or difference of others.
pub(crate) fn plain(value: f64, n_samples: usize) -> Estimate {
    Estimate { value: Nats(value), std_error: None, n_samples, warnings: vec![], details: vec![] }
}

/// Entropy of labels in nats, from their frequencies.
pub(crate) fn entropy(labels: &[u32]) -> f64 {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    labels.iter().for_each(|l| *counts.entry(*l).or_default() += 1);
    let n = labels.len() as f64;
    counts.values().map(|&c| -(c as f64 / n) * (c as f64 / n).ln()).sum()
}

/// Σ_s p(s) I(X;Y|S = s) over strata, and the share of the samples in strata where nothing could be estimated (fewer
/// than k + 2 samples), which count as 0. A stratum of one class holds no information exactly.
pub(crate) fn within_strata(
    estimator: &dyn MutualInformation,
    x: Variable<'_>,
    y: &[u32],
    strata: &[u32],
) -> Result<(f64, f64), EstimatorError> {
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    strata.iter().enumerate().for_each(|(i, s)| members.entry(*s).or_default().push(i));
    let n = strata.len() as f64;
    let (mut total, mut skipped) = (0.0, 0.0);
    for rows in members.values() {
        let own: Vec<u32> = rows.iter().map(|&r| y[r]).collect();
        if own.iter().all(|l| *l == own[0]) {
            continue;
        }
        if rows.len() < K + 2 {
            skipped += rows.len() as f64 / n;
            continue;
        }
        match estimator.estimate(x.select(rows).view(), Variable::Discrete(&own)) {
            Ok(found) => total += rows.len() as f64 / n * found.value.0,
            // Every class of the stratum has one sample: no neighbours within a class.
            Err(EstimatorError::TooFewSamples { .. }) => skipped += rows.len() as f64 / n,
            Err(other) => return Err(other),
        }
    }
    Ok((total, skipped))
}

/// The number of each row's pattern of hard labels; a missing label is a value of its own.
pub fn patterns(truth: ArrayView2<'_, f64>) -> Vec<u32> {
    let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    truth
        .outer_iter()
        .map(|row| {
            let code: Vec<u8> = row.iter().map(|t| if t.is_nan() { 2 } else { u8::from(*t >= 0.5) }).collect();
            let next = seen.len() as u32;
            *seen.entry(code).or_insert(next)
        })
        .collect()
}

/// Refuses scores, labels of concepts and of classes that are not rows of the same samples.
pub(crate) fn check(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    labels: &[u32],
) -> Result<(), ProbeError> {
    super::super::check_rows("rows of concept scores", concepts.nrows(), labels.len())?;
    super::super::check_rows("rows of concept labels", truth.nrows(), labels.len())?;
    super::super::check_rows("concepts scored", concepts.ncols(), truth.ncols())?;
    crate::data::check_finite("concept scores", concepts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use rand::RngExt;

    #[test]
    fn columns_are_taken_as_what_they_are() {
        let rows: Vec<usize> = (0..100).collect();
        let hard = ndarray::Array1::from_shape_fn(100, |i| f64::from(u8::from(i % 3 == 0)));
        let soft = ndarray::Array1::from_shape_fn(100, |i| (i as f64 * 0.7).sin());
        let saturated = soft.mapv(|v: f64| v.clamp(-0.5, 0.5));
        let names = |c: ndarray::Array1<f64>| with_labels(&Column::new(c.view(), &rows)).name();
        assert_eq!([names(hard), names(soft), names(saturated)], ["plug-in", "ross", "ross"]);
    }

    #[test]
    fn saturated_scores_are_measured_without_bias() {
        // A sigmoid's output in single precision: exactly 0 or 1 for most samples, anything between for the rest.
        let rng = &mut generator(71, 0);
        let n = 1500;
        let rows: Vec<usize> = (0..n).collect();
        let mut draw = || ndarray::Array1::from_shape_fn(n, |_| (3.0 * rng.random::<f64>() - 1.0).clamp(0.0, 1.0));
        let (first, second) = (draw(), draw());
        let labels: Vec<u32> = (0..n).map(|_| u32::from(rng.random::<f64>() < 0.5)).collect();
        let (x, y) = (Column::new(first.view(), &rows), Column::new(second.view(), &rows));
        assert!(matches!(x, Column::Mixed(_)));
        let bits = |e: Estimate| e.value.bits();
        let alone = bits(with_labels(&x).estimate(x.view(), Variable::Discrete(&labels)).unwrap());
        assert!(alone.abs() < 0.04, "{alone}");
        let pair = bits(of_pair(&x, &y).estimate(x.view(), y.view()).unwrap());
        assert!(pair.abs() < 0.06, "{pair}");
        // The label is whether the score exceeds one half: one bit.
        let known: Vec<u32> = first.iter().map(|v| u32::from(*v > 0.5)).collect();
        let whole = bits(with_labels(&x).estimate(x.view(), Variable::Discrete(&known)).unwrap());
        assert!((whole - 1.0).abs() < 0.03, "{whole}");
    }

    #[test]
    fn strata_hold_what_is_left() {
        // X = Y within stratum 0 (one bit), constant Y in stratum 1: one half bit.
        let (x, y, s) = (vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], vec![0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0], {
            let mut s = vec![0; 6];
            s.extend([1; 6]);
            s
        });
        let plug_in = PlugIn { correction: Correction::None };
        let (found, skipped) = within_strata(&plug_in, Variable::Discrete(&x), &y, &s).unwrap();
        assert!((found / std::f64::consts::LN_2 - 0.5).abs() < 1e-12 && skipped == 0.0);
    }
}
