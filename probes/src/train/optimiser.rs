//! Stochastic gradient descent, Adam (Kingma & Ba 2015, algorithm 1) and AdamW (Loshchilov & Hutter 2019, algorithm 2).

use super::weights::Weights;

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// How a gradient becomes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Descent with momentum.
    Sgd,
    /// Adam; weight decay joins the gradient.
    Adam,
    /// Adam; weight decay acts on the weights beside it.
    AdamW,
}

/// A method with its constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub(crate) method: Method,
    pub(crate) rate: f32,
    /// Penalty on the weights: decay/2 ‖w‖², for AdamW a share rate · decay of them a step.
    pub(crate) decay: f32,
    /// Share of the last step that is kept, for descent.
    pub(crate) momentum: f32,
}

/// The moments of the gradients seen so far.
pub(crate) struct Optimiser {
    /// One a run of weights; the last holds for all that follow.
    steps: Vec<Step>,
    mean: Vec<Vec<f32>>,
    square: Vec<Vec<f32>>,
    taken: i32,
}

impl Optimiser {
    /// For the runs of a model in their order, a way of stepping each; the last holds for all that follow.
    pub(crate) fn new(steps: Vec<Step>, model: &impl Weights) -> Self {
        let zeros: Vec<Vec<f32>> = model.slices().iter().map(|s| vec![0.0; s.len()]).collect();
        Self { steps, mean: zeros.clone(), square: zeros, taken: 0 }
    }

    /// Goes one step down the gradient.
    pub(crate) fn step<W: Weights>(&mut self, model: &mut W, gradient: &W) {
        self.taken += 1;
        let moments = self.mean.iter_mut().zip(&mut self.square);
        let runs = model.slices_mut().into_iter().zip(gradient.slices()).zip(moments);
        let last = self.steps.len() - 1;
        for (i, ((weights, gradient), (mean, square))) in runs.enumerate() {
            let step = self.steps[i.min(last)];
            match step.method {
                Method::Sgd => descend(&step, weights, gradient, mean),
                Method::Adam | Method::AdamW => adapt(&step, self.taken, weights, gradient, mean, square),
            }
        }
    }
}

fn descend(step: &Step, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
    for ((w, &g), v) in weights.iter_mut().zip(gradient).zip(velocity) {
        *v = step.momentum * *v + (g + step.decay * *w);
        *w -= step.rate * *v;
    }
}

fn adapt(step: &Step, taken: i32, weights: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32]) {
    let (inside, beside) = if step.method == Method::Adam { (step.decay, 0.0) } else { (0.0, step.rate * step.decay) };
    let rate = step.rate / (1.0 - FIRST.powi(taken));
    let unbiased = 1.0 / (1.0 - SECOND.powi(taken)).sqrt();
    for (((w, &g), m), s) in weights.iter_mut().zip(gradient).zip(mean).zip(square) {
        let g = g + inside * *w;
        *m += (1.0 - FIRST) * (g - *m);
        *s += (1.0 - SECOND) * (g * g - *s);
        *w -= beside * *w + rate * *m / (s.sqrt() * unbiased + EPSILON);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    /// After three steps down the gradient (2, −1) + 0.5 w, from (1, −2).
    fn walked(method: Method) -> Array2<f32> {
        let mut model = array![[1.0f32, -2.0]];
        let step = Step { method, rate: 0.1, decay: 0.2, momentum: 0.9 };
        let mut optimiser = Optimiser::new(vec![step], &model);
        for _ in 0..3 {
            let gradient = array![[2.0f32, -1.0]] + &model * 0.5;
            optimiser.step(&mut model, &gradient);
        }
        model
    }

    #[test]
    fn steps_are_those_of_pytorch() {
        // torch.optim.{SGD, Adam, AdamW} of PyTorch 2.15 with these constants.
        let expected = [
            (Method::Sgd, [-0.425303, -0.733064]),
            (Method::Adam, [0.700285, -1.700327]),
            (Method::AdamW, [0.647410, -1.588742]),
        ];
        for (method, expected) in expected {
            let found = walked(method);
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-5, "{method:?}: {found} for {expected:?}");
            }
        }
    }

    #[test]
    fn each_run_of_weights_has_its_own_step() {
        let mut model = (array![[0.0f32]], array![[0.0f32]]);
        let step = |rate| Step { method: Method::Sgd, rate, decay: 0.0, momentum: 0.0 };
        let mut optimiser = Optimiser::new(vec![step(0.1), step(0.5)], &model);
        optimiser.step(&mut model, &(array![[1.0]], array![[1.0]]));
        assert_eq!(model, (array![[-0.1]], array![[-0.5]]));
    }
}
