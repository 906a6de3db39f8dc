//! What a sparse autoencoder is to be compared with: codes of the same size that are cheap to get.
//!
//! All of them are [`Coder`]s and are evaluated by the same measures. Where a method has signed coefficients, each sign
//! is a feature of its own, so that codes are not negative and a count of active features means the same everywhere.

mod centres;
mod eigen;
mod linear;
mod non_negative;

use crate::{Coder, DictionaryError};
use ndarray::{Array1, ArrayView2, Axis};

/// A baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Whether its codes have k features each; otherwise k means nothing to it.
    pub takes_k: bool,
}

/// All baselines.
pub const BASELINES: &[About] = &[
    About { name: "pca", summary: "the k largest coefficients on the principal components, both signs", takes_k: true },
    About { name: "k-means", summary: "the nearest of as many centres as there are features", takes_k: false },
    About {
        name: "nmf",
        summary: "non-negative: k atoms by matching pursuit, the dictionary by multiplicative updates",
        takes_k: true,
    },
    About {
        name: "random",
        summary: "the k largest projections on random directions, with one fitted gain",
        takes_k: true,
    },
    About { name: "coordinates", summary: "the k coordinates farthest from their mean, both signs", takes_k: true },
];

/// A fitted baseline.
pub struct Baseline {
    /// Which.
    pub name: &'static str,
    /// Features that a code may have; `None` where that is not a parameter.
    pub k: Option<usize>,
    /// Encodes and decodes.
    pub coder: Box<dyn Coder>,
    /// Where it differs from what was asked for, in a sentence.
    pub note: Option<String>,
}

/// Fits the baseline of a name to `train` [samples × inputs]: at most `width` features, `k` of them active.
///
/// # Errors
/// When the name is not known, there are no samples, a value is not finite, or `width` or `k` is 0.
pub fn fit(name: &str, train: ArrayView2<f32>, width: usize, k: usize, seed: u64) -> Result<Baseline, DictionaryError> {
    let Some(about) = BASELINES.iter().find(|b| b.name == name) else {
        let known = BASELINES.iter().map(|b| b.name).collect::<Vec<_>>().join(", ");
        return Err(DictionaryError::Unknown { kind: "baseline", name: name.into(), hint: String::new(), known });
    };
    if train.nrows() < 2 {
        let what = "activations to fit a baseline to";
        return Err(DictionaryError::TooFew { what, found: train.nrows(), needed: 2 });
    }
    for (name, value) in [("width", width), ("k", k)] {
        if value == 0 {
            return Err(DictionaryError::BadParameter { name, value: 0.0, rule: "it must be at least 1" });
        }
    }
    crate::dictionary::finite("activations", train)?;
    let coder: Box<dyn Coder> = match about.name {
        "pca" => Box::new(linear::pca(train, width, k)),
        "coordinates" => Box::new(linear::coordinates(train, width, k)),
        "random" => Box::new(linear::random(train, width, k, seed)?),
        "k-means" => Box::new(centres::Centres::fit(train, width, seed)?),
        _ => Box::new(non_negative::NonNegative::fit(train, width, k, seed)?),
    };
    let found = coder.width();
    let note = (found < width).then(|| format!("{name}: it has {found} features, not {width}: there are no more"));
    Ok(Baseline { name: about.name, k: about.takes_k.then_some(k.min(found)), coder, note })
}

/// Means of the columns, summed in f64.
fn means(train: ArrayView2<f32>) -> Array1<f32> {
    let sums = train.rows().into_iter().fold(Array1::<f64>::zeros(train.ncols()), |mut sums, row| {
        sums.zip_mut_with(&row, |s, &x| *s += f64::from(x));
        sums
    });
    sums.mapv(|s| (s / train.nrows() as f64) as f32)
}

/// At most so many rows, evenly spread.
fn thinned(train: ArrayView2<f32>, most: usize) -> ndarray::Array2<f32> {
    let n = train.nrows();
    let rows: Vec<usize> = if n <= most { (0..n).collect() } else { (0..most).map(|i| i * n / most).collect() };
    train.select(Axis(0), &rows)
}

#[cfg(test)]
mod tests;
