//! The door: every estimator takes its variables through here, and finds them checked inside.

use crate::{EstimatorError, Variable};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// A discrete variable renumbered from 0 without gaps, in the order of its labels.
#[derive(Debug, Clone)]
pub(crate) struct Classes {
    of_sample: Vec<u32>,
    counts: Vec<usize>,
}

impl Classes {
    pub(crate) fn new(labels: &[u32]) -> Self {
        let mut values = labels.to_vec();
        values.sort_unstable();
        values.dedup();
        let of_sample: Vec<u32> = labels.iter().map(|l| values.partition_point(|v| v < l) as u32).collect();
        let mut counts = vec![0; values.len()];
        for &class in &of_sample {
            counts[class as usize] += 1;
        }
        Self { of_sample, counts }
    }

    /// Class of each sample.
    pub(crate) fn of_sample(&self) -> &[u32] {
        &self.of_sample
    }

    /// Samples in each class; none is zero.
    pub(crate) fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Row numbers sorted by class, stable.
    pub(crate) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.of_sample.len() as u32).collect();
        order.sort_by_key(|&i| self.of_sample[i as usize]);
        order
    }

    /// Plug-in entropy in nats.
    pub(crate) fn entropy(&self) -> f64 {
        crate::discrete::plug_in_entropy(self.counts.iter().copied(), self.of_sample.len())
    }
}

/// Two variables that have been checked: equally many samples, at least two, at least one feature, all values finite.
#[derive(Debug)]
pub(crate) enum Pair<'a> {
    /// Two real vectors.
    Continuous(ArrayView2<'a, f64>, ArrayView2<'a, f64>),
    /// A real vector and a discrete variable, whichever came first.
    Mixed(ArrayView2<'a, f64>, Classes),
    /// Two discrete variables.
    Discrete(Classes, Classes),
}

impl<'a> Pair<'a> {
    pub(crate) fn new(x: &'a Variable<'_>, y: &'a Variable<'_>) -> Result<Self, EstimatorError> {
        check(&[x.reborrow(), y.reborrow()])?;
        Ok(match (x, y) {
            (Variable::Continuous(x), Variable::Continuous(y)) => Pair::Continuous(x.view(), y.view()),
            (Variable::Continuous(c), Variable::Discrete(d)) | (Variable::Discrete(d), Variable::Continuous(c)) => {
                Pair::Mixed(c.view(), Classes::new(d))
            }
            (Variable::Discrete(x), Variable::Discrete(y)) => Pair::Discrete(Classes::new(x), Classes::new(y)),
        })
    }

    /// The pair of an estimator of two real vectors.
    pub(crate) fn continuous(
        self,
        estimator: &'static str,
    ) -> Result<(ArrayView2<'a, f64>, ArrayView2<'a, f64>), EstimatorError> {
        match self {
            Pair::Continuous(x, y) => Ok((x, y)),
            _ => Err(EstimatorError::WrongKind { estimator, expected: "two continuous" }),
        }
    }

    /// The pair of an estimator of a real vector and a discrete variable.
    pub(crate) fn mixed(self, estimator: &'static str) -> Result<(ArrayView2<'a, f64>, Classes), EstimatorError> {
        match self {
            Pair::Mixed(continuous, classes) => Ok((continuous, classes)),
            _ => Err(EstimatorError::WrongKind { estimator, expected: "one continuous and one discrete" }),
        }
    }

    /// The pair of an estimator of two discrete variables.
    pub(crate) fn discrete(self, estimator: &'static str) -> Result<(Classes, Classes), EstimatorError> {
        match self {
            Pair::Discrete(x, y) => Ok((x, y)),
            _ => Err(EstimatorError::WrongKind { estimator, expected: "two discrete" }),
        }
    }
}

/// Checks variables whose samples are paired by position.
pub(crate) fn check(variables: &[Variable<'_>]) -> Result<(), EstimatorError> {
    let n = variables.first().map_or(0, Variable::len);
    for variable in variables {
        if variable.len() != n {
            return Err(EstimatorError::LengthMismatch { left: n, right: variable.len() });
        }
    }
    if n < 2 {
        return Err(EstimatorError::TooFewSamples { found: n, needed: 2 });
    }
    for variable in variables {
        if let Variable::Continuous(values) = variable {
            if values.ncols() == 0 {
                return Err(EstimatorError::NoUnits);
            }
            finite(values)?;
        }
    }
    Ok(())
}

/// Checks that every value is finite, at the speed of memory where the values stand side by side.
///
/// # Errors
/// With the first that is not, and how many there are.
pub(crate) fn finite<T: Copy + Sync + Into<f64>>(values: &ArrayView2<'_, T>) -> Result<(), EstimatorError> {
    let is_finite = |v: &T| (*v).into().is_finite();
    let all = match values.as_slice() {
        // Without a way out of the inner loop, so that it is vectorised.
        Some(flat) => flat.par_chunks(1 << 14).all(|part| part.iter().fold(true, |so_far, v| so_far & is_finite(v))),
        None => values.iter().all(is_finite),
    };
    if all {
        return Ok(());
    }
    let mut bad = values.indexed_iter().filter(|(_, v)| !is_finite(v));
    match bad.next() {
        Some(((row, column), &value)) => Err(EstimatorError::NotFinite {
            row: row + 1,
            column: column + 1,
            value: value.into(),
            count: 1 + bad.count(),
        }),
        None => Ok(()),
    }
}

/// The one continuous variable of an entropy estimator, checked.
pub(crate) fn continuous<'a>(
    x: &'a Variable<'_>,
    estimator: &'static str,
) -> Result<ArrayView2<'a, f64>, EstimatorError> {
    check(&[x.reborrow()])?;
    match x {
        Variable::Continuous(values) => Ok(values.view()),
        Variable::Discrete(_) => Err(EstimatorError::WrongKind { estimator, expected: "continuous" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn pairs_are_sorted_by_kind_whichever_comes_first() {
        let a = array![[0.0], [1.0]];
        let (c, d) = (Variable::Continuous(a.view()), Variable::Discrete(&[5, 3]));
        for pair in [Pair::new(&c, &d).unwrap(), Pair::new(&d, &c).unwrap()] {
            assert_eq!(pair.mixed("e").unwrap().1.of_sample(), [1, 0]);
        }
        let e = Pair::new(&c, &c).unwrap().discrete("plug-in").unwrap_err();
        assert_eq!(e.to_string(), "plug-in takes two discrete variables");
    }

    #[test]
    fn refuses_what_no_estimator_can_take() {
        let (a, nan, empty) = (array![[0.0], [1.0]], array![[0.0], [f64::NAN]], ndarray::Array2::<f64>::zeros((2, 0)));
        let of = |x: &ndarray::Array2<f64>| {
            Pair::new(&Variable::Continuous(x.view()), &Variable::Discrete(&[0, 1])).map(drop)
        };
        assert!(of(&a).is_ok());
        assert!(matches!(of(&nan), Err(EstimatorError::NotFinite { row: 2, column: 1, count: 1, .. })));
        assert_eq!(of(&empty), Err(EstimatorError::NoUnits));
        let short = Pair::new(&Variable::Discrete(&[1]), &Variable::Discrete(&[1])).map(drop);
        assert_eq!(short, Err(EstimatorError::TooFewSamples { found: 1, needed: 2 }));
    }
}
