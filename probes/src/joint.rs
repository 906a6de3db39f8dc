//! Bottlenecks that are a joint model of concepts and class given an embedding: what is known of some of them says
//! something about the others.

use crate::{Bottleneck, ProbeError};
use ndarray::{Array1, Array2, ArrayView2};
use std::fmt::Debug;

/// What is known of samples beside their embeddings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Probabilities [samples × concepts] that concepts are present (0 and 1 where a person is sure), and which of them
    /// are known.
    pub concepts: Option<(ArrayView2<'a, f64>, &'a Array2<bool>)>,
    /// The class of each sample, where it is known.
    pub classes: Option<&'a [Option<u32>]>,
}

/// What a joint model believes of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// Probabilities [samples × concepts] that concepts are present; known ones as they were given.
    pub concepts: Array2<f64>,
    /// Probabilities [samples × classes].
    pub classes: Array2<f64>,
    /// Joint energy of each sample, in nats, at these probabilities.
    pub energy: Array1<f64>,
    /// Steps that each sample took; 0 where nothing was iterated.
    pub steps: Vec<usize>,
}

/// A joint model of concepts and class.
pub trait JointModel: Bottleneck {
    /// Concepts and classes of embeddings [samples × features] in the light of what is known.
    ///
    /// # Errors
    /// When the number of features, concepts or samples does not fit, or a class is not one of the model's.
    fn infer(&self, embeddings: ArrayView2<'_, f64>, known: Known<'_>) -> Result<Posterior, ProbeError>;

    /// Energies [samples × steps] on the way of an inference by descent, from before the first step; a sample that has
    /// stopped keeps its last.
    ///
    /// # Errors
    /// As [`JointModel::infer`].
    fn energy_trace(&self, embeddings: ArrayView2<'_, f64>, known: Known<'_>) -> Result<Array2<f64>, ProbeError>;
}
