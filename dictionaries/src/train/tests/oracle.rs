//! The derivatives written out by hand, against burn's automatic ones: dense, with what the jumps pass as constants.

use crate::kernel::Matrix;
use crate::random::{Purpose, stream};
use crate::train::learner::Learner;
use crate::train::{Plan, Recipe};
use crate::variants::{self, Weights};
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array2;
use rand::RngExt;

const SAMPLES: usize = 12;
const INPUTS: usize = 6;
const WIDTH: usize = 16;
const PLAN: Plan = Plan { steps: 10, batch: SAMPLES };

fn tensor(values: &Array2<f32>, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.iter().copied().collect(), [values.nrows(), values.ncols()]), device)
}

fn row(values: &[f32], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len()]), device)
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().unwrap()
}

/// A dictionary with random weights, of whose features 10 to 15 are dead.
fn learner(specification: &str) -> Learner {
    let mut generator = stream(5, Purpose::Clusters, 9, 0);
    let (_, settings) = variants::settings(specification).unwrap();
    let mut random = |rows: usize, columns: usize, size: f32| {
        let mut matrix = Matrix::zeros(rows, columns);
        matrix.data_mut().iter_mut().for_each(|w| *w = generator.random_range(-size..size));
        matrix
    };
    let mut decoder = random(WIDTH, INPUTS, 1.0);
    (0..WIDTH).for_each(|j| crate::train::start::unit(decoder.row_mut(j)));
    let own = settings.variant.own();
    let weights = Weights {
        encoder: random(WIDTH, INPUTS, 0.8),
        encoder_bias: random(1, WIDTH, 0.2).data().to_vec(),
        decoder,
        bias: random(1, INPUTS, 0.3).data().to_vec(),
        own: own.iter().map(|o| random(1, WIDTH, 0.4).data().iter().map(|r| o.1 + r).collect()).collect(),
    };
    let recipe = Recipe { name: "d".into(), specification: specification.into(), width: WIDTH, seed: 0 };
    let mut learner = Learner::with_weights(recipe, settings, PLAN, 1.0, weights);
    learner.silent[10..].fill(u64::MAX);
    learner
}

fn inputs() -> Array2<f32> {
    let mut generator = stream(6, Purpose::Clusters, 9, 0);
    Array2::from_shape_simple_fn((SAMPLES, INPUTS), || generator.random_range(-1.0..1.0))
}

/// The largest `count` of all entries, as ones.
fn mask(pre: &Array2<f32>, count: usize) -> Array2<f32> {
    let mut all: Vec<f32> = pre.iter().copied().filter(|p| *p > 0.0).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    let least = all.get(count.saturating_sub(1)).copied().unwrap_or(0.0).max(f32::MIN_POSITIVE);
    pre.mapv(|p| f32::from(p >= least))
}

/// The largest `count` of each row.
fn mask_of_rows(pre: &Array2<f32>, count: usize) -> Array2<f32> {
    let mut all = Array2::zeros(pre.dim());
    for (mut to, row) in all.rows_mut().into_iter().zip(pre.rows()) {
        to.assign(&mask(&row.to_owned().insert_axis(ndarray::Axis(0)), count).row(0));
    }
    all
}

/// Runs both and compares the loss and every derivative.
fn compare(specification: &str) {
    let mut learner = learner(specification);
    let x = inputs();
    let matrix = Matrix::from_view(x.view());
    let centred = learner.centred(&matrix);
    // The last step: the sparsity is warm.
    let forward = learner.forward(&matrix, &centred, PLAN.steps - 1);
    let weights = learner.weights.clone();

    let device = Device::flex().autodiff();
    let encoder = tensor(&weights.encoder.to_array(), &device).require_grad();
    let decoder = tensor(&weights.decoder.to_array(), &device).require_grad();
    let encoder_bias = row(&weights.encoder_bias, &device).require_grad();
    let bias = row(&weights.bias, &device).require_grad();
    let own: Vec<Tensor<2>> = weights.own.iter().map(|o| row(o, &device).require_grad()).collect();
    let xs = tensor(&x, &device);
    let n = SAMPLES as f32;

    let products = (xs.clone() - bias.clone()).matmul(encoder.clone().transpose());
    let pre = products.clone() + encoder_bias.clone();
    let seen = Array2::from_shape_vec((SAMPLES, WIDTH), values(pre.clone())).unwrap();
    let relu = |t: Tensor<2>| t.clamp_min(0.0);
    let open = seen.mapv(|p| f32::from(p > 0.0));
    let (name, _) = specification.split_once(':').unwrap_or((specification, ""));
    let mut penalty = Tensor::<2>::zeros([1, 1], &device);
    let codes = match name {
        "l1" => {
            let z = relu(pre.clone());
            penalty = z.clone().sum().reshape([1, 1]).mul_scalar(0.3 / n);
            z
        }
        "gated" => {
            let magnitude = products * own[0].clone().exp() + own[1].clone();
            let gate = relu(pre.clone());
            let again = gate.clone().matmul(decoder.clone().detach()) + bias.clone().detach();
            let lost = (again - xs.clone()).powi_scalar(2).sum().div_scalar(n);
            penalty = (gate.sum().mul_scalar(0.3 / n) + lost).reshape([1, 1]);
            relu(magnitude) * tensor(&open, &device)
        }
        "topk" => relu(pre.clone()) * tensor(&mask_of_rows(&seen, 3), &device),
        "batch-topk" | "matryoshka" => relu(pre.clone()) * tensor(&mask(&seen, 3 * SAMPLES), &device),
        _ => {
            let threshold = own[0].clone().exp();
            let theta = values(threshold.clone());
            let jump = Array2::from_shape_fn(seen.dim(), |(i, j)| f32::from(seen[[i, j]] > theta[j]));
            let near = Array2::from_shape_fn(seen.dim(), |(i, j)| f32::from((seen[[i, j]] - theta[j]).abs() < 0.15));
            assert!(near.sum() > 5.0 && (&near * &jump).sum() < near.sum());
            // The threshold itself in value zero, and in derivative one.
            let moved = threshold.clone() - threshold.clone().detach();
            let blurred = tensor(&near, &device).mul_scalar(-1.0 / 0.3) * moved;
            let active = (tensor(&jump, &device) + blurred.clone()).sum().div_scalar(n);
            let z = pre.clone() * tensor(&jump, &device) + blurred * threshold.detach();
            penalty = match specification {
                s if s.contains("step") => active.mul_scalar(0.2).reshape([1, 1]),
                s if s.contains("tanh") => z.clone().mul_scalar(4.0).tanh().sum().mul_scalar(0.2 / n).reshape([1, 1]),
                _ => active.div_scalar(4.0).sub_scalar(1.0).powi_scalar(2).mul_scalar(0.7).reshape([1, 1]),
            };
            z
        }
    };
    let ends: &[usize] = if name == "matryoshka" { &[4, 8, 16] } else { &[16] };
    let mut loss = penalty;
    let mut full = xs.clone();
    for &end in ends {
        let decoded = codes.clone().narrow(1, 0, end).matmul(decoder.clone().narrow(0, 0, end));
        full = decoded + bias.clone() - xs.clone();
        loss = loss + full.clone().powi_scalar(2).sum().div_scalar(n * ends.len() as f32).reshape([1, 1]);
    }
    if !matches!(name, "l1" | "gated") {
        let left = -full.detach();
        let spread = (left.clone() - left.clone().mean_dim(0)).powi_scalar(2).sum().div_scalar(n);
        let dead = Array2::from_shape_fn(seen.dim(), |(i, j)| if j < 10 { 0.0 } else { seen[[i, j]] });
        let z = relu(pre) * tensor(&mask_of_rows(&dead, INPUTS / 2), &device);
        let lost = (z.matmul(decoder.clone()) - left).powi_scalar(2).sum().div_scalar(n);
        loss = loss + (lost / spread).mul_scalar(0.5).reshape([1, 1]);
    }
    let expected = values(loss.clone().detach())[0];
    assert!((forward.loss as f32 / expected - 1.0).abs() < 1e-5, "{specification}: {} {expected}", forward.loss);

    let gradients = loss.backward();
    let grad = |t: &Tensor<2>| values(t.grad(&gradients).unwrap());
    let near = |what: &str, ours: &[f32], theirs: &[f32]| {
        let size = theirs.iter().fold(0f32, |m, v| m.max(v.abs()));
        assert!(size > 0.0, "{specification}: {what}");
        for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
            assert!((a - b).abs() < 2e-5 * size.max(1.0), "{specification}: {what} {i}: {a} {b}");
        }
    };
    let ours = &learner.gradient;
    near("encoder", ours.encoder.data(), &grad(&encoder));
    near("encoder bias", &ours.encoder_bias, &grad(&encoder_bias));
    near("bias", &ours.bias, &grad(&bias));
    let mut tangent = grad(&decoder);
    for (row, direction) in tangent.chunks_exact_mut(INPUTS).zip(weights.decoder.rows()) {
        let along: f32 = row.iter().zip(direction).map(|(a, b)| a * b).sum();
        row.iter_mut().zip(direction).for_each(|(r, d)| *r -= along * d);
    }
    near("decoder", ours.decoder.data(), &tangent);
    for (i, own) in own.iter().enumerate() {
        near("own", &ours.own[i], &grad(own));
    }
    let all = [ours.encoder.data(), ours.decoder.data(), &ours.encoder_bias, &ours.bias];
    let squared: f32 = all.iter().copied().chain(ours.own.iter().map(Vec::as_slice)).flatten().map(|g| g * g).sum();
    assert!((forward.length as f32 / squared - 1.0).abs() < 1e-4);
}

#[test]
fn l1_agrees() {
    compare("l1:lambda=0.3");
}

#[test]
fn gated_agrees_with_its_decoder_held_in_the_second_error() {
    compare("gated:lambda=0.3");
}

#[test]
fn topk_agrees_with_dead_features_on_the_residual() {
    compare("topk:k=3,auxiliary=0.5,dead-after=9");
    compare("batch-topk:k=3,auxiliary=0.5,dead-after=9");
}

#[test]
fn matryoshka_agrees_with_an_error_for_each_prefix() {
    compare("matryoshka:k=3,prefixes=0.25/0.5,auxiliary=0.5,dead-after=9");
}

#[test]
fn jumprelu_agrees_with_the_jump_blurred_by_a_rectangle() {
    compare("jumprelu:lambda=0.7,target-l0=4,bandwidth=0.3,threshold=0.3,auxiliary=0.5,dead-after=9");
    compare("jumprelu:penalty=step,lambda=0.2,bandwidth=0.3,threshold=0.3,auxiliary=0.5,dead-after=9");
    compare("jumprelu:penalty=tanh,lambda=0.2,bandwidth=0.3,threshold=0.3,auxiliary=0.5,dead-after=9");
}
