//! The area under the ROC curve with its standard error.

use narrows_estimators::correlation::ranks;

/// Chance that a present sample scores above an absent one, ties half, and DeLong's standard error (DeLong, DeLong &
/// Clarke-Pearson 1988), from the placement values of both sides; `None` where one side is empty.
pub(super) fn auc(scores: &[f64], present: &[bool]) -> Option<(f64, f64)> {
    let side = |wanted: bool| -> Vec<f64> {
        scores.iter().zip(present).filter(|(_, p)| **p == wanted).map(|(s, _)| *s).collect()
    };
    let (up, down) = (side(true), side(false));
    if up.is_empty() || down.is_empty() {
        return None;
    }
    let all = ranks(scores);
    // The rank among all less that among its own counts the others below.
    let placements = |wanted: bool, own: &[f64], others: usize| -> Vec<f64> {
        let of_all = all.iter().zip(present).filter(|(_, p)| **p == wanted).map(|(r, _)| *r);
        of_all.zip(ranks(own)).map(|(whole, own)| (whole - own) / others as f64).collect()
    };
    let (of_up, of_down) = (placements(true, &up, down.len()), placements(false, &down, up.len()));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let variance = |v: &[f64]| {
        let centre = mean(v);
        v.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (v.len() as f64 - 1.0).max(1.0) / v.len() as f64
    };
    Some((mean(&of_up), (variance(&of_up) + variance(&of_down)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted() {
        // Of the six pairs, positives win five and tie one.
        let (area, _) = auc(&[0.9, 0.3, 0.5, 0.3, -0.1], &[true, true, true, false, false]).unwrap();
        assert!((area - 5.5 / 6.0).abs() < 1e-15);
        assert!(auc(&[1.0, 2.0], &[true, true]).is_none());
        let (area, error) = auc(&[1.0, 2.0, 4.0, 3.0, 5.0, 6.0], &[false, false, false, true, true, true]).unwrap();
        assert!((area - 8.0 / 9.0).abs() < 1e-15 && (error - (2.0f64 / 81.0).sqrt()).abs() < 1e-12);
    }
}
