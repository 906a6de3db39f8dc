//! What the network is made of, beside its weights: the one list of their names and shapes.

use super::slots::Gradient;
use crate::{Grid, ProbeError};
use serde::{Deserialize, Serialize};

/// How slots begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Starts {
    /// Each from a vector of its own, which is learned.
    Learned,
    /// All from one normal distribution, which is learned.
    Gaussian,
}

/// What the network is made of, beside its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) grid: Grid,
    /// D.
    pub(super) width: usize,
    /// Units of hidden layers before D.
    pub(super) hidden: Vec<usize>,
    /// Whether a vector of each place is added to its cell.
    pub(super) positions: bool,
    pub(super) iterations: usize,
    pub(super) heads: usize,
    pub(super) starts: Starts,
    pub(super) gradient: Gradient,
    /// Whether the last slot is no concept, and takes the cells that none covers.
    pub(super) background: bool,
}

/// How a matrix of weights begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Begin {
    /// Uniform within ± this.
    Within(f64),
    /// Normal with this spread.
    Normal(f64),
    /// All the same.
    Constant(f64),
}

/// Name, rows and columns of a matrix of weights, and how it begins.
pub(super) type Part = (String, usize, usize, Begin);

impl Plan {
    /// Name, rows and columns of each matrix in the order in which the optimiser sees them, for this many slots and
    /// classes.
    ///
    /// # Errors
    /// When a number is outside what it may be.
    pub(super) fn parts(&self, slots: usize, classes: usize) -> Result<Vec<Part>, ProbeError> {
        let refuse = |text: String| Err(ProbeError::Record(text));
        let (d, heads, grid) = (self.width, self.heads, self.grid);
        if d == 0 || heads == 0 || d % heads != 0 {
            return refuse(format!("a width of {d} is no multiple of {heads} heads"));
        }
        if self.iterations == 0 || self.iterations > super::MOST_ITERATIONS || slots == 0 || self.hidden.contains(&0) {
            let (n, hidden) = (self.iterations, &self.hidden);
            return refuse(format!("{slots} slots, {n} iterations and hidden layers {hidden:?} make no network"));
        }
        let cells = grid.height.checked_mul(grid.width).filter(|c| *c > 0 && grid.channels > 0);
        let (Some(cells), Some(wide)) = (cells, d.checked_mul(3)) else {
            return refuse(format!("a grid of {} × {} cells cannot be", grid.height, grid.width));
        };
        let linear = |inputs: usize| Begin::Within(1.0 / (inputs as f64).sqrt());
        let mut parts: Vec<Part> = vec![];
        let widths = [&[grid.channels], &self.hidden[..], &[d]].concat();
        for (i, w) in widths.windows(2).enumerate() {
            parts.push((format!("embed.{}.weights", i + 1), w[0], w[1], linear(w[0])));
            parts.push((format!("embed.{}.intercepts", i + 1), 1, w[1], linear(w[0])));
        }
        let (rows, begin) = match self.starts {
            // As wide as "Improving object-centric learning with query optimization" begins them (Xavier).
            Starts::Learned => (slots, Begin::Within((6.0 / (slots + d) as f64).sqrt())),
            Starts::Gaussian => (2, Begin::Within((6.0 / (1 + d) as f64).sqrt())),
        };
        let square = |name: &str| (name.to_owned(), d, d, linear(d));
        parts.extend([
            ("positions".into(), if self.positions { cells } else { 0 }, d, Begin::Normal(0.02)),
            ("cells.gain".into(), 1, d, Begin::Constant(1.0)),
            ("cells.bias".into(), 1, d, Begin::Constant(0.0)),
            ("slots.starts".into(), rows, d, begin),
            square("slots.query"),
            square("slots.key"),
            square("slots.value"),
            ("slots.gain".into(), 1, d, Begin::Constant(1.0)),
            ("slots.bias".into(), 1, d, Begin::Constant(0.0)),
            ("gru.input".into(), d, wide, linear(d)),
            ("gru.state".into(), d, wide, linear(d)),
            ("gru.bias".into(), 1, wide, linear(d)),
            ("gru.state-bias".into(), 1, d, linear(d)),
            ("slots.offsets".into(), slots, d, Begin::Constant(0.0)),
            square("cross.query"),
            square("cross.key"),
            square("cross.value"),
            ("cross.output".into(), d, classes, linear(d)),
            ("cross.bias".into(), 1, classes, linear(d)),
        ]);
        Ok(parts)
    }
}
