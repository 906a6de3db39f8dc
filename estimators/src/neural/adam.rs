//! Adam ("Adam: a method for stochastic optimization", Kingma & Ba 2015, algorithm 1).

use super::weights::Weights;

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// The moments of the gradients seen so far.
pub(crate) struct Adam<W> {
    mean: W,
    square: W,
    step: i32,
}

impl<W: Weights> Adam<W> {
    pub(crate) fn new(model: &W) -> Self {
        Self { mean: model.zeros(), square: model.zeros(), step: 0 }
    }

    /// Goes one step down the gradient.
    pub(crate) fn step(&mut self, model: &mut W, gradient: &W, rate: f32) {
        self.step += 1;
        let rate = rate * (1.0 - SECOND.powi(self.step)).sqrt() / (1.0 - FIRST.powi(self.step));
        let moments = self.mean.slices_mut().into_iter().zip(self.square.slices_mut());
        for ((weights, gradient), (mean, square)) in model.slices_mut().into_iter().zip(gradient.slices()).zip(moments)
        {
            for (((w, &g), m), s) in weights.iter_mut().zip(gradient).zip(mean).zip(square) {
                *m += (1.0 - FIRST) * (g - *m);
                *s += (1.0 - SECOND) * (g * g - *s);
                *w -= rate * *m / (s.sqrt() + EPSILON);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mlp::{Activation, Mlp};
    use super::*;
    use crate::random::generator;

    #[test]
    fn the_first_step_is_the_rate_against_the_sign() {
        let mut model = Mlp::new(&[2, 1], Activation::Tanh, &mut generator(0, 0));
        let before: Vec<f32> = model.slices().concat();
        let mut gradient = model.zeros();
        gradient.slices_mut()[0].copy_from_slice(&[5.0, -0.01]);
        Adam::new(&model).step(&mut model, &gradient, 0.1);
        let after: Vec<f32> = model.slices().concat();
        assert!((after[0] - before[0] + 0.1).abs() < 1e-4 && (after[1] - before[1] - 0.1).abs() < 1e-4);
        assert_eq!(after[2], before[2]);
    }
}
