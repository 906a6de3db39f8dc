//! The vocabulary of the information plane: samples of a layer, targets, and what estimators make of them.

use crate::compression::Compressed;
use crate::inputs::{InputCodes, LayerNoise};
use crate::kernel::KernelSums;
use crate::pair::{Classes, finite};
use crate::{Estimate, Estimator, EstimatorError, LayerStream};
use ndarray::ArrayView2;
use std::sync::{Arc, Mutex};

/// Class labels, with the order of rows by class that kernel sums use.
#[derive(Debug, Clone)]
pub struct Targets {
    classes: Classes,
    /// Row numbers sorted by class, stable.
    order: Vec<u32>,
}

impl Targets {
    /// Labels of at least two classes; numbers may have gaps.
    ///
    /// # Errors
    /// [`EstimatorError::TooFewSamples`] below two samples, [`EstimatorError::OneClass`] for a single class.
    pub fn new(labels: &[u32]) -> Result<Self, EstimatorError> {
        if labels.len() < 2 {
            return Err(EstimatorError::TooFewSamples { found: labels.len(), needed: 2 });
        }
        let classes = Classes::new(labels);
        if classes.counts().len() == 1 {
            return Err(EstimatorError::OneClass { label: labels[0] });
        }
        Ok(Self::of_classes(classes))
    }

    /// Classes that may be a single one.
    pub(crate) fn of_classes(classes: Classes) -> Self {
        let order = classes.order();
        Self { classes, order }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.classes.of_sample().len()
    }

    /// Whether there are no samples; never true of a value that exists.
    pub fn is_empty(&self) -> bool {
        self.classes.of_sample().is_empty()
    }

    /// Class of each sample, from 0 without gaps.
    pub fn classes(&self) -> &[u32] {
        self.classes.of_sample()
    }

    /// Samples in each class.
    pub fn counts(&self) -> &[usize] {
        self.classes.counts()
    }

    /// Row numbers sorted by class.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Plug-in entropy H(Y) in nats.
    pub fn entropy(&self) -> f64 {
        self.classes.entropy()
    }
}

/// Smallest and largest activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueRange {
    /// Smallest value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
}

impl ValueRange {
    /// The range of all values of an array; `None` when it is empty.
    pub fn of(values: ArrayView2<'_, f32>) -> Option<Self> {
        let first = *values.first()?;
        Some(
            values
                .iter()
                .fold(Self { low: first, high: first }, |r, &v| Self { low: r.low.min(v), high: r.high.max(v) }),
        )
    }

    /// The smallest range that holds both.
    pub fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// What an estimator is shown of one layer at one checkpoint.
#[derive(Debug)]
pub struct LayerSample<'a> {
    activations: ArrayView2<'a, f32>,
    targets: &'a Targets,
    run_range: Option<ValueRange>,
    lower_saturation: Option<f32>,
    inputs: Option<&'a InputCodes>,
    noise: Option<LayerNoise>,
    /// Kernel sums by noise variance: the upper and the lower bound rest on the same pass over all pairs.
    kernel_sums: Mutex<Vec<(u64, Arc<KernelSums>)>>,
}

impl<'a> LayerSample<'a> {
    /// Activations [samples × units] with the class of each sample.
    ///
    /// # Errors
    /// When the lengths differ, there are no units, or a value is NaN or infinite (the first one is named).
    pub fn new(activations: ArrayView2<'a, f32>, targets: &'a Targets) -> Result<Self, EstimatorError> {
        if activations.nrows() != targets.len() {
            return Err(EstimatorError::LengthMismatch { left: activations.nrows(), right: targets.len() });
        }
        if activations.ncols() == 0 {
            return Err(EstimatorError::NoUnits);
        }
        finite(&activations)?;
        Ok(Self {
            activations,
            targets,
            run_range: None,
            lower_saturation: None,
            inputs: None,
            noise: None,
            kernel_sums: Mutex::default(),
        })
    }

    /// Also tells the layer's range over all checkpoints of the run.
    #[must_use]
    pub fn with_run_range(mut self, range: ValueRange) -> Self {
        self.run_range = Some(range);
        self
    }

    /// Also tells the value at which the layer's activation function saturates from below (0 for ReLU, −1 for tanh).
    #[must_use]
    pub fn with_lower_saturation(mut self, value: Option<f32>) -> Self {
        self.lower_saturation = value;
        self
    }

    /// Also tells the input's values, in the codes that estimators ask for.
    ///
    /// # Errors
    /// When they are of another number of samples.
    pub fn with_inputs(mut self, inputs: &'a InputCodes) -> Result<Self, EstimatorError> {
        if inputs.n_samples() != self.n_samples() {
            return Err(EstimatorError::LengthMismatch { left: self.n_samples(), right: inputs.n_samples() });
        }
        self.inputs = Some(inputs);
        Ok(self)
    }

    /// Also tells the noise that the network itself has added to the activations.
    #[must_use]
    pub fn with_noise(mut self, noise: Option<LayerNoise>) -> Self {
        self.noise = noise;
        self
    }

    /// Activations [samples × units].
    pub fn activations(&self) -> ArrayView2<'a, f32> {
        self.activations
    }

    /// The class of each sample.
    pub fn targets(&self) -> &'a Targets {
        self.targets
    }

    /// The layer's range over the run, when known.
    pub fn run_range(&self) -> Option<ValueRange> {
        self.run_range
    }

    /// Lower saturation of the activation function, when it has one.
    pub fn lower_saturation(&self) -> Option<f32> {
        self.lower_saturation
    }

    /// The input's codes by an encoder, for the estimator of that name.
    ///
    /// # Errors
    /// [`EstimatorError::MissingInputs`] when they were not supplied.
    pub fn inputs(&self, estimator: &'static str, encoder: &str) -> Result<&'a Compressed, EstimatorError> {
        self.inputs.and_then(|codes| codes.by(encoder)).ok_or(EstimatorError::MissingInputs { estimator })
    }

    /// Variance of the noise that the network itself has added to the activations, where it is known.
    pub fn noise_variance(&self) -> Option<f64> {
        self.noise.map(|noise| noise.variance(self.activations))
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.activations.nrows()
    }

    pub(crate) fn kernel_sums(&self, variance: f64) -> Arc<KernelSums> {
        let mut cache = self.kernel_sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, sums)) = cache.iter().find(|(key, _)| *key == variance.to_bits()) {
            return Arc::clone(sums);
        }
        let sums = Arc::new(KernelSums::new(self.activations, self.targets, variance));
        cache.push((variance.to_bits(), Arc::clone(&sums)));
        sums
    }
}

/// The information plane's numbers for one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneEstimate {
    /// I(X;T) between the input and the layer.
    pub i_xt: Estimate,
    /// I(T;Y) between the layer and the target.
    pub i_ty: Estimate,
    /// H(T), of the binned state, or the differential entropy of the noisy one.
    pub h_t: Estimate,
    /// I(X;T|Y), what the layer tells of the input beyond the target, where the method has it. The target is a function
    /// of the input, or depends on the layer through it alone: I(X;T|Y) = I(X;T) − I(T;Y).
    pub i_xt_given_y: Option<Estimate>,
    /// Variance of the Gaussian noise that makes I(X;T) finite: that of the estimator's model, or a stochastic network's.
    pub noise_variance: Option<f64>,
}

/// Estimates I(X;T), I(T;Y) and H(T) of one layer.
///
/// A value that is not finite is one that does not exist: the information of a layer that follows from the input, the
/// differential entropy of one that is constant. Its warnings say so.
pub trait PlaneEstimator: Estimator {
    /// Whether [`LayerSample::run_range`] must be known.
    fn needs_run_range(&self) -> bool {
        false
    }

    /// The encoder of the input's values that [`LayerSample::with_inputs`] must have, as
    /// [`crate::compression::encoder`] takes it; `None` when the values are not looked at.
    fn needs_inputs(&self) -> Option<String> {
        None
    }

    /// The same of activations that are read some rows at a time, when the layer's range over its run is this; `None` of an
    /// estimator that needs all of them at once.
    ///
    /// # Errors
    /// When the range is needed and not known.
    fn layer_stream(&self, run_range: Option<ValueRange>) -> Option<Result<LayerStream, EstimatorError>> {
        let _ = run_range;
        None
    }

    /// The quantities.
    ///
    /// # Errors
    /// When the sample does not allow the estimate; see [`EstimatorError`].
    fn estimate_layer(&self, layer: &LayerSample<'_>) -> Result<PlaneEstimate, EstimatorError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn targets_renumber_and_order() {
        let t = Targets::new(&[7, 3, 7, 3, 3]).unwrap();
        assert_eq!(t.classes(), [1, 0, 1, 0, 0]);
        assert_eq!(t.counts(), [3, 2]);
        assert_eq!(t.order(), [1, 3, 4, 0, 2]);
        let p: f64 = 0.6;
        assert!((t.entropy() + p * p.ln() + (1.0 - p) * (1.0 - p).ln()).abs() < 1e-15);
    }

    #[test]
    fn refuses_one_class_and_one_sample() {
        assert_eq!(Targets::new(&[4, 4]).unwrap_err(), EstimatorError::OneClass { label: 4 });
        assert!(matches!(Targets::new(&[4]).unwrap_err(), EstimatorError::TooFewSamples { found: 1, needed: 2 }));
    }

    #[test]
    fn names_the_first_value_that_is_not_finite() {
        let t = Targets::new(&[0, 1]).unwrap();
        let a = array![[0.0f32, 1.0], [f32::NAN, f32::INFINITY]];
        let e = LayerSample::new(a.view(), &t).unwrap_err();
        assert!(matches!(e, EstimatorError::NotFinite { row: 2, column: 1, count: 2, .. }));
        assert!(e.to_string().contains("row 2, unit 1"));
    }

    #[test]
    fn refuses_rows_that_do_not_pair() {
        let t = Targets::new(&[0, 1]).unwrap();
        let a = array![[0.0f32], [1.0], [2.0]];
        assert_eq!(LayerSample::new(a.view(), &t).unwrap_err(), EstimatorError::LengthMismatch { left: 3, right: 2 });
    }
}
