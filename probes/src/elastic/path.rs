//! Fits along a path of falling λ, each from where the last one ended.

use super::{ElasticFit, Penalty, Problem, Solver, Warm};
use crate::ProbeError;

/// Steps of bisection, on the logarithm of λ, between a point of the path within a target and the next one beyond it.
const BISECTIONS: usize = 6;

/// Which λ a path visits: from the smallest at which every weight is zero, in equal steps of its logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathPlan {
    /// Share of absolute penalty, above 0.
    pub alpha: f64,
    /// Points.
    pub points: usize,
    /// The last λ as a share of the first.
    pub ratio: f64,
    /// When each fit ends.
    pub solver: Solver,
}

impl Default for PathPlan {
    fn default() -> Self {
        Self { alpha: 0.99, points: 60, ratio: 1e-4, solver: Solver::default() }
    }
}

/// One point of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct PathPoint {
    /// λ.
    pub lambda: f64,
    /// What was fitted with it.
    pub fit: ElasticFit,
}

impl PathPlan {
    fn check(&self) -> Result<(), ProbeError> {
        let bad = |name, value, rule| Err(ProbeError::BadParameter { name, value, rule });
        if !(self.alpha > 0.0 && self.alpha <= 1.0) {
            return bad("alpha", self.alpha, "a path needs one above 0 and at most 1: ridge has no first zero");
        }
        if self.points < 2 {
            return bad("points", self.points as f64, "a path has two at least");
        }
        if !(self.ratio > 0.0 && self.ratio < 1.0) {
            return bad("ratio", self.ratio, "it must be between 0 and 1");
        }
        Ok(())
    }

    /// The λ of the path for a problem, falling.
    ///
    /// # Errors
    /// When a part of the plan is out of range, or no column of the problem says anything about its labels.
    pub fn lambdas(&self, problem: &Problem) -> Result<Vec<f64>, ProbeError> {
        self.check()?;
        let largest = problem.largest_lambda(self.alpha);
        if largest <= 0.0 {
            return Err(ProbeError::Data("no concept varies with the classes: there is no path to walk".into()));
        }
        let step = self.ratio.ln() / (self.points - 1) as f64;
        Ok((0..self.points).map(|i| largest * (i as f64 * step).exp()).collect())
    }

    /// Fits the whole path; `each` is told of every point and may end it by `false`.
    ///
    /// # Errors
    /// As [`PathPlan::lambdas`].
    pub fn walk(&self, problem: &Problem, mut each: impl FnMut(&PathPoint) -> bool) -> Result<(), ProbeError> {
        let mut warm = problem.start();
        for lambda in self.lambdas(problem)? {
            if !each(&self.point(problem, lambda, &mut warm)?) {
                break;
            }
        }
        Ok(())
    }

    /// The smallest λ found whose predictor reads at most `target` concepts a class (mean number of weights that are
    /// not zero): the last point of the path before the mean exceeds the target, then bisection towards the next.
    ///
    /// Where not even the end of the path exceeds the target, it is that end.
    ///
    /// # Errors
    /// As [`PathPlan::lambdas`].
    pub fn reach(&self, problem: &Problem, target: f64) -> Result<PathPoint, ProbeError> {
        let mut warm = problem.start();
        let mut within: Option<(PathPoint, Warm)> = None;
        let mut beyond = None;
        for lambda in self.lambdas(problem)? {
            let point = self.point(problem, lambda, &mut warm)?;
            if point.fit.head.concepts_per_class() > target {
                beyond = Some(lambda);
                break;
            }
            within = Some((point, warm.clone()));
        }
        let Some((mut best, mut warm)) = within else {
            // The first point has no weights at all, but for rounding.
            return Err(ProbeError::BadParameter {
                name: "concepts-per-class",
                value: target,
                rule: "it must be above 0",
            });
        };
        if let Some(mut low) = beyond {
            for _ in 0..BISECTIONS {
                let middle = (low * best.lambda).sqrt();
                let mut trial = warm.clone();
                let point = self.point(problem, middle, &mut trial)?;
                if point.fit.head.concepts_per_class() > target {
                    low = middle;
                } else {
                    (best, warm) = (point, trial);
                }
            }
        }
        Ok(best)
    }

    fn point(&self, problem: &Problem, lambda: f64, warm: &mut Warm) -> Result<PathPoint, ProbeError> {
        Ok(PathPoint { lambda, fit: problem.solve(Penalty::new(lambda, self.alpha)?, self.solver, warm) })
    }
}
