//! Mutual information of mixtures of continuous and discrete parts ("Estimating mutual information for discrete-continuous
//! mixtures", Gao, Kannan, Oh & Viswanath 2017).
//!
//! `I = ⟨ψ(k̃) + log N − log(n_x + 1) − log(n_y + 1)⟩`: ρ is the distance to the k-th neighbour in the joint space;
//! k̃ = k, except where ρ = 0, which happens in a place that has a probability of its own: there k̃ is the number of
//! samples in that place. n_x and n_y count the others within ρ, inclusively. So a unit that is exactly zero half of
//! the time (ReLU) is taken as what it is and needs no jitter. A discrete variable is taken as a point whose distance
//! to any other value is one.

use super::options::{NeighbourOptions, warned};
use super::{Boundary, Ties};
use crate::pair::{Classes, Pair};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::special::digamma_table;
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The estimator of Gao and others for mixtures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MixedKsg {
    /// k, norm and transform; ties are kept.
    pub options: NeighbourOptions,
}

const NAME: &str = "mixed-ksg";
const DOCS: [ParameterDoc; 6] = NeighbourOptions::docs("3");

/// Values that a discrete variable may have: each is a coordinate.
const MOST_CLASSES: usize = 256;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "KSG for variables that are partly discrete: repeated values are places of their own (Gao et al. 2017)",
    parameters: &[DOCS[0], DOCS[1], DOCS[2], DOCS[4]],
    domain: Domain::ANY,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·log N) in few dimensions, O(N²·D) in many",
    choose: "units with exact zeros (ReLU), rounded or censored values, or any mixture of continuous and discrete",
    build: Build { mutual_information: Some(|p| Ok(Box::new(MixedKsg::from_parameters(p)?))), ..Build::NOTHING },
};

impl MixedKsg {
    /// With the `k`-th neighbour.
    pub fn new(k: usize) -> Self {
        Self { options: NeighbourOptions { ties: Ties::Keep, ..NeighbourOptions::new(k) } }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        Ok(Self { options: NeighbourOptions::read(p, Self::new(3).options)? })
    }
}

impl Estimator for MixedKsg {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let o = &self.options;
        // Ties and their seed are not for the user to choose here.
        o.text().split(' ').filter(|p| !p.starts_with("ties=") && !p.starts_with("seed=")).collect::<Vec<_>>().join(" ")
    }
}

fn one_hot(classes: &Classes) -> Result<Array2<f64>, EstimatorError> {
    let width = classes.counts().len();
    if width > MOST_CLASSES {
        return Err(EstimatorError::TooManyClasses { estimator: NAME, found: width, most: MOST_CLASSES });
    }
    let mut x = Array2::zeros((classes.of_sample().len(), width));
    for (row, &class) in classes.of_sample().iter().enumerate() {
        x[[row, class as usize]] = 1.0;
    }
    Ok(x)
}

impl MutualInformation for MixedKsg {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (x, y, dimension) = match Pair::new(&x, &y)? {
            Pair::Continuous(x, y) => {
                let dimension = x.ncols() + y.ncols();
                let (x, y) = self.options.prepare_both(NAME, x, y)?;
                (x.values, y.values, dimension)
            }
            Pair::Mixed(x, classes) => (self.options.prepare(NAME, x, 0)?.0, one_hot(&classes)?, x.ncols()),
            Pair::Discrete(x, y) => (one_hot(&x)?, one_hot(&y)?, 0),
        };
        let n = x.nrows();
        self.options.enough(n)?;
        let joint = self.options.points(&[x.view(), y.view()])?;
        let nearest = joint.nearest(self.options.k.high);
        let (in_x, in_y) = (self.options.points(&[x.view()])?, self.options.points(&[y.view()])?);
        let psi = digamma_table(n);
        let estimate = self.options.median(|k| {
            let radii = nearest.distances(k);
            let within = |points: &super::Points| points.count(&radii, Boundary::Inclusive);
            let (here, n_x, n_y) = (within(&joint), within(&in_x), within(&in_y));
            let contributions: Vec<f64> = (0..n)
                .map(|i| {
                    let effective = if radii[i] == 0.0 { here[i] as usize } else { k };
                    psi[effective] + (n as f64).ln() - f64::from(n_x[i] + 1).ln() - f64::from(n_y[i] + 1).ln()
                })
                .collect();
            Estimate::mean_of(&contributions)
        });
        Ok(warned(estimate.judged((n as f64).ln()), 0.0, dimension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discrete_variables_read_nearly_as_by_their_frequencies() {
        let x: Vec<u32> = (0..3000).map(|i| i % 3).collect();
        let y: Vec<u32> = (0..3000).map(|i| if i % 10 == 0 { (i + 1) % 3 } else { i % 3 }).collect();
        let of = |spec: &str| {
            let e = crate::registry::mutual_information(spec).unwrap();
            e.estimate(Variable::Discrete(&x), Variable::Discrete(&y)).unwrap().value.0
        };
        assert!(
            (of("mixed-ksg") - of("plug-in:correction=none")).abs() < 0.01,
            "{} {}",
            of("mixed-ksg"),
            of("plug-in")
        );
    }

    #[test]
    fn too_many_classes_are_refused() {
        let x: Vec<u32> = (0..600).map(|i| i / 2).collect();
        let e = MixedKsg::new(3).estimate(Variable::Discrete(&x), Variable::Discrete(&x)).unwrap_err();
        assert!(e.to_string().contains("300") && e.to_string().contains("256"), "{e}");
    }
}
