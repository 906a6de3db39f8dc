//! Why a task of known information cannot be made.

use thiserror::Error;

/// A request that no distribution of the family meets.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TruthError {
    /// Negative, NaN or infinite information.
    #[error("{information} nats were asked for; mutual information is a finite number of nats, 0 or more")]
    Information {
        /// Nats asked for.
        information: f64,
    },
    /// Less than the family has at its least.
    #[error(
        "{information} nats were asked for, but {family} has at least {least:.6} nats at these dimensions: its shared \
         denominator makes even uncorrelated variables dependent; ask for more, or raise the degrees of freedom"
    )]
    TooLittle {
        /// Name of the family.
        family: String,
        /// Nats asked for.
        information: f64,
        /// The least it can have, in nats.
        least: f64,
    },
    /// More than the samples, as 64-bit numbers or 32-bit labels, can carry.
    #[error("{information} nats were asked for, but {family} can carry at most {most} nats at these dimensions")]
    TooMuch {
        /// Name of the family.
        family: String,
        /// Nats asked for.
        information: f64,
        /// The most it can carry, in nats.
        most: f64,
    },
    /// No dimension at all.
    #[error("0 dimensions were asked for; at least one is needed")]
    NoDimension,
    /// A dimension that a family of images does not have.
    #[error("{family} has {hidden} hidden parameters for each image, so its dimension is {hidden}, not {dim}")]
    HiddenDimension {
        /// Name of the family.
        family: String,
        /// Parameters of an image.
        hidden: usize,
        /// The dimension asked for.
        dim: usize,
    },
    /// Degrees of freedom outside the domain.
    #[error("a Student distribution needs at least one degree of freedom")]
    DegreesOfFreedom,
    /// Images too small to tell their parameters apart, or needlessly large.
    #[error("images of {size} × {size} pixels were asked for; from 16 to 128 pixels a side are supported")]
    ImageSize {
        /// Pixels a side.
        size: usize,
    },
    /// No family of this name.
    #[error("there is no family {name:?}; the families are {known}")]
    UnknownDial {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
}
