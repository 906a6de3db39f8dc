//! Adam with decoupled weight decay (Loshchilov & Hutter 2019), on arrays, for networks whose parameters live on the host.
//!
//! One pass over each parameter, where burn's own optimiser makes a tensor an operation; and a state that is written down
//! and read back as what it is.

use crate::DictionaryError;

/// The rule's numbers, PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay of the mean of gradients.
    pub beta_1: f64,
    /// Decay of the mean of squared gradients.
    pub beta_2: f64,
    /// Added to the root of the latter.
    pub epsilon: f64,
    /// Weight decay of the parameters that decay.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

/// Running means of one parameter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moments {
    /// Of the gradient.
    pub first: Vec<f32>,
    /// Of its square.
    pub second: Vec<f32>,
}

impl Moments {
    /// Of a parameter of so many numbers, before the first step.
    pub fn new(size: usize) -> Self {
        Self { first: vec![0.0; size], second: vec![0.0; size] }
    }
}

impl AdamW {
    /// Moves a parameter in step `step`, from 1; `decays` says whether the weight decay is for it.
    ///
    /// # Errors
    /// When gradient or moments are of another size.
    pub fn step(
        &self,
        step: u64,
        values: &mut [f32],
        gradient: &[f32],
        moments: &mut Moments,
        decays: bool,
    ) -> Result<(), DictionaryError> {
        for found in [gradient.len(), moments.first.len(), moments.second.len()] {
            if found != values.len() {
                let what = "numbers of a gradient or its moments".into();
                return Err(DictionaryError::Shape { what, found, expected: values.len() });
            }
        }
        let t = step.min(i32::MAX as u64) as i32;
        let (b1, b2) = (self.beta_1 as f32, self.beta_2 as f32);
        let root = (1.0 - self.beta_2.powi(t)).sqrt();
        // m̂ / (√v̂ + ε) with both corrections drawn out.
        let rate = (self.learning_rate * root / (1.0 - self.beta_1.powi(t))) as f32;
        let epsilon = (self.epsilon * root) as f32;
        let keep = if decays { 1.0 - (self.learning_rate * self.weight_decay) as f32 } else { 1.0 };
        let moved = values.iter_mut().zip(gradient).zip(moments.first.iter_mut().zip(&mut moments.second));
        for ((value, &g), (m, v)) in moved {
            *m = b1 * *m + (1.0 - b1) * g;
            *v = b2 * *v + (1.0 - b2) * g * g;
            *value = keep * *value - rate * *m / (v.sqrt() + epsilon);
        }
        Ok(())
    }
}

/// Scales gradients down to a common Euclidean norm of at most `norm`; returns the norm they had.
pub fn clip<'a>(gradients: impl Iterator<Item = &'a mut [f32]>, norm: f64) -> f64 {
    let mut gradients: Vec<&mut [f32]> = gradients.collect();
    let square = |g: &[f32]| g.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    let found = gradients.iter().map(|g| square(g)).sum::<f64>().sqrt();
    if found > norm {
        let scale = (norm / found) as f32;
        gradients.iter_mut().for_each(|g| g.iter_mut().for_each(|x| *x *= scale));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients (1, −2), (0.5, 0), (−1, 3) from (1, −1); the rule in 64 bits.
    #[test]
    fn steps_follow_the_published_rule() {
        let rule = AdamW { learning_rate: 0.1, ..AdamW::default() };
        for decays in [true, false] {
            let mut found = [1.0f32, -1.0];
            let mut moments = Moments::new(2);
            let (mut w, mut m, mut v) = ([1.0f64, -1.0], [0.0; 2], [0.0; 2]);
            for (t, g) in [[1.0f32, -2.0], [0.5, 0.0], [-1.0, 3.0]].iter().enumerate() {
                rule.step(t as u64 + 1, &mut found, g, &mut moments, decays).unwrap();
                for i in 0..2 {
                    let g = f64::from(g[i]);
                    w[i] *= if decays { 1.0 - 0.1 * 0.01 } else { 1.0 };
                    m[i] = 0.9 * m[i] + 0.1 * g;
                    v[i] = 0.999 * v[i] + 0.001 * g * g;
                    let t = t as i32 + 1;
                    let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
                    w[i] -= 0.1 * mh / (vh.sqrt() + 1e-8);
                }
            }
            assert!(found.iter().zip(w).all(|(f, w)| (f64::from(*f) - w).abs() < 2e-6), "{found:?} {w:?}");
        }
        assert!(rule.step(1, &mut [0.0], &[1.0, 2.0], &mut Moments::new(1), true).is_err());
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let mut gradients = [vec![3.0f32], vec![0.0, 4.0]];
        assert_eq!(clip(gradients.iter_mut().map(Vec::as_mut_slice), 1.0), 5.0);
        assert!((gradients[0][0] - 0.6).abs() < 1e-6 && (gradients[1][1] - 0.8).abs() < 1e-6);
        let mut small = [vec![0.3f32, 0.4]];
        clip(small.iter_mut().map(Vec::as_mut_slice), 1.0);
        assert_eq!(small[0], [0.3, 0.4]);
    }
}
