//! All classes under one softmax: classes in turn, each by proximal Newton steps.
//!
//! Given the others, class k is a logistic regression whose scores are offset by −log Σ_{l≠k} exp(f_l): the step of
//! one class is the step of [`super::binary`]. Adding one vector to the weights of all classes changes no probability;
//! after each round the vector that lowers the penalty most is added (Friedman, Hastie & Tibshirani 2010, 4.1). Rounds
//! alone converge slowly where classes are easily confused: each is followed by a step of all classes together
//! ([`super::support`]).

use super::binary::{self, Solved};
use super::design::Design;
use super::state::{Standing, State};
use super::support::Support;
use super::{Penalty, Stop};
use crate::cholesky::Cholesky;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

/// Samples that one thread looks at together: fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 2048;

/// Minimises the mean cross entropy plus penalty from where `states` stand; only classes in `present` have samples,
/// and the others stay out of the softmax.
pub(super) fn solve(
    design: &Design,
    labels: &[u32],
    present: &[usize],
    penalty: Penalty,
    stop: Stop,
    states: &mut [State],
) -> Solved {
    present.iter().for_each(|&k| states[k].restart());
    let targets: Vec<Vec<bool>> = present.iter().map(|&k| labels.iter().map(|&l| l as usize == k).collect()).collect();
    let mut rounds = 0;
    let mut all = settle(states, labels, present);
    loop {
        let gradient = design.gradients(&all.residual);
        let standing = standing(&all, &gradient, penalty, states, present);
        let converged = standing.gap <= stop.tolerance * standing.objective;
        if converged || rounds == stop.iterations {
            return Solved { standing, iterations: rounds, converged };
        }
        rounds += 1;
        let before: f64 = present.iter().map(|&k| penalty.sum(&states[k].weights)).sum();
        let mut moved = false;
        for (place, &k) in present.iter().enumerate() {
            let state = &mut states[k];
            let own: Vec<f64> = state.scores.iter().zip(&all.reference).map(|(f, m)| (f - m).exp()).collect();
            let others: Vec<f64> = all.total.iter().zip(&own).map(|(t, e)| (t - e).max(f64::MIN_POSITIVE)).collect();
            let offset: Vec<f64> = others.iter().zip(&all.reference).map(|(o, m)| o.ln() + m).collect();
            state.scores.iter_mut().zip(&offset).for_each(|(f, o)| *f -= o);
            let settled = binary::begin(&targets[place], state);
            let at = binary::look(design, &settled, penalty, state);
            moved |= binary::advance(design, &targets[place], penalty, stop, state, &settled, &at).is_some();
            state.scores.iter_mut().zip(&offset).for_each(|(f, o)| *f += o);
            let new = state.scores.iter().zip(&all.reference).map(|(f, m)| (f - m).exp());
            all.total.iter_mut().zip(new.zip(&others)).for_each(|(t, (e, o))| *t = e + o);
        }
        centre(states, present, penalty);
        all = settle(states, labels, present);
        all = together(design, all, labels, present, penalty, states);
        let after: f64 = present.iter().map(|&k| penalty.sum(&states[k].weights)).sum();
        if !moved && after >= before {
            return Solved { standing, iterations: rounds, converged };
        }
    }
}

/// What follows from the scores of all classes.
struct All {
    loss: f64,
    /// p − t [samples × classes present].
    residual: Array2<f64>,
    /// Largest score of each sample, and the sum over classes of the exponentials of the scores above it.
    reference: Vec<f64>,
    total: Vec<f64>,
}

/// Moves the intercepts to where the residuals of every class sum to zero (Newton), and looks at all samples.
fn settle(states: &mut [State], labels: &[u32], present: &[usize]) -> All {
    let n = labels.len() as f64;
    for _ in 0..30 {
        let all = look(states, labels, present);
        let slope: Array1<f64> = all.residual.sum_axis(Axis(0));
        if slope.iter().all(|s| s.abs() <= 1e-13 * n) {
            return all;
        }
        let mut step = slope;
        intercept_curvature(&all, labels, present).solve(step.view_mut());
        // Far from the minimum a step is kept short.
        let longest = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
        let scale = if longest > 2.0 { 2.0 / longest } else { 1.0 };
        present.iter().zip(&step).for_each(|(&k, s)| states[k].shift(-scale * s));
        if longest < 1e-15 {
            break;
        }
    }
    look(states, labels, present)
}

/// Σᵢ (diag pᵢ − pᵢ pᵢᵀ), with the direction in which nothing changes filled in.
fn intercept_curvature(all: &All, labels: &[u32], present: &[usize]) -> Cholesky {
    let p = probabilities(all, labels, present);
    let mut h = -p.t().dot(&p);
    let sums = p.sum_axis(Axis(0));
    let fill = sums.sum() / (present.len() * present.len()) as f64;
    h += fill;
    h.diag_mut().iter_mut().zip(&sums).for_each(|(h, s)| *h += s + 1e-12 * fill);
    Cholesky::new(h.view()).unwrap_or_else(|| {
        let identity = Array2::from_diag_elem(present.len(), sums.sum());
        Cholesky::new(identity.view()).unwrap_or_else(|| unreachable!("a multiple of the identity"))
    })
}

fn probabilities(all: &All, labels: &[u32], present: &[usize]) -> Array2<f64> {
    let mut p = all.residual.clone();
    for (mut row, &label) in p.outer_iter_mut().zip(labels) {
        if let Ok(place) = present.binary_search(&(label as usize)) {
            row[place] += 1.0;
        }
    }
    p
}

fn look(states: &[State], labels: &[u32], present: &[usize]) -> All {
    let (n, k) = (labels.len(), present.len());
    let mut residual = Array2::<f64>::zeros((n, k));
    let (mut reference, mut total, mut losses) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let blocks = residual
        .axis_chunks_iter_mut(Axis(0), ROWS)
        .collect::<Vec<_>>()
        .into_par_iter()
        .zip(reference.par_chunks_mut(ROWS))
        .zip(total.par_chunks_mut(ROWS).zip(losses.par_chunks_mut(ROWS)))
        .enumerate();
    blocks.for_each(|(block, ((mut rows, reference), (total, losses)))| {
        for (r, mut row) in rows.outer_iter_mut().enumerate() {
            let i = block * ROWS + r;
            row.iter_mut().zip(present).for_each(|(v, &k)| *v = states[k].scores[i]);
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let place = present.binary_search(&(labels[i] as usize)).unwrap_or(0);
            let score = row[place];
            row.mapv_inplace(|f| (f - largest).exp());
            let sum = row.sum();
            row.mapv_inplace(|e| e / sum);
            row[place] -= 1.0;
            (reference[r], total[r], losses[r]) = (largest, sum, sum.ln() + largest - score);
        }
    });
    All { loss: losses.iter().sum::<f64>() / n as f64, residual, reference, total }
}

/// One Newton step of all classes together, halved until it gains; `all` as it was where it gains nothing.
fn together(
    design: &Design,
    all: All,
    labels: &[u32],
    present: &[usize],
    penalty: Penalty,
    states: &mut [State],
) -> All {
    let features = design.features();
    let weights = Array2::from_shape_fn((features, present.len()), |(j, place)| states[present[place]].weights[j]);
    let probabilities = probabilities(&all, labels, present);
    let gradient = design.gradients(&all.residual);
    let support =
        Support { design, probabilities: probabilities.view(), weights: &weights, gradient: &gradient, penalty };
    let step = support.step();
    let before = objective(&all, states, present, penalty);
    let kept = states.to_vec();
    let mut length = 1.0;
    while length > 0.1 {
        let moved = Array2::from_shape_fn(weights.raw_dim(), |at| {
            let new = weights[at] + length * step[at];
            if new * weights[at] > 0.0 { new } else { 0.0 }
        });
        let scores = design.scores_of(moved.view());
        for (place, &k) in present.iter().enumerate() {
            let state = &mut states[k];
            state.weights = moved.column(place).to_vec();
            state.intercept = kept[k].intercept + length * step[[features, place]];
            state.scores = scores.column(place).iter().map(|f| f + state.intercept).collect();
        }
        let trial = settle(states, labels, present);
        if objective(&trial, states, present, penalty) < before {
            return trial;
        }
        length *= 0.5;
    }
    states.clone_from_slice(&kept);
    all
}

fn objective(all: &All, states: &[State], present: &[usize], penalty: Penalty) -> f64 {
    all.loss + present.iter().map(|&k| penalty.sum(&states[k].weights)).sum::<f64>()
}

fn standing(all: &All, gradient: &Array2<f64>, penalty: Penalty, states: &[State], present: &[usize]) -> Standing {
    let objective = objective(all, states, present, penalty);
    let bound = penalty.bound(objective);
    let mut standing = Standing { objective, gap: 0.0, violation: 0.0 };
    for (column, &k) in gradient.columns().into_iter().zip(present) {
        let column = column.to_vec();
        standing.gap += states[k].gap(&column, penalty, bound);
        let violations = states[k].weights.iter().zip(&column).map(|(&w, &g)| penalty.violation(w, g));
        standing.violation = violations.fold(standing.violation, f64::max);
    }
    standing
}

/// Adds to all classes' weights of a feature the number that makes their penalty least, where that gains anything.
/// Scores are left as they are: only their differences between classes matter.
fn centre(states: &mut [State], present: &[usize], penalty: Penalty) {
    for j in 0..states[present[0]].weights.len() {
        let mut weights: Vec<f64> = present.iter().map(|&k| states[k].weights[j]).collect();
        weights.sort_by(f64::total_cmp);
        let shift = cheapest_shift(&weights, penalty);
        let sum = |s: f64| weights.iter().map(|w| penalty.of(w - s)).sum::<f64>();
        if shift != 0.0 && sum(shift) < sum(0.0) * (1.0 - 1e-12) {
            present.iter().for_each(|&k| states[k].weights[j] -= shift);
        }
    }
}

/// argmin over s of Σ penalty(wₖ − s), for ascending weights: between two weights the derivative is linear.
fn cheapest_shift(weights: &[f64], penalty: Penalty) -> f64 {
    let count = weights.len() as f64;
    let mean = weights.iter().sum::<f64>() / count;
    let (a, q) = (penalty.absolute(), penalty.quadratic());
    // Derivative just right of s: q·K·(s − mean) + a·(weights at or below s − weights above).
    for (place, &w) in weights.iter().enumerate() {
        let below = place as f64;
        if q > 0.0 {
            // A zero of the derivative before this weight, with `below` weights beneath.
            let zero = mean - a * (2.0 * below - count) / (q * count);
            let previous = if place == 0 { f64::NEG_INFINITY } else { weights[place - 1] };
            if previous < zero && zero < w {
                return zero;
            }
        }
        if q * count * (w - mean) + a * (2.0 * (below + 1.0) - count) >= 0.0 {
            return w;
        }
    }
    mean
}
