//! Fitting an energy-based bottleneck.

use super::NAME;
use super::choices::{Choices, Partition};
use super::fitted::Energy;
use super::networks::Networks;
use super::parts::Parts;
use super::task::EnergyTask;
use super::weight::{ROWS, choose, is_joint};
use crate::builders::concept_labels;
use crate::train::{Run, Scaling, Schedule, Split, WHOLE, Watch, single};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Measure, Observer, ProbeError};
use ndarray::{Array1, ArrayView2, Axis};

/// An energy-based bottleneck to be fitted.
#[derive(Debug)]
pub(super) struct EnergyBuilder {
    pub(super) width: usize,
    /// Of class, concept and global term in the loss.
    pub(super) terms: [f32; 3],
    pub(super) perturbed: [f32; 2],
    pub(super) dropout: f32,
    /// With the weights of inference; w_g is what stands until one is chosen, where one is.
    pub(super) choices: Choices,
    /// Whether w_g is chosen after training.
    pub(super) chosen_weight: bool,
    /// Whether w_g is the same where concepts are known.
    pub(super) same_weight: bool,
    pub(super) schedule: Schedule,
    pub(super) settings: serde_json::Value,
}

impl Builder for EnergyBuilder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let concepts = concept_labels(NAME, data)?;
        self.choices.check(concepts.ncols())?;
        let scaling = Scaling::of(data.embeddings());
        let networks = Networks::new(data.n_features(), concepts.ncols(), data.n_classes(), self.width, seed);
        let task = EnergyTask {
            inputs: scaling.apply(data.embeddings()),
            concepts: single(concepts),
            means: means(concepts),
            labels: data.labels(),
            weights: self.terms,
            joint: self.choices.partition == Partition::Joint,
            perturbed: self.perturbed,
            dropout: self.dropout,
        };
        let fitted = |n: &Networks| Energy::new(data.names().clone(), Parts::of(n, &scaling), self.choices);
        let boxed = |n: &Networks| -> Box<dyn Bottleneck> { Box::new(fitted(n)) };
        let split = Split::new(data.n_samples(), self.schedule.validation, seed);
        let mut watch = Watch::start(observer, || boxed(&networks));
        let run = Run { builder: NAME, schedule: &self.schedule, steps: vec![self.schedule.step], seed, part: 0 };
        let trained = run.train(&task, networks, &split, &mut watch, boxed)?;
        let mut bottleneck = fitted(&trained.model);
        let mut measures = trained.measures(WHOLE);
        let mut warnings: Vec<String> = trained.warning(NAME, &self.schedule).into_iter().collect();
        if self.chosen_weight {
            self.choose_weight(data, &split, &mut bottleneck, &mut measures, &mut warnings)?;
        }
        measures.push(Measure::whole("global_weight", bottleneck.choices.weights.global));
        Ok(Fitted { bottleneck: Box::new(bottleneck), measures, warnings })
    }
}

impl EnergyBuilder {
    fn choose_weight(
        &self,
        data: &ConceptData,
        split: &Split,
        bottleneck: &mut Energy,
        measures: &mut Vec<Measure>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ProbeError> {
        let rows = if split.validation.is_empty() { &split.train } else { &split.validation };
        if split.validation.is_empty() {
            warnings.push(format!(
                "{NAME}: without validation rows the weight of the global energy was chosen on the training rows, where \
                 the other energies look better than they are: give global-weight a number, or validation a share"
            ));
        }
        let rows = &rows[..rows.len().min(ROWS)];
        let labels: Vec<u32> = rows.iter().map(|&r| data.labels()[r]).collect();
        let concepts = concept_labels(NAME, data)?.select(Axis(0), rows);
        let embeddings = data.embeddings().select(Axis(0), rows);
        let (weight, tried) = choose(bottleneck, embeddings.view(), concepts.view(), &labels)?;
        bottleneck.choices.weights.global = weight;
        if self.same_weight {
            bottleneck.choices.correction_weight = weight;
        }
        let at = |wanted: f64| tried.iter().find(|(w, _)| *w == wanted).map(|(_, mistakes)| *mistakes);
        for (name, value) in [("mistakes_without_global", at(0.0)), ("mistakes_with_global", at(weight))] {
            measures.extend(value.map(|v| Measure::whole(name, v)));
        }
        if weight == 0.0 && is_joint(bottleneck) {
            warnings.push(format!(
                "{NAME}: on the validation rows no weight of the global energy makes fewer mistakes than none: concepts \
                 are inferred each by itself, and corrections do not propagate; give global-weight or correction-weight \
                 a number if they should"
            ));
        }
        Ok(())
    }
}

/// Mean label of each concept where there is one.
fn means(concepts: ArrayView2<'_, f64>) -> Array1<f32> {
    let mean = |column: ndarray::ArrayView1<'_, f64>| {
        let seen = || column.iter().filter(|c| !c.is_nan());
        (seen().sum::<f64>() / seen().count().max(1) as f64) as f32
    };
    concepts.columns().into_iter().map(mean).collect()
}
