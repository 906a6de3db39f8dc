//! Mutual information of a continuous and a discrete variable ("Mutual information between discrete and continuous data
//! sets", Ross 2014).
//!
//! `I = ψ(N) + ⟨ψ(k)⟩ − ⟨ψ(N_y)⟩ − ⟨ψ(m)⟩`: the distance to the k-th neighbour of the same class, N_y samples of that
//! class, m samples of any class as near as it. In a class of at most k samples the farthest of them serves for the
//! k-th; a sample that is alone in its class has no neighbour and is left out. Bounded above by H(Y), up to noise.

use super::Boundary;
use super::options::{NeighbourOptions, warned};
use crate::pair::Pair;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::special::digamma_table;
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable, Warning};
use ndarray::Axis;
use serde::{Deserialize, Serialize};

/// Ross's estimator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ross {
    /// k, norm, transform and ties.
    pub options: NeighbourOptions,
}

const NAME: &str = "ross";
const DOCS: [ParameterDoc; 6] = NeighbourOptions::docs("3");

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "neighbours within a class against neighbours of any class (Ross 2014)",
    parameters: &DOCS,
    domain: Domain::MIXED,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·log N) in few dimensions, O(N²·D) in many",
    choose: "a continuous variable of few dimensions and labels, with some samples in each class",
    build: Build { mutual_information: Some(|p| Ok(Box::new(Ross::from_parameters(p)?))), ..Build::NOTHING },
};

impl Ross {
    /// With the `k`-th neighbour.
    pub fn new(k: usize) -> Self {
        Self { options: NeighbourOptions::new(k) }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        Ok(Self { options: NeighbourOptions::read(p, NeighbourOptions::new(3))? })
    }
}

impl Estimator for Ross {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        self.options.text()
    }
}

impl MutualInformation for Ross {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (x, classes) = Pair::new(&x, &y)?.mixed(NAME)?;
        let n = x.nrows();
        let (x, tied) = self.options.prepare(NAME, x, 0)?;
        let order: Vec<usize> = classes.order().into_iter().map(|row| row as usize).collect();
        let mut members: Vec<&[usize]> = Vec::new();
        let mut rest = &order[..];
        for &count in classes.counts() {
            let (own, others) = rest.split_at(count);
            members.push(own);
            rest = others;
        }
        let alone = members.iter().filter(|own| own.len() == 1).count();
        if alone == members.len() {
            return Err(EstimatorError::TooFewSamples { found: 1, needed: 2 });
        }
        // Samples alone in their class can be nobody's neighbour either.
        let kept: Vec<usize> = (0..n).filter(|&i| classes.counts()[classes.of_sample()[i] as usize] > 1).collect();
        let place: Vec<usize> = kept.iter().enumerate().fold(vec![0; n], |mut place, (at, &row)| {
            place[row] = at;
            place
        });
        let everyone = self.options.points(&[x.select(Axis(0), &kept).view()])?;
        let m = kept.len();
        let mut neighbours = Vec::new();
        let mut class_here = vec![0; m];
        let mut shared = false;
        for own in members.iter().filter(|own| own.len() > 1) {
            let largest = self.options.k.high.min(own.len() - 1);
            let points = self.options.points(&[x.select(Axis(0), own).view()])?;
            let nearest = points.nearest(largest);
            // Where more than k samples of the class share one place, the k-th distance is zero and tells nothing: there
            // the counts of that place, in the class and in all, take the part of k and m (as Gao et al. 2017 do).
            if nearest.distances(self.options.k.low.min(largest)).contains(&0.0) {
                shared = true;
                for (&row, count) in own.iter().zip(points.count(&vec![0.0; own.len()], Boundary::Inclusive)) {
                    class_here[place[row]] = count as usize;
                }
            }
            neighbours.push((*own, largest, nearest));
        }
        let everyone_here = if shared { everyone.count(&vec![0.0; m], Boundary::Inclusive) } else { vec![] };
        let psi = digamma_table(n);
        let mut short = alone > 0;
        short |= members.iter().any(|own| own.len() <= self.options.k.low);
        let estimate = self.options.median(|k| {
            let mut radii = vec![0.0; m];
            let mut constant = vec![0.0; m];
            for (own, largest, nearest) in &neighbours {
                let k = k.min(*largest);
                for (&row, radius) in own.iter().zip(nearest.distances(k)) {
                    radii[place[row]] = radius;
                    constant[place[row]] = psi[m] + psi[k] - psi[own.len()];
                }
            }
            // The k-th neighbour itself is within its own distance.
            let near = everyone.count(&radii, Boundary::Strict);
            let mut contributions: Vec<f64> =
                constant.iter().zip(near).map(|(c, count)| c - psi[count as usize + 1]).collect();
            for (own, _, _) in &neighbours {
                for at in own.iter().map(|&row| place[row]).filter(|&at| radii[at] == 0.0) {
                    contributions[at] = psi[m] + psi[class_here[at]] - psi[own.len()] - psi[everyone_here[at] as usize];
                }
            }
            Estimate::mean_of(&contributions)
        });
        let mut estimate = estimate.judged(classes.entropy());
        if alone > 0 {
            estimate = estimate.with_detail("samples_left_out", alone as f64);
        }
        if short {
            estimate = estimate.warned(Warning::Undersampled);
        }
        Ok(warned(estimate, tied, x.ncols()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn separate_clusters_tell_the_class_and_shuffled_labels_nothing() {
        let x = Array2::from_shape_fn((400, 1), |(i, _)| (i % 2) as f64 * 50.0 + (i as f64 * 0.77).sin());
        let y: Vec<u32> = (0..400).map(|i| i % 2).collect();
        let found = Ross::new(3).estimate(Variable::Continuous(x.view()), Variable::Discrete(&y)).unwrap();
        assert!((found.value.0 - 2f64.ln()).abs() < 0.01, "{found:?}");
        let other: Vec<u32> =
            crate::random::permutation(400, &mut crate::random::generator(1, 0)).iter().map(|&i| y[i]).collect();
        let found = Ross::new(3).estimate(Variable::Discrete(&other), Variable::Continuous(x.view())).unwrap();
        assert!(found.value.0.abs() < 0.1, "{found:?}");
    }

    #[test]
    fn a_lone_sample_is_left_out_and_told() {
        let x = Array2::from_shape_fn((21, 1), |(i, _)| (i as f64 * 0.77).sin());
        let y: Vec<u32> = (0..21).map(|i| if i == 20 { 9 } else { i % 2 }).collect();
        let found = Ross::new(3).estimate(Variable::Continuous(x.view()), Variable::Discrete(&y)).unwrap();
        assert_eq!(found.detail("samples_left_out"), Some(1.0));
        assert!(found.warnings.contains(&Warning::Undersampled));
        let all_alone: Vec<u32> = (0..21).collect();
        assert!(Ross::new(3).estimate(Variable::Continuous(x.view()), Variable::Discrete(&all_alone)).is_err());
    }
}
