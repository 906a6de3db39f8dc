//! The sparse linear probe on sparse codes: multinomial logistic regression with an absolute penalty.
//!
//! Minimises the mean cross entropy plus λ Σ|W| over weights [features × classes] and intercepts without a penalty. The
//! codes are never made dense. Accelerated proximal gradient (Beck & Teboulle 2009), started anew when the gradient
//! turns against the momentum (O'Donoghue & Candès 2015), with a step of its own for each feature: the curvature of the
//! softmax is at most ½ (Böhning 1992), and |X|ᵀ|X| is below the diagonal matrix of its row sums, so that ½ Σᵢ |xᵢⱼ| Σₗ |xᵢₗ| / N bounds
//! feature j's. Columns are centred, without being written out, which parts weights from intercepts. A fit ends when the
//! duality gap, which bounds how far the objective is above its minimum, is at most [`TOLERANCE`] times the objective.

use crate::cholesky::Cholesky;
use crate::{Head, ProbeError};
use narrows_dictionaries::Codes;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

/// Largest duality gap as a share of the objective.
pub(super) const TOLERANCE: f64 = 1e-4;
/// Most steps.
const MOST_STEPS: usize = 3000;
/// Steps between looks at the gap.
const LOOK: usize = 20;
/// Samples, or features, that one thread takes at once.
const PIECE: usize = 256;

/// A fitted probe.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SparseFit {
    /// On the codes as they are.
    pub(super) head: Head,
    /// λ.
    pub(super) lambda: f64,
    pub(super) objective: f64,
    pub(super) gap: f64,
    pub(super) steps: usize,
    pub(super) converged: bool,
}

/// Codes by row and by column, each feature in units of its own, with labels that all occur.
struct Design {
    rows: Vec<Vec<(u32, f64)>>,
    columns: Vec<Vec<(u32, f64)>>,
    means: Vec<f64>,
    /// A bound of each feature's curvature.
    bounds: Vec<f64>,
    labels: Vec<usize>,
    counts: Vec<f64>,
}

/// Weights [features × classes] with the intercepts of centred columns.
#[derive(Clone)]
struct Point {
    weights: Array2<f64>,
    intercepts: Array1<f64>,
}

impl Design {
    fn new(codes: &Codes, units: &[f64], labels: Vec<usize>, classes: usize) -> Self {
        let n = codes.n_samples() as f64;
        let rows: Vec<Vec<(u32, f64)>> = codes
            .rows()
            .map(|(features, values)| {
                features.iter().zip(values).map(|(&f, &v)| (f, f64::from(v) / units[f as usize])).collect()
            })
            .collect();
        let mut columns = vec![Vec::new(); codes.width()];
        let mut bounds = vec![0.0; codes.width()];
        for (sample, row) in rows.iter().enumerate() {
            let sum: f64 = row.iter().map(|(_, v)| v.abs()).sum();
            for &(feature, value) in row {
                columns[feature as usize].push((sample as u32, value));
                bounds[feature as usize] += 0.5 * value.abs() * sum / n;
            }
        }
        let means = columns.iter().map(|c: &Vec<(u32, f64)>| c.iter().map(|(_, v)| v).sum::<f64>() / n).collect();
        let mut counts = vec![0.0; classes];
        labels.iter().for_each(|&l| counts[l] += 1.0);
        Self { rows, columns, means, bounds, labels, counts }
    }

    /// What is taken off every sample's scores for the columns to be centred, less the intercepts.
    fn shift(&self, at: &Point) -> Array1<f64> {
        let mut shift = at.intercepts.clone();
        for (row, &mean) in at.weights.outer_iter().zip(&self.means) {
            if mean != 0.0 {
                shift.scaled_add(-mean, &row);
            }
        }
        shift
    }

    fn scores(&self, at: &Point) -> Array2<f64> {
        let shift = self.shift(at);
        let mut scores = Array2::zeros((self.rows.len(), self.counts.len()));
        let pieces: Vec<_> = scores.axis_chunks_iter_mut(Axis(0), PIECE).zip(self.rows.chunks(PIECE)).collect();
        pieces.into_par_iter().for_each(|(mut piece, rows)| {
            for (mut to, row) in piece.outer_iter_mut().zip(rows) {
                to.assign(&shift);
                for &(feature, value) in row {
                    to.scaled_add(value, &at.weights.row(feature as usize));
                }
            }
        });
        scores
    }

    /// Mean cross entropy of scores, which become residuals p − y.
    fn residuals(&self, scores: &mut Array2<f64>) -> f64 {
        let pieces: Vec<_> = scores.axis_chunks_iter_mut(Axis(0), PIECE).zip(self.labels.chunks(PIECE)).collect();
        let losses: Vec<f64> = pieces
            .into_par_iter()
            .map(|(mut piece, labels)| {
                let mut loss = 0.0;
                for (mut row, &label) in piece.outer_iter_mut().zip(labels) {
                    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let own = row[label];
                    row.mapv_inplace(|s| (s - largest).exp());
                    let total = row.sum();
                    loss += total.ln() + largest - own;
                    row.mapv_inplace(|e| e / total);
                    row[label] -= 1.0;
                }
                loss
            })
            .collect();
        losses.iter().sum::<f64>() / self.labels.len() as f64
    }

    /// Gradient of the mean loss by weights and intercepts.
    fn gradient(&self, residuals: &Array2<f64>) -> Point {
        let n = self.rows.len() as f64;
        let intercepts = residuals.sum_axis(Axis(0)) / n;
        let mut weights = Array2::zeros((self.columns.len(), self.counts.len()));
        let pieces: Vec<_> = weights.axis_chunks_iter_mut(Axis(0), PIECE).zip(self.columns.chunks(PIECE)).collect();
        pieces.into_par_iter().for_each(|(mut piece, columns)| {
            for (mut to, column) in piece.outer_iter_mut().zip(columns) {
                for &(sample, value) in column {
                    to.scaled_add(value / n, &residuals.row(sample as usize));
                }
            }
        });
        for (mut row, &mean) in weights.outer_iter_mut().zip(&self.means) {
            row.scaled_add(-mean, &intercepts);
        }
        Point { weights, intercepts }
    }

    /// Moves intercepts to where the residuals of each class sum to zero (Newton's method): what makes them feasible in
    /// the dual. Yields scores' residuals with the mean loss, or nothing where rounding or a far start prevents it.
    fn settle(&self, at: &mut Point) -> Option<(Array2<f64>, f64)> {
        let k = self.counts.len();
        for _ in 0..20 {
            let mut residuals = self.scores(at);
            let loss = self.residuals(&mut residuals);
            let sums = residuals.sum_axis(Axis(0)) / self.labels.len() as f64;
            if sums.iter().all(|s| s.abs() <= 1e-11) {
                return Some((residuals, loss));
            }
            // Only differences between intercepts count: the ones fill the direction that the curvature leaves open.
            let mut curvature = Array2::from_elem((k, k), 1.0 / k as f64);
            for (row, &label) in residuals.outer_iter().zip(&self.labels) {
                let p = |c: usize| row[c] + if c == label { 1.0 } else { 0.0 };
                for c in 0..k {
                    let scaled = p(c) / self.labels.len() as f64;
                    curvature[[c, c]] += scaled;
                    (0..k).for_each(|d| curvature[[c, d]] -= scaled * p(d));
                }
            }
            let mut step = sums;
            Cholesky::new(curvature.view())?.solve(step.view_mut());
            at.intercepts.zip_mut_with(&step, |b, s| *b -= s.clamp(-2.0, 2.0));
        }
        None
    }

    /// Objective and duality gap at a settled point.
    fn gap(&self, at: &mut Point, lambda: f64) -> Option<(f64, f64)> {
        let (residuals, loss) = self.settle(at)?;
        let objective = loss + lambda * at.weights.iter().map(|w| w.abs()).sum::<f64>();
        let steepest = self.gradient(&residuals).weights.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let share = (lambda / steepest.max(f64::MIN_POSITIVE)).min(1.0);
        // Residuals times `share` are feasible; the dual is the mean entropy of the probabilities that they belong to.
        let entropy = |(row, &label): (ndarray::ArrayView1<'_, f64>, &usize)| {
            let p = row.iter().enumerate().map(|(c, r)| share * r + if c == label { 1.0 } else { 0.0 });
            p.filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum::<f64>()
        };
        let dual = residuals.outer_iter().zip(&self.labels).map(entropy).sum::<f64>() / self.labels.len() as f64;
        Some((objective, objective - dual))
    }

    /// No weight, and the intercepts of the classes' shares.
    fn start(&self) -> Point {
        let logs: Array1<f64> = self.counts.iter().map(|c| c.ln()).collect();
        let mean = logs.sum() / logs.len() as f64;
        Point { weights: Array2::zeros((self.columns.len(), logs.len())), intercepts: logs - mean }
    }

    /// The proximal step from a point.
    fn step(&self, from: &Point, lambda: f64) -> Point {
        let mut residuals = self.scores(from);
        self.residuals(&mut residuals);
        let gradient = self.gradient(&residuals);
        let mut to = from.clone();
        to.intercepts.scaled_add(-2.0, &gradient.intercepts);
        for ((mut row, slopes), &bound) in
            to.weights.outer_iter_mut().zip(gradient.weights.outer_iter()).zip(&self.bounds)
        {
            if bound > 0.0 {
                row.zip_mut_with(&slopes, |w, &g| {
                    let free = *w - g / bound;
                    *w = (free.abs() - lambda / bound).max(0.0).copysign(free);
                });
            }
        }
        to
    }

    fn minimise(&self, lambda: f64) -> (Point, f64, f64, usize) {
        let (mut now, mut momentum) = (self.start(), 1.0f64);
        let mut ahead = now.clone();
        let mut best = (now.clone(), f64::INFINITY, f64::INFINITY, 0);
        for steps in 1..=MOST_STEPS {
            let next = self.step(&ahead, lambda);
            let against = |ahead: f64, next: f64, now: f64| (ahead - next) * (next - now);
            let mut turn = 0.0;
            for (j, bound) in self.bounds.iter().enumerate().filter(|(_, b)| **b > 0.0) {
                let (a, x, b) = (ahead.weights.row(j), next.weights.row(j), now.weights.row(j));
                turn += bound * a.iter().zip(x).zip(b).map(|((a, x), b)| against(*a, *x, *b)).sum::<f64>();
            }
            let ends = ahead.intercepts.iter().zip(&next.intercepts).zip(&now.intercepts);
            turn += 0.5 * ends.map(|((a, x), b)| against(*a, *x, *b)).sum::<f64>();
            let following = if turn > 0.0 { 1.0 } else { 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) };
            let share = if turn > 0.0 { 0.0 } else { (momentum - 1.0) / following };
            ahead.weights = &next.weights + &((&next.weights - &now.weights) * share);
            ahead.intercepts = &next.intercepts + &((&next.intercepts - &now.intercepts) * share);
            (now, momentum) = (next, following);
            if steps % LOOK == 0 || steps == MOST_STEPS {
                let mut settled = now.clone();
                if let Some((objective, gap)) = self.gap(&mut settled, lambda)
                    && gap < best.2
                {
                    best = (settled, objective, gap, steps);
                    if gap <= TOLERANCE * objective {
                        return best;
                    }
                }
            }
        }
        best.3 = MOST_STEPS;
        best
    }
}

/// Fits a probe to codes with the class of each sample, numbers below `n_classes`. λ is the share `penalty` of the smallest
/// λ at which all weights are zero. With `each`, the penalty sees each feature in units of its root mean square.
///
/// # Errors
/// When there are other numbers of labels than samples, or no feature is active on any.
pub(super) fn fit(
    codes: &Codes,
    labels: &[u32],
    n_classes: usize,
    (penalty, each): (f64, bool),
) -> Result<SparseFit, ProbeError> {
    let n = codes.n_samples();
    if n != labels.len() {
        return Err(ProbeError::LengthMismatch { embeddings: n, other: labels.len(), what: "labels" });
    }
    let mut units = vec![1.0; codes.width()];
    if each {
        let squares = codes.by_feature().into_iter().map(|c| c.iter().map(|(_, v)| f64::from(*v).powi(2)).sum::<f64>());
        units = squares.map(|s| if s > 0.0 { (s / n as f64).sqrt() } else { 1.0 }).collect();
    }
    let present: Vec<u32> = (0..n_classes as u32).filter(|k| labels.contains(k)).collect();
    let place = |label: &u32| present.iter().position(|p| p == label);
    let own: Option<Vec<usize>> = labels.iter().map(place).collect();
    let own =
        own.ok_or_else(|| ProbeError::Data(format!("a label is not below the number of classes, {n_classes}")))?;
    let design = Design::new(codes, &units, own, present.len());
    let mut residuals = design.scores(&design.start());
    design.residuals(&mut residuals);
    let largest = design.gradient(&residuals).weights.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    if largest <= 0.0 {
        return Err(ProbeError::Data("no feature of the dictionary varies over the training samples".into()));
    }
    let lambda = penalty * largest;
    let (point, objective, gap, steps) = design.minimise(lambda);
    // Only differences between intercepts count: they are reported around zero.
    let shift = design.shift(&point);
    let shift = &shift - shift.sum() / shift.len() as f64;
    // A class that does not occur lies below all others, as rare as less than half a sample among all.
    let never = shift.iter().copied().fold(f64::INFINITY, f64::min) - (2.0 * n as f64 + 1.0).ln();
    let mut head =
        Head { weights: Array2::zeros((codes.width(), n_classes)), intercepts: Array1::from_elem(n_classes, never) };
    for (at, &class) in present.iter().enumerate() {
        head.intercepts[class as usize] = shift[at];
        let column = point.weights.column(at);
        let mut to = head.weights.column_mut(class as usize);
        to.iter_mut().zip(column).zip(&units).for_each(|((t, w), unit)| *t = w / unit);
    }
    Ok(SparseFit { head, lambda, objective, gap, steps, converged: gap <= TOLERANCE * objective })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elastic::{Loss, Penalty, Problem, Solver};

    fn codes() -> (Codes, Vec<u32>) {
        let mut codes = Codes::new(12);
        for i in 0..150u32 {
            let value = |f: u32| 1.0 + 0.5 * ((i * 7 + f * 13) as f32).sin();
            let mut features = [i % 3, 3 + i % 4, 7 + (i * i) % 4];
            features.sort_unstable();
            codes.push(features.map(|f| (f, value(f))));
        }
        // Every fifth label is another's, so that no fit is perfect; class 3 never occurs.
        let labels = (0..150).map(|i| if i % 5 == 0 { (i / 5) % 3 } else { i % 3 }).collect();
        (codes, labels)
    }

    #[test]
    fn the_minimum_is_that_of_the_elastic_net_on_dense_codes() {
        let (codes, labels) = codes();
        let found = fit(&codes, &labels, 4, (0.05, false)).unwrap();
        let dense = codes.to_dense().mapv(f64::from);
        let problem = Problem::new(dense.view(), &labels, 4, Loss::Multinomial).unwrap();
        assert!((found.lambda - 0.05 * problem.largest_lambda(1.0)).abs() < 1e-10);
        let expected = problem.solve(Penalty::new(found.lambda, 1.0).unwrap(), Solver::default(), &mut problem.start());
        let least = expected.objectives[0];
        assert!(found.converged && found.gap <= TOLERANCE * found.objective);
        assert!(found.objective >= least - 1e-7 && found.objective - least <= found.gap + 1e-7, "{}", found.objective);
        let difference = &found.head.scores(dense.view()) - &expected.head.scores(dense.view());
        assert!(difference.iter().all(|d| d.abs() < 0.3), "{difference}");
    }

    #[test]
    fn at_the_largest_penalty_no_weight_is_left() {
        let (codes, labels) = codes();
        let none = fit(&codes, &labels, 4, (1.0, false)).unwrap();
        assert!(none.converged && none.head.weights.iter().all(|&w| w == 0.0));
        let some = fit(&codes, &labels, 4, (0.9, true)).unwrap();
        assert!(some.head.weights.iter().any(|&w| w != 0.0));
        assert!(some.head.intercepts[3] < some.head.intercepts[0] - 5.0);
    }
}
