//! How well classes are predicted: accuracy, balanced accuracy, accuracy of each class, negative log-likelihood, Brier
//! score and calibration of the most likely class.

use super::calibration::{Binning, Calibration, calibration};
use super::resample::{error_of_mean, mean};
use super::{Metric, check_rows};
use crate::{ProbeError, best_class};
use ndarray::ArrayView2;

/// Probabilities below this count as this in the negative log-likelihood, which would be infinite at 0.
const LEAST_PROBABILITY: f64 = 1e-15;

/// Metrics of class probabilities [samples × classes] against labels, and the bins of calibration.
///
/// Negative log-likelihoods are in nats; the Brier score is `Σ_k (p_k − 1[y = k])²`, from 0 to 2 ("Verification of
/// forecasts expressed in terms of probability", Brier 1950). Chance is to answer the class frequencies of these samples.
///
/// # Errors
/// When lengths differ, a label has no column, or a value is not finite.
pub fn task_quality(
    probabilities: ArrayView2<'_, f64>,
    labels: &[u32],
    binning: Binning,
) -> Result<(Vec<Metric>, Option<Calibration>), ProbeError> {
    check_rows("class probabilities", probabilities.nrows(), labels.len())?;
    crate::data::check_finite("class probabilities", probabilities)?;
    let k = probabilities.ncols();
    if let Some(&label) = labels.iter().find(|l| **l as usize >= k) {
        return Err(ProbeError::Shape { what: "classes predicted".into(), found: k, expected: label as usize + 1 });
    }
    let n = labels.len();
    let predicted = best_class(probabilities);
    let right: Vec<bool> = predicted.iter().zip(labels).map(|(p, l)| p == l).collect();
    let mut counts = vec![0usize; k];
    let mut hits = vec![0usize; k];
    for (&label, &right) in labels.iter().zip(&right) {
        counts[label as usize] += 1;
        hits[label as usize] += usize::from(right);
    }
    let share = |c: usize| counts[c] as f64 / n.max(1) as f64;
    let shares: Vec<f64> = (0..k).map(share).collect();
    let mut out = vec![
        Metric::share("accuracy", hits.iter().sum(), n).chance(shares.iter().copied().fold(0.0, f64::max)),
        balanced(&hits, &counts, n),
    ];

    let own = |i: usize| probabilities[[i, labels[i] as usize]];
    let losses: Vec<f64> = (0..n).map(|i| -own(i).max(LEAST_PROBABILITY).ln()).collect();
    let entropy: f64 = shares.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    let nll = Metric::new("nll", mean(&losses).unwrap_or(f64::NAN), n).error(error_of_mean(&losses)).chance(entropy);
    out.push(nll.flag_if((0..n).any(|i| own(i) < LEAST_PROBABILITY), "zero_probability"));

    let square = |i: usize| {
        let row = probabilities.row(i);
        row.iter().map(|p| p * p).sum::<f64>() - 2.0 * own(i) + 1.0
    };
    let squares: Vec<f64> = (0..n).map(square).collect();
    let brier = Metric::new("brier", mean(&squares).unwrap_or(f64::NAN), n).error(error_of_mean(&squares));
    out.push(brier.chance(1.0 - shares.iter().map(|p| p * p).sum::<f64>()));

    let confidences: Vec<f64> = (0..n).map(|i| probabilities[[i, predicted[i] as usize]]).collect();
    let bins = calibration(&confidences, &right, binning);
    out.push(bins.as_ref().map_or(Metric::undefined("ece", "no_samples", n), |c| {
        let parameters = match binning {
            Binning::EqualWidth(bins) => format!("bins={bins}"),
            Binning::EqualMass(bins) => format!("bins={bins} mass=equal"),
        };
        Metric::new("ece", c.error, n).chance(c.floor).parameters(parameters)
    }));
    out.extend((0..k).map(|c| Metric::share("class_accuracy", hits[c], counts[c]).class(c)));
    Ok((out, bins))
}

/// Mean accuracy over the classes that occur; its error is that of independent shares.
fn balanced(hits: &[usize], counts: &[usize], n: usize) -> Metric {
    let occurring: Vec<(f64, f64)> =
        hits.iter().zip(counts).filter(|(_, c)| **c > 0).map(|(h, c)| (*h as f64 / *c as f64, *c as f64)).collect();
    let classes = occurring.len() as f64;
    let value = occurring.iter().map(|(p, _)| p).sum::<f64>() / classes;
    let variance: f64 = occurring.iter().map(|(p, c)| p * (1.0 - p) / c).sum();
    let metric = Metric::new("balanced_accuracy", value, n).error(variance.sqrt() / classes).chance(1.0 / classes);
    metric.flag_if(occurring.len() < counts.len(), "classes_absent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn by_hand() {
        let p = array![[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1], [0.2, 0.8, 0.0]];
        let (all, bins) = task_quality(p.view(), &[0, 0, 0, 1], Binning::EqualWidth(10)).unwrap();
        let value = |name: &str| all.iter().find(|m| m.name == name && m.class.is_none()).unwrap().clone();
        assert_eq!((value("accuracy").value, value("accuracy").chance), (Some(0.75), Some(0.75)));
        let balanced = value("balanced_accuracy");
        assert!((balanced.value.unwrap() - (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-15);
        assert_eq!((balanced.chance, balanced.flags.as_slice()), (Some(0.5), ["classes_absent"].as_slice()));
        let nll = -(0.7f64.ln() + 0.4f64.ln() + 0.6f64.ln() + 0.8f64.ln()) / 4.0;
        assert!((value("nll").value.unwrap() - nll).abs() < 1e-12);
        let brier = (0.14 + (0.36 + 0.25 + 0.01) + (0.16 + 0.09 + 0.01) + 0.08) / 4.0;
        assert!((value("brier").value.unwrap() - brier).abs() < 1e-12);
        assert!((value("brier").chance.unwrap() - (1.0 - 0.5625 - 0.0625)).abs() < 1e-12);
        assert_eq!(bins.unwrap().bins.len(), 4);
        assert_eq!(all.iter().filter(|m| m.name == "class_accuracy").count(), 3);
        assert_eq!(all.last().unwrap().flags, ["no_samples"]);
    }

    #[test]
    fn answering_the_frequencies_is_chance() {
        let p = ndarray::Array2::from_shape_fn((10, 2), |(_, k)| [0.6, 0.4][k]);
        let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
        let (all, _) = task_quality(p.view(), &labels, Binning::EqualMass(2)).unwrap();
        for name in ["nll", "brier", "accuracy", "balanced_accuracy"] {
            let m = all.iter().find(|m| m.name == name).unwrap();
            assert!((m.value.unwrap() - m.chance.unwrap()).abs() < 1e-12, "{name}");
        }
        assert!(task_quality(p.view(), &[2; 10], Binning::EqualMass(2)).is_err());
    }

    #[test]
    fn a_certain_error_is_finite_and_flagged() {
        let p = array![[1.0, 0.0], [0.0, 1.0]];
        let (all, _) = task_quality(p.view(), &[1, 1], Binning::EqualWidth(15)).unwrap();
        let nll = all.iter().find(|m| m.name == "nll").unwrap();
        assert!(nll.value.unwrap() > 17.0 && nll.flags.contains(&"zero_probability"));
    }
}
