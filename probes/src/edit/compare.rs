//! Predictions before and after an edit, sample by sample.

use crate::ProbeError;
use crate::metrics::Bootstrap;
use crate::metrics::random::generator;
use rand::RngExt;
use rayon::prelude::*;
use statrs::distribution::{Binomial, DiscreteCDF};

/// One number before and after, with what is known of the difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// `accuracy`, `balanced_accuracy`, or of a class `recall`, `precision`.
    pub metric: &'static str,
    /// The class, where it is of one.
    pub class: Option<u32>,
    /// Before the edit; `None` where it is not defined (no sample of the class, or none predicted).
    pub before: Option<f64>,
    /// After it.
    pub after: Option<f64>,
    /// Standard error of after − before by a paired bootstrap over samples.
    pub std_error: Option<f64>,
    /// 95 % percentile interval of after − before.
    pub interval: Option<(f64, f64)>,
    /// Two-sided exact McNemar test: of the samples whose prediction turned right or wrong, are both alike likely?
    /// For accuracy and recall.
    pub p_value: Option<f64>,
    /// Samples that it is of.
    pub samples: usize,
}

impl Gain {
    /// After − before.
    pub fn gain(&self) -> Option<f64> {
        Some(self.after? - self.before?)
    }
}

/// Counts of one class.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    samples: f64,
    right: [f64; 2],
    predicted: [f64; 2],
}

/// Purpose of the draws.
const STREAM: u64 = 3_000_000;

/// Accuracy, balanced accuracy (mean recall of the classes that occur), and recall and precision of every class, from
/// the predictions of the same samples before and after.
///
/// # Errors
/// When there are no samples, their numbers differ, or a label is no class.
pub fn compare(
    before: &[u32],
    after: &[u32],
    labels: &[u32],
    n_classes: usize,
    bootstrap: Bootstrap,
) -> Result<Vec<Gain>, ProbeError> {
    for (found, what) in [(before.len(), "predictions before"), (after.len(), "predictions after")] {
        if found != labels.len() {
            return Err(ProbeError::Shape { what: what.into(), found, expected: labels.len() });
        }
    }
    if labels.is_empty() {
        return Err(ProbeError::Data("there are no samples to compare predictions on".into()));
    }
    let all = [labels, before, after];
    if let Some(label) = all.iter().flat_map(|l| l.iter()).find(|l| **l as usize >= n_classes) {
        return Err(ProbeError::Data(format!("class {label} is none of {n_classes} (from 0)")));
    }
    let count = |rows: &mut dyn Iterator<Item = usize>| {
        let mut counts = vec![Counts::default(); n_classes];
        for row in rows {
            let label = labels[row] as usize;
            counts[label].samples += 1.0;
            for (side, predictions) in [before, after].iter().enumerate() {
                counts[predictions[row] as usize].predicted[side] += 1.0;
                counts[label].right[side] += f64::from(u8::from(predictions[row] == labels[row]));
            }
        }
        counts
    };
    let n = labels.len();
    let counts = count(&mut (0..n));
    let whole = numbers(&counts, n);
    let resampled: Vec<Vec<Pair>> = (0..bootstrap.resamples)
        .into_par_iter()
        .map(|resample| {
            let random = &mut generator(bootstrap.seed, STREAM + resample as u64);
            let rows: Vec<usize> = (0..n).map(|_| random.random_range(0..n)).collect();
            numbers(&count(&mut rows.into_iter()), n)
        })
        .collect();
    let names = [("accuracy", None), ("balanced_accuracy", None)].into_iter();
    let classes = (0..n_classes as u32).flat_map(|k| [("recall", Some(k)), ("precision", Some(k))]);
    let gains = names.chain(classes).enumerate().map(|(place, (metric, class))| {
        let pair = whole[place];
        let drawn: Vec<f64> = resampled.iter().filter_map(|r| Some(r[place].1? - r[place].0?)).collect();
        let spread = spread(drawn, bootstrap.resamples);
        let of_class = |row: &usize| class.is_none_or(|k| labels[*row] == k);
        let tested = matches!(metric, "accuracy" | "recall") && pair.0.is_some();
        let samples = match (metric, class) {
            ("precision", Some(k)) => before.iter().chain(after).filter(|p| **p == k).count(),
            _ => (0..n).filter(of_class).count(),
        };
        Gain {
            metric,
            class,
            before: pair.0,
            after: pair.1,
            std_error: spread.map(|s| s.0),
            interval: spread.map(|s| s.1),
            p_value: tested.then(|| mcnemar(before, after, labels, of_class)),
            samples,
        }
    });
    Ok(gains.collect())
}

/// A number before and after.
type Pair = (Option<f64>, Option<f64>);

/// All numbers of counts, in the order of the result.
fn numbers(counts: &[Counts], n: usize) -> Vec<Pair> {
    let side = |side: usize| {
        let share = |part: f64, of: f64| (of > 0.0).then(|| part / of);
        let right: f64 = counts.iter().map(|c| c.right[side]).sum();
        let recalls: Vec<f64> = counts.iter().filter_map(|c| share(c.right[side], c.samples)).collect();
        let mut all = vec![share(right, n as f64), share(recalls.iter().sum(), recalls.len() as f64)];
        for c in counts {
            all.extend([share(c.right[side], c.samples), share(c.right[side], c.predicted[side])]);
        }
        all
    };
    side(0).into_iter().zip(side(1)).collect()
}

/// Standard deviation and percentile interval of resampled differences; none where most of them are not defined.
fn spread(mut drawn: Vec<f64>, resamples: usize) -> Option<(f64, (f64, f64))> {
    if drawn.len() < 2 || 2 * drawn.len() < resamples {
        return None;
    }
    let n = drawn.len() as f64;
    let mean = drawn.iter().sum::<f64>() / n;
    let variance = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    drawn.sort_by(f64::total_cmp);
    let quantile = |share| crate::metrics::resample::quantile(&drawn, share);
    Some((variance.sqrt(), (quantile(0.025), quantile(0.975))))
}

/// Exact McNemar test: under no difference each sample that changed sides went either way with probability ½.
fn mcnemar(before: &[u32], after: &[u32], labels: &[u32], of: impl Fn(&usize) -> bool) -> f64 {
    let turned = |row: &usize| (before[*row] == labels[*row], after[*row] == labels[*row]);
    let changed: Vec<(bool, bool)> = (0..labels.len()).filter(of).map(|row| turned(&row)).collect();
    let helped = changed.iter().filter(|c| **c == (false, true)).count() as u64;
    let harmed = changed.iter().filter(|c| **c == (true, false)).count() as u64;
    match Binomial::new(0.5, helped + harmed) {
        Ok(law) if helped + harmed > 0 => (2.0 * law.cdf(helped.min(harmed))).min(1.0),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Bootstrap = Bootstrap { resamples: 500, seed: 1 };

    #[test]
    fn numbers_are_those_of_the_tables() {
        let labels = [0, 0, 0, 0, 1, 1, 2, 2];
        let before = [0, 0, 1, 1, 1, 1, 0, 2];
        let after = [0, 0, 0, 1, 1, 0, 2, 2];
        let found = compare(&before, &after, &labels, 4, SOME).unwrap();
        let of = |metric: &str, class| found.iter().find(|g| g.metric == metric && g.class == class).unwrap();
        assert_eq!((of("accuracy", None).before, of("accuracy", None).after), (Some(0.625), Some(0.75)));
        let balanced = of("balanced_accuracy", None);
        assert!((balanced.before.unwrap() - (0.5 + 1.0 + 0.5) / 3.0).abs() < 1e-15);
        assert!((balanced.after.unwrap() - (0.75 + 0.5 + 1.0) / 3.0).abs() < 1e-15);
        assert_eq!((of("recall", Some(1)).before, of("recall", Some(1)).after), (Some(1.0), Some(0.5)));
        assert_eq!((of("precision", Some(0)).before, of("precision", Some(0)).after), (Some(2.0 / 3.0), Some(0.75)));
        assert_eq!((of("recall", Some(3)).before, of("recall", Some(3)).p_value), (None, None));
        // Two helped (rows 3 and 7), one harmed: 2 P(Bin(3, ½) ≤ 1) = 1.
        assert_eq!(of("accuracy", None).p_value, Some(1.0));
    }

    #[test]
    fn a_clear_gain_has_an_interval_above_nothing_and_a_small_p() {
        let labels = vec![0; 200].into_iter().chain(vec![1; 200]).collect::<Vec<u32>>();
        let before: Vec<u32> = (0..400).map(|i| u32::from(i >= 100)).collect();
        let after: Vec<u32> = (0..400).map(|i| u32::from(i >= 150)).collect();
        let found = compare(&before, &after, &labels, 2, SOME).unwrap();
        let accuracy = &found[0];
        assert_eq!(accuracy.gain(), Some(0.125));
        // Standard error of a mean of 50 ones and 350 zeros.
        let exact = (0.125f64 * 0.875 / 400.0).sqrt();
        assert!((accuracy.std_error.unwrap() / exact - 1.0).abs() < 0.15);
        assert!(accuracy.interval.unwrap().0 > 0.08 && accuracy.p_value.unwrap() < 1e-12);
        let same = compare(&before, &before, &labels, 2, SOME).unwrap();
        assert_eq!((same[0].interval, same[0].p_value), (Some((0.0, 0.0)), Some(1.0)));
    }

    #[test]
    fn the_test_is_the_binomial_one() {
        // Six helped, one harmed: 2 (1 + 7)/128.
        let labels = [0u32; 7];
        let before = [1, 1, 1, 1, 1, 1, 0];
        let after = [0, 0, 0, 0, 0, 0, 1];
        let found = compare(&before, &after, &labels, 2, SOME).unwrap();
        assert!((found[0].p_value.unwrap() - 0.125).abs() < 1e-12);
        assert!(compare(&before, &after[1..], &labels, 2, SOME).is_err());
        assert!(compare(&before, &after, &labels, 1, SOME).is_err());
    }
}
