//! What of a known dictionary was recovered (Sharkey, Braun & Millidge 2022, "Taking features out of superposition").
//!
//! Cosines are signed: a feature that points the other way is not the feature. Features are matched one to one by the
//! assignment of the largest sum of cosines (Hungarian method), not greedily.

use super::hungarian::assignment;
use super::neighbours::unit_rows;
use crate::{Codes, DictionaryError};
use ndarray::{Array2, ArrayView2, Axis};

/// The cosine above which a true feature counts as recovered.
pub const RECOVERED: f64 = 0.9;

/// A true feature and the learned one that it is matched to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// True feature, from 0.
    pub truth: usize,
    /// Learned feature, from 0.
    pub learned: usize,
    /// Cosine of their directions.
    pub cosine: f64,
}

/// How two sets of directions go together.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// Largest cosine of each true direction to a learned one [true].
    pub of_true: Vec<f64>,
    /// Largest cosine of each live learned direction to a true one \[live\].
    pub of_learned: Vec<f64>,
    /// Features matched one to one, by true feature; the rest of the larger set has no match.
    pub matches: Vec<Match>,
}

impl Recovery {
    /// Compares true directions [true × inputs] with decoder rows [width × inputs]; dead features (`alive` false) take
    /// no part.
    ///
    /// # Errors
    /// When the widths differ, or one side has no features.
    pub fn new(truth: ArrayView2<f32>, decoder: ArrayView2<f32>, alive: &[bool]) -> Result<Self, DictionaryError> {
        if truth.ncols() != decoder.ncols() {
            return Err(DictionaryError::WrongWidth { found: truth.ncols(), expected: decoder.ncols() });
        }
        if alive.len() != decoder.nrows() {
            let (found, expected) = (alive.len(), decoder.nrows());
            return Err(DictionaryError::Shape { what: "marks of live features".into(), found, expected });
        }
        let live: Vec<usize> = (0..alive.len()).filter(|&j| alive[j]).collect();
        if live.is_empty() || truth.nrows() == 0 {
            let what = if live.is_empty() { "live features" } else { "true features" };
            return Err(DictionaryError::TooFew { what, found: 0, needed: 1 });
        }
        let learned = unit_rows(decoder.select(Axis(0), &live).view());
        let cosines = unit_rows(truth).dot(&learned.t()).mapv(f64::from);
        let largest = |v: ndarray::ArrayView1<f64>| v.iter().copied().fold(-1.0f64, f64::max).min(1.0);
        let pairs: Vec<(usize, usize)> = if truth.nrows() <= live.len() {
            matched(&cosines).into_iter().enumerate().collect()
        } else {
            let mut pairs: Vec<_> =
                matched(&cosines.t().to_owned()).into_iter().enumerate().map(|(l, t)| (t, l)).collect();
            pairs.sort_unstable();
            pairs
        };
        let matches = pairs.into_iter().map(|(t, l)| Match { truth: t, learned: live[l], cosine: cosines[[t, l]] });
        Ok(Self {
            of_true: cosines.rows().into_iter().map(largest).collect(),
            of_learned: cosines.columns().into_iter().map(largest).collect(),
            matches: matches.collect(),
        })
    }

    /// Share of the true features with a learned one of a cosine above 0.9.
    pub fn share(&self) -> f64 {
        self.of_true.iter().filter(|c| **c > RECOVERED).count() as f64 / self.of_true.len() as f64
    }

    /// Of each match, the F1 of "the learned feature is active" for "the true one is", over the same samples: `None`
    /// where neither ever is.
    ///
    /// # Errors
    /// When the codes are of different numbers of samples.
    pub fn firing(&self, truth: &Codes, learned: &Codes) -> Result<Vec<Option<f64>>, DictionaryError> {
        if truth.n_samples() != learned.n_samples() {
            let (found, expected) = (learned.n_samples(), truth.n_samples());
            return Err(DictionaryError::Shape { what: "samples of the codes".into(), found, expected });
        }
        let (truth, learned) = (truth.by_feature(), learned.by_feature());
        let f1 = |m: &Match| {
            let (a, b) = (&truth[m.truth], &learned[m.learned]);
            let hits = a.iter().filter(|(s, _)| b.binary_search_by_key(s, |v| v.0).is_ok()).count();
            (a.len() + b.len() > 0).then(|| 2.0 * hits as f64 / (a.len() + b.len()) as f64)
        };
        Ok(self.matches.iter().map(f1).collect())
    }
}

fn matched(cosines: &Array2<f64>) -> Vec<usize> {
    // There are no more rows than columns.
    assignment(cosines.mapv(|c| 1.0 - c).view()).unwrap_or_default()
}

/// Mean and standard error over features.
pub fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_truth_shuffled_and_scaled_is_recovered() {
        let truth = array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let decoder = array![[0.0, 0.0, 3.0], [0.5, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 2.0, 0.0]];
        let found = Recovery::new(truth.view(), decoder.view(), &[true; 4]).unwrap();
        assert_eq!((found.share(), found.of_true.as_slice()), (1.0, &[1.0, 1.0, 1.0][..]));
        assert_eq!(found.of_learned, [1.0, 1.0, 0.0, 1.0]);
        assert_eq!(found.matches.iter().map(|m| m.learned).collect::<Vec<_>>(), [1, 3, 0]);
        let dead = Recovery::new(truth.view(), decoder.view(), &[true, false, true, false]).unwrap();
        assert_eq!(dead.of_true, [0.0, 0.0, 1.0]);
        assert!((dead.share() - 1.0 / 3.0).abs() < 1e-12);
        // Two live ones for three: the third true feature goes to the first, and one is left over.
        assert_eq!(dead.matches.len(), 2);
        assert!(dead.matches.contains(&Match { truth: 2, learned: 0, cosine: 1.0 }));
        assert!(Recovery::new(truth.view(), decoder.view(), &[false; 4]).is_err());
    }

    #[test]
    fn firing_together_by_hand() {
        let truth = array![[1.0, 0.0], [0.0, 1.0]];
        let found = Recovery::new(truth.view(), array![[0.0, 1.0], [1.0, 0.0]].view(), &[true; 2]).unwrap();
        let (mut true_codes, mut codes) = (Codes::new(2), Codes::new(2));
        true_codes.push([(0, 1.0)]);
        true_codes.push([(0, 1.0)]);
        codes.push([(1, 0.3)]);
        codes.push([]);
        assert_eq!(found.firing(&true_codes, &codes).unwrap(), [Some(2.0 / 3.0), None]);
        let (value, error) = mean(&[1.0, 3.0]);
        assert_eq!((value, error), (2.0, 1.0));
    }
}
