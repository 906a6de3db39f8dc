//! What can be evaluated: anything that turns activations into sparse codes and back.

use crate::{Codes, Dictionary, DictionaryError};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// A trained dictionary, or a baseline in its place.
pub trait Coder: Send + Sync {
    /// Columns of the activations.
    fn inputs(&self) -> usize;

    /// Features.
    fn width(&self) -> usize;

    /// Codes of activations [samples × inputs]; a sample's code does not depend on the others.
    ///
    /// # Errors
    /// When the activations do not fit.
    fn encode(&self, activations: ArrayView2<f32>) -> Result<Codes, DictionaryError>;

    /// What codes stand for [samples × inputs].
    ///
    /// # Errors
    /// When the codes are of another number of features.
    fn decode(&self, codes: &Codes) -> Result<Array2<f32>, DictionaryError>;

    /// What a unit of each feature adds [width × inputs].
    fn decoder(&self) -> ArrayView2<'_, f32>;

    /// What is decoded where nothing is active \[inputs\].
    fn origin(&self) -> ArrayView1<'_, f32>;

    /// The directions that features are read by [width × inputs], where the code is a function of such products.
    fn encoder(&self) -> Option<ArrayView2<'_, f32>> {
        None
    }
}

impl Coder for Dictionary {
    fn inputs(&self) -> usize {
        self.inputs()
    }

    fn width(&self) -> usize {
        self.width()
    }

    fn encode(&self, activations: ArrayView2<f32>) -> Result<Codes, DictionaryError> {
        self.encode(activations)
    }

    fn decode(&self, codes: &Codes) -> Result<Array2<f32>, DictionaryError> {
        self.decode(codes)
    }

    fn decoder(&self) -> ArrayView2<'_, f32> {
        self.decoder.view()
    }

    fn origin(&self) -> ArrayView1<'_, f32> {
        self.bias.view()
    }

    fn encoder(&self) -> Option<ArrayView2<'_, f32>> {
        Some(self.encoder.view())
    }
}

/// Euclidean norms of the rows.
pub(crate) fn norms(rows: ArrayView2<f32>) -> Array1<f64> {
    rows.rows().into_iter().map(|r| r.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()).collect()
}
