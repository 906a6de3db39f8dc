//! What a person looks at to see what a feature is: when it is active, how strongly, and what is near it.

use crate::Codes;
use rayon::prelude::*;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summaries {
    /// Samples of the largest activations.
    pub top: usize,
    /// Quantile intervals of the active samples, and samples of each.
    pub intervals: (usize, usize),
    /// Bins of the histogram of activations, from zero to the largest.
    pub bins: usize,
    /// Features that are active on the same samples.
    pub together: usize,
}

/// A feature on the samples that were looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeatureSummary {
    /// Samples on which it is active.
    pub fires: u32,
    /// Its largest activation; 0 where it never is.
    pub largest: f32,
    /// Mean over the samples on which it is active.
    pub mean_active: f32,
    /// Active samples by activation: bin b of B holds those in (b, b + 1] · largest / B.
    pub histogram: Vec<u32>,
    /// Samples of the largest activations, the largest first; of equal ones, the first sample.
    pub top: Vec<(u32, f32)>,
    /// From each interval of equally many active samples, of the largest activations first, samples evenly apart.
    pub intervals: Vec<Vec<(u32, f32)>>,
    /// Features that share active samples, and the share of the samples of either on which both are active (Jaccard).
    pub together: Vec<(u32, f64)>,
}

/// Pairs of active features that are counted; beyond that only every n-th sample is, for all features alike.
const PAIRS: usize = 1 << 31;

impl Summaries {
    /// Summarises every feature.
    pub fn of(&self, codes: &Codes) -> Vec<FeatureSummary> {
        let columns = codes.by_feature();
        let pairs: usize = codes.rows().map(|(features, _)| features.len().pow(2)).sum();
        let step = pairs.div_ceil(PAIRS).max(1) as u32;
        let counted = |column: &[(u32, f32)]| column.iter().filter(|c| c.0 % step == 0).count() as f64;
        let fires: Vec<f64> = columns.iter().map(|c| counted(c)).collect();
        let one = |(feature, column): (usize, &Vec<(u32, f32)>)| {
            let mut summary = self.alone(column);
            summary.together = self.together(feature, column, codes, &fires, step);
            summary
        };
        columns.par_iter().enumerate().map(one).collect()
    }

    fn alone(&self, column: &[(u32, f32)]) -> FeatureSummary {
        let mut sorted = column.to_vec();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let largest = sorted.first().map_or(0.0, |s| s.1);
        let mut histogram = vec![0; self.bins];
        for &(_, value) in &sorted {
            let place = (f64::from(value) / f64::from(largest) * self.bins as f64).ceil() as usize;
            histogram[place.clamp(1, self.bins) - 1] += 1;
        }
        let sum: f64 = sorted.iter().map(|s| f64::from(s.1)).sum();
        let (parts, each) = self.intervals;
        let part = |i: usize| {
            let piece = &sorted[i * sorted.len() / parts..(i + 1) * sorted.len() / parts];
            let kept = each.min(piece.len());
            (0..kept).map(|j| piece[(2 * j + 1) * piece.len() / (2 * kept)]).collect()
        };
        FeatureSummary {
            fires: sorted.len() as u32,
            largest,
            mean_active: if sorted.is_empty() { 0.0 } else { (sum / sorted.len() as f64) as f32 },
            histogram,
            top: sorted.iter().take(self.top).copied().collect(),
            intervals: if sorted.is_empty() { vec![] } else { (0..parts).map(part).collect() },
            together: vec![],
        }
    }

    fn together(
        &self,
        feature: usize,
        column: &[(u32, f32)],
        codes: &Codes,
        fires: &[f64],
        step: u32,
    ) -> Vec<(u32, f64)> {
        let mut both = vec![0u32; codes.width()];
        for &(sample, _) in column.iter().filter(|c| c.0 % step == 0) {
            codes.row(sample as usize).0.iter().for_each(|&other| both[other as usize] += 1);
        }
        let jaccard = |(other, &both): (usize, &u32)| {
            let either = fires[feature] + fires[other] - f64::from(both);
            (both > 0 && other != feature).then(|| (other as u32, f64::from(both) / either))
        };
        let mut found: Vec<(u32, f64)> = both.iter().enumerate().filter_map(jaccard).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(self.together);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Summaries = Summaries { top: 2, intervals: (2, 2), bins: 4, together: 2 };

    #[test]
    fn a_feature_by_hand() {
        let mut codes = Codes::new(3);
        // Feature 0: 4, 1, 2, 4 on samples 0, 1, 2, 4; feature 1 on 0 and 3; feature 2 never.
        codes.push([(0, 4.0), (1, 1.0)]);
        codes.push([(0, 1.0)]);
        codes.push([(0, 2.0)]);
        codes.push([(1, 3.0)]);
        codes.push([(0, 4.0)]);
        let found = KEPT.of(&codes);
        let first = &found[0];
        assert_eq!((first.fires, first.largest, first.mean_active), (4, 4.0, 2.75));
        assert_eq!(first.histogram, [1, 1, 0, 2]);
        assert_eq!(first.top, [(0, 4.0), (4, 4.0)]);
        assert_eq!(first.intervals, [vec![(0, 4.0), (4, 4.0)], vec![(2, 2.0), (1, 1.0)]]);
        // Both on sample 0, either on five.
        assert_eq!(first.together, [(1, 0.2)]);
        let dead = FeatureSummary { histogram: vec![0; 4], ..FeatureSummary::default() };
        assert_eq!(found[2], dead);
    }

    #[test]
    fn intervals_are_of_equally_many_and_evenly_apart() {
        let mut codes = Codes::new(1);
        (0..100).for_each(|i| codes.push([(0, 1.0 + i as f32)]));
        let found = &KEPT.of(&codes)[0].intervals;
        let values: Vec<Vec<f32>> = found.iter().map(|i| i.iter().map(|v| v.1).collect()).collect();
        assert_eq!(values, [vec![88.0, 63.0], vec![38.0, 13.0]]);
    }
}
