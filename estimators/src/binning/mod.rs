//! Estimators that cut activations into bins and take the whole row of bin numbers as the layer's state.

mod adaptive;
mod uniform;

pub(crate) use adaptive::ENTRY as ADAPTIVE;
pub use adaptive::{AdaptiveBinning, Saturation};
pub(crate) use uniform::ENTRY as UNIFORM;
pub use uniform::{BinRange, UniformBinning};

use crate::discrete::{Correction, SymbolCounts, row_symbols};
use crate::{LayerSample, PlaneEstimate};

/// The plane's numbers when each activation has been given a bin.
///
/// A deterministic network makes the state a function of the input, so H(T|X) = 0 and I(X;T) = H(T).
fn plane_of_bins(layer: &LayerSample<'_>, correction: Correction, bin: impl Fn(f32) -> i32) -> PlaneEstimate {
    let t = layer.activations();
    let (symbols, distinct) = row_symbols(t.nrows(), t.ncols(), |row, column| bin(t[[row, column]]));
    let targets = layer.targets();
    let counts = SymbolCounts::new(&symbols, distinct, targets.classes(), targets.counts().len());
    let h_t = counts.entropy(correction);
    PlaneEstimate { i_xt: h_t.clone(), i_ty: counts.mutual_information(correction), h_t, noise_variance: None }
}
