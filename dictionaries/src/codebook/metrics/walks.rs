//! How a machine's states are written, and whether what a model draws walks along its edges.

use crate::DictionaryError;
use ndarray::{Array2, ArrayView2};
use std::ops::Range;

/// A finite-state machine as tokens: each state is a number of so many digits, most significant first; the start token
/// comes after the digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Walks {
    /// P(next = column | state = row) [states × states].
    pub transitions: Array2<f64>,
    /// Values of a digit; also the start token.
    pub base: usize,
    /// Digits of a state.
    pub digits: usize,
}

/// How many steps of drawn walks are edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalkAccuracy {
    /// Share of pairs of following states that are an edge.
    pub accuracy: f64,
    /// Its standard error, over sequences.
    pub std_error: f64,
    /// The same of the first pair of each sequence.
    pub first: f64,
    /// Pairs.
    pub pairs: usize,
    /// Pairs with a state that is none: a number too high, or a start token in the middle.
    pub broken: usize,
}

impl Walks {
    /// Checks that the numbers go together.
    ///
    /// # Errors
    /// When the matrix is not square, or its states cannot be written in so many digits.
    pub fn check(&self) -> Result<(), DictionaryError> {
        let (states, columns) = self.transitions.dim();
        if states != columns || states == 0 {
            return Err(DictionaryError::Shape {
                what: "columns of transitions".into(),
                found: columns,
                expected: states,
            });
        }
        let most = u32::try_from(self.digits).ok().and_then(|d| self.base.checked_pow(d)).unwrap_or(0);
        if self.digits == 0 || most < states {
            let rule = "all states must be writable in so many digits";
            return Err(DictionaryError::BadParameter { name: "digits", value: self.digits as f64, rule });
        }
        Ok(())
    }

    /// Number of states.
    pub fn states(&self) -> usize {
        self.transitions.nrows()
    }

    /// The token that begins every sequence.
    pub fn start(&self) -> u32 {
        self.base as u32
    }

    /// The tokens of a state.
    pub fn write(&self, state: usize) -> Vec<u32> {
        (0..self.digits).rev().map(|place| (state / self.base.pow(place as u32) % self.base) as u32).collect()
    }

    /// The state that tokens write, if any.
    pub fn read(&self, tokens: &[u32]) -> Option<usize> {
        let all = tokens.len() == self.digits && tokens.iter().all(|&t| (t as usize) < self.base);
        let number = all.then(|| tokens.iter().fold(0, |n, &t| n * self.base + t as usize))?;
        (number < self.states()).then_some(number)
    }

    /// Whether one state leads to another.
    pub fn leads(&self, from: usize, to: usize) -> bool {
        self.transitions[[from, to]] > 0.0
    }

    /// The places of whole states in a sequence of so many tokens that begins with the start token.
    pub fn places(&self, length: usize) -> impl Iterator<Item = Range<usize>> {
        let digits = self.digits;
        (0..length.saturating_sub(1) / digits).map(move |step| 1 + step * digits..1 + (step + 1) * digits)
    }

    /// How many steps of drawn sequences [count × length] are edges. Tokens stay at their places: a start token in the
    /// middle makes its state none, and does not shift the states after it.
    ///
    /// # Errors
    /// When a sequence is too short for two states.
    pub fn accuracy(&self, drawn: ArrayView2<u32>) -> Result<WalkAccuracy, DictionaryError> {
        let steps = self.places(drawn.ncols()).count();
        if drawn.nrows() == 0 || steps < 2 {
            return Err(DictionaryError::TooFew { what: "states of a sequence", found: steps, needed: 2 });
        }
        let (mut right, mut first, mut broken, mut shares) = (0, 0, 0, vec![]);
        for row in drawn.rows() {
            let tokens = row.to_vec();
            let states: Vec<Option<usize>> = self.places(tokens.len()).map(|r| self.read(&tokens[r])).collect();
            let edges: Vec<bool> = states
                .windows(2)
                .map(|pair| {
                    broken += usize::from(pair.iter().any(Option::is_none));
                    matches!((pair[0], pair[1]), (Some(from), Some(to)) if self.leads(from, to))
                })
                .collect();
            let own = edges.iter().filter(|e| **e).count();
            right += own;
            first += usize::from(edges[0]);
            shares.push(own as f64 / edges.len() as f64);
        }
        let n = shares.len() as f64;
        let accuracy = right as f64 / (n * (steps - 1) as f64);
        let variance = shares.iter().map(|s| (s - accuracy).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Ok(WalkAccuracy {
            accuracy,
            std_error: (variance / n).sqrt(),
            first: first as f64 / n,
            pairs: drawn.nrows() * (steps - 1),
            broken,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ndarray::array;

    /// 0 → 1 → 2 → 0 or 2, written in two bits.
    pub(in super::super) fn ring() -> Walks {
        Walks { transitions: array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.0, 0.5]], base: 2, digits: 2 }
    }

    #[test]
    fn edges_are_counted_and_broken_states_are_no_edges() {
        let walks = ring();
        walks.check().unwrap();
        // States 0 1 2, then 0 (start in the middle) 2, then 1 3 (no state) 0.
        let drawn = array![[2, 0, 0, 0, 1, 1, 0], [2, 0, 0, 2, 1, 1, 0], [2, 0, 1, 1, 1, 0, 0]];
        let found = walks.accuracy(drawn.view()).unwrap();
        assert_eq!((found.pairs, found.broken), (6, 4));
        assert!((found.accuracy - 2.0 / 6.0).abs() < 1e-12 && (found.first - 1.0 / 3.0).abs() < 1e-12);
        assert!((found.std_error - (1.0f64 / 3.0 / 3.0).sqrt()).abs() < 1e-9, "{found:?}");
        assert!(walks.accuracy(drawn.slice_axis(ndarray::Axis(1), (0..4).into())).is_err());
        assert!(Walks { digits: 1, ..walks }.check().is_err());
    }
}
