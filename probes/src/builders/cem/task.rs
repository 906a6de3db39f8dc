//! What a concept embedding model learns, with its gradient.

use crate::train::{ConceptLoss, Mlp, Task, Weights, cross_entropy, sigmoid};
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The networks of a concept embedding model.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    /// Embeddings → the vectors of all concepts: of each the m numbers of c⁺, then those of c⁻.
    pub(super) contexts: Mlp,
    /// A concept's two vectors → its log odds.
    pub(super) scorer: Mlp,
    /// The mixed vectors of all concepts → class scores.
    pub(super) head: Mlp,
}

impl Weights for Networks {
    fn slices(&self) -> Vec<&[f32]> {
        [self.contexts.slices(), self.scorer.slices(), self.head.slices()].concat()
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let mut all = self.contexts.slices_mut();
        all.extend(self.scorer.slices_mut());
        all.extend(self.head.slices_mut());
        all
    }
}

/// Class and concepts.
pub(super) struct EmbeddingTask<'a> {
    /// [rows × features].
    pub(super) inputs: Array2<f32>,
    /// [rows × concepts], NaN where missing.
    pub(super) concepts: Array2<f32>,
    pub(super) labels: &'a [u32],
    pub(super) loss: ConceptLoss,
    pub(super) lambda: f64,
    /// m.
    pub(super) width: usize,
    /// Probability that a label takes a probability's place in a training step.
    pub(super) random_interventions: f32,
}

/// Rows of two vectors each [rows · concepts × 2m], from those of all concepts [rows × concepts · 2m].
fn pairs(contexts: &Array2<f32>, width: usize) -> ArrayView2<'_, f32> {
    let rows = contexts.len() / (2 * width);
    contexts.view().into_shape_with_order((rows, 2 * width)).unwrap_or_else(|_| unreachable!("a product's rows follow"))
}

/// The vectors mixed by `shares`, one a pair [rows × concepts · m].
fn mixed(pairs: ArrayView2<'_, f32>, shares: &[f32], width: usize, rows: usize) -> Array2<f32> {
    let mut out = Vec::with_capacity(pairs.len() / 2);
    for (pair, &p) in pairs.outer_iter().zip(shares) {
        let (present, absent) = pair.split_at(Axis(0), width);
        out.extend(present.iter().zip(absent).map(|(&a, &b)| p * a + (1.0 - p) * b));
    }
    let columns = out.len() / rows.max(1);
    Array2::from_shape_vec((rows, columns), out).unwrap_or_else(|_| unreachable!("as many values as pairs say"))
}

impl Task for EmbeddingTask<'_> {
    type Model = Networks;

    fn gradient(&self, model: &Networks, rows: &[usize], noise: &mut ChaCha8Rng, into: &mut Networks) -> f64 {
        let (m, labels) = (self.width, self.concepts.select(Axis(0), rows));
        let contexts = model.contexts.trace(self.inputs.select(Axis(0), rows), noise);
        let pairs = pairs(contexts.output(), m);
        let scores = model.scorer.trace(pairs.to_owned(), noise);
        let odds = column_as(scores.output(), labels.dim());
        let probabilities = odds.mapv(sigmoid);
        let corrected = Array2::from_shape_fn(labels.dim(), |at| {
            // Drawn whether or not there is a label, so that a missing one moves no other draw.
            noise.random_range(0.0..1.0f32) < self.random_interventions && !labels[at].is_nan()
        });
        let mut shares = probabilities.clone();
        ndarray::Zip::from(&mut shares).and(&corrected).and(&labels).for_each(|share, &yes, &label| {
            *share = if yes { label } else { *share };
        });
        let shares = shares.into_raw_vec_and_offset().0;
        let head = model.head.trace(mixed(pairs, &shares, m, rows.len()), noise);
        let (class_loss, slope) = cross_entropy(head.output(), rows.iter().map(|&r| self.labels[r]));
        let slope = model.head.backward(&head, slope, &mut into.head);
        let by_mixed = model.head.by_input(&slope);
        let (concept_loss, mut by_odds) = self.loss.of(&odds, &labels);
        by_odds *= self.lambda as f32;

        // By the vectors: c⁺ takes the share p of the mixture's slope and c⁻ the rest; by p: c⁺ − c⁻ along it.
        let mut by_pairs = Array2::zeros(pairs.dim());
        let slopes = by_mixed.as_slice().unwrap_or_default().chunks_exact(m);
        let open = by_odds.iter_mut().zip(&corrected).zip(&probabilities);
        let by_pair = by_pairs.outer_iter_mut().zip(pairs.outer_iter()).zip(slopes.zip(&shares));
        for (((mut to, pair), (slope, &share)), ((odds, &fixed), &p)) in by_pair.zip(open) {
            let mut along = 0.0;
            for (j, &s) in slope.iter().enumerate() {
                to[j] = share * s;
                to[m + j] = (1.0 - share) * s;
                along += s * (pair[j] - pair[m + j]);
            }
            if !fixed {
                *odds += along * p * (1.0 - p);
            }
        }
        let count = by_odds.len();
        let by_odds = by_odds.into_shape_with_order((count, 1)).unwrap_or_else(|_| unreachable!("one column of all"));
        let slope = model.scorer.backward(&scores, by_odds, &mut into.scorer);
        by_pairs += &model.scorer.by_input(&slope);
        let by_contexts = column_as(&by_pairs, contexts.output().dim());
        model.contexts.backward(&contexts, by_contexts, &mut into.contexts);
        class_loss + self.lambda * concept_loss
    }

    fn loss(&self, model: &Networks, rows: &[usize]) -> f64 {
        let labels = self.concepts.select(Axis(0), rows);
        let contexts = model.contexts.forward(self.inputs.select(Axis(0), rows).view());
        let pairs = pairs(&contexts, self.width);
        let odds = column_as(&model.scorer.forward(pairs), labels.dim());
        let shares: Vec<f32> = odds.iter().map(|&z| sigmoid(z)).collect();
        let scores = model.head.forward(mixed(pairs, &shares, self.width, rows.len()).view());
        let concepts = self.loss.of(&odds, &labels).0;
        cross_entropy(&scores, rows.iter().map(|&r| self.labels[r])).0 + self.lambda * concepts
    }
}

/// The same numbers in another shape.
fn column_as(values: &Array2<f32>, shape: (usize, usize)) -> Array2<f32> {
    values.to_owned().into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("as many numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::oracle::{assert_near, matrix, network};
    use crate::train::{Purpose, Shape, stream};
    use burn::tensor::{Device, Tensor, activation};

    const M: usize = 3;
    const ROWS: [usize; 6] = [8, 1, 2, 5, 0, 3];

    fn networks() -> Networks {
        let weights = |part| stream(4, Purpose::Weights, part, 0);
        let contexts = Shape { leak: 0.01, closing: true, ..Shape::relu(4, &[5], 2 * 2 * M, 0.0) };
        Networks {
            contexts: Mlp::new(&contexts, &mut weights(0)),
            scorer: Mlp::new(&Shape::relu(2 * M, &[], 1, 0.0), &mut weights(1)),
            head: Mlp::new(&Shape::relu(2 * M, &[], 3, 0.0), &mut weights(2)),
        }
    }

    fn task(labels: &[u32], random_interventions: f32) -> EmbeddingTask<'_> {
        EmbeddingTask {
            inputs: Array2::from_shape_fn((9, 4), |(i, j)| ((i * 4 + j) as f32 * 1.3).sin()),
            concepts: Array2::from_shape_fn((9, 2), |(i, j)| ((i + j) % 2) as f32),
            labels,
            loss: ConceptLoss::plain(2),
            lambda: 0.7,
            width: M,
            random_interventions,
        }
    }

    /// The loss by burn and its gradients; `corrected` says whether every probability gives way to its label.
    fn of_burn(task: &EmbeddingTask<'_>, model: &Networks, corrected: bool) -> (f64, Vec<Vec<f32>>) {
        let device = Device::flex().autodiff();
        let held = [&model.contexts, &model.scorer, &model.head].map(|n| network(n, &device));
        let contexts = held[0].forward(matrix(&task.inputs.select(Axis(0), &ROWS), &device));
        let pairs: Tensor<2> = contexts.reshape([12, 2 * M]);
        let odds: Tensor<2> = held[1].forward(pairs.clone());
        let truth: Tensor<2> = matrix(&task.concepts.select(Axis(0), &ROWS), &device).reshape([12, 1]);
        let share = if corrected { truth.clone() } else { activation::sigmoid(odds.clone()) };
        let (present, absent) = (pairs.clone().narrow(1, 0, M), pairs.narrow(1, M, M));
        let mixed = present * share.clone() + absent * (-share + 1.0);
        let one_hot = Array2::from_shape_fn((6, 3), |(i, k)| f32::from(task.labels[ROWS[i]] as usize == k));
        let scores = held[2].forward(mixed.reshape([6, 2 * M]));
        let class = -(activation::log_softmax(scores, 1) * matrix(&one_hot, &device)).sum() / 6.0;
        let total = class + (activation::softplus(odds.clone(), 1.0) - odds * truth).mean() * 0.7;
        let gradients = total.backward();
        let of = held.iter().flat_map(|h| h.gradients(&gradients)).collect();
        (f64::from(total.into_scalar::<f32>()), of)
    }

    #[test]
    fn the_gradient_is_that_of_burn_with_and_without_corrections() {
        let labels: Vec<u32> = (0..9).map(|i| i % 3).collect();
        for (share, corrected) in [(0.0, false), (1.0, true)] {
            let (task, model) = (task(&labels, share), networks());
            let mut found = model.clone();
            found.clear();
            let value = task.gradient(&model, &ROWS, &mut stream(0, Purpose::Noise, 0, 0), &mut found);
            let (expected_value, expected) = of_burn(&task, &model, corrected);
            assert!((value - expected_value).abs() < 1e-5);
            if !corrected {
                assert!((task.loss(&model, &ROWS) - value).abs() < 1e-6);
            }
            for (found, expected) in found.slices().iter().zip(&expected) {
                assert_near(found, expected, 1e-5);
            }
        }
    }

    #[test]
    fn missing_labels_are_never_mixed_by() {
        let labels: Vec<u32> = (0..9).map(|i| i % 3).collect();
        let mut task = task(&labels, 1.0);
        task.concepts.fill(f32::NAN);
        let model = networks();
        let mut gradient = model.clone();
        let value = task.gradient(&model, &ROWS, &mut stream(0, Purpose::Noise, 0, 0), &mut gradient);
        assert!((value - task.loss(&model, &ROWS)).abs() < 1e-6 && value.is_finite());
    }
}
