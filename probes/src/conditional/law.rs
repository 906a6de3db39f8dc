//! The two halves of a bottleneck's joint law: classes given patterns, and patterns given samples.

use super::Pattern;
use crate::{Bottleneck, ProbeError};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Patterns that the law of classes is asked about in one go.
const PATTERNS: usize = 1024;

/// ln p(y | c) [patterns × classes] of patterns [patterns × concepts] of 0 and 1.
pub type ClassLaw<'a> = dyn Fn(ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> + Sync + 'a;

/// The law of patterns and classes that a bottleneck has on samples.
pub(super) struct Law<'a> {
    /// p(c_k = 1 | x) [samples × concepts].
    pub(super) present: Array2<f64>,
    pub(super) classes: usize,
    given: &'a ClassLaw<'a>,
}

impl<'a> Law<'a> {
    /// # Errors
    /// When there are no samples, concepts or classes, or a number is no probability.
    pub(super) fn new(
        present: ArrayView2<'_, f64>,
        classes: usize,
        given: &'a ClassLaw<'a>,
    ) -> Result<Self, ProbeError> {
        if present.is_empty() || classes == 0 {
            return Err(ProbeError::Data(format!(
                "conditional probabilities of {} samples, {} concepts and {classes} classes: one of each is needed at least",
                present.nrows(),
                present.ncols()
            )));
        }
        if let Some(((i, k), &p)) = present.indexed_iter().find(|(_, p)| !(0.0..=1.0).contains(*p)) {
            return Err(ProbeError::Data(format!(
                "concept {} of sample {} (counted from 1) is present with probability {p}, but 0 to 1 is expected",
                k + 1,
                i + 1
            )));
        }
        Ok(Self { present: present.to_owned(), classes, given })
    }

    pub(super) fn samples(&self) -> usize {
        self.present.nrows()
    }

    pub(super) fn concepts(&self) -> usize {
        self.present.ncols()
    }

    /// p(y | c) [patterns × classes] of patterns [patterns × concepts] of 0 and 1. Rows are divided by their sums: a
    /// bottleneck may be in single precision.
    ///
    /// # Errors
    /// When the law cannot be asked, or does not answer with probabilities.
    pub(super) fn class_given(&self, patterns: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        let mut found = (self.given)(patterns)?.mapv(f64::exp);
        if found.dim() != (patterns.nrows(), self.classes) {
            let (found, expected) = (found.ncols(), self.classes);
            return Err(ProbeError::Shape { what: "classes of p(y | c)".into(), found, expected });
        }
        for mut row in found.outer_iter_mut() {
            let sum = row.sum();
            if sum.is_nan() || (sum - 1.0).abs() > 1e-3 {
                return Err(ProbeError::Data(format!("p(y | c) adds up to {sum} over the classes, and not to 1")));
            }
            row.mapv_inplace(|p| p / sum);
        }
        Ok(found)
    }

    /// p(y | c) [patterns × classes].
    ///
    /// # Errors
    /// As [`Law::class_given`].
    pub(super) fn class_given_each(&self, patterns: &[Pattern]) -> Result<Array2<f64>, ProbeError> {
        let parts: Vec<Array2<f64>> = patterns
            .par_chunks(PATTERNS)
            .map(|part| self.class_given(matrix(part, self.concepts()).view()))
            .collect::<Result<_, _>>()?;
        let views: Vec<_> = parts.iter().map(|p| p.view()).collect();
        if views.is_empty() {
            return Ok(Array2::zeros((0, self.classes)));
        }
        ndarray::concatenate(Axis(0), &views).map_err(|e| ProbeError::Data(e.to_string()))
    }

    /// p(c) of patterns.
    pub(super) fn pattern(&self, patterns: &[Pattern]) -> Vec<f64> {
        let absent = self.present.mapv(|p| 1.0 - p);
        let probability = |pattern: &Pattern| {
            let mut of_sample = Array1::<f64>::ones(self.samples());
            let mut next = pattern.iter().peekable();
            for k in 0..self.concepts() {
                let on = next.next_if(|&&p| p == k).is_some();
                of_sample *= &(if on { &self.present } else { &absent }).column(k);
            }
            of_sample.sum() / self.samples() as f64
        };
        patterns.par_iter().map(probability).collect()
    }
}

/// Patterns as 0 and 1 [patterns × concepts].
pub(super) fn matrix(patterns: &[Pattern], concepts: usize) -> Array2<f64> {
    let mut matrix = Array2::zeros((patterns.len(), concepts));
    for (i, pattern) in patterns.iter().enumerate() {
        for &k in pattern {
            matrix[[i, k]] = 1.0;
        }
    }
    matrix
}

/// The law of classes of a bottleneck; `None` where its classes depend on more than the concepts.
///
/// # Errors
/// When the bottleneck cannot be asked.
pub fn class_law(bottleneck: &dyn Bottleneck) -> Result<Option<Box<ClassLaw<'_>>>, ProbeError> {
    let none = Array2::zeros((1, bottleneck.names().concepts.len()));
    if bottleneck.class_given_concepts(none.view())?.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(move |patterns: ArrayView2<'_, f64>| {
        bottleneck.class_given_concepts(patterns)?.ok_or_else(|| {
            ProbeError::Data(format!("{} said p(y | c) of one pattern and not of another", bottleneck.builder()))
        })
    })))
}
