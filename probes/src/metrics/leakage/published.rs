//! CTL and ICL as published, and ICL with a normaliser that means something.
//!
//! "Leakage and interpretability in concept-based models" (Parisini et al. 2025). With Ĩ(ĉ_j; y) = I(ĉ_j; y)/H(y):
//!
//! ```text
//! CTL_j  = max(0, Ĩ(ĉ_j; y) − Ĩ(c_j; y))                                   CTL the mean over concepts
//! ICL_ij = max(0, I(ĉ_i; ĉ_j)/√(I(ĉ_i; ĉ_i) I(ĉ_j; ĉ_j)) − Ĩ(c_i; c_j))    ICL the mean over pairs
//! ```
//!
//! I of continuous scores by Ross 2014 (with classes) and KSG (with each other), k = 3, values below 0 made 0; of hard
//! ones by frequencies. The information of a continuous variable with itself is infinite; what KSG makes of it is exactly
//! ψ(N) − ψ(3), whatever the variable: the published normaliser is the logarithm of the sample size, and the score falls
//! as samples are added. `icl_mended` divides both terms by √(H(c_i)H(c_j)). The clamp at 0 makes means positive
//! without leakage: the unclamped scores ([`super::task`], [`super::pair`]) are the ones to test.

use super::information::{Column, K, check, entropy};
use super::pair::all_pairs;
use crate::ProbeError;
use crate::metrics::Metric;
use crate::metrics::resample::mean;
use narrows_estimators::{Correction, EstimatorError, Ksg, MutualInformation, PlugIn, Ross, Variable};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use statrs::function::gamma::digamma;

/// CTL of each concept, ICL of each pair in both forms, and their means.
///
/// # Errors
/// When shapes differ, a score is not finite, or an estimator refuses.
pub fn published_leakage(
    concepts: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, f64>,
    labels: &[u32],
) -> Result<Vec<Metric>, ProbeError> {
    check(concepts, truth, labels)?;
    let n = labels.len();
    let ctl: Vec<Metric> = (0..concepts.ncols())
        .into_par_iter()
        .map(|j| {
            let rows: Vec<usize> = (0..n).filter(|&i| !truth[[i, j]].is_nan()).collect();
            let y: Vec<u32> = rows.iter().map(|&r| labels[r]).collect();
            let h = entropy(&y);
            if rows.len() < 20 || h == 0.0 {
                return Ok(Metric::undefined("ctl", "too_few_labels", rows.len()).concept(j));
            }
            let c = Column::hard(truth.column(j), &rows);
            let score = with_classes(&scores(concepts, j, &rows), &y)?;
            let label = plug_in(&c, &y)?;
            Ok(Metric::new("ctl", ((score - label) / h).max(0.0), rows.len()).concept(j))
        })
        .collect::<Result<_, EstimatorError>>()?;
    let icl: Vec<[Metric; 2]> = all_pairs(concepts.ncols())
        .par_iter()
        .map(|&(i, j)| {
            let rows: Vec<usize> = (0..n).filter(|&r| !truth[[r, i]].is_nan() && !truth[[r, j]].is_nan()).collect();
            let (c_i, c_j) = (Column::hard(truth.column(i), &rows), Column::hard(truth.column(j), &rows));
            let of_labels = (entropy(&c_i) * entropy(&c_j)).sqrt();
            if rows.len() < 20 || of_labels == 0.0 {
                return Ok(["icl", "icl_mended"].map(|m| Metric::undefined(m, "constant", rows.len()).pair(i, j)));
            }
            let (s_i, s_j) = (scores(concepts, i, &rows), scores(concepts, j, &rows));
            let own = |s: &Scores| match s {
                Scores::Hard(labels) => entropy(labels),
                Scores::Soft(values) => self_information(values.nrows()),
            };
            let score = between(&s_i, &s_j)?;
            let label = plug_in(&c_i, &c_j)? / of_labels;
            let of = |name, scale: f64| Metric::new(name, (score / scale - label).max(0.0), rows.len()).pair(i, j);
            Ok([of("icl", (own(&s_i) * own(&s_j)).sqrt()), of("icl_mended", of_labels)])
        })
        .collect::<Result<_, EstimatorError>>()?;
    let whole = |name, values: Vec<f64>| match mean(&values) {
        Some(value) => Metric::new(name, value, n).flag("clamped"),
        None => Metric::undefined(name, "not_defined_anywhere", n),
    };
    let mut out = vec![
        whole("ctl", ctl.iter().filter_map(|m| m.value).collect()),
        whole("icl", icl.iter().filter_map(|m| m[0].value).collect()).flag("normaliser_is_log_n"),
        whole("icl_mended", icl.iter().filter_map(|m| m[1].value).collect()),
    ];
    out.extend(ctl);
    out.extend(icl.into_iter().flatten());
    Ok(out)
}

/// What KSG makes of the information of `n` different numbers with themselves: each has k − 1 others strictly within the
/// distance to its k-th neighbour in either margin, so that ψ(k) + ψ(N) − 2ψ(k) is left.
pub fn self_information(n: usize) -> f64 {
    digamma(n as f64) - digamma(K as f64)
}

/// Scores as the published code takes them: hard when they are 0 and 1, continuous otherwise.
enum Scores {
    Hard(Vec<u32>),
    Soft(Array2<f64>),
}

fn scores(concepts: ArrayView2<'_, f64>, j: usize, rows: &[usize]) -> Scores {
    match Column::new(concepts.column(j), rows) {
        Column::Discrete(labels) => Scores::Hard(labels),
        Column::Continuous(values) | Column::Mixed(values) => Scores::Soft(values),
    }
}

fn plug_in(a: &[u32], b: &[u32]) -> Result<f64, EstimatorError> {
    let estimator = PlugIn { correction: Correction::None };
    Ok(estimator.estimate(Variable::Discrete(a), Variable::Discrete(b))?.value.0.max(0.0))
}

fn with_classes(x: &Scores, y: &[u32]) -> Result<f64, EstimatorError> {
    match x {
        Scores::Hard(labels) => plug_in(labels, y),
        Scores::Soft(values) => {
            Ok(Ross::new(K).estimate(Variable::Continuous(values.view()), Variable::Discrete(y))?.value.0.max(0.0))
        }
    }
}

fn between(a: &Scores, b: &Scores) -> Result<f64, EstimatorError> {
    match (a, b) {
        (Scores::Soft(x), Scores::Soft(y)) => {
            let (x, y) = (Variable::Continuous(x.view()), Variable::Continuous(y.view()));
            Ok(Ksg::new(K).estimate(x, y)?.value.0.max(0.0))
        }
        (Scores::Hard(labels), other) | (other, Scores::Hard(labels)) => with_classes(other, labels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use rand::RngExt;

    #[test]
    fn the_published_normaliser_is_the_sample_size() {
        let rng = &mut generator(51, 0);
        for n in [50, 400] {
            let x = Array2::from_shape_fn((n, 1), |_| rng.random::<f64>());
            let v = Variable::Continuous(x.view());
            let found = Ksg::new(K).estimate(v, v).unwrap().value.0;
            assert!((found - self_information(n)).abs() < 1e-9, "{n}: {found}");
        }
    }

    #[test]
    fn the_published_icl_falls_with_samples_and_the_mended_one_does_not() {
        let of = |n: usize| {
            let rng = &mut generator(52, 0);
            let truth = Array2::from_shape_fn((n, 2), |_| f64::from(u8::from(rng.random::<f64>() < 0.5)));
            let scores = Array2::from_shape_fn((n, 2), |(i, j)| truth[[i, j]] + 0.3 * rng.random::<f64>());
            // The second score also knows the first concept.
            let mut leaking = scores;
            (0..n).for_each(|i| leaking[[i, 1]] += 5.0 * truth[[i, 0]]);
            let labels: Vec<u32> = (0..n).map(|i| truth[[i, 0]] as u32).collect();
            let all = published_leakage(leaking.view(), truth.view(), &labels).unwrap();
            [all[1].value.unwrap(), all[2].value.unwrap(), all[0].value.unwrap()]
        };
        let (few, many) = (of(200), of(3000));
        assert!(many[0] < 0.75 * few[0], "{few:?} {many:?}");
        assert!((many[1] - 1.0).abs() < 0.08 && (few[1] - 1.0).abs() < 0.2, "{few:?} {many:?}");
        // The second concept's score tells the class, which its label does not: CTL = (0 + 1)/2.
        assert!((many[2] - 0.5).abs() < 0.05);
    }

    #[test]
    fn hard_concepts_do_not_leak() {
        let truth = Array2::from_shape_fn((64, 3), |(i, j)| ((i >> j) & 1) as f64);
        let labels: Vec<u32> = (0..64).map(|i| (i % 8 == 7) as u32).collect();
        let all = published_leakage(truth.view(), truth.view(), &labels).unwrap();
        assert!(all.iter().all(|m| m.value.unwrap() < 1e-12), "{all:?}");
    }
}
