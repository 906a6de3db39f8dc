//! The same loss in burn, whose automatic differentiation the written-out passes are held to: one sample at a time, formula
//! by formula.

use super::aim::Aim;
use super::network::Network;
use super::plan::{Plan, Starts};
use super::slots::Gradient;
use super::task::SlotTask;
use crate::train::oracle::{assert_near, matrix};
use crate::train::{Purpose, Task, Weights, stream};
use crate::{ConceptPlaces, Grid};
use burn::tensor::{Device, Tensor, activation};
use ndarray::{Array2, Array3};
use rand_distr::{Distribution, StandardNormal};

const CELLS: usize = 6;
const SLOTS: usize = 4;
const D: usize = 6;
/// More than pass through together.
const ROWS: [usize; 10] = [3, 1, 11, 0, 7, 5, 2, 9, 10, 6];

fn plan(heads: usize, starts: Starts, gradient: Gradient, positions: bool) -> Plan {
    let grid = Grid { height: 2, width: 3, channels: 4 };
    Plan { grid, width: D, hidden: vec![5], positions, iterations: 3, heads, starts, gradient, background: false }
}

/// Twelve samples with labels of four concepts, about three parts, some of them missing.
fn places() -> (Array2<f32>, ConceptPlaces) {
    let labels = Array2::from_shape_fn((12, SLOTS), |(i, j)| match (i * 5 + j * 3) % 7 {
        0 => f32::NAN,
        v => f32::from(u8::from(v % 2 == 1)),
    });
    let shares = Array3::from_shape_fn((12, 3, CELLS), |(i, p, n)| match (i + 2 * p + n) % 4 {
        0 => 0.75,
        1 => 0.25,
        _ => 0.0,
    });
    (labels, ConceptPlaces { shares, parts: vec![Some(0), Some(2), None, Some(1)] })
}

struct Oracle<'a> {
    task: &'a SlotTask<'a>,
    model: &'a Network,
    noise: Array2<f32>,
    weights: Vec<(String, Tensor<2>)>,
    device: Device,
}

fn norm(x: Tensor<2>, gain: Tensor<2>, bias: Tensor<2>) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1);
    let variance = centred.clone().powi_scalar(2).mean_dim(1);
    centred / (variance + 1e-5).sqrt() * gain + bias
}

impl Oracle<'_> {
    fn w(&self, name: &str) -> Tensor<2> {
        self.weights.iter().find(|(own, _)| own == name).unwrap().1.clone()
    }

    fn gru(&self, x: Tensor<2>, h: Tensor<2>) -> Tensor<2> {
        let (x, u) = (x.matmul(self.w("gru.input")) + self.w("gru.bias"), h.clone().matmul(self.w("gru.state")));
        let third = |t: &Tensor<2>, i: usize| t.clone().narrow(1, i * D, D);
        let r = activation::sigmoid(third(&x, 0) + third(&u, 0));
        let z = activation::sigmoid(third(&x, 1) + third(&u, 1));
        let n = (third(&x, 2) + r * (third(&u, 2) + self.w("gru.state-bias"))).tanh();
        (-z.clone() + 1.0) * n + z * h
    }

    /// Scores [1 × classes] and attention [cells × slots] of a sample; `at` is its place among the rows.
    fn sample(&self, row: usize, at: usize) -> (Tensor<2>, Tensor<2>) {
        let plan = &self.model.plan;
        let input = Array2::from_shape_fn((CELLS, 4), |(n, c)| self.task.inputs[[row, n * 4 + c]]);
        let hidden = matrix(&input, &self.device).matmul(self.w("embed.1.weights")) + self.w("embed.1.intercepts");
        let mut x = activation::relu(hidden).matmul(self.w("embed.2.weights")) + self.w("embed.2.intercepts");
        if plan.positions {
            x = x + self.w("positions");
        }
        let x = norm(x, self.w("cells.gain"), self.w("cells.bias"));
        let keys = x.clone().matmul(self.w("slots.key")) / (D as f64).sqrt();
        let values = x.clone().matmul(self.w("slots.value"));
        let start = match plan.starts {
            Starts::Learned => self.w("slots.starts"),
            Starts::Gaussian => {
                let own = Array2::from_shape_fn((SLOTS, D), |(k, j)| self.noise[[at * SLOTS + k, j]]);
                let law = self.w("slots.starts");
                matrix(&own, &self.device) * law.clone().narrow(0, 1, 1).exp() + law.narrow(0, 0, 1)
            }
        };
        let mut slots = start.clone();
        for step in 1..=plan.iterations {
            slots = match plan.gradient {
                Gradient::Full => slots,
                Gradient::StraightThrough if step == plan.iterations => {
                    slots.detach() + start.clone() - start.clone().detach()
                }
                _ => slots.detach(),
            };
            let queries = norm(slots.clone(), self.w("slots.gain"), self.w("slots.bias")).matmul(self.w("slots.query"));
            let shares = activation::softmax(keys.clone().matmul(queries.transpose()), 1) + 1e-8;
            let weights = shares.clone() / shares.sum_dim(0);
            slots = self.gru(weights.transpose().matmul(values.clone()), slots);
        }
        let ends = slots + self.w("slots.offsets");
        let queries = x.matmul(self.w("cross.query"));
        let (keys, values) = (ends.clone().matmul(self.w("cross.key")), ends.matmul(self.w("cross.value")));
        let width = D / plan.heads;
        let mut fetched = vec![];
        let mut attention: Option<Tensor<2>> = None;
        for head in 0..plan.heads {
            let own = |t: &Tensor<2>| t.clone().narrow(1, head * width, width);
            let logits = own(&queries).matmul(own(&keys).transpose()) / (width as f64).sqrt();
            let shares = activation::softmax(logits, 1);
            fetched.push(shares.clone().matmul(own(&values)));
            attention = Some(attention.map_or(shares.clone(), |a| a + shares));
        }
        // As the paper has it: the map to classes of each cell, then the mean.
        let of_cells = Tensor::cat(fetched, 1).matmul(self.w("cross.output")) + self.w("cross.bias");
        (of_cells.mean_dim(0), attention.unwrap() / plan.heads as f64)
    }

    fn loss(&self) -> Tensor<1> {
        let counts = self.task.aim.counts(&ROWS);
        let mut total: Option<Tensor<1>> = None;
        for (at, &row) in ROWS.iter().enumerate() {
            let (scores, a) = self.sample(row, at);
            let own = Array2::from_shape_fn((1, 3), |(_, k)| f32::from(self.task.labels[row] as usize == k));
            let mut loss = -(activation::log_softmax(scores, 1) * matrix(&own, &self.device)).sum() / 10.0;
            loss = loss - (a.clone() * a.clone().log()).mean() * (self.task.sparse / 10.0);
            let known = self.task.aim.cells(row).filter(|(_, known)| known.contains(&true));
            if let Some((targets, known)) = known {
                let cells = known.iter().filter(|k| **k).count();
                let mask = Array2::from_shape_fn((CELLS, SLOTS), |(n, _)| f32::from(known[n]));
                // Cells that have no target may hold NaN.
                let targets =
                    Array2::from_shape_fn((CELLS, SLOTS), |(n, c)| if known[n] { targets[[n, c]] } else { 0.0 });
                let gap = (a.clone() - matrix(&targets, &self.device)) * matrix(&mask, &self.device);
                loss = loss + gap.powi_scalar(2).sum() * (self.task.explanation / (cells * counts[0]) as f64);
            }
            let labels = places().0.row(row).to_owned();
            if labels.sum() > 0.0 {
                let target = Array2::from_shape_fn((1, SLOTS), |(_, c)| labels[c] / labels.sum());
                let gap = a.mean_dim(0) - matrix(&target, &self.device);
                loss = loss + gap.powi_scalar(2).sum() * (self.task.explanation / counts[1] as f64);
            }
            total = Some(total.map_or(loss.clone(), |t| t + loss));
        }
        total.unwrap()
    }
}

#[test]
fn every_gradient_is_that_of_burn() {
    let classes: Vec<u32> = (0..12).map(|i| i % 3).collect();
    let (labels, places) = places();
    let task = SlotTask {
        inputs: Array2::from_shape_fn((12, CELLS * 4), |(i, j)| ((i * 24 + j) as f32 * 1.3).sin()),
        labels: &classes,
        aim: Aim::new(labels, Some(&places), (true, false)),
        explanation: 0.8,
        sparse: 0.6,
    };
    let [of_cells, of_images] = task.aim.counts(&ROWS);
    assert!(of_cells > 3 && of_cells < 10 && of_images > 2 && of_images < 10, "{of_cells} {of_images}");
    let kinds = [
        (1, Starts::Learned, Gradient::Full, true),
        (2, Starts::Learned, Gradient::Implicit, false),
        (3, Starts::Learned, Gradient::StraightThrough, true),
        (2, Starts::Gaussian, Gradient::Full, true),
        (1, Starts::Gaussian, Gradient::StraightThrough, false),
    ];
    for (heads, starts, gradient, positions) in kinds {
        let model = Network::new(plan(heads, starts, gradient, positions), SLOTS, 3, 4).unwrap();
        let mut found = model.clone();
        found.clear();
        let value = task.gradient(&model, &ROWS, &mut stream(2, Purpose::Noise, 0, 0), &mut found);
        let random = &mut stream(2, Purpose::Noise, 0, 0);
        let noise = Array2::from_shape_simple_fn((10 * SLOTS, D), || {
            if starts == Starts::Learned { 0.0 } else { Distribution::<f32>::sample(&StandardNormal, &mut *random) }
        });
        let device = Device::flex().autodiff();
        let weights =
            model.matrices().into_iter().map(|(name, m)| (name, matrix(&m, &device).require_grad())).collect();
        let oracle = Oracle { task: &task, model: &model, noise, weights, device };
        let loss = oracle.loss();
        let gradients = loss.backward();
        let expected = f64::from(loss.into_scalar::<f32>());
        assert!(
            (value - expected).abs() < 1e-5 * expected.abs().max(1.0),
            "{heads} {gradient:?}: {value} for {expected}"
        );
        if starts == Starts::Learned {
            assert!((task.loss(&model, &ROWS) - value).abs() < 1e-6);
        }
        for ((name, weights), found) in oracle.weights.iter().zip(found.slices()) {
            if found.is_empty() {
                continue;
            }
            let expected = match weights.grad(&gradients) {
                Some(g) => g.to_data().try_to_vec::<f32>().unwrap(),
                None => vec![0.0; found.len()],
            };
            assert!(gradient == Gradient::Implicit || expected.iter().any(|g| *g != 0.0), "{name} has no gradient");
            let size = expected.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
            let relative = |values: &[f32]| values.iter().map(|v| v / size).collect::<Vec<f32>>();
            println!("{heads} {gradient:?} {name}");
            assert_near(&relative(found), &relative(&expected), 2e-4);
        }
    }
}
