//! Whether a feature fires on the samples of a concept: precision, recall, F1, AUC.

use super::auc::auc;
use crate::{Codes, DictionaryError};
use ndarray::{Array2, ArrayView2};

/// How a feature's firing goes with a concept, over the samples whose label is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FiringScore {
    /// Samples on which the feature is active that have the concept, over those on which it is active; `None` where it
    /// never is.
    pub precision: Option<f64>,
    /// Samples of the concept on which the feature is active, over all of the concept; `None` where there are none.
    pub recall: Option<f64>,
    /// Harmonic mean of both, 2·hits / (fires + positives); `None` where the concept has no samples.
    pub f1: Option<f64>,
    /// Samples on which the feature is active.
    pub fires: u64,
    /// Samples of the concept.
    pub positives: u64,
    /// Both.
    pub hits: u64,
    /// Samples whose label is known.
    pub n: u64,
}

impl FiringScore {
    /// Of counts.
    fn of(hits: u64, fires: u64, positives: u64, n: u64) -> Self {
        let share = |over: u64| (over > 0).then(|| hits as f64 / over as f64);
        let f1 = (positives > 0).then(|| 2.0 * hits as f64 / (fires + positives) as f64);
        Self { precision: share(fires), recall: share(positives), f1, fires, positives, hits, n }
    }

    /// The F1 that a feature has which is always active, 2p/(1 + p) of a concept of prevalence p: what is to be beaten.
    pub fn f1_of_always(&self) -> Option<f64> {
        (self.positives > 0).then(|| 2.0 * self.positives as f64 / (self.n + self.positives) as f64)
    }
}

/// The firing of all features on all concepts.
#[derive(Debug, Clone)]
pub struct FiringTable {
    columns: Vec<Vec<(u32, f32)>>,
    labels: Array2<f32>,
    /// Samples of known label, and those of the concept [concepts].
    known: Vec<(u64, u64)>,
    /// Samples of known label on which a feature is active, and those of the concept [concepts × width].
    counts: Array2<(u32, u32)>,
}

impl FiringTable {
    /// Counts codes against labels [samples × concepts] of 0, 1, or NaN where nobody knows.
    ///
    /// # Errors
    /// When there are other numbers of samples, or a label is something else.
    pub fn new(codes: &Codes, labels: ArrayView2<f32>) -> Result<Self, DictionaryError> {
        check_labels(codes, labels)?;
        let concepts = labels.ncols();
        let known = (labels.columns().into_iter())
            .map(|l| (l.iter().filter(|v| !v.is_nan()).count() as u64, l.iter().filter(|v| **v == 1.0).count() as u64))
            .collect();
        let mut counts = Array2::from_elem((concepts, codes.width()), (0, 0));
        for ((features, _), labels) in codes.rows().zip(labels.rows()) {
            for (concept, &label) in labels.iter().enumerate().filter(|(_, l)| !l.is_nan()) {
                for &feature in features {
                    let count = &mut counts[[concept, feature as usize]];
                    count.0 += 1;
                    count.1 += u32::from(label == 1.0);
                }
            }
        }
        Ok(Self { columns: codes.by_feature(), labels: labels.to_owned(), known, counts })
    }

    /// Concepts.
    pub fn n_concepts(&self) -> usize {
        self.known.len()
    }

    /// Features.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Of a feature and a concept.
    pub fn score(&self, feature: usize, concept: usize) -> FiringScore {
        let ((n, positives), (fires, hits)) = (self.known[concept], self.counts[[concept, feature]]);
        FiringScore::of(hits.into(), fires.into(), positives, n)
    }

    /// Area under the ROC curve of the feature's activation (0 where it is not active) for the concept, with DeLong's
    /// standard error; `None` where the concept is on all samples or none.
    pub fn auc(&self, feature: usize, concept: usize) -> Option<(f64, f64)> {
        let mut activation = vec![0.0; self.labels.nrows()];
        self.columns[feature].iter().for_each(|&(sample, value)| activation[sample as usize] = f64::from(value));
        let known = activation.iter().zip(self.labels.column(concept)).filter(|(_, l)| !l.is_nan());
        let (scores, present): (Vec<f64>, Vec<bool>) = known.map(|(s, l)| (*s, *l == 1.0)).unzip();
        auc(&scores, &present)
    }

    /// The feature of the largest F1 for a concept (of equal ones, the lower number); `None` where the concept has no
    /// samples or no feature hits any. Chosen among many on these very samples, its F1 flatters: score it on others.
    pub fn best(&self, concept: usize) -> Option<(usize, FiringScore)> {
        let scores = (0..self.width()).map(|j| (j, self.score(j, concept))).filter(|(_, s)| s.hits > 0);
        scores.fold(None, |best: Option<(usize, FiringScore)>, now| match best {
            Some(best) if best.1.f1 >= now.1.f1 => Some(best),
            _ => Some(now),
        })
    }
}

/// Refuses labels of another number of samples, and values that are neither 0, 1 nor NaN.
pub(super) fn check_labels(codes: &Codes, labels: ArrayView2<f32>) -> Result<(), DictionaryError> {
    if codes.n_samples() != labels.nrows() {
        let (found, expected) = (labels.nrows(), codes.n_samples());
        return Err(DictionaryError::Shape { what: "samples of the concept labels".into(), found, expected });
    }
    match labels.indexed_iter().find(|(_, v)| !(v.is_nan() || **v == 0.0 || **v == 1.0)) {
        None => Ok(()),
        Some(((row, column), value)) => Err(DictionaryError::Data(format!(
            "concept labels: the value at row {}, column {} (counted from 1) is {value}, but 0, 1 or NaN is expected",
            row + 1,
            column + 1
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn codes() -> Codes {
        let mut codes = Codes::new(2);
        codes.push([(0, 1.0)]);
        codes.push([(0, 3.0), (1, 1.0)]);
        codes.push([(0, 2.0)]);
        codes.push([]);
        codes.push([(1, 5.0)]);
        codes
    }

    #[test]
    fn counts_by_hand_without_the_unknown() {
        let labels = array![[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [f32::NAN, 0.0]];
        let table = FiringTable::new(&codes(), labels.view()).unwrap();
        let score = table.score(0, 0);
        assert_eq!((score.hits, score.fires, score.positives, score.n), (2, 3, 3, 4));
        assert_eq!((score.precision, score.recall, score.f1), (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(2.0 / 3.0)));
        assert_eq!(score.f1_of_always(), Some(6.0 / 7.0));
        // Feature 1 fires on one sample of known label, which has the concept.
        assert_eq!((table.score(1, 0).precision, table.score(1, 0).recall), (Some(1.0), Some(1.0 / 3.0)));
        assert_eq!(table.best(0).unwrap().0, 0);
        // Present 1, 3, 0; absent 2: one win of three.
        assert!((table.auc(0, 0).unwrap().0 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((table.score(0, 1).recall, table.score(0, 1).f1, table.auc(0, 1)), (None, None, None));
        assert!(table.best(1).is_none());
    }

    #[test]
    fn other_labels_are_refused() {
        let error = |labels: Array2<f32>| FiringTable::new(&codes(), labels.view()).unwrap_err().to_string();
        assert_eq!(error(Array2::zeros((4, 1))), "samples of the concept labels: 4 found, 5 expected");
        assert!(error(Array2::from_elem((5, 1), 0.5)).contains("row 1, column 1"));
    }
}
