//! Whether probabilities are frequencies: expected calibration error with its bins.
//!
//! "On calibration of modern neural networks" (Guo, Pleiss, Sun & Weinberger 2017): `ECE = Σ_b n_b/N |acc_b − conf_b|`
//! over bins of confidence. It is never 0 in a sample, however well calibrated: [`Calibration::floor`] is what it would
//! be on average if every confidence were true, `Σ_b n_b/N √(2/π) √(Σ p(1−p))/n_b` (bin means taken as normal).

use super::proportion::wilson;

/// How confidences are cut into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binning {
    /// Bins of equal width over [0, 1], as published.
    EqualWidth(usize),
    /// Bins of (almost) equally many samples.
    EqualMass(usize),
}

/// One bin that holds samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Lowest and highest confidence: the bin's edges under equal width, its own samples' under equal mass.
    pub range: (f64, f64),
    /// Samples.
    pub count: usize,
    /// Mean confidence.
    pub confidence: f64,
    /// Share that is right.
    pub accuracy: f64,
    /// Wilson's 95 % interval of that share.
    pub interval: (f64, f64),
}

/// What the bins say.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Expected calibration error.
    pub error: f64,
    /// What it would be on average under perfect calibration with as many samples.
    pub floor: f64,
    /// The bins that hold samples, by confidence.
    pub bins: Vec<Bin>,
}

/// A bin's edges, where it has some, and its samples by confidence.
type Group<'a> = (Option<(f64, f64)>, &'a [usize]);

/// Bins confidences in [0, 1] and compares each bin's mean with the share that is right; `None` of nothing.
pub fn calibration(confidences: &[f64], right: &[bool], binning: Binning) -> Option<Calibration> {
    let n = confidences.len();
    if n == 0 || n != right.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| confidences[a].total_cmp(&confidences[b]));
    let groups: Vec<Group<'_>> = match binning {
        Binning::EqualWidth(bins) => {
            let width = 1.0 / bins.max(1) as f64;
            // (low, high], as published; 0 itself lies in the first.
            let bin = |i: usize| ((confidences[i] / width).ceil() as usize).clamp(1, bins.max(1)) - 1;
            order
                .chunk_by(|&a, &b| bin(a) == bin(b))
                .map(|g| (Some((bin(g[0]) as f64 * width, (bin(g[0]) + 1) as f64 * width)), g))
                .collect()
        }
        Binning::EqualMass(bins) => {
            let bins = bins.clamp(1, n);
            (0..bins).map(|b| (None, &order[b * n / bins..(b + 1) * n / bins])).collect()
        }
    };
    let (mut error, mut floor, mut bins) = (0.0, 0.0, vec![]);
    for (edges, group) in groups {
        let count = group.len();
        let confidence = group.iter().map(|&i| confidences[i]).sum::<f64>() / count as f64;
        let hits = group.iter().filter(|&&i| right[i]).count();
        let accuracy = hits as f64 / count as f64;
        let variance: f64 = group.iter().map(|&i| confidences[i] * (1.0 - confidences[i])).sum();
        error += count as f64 / n as f64 * (accuracy - confidence).abs();
        floor += (std::f64::consts::FRAC_2_PI * variance.max(0.0)).sqrt() / n as f64;
        let own = (confidences[group[0]], confidences[group[count - 1]]);
        let range = edges.unwrap_or(own);
        bins.push(Bin { range, count, confidence, accuracy, interval: wilson(hits, count) });
    }
    Some(Calibration { error, floor, bins })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use rand::RngExt;

    #[test]
    fn by_hand() {
        let found = calibration(&[0.9, 0.95, 0.6, 0.7], &[true, false, true, true], Binning::EqualWidth(2)).unwrap();
        assert_eq!(found.bins.len(), 1);
        assert!((found.error - (0.7875 - 0.75)).abs() < 1e-12);
        let two = calibration(&[0.9, 0.95, 0.6, 0.7], &[true, false, true, true], Binning::EqualMass(2)).unwrap();
        assert!((two.error - 0.5 * (0.35 + 0.425)).abs() < 1e-12 && two.bins[1].range == (0.9, 0.95));
        // An edge belongs to the bin below it.
        let edge = calibration(&[0.5, 0.0], &[true, false], Binning::EqualWidth(2)).unwrap();
        assert_eq!((edge.bins.len(), edge.bins[0].range), (1, (0.0, 0.5)));
    }

    #[test]
    fn the_floor_is_what_true_confidences_give() {
        let rng = &mut generator(5, 0);
        let (mut errors, mut floors) = (0.0, 0.0);
        for _ in 0..200 {
            let p: Vec<f64> = (0..300).map(|_| 0.5 + 0.5 * rng.random::<f64>()).collect();
            let right: Vec<bool> = p.iter().map(|p| rng.random::<f64>() < *p).collect();
            let found = calibration(&p, &right, Binning::EqualWidth(15)).unwrap();
            errors += found.error / 200.0;
            floors += found.floor / 200.0;
        }
        assert!((errors / floors - 1.0).abs() < 0.05, "{errors} {floors}");
    }
}
