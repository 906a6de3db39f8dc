//! What learns, by name.

use super::learners::{closed_form, key_value, network};
use crate::ProbeError;
use crate::train::Given;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;
use ndarray::Array2;
use std::fmt;

/// Everything that a stream is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Embeddings of all samples, those that train and those that test [samples × features].
    pub inputs: Array2<f64>,
    /// Class of each.
    pub labels: Vec<u32>,
    /// Classes.
    pub classes: usize,
    /// Rows that train.
    pub train: Vec<usize>,
    /// Rows that test.
    pub test: Vec<usize>,
    /// Embeddings that all learners may see beforehand, without labels [samples × features].
    pub unlabelled: Array2<f64>,
}

/// Goes on learning from minibatches, without knowing of blocks.
pub trait Learner: Send {
    /// One minibatch of rows of the samples, whose labels may be read.
    ///
    /// # Errors
    /// When the training does not stay finite.
    fn learn(&mut self, rows: &[usize]) -> Result<(), ProbeError>;

    /// Scores [rows × classes] of rows of the samples, over all classes, seen or not.
    ///
    /// # Errors
    /// When what was learnt allows none.
    fn scores(&mut self, rows: &[usize]) -> Result<Array2<f32>, ProbeError>;
}

type Build = for<'a> fn(&Given<'_>, &'a Samples, u64) -> Result<Box<dyn Learner + 'a>, ProbeError>;

/// One learner.
pub struct LearnerEntry {
    /// Name on the command line.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [ParameterDoc],
    /// Whether its state is a sum over the samples seen, so that the order in which they come cannot matter.
    pub order_free: bool,
    pub(crate) build: Build,
}

/// All of them, in the order in which help lists them.
#[rustfmt::skip] // One line each.
pub const LEARNERS: &[&LearnerEntry] = &[
    &key_value::ENTRY,
    &network::LINEAR,
    &network::MLP,
    &closed_form::NEAREST_MEAN,
    &closed_form::LDA,
    &closed_form::RIDGE,
];

/// A learner with its parameters.
#[derive(Clone)]
pub struct LearnerSpec {
    /// As it was written.
    pub text: String,
    /// Which.
    pub entry: &'static LearnerEntry,
    parameters: Parameters,
}

impl fmt::Debug for LearnerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LearnerSpec({})", self.text)
    }
}

impl LearnerSpec {
    /// Reads `name` or `name:key=value,…`.
    ///
    /// # Errors
    /// When there is no such learner or parameter.
    pub fn parse(text: &str) -> Result<Self, ProbeError> {
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        let entry = LEARNERS.iter().copied().find(|e| e.name == name).ok_or_else(|| {
            let known: Vec<&str> = LEARNERS.iter().map(|e| e.name).collect();
            ProbeError::Data(format!("there is no learner '{name}'; there are: {}", known.join(", ")))
        })?;
        let parameters = Parameters::parse(entry.name, entry.parameters, parameters)?;
        Ok(Self { text: text.into(), entry, parameters })
    }

    pub(super) fn given(&self) -> Given<'_> {
        Given { parameters: &self.parameters, docs: self.entry.parameters }
    }

    /// Every parameter with its effective value.
    pub fn settings(&self) -> serde_json::Value {
        self.given().settings()
    }

    /// A learner that has seen no label.
    ///
    /// # Errors
    /// When a parameter is outside its domain, or the samples do not allow it.
    pub fn start<'a>(&self, samples: &'a Samples, seed: u64) -> Result<Box<dyn Learner + 'a>, ProbeError> {
        (self.entry.build)(&self.given(), samples, seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_unknown_ones_are_told() {
        for (i, entry) in LEARNERS.iter().enumerate() {
            assert!(LEARNERS[..i].iter().all(|other| other.name != entry.name));
            assert_eq!(LearnerSpec::parse(entry.name).unwrap().entry.name, entry.name);
        }
        let error = LearnerSpec::parse("svm").unwrap_err().to_string();
        assert!(error.contains("no learner 'svm'") && error.contains("nearest-mean"), "{error}");
        assert!(LearnerSpec::parse("mlp:depth=3").unwrap_err().to_string().contains("hidden"));
    }
}
