//! What an energy-based bottleneck learns, with its gradient.

use super::gate::Gate;
use super::networks::{Networks, Table, Unit};
use super::rest::Rest;
use crate::train::{Task, cross_entropy, sigmoid};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, Axis, Zip};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The three terms of the loss.
pub(super) struct EnergyTask<'a> {
    /// [rows × features].
    pub(super) inputs: Array2<f32>,
    /// [rows × concepts], NaN where missing.
    pub(super) concepts: Array2<f32>,
    /// What stands for a missing label where the global energy reads it [concepts].
    pub(super) means: Array1<f32>,
    pub(super) labels: &'a [u32],
    /// Weights of class, concept and global term.
    pub(super) weights: [f32; 3],
    /// Whether the global term accounts for the concepts as well as for the class.
    pub(super) joint: bool,
    /// Share of the samples that are perturbed, and of their concepts that are flipped.
    pub(super) perturbed: [f32; 2],
    /// Share of the gates' outputs that is dropped.
    pub(super) dropout: f32,
}

/// Some rows of it, with what all terms read.
struct Batch {
    inputs: Array2<f32>,
    labels: Vec<u32>,
    concepts: Array2<f32>,
    classes: Unit,
}

/// What energies read of a gate's output, one row an embedding e: a ∘ (1 + e).
fn reads(readout: &Array2<f32>, unit: &Unit) -> Array2<f32> {
    (&unit.rows + 1.0) * readout
}

/// Adds the derivatives by read-out and embeddings, from those by what [`reads`] yields.
fn reads_back(slope: &Array2<f32>, readout: &Array2<f32>, unit: &Unit, into: (&mut Array2<f32>, &mut Array2<f32>)) {
    into.0.row_mut(0).scaled_add(1.0, &((&unit.rows + 1.0) * slope).sum_axis(Axis(0)));
    unit.back(&(slope * readout), into.1);
}

impl EnergyTask<'_> {
    /// Without noise nothing is dropped or flipped; without `into` the loss alone is wanted.
    fn pass(
        &self,
        model: &Networks,
        rows: &[usize],
        mut noise: Option<&mut ChaCha8Rng>,
        mut into: Option<&mut Networks>,
    ) -> f64 {
        let batch = Batch {
            inputs: self.inputs.select(Axis(0), rows),
            labels: rows.iter().map(|&r| self.labels[r]).collect(),
            concepts: self.concepts.select(Axis(0), rows),
            classes: Unit::of(&model.classes),
        };
        let losses = [
            self.class_term(model, &batch, noise.as_deref_mut(), into.as_deref_mut()),
            self.concept_term(model, &batch, noise.as_deref_mut(), into.as_deref_mut()),
            self.global_term(model, &batch, noise, into),
        ];
        losses.iter().zip(self.weights).map(|(loss, weight)| loss * f64::from(weight)).sum()
    }

    fn class_term(
        &self,
        model: &Networks,
        batch: &Batch,
        noise: Option<&mut ChaCha8Rng>,
        into: Option<&mut Networks>,
    ) -> f64 {
        let gate = Gate::of(&model.class_gate, &batch.inputs, self.dropout, noise);
        let reads = reads(&model.class_readout, &batch.classes);
        // Scores are negative energies.
        let (loss, by_scores) = cross_entropy(&-gate.output.dot(&reads.t()), batch.labels.iter().copied());
        if let Some(into) = into {
            let by_energy = by_scores * -self.weights[0];
            let to = (&mut into.class_readout, &mut into.classes);
            reads_back(&by_energy.t().dot(&gate.output), &model.class_readout, &batch.classes, to);
            gate.back(&model.class_gate, by_energy.dot(&reads), &mut into.class_gate);
        }
        loss
    }

    fn concept_term(
        &self,
        model: &Networks,
        batch: &Batch,
        noise: Option<&mut ChaCha8Rng>,
        into: Option<&mut Networks>,
    ) -> f64 {
        let gate = Gate::of(&model.concept_gate, &batch.inputs, self.dropout, noise);
        let [absent, present] = [&model.absent, &model.present].map(Unit::of);
        let between = &absent.rows - &present.rows;
        let reads = &model.concept_readouts * &between;
        let (loss, mut by_odds) = concept_loss(&gate.output.dot(&reads.t()), &batch.concepts);
        if let Some(into) = into {
            by_odds *= self.weights[1];
            let by_reads = by_odds.t().dot(&gate.output);
            into.concept_readouts.scaled_add(1.0, &(&by_reads * &between));
            let by_between = by_reads * &model.concept_readouts;
            absent.back(&by_between, &mut into.absent);
            present.back(&-by_between, &mut into.present);
            gate.back(&model.concept_gate, by_odds.dot(&reads), &mut into.concept_gate);
        }
        loss
    }

    fn global_term(
        &self,
        model: &Networks,
        batch: &Batch,
        noise: Option<&mut ChaCha8Rng>,
        into: Option<&mut Networks>,
    ) -> f64 {
        let table = Table::of(model);
        let context = self.context(&batch.concepts, noise);
        let projected = context.dot(&table.change) + &table.origin;
        // Written so that a NaN stays one.
        let lit = projected.mapv(|p| if p < 0.0 { 0.0 } else { p });
        let reads = reads(&model.global_readout, &batch.classes);
        let (mut loss, by_scores) = cross_entropy(&-lit.dot(&reads.t()), batch.labels.iter().copied());
        let own = Array2::from_shape_fn(projected.dim(), |(i, h)| reads[[batch.labels[i] as usize, h]]);
        let rest = self.joint.then(|| {
            let rest = Rest { projected: &projected, context: &context, change: &table.change, own: &own };
            let (of_rest, by_odds) = concept_loss(&rest.odds(), &batch.concepts);
            loss += of_rest;
            (rest, by_odds)
        });
        let Some(into) = into else { return loss };
        let by_energy = by_scores * -self.weights[2];
        let mut by_reads = by_energy.t().dot(&lit);
        let mut by_projected = by_energy.dot(&reads);
        Zip::from(&mut by_projected).and(&projected).for_each(|s, &p| *s *= f32::from(p > 0.0));
        let mut by_change = Array2::zeros(table.change.dim());
        if let Some((rest, by_odds)) = rest {
            let by_own = rest.back(&(by_odds * self.weights[2]), &mut by_projected, &mut by_change);
            for (row, &class) in by_own.outer_iter().zip(&batch.labels) {
                by_reads.row_mut(class as usize).scaled_add(1.0, &row);
            }
        }
        general_mat_mul(1.0, &context.t(), &by_projected, 1.0, &mut by_change);
        let to = (&mut into.global_readout, &mut into.classes);
        reads_back(&by_reads, &model.global_readout, &batch.classes, to);
        Table::back(model, &by_projected.sum_axis(Axis(0)), &by_change, into);
        loss
    }

    /// The concepts that the global energy reads: labels with some flipped, means where there is none.
    fn context(&self, labels: &Array2<f32>, noise: Option<&mut ChaCha8Rng>) -> Array2<f32> {
        let mut context = labels.clone();
        for mut row in context.outer_iter_mut() {
            Zip::from(&mut row).and(&self.means).for_each(|c, &mean| *c = if c.is_nan() { mean } else { *c });
        }
        let Some(noise) = noise else { return context };
        for (mut row, labels) in context.outer_iter_mut().zip(labels.outer_iter()) {
            let chosen = noise.random_range(0.0..1.0f32) < self.perturbed[0];
            for (c, label) in row.iter_mut().zip(&labels) {
                // Drawn in any case, so that a label moves no other draw.
                let flipped = noise.random_range(0.0..1.0f32) < self.perturbed[1];
                *c = if chosen && flipped && !label.is_nan() { 1.0 - *c } else { *c };
            }
        }
        context
    }
}

/// Mean over rows of the sum over concepts of the binary cross entropy of log odds [rows × concepts], and its gradient
/// by them; labels in [0, 1], NaN where missing.
fn concept_loss(odds: &Array2<f32>, labels: &Array2<f32>) -> (f64, Array2<f32>) {
    let share = 1.0 / odds.nrows() as f32;
    let (mut loss, mut gradient) = (0.0f64, odds.clone());
    Zip::from(&mut gradient).and(labels).for_each(|z, &label| {
        if label.is_nan() {
            *z = 0.0;
            return;
        }
        let rest = (-z.abs()).exp().ln_1p();
        loss += f64::from(label * (rest + (-*z).max(0.0)) + (1.0 - label) * (rest + z.max(0.0)));
        *z = share * (sigmoid(*z) - label);
    });
    (loss * f64::from(share), gradient)
}

impl Task for EnergyTask<'_> {
    type Model = Networks;

    fn gradient(&self, model: &Networks, rows: &[usize], noise: &mut ChaCha8Rng, into: &mut Networks) -> f64 {
        self.pass(model, rows, Some(noise), Some(into))
    }

    fn loss(&self, model: &Networks, rows: &[usize]) -> f64 {
        self.pass(model, rows, None, None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::networks::Networks;
    use super::*;
    use crate::train::oracle::{assert_near, matrix, vector};
    use crate::train::{Mlp, Purpose, Weights, stream};
    use burn::tensor::{Device, Gradients, Tensor, activation};

    const ROWS: [usize; 6] = [8, 1, 2, 5, 0, 3];
    const CONCEPTS: usize = 3;
    const WIDTH: usize = 5;
    /// Place of the class embeddings among the slices.
    const CLASSES: usize = 7;

    fn task(labels: &[u32], joint: bool) -> EnergyTask<'_> {
        // Soft labels, and one that is missing.
        let concept = |(i, k): (usize, usize)| {
            if (i, k) == (2, 1) { f32::NAN } else { [0.0, 1.0, 0.3][(i + 2 * k) % 3] }
        };
        EnergyTask {
            inputs: Array2::from_shape_fn((9, 4), |(i, j)| ((i * 4 + j) as f32 * 1.3).sin()),
            concepts: Array2::from_shape_fn((9, CONCEPTS), concept),
            means: ndarray::array![0.2, 0.6, 0.5],
            labels,
            weights: [3.0, 0.8, 1.2],
            joint,
            perturbed: [0.0, 0.0],
            dropout: 0.0,
        }
    }

    /// The networks as tensors that record gradients, in the order of their slices.
    struct Held(Vec<Tensor<2>>);

    impl Held {
        fn new(model: &Networks, device: &Device) -> Self {
            let gate = |net: &Mlp| {
                let bias: Tensor<2> = vector(net.layers[0].bias.as_slice().unwrap(), device).unsqueeze();
                [matrix(&net.layers[0].weights, device), bias]
            };
            let mut all: Vec<Tensor<2>> = [gate(&model.class_gate), gate(&model.concept_gate)].concat();
            let matrices = [
                &model.class_readout,
                &model.global_readout,
                &model.concept_readouts,
                &model.classes,
                &model.absent,
                &model.present,
                &model.projection,
                &model.projection_bias,
            ];
            all.extend(matrices.map(|m| matrix(m, device)));
            Self(all.into_iter().map(|t| t.require_grad()).collect())
        }

        fn gradients(&self, gradients: &Gradients) -> Vec<Vec<f32>> {
            let of = |t: &Tensor<2>| t.grad(gradients).unwrap().to_data().try_to_vec::<f32>().unwrap();
            self.0.iter().map(of).collect()
        }
    }

    /// Rows at length one.
    fn unit(rows: Tensor<2>) -> Tensor<2> {
        let lengths = rows.clone().powi_scalar(2).sum_dim(1).sqrt();
        rows / lengths
    }

    /// a·ReLU(s + s ∘ e) [rows × 1], as the paper writes it.
    fn energy(s: Tensor<2>, e: Tensor<2>, readout: Tensor<2>) -> Tensor<2> {
        (activation::relu(s.clone() + s * e) * readout).sum_dim(1)
    }

    /// −ln of the class's share, a row [rows × 1], of energies [rows × M].
    fn surprise(energies: Tensor<2>, own: &Tensor<2>) -> Tensor<2> {
        -(activation::log_softmax(-energies, 1) * own.clone()).sum_dim(1)
    }

    /// The loss from the paper's formulas, nothing shared or simplified: every energy by itself, concept embeddings
    /// concatenated for every flip.
    fn of_burn(task: &EnergyTask<'_>, model: &Networks, device: &Device) -> (f64, Vec<Vec<f32>>) {
        let held = Held::new(model, device);
        let t = |i: usize| held.0[i].clone();
        let n = ROWS.len();
        let x = matrix(&task.inputs.select(Axis(0), &ROWS), device);
        let labels = task.concepts.select(Axis(0), &ROWS);
        let context =
            Array2::from_shape_fn(labels.dim(), |at| if labels[at].is_nan() { task.means[at.1] } else { labels[at] });
        let own = Array2::from_shape_fn((n, 4), |(i, m)| f32::from(task.labels[ROWS[i]] as usize == m));
        let own = matrix(&own, device);
        let ones: Tensor<2> = Tensor::ones([n, 1], device);
        let row = |m: Tensor<2>, i: usize| ones.clone().matmul(m.narrow(0, i, 1));

        let s = x.clone().matmul(t(0)) + t(1);
        let of_classes = |s: &Tensor<2>, readout: usize| {
            let each = (0..4).map(|m| energy(s.clone(), row(unit(t(CLASSES)), m), row(t(readout), 0)));
            Tensor::cat(each.collect(), 1)
        };
        let mut loss = surprise(of_classes(&s, 4), &own).sum() * (3.0 / n as f64);

        let s = x.matmul(t(2)) + t(3);
        let column = |values: &dyn Fn(usize) -> f32| matrix(&Array2::from_shape_fn((n, 1), |(i, _)| values(i)), device);
        for k in 0..CONCEPTS {
            let [off, on] = [8, 9].map(|v| energy(s.clone(), row(unit(t(v)), k), row(t(6), k)));
            let seen = |i: usize| f32::from(!labels[[i, k]].is_nan());
            let truth = column(&|i| if labels[[i, k]].is_nan() { 0.0 } else { labels[[i, k]] });
            let terms = activation::log_softmax(Tensor::cat(vec![-off, -on], 1), 1);
            let (absent, present) = (terms.clone().narrow(1, 0, 1), terms.narrow(1, 1, 1));
            let nll = -(present * truth.clone() + absent * (-truth + 1.0)) * column(&seen);
            loss = loss + nll.sum() * (0.8 / n as f64);
        }

        let projected = |context: &Array2<f32>| {
            let mixed = (0..CONCEPTS).map(|k| {
                let c = column(&|i| context[[i, k]]);
                row(t(9), k) * c.clone() + row(t(8), k) * (-c + 1.0)
            });
            Tensor::cat(mixed.collect(), 1).matmul(t(10)) + t(11)
        };
        loss = loss + surprise(of_classes(&projected(&context), 5), &own).sum() * (1.2 / n as f64);
        for k in (0..CONCEPTS).filter(|_| task.joint) {
            let at = |value: f32| {
                let mut moved = context.clone();
                moved.column_mut(k).fill(value);
                (of_classes(&projected(&moved), 5) * own.clone()).sum_dim(1)
            };
            let terms = activation::log_softmax(Tensor::cat(vec![-at(0.0), -at(1.0)], 1), 1);
            let seen = |i: usize| f32::from(!labels[[i, k]].is_nan());
            let truth = column(&|i| if labels[[i, k]].is_nan() { 0.0 } else { labels[[i, k]] });
            let (absent, present) = (terms.clone().narrow(1, 0, 1), terms.narrow(1, 1, 1));
            let nll = -(present * truth.clone() + absent * (-truth + 1.0)) * column(&seen);
            loss = loss + nll.sum() * (1.2 / n as f64);
        }
        let gradients = loss.backward();
        (f64::from(loss.into_scalar::<f32>()), held.gradients(&gradients))
    }

    #[test]
    fn the_gradient_is_that_of_burn_for_both_partitions() {
        let labels: Vec<u32> = (0..9).map(|i| i % 4).collect();
        let device = Device::flex().autodiff();
        for joint in [false, true] {
            let (task, model) = (task(&labels, joint), Networks::new(4, CONCEPTS, 4, WIDTH, 4));
            let mut found = model.clone();
            found.clear();
            let value = task.gradient(&model, &ROWS, &mut stream(0, Purpose::Noise, 0, 0), &mut found);
            let (expected_value, expected) = of_burn(&task, &model, &device);
            assert!((value - expected_value).abs() < 1e-5 * value, "{value} for {expected_value}");
            assert!((task.loss(&model, &ROWS) - value).abs() < 1e-6);
            for (found, expected) in found.slices().iter().zip(&expected) {
                assert!(expected.iter().any(|v| *v != 0.0));
                assert_near(found, expected, 2e-5);
            }
        }
    }

    /// Loss at `model` moved by `step` along `direction`, with the same noise.
    fn moved(task: &EnergyTask<'_>, model: &Networks, direction: &Networks, step: f32) -> f64 {
        let (mut model, mut nowhere) = (model.clone(), model.clone());
        for (to, along) in model.slices_mut().into_iter().zip(direction.slices()) {
            to.iter_mut().zip(along).for_each(|(t, a)| *t += step * a);
        }
        task.gradient(&model, &ROWS, &mut stream(7, Purpose::Noise, 0, 0), &mut nowhere)
    }

    #[test]
    fn the_gradient_is_the_loss_s_slope_under_dropout_and_perturbation() {
        let labels: Vec<u32> = (0..9).map(|i| i % 4).collect();
        let task = EnergyTask { perturbed: [0.6, 0.5], dropout: 0.4, ..task(&labels, true) };
        let model = Networks::new(4, CONCEPTS, 4, WIDTH, 4);
        let mut gradient = model.clone();
        gradient.clear();
        let value = task.gradient(&model, &ROWS, &mut stream(7, Purpose::Noise, 0, 0), &mut gradient);
        assert!((value - task.loss(&model, &ROWS)).abs() > 1e-3, "noise changes the loss");
        let square: f64 = gradient.slices().iter().flat_map(|s| s.iter()).map(|g| f64::from(*g).powi(2)).sum();
        let step = 1e-3 / square.sqrt() as f32;
        let slope =
            (moved(&task, &model, &gradient, step) - moved(&task, &model, &gradient, -step)) / (2.0 * f64::from(step));
        assert!((slope / square - 1.0).abs() < 0.01, "{slope} for {square}");
    }

    #[test]
    fn concepts_are_flipped_at_the_shares_asked_for_and_missing_ones_never() {
        let labels = vec![0u32, 1, 0];
        let task = EnergyTask { perturbed: [0.2, 0.3], means: Array1::from_elem(20, 0.25), ..task(&labels, true) };
        let mut truth = Array2::<f32>::zeros((4000, 20));
        truth.column_mut(7).fill(f32::NAN);
        let context = task.context(&truth, Some(&mut stream(1, Purpose::Noise, 0, 0)));
        let rows = context.outer_iter().filter(|r| r.iter().any(|c| *c == 1.0)).count() as f64 / 4000.0;
        // 1 − 0.7^19 of the chosen fifth shows a flip; 4 standard errors are 0.026.
        assert!((rows - 0.2 * (1.0 - 0.7f64.powi(19))).abs() < 0.026, "{rows}");
        let flips = context.iter().filter(|c| **c == 1.0).count() as f64 / (4000.0 * 19.0);
        assert!((flips - 0.06).abs() < 0.01, "{flips}");
        assert!(context.column(7).iter().all(|c| *c == 0.25));
        // Not the same concepts in all samples.
        let patterns: std::collections::BTreeSet<Vec<u32>> =
            context.outer_iter().map(|r| r.iter().map(|c| (*c * 4.0) as u32).collect()).collect();
        assert!(patterns.len() > 300, "{}", patterns.len());
    }
}
