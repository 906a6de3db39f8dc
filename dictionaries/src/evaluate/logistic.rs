//! Logistic regression on a handful of columns, by Newton's method.

use ndarray::{Array2, ArrayView2};

/// Weights and bias, and whether the gradient vanished.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logistic {
    pub(super) weights: Vec<f64>,
    pub(super) bias: f64,
    pub(super) converged: bool,
}

const ROUNDS: usize = 100;

/// The minimum of Σ log(1 + e^{−s(w·x + b)}) + ½‖w‖² (s = ±1; the bias is free), which is scikit-learn's default, C = 1,
/// over samples [samples × columns], each of which counts so many times.
pub(super) fn fit(samples: ArrayView2<f64>, present: &[bool], counts: &[f64]) -> Logistic {
    let columns = samples.ncols();
    let mut at = vec![0.0; columns + 1];
    let mut loss = objective(samples, present, counts, &at);
    for _ in 0..ROUNDS {
        let (gradient, hessian) = derivatives(samples, present, counts, &at);
        let steepest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        if steepest < 1e-9 * counts.iter().sum::<f64>() {
            return Logistic { bias: at[columns], weights: at[..columns].to_vec(), converged: true };
        }
        let Some(step) = solve(hessian, gradient) else { break };
        // The loss is convex: half the step until it falls.
        let mut share = 1.0;
        let moved = loop {
            let next: Vec<f64> = at.iter().zip(&step).map(|(a, s)| a - share * s).collect();
            let now = objective(samples, present, counts, &next);
            if now <= loss {
                break Some((next, now));
            }
            share *= 0.5;
            if share < 1e-12 {
                break None;
            }
        };
        match moved {
            Some((next, now)) => (at, loss) = (next, now),
            None => break,
        }
    }
    Logistic { bias: at[columns], weights: at[..columns].to_vec(), converged: false }
}

/// Log odds of a sample.
pub(super) fn score<'a>(weights: &[f64], bias: f64, sample: impl IntoIterator<Item = &'a f64>) -> f64 {
    weights.iter().zip(sample).map(|(w, x)| w * x).sum::<f64>() + bias
}

fn objective(samples: ArrayView2<f64>, present: &[bool], counts: &[f64], at: &[f64]) -> f64 {
    let (weights, bias) = at.split_at(samples.ncols());
    let losses = samples.rows().into_iter().zip(present).zip(counts).map(|((x, &p), count)| {
        let margin = score(weights, bias[0], x);
        let wrong = if p { -margin } else { margin };
        // log(1 + e^m) without overflow.
        count * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p())
    });
    losses.sum::<f64>() + 0.5 * weights.iter().map(|w| w * w).sum::<f64>()
}

fn derivatives(samples: ArrayView2<f64>, present: &[bool], counts: &[f64], at: &[f64]) -> (Vec<f64>, Array2<f64>) {
    let columns = samples.ncols();
    let (mut gradient, mut hessian) = (vec![0.0; columns + 1], Array2::zeros((columns + 1, columns + 1)));
    let mut row = vec![1.0; columns + 1];
    for ((x, &p), count) in samples.rows().into_iter().zip(present).zip(counts) {
        row[..columns].iter_mut().zip(x).for_each(|(r, v)| *r = *v);
        let chance = 1.0 / (1.0 + (-score(&at[..columns], at[columns], x)).exp());
        let (slope, curve) = (count * (chance - f64::from(u8::from(p))), count * chance * (1.0 - chance));
        for i in 0..=columns {
            gradient[i] += slope * row[i];
            for j in 0..=i {
                hessian[[i, j]] += curve * row[i] * row[j];
            }
        }
    }
    for i in 0..columns {
        gradient[i] += at[i];
        hessian[[i, i]] += 1.0;
    }
    (gradient, hessian)
}

/// Solves with the lower triangle of a positive matrix (Cholesky); `None` where it is not.
fn solve(mut matrix: Array2<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| matrix[[i, k]] * matrix[[j, k]]).sum();
            let rest = matrix[[i, j]] - inner;
            if i == j {
                if rest <= 0.0 {
                    return None;
                }
                matrix[[i, i]] = rest.sqrt();
            } else {
                matrix[[i, j]] = rest / matrix[[j, j]];
            }
        }
    }
    for i in 0..n {
        let inner: f64 = (0..i).map(|k| matrix[[i, k]] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[[i, i]];
    }
    for i in (0..n).rev() {
        let inner: f64 = (i + 1..n).map(|k| matrix[[k, i]] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[[i, i]];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn as_scikit_learn_fits() {
        let x = array![[0.0, 1.0], [1.0, 0.5], [2.0, -1.0], [3.0, 0.0], [0.5, 2.0], [2.5, 1.5]];
        let found = fit(x.view(), &[false, false, true, true, false, true], &[1.0; 6]);
        // LogisticRegression(C=1.0, tol=1e-12, max_iter=10000) of scikit-learn 1.9.
        let expected = [1.148_757_77, -0.394_835_98, -1.476_642_21];
        assert!(found.converged);
        for (a, b) in found.weights.iter().chain([&found.bias]).zip(expected) {
            assert!((a - b).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn without_anything_to_go_by_the_bias_is_the_log_odds() {
        let found = fit(Array2::zeros((2, 1)).view(), &[true, false], &[1.0, 4.0]);
        assert!((found.bias - 0.25f64.ln()).abs() < 1e-8 && found.weights == [0.0]);
    }
}
