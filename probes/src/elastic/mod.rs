//! Sparse linear classifiers: logistic regression with the elastic-net penalty, to a stated duality gap.
//!
//! Minimises exactly
//!
//! `(1/N) Σᵢ loss(yᵢ, xᵢ·w + b) + λ (α‖w‖₁ + (1−α)/2 ‖w‖²)`
//!
//! with an intercept that is not penalised, over one weight vector a class: [`Loss::OneVsRest`] is a logistic
//! regression for each class by itself (the predictor of post-hoc concept bottlenecks; scikit-learn's `SGDClassifier`
//! with `alpha` = λ and `l1_ratio` = α, or its `LogisticRegression(penalty="elasticnet")` with C = 1/(Nλ)),
//! [`Loss::Multinomial`] the cross entropy of the softmax over all classes.
//!
//! The method is proximal Newton: coordinate descent on a quadratic model (Friedman, Hastie & Tibshirani 2010) over a
//! working set of features, with second derivatives kept over several steps while they serve, exact gradients, and a
//! line search. Weights that are zero are zero exactly. A fit ends when its duality gap, which bounds how far the
//! objective is above the minimum, is at most `tolerance` times the objective.

mod binary;
mod design;
mod multinomial;
mod path;
mod penalty;
mod problem;
mod quadratic;
mod state;
mod support;
#[cfg(test)]
mod tests;

pub use path::{PathPlan, PathPoint};
pub use penalty::Penalty;
pub use problem::{ElasticFit, Loss, Problem, Solver, Warm};

/// When a fit ends, and where its path comes from.
#[derive(Debug, Clone, Copy)]
struct Stop {
    /// Largest duality gap as a share of the objective.
    tolerance: f64,
    /// Largest number of Newton steps.
    iterations: usize,
    /// λ of the solution that the weights stand at, on a path.
    previous: Option<f64>,
}
