//! Frequencies: of predictions, as the released code of Xu et al. 2024 has them, or of true labels.

use super::{Conditionals, Entry, Marginals, OfPattern, Pattern, binomial_error};
use crate::ProbeError;
use ndarray::{Array2, ArrayView2, Axis};
use std::collections::BTreeMap;

/// Samples with one class each and concepts that are present, absent or unknown.
pub struct Tally {
    method: &'static str,
    /// 1 where present [samples × concepts].
    present: Array2<f64>,
    /// 1 where known.
    known: Array2<f64>,
    /// Samples of each class.
    rows: Vec<Vec<usize>>,
    /// Of the samples whose concepts are all known, each pattern with its count in each class.
    patterns: BTreeMap<Pattern, Vec<f64>>,
}

impl Tally {
    /// Of classes and concepts [samples × concepts], which are present from ½ on and unknown where NaN.
    ///
    /// # Errors
    /// When there are no samples, the lengths differ, or a class is not below `classes`.
    pub fn new(
        method: &'static str,
        concepts: ArrayView2<'_, f64>,
        labels: &[u32],
        classes: usize,
    ) -> Result<Self, ProbeError> {
        if concepts.nrows() != labels.len() || labels.is_empty() {
            let (found, expected) = (concepts.nrows(), labels.len().max(1));
            return Err(ProbeError::Shape { what: "samples with concepts, against labels".into(), found, expected });
        }
        let mut rows = vec![vec![]; classes];
        let mut patterns: BTreeMap<Pattern, Vec<f64>> = BTreeMap::new();
        for (i, (&label, row)) in labels.iter().zip(concepts.outer_iter()).enumerate() {
            let label = label as usize;
            if label >= classes {
                return Err(ProbeError::Data(format!("sample {} is of class {label} of {classes}", i + 1)));
            }
            rows[label].push(i);
            if row.iter().all(|v| !v.is_nan()) {
                let pattern = row.iter().enumerate().filter(|(_, v)| **v >= 0.5).map(|(k, _)| k).collect();
                patterns.entry(pattern).or_insert_with(|| vec![0.0; classes])[label] += 1.0;
            }
        }
        let present = concepts.mapv(|v| f64::from(u8::from(v >= 0.5)));
        let known = concepts.mapv(|v| f64::from(u8::from(!v.is_nan())));
        Ok(Self { method, present, known, rows, patterns })
    }

    /// Classes that no sample has.
    pub fn absent_classes(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|&k| self.rows[k].is_empty()).collect()
    }

    /// Number of samples whose concepts are all known.
    pub fn complete(&self) -> usize {
        self.patterns.values().flatten().sum::<f64>() as usize
    }

    fn marginals(present: ArrayView2<'_, f64>, known: ArrayView2<'_, f64>) -> Marginals {
        let both = present.t().dot(&present);
        let known_both = known.t().dot(&known);
        // [j, k]: j present and k known.
        let condition = present.t().dot(&known);
        let at = |(j, k): (usize, usize)| share(both[[j, k]], known_both[[j, k]]);
        let pairs = Array2::from_shape_fn(both.dim(), at);
        let given = |(j, k): (usize, usize)| {
            let entry = share(both[[j, k]], condition[[j, k]]);
            if j == k && entry.is_known() { Entry { std_error: 0.0, ..entry } } else { entry }
        };
        Marginals { concepts: pairs.diag().to_vec(), given: Array2::from_shape_fn(both.dim(), given), pairs }
    }
}

fn share(hits: f64, n: f64) -> Entry {
    if n > 0.0 { Entry { value: hits / n, std_error: binomial_error(hits, n), support: n } } else { Entry::NONE }
}

impl Conditionals for Tally {
    fn method(&self) -> &'static str {
        self.method
    }

    fn size(&self) -> (usize, usize) {
        (self.present.ncols(), self.rows.len())
    }

    fn class(&self, class: usize) -> Entry {
        share(self.rows[class].len() as f64, self.present.nrows() as f64)
    }

    fn overall(&self) -> Marginals {
        Self::marginals(self.present.view(), self.known.view())
    }

    fn of_class(&self, class: usize) -> Marginals {
        let rows = &self.rows[class];
        Self::marginals(self.present.select(Axis(0), rows).view(), self.known.select(Axis(0), rows).view())
    }

    fn top_patterns(&self, class: usize, most: usize) -> Result<Vec<Pattern>, ProbeError> {
        let mut ranked: Vec<(&Pattern, f64)> =
            self.patterns.iter().map(|(p, counts)| (p, counts[class])).filter(|(_, n)| *n > 0.0).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(ranked.into_iter().take(most).map(|(p, _)| p.clone()).collect())
    }

    fn of_patterns(&self, class: usize, patterns: &[Pattern]) -> Result<Vec<OfPattern>, ProbeError> {
        let all = self.complete() as f64;
        let of_class: f64 = self.patterns.values().map(|counts| counts[class]).sum();
        let of = |pattern: &Pattern| {
            let counts = self.patterns.get(pattern);
            let (both, either) = counts.map_or((0.0, 0.0), |c| (c[class], c.iter().sum()));
            OfPattern { pattern: share(either, all), importance: share(both, of_class), class: share(both, either) }
        };
        Ok(patterns.iter().map(of).collect())
    }
}
