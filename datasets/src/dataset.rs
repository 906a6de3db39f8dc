//! Inputs with class labels.

use crate::DatasetError;
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Samples with a class each; checked when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name in tables and manifests.
    pub name: String,
    /// Inputs [samples × features], all finite.
    pub inputs: Array2<f32>,
    /// Class of each sample, from 0 without gaps.
    pub labels: Vec<u32>,
    /// Number of classes.
    pub n_classes: usize,
    /// Where the data come from, when their licence asks that it be said.
    pub attribution: Option<&'static str>,
}

impl Dataset {
    /// Inputs [samples × features] with a label each; labels may be any whole numbers and are renumbered in ascending
    /// order.
    ///
    /// # Errors
    /// When there are fewer than two samples or classes, the numbers of inputs and labels differ, or an input is NaN
    /// or infinite.
    pub fn new(name: &str, inputs: Array2<f32>, labels: &[i64]) -> Result<Self, DatasetError> {
        let (samples, features) = inputs.dim();
        if samples != labels.len() {
            return Err(DatasetError::LabelCount { inputs: samples, labels: labels.len() });
        }
        if samples < 2 || features == 0 {
            return Err(DatasetError::TooSmall { samples, features });
        }
        let mut bad = inputs.indexed_iter().filter(|(_, v)| !v.is_finite());
        if let Some(((row, column), &value)) = bad.next() {
            return Err(DatasetError::NotFinite { count: 1 + bad.count(), row: row + 1, column: column + 1, value });
        }
        let (numbers, n_classes) = renumber(labels);
        if n_classes == 1 {
            return Err(DatasetError::OneClass { samples, label: labels[0] });
        }
        Ok(Self { name: name.into(), inputs, labels: numbers, n_classes, attribution: None })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no samples; never true of a value that exists.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of features of an input.
    pub fn n_features(&self) -> usize {
        self.inputs.ncols()
    }

    /// The samples of these rows, in this order. Classes keep their numbers.
    ///
    /// # Errors
    /// When a row does not exist, or what remains has fewer than two samples or one class only.
    pub fn subset(&self, rows: &[usize]) -> Result<Self, DatasetError> {
        if let Some(&row) = rows.iter().find(|&&r| r >= self.len()) {
            return Err(DatasetError::NoSuchRow { row, samples: self.len() });
        }
        let labels: Vec<u32> = rows.iter().map(|&r| self.labels[r]).collect();
        if labels.len() < 2 {
            return Err(DatasetError::TooSmall { samples: labels.len(), features: self.n_features() });
        }
        if labels.iter().all(|&l| l == labels[0]) {
            return Err(DatasetError::OneClass { samples: labels.len(), label: labels[0].into() });
        }
        Ok(Self { inputs: self.inputs.select(Axis(0), rows), labels, ..self.clone() })
    }

    /// `n` rows drawn without replacement, ascending; all of them when there are no more than `n`.
    pub fn sample_rows(&self, n: usize, seed: u64) -> Vec<usize> {
        sample_rows(self.len(), n, seed)
    }

    /// Rows to train on and rows to test on, drawn by the seed; each ascending.
    ///
    /// # Errors
    /// When one side would be empty.
    pub fn split(&self, train_share: f64, seed: u64) -> Result<(Vec<usize>, Vec<usize>), DatasetError> {
        let samples = self.len();
        let train = (train_share * samples as f64).round() as usize;
        if train == 0 || train >= samples {
            let (train, test) = (train.min(samples), samples.saturating_sub(train));
            return Err(DatasetError::EmptySplit { share: train_share, samples, train, test });
        }
        let mut rows: Vec<usize> = (0..samples).collect();
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut test = rows.split_off(train);
        rows.sort_unstable();
        test.sort_unstable();
        Ok((rows, test))
    }
}

/// `n` of `all` rows drawn without replacement, ascending; all of them when there are no more than `n`.
pub fn sample_rows(all: usize, n: usize, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..all).collect();
    if n < rows.len() {
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        rows.truncate(n);
        rows.sort_unstable();
    }
    rows
}

/// Labels renumbered from 0 without gaps, in ascending order, and the number of classes.
pub fn renumber(labels: &[i64]) -> (Vec<u32>, usize) {
    let mut values = labels.to_vec();
    values.sort_unstable();
    values.dedup();
    (labels.iter().map(|l| values.partition_point(|v| v < l) as u32).collect(), values.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn six() -> Dataset {
        Dataset::new("six", Array2::from_shape_fn((6, 2), |(i, j)| (2 * i + j) as f32), &[5, -1, 5, -1, 9, 9]).unwrap()
    }

    #[test]
    fn labels_are_renumbered_in_order() {
        assert_eq!(six().labels, [1, 0, 1, 0, 2, 2]);
        assert_eq!(six().n_classes, 3);
    }

    #[test]
    fn a_subset_keeps_inputs_and_labels_together() {
        let s = six().subset(&[4, 1]).unwrap();
        assert_eq!((s.inputs, s.labels), (array![[8.0, 9.0], [2.0, 3.0]], vec![2, 0]));
        assert_eq!(six().subset(&[6]).unwrap_err(), DatasetError::NoSuchRow { row: 6, samples: 6 });
    }

    #[test]
    fn splits_and_samples_follow_the_seed() {
        let (train, test) = six().split(0.5, 3).unwrap();
        let mut both: Vec<usize> = train.iter().chain(&test).copied().collect();
        both.sort_unstable();
        assert_eq!(both, [0, 1, 2, 3, 4, 5]);
        assert_eq!(six().split(0.5, 3).unwrap(), (train, test));
        assert!((0..20).any(|s| six().split(0.5, s).unwrap() != six().split(0.5, 3).unwrap()));
        assert_eq!(six().sample_rows(4, 1).len(), 4);
        assert_eq!(six().sample_rows(9, 1), [0, 1, 2, 3, 4, 5]);
        assert!(six().split(0.01, 0).unwrap_err().to_string().contains("0 to train on and 6 to test on"));
    }

    #[test]
    fn each_fault_says_where() {
        let message = |inputs: Array2<f32>, labels: &[i64]| Dataset::new("x", inputs, labels).unwrap_err().to_string();
        assert_eq!(
            message(array![[1.0], [2.0]], &[1]),
            "2 inputs but 1 labels: there must be one label for each input, in the same order"
        );
        assert!(message(array![[1.0]], &[1]).contains("1 sample(s)"));
        assert!(message(array![[1.0, 0.0], [2.0, f32::NAN]], &[1, 2]).contains("NaN at row 2, column 2"));
        assert!(message(array![[1.0], [2.0]], &[3, 3]).contains("all 2 labels are 3"));
    }
}
