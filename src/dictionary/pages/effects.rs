//! What a feature does to classes.
//!
//! A linear probe (ridge regression of the classes' indicators on the activations) says what adding a feature's decoder
//! row adds to each class: decoder row times the probe's weights, times the feature's mean activation where it is active,
//! less the mean over classes. Beside it stands what was seen: the share of each class among the samples on which the
//! feature is active, over its share among all.

use super::Saved;
use anyhow::Result;
use narrows_dictionaries::naming::ridge_of_products;
use narrows_dictionaries::{Codes, FeatureSummary};
use ndarray::{Array1, Array2, Axis};

/// Columns of activations beyond which the probe is not fitted.
const MOST: usize = 8192;
/// Penalty, as a share of the mean variance of a column, a sample.
const PENALTY: f64 = 1e-2;

/// The effects [features × classes].
pub(super) struct Effects {
    /// What the probe says, in shares of a class.
    pub(super) probe: Array2<f32>,
    /// Share among active samples over the share among all.
    pub(super) lift: Array2<f32>,
}

/// Products, gathered piece by piece.
pub(super) struct Gathered {
    gram: Array2<f64>,
    with_classes: Array2<f64>,
    sum: Array1<f64>,
    counts: Array1<f64>,
}

impl Gathered {
    pub(super) fn new(inputs: usize, classes: usize) -> Self {
        let inputs = if classes > 1 && inputs <= MOST { inputs } else { 0 };
        Self {
            gram: Array2::zeros((inputs, inputs)),
            with_classes: Array2::zeros((inputs, classes)),
            sum: Array1::zeros(inputs),
            counts: Array1::zeros(classes),
        }
    }

    pub(super) fn add(&mut self, rows: &Array2<f32>, labels: &[u32]) {
        labels.iter().for_each(|&l| self.counts[l as usize] += 1.0);
        if self.sum.is_empty() {
            return;
        }
        // Products in single precision, a piece at a time; their sums in double.
        self.gram += &rows.t().dot(rows).mapv(f64::from);
        self.sum += &rows.sum_axis(Axis(0)).mapv(f64::from);
        for (row, &label) in rows.rows().into_iter().zip(labels) {
            self.with_classes.column_mut(label as usize).zip_mut_with(&row, |s, &x| *s += f64::from(x));
        }
    }

    /// None where the activations are too wide for a probe.
    pub(super) fn finish(
        self,
        saved: &Saved,
        features: &[FeatureSummary],
        codes: &Codes,
        labels: &[u32],
    ) -> Result<Option<Effects>> {
        if self.sum.is_empty() {
            return Ok(None);
        }
        let n = self.counts.sum();
        let outer =
            |a: &Array1<f64>, b: &Array1<f64>| a.view().insert_axis(Axis(1)).dot(&b.view().insert_axis(Axis(0))) / n;
        let gram = self.gram - outer(&self.sum, &self.sum);
        let right = self.with_classes - outer(&self.sum, &self.counts);
        let penalty = (PENALTY * gram.diag().sum() / gram.nrows() as f64).max(f64::MIN_POSITIVE);
        let weights = ridge_of_products(gram, right, penalty)?.mapv(|v| v as f32);
        let mut probe = saved.dictionary.decoder.dot(&weights);
        for (mut row, feature) in probe.axis_iter_mut(Axis(0)).zip(features) {
            row *= feature.mean_active;
            let mean = row.sum() / row.len() as f32;
            row -= mean;
        }
        let mut lift = Array2::<f32>::zeros(probe.dim());
        for ((active, _), &label) in codes.rows().zip(labels) {
            active.iter().for_each(|&feature| lift[[feature as usize, label as usize]] += 1.0);
        }
        for (mut row, feature) in lift.axis_iter_mut(Axis(0)).zip(features).filter(|(_, f)| f.fires > 0) {
            row.zip_mut_with(&self.counts, |v, &count| {
                *v = (f64::from(*v) / f64::from(feature.fires) / (count / n).max(f64::MIN_POSITIVE)) as f32;
            });
        }
        Ok(Some(Effects { probe, lift }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::store::tests::small;
    use super::*;
    use narrows_dictionaries::{Activation, Summaries};

    #[test]
    fn a_feature_along_a_class_adds_to_it() {
        // Class 0 lies to the right, class 1 above; features 0 and 1 point there.
        let saved = Saved::new(small(Activation::Relu, false), "a");
        let rows = Array2::from_shape_fn((60, 2), |(i, j)| {
            f32::from(u8::from(i % 2 == j)) * 4.0 + ((i * 7 + j * 3) % 5) as f32 * 0.1
        });
        let labels: Vec<u32> = (0..60).map(|i| i % 2).collect();
        let mut gathered = Gathered::new(2, 2);
        for from in [0, 20, 40] {
            let piece = rows.select(Axis(0), &(from..from + 20).collect::<Vec<_>>());
            gathered.add(&piece, &labels[from..from + 20]);
        }
        let codes = saved.dictionary.encode(rows.view()).unwrap();
        let features = Summaries { top: 1, intervals: (1, 1), bins: 1, together: 0 }.of(&codes);
        let effects = gathered.finish(&saved, &features, &codes, &labels).unwrap().unwrap();
        assert!(effects.probe[[0, 0]] > 0.1 && effects.probe[[1, 1]] > 0.1, "{}", effects.probe);
        assert!((effects.probe[[0, 0]] + effects.probe[[0, 1]]).abs() < 1e-5);
        // Feature 1 (−½ x + y + ½) is active on class 1 alone.
        assert_eq!((effects.lift[[1, 0]], effects.lift[[1, 1]]), (0.0, 2.0));
    }
}
