//! A joint law that is known as a table.

use super::enumerate::{Sums, number};
use super::{Conditionals, Entry, Marginals, OfPattern, Pattern};
use crate::ProbeError;
use ndarray::{Array2, ArrayView2, Axis};

/// The table of a joint law.
pub struct Truth {
    joint: Array2<f64>,
    concepts: usize,
    sums: Sums,
    samples: f64,
    most: usize,
}

impl Truth {
    /// Of p(c, y) [2^concepts × classes], where bit j of a row's number is concept j. `samples` is the number of samples
    /// that others are held against it with; `most` patterns of each class are kept.
    ///
    /// # Errors
    /// When the rows are no power of two, or the numbers no law.
    pub fn new(joint: ArrayView2<'_, f64>, samples: usize, most: usize) -> Result<Self, ProbeError> {
        let (patterns, classes) = joint.dim();
        let sum = joint.sum();
        let sound = patterns.is_power_of_two() && classes > 0 && joint.iter().all(|p| *p >= 0.0);
        if !sound || (sum - 1.0).abs() > 1e-9 {
            return Err(ProbeError::Data(format!(
                "a joint law has a row for each of 2^K patterns and numbers from 0 on that add up to 1; these are {patterns} \
                 rows, {classes} classes and a sum of {sum}"
            )));
        }
        let concepts = patterns.trailing_zeros() as usize;
        let part = |range: std::ops::Range<usize>| Ok(joint.slice_axis(Axis(0), range.into()).to_owned());
        let sums = Sums::over((concepts, classes), most, part)?;
        Ok(Self { joint: joint.to_owned(), concepts, sums, samples: samples as f64, most })
    }
}

impl Conditionals for Truth {
    fn method(&self) -> &'static str {
        "truth"
    }

    fn size(&self) -> (usize, usize) {
        (self.concepts, self.joint.ncols())
    }

    fn class(&self, class: usize) -> Entry {
        Entry { value: self.sums.classes[class], std_error: f64::NAN, support: self.samples }
    }

    fn overall(&self) -> Marginals {
        self.sums.overall(self.samples)
    }

    fn of_class(&self, class: usize) -> Marginals {
        self.sums.of_class(class, self.samples)
    }

    fn top_patterns(&self, class: usize, most: usize) -> Result<Vec<Pattern>, ProbeError> {
        if most > self.most {
            let (found, expected) = (self.most, most);
            return Err(ProbeError::Shape { what: "patterns that were kept of a class".into(), found, expected });
        }
        Ok(self.sums.top(class, most))
    }

    fn of_patterns(&self, class: usize, patterns: &[Pattern]) -> Result<Vec<OfPattern>, ProbeError> {
        let prior = self.sums.classes[class];
        let of = |pattern: &Pattern| {
            let row = self.joint.row(number(pattern));
            let share = |part: f64, whole: f64| {
                if whole > 0.0 {
                    Entry { value: part / whole, std_error: f64::NAN, support: self.samples * whole }
                } else {
                    Entry::NONE
                }
            };
            OfPattern {
                pattern: share(row.sum(), 1.0),
                importance: share(row[class], prior),
                class: share(row[class], row.sum()),
            }
        };
        Ok(patterns.iter().map(of).collect())
    }
}
