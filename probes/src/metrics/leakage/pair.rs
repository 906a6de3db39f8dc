//! Inter-concept leakage: what two concepts' scores share beyond what their true labels share.
//!
//! `[I(ĉ_i; ĉ_j) − I(c_i; c_j)]/√(H(c_i)H(c_j))`. The normaliser is of the true labels: that of the published score, the
//! information of a continuous score with itself, is infinite, and its estimate a function of the sample size alone
//! ([`super::published`]). Chance is the mean over scores of the first concept shuffled within the strata of its label.
//! Costs grow with the square of the number of concepts: beyond [`LeakageOptions::pairs`] pairs there are no standard
//! errors and no null.

use super::information::{Column, check, entropy, of_pair, plain, plug_in};
use super::null::null;
use super::task::LeakageOptions;
use crate::ProbeError;
use crate::metrics::Metric;
use crate::metrics::resample::mean;
use narrows_estimators::{MutualInformation, Variable, uncertainty};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::f64::consts::LN_2;

/// Leakage of each pair (first < second) and its mean over pairs, in bits and as shares of √(H(c_i)H(c_j)).
///
/// # Errors
/// When shapes differ, a score is not finite, or an estimator refuses.
pub fn pair_leakage(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    options: &LeakageOptions,
) -> Result<Vec<Metric>, ProbeError> {
    check(concepts, truth, &vec![0; truth.nrows()])?;
    let pairs = all_pairs(concepts.ncols());
    let closely = pairs.len() <= options.pairs;
    let each: Vec<[Metric; 2]> = pairs
        .par_iter()
        .map(|&pair| one_pair(concepts, truth, pair, options, closely))
        .collect::<Result<_, ProbeError>>()?;
    let mut out = Vec::new();
    for which in 0..2 {
        let name = ["pair_leakage", "pair_leakage_bits"][which];
        let values: Vec<f64> = each.iter().filter_map(|m| m[which].value).collect();
        let chances: Vec<f64> = each.iter().filter_map(|m| m[which].chance).collect();
        let n = truth.nrows();
        let whole = match mean(&values) {
            Some(value) => Metric::new(name, value, n).chance(mean(&chances).unwrap_or(f64::NAN)).flag("over_pairs"),
            None => Metric::undefined(name, "no_pairs", n),
        };
        out.push(whole.flag_if(!closely, "many_pairs_no_error"));
    }
    out.extend(each.into_iter().flatten());
    Ok(out)
}

/// Every pair once, the smaller number first.
pub(crate) fn all_pairs(concepts: usize) -> Vec<(usize, usize)> {
    (0..concepts).flat_map(|i| (i + 1..concepts).map(move |j| (i, j))).collect()
}

fn one_pair(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    (i, j): (usize, usize),
    options: &LeakageOptions,
    closely: bool,
) -> Result<[Metric; 2], ProbeError> {
    let rows: Vec<usize> = (0..truth.nrows()).filter(|&r| !truth[[r, i]].is_nan() && !truth[[r, j]].is_nan()).collect();
    let n = rows.len();
    let (c_i, c_j) = (Column::hard(truth.column(i), &rows), Column::hard(truth.column(j), &rows));
    let scale = (entropy(&c_i) * entropy(&c_j)).sqrt();
    if n < 20 || scale == 0.0 {
        let why = if n < 20 { "too_few_labels" } else { "constant" };
        return Ok(["pair_leakage", "pair_leakage_bits"].map(|name| Metric::undefined(name, why, n).pair(i, j)));
    }
    let (first, second) = (Column::new(concepts.column(i), &rows), Column::new(concepts.column(j), &rows));
    let estimator = of_pair(&first, &second);
    let of_scores = |a: Variable<'_>, b: Variable<'_>| estimator.estimate(a, b).map(|e| e.value.0);
    let of_labels = |a: Variable<'_>, b: Variable<'_>| plug_in().estimate(a, b).map(|e| e.value.0);
    let shared = of_labels(Variable::Discrete(&c_i), Variable::Discrete(&c_j))?;
    let leakage = of_scores(first.view(), second.view())? - shared;
    let mut error = f64::NAN;
    let mut chance = f64::NAN;
    if closely {
        let variables = [first.view(), second.view(), Variable::Discrete(&c_i), Variable::Discrete(&c_j)];
        let difference: &uncertainty::Estimand<'_> =
            &|v| Ok(plain(of_scores(v[0], v[1])? - of_labels(v[2], v[3])?, v[0].len()));
        if options.errors {
            error = uncertainty::jackknife(&variables, difference, options.seed).map_or(f64::NAN, |j| j.std_error.0);
        }
        let found = null(leakage, &c_i, options.shuffles, options.seed, |from| {
            of_scores(first.view().select(from).view(), second.view()).map(|v| v - shared)
        })?;
        chance = found.map_or(f64::NAN, |n| n.mean);
    }
    let of = |name, unit: f64| {
        let metric = Metric::new(name, leakage / unit, n).error(error / unit).chance(chance / unit);
        metric.pair(i, j).parameters(format!("estimator={}", estimator.name()))
    };
    Ok([of("pair_leakage", scale), of("pair_leakage_bits", LN_2)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use ndarray::Array2;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn what_scores_share_beyond_their_labels_is_found() {
        let rng = &mut generator(41, 0);
        let n = 1000;
        let normal = |rng: &mut _| <StandardNormal as Distribution<f64>>::sample(&StandardNormal, rng);
        // Three concepts: the first two agree four times in five; the scores of the last two share a secret.
        let mut truth = Array2::from_shape_fn((n, 3), |_| f64::from(u8::from(rng.random::<f64>() < 0.5)));
        let mut scores = Array2::zeros((n, 3));
        for r in 0..n {
            if rng.random::<f64>() < 0.6 {
                truth[[r, 1]] = truth[[r, 0]];
            }
            let secret = normal(rng);
            scores[[r, 0]] = truth[[r, 0]] + 0.1 * normal(rng);
            scores[[r, 1]] = truth[[r, 1]] + 0.1 * secret;
            scores[[r, 2]] = truth[[r, 2]] + 0.1 * (0.8 * secret + 0.6 * normal(rng));
        }
        let all = pair_leakage(scores.view(), truth.view(), &LeakageOptions::default()).unwrap();
        let of = |i, j| {
            all.iter()
                .find(|m| m.name == "pair_leakage_bits" && (m.concept, m.second_concept) == (Some(i), Some(j)))
                .unwrap()
        };
        assert!(of(0, 1).value.unwrap().abs() < 0.06, "{:?}", of(0, 1));
        assert!(of(0, 2).value.unwrap().abs() < 0.06);
        // ρ = 0.8 of two normals: −½ log₂(1 − 0.64) = 0.737 bits.
        assert!((of(1, 2).value.unwrap() - 0.737).abs() < 0.1, "{:?}", of(1, 2));
        assert!(of(1, 2).chance.unwrap().abs() < 0.06 && of(1, 2).std_error.unwrap() < 0.1);
        let hard = pair_leakage(truth.view(), truth.view(), &LeakageOptions::default()).unwrap();
        assert!(hard.iter().all(|m| m.value.unwrap().abs() < 1e-12));
    }

    #[test]
    fn many_pairs_go_without_errors_and_say_so() {
        let truth = Array2::from_shape_fn((60, 5), |(i, j)| ((i >> j) & 1) as f64);
        let options = LeakageOptions { pairs: 4, ..LeakageOptions::default() };
        let all = pair_leakage(truth.view(), truth.view(), &options).unwrap();
        assert!(all[0].flags.contains(&"many_pairs_no_error"));
        assert_eq!(all.len(), 2 + 2 * 10);
        assert!(all.iter().all(|m| m.std_error.is_none()));
    }
}
