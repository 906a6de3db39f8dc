//! The sparse part of a step: which features of which samples take part, and with what.

use rayon::prelude::*;

/// Samples of one task.
const ROWS: usize = 16;

/// Features and values of one sample, or of some.
pub(crate) type Row = Vec<(u32, f32)>;

/// For each sample, features in rising order with a value each; values may be zero.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entries {
    /// Where each sample begins, and where the last one ends.
    pub(crate) starts: Vec<usize>,
    pub(crate) features: Vec<u32>,
    /// What is decoded.
    pub(crate) values: Vec<f32>,
    /// Derivatives of the loss: by the value at first, by the product x·w in the end.
    pub(crate) slopes: Vec<f32>,
}

/// For each feature, where its entries are, in the order of the samples.
pub(crate) struct Places {
    starts: Vec<usize>,
    /// (sample, place in the entries).
    places: Vec<(u32, u32)>,
}

impl Entries {
    /// Asks for the entries of each sample.
    pub(crate) fn of_rows(samples: usize, row: impl Fn(usize, &mut Row) + Sync) -> Self {
        let chunks: Vec<(Vec<usize>, Row)> = (0..samples.div_ceil(ROWS))
            .into_par_iter()
            .map(|chunk| {
                let (mut lengths, mut all, mut one) = (vec![], vec![], vec![]);
                for sample in chunk * ROWS..((chunk + 1) * ROWS).min(samples) {
                    one.clear();
                    row(sample, &mut one);
                    lengths.push(one.len());
                    all.extend_from_slice(&one);
                }
                (lengths, all)
            })
            .collect();
        let total = chunks.iter().map(|c| c.1.len()).sum();
        let mut entries = Self {
            starts: vec![0],
            features: Vec::with_capacity(total),
            values: Vec::with_capacity(total),
            slopes: vec![0.0; total],
        };
        let mut end = 0;
        for (lengths, all) in chunks {
            for length in lengths {
                end += length;
                entries.starts.push(end);
            }
            entries.features.extend(all.iter().map(|e| e.0));
            entries.values.extend(all.iter().map(|e| e.1));
        }
        entries
    }

    pub(crate) fn n_samples(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn range(&self, sample: usize) -> std::ops::Range<usize> {
        self.starts[sample]..self.starts[sample + 1]
    }

    /// Features and values of a sample.
    pub(crate) fn row(&self, sample: usize) -> (&[u32], &[f32]) {
        let range = self.range(sample);
        (&self.features[range.clone()], &self.values[range])
    }

    /// The same entries, feature by feature.
    pub(crate) fn by_feature(&self, width: usize) -> Places {
        let mut starts = vec![0usize; width + 1];
        for &feature in &self.features {
            starts[feature as usize + 1] += 1;
        }
        for feature in 0..width {
            starts[feature + 1] += starts[feature];
        }
        let mut next = starts.clone();
        let mut places = vec![(0, 0); self.features.len()];
        for sample in 0..self.n_samples() {
            for place in self.range(sample) {
                let at = &mut next[self.features[place] as usize];
                places[*at] = (sample as u32, place as u32);
                *at += 1;
            }
        }
        Places { starts, places }
    }

    /// Runs over the entries of each sample with the slopes to be written: `work(sample, features, values, slopes)`.
    pub(crate) fn for_each_row(&mut self, work: impl Fn(usize, &[u32], &[f32], &mut [f32]) + Sync) {
        let mut rest = self.slopes.as_mut_slice();
        let mut rows = Vec::with_capacity(self.starts.len());
        for sample in 0..self.starts.len() - 1 {
            let range = self.starts[sample]..self.starts[sample + 1];
            let (slopes, after) = std::mem::take(&mut rest).split_at_mut(range.len());
            rows.push((sample, range, slopes));
            rest = after;
        }
        let (features, values) = (&self.features, &self.values);
        rows.into_par_iter().with_min_len(ROWS).for_each(|(sample, range, slopes)| {
            work(sample, &features[range.clone()], &values[range], slopes);
        });
    }
}

impl Places {
    /// (sample, place in the entries) of a feature.
    pub(crate) fn of(&self, feature: usize) -> &[(u32, u32)] {
        &self.places[self.starts[feature]..self.starts[feature + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_find_their_entries_in_the_order_of_the_samples() {
        let entries = Entries::of_rows(40, |sample, row| {
            row.extend((0..3).filter(|f| !(sample + f).is_multiple_of(2)).map(|f| (f as u32, sample as f32)));
        });
        let places = entries.by_feature(3);
        for feature in 0..3 {
            let samples: Vec<usize> = places.of(feature).iter().map(|p| p.0 as usize).collect();
            assert_eq!(samples, (0..40).filter(|s| !(s + feature).is_multiple_of(2)).collect::<Vec<_>>());
            for &(sample, place) in places.of(feature) {
                assert_eq!(entries.features[place as usize], feature as u32);
                assert_eq!(entries.values[place as usize], sample as f32);
            }
        }
    }
}
