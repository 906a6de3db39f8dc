//! Sums over all 2^K patterns.

use super::enumerate::Sums;
use super::law::Law;
use super::{ClassLaw, Conditionals, Entry, Marginals, OfPattern, Pattern};
use crate::ProbeError;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::ops::Range;

/// Most concepts whose patterns are summed over: the table of p(c) then takes 128 MB.
pub const MOST_ENUMERATED: usize = 24;
/// Samples whose patterns are worked out at once.
const SAMPLES: usize = 256;
/// Rows of the table that are one piece of work.
const ROWS: usize = 64;

/// The joint law of a bottleneck on samples, by enumeration.
pub struct Exact<'a> {
    law: Law<'a>,
    sums: Sums,
    most: usize,
}

impl<'a> Exact<'a> {
    /// Of concept probabilities p(c_k = 1 | x) [samples × concepts] and the law of classes; `most` patterns of each class
    /// are kept. Time: 2^K times (a question to `given` + K²/8 sums a class) plus 2^K multiplications a sample.
    ///
    /// # Errors
    /// When there are more than [`MOST_ENUMERATED`] concepts, a number is no probability, or `given` does not answer with
    /// probabilities.
    pub fn new(
        present: ArrayView2<'_, f64>,
        classes: usize,
        given: &'a ClassLaw<'a>,
        most: usize,
    ) -> Result<Self, ProbeError> {
        let law = Law::new(present, classes, given)?;
        let concepts = law.concepts();
        if concepts > MOST_ENUMERATED {
            return Err(ProbeError::Data(format!(
                "{concepts} concepts have 2^{concepts} patterns, and sums over all of them are for {MOST_ENUMERATED} \
                 concepts at most: sample"
            )));
        }
        let table = patterns(law.present.view());
        let sums = Sums::over((concepts, classes), most, |range| {
            let bit = |(i, j): (usize, usize)| f64::from(u8::from((range.start + i) >> j & 1 == 1));
            let mut joint = law.class_given(Array2::from_shape_fn((range.len(), concepts), bit).view())?;
            joint.outer_iter_mut().zip(&table[range.clone()]).for_each(|(mut row, p)| row *= *p);
            Ok(joint)
        })?;
        Ok(Self { law, sums, most })
    }
}

impl Conditionals for Exact<'_> {
    fn method(&self) -> &'static str {
        "exact"
    }

    fn size(&self) -> (usize, usize) {
        (self.law.concepts(), self.law.classes)
    }

    fn class(&self, class: usize) -> Entry {
        let support = self.law.samples() as f64;
        Entry { value: self.sums.classes[class], std_error: f64::NAN, support }
    }

    fn overall(&self) -> Marginals {
        self.sums.overall(self.law.samples() as f64)
    }

    fn of_class(&self, class: usize) -> Marginals {
        self.sums.of_class(class, self.law.samples() as f64)
    }

    fn top_patterns(&self, class: usize, most: usize) -> Result<Vec<Pattern>, ProbeError> {
        if most > self.most {
            let (found, expected) = (self.most, most);
            return Err(ProbeError::Shape { what: "patterns that were kept of a class".into(), found, expected });
        }
        Ok(self.sums.top(class, most))
    }

    fn of_patterns(&self, class: usize, patterns: &[Pattern]) -> Result<Vec<OfPattern>, ProbeError> {
        of_patterns(&self.law, class, self.class(class), patterns)
    }
}

/// p(c), p(c | y) and p(y | c) where p(y) is known, perhaps with an error.
pub(super) fn of_patterns(
    law: &Law<'_>,
    class: usize,
    prior: Entry,
    patterns: &[Pattern],
) -> Result<Vec<OfPattern>, ProbeError> {
    let given = law.class_given_each(patterns)?;
    let samples = law.samples() as f64;
    let exactly = |value: f64, support: f64| Entry { value, std_error: f64::NAN, support };
    let of = |(i, &p): (usize, &f64)| {
        let y = given[[i, class]];
        let importance = if prior.value > 0.0 {
            let value = y * p / prior.value;
            Entry { value, std_error: value * prior.std_error / prior.value, support: samples * prior.value }
        } else {
            Entry::NONE
        };
        OfPattern { pattern: exactly(p, samples), importance, class: exactly(y, samples * p) }
    };
    Ok(law.pattern(patterns).iter().enumerate().map(of).collect())
}

/// p(c) of all patterns [2^concepts].
///
/// The patterns of the first half of the concepts and those of the second are independent given a sample: the table is a
/// product of matrices [2^(K/2) × samples] · [samples × 2^(K/2)].
fn patterns(present: ArrayView2<'_, f64>) -> Vec<f64> {
    let (samples, concepts) = present.dim();
    let (low, high) = present.split_at(Axis(1), concepts / 2);
    let (columns, rows) = (1usize << low.ncols(), 1usize << high.ncols());
    let mut blocks: Vec<(Range<usize>, Array2<f64>)> = (0..rows.div_ceil(ROWS))
        .map(|block| block * ROWS..((block + 1) * ROWS).min(rows))
        .map(|range| (range.clone(), Array2::zeros((range.len(), columns))))
        .collect();
    for (low, high) in low.axis_chunks_iter(Axis(0), SAMPLES).zip(high.axis_chunks_iter(Axis(0), SAMPLES)) {
        let (low, high) = (doubled(low), doubled(high));
        blocks.par_iter_mut().for_each(|(range, sum)| {
            *sum += &high.slice_axis(Axis(1), range.clone().into()).t().dot(&low);
        });
    }
    blocks.iter().flat_map(|(_, sum)| sum.iter().map(|p| p / samples as f64)).collect()
}

/// Probabilities of all patterns of independent concepts [samples × 2^concepts], by doubling: each further concept splits
/// every pattern in two.
fn doubled(present: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut all = Array2::ones((present.nrows(), 1 << present.ncols()));
    for (mut row, p) in all.outer_iter_mut().zip(present.outer_iter()) {
        for (k, &p) in p.iter().enumerate() {
            for number in 0..1 << k {
                let value = row[number];
                row[number | 1 << k] = value * p;
                row[number] = value * (1.0 - p);
            }
        }
    }
    all
}
