//! How good a dictionary is: sparsity, reconstruction, how features fire, and how their directions lie.
//!
//! One pass over the activations, in batches of any size: the sums are kept in f64 and a sample at a time, so that the
//! numbers do not depend on how the samples were cut into batches. [`MEASURES`] says what each number is; there are at
//! least four definitions of explained variance about, and the one here has the mean of *all* samples.
//!
//! Standard errors take the samples as independent. Rows that belong together (tokens of one text, patches of one
//! picture) are not, and the true errors are larger.

mod auc;
mod feature;
pub mod firing;
mod histogram;
mod hungarian;
mod logistic;
mod measure;
mod neighbours;
mod pairs;
pub mod probing;
pub mod recovery;
mod sums;

pub use feature::Feature;
pub use histogram::Histogram;
pub use hungarian::assignment;
pub use measure::{About, MEASURES, Measure, about};
pub use neighbours::neighbours;
pub use pairs::Pair;

pub(crate) use neighbours::unit_rows;

use crate::coder::Coder;
use crate::{Codes, DictionaryError};
use feature::Firing;
use ndarray::{Array1, ArrayView1, ArrayView2};
use pairs::Counter;
use sums::{Grouped, Mean};

/// The share of samples above which a feature is dense.
pub const DENSE: f64 = 0.1;
/// The cosine above which two decoder rows are duplicates.
pub const DUPLICATE: f64 = 0.9;

/// Takes a dictionary's measure as batches go by.
pub struct Evaluator<'a> {
    coder: &'a dyn Coder,
    samples: u64,
    first: Array1<f64>,
    sums: Grouped,
    l0: Mean,
    l1: Mean,
    mse: Mean,
    normalised: Mean,
    cosine: Mean,
    ratio: Mean,
    /// Samples that are zero in all columns: no direction, no relative error.
    zeros: u64,
    firing: Vec<Firing>,
    pairs: Counter,
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Samples.
    pub samples: u64,
    /// Numbers about the whole dictionary, as [`MEASURES`] lists them.
    pub measures: Vec<Measure>,
    /// A feature each \[width\].
    pub features: Vec<Feature>,
    /// Densities.
    pub histogram: Histogram,
    /// Live pairs of overlapping direction that were examined.
    pub pairs: Vec<Pair>,
    /// What the numbers cannot say.
    pub warnings: Vec<String>,
}

impl Evaluation {
    /// The value of a measure, where it is defined.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.measures.iter().find(|m| m.name == name).and_then(|m| m.value)
    }
}

impl<'a> Evaluator<'a> {
    /// Of a dictionary or a baseline; compares its decoder rows, which takes width² · inputs operations.
    pub fn new(coder: &'a dyn Coder) -> Self {
        Self {
            coder,
            samples: 0,
            first: Array1::zeros(coder.inputs()),
            sums: Grouped::new(coder.inputs()),
            l0: Mean::default(),
            l1: Mean::default(),
            mse: Mean::default(),
            normalised: Mean::default(),
            cosine: Mean::default(),
            ratio: Mean::default(),
            zeros: 0,
            firing: vec![Firing::default(); coder.width()],
            pairs: Counter::new(coder.decoder(), coder.origin()),
        }
    }

    /// Adds samples [samples × inputs]; yields their codes, for whoever needs them too.
    ///
    /// # Errors
    /// When they have another width, or a value is not finite (its row is counted over all batches).
    pub fn add(&mut self, batch: ArrayView2<f32>) -> Result<Codes, DictionaryError> {
        if batch.ncols() != self.coder.inputs() {
            return Err(DictionaryError::WrongWidth { found: batch.ncols(), expected: self.coder.inputs() });
        }
        if let Some(((row, column), &value)) = batch.indexed_iter().find(|(_, v)| !v.is_finite()) {
            let (what, row) = ("activations".into(), self.samples as usize + row + 1);
            return Err(DictionaryError::NotFinite { what, row, column: column + 1, value });
        }
        let codes = self.coder.encode(batch)?;
        let decoded = self.coder.decode(&codes)?;
        for (sample, (x, y)) in batch.rows().into_iter().zip(decoded.rows()).enumerate() {
            let (features, values) = codes.row(sample);
            self.one(x, y, features, values);
        }
        Ok(codes)
    }

    fn one(&mut self, x: ArrayView1<f32>, decoded: ArrayView1<f32>, features: &[u32], values: &[f32]) {
        if self.samples == 0 {
            self.first = x.mapv(f64::from);
        }
        let [xx, dd, xd, ee] = self.sums.of(self.samples).add(x, decoded, &self.first);
        self.l0.add(features.len() as f64);
        self.l1.add(values.iter().map(|v| f64::from(v.abs())).sum());
        self.mse.add(ee / x.len() as f64);
        if xx > 0.0 {
            self.normalised.add(ee / xx);
            self.ratio.add((dd / xx).sqrt());
            self.cosine.add(if dd > 0.0 { xd / (xx * dd).sqrt() } else { 0.0 });
        } else {
            self.zeros += 1;
        }
        for (&feature, &value) in features.iter().zip(values) {
            self.firing[feature as usize].add(value, self.samples);
        }
        self.pairs.add(x, features);
        self.samples += 1;
    }

    /// The evaluation of all samples so far.
    ///
    /// # Errors
    /// When there were none.
    pub fn finish(&self) -> Result<Evaluation, DictionaryError> {
        if self.samples == 0 {
            return Err(DictionaryError::TooFew { what: "activations to evaluate on", found: 0, needed: 1 });
        }
        let fires: Vec<u64> = self.firing.iter().map(Firing::fires).collect();
        let pairs = self.pairs.finish(&fires, self.samples);
        let features = feature::features(self.coder, &self.firing, self.samples);
        let histogram = histogram::histogram(fires.iter().copied(), self.samples);
        let mut measures = self.of_samples();
        measures.extend(feature::shares(&features, &pairs));
        Ok(Evaluation {
            samples: self.samples,
            warnings: self.warnings(&measures),
            measures,
            features,
            histogram,
            pairs,
        })
    }

    fn of_samples(&self) -> Vec<Measure> {
        let mean = |name, mean: &Mean| Measure { name, value: mean.value(), std_error: mean.error(), n: mean.n() };
        let ratio = |name, (value, std_error)| Measure { name, value, std_error, n: self.samples };
        vec![
            mean("l0", &self.l0),
            mean("l1", &self.l1),
            mean("mse", &self.mse),
            ratio("fvu", self.sums.estimate(sums::Sums::fvu)),
            ratio("explained_variance", self.sums.estimate(sums::Sums::explained)),
            ratio("explained_variance_centred", self.sums.estimate(sums::Sums::explained_centred)),
            mean("normalised_mse", &self.normalised),
            mean("cosine", &self.cosine),
            mean("l2_ratio", &self.ratio),
            ratio("relative_reconstruction_bias", self.sums.estimate(sums::Sums::bias)),
        ]
    }

    fn warnings(&self, measures: &[Measure]) -> Vec<String> {
        let value = |name: &str| measures.iter().find(|m| m.name == name).and_then(|m| m.value);
        let mut warnings = vec![];
        if value("fvu").is_none() {
            warnings.push("all samples are equal: explained variance is not defined".to_owned());
        }
        if self.zeros > 0 {
            let zeros = self.zeros;
            warnings.push(format!("{zeros} sample(s) are zero: cosine, l2_ratio and normalised_mse leave them out"));
        }
        // Rule of three: a feature that fired on none of N samples has a density below 3/N with 95 % confidence.
        let unseen = 3.0 / self.samples as f64;
        if unseen > 1e-3 && value("dead_share").is_some_and(|v| v > 0.0) {
            warnings.push(format!(
                "of {} samples a feature of a density of {unseen:.1e} can be missed: dead_share may be too large",
                self.samples
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests;
