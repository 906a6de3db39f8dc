//! ReLU of a linear map of the embeddings, with dropout: what all energies of an embedding read.
//!
//! Dropout of the map's output s is dropout of ReLU(s), since what is kept is scaled by a positive number.

use crate::train::{Mlp, Purpose, Trace, stream};
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One pass of a batch through a gate.
pub(super) struct Gate {
    trace: Trace,
    /// 0 or 1 / (1 − dropout) [rows × H].
    mask: Option<Array2<f32>>,
    /// [rows × H].
    pub(super) output: Array2<f32>,
}

impl Gate {
    pub(super) fn of(net: &Mlp, inputs: &Array2<f32>, dropout: f32, noise: Option<&mut ChaCha8Rng>) -> Self {
        // The network itself drops nothing: its stream is never drawn from.
        let trace = net.trace(inputs.clone(), &mut stream(0, Purpose::Noise, 0, 0));
        let kept = 1.0 / (1.0 - dropout);
        let mask = noise.filter(|_| dropout > 0.0).map(|noise| {
            let draw = || if noise.random_range(0.0..1.0f32) < dropout { 0.0 } else { kept };
            Array2::from_shape_simple_fn(trace.output().dim(), draw)
        });
        let output = mask.as_ref().map_or_else(|| trace.output().clone(), |mask| trace.output() * mask);
        Self { trace, mask, output }
    }

    /// Adds the derivatives by the map, from those by the output.
    pub(super) fn back(self, net: &Mlp, mut slope: Array2<f32>, into: &mut Mlp) {
        if let Some(mask) = &self.mask {
            slope *= mask;
        }
        net.backward(&self.trace, slope, into);
    }
}
