//! The nearest centre: one feature is active, with activation 1.

use super::means;
use crate::kmeans::nearest;
use crate::{Coder, Codes, DictionaryError, k_means};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Rounds of Lloyd's algorithm.
const ROUNDS: usize = 20;

/// Centres, as decoder rows about the mean: x̂ = mean + (centre − mean).
pub(super) struct Centres {
    centres: Array2<f32>,
    rows: Array2<f32>,
    mean: Array1<f32>,
}

impl Centres {
    pub(super) fn fit(train: ArrayView2<f32>, width: usize, seed: u64) -> Result<Self, DictionaryError> {
        let mean = means(train);
        let centres = k_means(train, width.min(train.nrows()), ROUNDS, seed)?.centres;
        Ok(Self { rows: &centres - &mean, centres, mean })
    }
}

impl Coder for Centres {
    fn inputs(&self) -> usize {
        self.centres.ncols()
    }

    fn width(&self) -> usize {
        self.centres.nrows()
    }

    fn encode(&self, activations: ArrayView2<f32>) -> Result<Codes, DictionaryError> {
        if activations.ncols() != self.inputs() {
            return Err(DictionaryError::WrongWidth { found: activations.ncols(), expected: self.inputs() });
        }
        let mut codes = Codes::new(self.width());
        nearest(activations, self.centres.view()).0.into_iter().for_each(|label| codes.push([(label, 1.0)]));
        Ok(codes)
    }

    fn decode(&self, codes: &Codes) -> Result<Array2<f32>, DictionaryError> {
        super::non_negative::decode(codes, self.rows.view(), self.mean.view())
    }

    fn decoder(&self) -> ArrayView2<'_, f32> {
        self.rows.view()
    }

    fn origin(&self) -> ArrayView1<'_, f32> {
        self.mean.view()
    }
}
