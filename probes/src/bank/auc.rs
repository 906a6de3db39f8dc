//! The area under the ROC curve with its standard error, and what it says against chance.

use statrs::distribution::{ContinuousCDF, Normal};

/// How well scores tell positives from negatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Separation {
    /// Chance that a positive scores above a negative; ties count half.
    pub auc: f64,
    /// Standard error by placements (DeLong, DeLong & Clarke-Pearson 1988).
    pub std_error: f64,
    /// Mean of the shares of positives above zero and of negatives at or below it.
    pub balanced_accuracy: f64,
    /// One-sided p-value against an AUC of ½ (Mann–Whitney, normal approximation, without correction for ties).
    pub p_value: f64,
}

/// Compares the scores of positives and negatives; `None` where one side is empty.
pub fn separation(scores: &[f64], positive: &[bool]) -> Option<Separation> {
    let side = |wanted: bool| -> Vec<f64> {
        let mut side: Vec<f64> = scores.iter().zip(positive).filter(|(_, p)| **p == wanted).map(|(s, _)| *s).collect();
        side.sort_by(f64::total_cmp);
        side
    };
    let (up, down) = (side(true), side(false));
    if up.is_empty() || down.is_empty() {
        return None;
    }
    let (m, n) = (up.len() as f64, down.len() as f64);
    // Share of the others that a score is above, ties half.
    let placement = |score: f64, others: &[f64]| {
        let below = others.partition_point(|&o| o < score);
        let tied = others.partition_point(|&o| o <= score) - below;
        (below as f64 + 0.5 * tied as f64) / others.len() as f64
    };
    let of_up: Vec<f64> = up.iter().map(|&s| placement(s, &down)).collect();
    let of_down: Vec<f64> = down.iter().map(|&s| 1.0 - placement(s, &up)).collect();
    let auc = of_up.iter().sum::<f64>() / m;
    let variance = |placements: &[f64]| {
        let count = placements.len() as f64;
        placements.iter().map(|v| (v - auc).powi(2)).sum::<f64>() / (count - 1.0).max(1.0) / count
    };
    let accuracy = |side: &[f64], wanted: bool| side.iter().filter(|s| (**s > 0.0) == wanted).count() as f64;
    let z = (auc - 0.5) / ((m + n + 1.0) / (12.0 * m * n)).sqrt();
    Some(Separation {
        auc,
        std_error: (variance(&of_up) + variance(&of_down)).sqrt(),
        balanced_accuracy: 0.5 * (accuracy(&up, true) / m + accuracy(&down, false) / n),
        p_value: Normal::standard().sf(z),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted() {
        // Of the six pairs, positives win 4, lose 1, tie 1.
        let found = separation(&[0.9, 0.3, 0.5, 0.3, -0.1], &[true, true, true, false, false]).unwrap();
        assert!((found.auc - 5.5 / 6.0).abs() < 1e-15);
        assert!((found.balanced_accuracy - 0.75).abs() < 1e-15);
        assert!(separation(&[1.0, 2.0], &[true, true]).is_none());
    }

    #[test]
    fn the_error_is_delong_s_and_the_p_value_mann_whitney_s() {
        // By hand: the sum of the variances of the
        // placements (1, 1, 2/3) and (1, 1, 2/3) over 3 each: 2 · (1/27)/3.
        let found = separation(&[1.0, 2.0, 4.0, 3.0, 5.0, 6.0], &[false, false, false, true, true, true]).unwrap();
        assert!((found.auc - 8.0 / 9.0).abs() < 1e-15);
        assert!((found.std_error - (2.0f64 / 81.0).sqrt()).abs() < 1e-12);
        let z = (8.0 / 9.0 - 0.5) / (7.0f64 / 108.0).sqrt();
        assert!((found.p_value - Normal::standard().sf(z)).abs() < 1e-15 && found.p_value < 0.07);
    }
}
