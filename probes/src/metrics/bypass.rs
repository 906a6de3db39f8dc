//! The bypass test: what is left of the accuracy when every concept says the same of every sample.
//!
//! Concepts are set to their means over the training samples. A true bottleneck can then only answer one class; what
//! lies above that went past the concepts, through a residual or through what an embedding carries beside its score.

use super::{Metric, check_rows};
use crate::{Bottleneck, ProbeError, best_class};
use ndarray::{Array2, ArrayView2, Axis};

/// Accuracy with concepts at their training means, beside the majority rate as chance, and the share of the accuracy above
/// the majority rate that is left.
///
/// # Errors
/// When shapes do not fit the bottleneck.
pub fn bypass(
    bottleneck: &dyn Bottleneck,
    training: ArrayView2<'_, f64>,
    embeddings: ArrayView2<'_, f64>,
    labels: &[u32],
) -> Result<Vec<Metric>, ProbeError> {
    check_rows("rows of embeddings", embeddings.nrows(), labels.len())?;
    let concepts = bottleneck.concepts(training)?;
    let n = labels.len();
    if concepts.nrows() == 0 || n == 0 {
        return Err(ProbeError::TooSmall { samples: 0, features: embeddings.ncols() });
    }
    let means = concepts.sum_axis(Axis(0)) / concepts.nrows() as f64;
    let constant = Array2::from_shape_fn((n, means.len()), |(_, j)| means[j]);
    let right = |scores: Array2<f64>| {
        best_class(scores.view()).iter().zip(labels).filter(|(found, label)| found == label).count()
    };
    let left = right(bottleneck.scores(constant.view(), embeddings)?);
    let whole = right(bottleneck.predict(embeddings)?);
    let most = labels.iter().max().map_or(0, |&l| l as usize + 1);
    let mut counts = vec![0usize; most];
    labels.iter().for_each(|&l| counts[l as usize] += 1);
    let majority = counts.iter().max().copied().unwrap_or(0) as f64 / n as f64;
    let (left_share, whole_share) = (left as f64 / n as f64, whole as f64 / n as f64);
    let flag = if bottleneck.bypasses() { "bypasses" } else { "no_bypass" };
    let share = if whole_share > majority {
        Metric::new("bypass_share", (left_share - majority) / (whole_share - majority), n).chance(0.0)
    } else {
        Metric::undefined("bypass_share", "accuracy_is_chance", n)
    };
    Ok(vec![Metric::share("bypass_accuracy", left, n).chance(majority).flag(flag), share.flag(flag)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConceptData, LinearProbe};

    #[test]
    fn a_bottleneck_without_bypass_answers_one_class() {
        let x =
            Array2::from_shape_fn((90, 2), |(i, j)| f64::from(u8::from(i % 3 == j)) + 0.01 * ((i * 7 + j) % 5) as f64);
        let labels: Vec<u32> = (0..90).map(|i| if i < 10 { 2 } else { (i % 3) as u32 }).collect();
        let data = ConceptData::new(x.clone(), labels.clone()).unwrap();
        let fitted = LinearProbe::new(1e-3).unwrap().fit_linear(&data);
        let all = bypass(&fitted, x.view(), x.view(), &labels).unwrap();
        let accuracy = all[0].value.unwrap();
        let shares: Vec<f64> = (0..3).map(|k| labels.iter().filter(|l| **l == k).count() as f64 / 90.0).collect();
        assert!(shares.contains(&accuracy), "{accuracy}");
        assert_eq!(all[0].flags, ["no_bypass"]);
        assert!(all[1].value.unwrap() <= 0.0);
        assert!(bypass(&fitted, x.view(), x.view(), &[0]).is_err());
    }
}
