//! Probabilities of concepts that are measured in margins or similarities: Platt's scaling ("Probabilistic outputs for
//! support vector machines", 1999), a logistic curve a concept.

use crate::ProbeError;
use ndarray::{Array2, ArrayView1, ArrayView2};

/// A logistic curve a concept: p = 1 / (1 + exp(−(slope · value + offset))).
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    curves: Vec<[f64; 2]>,
}

/// Newton steps at most.
const STEPS: usize = 100;

impl Calibration {
    /// Fits curves to values [samples × concepts] and labels of the same shape, NaN where unknown.
    ///
    /// # Errors
    /// When the shapes differ, or a concept (by its number from 1) has no label or one value only.
    pub fn fit(values: ArrayView2<'_, f64>, truth: ArrayView2<'_, f64>) -> Result<Self, ProbeError> {
        if values.dim() != truth.dim() {
            let (found, expected) = (truth.len(), values.len());
            return Err(ProbeError::Shape { what: "concept labels to calibrate by".into(), found, expected });
        }
        let curve = |k: usize| {
            platt(values.column(k), truth.column(k)).ok_or_else(|| {
                ProbeError::Data(format!(
                    "concept {}: a probability needs samples that have it and samples that lack it",
                    k + 1
                ))
            })
        };
        Ok(Self { curves: (0..values.ncols()).map(curve).collect::<Result<_, _>>()? })
    }

    /// Probabilities [samples × concepts] of values.
    ///
    /// # Errors
    /// When the number of concepts is another than at the fit.
    pub fn probabilities(&self, values: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        if values.ncols() != self.curves.len() {
            let (found, expected) = (values.ncols(), self.curves.len());
            return Err(ProbeError::Shape { what: "concepts to calibrate".into(), found, expected });
        }
        let at = |(i, k): (usize, usize)| {
            let [slope, offset] = self.curves[k];
            1.0 / (1.0 + (-(slope * values[[i, k]] + offset)).exp())
        };
        Ok(Array2::from_shape_fn(values.dim(), at))
    }
}

/// Slope and offset of the least cross entropy to Platt's targets (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2), which keep it finite
/// where the values part the labels.
fn platt(values: ArrayView1<'_, f64>, truth: ArrayView1<'_, f64>) -> Option<[f64; 2]> {
    let known: Vec<(f64, bool)> =
        values.iter().zip(truth).filter(|(_, t)| !t.is_nan()).map(|(&v, &t)| (v, t >= 0.5)).collect();
    let n = known.len() as f64;
    let there = known.iter().filter(|k| k.1).count() as f64;
    if there == 0.0 || there == n {
        return None;
    }
    let mean = known.iter().map(|k| k.0).sum::<f64>() / n;
    let spread = (known.iter().map(|k| (k.0 - mean).powi(2)).sum::<f64>() / n).sqrt();
    let spread = if spread > 0.0 { spread } else { 1.0 };
    let target = |present: bool| if present { (there + 1.0) / (there + 2.0) } else { 1.0 / (n - there + 2.0) };
    let loss = |[a, b]: [f64; 2]| {
        let term = |&(v, t): &(f64, bool)| {
            let z = a * (v - mean) / spread + b;
            // ln(1 + e^z) − target · z without overflow.
            z.max(0.0) + (-z.abs()).exp().ln_1p() - target(t) * z
        };
        known.iter().map(term).sum::<f64>()
    };
    let mut at = [0.0, (there / (n - there)).ln()];
    let mut lowest = loss(at);
    for _ in 0..STEPS {
        let (mut gradient, mut hessian) = ([0.0; 2], [0.0; 3]);
        for &(v, t) in &known {
            let x = (v - mean) / spread;
            let p = 1.0 / (1.0 + (-(at[0] * x + at[1])).exp());
            let (error, weight) = (p - target(t), p * (1.0 - p));
            gradient = [gradient[0] + error * x, gradient[1] + error];
            hessian = [hessian[0] + weight * x * x, hessian[1] + weight * x, hessian[2] + weight];
        }
        if gradient.iter().all(|g| g.abs() < 1e-9 * n) {
            break;
        }
        // A little on the diagonal where all values are the same.
        let [aa, ab, bb] = [hessian[0] + 1e-10, hessian[1], hessian[2] + 1e-10];
        let determinant = aa * bb - ab * ab;
        let step =
            [(bb * gradient[0] - ab * gradient[1]) / determinant, (aa * gradient[1] - ab * gradient[0]) / determinant];
        let mut length = 1.0;
        let found = loop {
            let next = [at[0] - length * step[0], at[1] - length * step[1]];
            let value = loss(next);
            if value <= lowest || length < 1e-8 {
                break (next, value);
            }
            length *= 0.5;
        };
        if found.1 >= lowest {
            break;
        }
        (at, lowest) = found;
    }
    Some([at[0] / spread, at[1] - at[0] * mean / spread])
}
