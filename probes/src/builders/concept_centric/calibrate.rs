//! Shares of attention as probabilities: a logistic curve a concept.
//!
//! Platt (1999), "Probabilistic outputs for support vector machines", with his targets, (n₊ + 1)/(n₊ + 2) for present and
//! 1/(n₋ + 2) for absent, which keep the curve finite where shares tell both apart without fault. The curve is in the
//! logarithm of the share, which a concept's place competes in.

use ndarray::{Array2, ArrayView1, ArrayView2};

/// Kept under the logarithm.
const LEAST: f64 = 1e-6;
/// Newton steps at most; they are halved until the loss falls.
const STEPS: usize = 60;

fn logarithm(share: f64) -> f64 {
    share.max(LEAST).ln()
}

/// Intercept and slope of each concept [concepts × 2] for shares and labels [samples × concepts], NaN where missing.
pub(super) fn calibrate(shares: ArrayView2<'_, f64>, labels: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((shares.ncols(), 2));
    for ((shares, labels), mut to) in shares.columns().into_iter().zip(labels.columns()).zip(out.outer_iter_mut()) {
        let [intercept, slope] = curve(shares, labels);
        to[0] = intercept;
        to[1] = slope;
    }
    out
}

/// Probabilities [samples × concepts] of shares.
pub(super) fn probabilities(shares: ArrayView2<'_, f64>, curves: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn(shares.dim(), |(i, j)| {
        let z = curves[[j, 0]] + curves[[j, 1]] * logarithm(shares[[i, j]]);
        1.0 / (1.0 + (-z).exp())
    })
}

fn curve(shares: ArrayView1<'_, f64>, labels: ArrayView1<'_, f64>) -> [f64; 2] {
    let seen = || shares.iter().zip(labels).filter(|(_, t)| !t.is_nan());
    let (count, present) = seen().fold((0.0, 0.0), |(n, p), (_, t)| (n + 1.0, p + t));
    let (high, low) = ((present + 1.0) / (present + 2.0), 1.0 / (count - present + 2.0));
    let mean = seen().map(|(s, _)| logarithm(*s)).sum::<f64>() / count;
    let spread = (seen().map(|(s, _)| (logarithm(*s) - mean).powi(2)).sum::<f64>() / count).sqrt();
    let base = ((present + 1.0) / (count - present + 1.0)).ln();
    if spread.is_nan() || spread <= 1e-9 {
        return [base, 0.0];
    }
    let points: Vec<(f64, f64)> =
        seen().map(|(s, t)| ((logarithm(*s) - mean) / spread, low + t * (high - low))).collect();
    let loss = |[a, b]: [f64; 2]| -> f64 {
        let of = |(x, t): &(f64, f64)| {
            let z = a + b * x;
            z.max(0.0) + (-z.abs()).exp().ln_1p() - t * z
        };
        points.iter().map(of).sum()
    };
    let mut at = [base, 0.0];
    let mut now = loss(at);
    for _ in 0..STEPS {
        let (mut g, mut h) = ([0.0; 2], [1e-12, 0.0, 1e-12]);
        for (x, t) in &points {
            let p = 1.0 / (1.0 + (-(at[0] + at[1] * x)).exp());
            let w = p * (1.0 - p);
            g = [g[0] + p - t, g[1] + (p - t) * x];
            h = [h[0] + w, h[1] + w * x, h[2] + w * x * x];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        if determinant.is_nan() || determinant <= 0.0 {
            break;
        }
        let step = [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
        let mut length = 1.0;
        let moved = loop {
            let next = [at[0] - length * step[0], at[1] - length * step[1]];
            let found = loss(next);
            if found < now || length < 1e-6 {
                break (next, found);
            }
            length /= 2.0;
        };
        let fell = now - moved.1;
        if fell.is_nan() || fell <= 1e-15 * now {
            break;
        }
        (at, now) = moved;
    }
    [at[0] - at[1] * mean / spread, at[1] / spread]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    #[test]
    fn the_curve_is_that_of_logistic_regression_on_platt_s_targets() {
        // Shares e^x of x = −2, −1, 0 with labels 0, 1, 1 and one that is missing. The slopes of the loss must vanish.
        let shares = ndarray::array![(-2.0f64).exp(), (-1.0f64).exp(), 1.0, 0.3].insert_axis(Axis(1));
        let labels = ndarray::array![0.0, 1.0, 1.0, f64::NAN].insert_axis(Axis(1));
        let found = calibrate(shares.view(), labels.view());
        let p = probabilities(shares.view(), &found);
        let gaps = [p[[0, 0]] - 1.0 / 3.0, p[[1, 0]] - 0.75, p[[2, 0]] - 0.75];
        assert!(gaps.iter().sum::<f64>().abs() < 1e-6, "{gaps:?}");
        assert!((-2.0 * gaps[0] - gaps[1]).abs() < 1e-6, "{gaps:?}");
    }

    #[test]
    fn what_is_told_apart_or_never_there_stays_finite() {
        let shares = Array2::from_shape_fn((200, 3), |(i, j)| match j {
            0 => {
                if i < 100 {
                    0.01
                } else {
                    0.5
                }
            }
            1 => 0.2,
            _ => (i as f64 + 1.0) / 400.0,
        });
        let labels = Array2::from_shape_fn((200, 3), |(i, j)| f64::from(u8::from(j < 2 && i >= 100)));
        let curves = calibrate(shares.view(), labels.view());
        let p = probabilities(shares.view(), &curves);
        assert!(p[[0, 0]] < 0.02 && p[[150, 0]] > 0.98, "{curves}");
        assert!((p[[3, 1]] - 0.5).abs() < 1e-9 && curves[[1, 1]] == 0.0);
        assert!(p.column(2).iter().all(|p| *p < 0.01) && curves.iter().all(|c| c.is_finite()));
    }
}
