//! Sums over all patterns of a joint law.

use super::{Marginals, Pattern};
use crate::ProbeError;
use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;
use std::ops::Range;

/// Patterns of a chunk. It fixes the order of the sums, whatever the number of threads.
const CHUNK: usize = 4096;

/// Masses of a joint law.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    /// p(y) [classes].
    pub(super) classes: Vec<f64>,
    /// p(c_j, c_k, y) [classes × concepts × concepts]; on the diagonals p(c_k, y).
    pairs: Array3<f64>,
    /// The most probable patterns of each class, by their numbers, with p(c, y); the most probable first.
    tops: Vec<Vec<(f64, usize)>>,
}

/// Sums of a chunk: the class runs fastest.
struct Part {
    classes: Vec<f64>,
    pairs: Vec<f64>,
    tops: Vec<Vec<(f64, usize)>>,
}

impl Sums {
    /// Over `2^concepts` patterns, whose joint probabilities `joint` yields for ranges of their numbers
    /// [patterns × classes]: bit j of a number is concept j. `most` patterns of each class are kept.
    ///
    /// # Errors
    /// Those of `joint`.
    pub(super) fn over(
        (concepts, classes): (usize, usize),
        most: usize,
        joint: impl Fn(Range<usize>) -> Result<Array2<f64>, ProbeError> + Sync,
    ) -> Result<Self, ProbeError> {
        let patterns = 1usize << concepts;
        let parts: Vec<Part> = (0..patterns.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(patterns);
                Ok(part(joint(range.clone())?, range.start, concepts, most))
            })
            .collect::<Result<_, ProbeError>>()?;
        let mut whole = Part {
            classes: vec![0.0; classes],
            pairs: vec![0.0; concepts * concepts * classes],
            tops: vec![vec![]; classes],
        };
        for part in parts {
            whole.classes.iter_mut().zip(&part.classes).for_each(|(a, b)| *a += b);
            whole.pairs.iter_mut().zip(&part.pairs).for_each(|(a, b)| *a += b);
            for (all, own) in whole.tops.iter_mut().zip(part.tops) {
                all.extend(own);
                best(all, most);
            }
        }
        let at = |j: usize, k: usize, y: usize| whole.pairs[(j.min(k) * concepts + j.max(k)) * classes + y];
        let pairs = Array3::from_shape_fn((classes, concepts, concepts), |(y, j, k)| at(j, k, y));
        Ok(Self { classes: whole.classes, pairs, tops: whole.tops })
    }

    /// Within a class.
    pub(super) fn of_class(&self, class: usize, samples: f64) -> Marginals {
        let pairs = self.pairs.index_axis(Axis(0), class).to_owned();
        Marginals::of_masses(&pairs, self.classes[class], samples)
    }

    /// Over all classes.
    pub(super) fn overall(&self, samples: f64) -> Marginals {
        Marginals::of_masses(&self.pairs.sum_axis(Axis(0)), self.classes.iter().sum(), samples)
    }

    /// The most probable patterns of a class.
    pub(super) fn top(&self, class: usize, most: usize) -> Vec<Pattern> {
        self.tops[class].iter().take(most).map(|&(_, number)| pattern(number)).collect()
    }
}

fn part(joint: Array2<f64>, start: usize, concepts: usize, most: usize) -> Part {
    let classes = joint.ncols();
    let mut pairs = vec![0.0; concepts * concepts * classes];
    let mut add = |j: usize, k: usize, row: ndarray::ArrayView1<'_, f64>| {
        let from = (j * concepts + k) * classes;
        pairs[from..from + classes].iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
    };
    for (offset, row) in joint.outer_iter().enumerate() {
        let on = pattern(start + offset);
        for (at, &j) in on.iter().enumerate() {
            for &k in &on[at..] {
                add(j, k, row);
            }
        }
    }
    let tops = joint.columns().into_iter().map(|column| {
        let mut top: Vec<(f64, usize)> = column.iter().enumerate().map(|(i, &p)| (p, start + i)).collect();
        best(&mut top, most);
        top
    });
    let tops = tops.collect();
    Part { classes: joint.sum_axis(Axis(0)).to_vec(), pairs, tops }
}

/// Keeps the largest that are not zero; of equal ones the first.
fn best(top: &mut Vec<(f64, usize)>, most: usize) {
    top.retain(|(p, _)| *p > 0.0);
    let order = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if top.len() > most && most > 0 {
        top.select_nth_unstable_by(most - 1, order);
    }
    top.truncate(most);
    top.sort_unstable_by(order);
}

/// The concepts that are present in the pattern of a number.
pub(super) fn pattern(number: usize) -> Pattern {
    (0..usize::BITS as usize).filter(|j| number >> j & 1 == 1).collect()
}

/// The number of a pattern.
pub(super) fn number(pattern: &Pattern) -> usize {
    pattern.iter().map(|j| 1 << j).sum()
}
