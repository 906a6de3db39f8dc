//! KSG: mutual information of two continuous variables from neighbour counts ("Estimating mutual information",
//! Kraskov, Stögbauer & Grassberger 2004), and given a third (Frenzel & Pompe 2007).
//!
//! With ε the distance to the k-th neighbour in the joint space, whose norm is the larger of the distances in X and Y:
//!
//! ```text
//! first   I = ψ(k) + ψ(N) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩            n_x = others with |Δx| < ε
//! second  I = ψ(k) − 1/k + ψ(N) − ⟨ψ(n_x) + ψ(n_y)⟩              n_x = others with |Δx| ≤ ε_x
//! given Z I = ψ(k) − ⟨ψ(n_xz + 1) + ψ(n_yz + 1) − ψ(n_z + 1)⟩    ε in (X, Y, Z), counts strict
//! ```
//!
//! The second takes for ε_x and ε_y the sides of the smallest box around the k neighbours. Both are nearly unbiased at
//! independence and in few dimensions. The bias is downwards and grows with the dimension and with the information
//! itself: 1 nat of 10 is lost at 6 nats in 1 + 1 dimensions and N = 10⁴. Estimates below zero are noise around zero and
//! are reported as they are. Time O(N log N) in few dimensions, O(N²·D) in many; memory O(N·D).

use super::options::{NeighbourOptions, warned};
use super::{Boundary, Nearest, Points};
use crate::pair::{Pair, check};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::special::digamma_table;
use crate::{
    ConditionalMutualInformation, Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable,
};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Which of the paper's two estimators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KsgVariant {
    /// I⁽¹⁾, from cubes.
    First,
    /// I⁽²⁾, from boxes.
    Second,
}

/// The estimators of Kraskov, Stögbauer and Grassberger.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ksg {
    /// Which of the two.
    pub variant: KsgVariant,
    /// k, norm, transform and ties.
    pub options: NeighbourOptions,
}

const NAME: &str = "ksg";
const DOCS: [ParameterDoc; 6] = NeighbourOptions::docs("3");

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "neighbour counts in the joint space and its margins (Kraskov et al. 2004; given Z: Frenzel & Pompe 2007)",
    parameters: &[
        DOCS[0],
        ParameterDoc { name: "variant", default: "1", meaning: "1 (cubes) or 2 (boxes)" },
        DOCS[1],
        DOCS[2],
        DOCS[3],
        DOCS[4],
        DOCS[5],
    ],
    domain: Domain::CONTINUOUS,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·log N) in few dimensions, O(N²·D) in many",
    choose: "two continuous variables of up to about six dimensions together; the reference in low dimension",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(Ksg::from_parameters(p)?))),
        conditional: Some(|p| Ok(Box::new(Ksg::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl Ksg {
    /// The first estimator with the `k`-th neighbour.
    pub fn new(k: usize) -> Self {
        Self { variant: KsgVariant::First, options: NeighbourOptions::new(k) }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let variant = match p.text("variant") {
            None | Some("1") => KsgVariant::First,
            Some("2") => KsgVariant::Second,
            Some(other) => return Err(p.bad("variant", other, "it must be 1 or 2")),
        };
        Ok(Self { variant, options: NeighbourOptions::read(p, NeighbourOptions::new(3))? })
    }
}

impl Estimator for Ksg {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let variant = match self.variant {
            KsgVariant::First => 1,
            KsgVariant::Second => 2,
        };
        format!("variant={variant} {}", self.options.text())
    }
}

impl MutualInformation for Ksg {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (x, y) = Pair::new(&x, &y)?.continuous(NAME)?;
        let n = x.nrows();
        self.options.enough(n)?;
        let (mut x, mut y) = self.options.prepare_both(NAME, x, y)?;
        let nearest = self.options.points(&[x.values.view(), y.values.view()])?.nearest(self.options.k.high);
        let (in_x, in_y) = rayon::join(|| x.margin(&self.options), || y.margin(&self.options));
        let (in_x, in_y) = (in_x?, in_y?);
        let psi = digamma_table(n);
        let estimate = self.options.median(|k| {
            let contributions: Vec<f64> = match self.variant {
                KsgVariant::First => {
                    let radii = nearest.distances(k);
                    let count = |points: &Points| points.count(&radii, Boundary::Strict);
                    let (n_x, n_y) = rayon::join(|| count(&in_x), || count(&in_y));
                    let constant = psi[k] + psi[n];
                    n_x.iter().zip(&n_y).map(|(&a, &b)| constant - psi[a as usize + 1] - psi[b as usize + 1]).collect()
                }
                KsgVariant::Second => {
                    let count = |points: &Points, v: &Array2<f64>| {
                        points.count(&box_side(&nearest, k, v.view(), self.options.norm), Boundary::Inclusive)
                    };
                    let (n_x, n_y) = rayon::join(|| count(&in_x, &x.values), || count(&in_y, &y.values));
                    let constant = psi[k] - 1.0 / k as f64 + psi[n];
                    n_x.iter().zip(&n_y).map(|(&a, &b)| constant - psi[a as usize] - psi[b as usize]).collect()
                }
            };
            Estimate::mean_of(&contributions)
        });
        let dimension = x.values.ncols() + y.values.ncols();
        Ok(warned(estimate.judged((n as f64).ln()), x.tied.max(y.tied), dimension))
    }
}

impl ConditionalMutualInformation for Ksg {
    fn estimate_given(&self, x: Variable<'_>, y: Variable<'_>, z: Variable<'_>) -> Result<Estimate, EstimatorError> {
        check(&[x.reborrow(), y.reborrow(), z.reborrow()])?;
        let (Variable::Continuous(x), Variable::Continuous(y), Variable::Continuous(z)) = (x, y, z) else {
            return Err(EstimatorError::WrongKind { estimator: NAME, expected: "three continuous" });
        };
        let n = x.nrows();
        self.options.enough(n)?;
        let (x, y) = self.options.prepare_both(NAME, x, y)?;
        let (tied, x, y) = (x.tied.max(y.tied), x.values, y.values);
        let (z, tied_z) = self.options.prepare(NAME, z, 2)?;
        let nearest = self.options.points(&[x.view(), y.view(), z.view()])?.nearest(self.options.k.high);
        let in_xz = self.options.points(&[x.view(), z.view()])?;
        let in_yz = self.options.points(&[y.view(), z.view()])?;
        let in_z = self.options.points(&[z.view()])?;
        let psi = digamma_table(n);
        let estimate = self.options.median(|k| {
            let radii = nearest.distances(k);
            let [xz, yz, z] = [&in_xz, &in_yz, &in_z].map(|points| points.count(&radii, Boundary::Strict));
            let of = |count: u32| psi[count as usize + 1];
            let contributions: Vec<f64> = (0..n).map(|i| psi[k] - of(xz[i]) - of(yz[i]) + of(z[i])).collect();
            Estimate::mean_of(&contributions)
        });
        let dimension = x.ncols() + y.ncols() + z.ncols();
        Ok(warned(estimate.judged((n as f64).ln()), tied.max(tied_z), dimension))
    }
}

/// For each point the largest reduced distance, within one variable, to its k nearest neighbours in the joint space.
pub(super) fn box_side(nearest: &Nearest, k: usize, v: ArrayView2<'_, f64>, norm: super::Norm) -> Vec<f64> {
    (0..v.nrows())
        .map(|i| {
            let own = v.row(i);
            nearest.rows(i)[..k].iter().fold(0.0, |side: f64, &other| {
                let distance = norm.reduced(own.iter().zip(v.row(other as usize)).map(|(a, b)| a - b));
                side.max(distance)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn continuous(x: &Array2<f64>) -> Variable<'_> {
        Variable::Continuous(x.view())
    }

    #[test]
    fn refuses_a_k_that_leaves_nobody() {
        let x = array![[0.0], [1.0], [2.0]];
        let e = Ksg::new(3).estimate(continuous(&x), continuous(&x)).unwrap_err();
        assert_eq!(e, EstimatorError::TooFewSamples { found: 3, needed: 4 });
    }

    #[test]
    fn constant_variables_tell_nothing_and_ties_are_told() {
        let x = Array2::from_shape_fn((200, 1), |(i, _)| (i as f64 * 0.7).sin());
        let constant = Array2::from_elem((200, 1), 3.0);
        let found = Ksg::new(3).estimate(continuous(&x), continuous(&constant)).unwrap();
        assert!(found.value.0.abs() < 1e-12 && !found.warnings.contains(&crate::Warning::Ties), "{found:?}");
        let rounded = x.mapv(|v| (v * 3.0).round());
        let found = Ksg::new(3).estimate(continuous(&x), continuous(&rounded)).unwrap();
        assert!(found.value.0.is_finite() && found.warnings.contains(&crate::Warning::Ties), "{found:?}");
    }

    #[test]
    fn a_range_of_k_gives_the_median_and_tells_each() {
        let x = Array2::from_shape_fn((100, 1), |(i, _)| (i as f64 * 0.7).sin());
        let y = Array2::from_shape_fn((100, 1), |(i, _)| (i as f64 * 0.7 + 0.4).sin() + 0.3 * (i as f64 * 1.9).cos());
        let of = |k: &str| {
            crate::registry::mutual_information(&format!("ksg:k={k}"))
                .unwrap()
                .estimate(continuous(&x), continuous(&y))
                .unwrap()
        };
        let ensemble = of("2..4");
        let mut alone: Vec<f64> = ["2", "3", "4"].map(|k| of(k).value.0).to_vec();
        assert_eq!(ensemble.detail("k_3_nats"), Some(alone[1]));
        alone.sort_by(f64::total_cmp);
        assert_eq!(ensemble.value.0, alone[1]);
    }
}
