//! What a variant has to say for itself: everything else of a training is common to all.

use crate::kernel::{Entries, Matrix, Row, above, top};
use crate::{Activation, DictionaryError};
use std::fmt::Debug;

/// Weights in training, for inputs as they are scaled for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// [width × inputs].
    pub(crate) encoder: Matrix,
    /// [width].
    pub(crate) encoder_bias: Vec<f32>,
    /// [width × inputs], rows of unit norm.
    pub(crate) decoder: Matrix,
    /// [inputs], taken off the input and added to the output.
    pub(crate) bias: Vec<f32>,
    /// Vectors that only this variant has [width each].
    pub(crate) own: Vec<Vec<f32>>,
}

/// A batch before its codes are chosen.
pub(crate) struct Scene<'a> {
    /// (x − b)·w, without the encoder's bias [samples × width].
    pub(crate) products: &'a Matrix,
    /// As they are before the step.
    pub(crate) weights: &'a Weights,
}

impl Scene<'_> {
    /// Pre-activation of a feature of a sample.
    #[inline]
    pub(crate) fn pre(&self, sample: usize, feature: usize) -> f32 {
        self.products.row(sample)[feature] + self.weights.encoder_bias[feature]
    }

    /// Pre-activations above a bound that is not negative, feature by feature.
    pub(crate) fn above(&self, sample: usize, bound: f32, row: &mut Row) {
        above(self.products.row(sample), &self.weights.encoder_bias, bound, row);
    }

    /// The `k` largest positive ones.
    pub(crate) fn top(&self, sample: usize, k: usize, row: &mut Row) {
        top(self.products.row(sample), &self.weights.encoder_bias, k, row);
    }
}

/// A kind of sparse autoencoder: how codes are chosen, what is lost, and the derivatives of that.
///
/// The loss of a batch of B samples is `Σ_m w_m · mean_B ‖x − x̂_m‖²` over the nested prefixes m (one, of all features, for
/// all but Matryoshka) and what the variant adds.
pub(crate) trait Variant: Debug + Send + Sync {
    /// Checks it for a dictionary of so many features.
    fn check(&self, width: usize) -> Result<(), DictionaryError> {
        let _ = width;
        Ok(())
    }

    /// Names and first values of its own vectors.
    fn own(&self) -> Vec<(&'static str, f32)> {
        vec![]
    }

    /// Where each nested prefix of the features ends; the last at `width`.
    fn prefixes(&self, width: usize) -> Vec<usize> {
        vec![width]
    }

    /// Codes, with entries of value zero where the derivative needs them.
    fn select(&self, scene: &Scene<'_>) -> Entries;

    /// Turns the slopes of `entries` from derivatives by the values into derivatives by the products, adds those by its
    /// own vectors to `own`, and gives the loss that it adds, for the weight `warmth` (0 to 1) of the sparsity.
    fn backward(&self, scene: &Scene<'_>, entries: &mut Entries, own: &mut [Vec<f32>], warmth: f32) -> f64;

    /// Codes of a second reconstruction through the decoder as a constant, whose error is part of the loss (gated).
    fn second(&self, scene: &Scene<'_>) -> Option<Entries> {
        let _ = scene;
        None
    }

    /// The same as [`Variant::backward`] for the second codes.
    fn backward_second(&self, entries: &mut Entries, warmth: f32) -> f64 {
        let _ = (entries, warmth);
        0.0
    }

    /// Whether the encoder's bias is moved by the codes (gated: only by the second ones).
    fn bias_follows_codes(&self) -> bool {
        true
    }

    /// How fast the moving average of the smallest positive activation of a batch follows, for those that need it.
    fn threshold_rate(&self) -> Option<f64> {
        None
    }

    /// How the trained dictionary chooses its codes; `threshold` is that moving average. All in the units of the data:
    /// `scale` is what inputs were divided by.
    fn activation(&self, weights: &Weights, threshold: f64, scale: f32) -> Activation;
}
