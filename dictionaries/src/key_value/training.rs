//! Training of the values: cross entropy with smoothed labels, by gradient descent or Adam.
//!
//! A minibatch moves the values that its samples fetched and no others, so a step costs samples · heads · classes, however
//! large the memory. (Adam also moves the values that earlier batches fetched, by its moments, as a dense Adam does.)

use super::{Fetched, KeyValueMemory};
use crate::DictionaryError;
use ndarray::Array2;

/// How a gradient becomes a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueMethod {
    /// Plain descent, as in the paper.
    Sgd,
    /// Adam (Kingma & Ba 2015, algorithm 1) with its usual constants, as in the paper's toy.
    Adam,
}

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const SMALL: f32 = 1e-8;

/// A training that goes on from batch to batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTraining {
    method: ValueMethod,
    rate: f32,
    smoothing: f32,
    clip: f32,
    /// Of the pairs in `touched`; zero elsewhere.
    gradient: Array2<f32>,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    /// Moments of Adam, zero but for the pairs in `live`.
    mean: Array2<f32>,
    square: Array2<f32>,
    live: Vec<u32>,
    is_live: Vec<bool>,
    taken: i32,
}

impl ValueTraining {
    /// A training of a memory's values with learning rate `rate`, labels smoothed by `smoothing` (the share of a label that
    /// is spread evenly over all classes), and the gradient's length cut to `clip` (infinite: not at all).
    ///
    /// # Errors
    /// When a number is outside its domain.
    pub fn new(
        memory: &KeyValueMemory,
        method: ValueMethod,
        rate: f64,
        smoothing: f64,
        clip: f64,
    ) -> Result<Self, DictionaryError> {
        let bad = |name, value, rule| Err(DictionaryError::BadParameter { name, value, rule });
        if !(rate > 0.0 && rate.is_finite()) {
            return bad("learning-rate", rate, "it must be above 0");
        }
        if !(0.0..1.0).contains(&smoothing) {
            return bad("smoothing", smoothing, "it must be in [0, 1)");
        }
        if clip.is_nan() || clip <= 0.0 {
            return bad("clip", clip, "it must be above 0");
        }
        let pairs = memory.counts.len();
        let moments = if method == ValueMethod::Adam { memory.values.dim() } else { (0, 0) };
        Ok(Self {
            method,
            rate: rate as f32,
            smoothing: smoothing as f32,
            clip: clip as f32,
            gradient: Array2::zeros(memory.values.dim()),
            touched: vec![],
            is_touched: vec![false; pairs],
            mean: Array2::zeros(moments),
            square: Array2::zeros(moments),
            live: vec![],
            is_live: vec![false; pairs],
            taken: 0,
        })
    }

    /// One minibatch: the mean loss before the step, in nats; counts what was fetched. Labels are below the number of
    /// classes.
    pub fn step(&mut self, memory: &mut KeyValueMemory, fetched: &Fetched, labels: &[u32]) -> f64 {
        let classes = memory.classes();
        let mut slopes = memory.scores(fetched);
        let (rows, heads) = (slopes.nrows() as f32, memory.splitter.heads as f32);
        let spread = self.smoothing / classes as f32;
        let mut loss = 0.0;
        for ((mut slope, pairs), &label) in slopes.outer_iter_mut().zip(fetched.pairs.outer_iter()).zip(labels) {
            let largest = slope.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = slope.iter().map(|s| (s - largest).exp()).sum();
            let norm = largest + total.ln();
            for (class, s) in slope.iter_mut().enumerate() {
                let target = spread + if class == label as usize { 1.0 - self.smoothing } else { 0.0 };
                loss += f64::from(target * (norm - *s));
                *s = ((*s - norm).exp() - target) / (rows * heads);
            }
            for &pair in pairs {
                if !std::mem::replace(&mut self.is_touched[pair as usize], true) {
                    self.touched.push(pair);
                }
                memory.counts[pair as usize] += 1;
                let mut into = self.gradient.row_mut(pair as usize);
                into += &slope;
            }
        }
        self.clip_gradient();
        match self.method {
            ValueMethod::Sgd => {
                for &pair in &self.touched {
                    memory.values.row_mut(pair as usize).scaled_add(-self.rate, &self.gradient.row(pair as usize));
                }
            }
            ValueMethod::Adam => self.adapt(&mut memory.values),
        }
        for pair in self.touched.drain(..) {
            self.gradient.row_mut(pair as usize).fill(0.0);
            self.is_touched[pair as usize] = false;
        }
        loss / f64::from(rows)
    }

    fn clip_gradient(&mut self) {
        if self.clip.is_finite() {
            let of = |p: &u32| self.gradient.row(*p as usize).iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
            let square: f64 = self.touched.iter().map(of).sum();
            let length = square.sqrt() as f32;
            if length > self.clip {
                let factor = self.clip / length;
                self.touched.iter().for_each(|&p| self.gradient.row_mut(p as usize).mapv_inplace(|g| g * factor));
            }
        }
    }

    fn adapt(&mut self, values: &mut Array2<f32>) {
        for &pair in &self.touched {
            if !std::mem::replace(&mut self.is_live[pair as usize], true) {
                self.live.push(pair);
            }
        }
        self.taken += 1;
        let rate = self.rate / (1.0 - FIRST.powi(self.taken));
        let unbiased = 1.0 / (1.0 - SECOND.powi(self.taken)).sqrt();
        for &pair in &self.live {
            let pair = pair as usize;
            let (mut mean, mut square) = (self.mean.row_mut(pair), self.square.row_mut(pair));
            let moments = mean.iter_mut().zip(square.iter_mut());
            for ((value, &g), (m, s)) in values.row_mut(pair).iter_mut().zip(self.gradient.row(pair)).zip(moments) {
                *m += (1.0 - FIRST) * (g - *m);
                *s += (1.0 - SECOND) * (g * g - *s);
                *value -= rate * *m / (s.sqrt() * unbiased + SMALL);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Split, Splitter};
    use super::*;
    use burn::tensor::{Device, Tensor, TensorData, activation};
    use ndarray::array;

    fn memory() -> KeyValueMemory {
        let splitter = Splitter::new(Split::Chunks, 2, 2, 1, 0).unwrap();
        let keys = array![[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]];
        KeyValueMemory::new(splitter, keys, 3, 1).unwrap().with_noise(0.5, 1)
    }

    fn batch() -> (Fetched, [u32; 4]) {
        // The third pair of the first head and the first of the second are fetched by nobody.
        (Fetched { pairs: array![[0, 4], [1, 5], [0, 5], [1, 4]] }, [0, 2, 2, 1])
    }

    /// The gradient of the smoothed loss by all values, by burn, from scores as a full matrix product.
    fn by_burn(memory: &KeyValueMemory, fetched: &Fetched, labels: &[u32], smoothing: f32) -> (f64, Array2<f32>) {
        let device = Device::flex().autodiff();
        let tensor = |a: &Array2<f32>| {
            let shape = [a.nrows(), a.ncols()];
            Tensor::<2>::from_data(TensorData::new(a.iter().copied().collect::<Vec<_>>(), shape), &device)
        };
        let mut which = Array2::<f32>::zeros((labels.len(), memory.counts.len()));
        for (mut row, pairs) in which.outer_iter_mut().zip(fetched.pairs.outer_iter()) {
            pairs.iter().for_each(|&p| row[p as usize] += 0.5);
        }
        let truth = Array2::from_shape_fn((labels.len(), 3), |(i, k)| {
            smoothing / 3.0 + if labels[i] as usize == k { 1.0 - smoothing } else { 0.0 }
        });
        let values = tensor(&memory.values).require_grad();
        let logs = activation::log_softmax(tensor(&which).matmul(values.clone()), 1);
        let loss = -(logs * tensor(&truth)).sum() / labels.len() as f32;
        let gradient = values.grad(&loss.backward()).unwrap().to_data().try_to_vec::<f32>().unwrap();
        (f64::from(loss.into_scalar::<f32>()), Array2::from_shape_vec((6, 3), gradient).unwrap())
    }

    #[test]
    fn a_step_is_that_of_burn_and_touches_only_what_was_fetched() {
        let (fetched, labels) = batch();
        let mut found = memory();
        let (loss, gradient) = by_burn(&found, &fetched, &labels, 0.1);
        let mut training = ValueTraining::new(&found, ValueMethod::Sgd, 0.3, 0.1, f64::INFINITY).unwrap();
        assert!((training.step(&mut found, &fetched, &labels) - loss).abs() < 1e-6);
        let expected = memory().values - gradient * 0.3;
        assert!((&found.values - &expected).iter().all(|d| d.abs() < 1e-6));
        assert_eq!(found.values.row(2), memory().values.row(2));
        assert_eq!(found.counts, [2, 2, 0, 0, 2, 2]);
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let (fetched, labels) = batch();
        let start = memory();
        let moved = |clip: f64| {
            let mut memory = memory();
            let mut training = ValueTraining::new(&memory, ValueMethod::Sgd, 1.0, 0.0, clip).unwrap();
            training.step(&mut memory, &fetched, &labels);
            memory.values - &start.values
        };
        let length = |a: &Array2<f32>| a.iter().map(|v| v * v).sum::<f32>().sqrt();
        let (free, cut) = (moved(f64::INFINITY), moved(0.01));
        assert!(length(&free) > 0.02 && (length(&cut) - 0.01).abs() < 1e-5);
        let cosine = (&free * &cut).sum() / (length(&free) * length(&cut));
        assert!((cosine - 1.0).abs() < 1e-4);
    }

    #[test]
    fn adam_is_the_dense_one_for_values_that_earlier_batches_fetched() {
        // Dense Adam by hand on burn's gradients, over two batches of which the second fetches less.
        let batches = [batch(), (Fetched { pairs: array![[0, 4]] }, [1; 4])];
        let mut found = memory();
        let mut training = ValueTraining::new(&found, ValueMethod::Adam, 0.05, 0.0, f64::INFINITY).unwrap();
        let mut expected = memory();
        let (mut mean, mut square) = (Array2::<f32>::zeros((6, 3)), Array2::<f32>::zeros((6, 3)));
        for (t, (fetched, labels)) in batches.iter().enumerate() {
            let labels = &labels[..fetched.n_samples()];
            let (_, gradient) = by_burn(&expected, fetched, labels, 0.0);
            mean = mean * 0.9 + &gradient * 0.1;
            square = square * 0.999 + &gradient * &gradient * 0.001;
            let t = t as i32 + 1;
            let step = (&mean / (1.0 - 0.9f32.powi(t))) / ((&square / (1.0 - 0.999f32.powi(t))).mapv(f32::sqrt) + 1e-8);
            expected.values = &expected.values - step * 0.05;
            training.step(&mut found, fetched, labels);
        }
        assert!((&found.values - &expected.values).iter().all(|d| d.abs() < 1e-4), "{:?}", found.values);
        assert_eq!(found.values.row(2), memory().values.row(2));
        assert_ne!(found.values.row(1), memory().values.row(1));
    }

    #[test]
    fn bad_numbers_are_refused_by_name() {
        let memory = memory();
        let error = |rate, smoothing, clip| {
            ValueTraining::new(&memory, ValueMethod::Sgd, rate, smoothing, clip).unwrap_err().to_string()
        };
        assert!(error(0.0, 0.0, 1.0).starts_with("learning-rate = 0"));
        assert!(error(1.0, 1.0, 1.0).starts_with("smoothing = 1"));
        assert!(error(1.0, 0.0, f64::NAN).starts_with("clip = NaN"));
    }
}
