//! Gaussian clouds about random centres, the toy of many studies.

use crate::{Dataset, DatasetError};
use ndarray::Array2;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// Clouds by the rule of scikit-learn's `make_blobs`: each class has a centre, uniform in a cube, and its samples are
/// normal about it. Numbers are this crate's own, and not NumPy's of the same seed.
///
/// The default is the toy of "How Does Information Bottleneck Help Deep Learning?" (Kawaguchi et al. 2023).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blobs {
    /// Number of classes.
    pub classes: usize,
    /// Dimensions of an input.
    pub features: usize,
    /// Standard deviation of a cloud in each dimension.
    pub std: f64,
    /// Centres are uniform on [−box, box] in each dimension.
    pub half_width: f64,
}

impl Default for Blobs {
    fn default() -> Self {
        Self { classes: 5, features: 2, std: 0.7, half_width: 10.0 }
    }
}

impl Blobs {
    /// So many samples of each class, shuffled; inputs [classes · samples × features].
    ///
    /// The seed decides the centres; `draw` numbers independent draws from the same clouds.
    ///
    /// # Errors
    /// When there are fewer than two classes, no features, or no samples.
    pub fn draw(&self, samples_per_class: usize, seed: u64, draw: u64) -> Result<Dataset, DatasetError> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = || (2.0 * rng.random::<f64>() - 1.0) * self.half_width;
        let centres = Array2::from_shape_simple_fn((self.classes, self.features), &mut uniform);
        // Stream 0 made the centres.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(1 + draw);
        let mut order: Vec<usize> = (0..self.classes * samples_per_class).map(|i| i % self.classes).collect();
        order.shuffle(&mut rng);
        let inputs = Array2::from_shape_fn((order.len(), self.features), |(i, k)| {
            let z: f64 = StandardNormal.sample(&mut rng);
            (centres[[order[i], k]] + self.std * z) as f32
        });
        let labels: Vec<i64> = order.iter().map(|&c| c as i64).collect();
        Dataset::new("blobs", inputs, &labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    fn mean_of_class(data: &Dataset, class: u32) -> Vec<f64> {
        let rows: Vec<usize> = (0..data.len()).filter(|&i| data.labels[i] == class).collect();
        data.inputs.select(Axis(0), &rows).mapv(f64::from).mean_axis(Axis(0)).unwrap().to_vec()
    }

    #[test]
    fn clouds_have_their_size_and_spread() {
        let blobs = Blobs::default();
        let data = blobs.draw(2000, 4, 0).unwrap();
        assert_eq!((data.inputs.dim(), data.n_classes), ((10_000, 2), 5));
        let mut counts = [0; 5];
        data.labels.iter().for_each(|&l| counts[l as usize] += 1);
        assert_eq!(counts, [2000; 5]);
        for class in 0..5 {
            let centre = mean_of_class(&data, class);
            assert!(centre.iter().all(|c| c.abs() <= 10.1), "{centre:?}");
            let rows = (0..data.len()).filter(|&i| data.labels[i] == class);
            let square: f64 = rows.map(|i| (f64::from(data.inputs[[i, 0]]) - centre[0]).powi(2)).sum();
            assert!(((square / 2000.0).sqrt() - 0.7).abs() < 0.04);
        }
        // Shuffled: the first tenth already has every class.
        assert!((0..5).all(|c| data.labels[..1000].contains(&c)));
    }

    #[test]
    fn draws_share_their_centres_and_seeds_do_not() {
        let blobs = Blobs::default();
        let of = |seed, draw| blobs.draw(500, seed, draw).unwrap();
        assert_eq!(of(1, 0), of(1, 0));
        assert_ne!(of(1, 0), of(1, 1));
        let apart = |a: &Dataset, b: &Dataset| {
            let (a, b) = (mean_of_class(a, 0), mean_of_class(b, 0));
            a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        assert!(apart(&of(1, 0), &of(1, 1)) < 0.2);
        assert!(apart(&of(1, 0), &of(2, 0)) > 0.5);
    }

    #[test]
    fn nothing_to_draw_is_refused() {
        assert!(Blobs::default().draw(0, 0, 0).is_err());
        assert!(Blobs { classes: 1, ..Blobs::default() }.draw(5, 0, 0).is_err());
        assert!(Blobs { features: 0, ..Blobs::default() }.draw(5, 0, 0).is_err());
    }
}
