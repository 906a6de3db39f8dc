//! Data and labels ready to be fitted under one penalty after another.

use super::design::Design;
use super::state::State;
use super::{Penalty, Stop};
use super::{binary, multinomial};
use crate::{Head, ProbeError};
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What the predictor is fitted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// A logistic regression for each class against all others.
    OneVsRest,
    /// Cross entropy of the softmax over all classes.
    Multinomial,
}

/// When a fit ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solver {
    /// Largest duality gap as a share of the objective.
    pub tolerance: f64,
    /// Largest number of Newton steps of a class.
    pub iterations: usize,
}

impl Default for Solver {
    fn default() -> Self {
        Self { tolerance: 1e-7, iterations: 200 }
    }
}

/// A design with its labels.
#[derive(Debug, Clone)]
pub struct Problem {
    design: Design,
    labels: Vec<u32>,
    n_classes: usize,
    loss: Loss,
}

/// Where fits of a problem stand: the next penalty starts there.
#[derive(Debug, Clone)]
pub struct Warm {
    states: Vec<State>,
    lambda: Option<f64>,
}

/// A fitted predictor.
#[derive(Debug, Clone, PartialEq)]
pub struct ElasticFit {
    /// Weights [features × classes] and intercepts.
    pub head: Head,
    /// Objective: one a class (one against the rest), or one (multinomial). A class that does not occur has none.
    pub objectives: Vec<f64>,
    /// Bounds of how far those are above their minima.
    pub gaps: Vec<f64>,
    /// Largest component of the smallest subgradient over all weights: 0 at the minimum.
    pub violation: f64,
    /// Newton steps, of all classes together.
    pub iterations: usize,
    /// Whether every gap is within the tolerance.
    pub converged: bool,
}

impl Problem {
    /// Samples [samples × features] with their classes, numbers below `n_classes`.
    ///
    /// # Errors
    /// When the lengths differ, there are fewer than two samples, a value is not finite, or a label is too large.
    pub fn new(x: ArrayView2<'_, f64>, labels: &[u32], n_classes: usize, loss: Loss) -> Result<Self, ProbeError> {
        if x.nrows() != labels.len() {
            return Err(ProbeError::LengthMismatch { embeddings: x.nrows(), other: labels.len(), what: "labels" });
        }
        if let Some(&label) = labels.iter().find(|&&l| l as usize >= n_classes) {
            return Err(ProbeError::Data(format!("label {label}, but there are {n_classes} classes, from 0")));
        }
        if labels.iter().all(|&l| l == labels[0]) {
            return Err(ProbeError::OneClass { label: labels[0] });
        }
        Ok(Self { design: Design::new(x)?, labels: labels.to_vec(), n_classes, loss })
    }

    /// The start of a path: all weights zero.
    pub fn start(&self) -> Warm {
        Warm { states: vec![State::new(&self.design); self.n_classes], lambda: None }
    }

    /// The smallest λ at which every weight is zero; infinite for α = 0.
    pub fn largest_lambda(&self, alpha: f64) -> f64 {
        let n = self.labels.len() as f64;
        let of_class = |class: usize| {
            let targets = self.targets(class);
            let share = targets.iter().filter(|t| **t).count() as f64 / n;
            // At zero weights both losses predict each class by its share.
            let residual: Vec<f64> = targets.iter().map(|&t| share - f64::from(u8::from(t))).collect();
            self.design.gradient(&residual).iter().fold(0.0f64, |m, g| m.max(g.abs()))
        };
        let largest = (0..self.n_classes).into_par_iter().map(of_class).collect::<Vec<_>>();
        largest.into_iter().fold(0.0, f64::max) / alpha
    }

    /// Minimises the objective under one penalty from where `warm` stands.
    pub fn solve(&self, penalty: Penalty, solver: Solver, warm: &mut Warm) -> ElasticFit {
        let previous = warm.lambda.filter(|&l| l > penalty.lambda());
        let stop = Stop { tolerance: solver.tolerance, iterations: solver.iterations, previous };
        warm.lambda = Some(penalty.lambda());
        match self.loss {
            Loss::OneVsRest => self.one_vs_rest(penalty, stop, &mut warm.states),
            Loss::Multinomial => self.multinomial(penalty, stop, &mut warm.states),
        }
    }

    fn multinomial(&self, penalty: Penalty, stop: Stop, states: &mut [State]) -> ElasticFit {
        let present: Vec<usize> = (0..self.n_classes).filter(|&k| self.labels.contains(&(k as u32))).collect();
        let solved = multinomial::solve(&self.design, &self.labels, &present, penalty, stop, states);
        let mut intercepts: Vec<f64> =
            states.iter().map(|state| self.design.intercept(state.intercept, &state.weights)).collect();
        // Only differences between intercepts count: they are reported around zero. A class that does not occur lies
        // below all others, as rare as less than half a sample among N.
        let mean = present.iter().map(|&k| intercepts[k]).sum::<f64>() / present.len() as f64;
        intercepts.iter_mut().for_each(|b| *b -= mean);
        let least = present.iter().map(|&k| intercepts[k]).fold(f64::INFINITY, f64::min);
        let never = least - (2.0 * self.labels.len() as f64 + 1.0).ln();
        (0..self.n_classes).filter(|k| !present.contains(k)).for_each(|k| intercepts[k] = never);
        ElasticFit {
            head: Head { intercepts: Array1::from(intercepts), weights: self.weights(states) },
            objectives: vec![solved.standing.objective],
            gaps: vec![solved.standing.gap],
            violation: solved.standing.violation,
            iterations: solved.iterations,
            converged: solved.converged,
        }
    }

    fn targets(&self, class: usize) -> Vec<bool> {
        self.labels.iter().map(|&l| l as usize == class).collect()
    }

    fn one_vs_rest(&self, penalty: Penalty, stop: Stop, states: &mut [State]) -> ElasticFit {
        let solve = |(class, state): (usize, &mut State)| {
            let targets = self.targets(class);
            targets.contains(&true).then(|| binary::solve(&self.design, &targets, penalty, stop, state))
        };
        let solved: Vec<_> = states.par_iter_mut().enumerate().map(solve).collect();
        // A class that does not occur: no weight, and the intercept of less than half a sample among N.
        let never = -(2.0 * self.labels.len() as f64 + 1.0).ln();
        let intercepts = states.iter().zip(&solved).map(|(state, solved)| match solved {
            Some(_) => self.design.intercept(state.intercept, &state.weights),
            None => never,
        });
        let ends = || solved.iter().flatten();
        ElasticFit {
            head: Head { intercepts: Array1::from_iter(intercepts), weights: self.weights(states) },
            objectives: ends().map(|s| s.standing.objective).collect(),
            gaps: ends().map(|s| s.standing.gap).collect(),
            violation: ends().map(|s| s.standing.violation).fold(0.0, f64::max),
            iterations: ends().map(|s| s.iterations).sum(),
            converged: ends().all(|s| s.converged),
        }
    }

    fn weights(&self, states: &[State]) -> Array2<f64> {
        Array2::from_shape_fn((self.design.features(), self.n_classes), |(j, k)| states[k].weights[j])
    }
}
