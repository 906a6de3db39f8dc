//! Baselines that are dictionaries with a TopK code: principal components, coordinates, random directions.

use super::eigen::symmetric;
use super::{means, thinned};
use crate::evaluate::unit_rows;
use crate::random::{Purpose, stream};
use crate::{Activation, Coder, Dictionary, DictionaryError};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use rand_distr::{Distribution, StandardNormal};

/// Rows that the gain of random directions is fitted to.
const ROWS: usize = 4096;

/// The principal components of `train`, at most half the width of them, each with both signs.
pub(super) fn pca(train: ArrayView2<f32>, width: usize, k: usize) -> Dictionary {
    let mean = means(train);
    let mut covariance = Array2::<f64>::zeros((train.ncols(), train.ncols()));
    for chunk in train.axis_chunks_iter(Axis(0), 1024) {
        let centred = (&chunk - &mean).mapv(f64::from);
        covariance += &centred.t().dot(&centred);
    }
    let (values, axes) = symmetric(covariance);
    // Components without variance are rounding.
    let least = values.first().copied().unwrap_or(0.0) * 1e-12;
    let live = values.iter().filter(|v| **v > least).count().max(1);
    let kept: Vec<usize> = (0..live.min((width / 2).max(1))).collect();
    signed(axes.select(Axis(0), &kept).mapv(|v| v as f32), mean, k)
}

/// The coordinates themselves about their means; the most variable ones where the width has not room for all.
pub(super) fn coordinates(train: ArrayView2<f32>, width: usize, k: usize) -> Dictionary {
    let mean = means(train);
    let spread: Vec<f64> = (train.columns().into_iter().zip(&mean))
        .map(|(c, &m)| c.iter().map(|&v| f64::from(v - m).powi(2)).sum())
        .collect();
    let mut order: Vec<usize> = (0..spread.len()).collect();
    order.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]).then(a.cmp(&b)));
    order.truncate((width / 2).max(1));
    order.sort_unstable();
    signed(Array2::eye(train.ncols()).select(Axis(0), &order), mean, k)
}

/// Orthonormal directions and their opposites. As they are orthogonal, the k largest are the best k.
fn signed(directions: Array2<f32>, mean: Array1<f32>, k: usize) -> Dictionary {
    let opposite = directions.mapv(|v| -v);
    // Rows of equal length always fit below one another.
    let both = concatenate(Axis(0), &[directions.view(), opposite.view()]).unwrap_or(directions);
    top_k(both.clone(), both, mean, k)
}

/// Random unit directions about the mean. Directions that overlap overshoot together, so that all activations are
/// decoded with one gain, the least squares' one on the training samples.
pub(super) fn random(train: ArrayView2<f32>, width: usize, k: usize, seed: u64) -> Result<Dictionary, DictionaryError> {
    let mut generator = stream(seed, Purpose::RandomDirections, 0, 0);
    let drawn = Array2::from_shape_simple_fn((width, train.ncols()), || {
        let z: f64 = StandardNormal.sample(&mut generator);
        z as f32
    });
    let directions = unit_rows(drawn.view());
    let mut dictionary = top_k(directions.clone(), directions, means(train), k);
    let rows = thinned(train, ROWS);
    let decoded = Coder::decode(&dictionary, &dictionary.encode(rows.view())?)?;
    let (mut cross, mut square) = (0.0, 0.0);
    for (x, y) in rows.rows().into_iter().zip(decoded.rows()) {
        for ((&x, &y), &b) in x.iter().zip(&y).zip(&dictionary.bias) {
            let (x, y) = (f64::from(x - b), f64::from(y - b));
            cross += x * y;
            square += y * y;
        }
    }
    if square > 0.0 {
        dictionary.decoder *= (cross / square) as f32;
    }
    Ok(dictionary)
}

fn top_k(encoder: Array2<f32>, decoder: Array2<f32>, bias: Array1<f32>, k: usize) -> Dictionary {
    let width = encoder.nrows();
    Dictionary {
        encoder_bias: Array1::zeros(width),
        encoder,
        decoder,
        bias,
        centred: true,
        activation: Activation::TopK { k: k.min(width) },
        prefixes: vec![],
    }
}
