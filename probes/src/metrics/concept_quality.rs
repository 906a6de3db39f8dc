//! Whether the concepts are there: accuracy, balanced accuracy, F1, area under the ROC curve, average precision and
//! calibration of each concept, their means, and the share of samples with every concept right.
//!
//! Missing labels are left out; a concept that is always or never present in what is scored has an accuracy but nothing
//! to rank, and says so. Soft labels count as present from ½ on.

use super::calibration::{Binning, calibration};
use super::ranking::{auc, average_precision};
use super::resample::{Bootstrap, error_of_mean, mean};
use super::{Metric, check_rows};
use crate::ProbeError;
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Labels and scores of concepts.
#[derive(Debug, Clone, Copy)]
pub struct ConceptScores<'a> {
    /// Labels [samples × concepts], NaN where missing.
    pub truth: ArrayView2<'a, f64>,
    /// What the bottleneck says [samples × concepts], on its own scale.
    pub scores: ArrayView2<'a, f64>,
    /// From which score on a concept counts as present; `None` where the scale has no such place (similarities), and
    /// then ranking alone is scored.
    pub threshold: Option<f64>,
    /// Whether scores are probabilities, so that they can be calibrated.
    pub probabilities: bool,
}

/// One concept's labelled samples.
struct Column {
    scores: Vec<f64>,
    present: Vec<bool>,
}

impl ConceptScores<'_> {
    fn column(&self, concept: usize) -> Column {
        let (scores, present) = self
            .scores
            .column(concept)
            .iter()
            .zip(self.truth.column(concept))
            .filter(|(_, t)| !t.is_nan())
            .map(|(s, t)| (*s, *t >= 0.5))
            .unzip();
        Column { scores, present }
    }
}

/// All metrics of concept quality; intervals of ranking means are by the bootstrap.
///
/// # Errors
/// When labels and scores are not of one shape, or a score is not finite.
pub fn concept_quality(data: &ConceptScores<'_>, bootstrap: Bootstrap) -> Result<Vec<Metric>, ProbeError> {
    check_rows("concept scores", data.scores.nrows(), data.truth.nrows())?;
    check_rows("concepts scored", data.scores.ncols(), data.truth.ncols())?;
    crate::data::check_finite("concept scores", data.scores)?;
    let concepts: Vec<usize> = (0..data.truth.ncols()).collect();
    let of_each: Vec<Vec<Metric>> =
        concepts.par_iter().map(|&j| one_concept(&data.column(j), j, data, bootstrap)).collect();
    let mut out = means(&of_each);
    if let Some(threshold) = data.threshold {
        out.push(all_right(data, threshold));
    }
    out.extend(of_each.into_iter().flatten());
    Ok(out)
}

fn one_concept(column: &Column, j: usize, data: &ConceptScores<'_>, bootstrap: Bootstrap) -> Vec<Metric> {
    let Column { scores, present } = column;
    let n = present.len();
    let positive = present.iter().filter(|p| **p).count();
    let negative = n - positive;
    let share = positive as f64 / n.max(1) as f64;
    let constant = positive == 0 || negative == 0;
    let why = if n == 0 { "no_labels" } else { "constant" };
    let mut out = Vec::new();
    if let Some(threshold) = data.threshold {
        let said = |i: usize| scores[i] >= threshold;
        let hits = (0..n).filter(|&i| said(i) && present[i]).count();
        let rejections = (0..n).filter(|&i| !said(i) && !present[i]).count();
        let claimed = (0..n).filter(|&i| said(i)).count();
        let accuracy = Metric::share("concept_accuracy", hits + rejections, n);
        out.push(accuracy.chance(share.max(1.0 - share)).flag_if(constant && n > 0, "constant"));
        out.push(if constant {
            Metric::undefined("concept_balanced_accuracy", why, n)
        } else {
            let (tpr, tnr) = (hits as f64 / positive as f64, rejections as f64 / negative as f64);
            let variance = tpr * (1.0 - tpr) / positive as f64 + tnr * (1.0 - tnr) / negative as f64;
            Metric::new("concept_balanced_accuracy", 0.5 * (tpr + tnr), n).error(0.5 * variance.sqrt()).chance(0.5)
        });
        out.push(if constant {
            Metric::undefined("concept_f1", why, n)
        } else {
            // Always saying "present" has recall 1 and precision p.
            let f1 = Metric::new("concept_f1", 2.0 * hits as f64 / (claimed + positive) as f64, n);
            f1.chance(2.0 * share / (1.0 + share))
        });
    }
    out.push(match auc(scores, present) {
        Some(found) => {
            let mut metric = Metric::new("concept_auc", found.value, n).chance(0.5);
            (metric.std_error, metric.interval) = (Some(found.std_error), Some(found.interval));
            metric.flag_if(found.std_error == 0.0, "no_spread")
        }
        None => Metric::undefined("concept_auc", why, n),
    });
    out.push(if constant {
        Metric::undefined("concept_average_precision", why, n)
    } else {
        let of = |rows: &[usize]| {
            let s: Vec<f64> = rows.iter().map(|&r| scores[r]).collect();
            average_precision(&s, &rows.iter().map(|&r| present[r]).collect::<Vec<_>>())
        };
        let value = average_precision(scores, present).unwrap_or(f64::NAN);
        Metric::new("concept_average_precision", value, n).spread(bootstrap.spread(n, of)).chance(share)
    });
    if data.probabilities {
        let found = calibration(scores, present, Binning::EqualWidth(15));
        let ece = found.map_or(Metric::undefined("concept_ece", why, n), |c| {
            Metric::new("concept_ece", c.error, n).chance(c.floor).parameters("bins=15")
        });
        out.push(ece);
        let squares: Vec<f64> =
            scores.iter().zip(present).map(|(s, p)| (s - f64::from(u8::from(*p))).powi(2)).collect();
        let brier = Metric::new("concept_brier", mean(&squares).unwrap_or(f64::NAN), n).error(error_of_mean(&squares));
        out.push(brier.chance(share * (1.0 - share)));
    }
    out.into_iter().map(|m| m.concept(j)).collect()
}

/// The mean of each metric over the concepts where it is defined. Its standard error takes concepts as a draw.
fn means(of_each: &[Vec<Metric>]) -> Vec<Metric> {
    let mut by_name: BTreeMap<&'static str, Vec<&Metric>> = BTreeMap::new();
    of_each.iter().flatten().for_each(|m| by_name.entry(m.name).or_default().push(m));
    let mut out = Vec::new();
    for (name, all) in by_name {
        let values: Vec<f64> = all.iter().filter_map(|m| m.value).collect();
        let chances: Vec<f64> = all.iter().filter(|m| m.value.is_some()).filter_map(|m| m.chance).collect();
        let n = all.iter().map(|m| m.n_samples).max().unwrap_or(0);
        let metric = match mean(&values) {
            Some(value) => Metric::new(name, value, n).error(error_of_mean(&values)).flag("over_concepts"),
            None => Metric::undefined(name, "undefined_for_every_concept", n),
        };
        let metric = metric.chance(mean(&chances).unwrap_or(f64::NAN)).parameters(all[0].parameters.clone());
        out.push(metric.flag_if(!values.is_empty() && values.len() < all.len(), "undefined_for_some_concepts"));
    }
    out
}

/// Share of samples whose every labelled concept is right. Chance is to answer the most frequent whole pattern.
fn all_right(data: &ConceptScores<'_>, threshold: f64) -> Metric {
    let (mut right, mut n) = (0, 0);
    let mut patterns: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for (truth, scores) in data.truth.outer_iter().zip(data.scores.outer_iter()) {
        let labelled: Vec<(bool, bool)> =
            truth.iter().zip(scores).filter(|(t, _)| !t.is_nan()).map(|(t, s)| (*t >= 0.5, *s >= threshold)).collect();
        if labelled.is_empty() {
            continue;
        }
        n += 1;
        right += usize::from(labelled.iter().all(|(t, s)| t == s));
        let pattern = truth.iter().map(|t| if t.is_nan() { 2 } else { u8::from(*t >= 0.5) }).collect();
        *patterns.entry(pattern).or_default() += 1;
    }
    let commonest = patterns.values().max().copied().unwrap_or(0);
    Metric::share("overall_concept_accuracy", right, n).chance(commonest as f64 / n.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn scored(truth: &ndarray::Array2<f64>, scores: &ndarray::Array2<f64>) -> Vec<Metric> {
        let data =
            ConceptScores { truth: truth.view(), scores: scores.view(), threshold: Some(0.5), probabilities: true };
        concept_quality(&data, Bootstrap { resamples: 20, seed: 0 }).unwrap()
    }

    fn find<'a>(all: &'a [Metric], name: &str, concept: Option<usize>) -> &'a Metric {
        all.iter().find(|m| m.name == name && m.concept == concept).unwrap()
    }

    #[test]
    fn missing_labels_are_left_out_and_constants_named() {
        let nan = f64::NAN;
        let truth = array![[1.0, 1.0, nan], [0.0, 1.0, nan], [nan, 1.0, nan], [1.0, 1.0, nan]];
        let scores = array![[0.9, 0.9, 0.1], [0.6, 0.8, 0.2], [0.1, 0.2, 0.3], [0.7, 0.9, 0.4]];
        let all = scored(&truth, &scores);
        let first = find(&all, "concept_accuracy", Some(0));
        assert_eq!((first.value, first.n_samples, first.chance), (Some(2.0 / 3.0), 3, Some(2.0 / 3.0)));
        assert_eq!(find(&all, "concept_auc", Some(0)).value, Some(1.0));
        let constant = find(&all, "concept_auc", Some(1));
        assert_eq!((constant.value, constant.flags.as_slice()), (None, ["constant"].as_slice()));
        assert_eq!(find(&all, "concept_accuracy", Some(1)).value, Some(0.75));
        assert_eq!(find(&all, "concept_auc", Some(2)).flags, ["no_labels"]);
        let mean = find(&all, "concept_auc", None);
        assert_eq!(mean.value, Some(1.0));
        assert!(mean.flags.contains(&"undefined_for_some_concepts"));
        // Rows 1 and 4 are right in all that is labelled; row 2 claims the first, row 3 misses the second.
        assert_eq!(find(&all, "overall_concept_accuracy", None).value, Some(0.5));
        assert_eq!(find(&all, "concept_balanced_accuracy", Some(0)).value, Some(0.5));
    }

    #[test]
    fn similarities_are_ranked_and_not_thresholded() {
        let truth = array![[1.0], [0.0], [1.0], [0.0]];
        let scores = array![[3.0], [-2.0], [1.0], [2.0]];
        let data = ConceptScores { truth: truth.view(), scores: scores.view(), threshold: None, probabilities: false };
        let all = concept_quality(&data, Bootstrap::default()).unwrap();
        assert_eq!(find(&all, "concept_auc", Some(0)).value, Some(0.75));
        assert!(all.iter().all(|m| m.name != "concept_accuracy" && m.name != "concept_brier"));
        let short = array![[1.0]];
        let wrong = ConceptScores { scores: short.view(), ..data };
        assert!(concept_quality(&wrong, Bootstrap::default()).is_err());
    }
}
