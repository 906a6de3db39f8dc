//! Concept–task leakage: what a concept's score tells of the class beyond what its true label tells.
//!
//! `[I(ĉ_j; y) − I(c_j; y)]/H(y)`: as published, but for the clamp at 0. It is leakage *less* what the score does not know
//! of its own concept, and falls below 0 for a bad score that leaks; `I(ĉ_j; y | c_j)`, given beside it, is leakage alone.
//! Chance of both is the mean over scores shuffled within the strata of c_j. Standard errors by the delete-group
//! jackknife of the whole expression, both terms together.

use super::information::{Column, check, entropy, plain, plug_in, with_labels, within_strata};
use super::null::null;
use crate::ProbeError;
use crate::metrics::Metric;
use crate::metrics::resample::{error_of_mean, mean};
use narrows_estimators::{MutualInformation, Variable, uncertainty};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::f64::consts::LN_2;

/// How much is spent on uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakageOptions {
    /// Shuffles of the null; 0 leaves it out.
    pub shuffles: usize,
    /// Whether standard errors are wanted.
    pub errors: bool,
    /// Pairs of concepts at most that get standard errors and a null of their own.
    pub pairs: usize,
    /// Seed.
    pub seed: u64,
}

impl Default for LeakageOptions {
    fn default() -> Self {
        Self { shuffles: 20, errors: true, pairs: 100, seed: 0 }
    }
}

/// Leakage of each concept, and the means over concepts, in bits and as shares of H(y).
///
/// # Errors
/// When shapes differ, a score is not finite, or an estimator refuses.
pub fn task_leakage(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    labels: &[u32],
    options: &LeakageOptions,
) -> Result<Vec<Metric>, ProbeError> {
    check(concepts, truth, labels)?;
    let each: Vec<Vec<Metric>> = (0..concepts.ncols())
        .into_par_iter()
        .map(|j| one_concept(concepts, truth, labels, j, options))
        .collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for name in ["task_leakage", "task_leakage_bits", "task_leakage_given_bits"] {
        let all: Vec<&Metric> = each.iter().flatten().filter(|m| m.name == name).collect();
        let values: Vec<f64> = all.iter().filter_map(|m| m.value).collect();
        let chances: Vec<f64> = all.iter().filter_map(|m| m.chance).collect();
        out.push(match mean(&values) {
            Some(value) => Metric::new(name, value, labels.len())
                .error(error_of_mean(&values))
                .chance(mean(&chances).unwrap_or(f64::NAN))
                .flag("over_concepts"),
            None => Metric::undefined(name, "undefined_for_every_concept", labels.len()),
        });
    }
    out.extend(each.into_iter().flatten());
    Ok(out)
}

fn one_concept(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    labels: &[u32],
    j: usize,
    options: &LeakageOptions,
) -> Result<Vec<Metric>, ProbeError> {
    let rows: Vec<usize> = (0..labels.len()).filter(|&i| !truth[[i, j]].is_nan()).collect();
    let y: Vec<u32> = rows.iter().map(|&r| labels[r]).collect();
    let n = rows.len();
    let names = ["task_leakage", "task_leakage_bits", "task_leakage_given_bits"];
    let h = entropy(&y);
    if n < 20 || h == 0.0 {
        let why = if n < 20 { "too_few_labels" } else { "one_class" };
        return Ok(names.into_iter().map(|name| Metric::undefined(name, why, n).concept(j)).collect());
    }
    let soft = Column::new(concepts.column(j), &rows);
    let hard = Column::hard(truth.column(j), &rows);
    let constant = hard.iter().all(|c| *c == hard[0]);
    let estimator = with_labels(&soft);
    let of_soft = |v: Variable<'_>, y: &[u32]| estimator.estimate(v, Variable::Discrete(y)).map(|e| e.value.0);
    let of_hard =
        |c: &[u32], y: &[u32]| plug_in().estimate(Variable::Discrete(c), Variable::Discrete(y)).map(|e| e.value.0);
    let (known, true_) = (of_soft(soft.view(), &y)?, of_hard(&hard, &y)?);
    let (given, skipped) = within_strata(estimator.as_ref(), soft.view(), &y, &hard)?;

    let select = |v: &[Variable<'_>]| -> Option<(Vec<u32>, Vec<u32>)> {
        let (Variable::Discrete(c), Variable::Discrete(y)) = (v[1], v[2]) else { return None };
        Some((c.to_vec(), y.to_vec()))
    };
    let variables = [soft.view(), Variable::Discrete(&hard), Variable::Discrete(&y)];
    let error = |of: &uncertainty::Estimand<'_>| {
        let wanted = options.errors.then(|| uncertainty::jackknife(&variables, of, options.seed).ok());
        wanted.flatten().map_or(f64::NAN, |j| j.std_error.0 / LN_2)
    };
    let difference_error = error(&|v| {
        let (c, y) = select(v).unwrap_or_default();
        Ok(plain(of_soft(v[0], &y)? - of_hard(&c, &y)?, y.len()))
    });
    let given_error = error(&|v| {
        let (c, y) = select(v).unwrap_or_default();
        Ok(plain(within_strata(estimator.as_ref(), v[0], &y, &c)?.0, y.len()))
    });
    let of_difference = null(known - true_, &hard, options.shuffles, options.seed, |from| {
        of_soft(soft.view().select(from).view(), &y).map(|i| i - true_)
    })?;
    let of_given = null(given, &hard, options.shuffles, options.seed, |from| {
        within_strata(estimator.as_ref(), soft.view().select(from).view(), &y, &hard).map(|(i, _)| i)
    })?;

    let bits = (known - true_) / LN_2;
    let chance = |n: &Option<super::Null>| n.map_or(f64::NAN, |n| n.mean / LN_2);
    let whole = h / LN_2;
    let mut out = vec![
        Metric::new("task_leakage", bits / whole, n)
            .error(difference_error / whole)
            .chance(chance(&of_difference) / whole),
        Metric::new("task_leakage_bits", bits, n).error(difference_error).chance(chance(&of_difference)),
        Metric::new("task_leakage_given_bits", given / LN_2, n)
            .error(given_error)
            .chance(chance(&of_given))
            .flag_if(skipped > 0.0, "strata_skipped"),
        Metric::new("score_information_bits", known / LN_2, n),
        Metric::new("label_information_bits", true_ / LN_2, n),
    ];
    if let Some(found) = of_given {
        out.push(Metric::new("task_leakage_p", found.p_value, n));
    }
    let name = format!("estimator={}", estimator.name());
    Ok(out
        .into_iter()
        .map(|m| {
            let m = if m.name == "label_information_bits" {
                m.parameters("estimator=plug-in")
            } else {
                m.parameters(name.clone())
            };
            m.concept(j).flag_if(constant, "constant")
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use ndarray::Array2;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    fn find<'a>(all: &'a [Metric], name: &str, concept: Option<usize>) -> &'a Metric {
        all.iter().find(|m| m.name == name && m.concept == concept).unwrap()
    }

    /// Two fair concepts, y their exclusive or with noise; and three kinds of scores of them.
    fn toy(n: usize) -> (Array2<f64>, Vec<u32>, Array2<f64>, Array2<f64>) {
        let rng = &mut generator(31, 0);
        let truth = Array2::from_shape_fn((n, 2), |_| f64::from(u8::from(rng.random::<f64>() < 0.5)));
        let labels: Vec<u32> = (0..n).map(|i| u32::from(truth[[i, 0]] != truth[[i, 1]])).collect();
        let normal = |rng: &mut _| <StandardNormal as Distribution<f64>>::sample(&StandardNormal, rng);
        let pure = truth.mapv(|t| t + 0.1 * normal(rng));
        // The first score carries the class in its third decimal place.
        let mut leaking = truth.mapv(|t| t + 0.001 * normal(rng));
        (0..n).for_each(|i| leaking[[i, 0]] += 0.02 * f64::from(labels[i]));
        (truth, labels, pure, leaking)
    }

    #[test]
    fn hard_and_pure_scores_leak_nothing_and_a_hidden_class_is_one_bit() {
        let (truth, labels, pure, leaking) = toy(1000);
        let options = LeakageOptions::default();
        let of = |scores: &Array2<f64>| task_leakage(scores.view(), truth.view(), &labels, &options).unwrap();
        let hard = of(&truth);
        assert!(find(&hard, "task_leakage_bits", None).value.unwrap().abs() < 1e-12);
        assert_eq!(find(&hard, "task_leakage_bits", Some(0)).parameters, "estimator=plug-in");
        assert!(find(&hard, "task_leakage_given_bits", Some(0)).value.unwrap().abs() < 0.01);
        let clean = of(&pure);
        for j in 0..2 {
            let m = find(&clean, "task_leakage_given_bits", Some(j));
            assert!(m.value.unwrap().abs() < 0.06 && m.value.unwrap().abs() < 4.0 * m.std_error.unwrap(), "{m:?}");
            assert!(find(&clean, "task_leakage_p", Some(j)).value.unwrap() > 0.05);
        }
        let open = of(&leaking);
        let first = find(&open, "task_leakage_bits", Some(0));
        assert!((first.value.unwrap() - 1.0).abs() < 0.05, "{first:?}");
        assert!((find(&open, "task_leakage_given_bits", Some(0)).value.unwrap() - 1.0).abs() < 0.05);
        assert!(first.chance.unwrap().abs() < 0.03, "shuffled within strata, nothing is left: {first:?}");
        assert!(find(&open, "task_leakage_p", Some(0)).value.unwrap() < 0.05);
        assert!(find(&open, "task_leakage_given_bits", Some(1)).value.unwrap().abs() < 0.08);
    }

    #[test]
    fn a_score_that_knows_less_than_its_label_is_below_zero_and_given_it_is_not() {
        let rng = &mut generator(32, 0);
        let truth = Array2::from_shape_fn((800, 1), |_| f64::from(u8::from(rng.random::<f64>() < 0.5)));
        let labels: Vec<u32> = truth.iter().map(|t| *t as u32).collect();
        let noise = Array2::from_shape_fn((800, 1), |_| rng.random::<f64>());
        let all = task_leakage(noise.view(), truth.view(), &labels, &LeakageOptions::default()).unwrap();
        assert!(find(&all, "task_leakage_bits", Some(0)).value.unwrap() < -0.9);
        assert_eq!(find(&all, "task_leakage_given_bits", Some(0)).value, Some(0.0));
    }

    #[test]
    fn too_few_labels_are_told() {
        let truth = Array2::from_elem((30, 1), f64::NAN);
        let all =
            task_leakage(Array2::zeros((30, 1)).view(), truth.view(), &[0; 30], &LeakageOptions::default()).unwrap();
        assert!(all.iter().all(|m| m.value.is_none()));
    }
}
