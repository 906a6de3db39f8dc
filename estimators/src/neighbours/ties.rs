//! Repeated values, which no density has and which spoil neighbour counts.

use super::order;
use crate::linalg::standard_deviations;
use crate::{EstimatorError, random};
use ndarray::Array2;
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What is done about values that occur more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// Uniform noise of 10⁻¹⁰ of the column's standard deviation is added to every column that has ties.
    Jitter,
    /// The sample is refused.
    Refuse,
    /// Nothing.
    Keep,
}

impl Ties {
    pub(super) const RULE: &'static str = "it must be jitter, refuse or keep";

    pub(super) fn name(self) -> &'static str {
        match self {
            Ties::Jitter => "jitter",
            Ties::Refuse => "refuse",
            Ties::Keep => "keep",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Ties::Jitter, Ties::Refuse, Ties::Keep].into_iter().find(|t| t.name() == name)
    }

    /// Treats the ties of a variable. Returns the largest share of samples, over the columns, that are tied.
    pub(super) fn treat(
        self,
        estimator: &'static str,
        x: &mut Array2<f64>,
        seed: u64,
        stream: u64,
    ) -> Result<f64, EstimatorError> {
        let columns: Vec<Vec<f64>> = x.columns().into_iter().map(|c| c.to_vec()).collect();
        let shares: Vec<f64> = columns.into_par_iter().map(tied_share).collect();
        let (column, share) =
            shares.iter().copied().enumerate().fold((0, 0.0), |most, (c, s)| if s > most.1 { (c, s) } else { most });
        if share > 0.0 && self == Ties::Refuse {
            return Err(EstimatorError::Tied { estimator, share: 100.0 * share, column: column + 1 });
        }
        if share > 0.0 && self == Ties::Jitter {
            let scales = standard_deviations(x.view());
            let mut generator = random::generator(seed, stream);
            for (c, mut values) in x.columns_mut().into_iter().enumerate() {
                // A column of one value stays as it is: it adds nothing to any distance.
                if shares[c] > 0.0 && scales[c] > 0.0 {
                    values.mapv_inplace(|v| v + JITTER * scales[c] * (2.0 * generator.random::<f64>() - 1.0));
                }
            }
        }
        // Constant columns tie everything and mean nothing.
        let constant = |c: usize| x.column(c).iter().all(|v| *v == x[[0, c]]);
        Ok(shares.iter().enumerate().filter(|(c, s)| **s < 1.0 || !constant(*c)).fold(0.0, |most, (_, s)| s.max(most)))
    }
}

const JITTER: f64 = 1e-10;

/// Share of the values that occur more than once.
fn tied_share(column: Vec<f64>) -> f64 {
    let mut keys: Vec<u64> = column.into_iter().map(order::key).collect();
    keys.sort_unstable();
    let equal = |a: &u64, b: &u64| order::value(*a) == order::value(*b);
    let tied: usize = keys.chunk_by(equal).map(<[u64]>::len).filter(|len| *len > 1).sum();
    tied as f64 / keys.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn jitter_separates_equal_values_and_leaves_columns_without_them() {
        let mut x = array![[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [5.0, 4.0]];
        let before = x.clone();
        assert_eq!(Ties::Jitter.treat("e", &mut x, 1, 0).unwrap(), 0.75);
        assert_eq!(x.column(1), before.column(1));
        assert!(x[[0, 0]] != x[[1, 0]] && (x[[0, 0]]).abs() < 1e-8);
        let e = Ties::Refuse.treat("ksg", &mut before.clone(), 1, 0).unwrap_err().to_string();
        assert!(e.contains("75.0 %") && e.contains("column 1"), "{e}");
    }
}
