//! Limited-memory BFGS with a backtracking (Armijo) line search, for smooth convex objectives (Nocedal & Wright,
//! *Numerical Optimization*, 2nd edition, algorithms 7.4 and 3.1).

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;

/// Minimises `objective`, which yields a value and its gradient, from `start`.
///
/// Stops when no component of the gradient exceeds `tolerance`, after `max_iterations`, or when no step along the
/// direction lowers the value any more. Returns the minimiser and whether the gradient got below the tolerance.
pub(crate) fn minimise(
    mut objective: impl FnMut(&[f64]) -> (f64, Vec<f64>),
    start: Vec<f64>,
    tolerance: f64,
    max_iterations: usize,
) -> (Vec<f64>, bool) {
    let mut x = start;
    let (mut value, mut gradient) = objective(&x);
    let mut history: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    for _ in 0..max_iterations {
        if gradient.iter().all(|g| g.abs() <= tolerance) {
            return (x, true);
        }
        let direction = direction(&gradient, &history);
        let slope = dot(&direction, &gradient);
        let mut length = if history.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt().max(1.0) } else { 1.0 };
        let step = loop {
            let candidate: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + length * d).collect();
            let (new_value, new_gradient) = objective(&candidate);
            if new_value <= value + 1e-4 * length * slope {
                break Some((candidate, new_value, new_gradient));
            }
            length *= 0.5;
            if length < 1e-12 {
                break None;
            }
        };
        let Some((candidate, new_value, new_gradient)) = step else { return (x, false) };
        let s: Vec<f64> = candidate.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = new_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&s, &y);
        // A step without positive curvature would break the positive definite model.
        if curvature > 1e-12 * dot(&y, &y) {
            if history.len() == MEMORY {
                history.remove(0);
            }
            history.push((s, y, curvature));
        }
        (x, value, gradient) = (candidate, new_value, new_gradient);
    }
    let converged = gradient.iter().all(|g| g.abs() <= tolerance);
    (x, converged)
}

/// The two-loop recursion: minus the inverse Hessian's model times the gradient.
fn direction(gradient: &[f64], history: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(history.len());
    for (s, y, curvature) in history.iter().rev() {
        let share = dot(s, &q) / curvature;
        add(&mut q, -share, y);
        shares.push(share);
    }
    if let Some((_, y, curvature)) = history.last() {
        let scale = curvature / dot(y, y);
        q.iter_mut().for_each(|v| *v *= scale);
    }
    for ((s, y, curvature), share) in history.iter().zip(shares.into_iter().rev()) {
        let correction = share - dot(y, &q) / curvature;
        add(&mut q, correction, s);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, of: &[f64]) {
    for (t, o) in to.iter_mut().zip(of) {
        *t += factor * o;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_skewed_bowl() {
        // (x−1)² + 100 (y + 2)² + x y / 2, whose minimum solves a 2 × 2 linear system.
        let (x, converged) = minimise(
            |p| {
                let (x, y) = (p[0], p[1]);
                (
                    (x - 1.0).powi(2) + 100.0 * (y + 2.0).powi(2) + 0.5 * x * y,
                    vec![2.0 * (x - 1.0) + 0.5 * y, 200.0 * (y + 2.0) + 0.5 * x],
                )
            },
            vec![5.0, 5.0],
            1e-9,
            200,
        );
        let determinant = 2.0 * 200.0 - 0.25;
        let truth = [(2.0 * 200.0 + 0.5 * 400.0) / determinant, (-400.0 * 2.0 - 0.5 * 2.0) / determinant];
        assert!(converged);
        assert!((x[0] - truth[0]).abs() < 1e-7 && (x[1] - truth[1]).abs() < 1e-7, "{x:?} for {truth:?}");
    }
}
