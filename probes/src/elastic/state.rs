//! Where the fit of one class stands, and which features its next step looks at.

use super::design::Design;
use super::quadratic::{Curvature, Step};
use super::{Penalty, Stop};

/// Fewest features that join a working set at once.
const JOIN: usize = 32;

/// A duality gap that did not fall by this factor asks for new second derivatives.
const STALE: f64 = 0.2;

/// Weights of one class and what follows from them.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) weights: Vec<f64>,
    /// For centred columns.
    pub(super) intercept: f64,
    /// Scores of the samples.
    pub(super) scores: Vec<f64>,
    curvature: Option<Curvature>,
    /// Gap at the step before, and whether its second derivatives were new.
    last: Option<(f64, bool)>,
}

/// Where a class stands, for tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    pub(super) objective: f64,
    pub(super) gap: f64,
    /// Largest subgradient component.
    pub(super) violation: f64,
}

impl State {
    /// All weights zero.
    pub(super) fn new(design: &Design) -> Self {
        let weights = vec![0.0; design.features()];
        Self { weights, intercept: 0.0, scores: vec![0.0; design.samples()], curvature: None, last: None }
    }

    /// Moves all scores.
    pub(super) fn shift(&mut self, by: f64) {
        self.intercept += by;
        self.scores.iter_mut().for_each(|f| *f += by);
    }

    /// What the gradient of the loss says of these weights.
    pub(super) fn standing(&self, loss: f64, gradient: &[f64], penalty: Penalty) -> Standing {
        let objective = loss + penalty.sum(&self.weights);
        let pairs = || self.weights.iter().zip(gradient);
        Standing {
            objective,
            gap: self.gap(gradient, penalty, penalty.bound(objective)),
            violation: pairs().map(|(&w, &g)| penalty.violation(w, g)).fold(0.0, f64::max),
        }
    }

    /// This class's part in the duality gap; see [`Penalty::gap`].
    pub(super) fn gap(&self, gradient: &[f64], penalty: Penalty, bound: f64) -> f64 {
        self.weights.iter().zip(gradient).map(|(&w, &g)| penalty.gap(w, g, bound)).sum()
    }

    /// The next proximal Newton step. Second derivatives (`weight` yields those of the samples' losses) are computed
    /// anew when the working set has grown or the last step with old ones gained too little.
    ///
    /// The working set holds the weights that are not zero, features that violate their optimality condition (the
    /// worst first, as many as there are weights already), and on a path those that the strong rule does not discard
    /// (Tibshirani et al. 2012, "Strong rules for discarding predictors").
    pub(super) fn step(
        &mut self,
        design: &Design,
        weight: impl FnOnce() -> Vec<f64>,
        gradient: &[f64],
        penalty: Penalty,
        gap: f64,
        stop: Stop,
    ) -> Step {
        let active: Vec<usize> = (0..self.weights.len()).filter(|&j| self.weights[j] != 0.0).collect();
        let mut join: Vec<usize> = (0..self.weights.len())
            .filter(|&j| self.weights[j] == 0.0 && gradient[j].abs() > penalty.absolute())
            .collect();
        join.sort_by(|&a, &b| gradient[b].abs().total_cmp(&gradient[a].abs()).then(a.cmp(&b)));
        join.truncate(active.len().max(JOIN));
        let mut set = [active, join].concat();
        set.sort_unstable();
        let old = self.curvature.take().filter(|c| c.covers(&set));
        let stale = self.last.is_some_and(|(before, fresh)| !fresh && gap > STALE * before);
        let (curvature, fresh) = match old {
            Some(old) if !stale => (old, false),
            _ => {
                if let Some(previous) = stop.previous {
                    let limit = penalty.alpha() * (2.0 * penalty.lambda() - previous);
                    set.extend((0..self.weights.len()).filter(|&j| limit > 0.0 && gradient[j].abs() >= limit));
                    set.sort_unstable();
                    set.dedup();
                }
                (Curvature::new(design, set, &weight()), true)
            }
        };
        self.last = Some((gap, fresh));
        let step = curvature.step(&self.weights, gradient, penalty);
        self.curvature = Some(curvature);
        step
    }

    /// Forgets how the last steps went: another penalty, another path.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    /// The change of the penalty by a step of this length.
    pub(super) fn penalty_change(&self, step: &Step, length: f64, penalty: Penalty) -> f64 {
        step.changes.iter().map(|&(j, c)| penalty.of(self.weights[j] + length * c) - penalty.of(self.weights[j])).sum()
    }

    /// Changes of the scores by a whole step.
    pub(super) fn direction(design: &Design, step: &Step) -> Vec<f64> {
        let mut direction = vec![step.intercept; design.samples()];
        step.changes.iter().for_each(|&(j, c)| design.add(&mut direction, c, j));
        direction
    }

    /// Takes a step of this length, whose scores have been computed.
    pub(super) fn take(&mut self, step: &Step, length: f64, scores: Vec<f64>, shift: f64) {
        for &(j, c) in &step.changes {
            self.weights[j] += length * c;
        }
        self.intercept += length * step.intercept + shift;
        self.scores = scores;
    }
}
