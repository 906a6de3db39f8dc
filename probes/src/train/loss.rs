//! Losses of minibatches, and their gradients by what the network yields.

use ndarray::{Array1, Array2, ArrayView2, Zip};

/// Mean cross entropy in nats of softmax scores [rows × classes], and its gradient by the scores.
pub(crate) fn cross_entropy(scores: &Array2<f32>, labels: impl Iterator<Item = u32>) -> (f64, Array2<f32>) {
    let mut gradient = scores.clone();
    let share = 1.0 / scores.nrows() as f32;
    let mut loss = 0.0;
    for (mut row, label) in gradient.outer_iter_mut().zip(labels) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let own = row[label as usize];
        row.mapv_inplace(|s| (s - largest).exp());
        let total = row.sum();
        loss += f64::from(total.ln() + (largest - own));
        row *= share / total;
        row[label as usize] -= share;
    }
    (loss / scores.nrows() as f64, gradient)
}

/// 1 / (1 + e^−z), without overflow.
pub(crate) fn sigmoid(z: f32) -> f32 {
    let e = (-z.abs()).exp();
    if z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// Binary cross entropy of concepts, averaged over the labels that are there.
#[derive(Debug, Clone)]
pub(crate) struct ConceptLoss {
    /// What a positive label of each concept weighs against a negative one.
    pub(crate) positive: Array1<f32>,
}

impl ConceptLoss {
    /// All labels weigh the same.
    pub(crate) fn plain(concepts: usize) -> Self {
        Self { positive: Array1::ones(concepts) }
    }

    /// Positive labels of a concept weigh its number of negatives / its number of positives, so that both sides weigh
    /// the same in sum; the negatives keep their weight. A concept that is never, or always, present keeps 1.
    ///
    /// (The released code of CEM hands the same ratio to a loss that multiplies positives *and* negatives by it, which
    /// weighs concepts against each other and balances none.)
    pub(crate) fn balanced(concepts: ArrayView2<'_, f64>) -> Self {
        let weight = |column: ndarray::ArrayView1<'_, f64>| {
            let seen = || column.iter().filter(|c| !c.is_nan());
            let (positives, all) = (seen().sum::<f64>(), seen().count() as f64);
            if positives > 0.0 && positives < all { ((all - positives) / positives) as f32 } else { 1.0 }
        };
        Self { positive: concepts.columns().into_iter().map(weight).collect() }
    }

    /// The loss of log odds [rows × concepts] for labels in [0, 1], NaN where missing, and its gradient by the log
    /// odds: −(w c log σ(z) + (1 − c) log(1 − σ(z))) a label.
    pub(crate) fn of(&self, odds: &Array2<f32>, labels: &Array2<f32>) -> (f64, Array2<f32>) {
        let (mut loss, mut seen) = (0.0f64, 0usize);
        let mut gradient = odds.clone();
        for (mut row, labels) in gradient.outer_iter_mut().zip(labels.outer_iter()) {
            Zip::from(&mut row).and(&labels).and(&self.positive).for_each(|z, &label, &weight| {
                if label.is_nan() {
                    *z = 0.0;
                    return;
                }
                let e = (-z.abs()).exp();
                // log(1 + e^z) and log(1 + e^−z) are this rest and |z| on one side.
                let rest = e.ln_1p();
                let (present, absent) = (weight * label, 1.0 - label);
                loss += f64::from(present * (rest + (-*z).max(0.0)) + absent * (rest + z.max(0.0)));
                let p = if *z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) };
                *z = absent * p - present * (1.0 - p);
                seen += 1;
            });
        }
        // A minibatch without any label has neither loss nor gradient.
        let count = seen.max(1) as f64;
        gradient *= (1.0 / count) as f32;
        (loss / count, gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::oracle::{assert_near, matrix};
    use burn::tensor::{Device, activation};
    use ndarray::array;

    fn values(rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 7 + j * 3) as f32 * 0.9).sin() * 3.0)
    }

    #[test]
    fn cross_entropy_is_that_of_burn() {
        let scores = values(6, 4);
        let labels = [0u32, 3, 1, 2, 2, 0];
        let device = Device::flex().autodiff();
        let held = matrix(&scores, &device).require_grad();
        let truth = Array2::from_shape_fn((6, 4), |(i, k)| f32::from(labels[i] as usize == k));
        let loss = -(activation::log_softmax(held.clone(), 1) * matrix(&truth, &device)).sum() / 6.0;
        let expected = held.grad(&loss.backward()).unwrap().to_data().try_to_vec::<f32>().unwrap();
        let (found, gradient) = cross_entropy(&scores, labels.into_iter());
        assert!((found - f64::from(loss.into_scalar::<f32>())).abs() < 1e-6);
        assert_near(gradient.as_slice().unwrap(), &expected, 1e-6);
    }

    #[test]
    fn concept_loss_is_that_of_burn_with_soft_missing_and_weighted_labels() {
        let odds = values(5, 3);
        let labels =
            Array2::from_shape_fn((5, 3), |(i, j)| if (i + j) % 4 == 3 { f32::NAN } else { (i % 3) as f32 / 2.0 });
        let loss = ConceptLoss { positive: array![1.0, 4.0, 0.5] };
        let device = Device::flex().autodiff();
        let seen = labels.mapv(|c| f32::from(!c.is_nan()));
        let present =
            Array2::from_shape_fn(
                (5, 3),
                |at| if labels[at].is_nan() { 0.0 } else { labels[at] * loss.positive[at.1] },
            );
        let absent = Array2::from_shape_fn((5, 3), |at| if labels[at].is_nan() { 0.0 } else { 1.0 - labels[at] });
        let held = matrix(&odds, &device).require_grad();
        let terms = activation::softplus(-held.clone(), 1.0) * matrix(&present, &device)
            + activation::softplus(held.clone(), 1.0) * matrix(&absent, &device);
        let mean = terms.sum() / seen.sum();
        let expected = held.grad(&mean.backward()).unwrap().to_data().try_to_vec::<f32>().unwrap();
        let (found, gradient) = loss.of(&odds, &labels);
        assert!((found - f64::from(mean.into_scalar::<f32>())).abs() < 1e-6);
        assert_near(gradient.as_slice().unwrap(), &expected, 1e-6);
        assert_eq!(gradient[[1, 2]], 0.0, "a missing label has no gradient");
    }

    #[test]
    fn balanced_weights_make_both_sides_weigh_the_same() {
        let labels = array![[1.0, 1.0, f64::NAN], [0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.0, f64::NAN, 0.0]];
        assert_eq!(ConceptLoss::balanced(labels.view()).positive, array![3.0, 1.0, 2.0]);
        // At log odds of zero the gradients of a balanced concept cancel.
        let concept = labels.column(0).mapv(|v| v as f32).insert_axis(ndarray::Axis(1));
        let balanced = ConceptLoss { positive: array![3.0] };
        assert!(balanced.of(&Array2::zeros((4, 1)), &concept).1.sum().abs() < 1e-7);
    }

    #[test]
    fn extreme_odds_stay_finite_and_nan_is_seen() {
        let (loss, _) = ConceptLoss::plain(1).of(&array![[200.0], [-200.0]], &array![[0.0], [1.0]]);
        assert!((loss - 200.0).abs() < 1e-4);
        assert!(ConceptLoss::plain(1).of(&array![[f32::NAN]], &array![[1.0]]).0.is_nan());
        assert!(cross_entropy(&array![[f32::NAN, 0.0]], [1].into_iter()).0.is_nan());
        assert_eq!(ConceptLoss::plain(1).of(&array![[1.0]], &array![[f32::NAN]]).0, 0.0);
        assert_eq!((sigmoid(-200.0), sigmoid(200.0)), (0.0, 1.0));
    }
}
