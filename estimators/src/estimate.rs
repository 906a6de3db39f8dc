//! A number with its unit, its uncertainty and what to beware of.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount of information in nats (natural logarithm). Converted to bits at the border only.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
pub struct Nats(pub f64);

impl Nats {
    /// The same amount in bits.
    pub fn bits(self) -> f64 {
        self.0 / std::f64::consts::LN_2
    }
}

/// Why an estimate may not mean what it seems to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Warning {
    /// Within 5 % of the largest value that the sample allows: log N, or H(Y).
    Saturated,
    /// Below zero, which mutual information never is: bias or noise of the estimator. Not clipped.
    Negative,
    /// The raw value was below zero and has been replaced by zero, on request.
    NegativeClipped,
    /// Repeated values where the method assumes a density: neighbour distances of zero, or margins full of ties.
    Ties,
    /// More dimensions than so many samples can fill: expect an estimate far below the truth.
    HighDimension,
    /// Too few samples for the number of cells, classes or components.
    Undersampled,
    /// The data are not what the method assumes, and its value can be far from the truth.
    OutOfDomain,
    /// The estimate moves, by more than its noise, under a transform that leaves the information as it is: tails and
    /// scales shape it, and not dependence alone.
    NotInvariant,
    /// A low-rank factor was cut off before it had the whole matrix.
    Truncated,
    /// The code that was estimated from lacks more than a tenth of a variable's variance.
    Lossy,
    /// The value is that of a model of the dependence, which neighbours are too weak to confirm or to contradict in so
    /// many dimensions or at so much information.
    ModelOnly,
    /// Training stopped at its last step and not because the held-out value had stopped rising; or that value never
    /// rose at all.
    NotConverged,
    /// Nothing is known that makes I(X;T) finite: of a deterministic network the estimate grows with the samples.
    NoNoise,
    /// Variables follow from each other: an entropy or an information is not finite, and has no value.
    Singular,
    /// The layer varies in fewer dimensions than components were asked for: its entropy is in those, and not comparable
    /// with that of other layers.
    FewerComponents,
}

impl Warning {
    /// What it means, in a sentence for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Warning::Saturated => {
                "within 5 % of the largest value that the sample allows (log N, or the entropy of the labels)"
            }
            Warning::Negative => {
                "an information is never below zero: this is noise or bias (--clip would make it zero)"
            }
            Warning::NegativeClipped => "the estimate was below zero and has been replaced by zero",
            Warning::Ties => {
                "many samples share values, and the method assumes a density; for a mixture of continuous and repeated values use mixed-ksg"
            }
            Warning::HighDimension => {
                "more dimensions than so many samples can fill: expect an estimate below the truth; compress first"
            }
            Warning::Undersampled => "too few samples for the number of classes or cells",
            Warning::OutOfDomain => "the data are not what the method assumes, and the value can be far from the truth",
            Warning::NotInvariant => {
                "a transform that leaves the information as it is moves the estimate by more than its noise: tails or scales shape it"
            }
            Warning::Truncated => {
                "the kernel matrix has a higher rank than the factor was allowed: allow more, or widen the kernel"
            }
            Warning::Lossy => {
                "the codes lack more than a tenth of a variable's variance, and perhaps what bears on the other: allow more components"
            }
            Warning::ModelOnly => {
                "the value rests on the model of an elliptical copula: neighbours are too weak to check it in so many dimensions, or at so much information"
            }
            Warning::NotConverged => {
                "training ended at its last step, or found nothing better than its start (as it should for independent variables): allow more steps, or a lower rate"
            }
            Warning::NoNoise => {
                "nothing is known that makes I(X;T) finite (noise in the network, or added by the estimator): of a deterministic network it grows with the samples"
            }
            Warning::Singular => {
                "variables follow from each other, so that an entropy or an information is not finite: it has no value"
            }
            Warning::FewerComponents => {
                "the layer varies in fewer dimensions than components were asked for: H(T) is in those alone, and not comparable with other layers"
            }
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Warning::Saturated => "saturated",
            Warning::Negative => "negative",
            Warning::NegativeClipped => "negative_clipped",
            Warning::Ties => "ties",
            Warning::HighDimension => "high_dimension",
            Warning::Undersampled => "undersampled",
            Warning::OutOfDomain => "out_of_domain",
            Warning::NotInvariant => "not_invariant",
            Warning::Truncated => "truncated",
            Warning::Lossy => "lossy",
            Warning::NotConverged => "not_converged",
            Warning::ModelOnly => "model_only",
            Warning::NoNoise => "no_noise",
            Warning::Singular => "singular",
            Warning::FewerComponents => "fewer_components",
        })
    }
}

/// How close to its ceiling an estimate must be to be called saturated.
const SATURATION_SHARE: f64 = 0.95;

/// One estimated quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value in nats.
    pub value: Nats,
    /// Standard error over the draw of the samples, where the method has one. It does not include bias.
    pub std_error: Option<Nats>,
    /// Samples that it rests on.
    pub n_samples: usize,
    /// See [`Warning`].
    pub warnings: Vec<Warning>,
    /// What else the method found on its way, by name: components kept, reconstruction error, steps of training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// A number that explains an estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// What it is, in `snake_case`; amounts of information are in nats and end with `_nats`.
    pub name: std::borrow::Cow<'static, str>,
    /// The number.
    pub value: f64,
}

impl Estimate {
    /// The mean of per-sample contributions, with the standard error of that mean.
    pub(crate) fn mean_of(contributions: &[f64]) -> Self {
        let n = contributions.len();
        let mean = contributions.iter().sum::<f64>() / n as f64;
        let variance = contributions.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / n as f64;
        let std_error = Some(Nats((variance / n as f64).sqrt()));
        Self { value: Nats(mean), std_error, n_samples: n, warnings: vec![], details: vec![] }
    }

    /// The mean of the contributions of `n` samples, of which the samples of a cell all have the same: each with the number
    /// of its samples.
    pub(crate) fn mean_over_cells<I: Iterator<Item = (f64, usize)>>(cells: impl Fn() -> I, n: usize) -> Self {
        let total = n as f64;
        let mean = cells().map(|(c, k)| k as f64 * c).sum::<f64>() / total;
        let variance = cells().map(|(c, k)| k as f64 * (c - mean).powi(2)).sum::<f64>() / total;
        let std_error = Some(Nats((variance / total).sqrt()));
        Self { value: Nats(mean), std_error, n_samples: n, warnings: vec![], details: vec![] }
    }

    /// A value of `n_samples` samples without a standard error.
    pub(crate) fn plain(value: f64, n_samples: usize) -> Self {
        Self { value: Nats(value), std_error: None, n_samples, warnings: vec![], details: vec![] }
    }

    /// Adds a warning, once.
    #[must_use]
    pub fn warned(mut self, warning: Warning) -> Self {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
        self
    }

    /// Adds a number that explains the value.
    #[must_use]
    pub fn with_detail(mut self, name: impl Into<std::borrow::Cow<'static, str>>, value: f64) -> Self {
        self.details.push(Detail { name: name.into(), value });
        self
    }

    /// The number of that name among the details.
    pub fn detail(&self, name: &str) -> Option<f64> {
        self.details.iter().find(|d| d.name == name).map(|d| d.value)
    }

    /// The same with a value below zero replaced by zero and flagged so.
    #[must_use]
    pub fn clipped(mut self) -> Self {
        if self.value.0 < 0.0 {
            self.value = Nats(0.0);
            self.warnings.retain(|w| *w != Warning::Negative);
            self = self.warned(Warning::NegativeClipped);
        }
        self
    }

    /// Adds the warnings that follow from the value and its ceiling in nats.
    pub(crate) fn judged(mut self, ceiling: f64) -> Self {
        // A ceiling of zero saturates nothing; the margin keeps rounding from calling a true zero negative.
        if ceiling > 0.0 && self.value.0 >= SATURATION_SHARE * ceiling {
            self.warnings.push(Warning::Saturated);
        }
        if self.value.0 < -1e-9 {
            self.warnings.push(Warning::Negative);
        }
        self
    }

    /// The 95 % normal interval around the value, in nats.
    pub fn interval(&self) -> Option<(Nats, Nats)> {
        // 0.975 quantile of the standard normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        self.std_error.map(|se| (Nats(self.value.0 - Z * se.0), Nats(self.value.0 + Z * se.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_is_ln_two_nats() {
        assert_eq!(Nats(std::f64::consts::LN_2).bits(), 1.0);
    }

    #[test]
    fn standard_error_is_of_the_mean() {
        let e = Estimate::mean_of(&[1.0, 3.0]);
        assert_eq!(e.value, Nats(2.0));
        assert!((e.std_error.unwrap().0 - 1.0 / 2f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn judged_near_the_ceiling_and_below_zero() {
        assert_eq!(Estimate::mean_of(&[0.96, 0.96]).judged(1.0).warnings, [Warning::Saturated]);
        assert_eq!(Estimate::mean_of(&[-0.5, -0.5]).judged(1.0).warnings, [Warning::Negative]);
        assert!(Estimate::mean_of(&[0.5, 0.5]).judged(1.0).warnings.is_empty());
    }
}
