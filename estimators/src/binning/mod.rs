//! Estimators that cut values into bins and take the whole row of bin numbers as the state.
//!
//! What differs between them is where the edges lie: that is a [`Cut`], and everything else follows from it.

mod adaptive;
mod equal_mass;
mod uniform;
mod value;

pub(crate) use adaptive::ENTRY as ADAPTIVE;
pub use adaptive::{AdaptiveBinning, Saturation};
pub(crate) use equal_mass::ENTRY as EQUAL_MASS;
pub use equal_mass::EqualMassBinning;
pub(crate) use uniform::ENTRY as UNIFORM;
pub(crate) use uniform::Grid;
pub use uniform::{BinRange, UniformBinning};
pub(crate) use value::Span;

use crate::discrete::{Correction, SymbolCounts};
use crate::pair::{Classes, check};
use crate::{
    Entropy, Estimate, Estimator, EstimatorError, LayerSample, LayerStream, MutualInformation, PlaneEstimate,
    PlaneEstimator, ValueRange, Variable, Warning,
};
use ndarray::ArrayView2;
use value::Value;

/// What is known of a layer beyond its values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings {
    /// The layer's range over all checkpoints of its run.
    run_range: Option<ValueRange>,
    /// The value at which its activation function saturates from below.
    lower_saturation: Option<f32>,
}

/// The symbol of each sample, and how many there are.
pub(crate) type Symbols = (Vec<u32>, usize);

/// A way to give every row of values a symbol.
pub(crate) trait Cut: Estimator {
    /// Numbers the distinct rows of bins.
    fn symbols<T: Value>(&self, values: ArrayView2<'_, T>, known: Surroundings) -> Result<Symbols, EstimatorError>;

    /// The correction of entropies.
    fn correction(&self) -> Correction;

    /// As [`PlaneEstimator::layer_stream`].
    fn stream_of_layer(&self, run_range: Option<ValueRange>) -> Option<Result<LayerStream, EstimatorError>> {
        let _ = run_range;
        None
    }

    /// Whether [`Surroundings::run_range`] is used.
    fn is_over_run(&self) -> bool {
        false
    }
}

impl<C: Cut> PlaneEstimator for C {
    fn needs_run_range(&self) -> bool {
        self.is_over_run()
    }

    fn layer_stream(&self, run_range: Option<ValueRange>) -> Option<Result<LayerStream, EstimatorError>> {
        self.stream_of_layer(run_range)
    }

    /// A deterministic network makes the state a function of the input, so H(T|X) = 0, I(X;T) = H(T) and
    /// I(X;T|Y) = H(T|Y).
    fn estimate_layer(&self, layer: &LayerSample<'_>) -> Result<PlaneEstimate, EstimatorError> {
        let known = Surroundings { run_range: layer.run_range(), lower_saturation: layer.lower_saturation() };
        if self.is_over_run() && known.run_range.is_none() {
            return Err(EstimatorError::MissingRunRange { estimator: self.name() });
        }
        let (symbols, distinct) = self.symbols(layer.activations(), known)?;
        let targets = layer.targets();
        let counts = SymbolCounts::new(&symbols, distinct, targets.classes(), targets.counts().len());
        Ok(plane_of(&counts, self.correction()))
    }
}

/// The plane's numbers of states that have been counted.
pub(crate) fn plane_of(counts: &SymbolCounts, correction: Correction) -> PlaneEstimate {
    let h_t = counts.entropy(correction);
    let i_ty = counts.mutual_information(correction);
    let i_xt_given_y = Some(counts.conditional_entropy(correction));
    PlaneEstimate { i_xt: h_t.clone(), i_ty, h_t, i_xt_given_y, noise_variance: None }
}

/// The symbols of a variable that stands for itself, with no run around it.
fn symbols_of<C: Cut>(cut: &C, variable: &Variable<'_>) -> Result<Symbols, EstimatorError> {
    match variable {
        Variable::Continuous(values) => cut.symbols(values.view(), Surroundings::default()),
        Variable::Discrete(labels) => {
            let classes = Classes::new(labels);
            Ok((classes.of_sample().to_vec(), classes.counts().len()))
        }
    }
}

impl<C: Cut> MutualInformation for C {
    /// I of the binned states. Labels are states as they are.
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        check(&[x.reborrow(), y.reborrow()])?;
        if let (Variable::Discrete(_), Variable::Discrete(_)) = (&x, &y) {
            return Err(EstimatorError::WrongKind { estimator: self.name(), expected: "at least one continuous" });
        }
        let ((x, of_x), (y, of_y)) = (symbols_of(self, &x)?, symbols_of(self, &y)?);
        Ok(information_of(&SymbolCounts::new(&x, of_x, &y, of_y), self.correction()))
    }
}

/// I of binned states that have been counted.
pub(crate) fn information_of(counts: &SymbolCounts, correction: Correction) -> Estimate {
    let (of_x, of_y) = counts.states();
    let estimate = counts.mutual_information(correction);
    let estimate = estimate.with_detail("states_x", of_x as f64).with_detail("states_y", of_y as f64);
    // The plug-in's bias is about (cells − states of x − states of y + 1)/2N: too much where cells are many.
    if counts.samples() < 5 * counts.cells() { estimate.warned(Warning::Undersampled) } else { estimate }
}

impl<C: Cut> Entropy for C {
    /// The discrete entropy of the binned state.
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError> {
        check(&[x.reborrow()])?;
        let Variable::Continuous(values) = x else {
            return Err(EstimatorError::WrongKind { estimator: self.name(), expected: "continuous" });
        };
        let (symbols, distinct) = self.symbols(values, Surroundings::default())?;
        let nothing = vec![0; symbols.len()];
        Ok(entropy_of(&SymbolCounts::new(&symbols, distinct, &nothing, 1), self.correction()))
    }
}

/// H of a binned state that has been counted.
pub(crate) fn entropy_of(counts: &SymbolCounts, correction: Correction) -> Estimate {
    counts.entropy(correction).with_detail("states", counts.states().0 as f64)
}
