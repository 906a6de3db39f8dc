//! Classes that arrive two at a time: the toy of continual learning.

use crate::{Dataset, DatasetError};
use ndarray::Array2;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// Middles of the clouds in the unit square, with the name that the paper's notebook gives to the class: two a task.
const CLOUDS: [(&str, [f64; 2]); 8] = [
    ("0", [0.25, 0.25]),
    ("4", [0.75, 0.5]),
    ("1", [0.75, 0.25]),
    ("5", [0.5, 0.75]),
    ("2", [0.75, 0.75]),
    ("6", [0.25, 0.5]),
    ("3", [0.25, 0.75]),
    ("7", [0.5, 0.25]),
];

/// Eight normal clouds in the unit square, which are four tasks of two classes: figure 2 of "Discrete Key-Value Bottleneck"
/// (Träuble et al. 2023). Classes are numbered in the order of the tasks, so that task t has the classes 2t and 2t + 1; their
/// names are the notebook's. Numbers are this crate's own, and not PyTorch's of the same seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlobTasks {
    /// Standard deviation of a cloud in each dimension.
    pub std: f64,
}

impl Default for BlobTasks {
    fn default() -> Self {
        Self { std: 0.035 }
    }
}

impl BlobTasks {
    /// Names of the classes, in the order of their numbers.
    pub fn classes() -> Vec<String> {
        CLOUDS.iter().map(|c| c.0.to_string()).collect()
    }

    /// So many samples of each task, half of each of its classes (of an odd number the first class has one more), shuffled;
    /// inputs [4 · samples × 2]. `draw` numbers independent draws of one seed.
    ///
    /// # Errors
    /// When there are fewer than two samples a task.
    pub fn draw(&self, samples_per_task: usize, seed: u64, draw: u64) -> Result<Dataset, DatasetError> {
        if samples_per_task < 2 {
            return Err(DatasetError::TooSmall { samples: samples_per_task, features: 2 });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(draw);
        let task = |t: usize| (0..samples_per_task).map(move |i| 2 * t + i % 2);
        let mut order: Vec<usize> = (0..4).flat_map(task).collect();
        order.shuffle(&mut rng);
        let inputs = Array2::from_shape_fn((order.len(), 2), |(i, k)| {
            let z: f64 = StandardNormal.sample(&mut rng);
            (CLOUDS[order[i]].1[k] + self.std * z) as f32
        });
        let labels: Vec<i64> = order.iter().map(|&c| c as i64).collect();
        Dataset::new("blob-tasks", inputs, &labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_its_clouds_at_their_places() {
        let data = BlobTasks::default().draw(2000, 3, 0).unwrap();
        assert_eq!((data.inputs.dim(), data.n_classes), ((8000, 2), 8));
        for (class, (_, middle)) in CLOUDS.iter().enumerate() {
            let rows: Vec<usize> = (0..data.len()).filter(|&i| data.labels[i] as usize == class).collect();
            assert_eq!(rows.len(), 1000);
            for (k, expected) in middle.iter().enumerate() {
                let values: Vec<f64> = rows.iter().map(|&r| f64::from(data.inputs[[r, k]])).collect();
                let mean = values.iter().sum::<f64>() / 1000.0;
                let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1000.0).sqrt();
                assert!((mean - expected).abs() < 0.005 && (spread - 0.035).abs() < 0.004, "{mean} {spread}");
            }
        }
        assert_eq!(BlobTasks::classes()[..3], ["0", "4", "1"]);
    }

    #[test]
    fn draws_follow_seed_and_number_and_too_few_are_refused() {
        let of = |seed, draw| BlobTasks::default().draw(10, seed, draw).unwrap();
        assert_eq!(of(1, 0), of(1, 0));
        assert_ne!(of(1, 0), of(1, 1));
        assert_ne!(of(1, 0), of(2, 0));
        assert!(BlobTasks::default().draw(1, 0, 0).is_err());
    }
}
