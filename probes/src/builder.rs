//! What fits a bottleneck, and what may watch it.

use crate::{Bottleneck, ConceptData, ProbeError};
use std::fmt::Debug;

/// Parameters of a bottleneck, checked when they were made, ready to be fitted.
pub trait Builder: Debug + Send + Sync {
    /// Name in tables and on the command line.
    fn name(&self) -> &'static str;

    /// Every parameter with its effective value, for the manifest.
    fn settings(&self) -> serde_json::Value;

    /// Fits the bottleneck; all that is random follows from `seed`.
    ///
    /// # Errors
    /// When the data lack what the builder needs, or do not allow the fit; see [`ProbeError`].
    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError>;
}

/// What a fit yields.
#[derive(Debug)]
pub struct Fitted {
    /// The bottleneck.
    pub bottleneck: Box<dyn Bottleneck>,
    /// Numbers of the fit itself: a concept's validation accuracy, a duality gap, the chosen penalty.
    pub measures: Vec<Measure>,
    /// What the user should know: no convergence, concepts merged or dropped.
    pub warnings: Vec<String>,
}

/// One number about a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its name in tables, in snake case.
    pub metric: &'static str,
    /// The concept (by the names of the data) that it belongs to, if to one.
    pub concept: Option<String>,
    /// The class that it belongs to, if to one.
    pub class: Option<u32>,
    /// The number.
    pub value: f64,
    /// Its standard error, where there is one.
    pub std_error: Option<f64>,
}

impl Measure {
    /// A number about the whole fit.
    pub fn whole(metric: &'static str, value: f64) -> Self {
        Self { metric, concept: None, class: None, value, std_error: None }
    }

    /// A number about one concept.
    pub fn concept(metric: &'static str, concept: &str, value: f64) -> Self {
        Self { concept: Some(concept.into()), ..Self::whole(metric, value) }
    }
}

/// Is told how a fit goes on.
pub trait Observer {
    /// `done` of `total` steps of the fit (epochs, concepts, points of a path) are over.
    fn progress(&mut self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// Whether the bottleneck as it stands after this epoch (from 1; 0 is before the first) is wanted.
    fn wants(&self, epoch: usize) -> bool {
        let _ = epoch;
        false
    }

    /// The bottleneck as it stands after an epoch that was wanted.
    fn snapshot(&mut self, epoch: usize, bottleneck: &dyn Bottleneck) {
        let _ = (epoch, bottleneck);
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Observer for Unwatched {}
