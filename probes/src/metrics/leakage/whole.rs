//! Whole-bottleneck leakage: I(Y; Ĉ | C), what all scores together tell of the class beyond all true concepts.
//!
//! **By prediction** (the gap of predictive log-likelihood of "Measuring leakage in concept-based methods: an information
//! theoretic approach", Makonnen et al. 2025): one predictor of y from c, one from (c, ĉ); the difference of their
//! cross-fitted negative log-likelihoods. Each sample is predicted by networks that have not seen it (5 folds), so that
//! many dimensions do no harm, and the spread over samples is a standard error. It is no strict bound: what the first
//! predictor fails to learn from c counts as leakage. Therefore the first is the better of the network and of a table
//! of c's patterns. The default for any number of concepts.
//!
//! **By neighbours**: Σ_c p(c) I(Y; Ĉ | C = c) with Ross's estimator within each pattern of c. Nearly unbiased for two
//! or three concepts with many samples a pattern; in more than about six dimensions it reads far too little, and patterns
//! of fewer than five samples count as zero: flagged, and not to be believed then.
//!
//! The null of both shuffles whole rows of ĉ within the patterns of c.

use super::information::{K, check, patterns, within_strata};
use super::null::{Null, movable, null};
use super::task::LeakageOptions;
use crate::ProbeError;
use crate::metrics::predictor::{Goal, Predictor};
use crate::metrics::random::generator;
use crate::metrics::resample::{error_of_mean, mean};
use crate::metrics::{Metric, check_rows};
use narrows_estimators::{EstimatorError, Ross, Variable, uncertainty};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::f64::consts::LN_2;

/// Folds of cross-fitting.
const FOLDS: usize = 5;
/// Dimensions from which on neighbours read too little.
const MOST_DIMENSIONS: usize = 6;
/// Below this share of samples that can be shuffled, the null says nothing.
const LEAST_MOVABLE: f64 = 0.5;

/// The same for what the head reads of concepts where that is more than a score each, such as concept embeddings
/// [samples × concepts·width]: the log-likelihoods alone, neighbours being lost in so many dimensions.
///
/// # Errors
/// As [`whole_leakage`].
pub fn representation_leakage(
    representation: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    labels: &[u32],
    predictor: &Predictor,
    options: &LeakageOptions,
) -> Result<Vec<Metric>, ProbeError> {
    check_rows("rows of the representation", representation.nrows(), labels.len())?;
    check_rows("rows of concept labels", truth.nrows(), labels.len())?;
    crate::data::check_finite("representation", representation)?;
    enough(labels)?;
    let strata = patterns(truth);
    let fixed = movable(&strata) < LEAST_MOVABLE;
    let found = by_prediction(representation, truth, labels, &strata, predictor, options)?;
    let told = found.into_iter().map(|m| {
        let parameters = format!("{} of=representation", m.parameters);
        m.parameters(parameters).flag_if(fixed, "patterns_mostly_unique")
    });
    Ok(told.collect())
}

fn enough(labels: &[u32]) -> Result<(), ProbeError> {
    if labels.len() < 40 {
        let what = "samples for leakage by prediction".into();
        return Err(ProbeError::Shape { what, found: labels.len(), expected: 40 });
    }
    Ok(())
}

/// The leakage by prediction and by neighbours, in bits, with the log-likelihoods that it is the difference of. Missing
/// concept labels count as a value of their own (½ as a feature).
///
/// # Errors
/// When shapes differ, a score is not finite, there are fewer than 40 samples, or an estimator refuses.
pub fn whole_leakage(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    labels: &[u32],
    predictor: &Predictor,
    options: &LeakageOptions,
) -> Result<Vec<Metric>, ProbeError> {
    check(concepts, truth, labels)?;
    enough(labels)?;
    let strata = patterns(truth);
    let fixed = movable(&strata) < LEAST_MOVABLE;
    let mut out = by_prediction(concepts, truth, labels, &strata, predictor, options)?;
    out.extend(by_neighbours(concepts, labels, &strata, options)?);
    Ok(out.into_iter().map(|m| m.flag_if(fixed, "patterns_mostly_unique")).collect())
}

fn by_prediction(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    labels: &[u32],
    strata: &[u32],
    predictor: &Predictor,
    options: &LeakageOptions,
) -> Result<Vec<Metric>, ProbeError> {
    let n = labels.len();
    let hard = truth.mapv(|t| if t.is_nan() { 0.5 } else { f64::from(u8::from(t >= 0.5)) });
    let folds = folds(n, predictor.seed);
    let of_network = network_losses(hard.view(), labels, &folds, predictor);
    let of_table = table_losses(strata, labels, &folds);
    let total = |v: &[f64]| v.iter().sum::<f64>();
    let (before, reader) =
        if total(&of_table) < total(&of_network) { (of_table, "table") } else { (of_network, "network") };
    let gap = |scores: ArrayView2<'_, f64>| -> Result<Vec<f64>, ProbeError> {
        let both = concatenate(Axis(1), &[hard.view(), scores]).map_err(|e| ProbeError::Data(e.to_string()))?;
        let after = network_losses(both.view(), labels, &folds, predictor);
        Ok(before.iter().zip(&after).map(|(b, a)| (b - a) / LN_2).collect())
    };
    let gaps = gap(concepts)?;
    let value = mean(&gaps).unwrap_or(f64::NAN);
    let found = null(value, strata, options.shuffles, options.seed, |from| {
        Ok::<f64, ProbeError>(mean(&gap(concepts.select(Axis(0), from).view())?).unwrap_or(f64::NAN))
    })?;
    let parameters = format!("folds={FOLDS} hidden={} concepts={reader}", predictor.hidden);
    let nll: Vec<f64> = before.iter().map(|b| b / LN_2).collect();
    let with: Vec<f64> = nll.iter().zip(&gaps).map(|(b, g)| b - g).collect();
    let mut out = vec![
        Metric::new("whole_leakage_bits", value, n).error(error_of_mean(&gaps)).chance(chance(&found)),
        Metric::new("nll_from_concepts_bits", mean(&nll).unwrap_or(f64::NAN), n).error(error_of_mean(&nll)),
        Metric::new("nll_from_scores_bits", mean(&with).unwrap_or(f64::NAN), n).error(error_of_mean(&with)),
    ];
    out.extend(found.map(|f| Metric::new("whole_leakage_p", f.p_value, n)));
    Ok(out.into_iter().map(|m| m.parameters(parameters.clone())).collect())
}

fn by_neighbours(
    concepts: ArrayView2<'_, f64>,
    labels: &[u32],
    strata: &[u32],
    options: &LeakageOptions,
) -> Result<Vec<Metric>, ProbeError> {
    let n = labels.len();
    let name = "whole_leakage_neighbours_bits";
    if concepts.iter().all(|v| *v == concepts[[0, 0]]) {
        return Ok(vec![Metric::undefined(name, "constant", n)]);
    }
    let ross = Ross::new(K);
    let of = |x: Variable<'_>, y: &[u32], s: &[u32]| within_strata(&ross, x, y, s);
    let (value, skipped) = of(Variable::Continuous(concepts), labels, strata)?;
    let variables = [Variable::Continuous(concepts), Variable::Discrete(labels), Variable::Discrete(strata)];
    let estimand: &uncertainty::Estimand<'_> = &|v| {
        let (Variable::Discrete(y), Variable::Discrete(s)) = (v[1], v[2]) else {
            return Err(EstimatorError::WrongKind { estimator: "leakage", expected: "discrete" });
        };
        Ok(super::information::plain(of(v[0], y, s)?.0, y.len()))
    };
    let error = if options.errors {
        uncertainty::jackknife(&variables, estimand, options.seed).map_or(f64::NAN, |j| j.std_error.0 / LN_2)
    } else {
        f64::NAN
    };
    let found = null(value / LN_2, strata, options.shuffles, options.seed, |from| {
        of(Variable::Continuous(concepts.select(Axis(0), from).view()), labels, strata).map(|(v, _)| v / LN_2)
    })?;
    let metric = Metric::new(name, value / LN_2, n).error(error).chance(chance(&found));
    let metric = metric
        .parameters(format!("estimator=ross k={K} patterns_skipped={skipped:.3}"))
        .flag_if(concepts.ncols() > MOST_DIMENSIONS, "high_dimension")
        .flag_if(skipped > 0.0, "strata_skipped");
    let p = found.map(|f| Metric::new("whole_leakage_neighbours_p", f.p_value, n));
    Ok(std::iter::once(metric).chain(p).collect())
}

fn chance(null: &Option<Null>) -> f64 {
    null.map_or(f64::NAN, |n| n.mean)
}

/// The fold of each sample.
fn folds(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut generator(seed, 12));
    let mut fold = vec![0; n];
    order.iter().enumerate().for_each(|(place, &row)| fold[row] = place * FOLDS / n);
    fold
}

/// Rows to learn from and to predict, of each fold.
fn parts(folds: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    (0..folds.len()).partition(|&i| folds[i] != fold)
}

fn n_classes(labels: &[u32]) -> usize {
    labels.iter().max().map_or(0, |&l| l as usize + 1)
}

/// Negative log-likelihood in nats of each sample under a network that has not seen it.
fn network_losses(x: ArrayView2<'_, f64>, labels: &[u32], folds: &[usize], predictor: &Predictor) -> Vec<f64> {
    let k = n_classes(labels);
    let of_fold = |fold: usize| -> Vec<(usize, f64)> {
        let (learn, test) = parts(folds, fold);
        let y: Vec<u32> = learn.iter().map(|&r| labels[r]).collect();
        let learnt = predictor.learn(x.select(Axis(0), &learn).view(), Goal::Classes(&y, k));
        let p = learnt.predict(x.select(Axis(0), &test).view());
        test.iter().enumerate().map(|(i, &row)| (row, -floored(&p, i, labels[row], k).ln())).collect()
    };
    let mut losses = vec![0.0; labels.len()];
    let found: Vec<Vec<(usize, f64)>> = (0..FOLDS).into_par_iter().map(of_fold).collect();
    found.into_iter().flatten().for_each(|(row, loss)| losses[row] = loss);
    losses
}

/// A thousandth of every prediction is spread evenly: one sure mistake must not decide the mean.
fn floored(p: &Array2<f64>, row: usize, class: u32, k: usize) -> f64 {
    0.999 * p[[row, class as usize]] + 0.001 / k as f64
}

/// The same under a table: frequencies of the classes within each pattern, drawn towards the overall ones as if by one
/// sample.
fn table_losses(strata: &[u32], labels: &[u32], folds: &[usize]) -> Vec<f64> {
    let k = n_classes(labels);
    let mut losses = vec![0.0; labels.len()];
    for fold in 0..FOLDS {
        let (learn, test) = parts(folds, fold);
        let mut overall = vec![1.0; k];
        learn.iter().for_each(|&r| overall[labels[r] as usize] += 1.0);
        let sum: f64 = overall.iter().sum();
        let mut tables: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for &r in &learn {
            tables.entry(strata[r]).or_insert_with(|| vec![0.0; k])[labels[r] as usize] += 1.0;
        }
        for &r in &test {
            let class = labels[r] as usize;
            let prior = overall[class] / sum;
            let p = tables.get(&strata[r]).map_or(prior, |t| (t[class] + prior) / (t.iter().sum::<f64>() + 1.0));
            losses[r] = -(0.999 * p + 0.001 / k as f64).ln();
        }
    }
    losses
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    fn find<'a>(all: &'a [Metric], name: &str) -> &'a Metric {
        all.iter().find(|m| m.name == name).unwrap()
    }

    /// Signs of two normal numbers as concepts, the class the sign of their sum: incomplete concepts.
    fn signs(n: usize) -> (Array2<f64>, Array2<f64>, Vec<u32>) {
        let rng = &mut generator(61, 0);
        let x = Array2::from_shape_fn((n, 2), |_| <StandardNormal as Distribution<f64>>::sample(&StandardNormal, rng));
        let truth = x.mapv(|v| f64::from(u8::from(v > 0.0)));
        let labels = x.outer_iter().map(|r| u32::from(r[0] + r[1] > 0.0)).collect();
        (x, truth, labels)
    }

    #[test]
    fn soft_scores_of_incomplete_concepts_leak_what_is_missing() {
        let (x, truth, labels) = signs(800);
        let options = LeakageOptions { shuffles: 9, ..LeakageOptions::default() };
        let all = whole_leakage(x.view(), truth.view(), &labels, &Predictor::default(), &options).unwrap();
        // H(Y|C) = ½ · 1 bit (where the signs differ), and the numbers themselves tell the rest.
        let found = find(&all, "whole_leakage_bits");
        assert!((found.value.unwrap() - 0.5).abs() < 0.08, "{found:?}");
        assert!(found.chance.unwrap().abs() < 0.05 && find(&all, "whole_leakage_p").value.unwrap() <= 0.1);
        let neighbours = find(&all, "whole_leakage_neighbours_bits");
        assert!((neighbours.value.unwrap() - 0.5).abs() < 0.08, "{neighbours:?}");
        assert!(neighbours.chance.unwrap().abs() < 0.05 && neighbours.flags.is_empty());
    }

    #[test]
    fn hard_scores_leak_nothing() {
        let (_, truth, labels) = signs(800);
        let options = LeakageOptions { shuffles: 0, ..LeakageOptions::default() };
        let all = whole_leakage(truth.view(), truth.view(), &labels, &Predictor::default(), &options).unwrap();
        let found = find(&all, "whole_leakage_bits");
        assert!(found.value.unwrap().abs() < 0.03, "{found:?}");
        let neighbours = find(&all, "whole_leakage_neighbours_bits");
        assert!(neighbours.value.unwrap().abs() < 0.02, "{neighbours:?}");
    }

    #[test]
    fn unique_patterns_are_told() {
        let rng = &mut generator(62, 0);
        let truth = Array2::from_shape_fn((80, 20), |_| f64::from(u8::from(rng.random::<f64>() < 0.5)));
        let labels: Vec<u32> = (0..80).map(|i| i % 2).collect();
        let options = LeakageOptions { shuffles: 2, ..LeakageOptions::default() };
        let all = whole_leakage(truth.view(), truth.view(), &labels, &Predictor::default(), &options).unwrap();
        assert!(all.iter().all(|m| m.flags.contains(&"patterns_mostly_unique")));
        assert!(find(&all, "whole_leakage_neighbours_bits").flags.contains(&"high_dimension"));
        let few = whole_leakage(
            truth.select(Axis(0), &[0, 1]).view(),
            truth.select(Axis(0), &[0, 1]).view(),
            &[0, 1],
            &Predictor::default(),
            &options,
        );
        assert!(few.unwrap_err().to_string().contains("2 found, 40 expected"));
    }
}
