//! One class against the rest: proximal Newton steps on the logistic loss.

use super::design::Design;
use super::state::{Standing, State};
use super::{Penalty, Stop};

/// Second derivatives below this are raised to it: a sample beyond doubt still bends the model a little.
const LEAST_CURVATURE: f64 = 1e-12;

/// The loss and the residuals p − t of all samples at the intercept at which the residuals sum to zero.
pub(super) struct Settled {
    /// Mean over the samples.
    loss: f64,
    residual: Vec<f64>,
    shift: f64,
}

/// log(1 + eᶠ) and 1/(1 + e⁻ᶠ), without overflow.
fn soft_plus(f: f64) -> (f64, f64) {
    let e = (-f.abs()).exp();
    let p = if f >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
    (f.max(0.0) + e.ln_1p(), p)
}

/// Moves the scores to the best intercept (Newton in one dimension), so that the residuals sum to zero: what makes
/// them a feasible point of the dual.
fn settle(scores: &mut [f64], targets: &[bool]) -> Settled {
    let n = scores.len() as f64;
    let mut shift = 0.0;
    for _ in 0..60 {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (&f, &t) in scores.iter().zip(targets) {
            let p = 1.0 / (1.0 + (-f).exp());
            slope += p - f64::from(u8::from(t));
            curvature += p * (1.0 - p);
        }
        // A step is kept short enough for the far tail, where the curvature says nothing.
        let by = (-slope / curvature.max(f64::MIN_POSITIVE)).clamp(-2.0, 2.0);
        if slope.abs() <= 1e-13 * n || by.abs() < 1e-15 {
            break;
        }
        shift += by;
        scores.iter_mut().for_each(|f| *f += by);
    }
    let mut loss = 0.0;
    let residual = scores.iter().zip(targets).map(|(&f, &t)| {
        let (soft_plus, p) = soft_plus(f);
        loss += if t { soft_plus - f } else { soft_plus };
        if t { p - 1.0 } else { p }
    });
    let residual = residual.collect();
    Settled { loss: loss / n, residual, shift }
}

/// Moves a state to its best intercept.
pub(super) fn begin(targets: &[bool], state: &mut State) -> Settled {
    let settled = settle(&mut state.scores, targets);
    state.intercept += settled.shift;
    settled
}

/// Where a settled state stands, and the gradient of its loss.
pub(super) fn look(design: &Design, settled: &Settled, penalty: Penalty, state: &State) -> (Standing, Vec<f64>) {
    let gradient = design.gradient(&settled.residual).to_vec();
    (state.standing(settled.loss, &gradient, penalty), gradient)
}

/// One proximal Newton step with its line search; `None` when rounding hides any descent that is left.
pub(super) fn advance(
    design: &Design,
    targets: &[bool],
    penalty: Penalty,
    stop: Stop,
    state: &mut State,
    settled: &Settled,
    (standing, gradient): &(Standing, Vec<f64>),
) -> Option<Settled> {
    let weight = || settled.residual.iter().map(|r| (r.abs() * (1.0 - r.abs())).max(LEAST_CURVATURE)).collect();
    let step = state.step(design, weight, gradient, penalty, standing.gap, stop);
    let linear: f64 = step.changes.iter().map(|&(j, c)| gradient[j] * c).sum();
    let decrease = linear + state.penalty_change(&step, 1.0, penalty);
    let direction = State::direction(design, &step);
    let mut length = 1.0;
    while length > 1e-9 {
        let mut scores: Vec<f64> = state.scores.iter().zip(&direction).map(|(f, d)| f + length * d).collect();
        let trial = settle(&mut scores, targets);
        let change = trial.loss - settled.loss + state.penalty_change(&step, length, penalty);
        if change <= 1e-4 * length * decrease + 1e-15 * standing.objective {
            state.take(&step, length, scores, trial.shift);
            return Some(trial);
        }
        length *= 0.5;
    }
    None
}

/// Minimises `(1/N) Σ log(1 + exp(−yᵢ fᵢ)) + penalty(w)` from where `state` stands. `targets` must hold both values.
pub(super) fn solve(design: &Design, targets: &[bool], penalty: Penalty, stop: Stop, state: &mut State) -> Solved {
    state.restart();
    let mut settled = begin(targets, state);
    let mut iterations = 0;
    loop {
        let at = look(design, &settled, penalty, state);
        let standing = at.0;
        let converged = standing.gap <= stop.tolerance * standing.objective;
        if converged || iterations == stop.iterations {
            return Solved { standing, iterations, converged };
        }
        iterations += 1;
        match advance(design, targets, penalty, stop, state, &settled, &at) {
            Some(next) => settled = next,
            None => return Solved { standing, iterations, converged },
        }
    }
}

/// How a fit ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Solved {
    pub(super) standing: Standing,
    pub(super) iterations: usize,
    pub(super) converged: bool,
}
