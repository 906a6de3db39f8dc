//! Adam (Kingma & Ba 2015), and decoder rows kept at norm 1 in the same pass.

use super::gradient::{BLOCK, Gradient};
use super::start::unit;
use crate::variants::Weights;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

const BETAS: (f32, f32) = (0.9, 0.999);
const EPSILON: f32 = 1e-8;

/// Moving averages of the derivatives and of their squares, in the order of [`tensors`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moments {
    pub(super) first: Weights,
    pub(super) second: Weights,
}

/// What a step does with a derivative.
#[derive(Debug, Clone, Copy)]
struct Rule {
    rate: f32,
    /// √ of the correction of the second moment.
    correction: f32,
    /// Derivatives are multiplied by it first.
    factor: f32,
}

impl Moments {
    pub(super) fn zeros(weights: &Weights) -> Self {
        let mut zero = weights.clone();
        zero.encoder.data_mut().fill(0.0);
        zero.decoder.data_mut().fill(0.0);
        zero.encoder_bias.fill(0.0);
        zero.bias.fill(0.0);
        zero.own.iter_mut().for_each(|o| o.fill(0.0));
        Self { first: zero.clone(), second: zero }
    }

    /// Forgets what it knows of a feature.
    pub(super) fn forget(&mut self, feature: usize) {
        for moment in [&mut self.first, &mut self.second] {
            moment.encoder.row_mut(feature).fill(0.0);
            moment.decoder.row_mut(feature).fill(0.0);
            moment.encoder_bias[feature] = 0.0;
            moment.own.iter_mut().for_each(|o| o[feature] = 0.0);
        }
    }

    /// The `step`-th step (from 1), with gradients multiplied by `factor`.
    pub(super) fn step(&mut self, weights: &mut Weights, gradient: &Gradient, step: u64, rate: f64, factor: f32) {
        let power = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
        let rule = Rule { rate: (rate / power(BETAS.0)) as f32, correction: power(BETAS.1).sqrt() as f32, factor };
        let (first, second) = (&mut self.first, &mut self.second);
        let inputs = weights.bias.len();
        let blocks = weights.encoder.par_blocks_mut(BLOCK).zip(gradient.encoder.data().par_chunks(BLOCK * inputs));
        let moments = first.encoder.par_blocks_mut(BLOCK).zip(second.encoder.par_blocks_mut(BLOCK));
        blocks.zip(moments).for_each(|((w, g), (m, v))| rule.apply(w, g, m, v));
        let blocks = weights.decoder.par_blocks_mut(BLOCK).zip(gradient.decoder.data().par_chunks(BLOCK * inputs));
        let moments = first.decoder.par_blocks_mut(BLOCK).zip(second.decoder.par_blocks_mut(BLOCK));
        blocks.zip(moments).for_each(|((w, g), (m, v))| {
            rule.apply(w, g, m, v);
            w.chunks_exact_mut(inputs).for_each(unit);
        });
        rule.apply(
            &mut weights.encoder_bias,
            &gradient.encoder_bias,
            &mut first.encoder_bias,
            &mut second.encoder_bias,
        );
        rule.apply(&mut weights.bias, &gradient.bias, &mut first.bias, &mut second.bias);
        for (i, own) in weights.own.iter_mut().enumerate() {
            rule.apply(own, &gradient.own[i], &mut first.own[i], &mut second.own[i]);
        }
    }
}

impl Rule {
    fn apply(self, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        Arch::new().dispatch(Apply { rule: self, weights, gradient, first, second });
    }
}

struct Apply<'a> {
    rule: Rule,
    weights: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (rule, inverse) = (self.rule, 1.0 / self.rule.correction);
        for (((w, g), m), v) in self.weights.iter_mut().zip(self.gradient).zip(self.first).zip(self.second) {
            let g = g * rule.factor;
            *m += (1.0 - BETAS.0) * (g - *m);
            *v = BETAS.1 * *v + (1.0 - BETAS.1) * g * g;
            *w -= rule.rate * *m / (v.sqrt() * inverse + EPSILON);
        }
    }
}
