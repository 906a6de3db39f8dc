//! Bins that hold equally many samples: marginal equiquantisation (Paluš 1993; maximum-entropy bins).
//!
//! For each column, or for a layer as a whole, the edges are the quantiles `v[⌊k·N/b⌋], k = 0…b−1` of its sorted
//! values, repeats taken once: equal values always share a bin, and a value that fills several bins empties the others.
//! The entropy of one column is then near log b whatever the distribution, and the information between two does not
//! change under monotone transforms of either.

use super::value::{Value, bin_by_edges};
use super::{Cut, Surroundings, Symbols};
use crate::discrete::{Correction, row_symbols};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimator, EstimatorError, Parameters};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Equal-mass binning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EqualMassBinning {
    bins: u32,
    per_layer: bool,
    correction: Correction,
}

const NAME: &str = "equal-mass";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "bins that hold equally many samples, of each unit or of the layer (Paluš 1993)",
    parameters: &[
        ParameterDoc { name: "bins", default: "10", meaning: "number of bins" },
        ParameterDoc {
            name: "per",
            default: "unit",
            meaning: "unit (each column has edges of its own) or layer (one set of edges)",
        },
        ParameterDoc { name: "correction", default: "none", meaning: Correction::MEANING },
    ],
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D·log N)",
    choose: "skewed or heavy-tailed values; few units, or it reads log N",
    build: Build {
        plane: Some(|p| Ok(Box::new(EqualMassBinning::from_parameters(p)?))),
        mutual_information: Some(|p| Ok(Box::new(EqualMassBinning::from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(EqualMassBinning::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl EqualMassBinning {
    /// `bins` bins of equally many samples of each column, or, `per_layer`, of all columns together.
    ///
    /// # Errors
    /// When `bins` is zero.
    pub fn new(bins: u32, per_layer: bool) -> Result<Self, EstimatorError> {
        if bins == 0 {
            return Err(EstimatorError::BadParameter {
                estimator: NAME,
                name: "bins".into(),
                value: "0".into(),
                rule: super::uniform::BINS_RULE.into(),
            });
        }
        Ok(Self { bins, per_layer, correction: Correction::None })
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let bins = p.value("bins", super::uniform::BINS_RULE, |b: &u32| *b > 0)?.unwrap_or(10);
        let per_layer = match p.text("per") {
            None | Some("unit") => false,
            Some("layer") => true,
            Some(other) => return Err(p.bad("per", other, "it must be unit or layer")),
        };
        let correction = Correction::from_parameters(p, Correction::None)?;
        Ok(Self { correction, ..Self::new(bins, per_layer)? })
    }

    fn edges<T: Value>(&self, mut values: Vec<T>) -> Vec<T> {
        values.sort_unstable_by(T::order);
        let (n, bins) = (values.len(), self.bins as usize);
        let mut edges: Vec<T> = (0..bins.min(n)).map(|k| values[k * n / bins.min(n)]).collect();
        edges.dedup_by(|a, b| a == b);
        edges
    }
}

impl Estimator for EqualMassBinning {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let per = if self.per_layer { "layer" } else { "unit" };
        format!("bins={} per={per} correction={}", self.bins, self.correction.name())
    }
}

impl Cut for EqualMassBinning {
    fn symbols<T: Value>(&self, values: ArrayView2<'_, T>, _: Surroundings) -> Result<Symbols, EstimatorError> {
        if self.per_layer {
            let edges = self.edges(values.iter().copied().collect());
            return Ok(row_symbols(values, |_, v| bin_by_edges(&edges, v)));
        }
        let edges: Vec<Vec<T>> =
            (0..values.ncols()).into_par_iter().map(|c| self.edges(values.column(c).to_vec())).collect();
        Ok(row_symbols(values, |column, v| bin_by_edges(&edges[column], v)))
    }

    fn correction(&self) -> Correction {
        self.correction
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entropy, MutualInformation, Variable};
    use ndarray::Array2;

    #[test]
    fn every_bin_holds_as_many() {
        let x = Array2::from_shape_fn((1000, 1), |(i, _)| (i as f64 * 0.017).exp());
        let e = EqualMassBinning::new(8, false).unwrap();
        let h = e.entropy(Variable::Continuous(x.view())).unwrap();
        assert!((h.value.0 - 8f64.ln()).abs() < 1e-12);
        assert_eq!(h.detail("states"), Some(8.0));
    }

    #[test]
    fn monotone_transforms_change_nothing() {
        let x = Array2::from_shape_fn((500, 2), |(i, j)| ((i * (7 + j)) as f64 * 0.37).sin());
        let y = Array2::from_shape_fn((500, 1), |(i, _)| x[[i, 0]] + 0.3 * (i as f64).cos());
        let e = EqualMassBinning::new(5, false).unwrap();
        let of = |x: &Array2<f64>| {
            e.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap().value.0
        };
        assert_eq!(of(&x), of(&x.mapv(|v| (3.0 * v).exp() - 40.0)));
    }

    #[test]
    fn repeats_share_a_bin() {
        let mut values = vec![0.0f32; 90];
        values.extend((0..10).map(|i| i as f32 + 1.0));
        let edges = EqualMassBinning::new(10, false).unwrap().edges(values);
        assert_eq!(edges, [0.0, 1.0]);
    }
}
