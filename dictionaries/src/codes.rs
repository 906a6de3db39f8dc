//! Sparse codes: for each sample, the features that are active and how strongly.

use crate::DictionaryError;
use ndarray::Array2;

/// Codes of many samples, row after row (compressed sparse rows).
#[derive(Debug, Clone, PartialEq)]
pub struct Codes {
    width: usize,
    /// Where each row begins, and where the last one ends.
    starts: Vec<usize>,
    features: Vec<u32>,
    values: Vec<f32>,
}

impl Codes {
    /// No samples yet, of `width` features.
    pub fn new(width: usize) -> Self {
        Self { width, starts: vec![0], features: vec![], values: vec![] }
    }

    /// Adds a sample: features in rising order with their activations, which are not zero.
    pub fn push(&mut self, active: impl IntoIterator<Item = (u32, f32)>) {
        for (feature, value) in active {
            debug_assert!((feature as usize) < self.width);
            self.features.push(feature);
            self.values.push(value);
        }
        self.starts.push(self.features.len());
    }

    /// Adds all samples of another piece.
    ///
    /// # Errors
    /// When it has another number of features.
    pub fn append(&mut self, other: &Codes) -> Result<(), DictionaryError> {
        if other.width != self.width {
            return Err(DictionaryError::WrongFeatures { found: other.width, expected: self.width });
        }
        let before = self.features.len();
        self.features.extend_from_slice(&other.features);
        self.values.extend_from_slice(&other.values);
        self.starts.extend(other.starts[1..].iter().map(|s| s + before));
        Ok(())
    }

    /// Samples.
    pub fn n_samples(&self) -> usize {
        self.starts.len() - 1
    }

    /// Features, active or not.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Activations that are not zero, over all samples.
    pub fn n_active(&self) -> usize {
        self.features.len()
    }

    /// The active features of a sample, in rising order, and their activations.
    pub fn row(&self, sample: usize) -> (&[u32], &[f32]) {
        let range = self.starts[sample]..self.starts[sample + 1];
        (&self.features[range.clone()], &self.values[range])
    }

    /// All samples in order.
    pub fn rows(&self) -> impl Iterator<Item = (&[u32], &[f32])> {
        (0..self.n_samples()).map(|i| self.row(i))
    }

    /// For each feature, the samples on which it is active (in rising order), with its activations.
    pub fn by_feature(&self) -> Vec<Vec<(u32, f32)>> {
        let mut columns = vec![Vec::new(); self.width];
        for (sample, (features, values)) in self.rows().enumerate() {
            for (&feature, &value) in features.iter().zip(values) {
                columns[feature as usize].push((sample as u32, value));
            }
        }
        columns
    }

    /// As a full matrix [samples × features].
    pub fn to_dense(&self) -> Array2<f32> {
        let mut dense = Array2::zeros((self.n_samples(), self.width));
        for (sample, (features, values)) in self.rows().enumerate() {
            for (&feature, &value) in features.iter().zip(values) {
                dense[[sample, feature as usize]] = value;
            }
        }
        dense
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_columns_and_the_full_matrix_say_the_same() {
        let mut codes = Codes::new(3);
        codes.push([(0, 1.0), (2, 2.0)]);
        codes.push([]);
        let mut more = Codes::new(3);
        more.push([(2, 4.0)]);
        codes.append(&more).unwrap();
        assert_eq!(codes.to_dense(), array![[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 4.0]]);
        assert_eq!(codes.by_feature(), [vec![(0, 1.0)], vec![], vec![(0, 2.0), (2, 4.0)]]);
        assert_eq!(codes.row(2), (&[2][..], &[4.0][..]));
        assert_eq!((codes.n_samples(), codes.n_active()), (3, 3));
        assert!(codes.append(&Codes::new(4)).is_err());
    }
}
