//! The discrete key–value bottleneck, whose values go on learning.

use crate::ProbeError;
use crate::builders::key_value::{MEMORY, MemoryPlan, told};
use crate::incremental::learner::{Learner, LearnerEntry};
use crate::train::{joined, single};
use narrows_dictionaries::key_value::{Fetched, KeyValueMemory, ValueTraining};
use narrows_estimators::registry::ParameterDoc;
use ndarray::Array2;

pub(crate) const ENTRY: LearnerEntry = LearnerEntry {
    name: NAME,
    summary: "discrete key-value memory: keys from the unlabelled samples, frozen; values by descent",
    parameters: &PARAMETERS,
    order_free: false,
    build: |given, samples, seed| {
        let plan = MemoryPlan::read(given)?;
        let memory = plan.memory(single(samples.unlabelled.view()).view(), samples.classes, seed)?;
        let inputs = single(samples.inputs.view());
        let fetched = memory.fetch(inputs.view(), None).map_err(told)?;
        let training = plan.training(&memory)?;
        Ok(Box::new(KeyValueLearner {
            memory,
            training,
            fetched,
            labels: &samples.labels,
            masked: plan.mask.then_some(inputs),
        }))
    },
};

/// Its name, which says that there are pairs to mask.
pub(crate) const NAME: &str = "key-value";

const OWN: [ParameterDoc; 1] = [ParameterDoc {
    name: "learning-rate",
    default: "30",
    meaning: "of the values; divided by heads and batch in effect",
}];

const PARAMETERS: [ParameterDoc; 13] = joined(OWN, MEMORY);

/// A memory in training. Keys are frozen, so what each sample fetches is found once.
struct KeyValueLearner<'a> {
    memory: KeyValueMemory,
    training: ValueTraining,
    fetched: Fetched,
    labels: &'a [u32],
    /// The inputs, where pairs that are not used are passed over: which those are changes.
    masked: Option<Array2<f32>>,
}

impl Learner for KeyValueLearner<'_> {
    fn learn(&mut self, rows: &[usize]) -> Result<(), ProbeError> {
        let labels: Vec<u32> = rows.iter().map(|&r| self.labels[r]).collect();
        let loss = self.training.step(&mut self.memory, &self.fetched.rows(rows), &labels);
        if loss.is_finite() {
            Ok(())
        } else {
            Err(ProbeError::Data(format!("key-value: the loss became {loss}; a smaller learning rate helps")))
        }
    }

    fn scores(&mut self, rows: &[usize]) -> Result<Array2<f32>, ProbeError> {
        let fetched = match &self.masked {
            None => self.fetched.rows(rows),
            Some(inputs) => {
                let inputs = inputs.select(ndarray::Axis(0), rows);
                self.memory.fetch(inputs.view(), Some(&self.memory.used())).map_err(told)?
            }
        };
        Ok(self.memory.scores(&fetched))
    }
}
