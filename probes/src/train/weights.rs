//! What the optimiser sees of a model: runs of numbers.

use ndarray::Array2;

/// A model whose weights can be walked through, always in the same order.
pub(crate) trait Weights: Clone {
    /// The weights.
    fn slices(&self) -> Vec<&[f32]>;

    /// The weights, to be changed.
    fn slices_mut(&mut self) -> Vec<&mut [f32]>;

    /// Sets all weights to zero.
    fn clear(&mut self) {
        self.slices_mut().into_iter().for_each(|s| s.fill(0.0));
    }
}

impl<A: Weights, B: Weights> Weights for (A, B) {
    fn slices(&self) -> Vec<&[f32]> {
        [self.0.slices(), self.1.slices()].concat()
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let mut all = self.0.slices_mut();
        all.extend(self.1.slices_mut());
        all
    }
}

impl Weights for Array2<f32> {
    fn slices(&self) -> Vec<&[f32]> {
        self.as_slice().into_iter().collect()
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        self.as_slice_mut().into_iter().collect()
    }
}
