//! Entropy-based adaptive binning, EBAB ("Adaptive estimators show information compression in deep neural networks",
//! Chelombiev, Houghton & O'Donnell 2019).
//!
//! For each layer and each checkpoint, over all its units and samples: with u the sorted distinct activation values
//! other than the lower saturation `low`, the edges are `[low] ∪ {u[⌊k·|u|/b⌋], k = 0…b−1} ∪ {u_max}`, and a value t
//! lies in the cell of the last edge that is ≤ t. So every bin holds as many distinct values, saturated units (0 of a
//! ReLU, −1 of a tanh) have a cell of their own, and so has the largest value. The cells move with the checkpoint: the
//! number measures how finely a layer resolves its inputs relative to its own spread. Saturates at log N like any
//! plug-in estimate.

use super::value::{Value, bin_by_edges};
use super::{Cut, Surroundings, Symbols};
use crate::discrete::{Correction, row_symbols};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimator, EstimatorError, Parameters};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Which value counts as saturated from below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Saturation {
    /// The activation function's own, when it is known; otherwise none.
    Auto,
    /// None: every distinct value takes part in the quantiles.
    None,
    /// This value.
    At(f32),
}

/// Entropy-based adaptive binning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveBinning {
    bins: u32,
    low: Saturation,
    correction: Correction,
}

impl AdaptiveBinning {
    pub(crate) const NAME: &'static str = "adaptive";
    pub(crate) const PARAMETERS: &'static [ParameterDoc] = &[
        ParameterDoc { name: "bins", default: "30", meaning: "bins with equally many distinct values" },
        ParameterDoc {
            name: "low",
            default: "auto",
            meaning: "value with a cell of its own: auto (the activation's lower saturation), none, or a number",
        },
        ParameterDoc { name: "correction", default: "none", meaning: Correction::MEANING },
    ];

    /// `bins` adaptive bins.
    ///
    /// # Errors
    /// When `bins` is zero, or `low` is not finite.
    pub fn new(bins: u32, low: Saturation) -> Result<Self, EstimatorError> {
        let bad = |name: &str, value: String, rule: &str| EstimatorError::BadParameter {
            estimator: Self::NAME,
            name: name.into(),
            value,
            rule: rule.into(),
        };
        if bins == 0 {
            return Err(bad("bins", "0".into(), BINS_RULE));
        }
        if let Saturation::At(value) = low
            && !value.is_finite()
        {
            return Err(bad("low", value.to_string(), LOW_RULE));
        }
        Ok(Self { bins, low, correction: Correction::None })
    }

    pub(crate) fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let bins = p.value("bins", BINS_RULE, |b: &u32| *b > 0)?.unwrap_or(30);
        let low = match p.text("low") {
            None | Some("auto") => Saturation::Auto,
            Some("none") => Saturation::None,
            Some(text) => Saturation::At(text.parse().map_err(|_| p.bad("low", text, LOW_RULE))?),
        };
        Ok(Self { correction: Correction::from_parameters(p, Correction::None)?, ..Self::new(bins, low)? })
    }

    /// The edges for one layer's activations; ascending, never empty unless every value is the saturation.
    fn edges<T: Value>(&self, values: impl Iterator<Item = T>, low: Option<T>) -> Vec<T> {
        let mut u: Vec<T> = values.filter(|&v| Some(v) != low).collect();
        u.sort_unstable_by(T::order);
        // −0.0 and 0.0 are one value.
        u.dedup_by(|a, b| a == b);
        let mut edges: Vec<T> = low.into_iter().collect();
        if let Some(&last) = u.last() {
            // The product in this order, as the source computes it: the rounding decides which value an edge takes.
            let step = u.len() as f64 / f64::from(self.bins);
            edges.extend((0..self.bins).map(|k| u[(f64::from(k) * step) as usize]));
            edges.push(last);
        }
        edges.sort_unstable_by(T::order);
        edges
    }
}

const BINS_RULE: &str = "it must be a whole number of at least 1";
const LOW_RULE: &str = "it must be auto, none, or a finite number";

pub(crate) const ENTRY: Entry = Entry {
    name: AdaptiveBinning::NAME,
    summary: "EBAB: bins with equally many distinct values, a cell of its own for saturated units (Chelombiev et al. 2019)",
    parameters: AdaptiveBinning::PARAMETERS,
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D·log(N·D))",
    choose: "unbounded or saturating units, layers of very different scale",
    build: Build {
        plane: Some(|p| Ok(Box::new(AdaptiveBinning::from_parameters(p)?))),
        mutual_information: Some(|p| Ok(Box::new(AdaptiveBinning::from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(AdaptiveBinning::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl Estimator for AdaptiveBinning {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn parameters(&self) -> String {
        let low = match self.low {
            Saturation::Auto => "auto".to_string(),
            Saturation::None => "none".to_string(),
            Saturation::At(value) => value.to_string(),
        };
        let plain = format!("bins={} low={low}", self.bins);
        match self.correction {
            Correction::None => plain,
            correction => format!("{plain} correction={}", correction.name()),
        }
    }
}

impl Cut for AdaptiveBinning {
    fn symbols<T: Value>(&self, values: ArrayView2<'_, T>, known: Surroundings) -> Result<Symbols, EstimatorError> {
        let low = match self.low {
            Saturation::Auto => known.lower_saturation,
            Saturation::None => None,
            Saturation::At(value) => Some(value),
        };
        // Values below the first edge (rounding under a saturation) share the first cell.
        let edges = self.edges(values.iter().copied(), low.map(T::from_single));
        Ok(row_symbols(values, |_, t| bin_by_edges(&edges, t)))
    }

    fn correction(&self) -> Correction {
        self.correction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equally_many_distinct_values_a_bin_and_a_cell_for_the_saturated() {
        let a = AdaptiveBinning::new(3, Saturation::At(0.0)).unwrap();
        // Repeats do not count: the quantiles are of distinct values.
        let values = [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(a.edges(values.into_iter(), Some(0.0)), [0.0, 1.0, 3.0, 5.0, 6.0]);
    }

    #[test]
    fn a_layer_that_is_all_saturated_has_one_cell() {
        let a = AdaptiveBinning::new(30, Saturation::Auto).unwrap();
        assert_eq!(a.edges([0.0f32; 4].into_iter(), Some(0.0)), [0.0]);
    }

    #[test]
    fn negative_zero_is_zero() {
        let a = AdaptiveBinning::new(2, Saturation::None).unwrap();
        assert_eq!(a.edges([-0.0f32, 0.0, 1.0].into_iter(), None), [-0.0, 1.0, 1.0]);
    }
}
