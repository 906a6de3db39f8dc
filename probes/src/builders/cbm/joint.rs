//! Concepts and classes learnt together.

use super::fitted::Reading;
use crate::train::{ConceptLoss, Mlp, Task, cross_entropy, sigmoid};
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;

/// Cross entropy of the class plus λ times the concepts' loss, for a concept predictor and a head.
pub(super) struct JointTask<'a> {
    /// [rows × features].
    pub(super) inputs: Array2<f32>,
    /// [rows × concepts], NaN where missing.
    pub(super) concepts: Array2<f32>,
    pub(super) labels: &'a [u32],
    pub(super) loss: ConceptLoss,
    pub(super) lambda: f64,
    pub(super) reading: Reading,
}

impl Task for JointTask<'_> {
    type Model = (Mlp, Mlp);

    fn gradient(&self, model: &(Mlp, Mlp), rows: &[usize], noise: &mut ChaCha8Rng, into: &mut (Mlp, Mlp)) -> f64 {
        let concepts = model.0.trace(self.inputs.select(Axis(0), rows), noise);
        let odds = concepts.output();
        let head = model.1.trace(self.reading.in_training(odds), noise);
        let (class_loss, slope) = cross_entropy(head.output(), rows.iter().map(|&r| self.labels[r]));
        let slope = model.1.backward(&head, slope, &mut into.1);
        let mut by_odds = model.1.by_input(&slope);
        if self.reading != Reading::Logit {
            // A step has no slope: the hard reading passes the sigmoid's on (Bengio, Léonard & Courville 2013).
            by_odds.zip_mut_with(odds, |g, &z| {
                let p = sigmoid(z);
                *g *= p * (1.0 - p);
            });
        }
        let (concept_loss, slope) = self.loss.of(odds, &self.concepts.select(Axis(0), rows));
        by_odds.scaled_add(self.lambda as f32, &slope);
        model.0.backward(&concepts, by_odds, &mut into.0);
        class_loss + self.lambda * concept_loss
    }

    fn loss(&self, model: &(Mlp, Mlp), rows: &[usize]) -> f64 {
        let odds = model.0.forward(self.inputs.select(Axis(0), rows).view());
        let scores = model.1.forward(self.reading.in_training(&odds).view());
        let concepts = self.loss.of(&odds, &self.concepts.select(Axis(0), rows)).0;
        cross_entropy(&scores, rows.iter().map(|&r| self.labels[r])).0 + self.lambda * concepts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::oracle::{assert_near, matrix, network};
    use crate::train::{Purpose, Shape, Weights, stream};
    use burn::tensor::{Device, activation};

    #[test]
    fn the_gradient_is_that_of_burn() {
        let inputs = Array2::from_shape_fn((9, 4), |(i, j)| ((i * 4 + j) as f32 * 1.3).sin());
        let concepts = Array2::from_shape_fn((9, 3), |(i, j)| ((i * j + i) % 3) as f32 / 2.0);
        let labels: Vec<u32> = (0..9).map(|i| i % 2).collect();
        let rows: Vec<usize> = vec![8, 1, 2, 5, 0, 3];
        let weights = |part| stream(4, Purpose::Weights, part, 0);
        let model = (
            Mlp::new(&Shape::relu(4, &[6], 3, 0.0), &mut weights(0)),
            Mlp::new(&Shape::relu(3, &[5], 2, 0.0), &mut weights(1)),
        );
        for reading in [Reading::Sigmoid, Reading::Logit, Reading::Hard] {
            let loss = ConceptLoss::plain(3);
            let task = JointTask {
                inputs: inputs.clone(),
                concepts: concepts.clone(),
                labels: &labels,
                loss,
                lambda: 0.7,
                reading,
            };
            let mut found = model.clone();
            found.clear();
            let value = task.gradient(&model, &rows, &mut stream(0, Purpose::Noise, 0, 0), &mut found);

            let device = Device::flex().autodiff();
            let (g, f) = (network(&model.0, &device), network(&model.1, &device));
            let odds = g.forward(matrix(&inputs.select(Axis(0), &rows), &device));
            let soft = activation::sigmoid(odds.clone());
            let read = match reading {
                Reading::Sigmoid => soft,
                Reading::Logit => odds.clone(),
                Reading::Hard => odds.clone().detach().greater_equal_elem(0.0).float() + soft.clone() - soft.detach(),
            };
            let one_hot = Array2::from_shape_fn((6, 2), |(i, k)| f32::from(labels[rows[i]] as usize == k));
            let class = -(activation::log_softmax(f.forward(read), 1) * matrix(&one_hot, &device)).sum() / 6.0;
            let truth = matrix(&concepts.select(Axis(0), &rows), &device);
            let concept = (activation::softplus(odds.clone(), 1.0) - odds * truth).mean();
            let total = class + concept * 0.7;
            let gradients = total.backward();
            let expected = [g.gradients(&gradients), f.gradients(&gradients)].concat();
            assert!((value - f64::from(total.into_scalar::<f32>())).abs() < 1e-5);
            assert!((task.loss(&model, &rows) - value).abs() < 1e-6);
            for (found, expected) in found.slices().iter().zip(&expected) {
                assert_near(found, expected, 1e-5);
            }
        }
    }

    /// `cargo test --release -p narrows-probes step_time -- --ignored --nocapture`: microseconds of a training step at
    /// 384 features, 64 concepts, 25 classes, with the passes written out and by burn's differentiation.
    #[test]
    #[ignore = "prints times and asserts nothing"]
    fn step_time() {
        use crate::train::{Method, Optimiser, Step};
        let inputs = Array2::from_shape_fn((4096, 384), |(i, j)| ((i * 384 + j) as f32 * 1.3).sin());
        let concepts = Array2::from_shape_fn((4096, 64), |(i, j)| f32::from((i * j + i) % 10 == 0));
        let labels: Vec<u32> = (0..4096).map(|i| i % 25).collect();
        let weights = |part| stream(4, Purpose::Weights, part, 0);
        let mut model = (
            Mlp::new(&Shape::relu(384, &[], 64, 0.0), &mut weights(0)),
            Mlp::new(&Shape::relu(64, &[], 25, 0.0), &mut weights(1)),
        );
        let loss = ConceptLoss::plain(64);
        let task = JointTask { inputs, concepts, labels: &labels, loss, lambda: 1.0, reading: Reading::Sigmoid };
        for batch in [64, 256] {
            let step = Step { method: Method::AdamW, rate: 1e-3, decay: 0.01, momentum: 0.0 };
            let mut optimiser = Optimiser::new(vec![step], &model);
            let mut gradient = model.clone();
            let rows = |i: usize| -> Vec<usize> { (i * batch..(i + 1) * batch).map(|r| r % 4096).collect() };
            let ours = best_of(|i| {
                gradient.clear();
                task.gradient(&model, &rows(i), &mut stream(0, Purpose::Noise, 0, 0), &mut gradient);
                optimiser.step(&mut model, &gradient);
            });
            let device = Device::flex().autodiff();
            let (g, f) = (network(&model.0, &device), network(&model.1, &device));
            let burns = best_of(|i| {
                let rows = rows(i);
                let odds = g.forward(matrix(&task.inputs.select(Axis(0), &rows), &device));
                let one_hot = Array2::from_shape_fn((batch, 25), |(i, k)| f32::from(labels[rows[i]] as usize == k));
                let scores = f.forward(activation::sigmoid(odds.clone()));
                let class = -(activation::log_softmax(scores, 1) * matrix(&one_hot, &device)).sum() / batch as f32;
                let truth = matrix(&task.concepts.select(Axis(0), &rows), &device);
                let total = class + (activation::softplus(odds.clone(), 1.0) - odds * truth).mean();
                let gradients = total.backward();
                total.into_scalar::<f32>();
                g.gradients(&gradients);
                f.gradients(&gradients);
            });
            println!("batch {batch}: written out {ours:.0} us, burn without its optimiser {burns:.0} us");
        }
    }

    /// Microseconds a call, the best of five times a hundred.
    fn best_of(mut call: impl FnMut(usize)) -> f64 {
        let time = |_| {
            let start = std::time::Instant::now();
            (0..100).for_each(&mut call);
            start.elapsed().as_secs_f64() * 1e4
        };
        (0..5).map(time).fold(f64::INFINITY, f64::min)
    }
}
