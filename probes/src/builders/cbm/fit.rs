//! Fitting concept bottleneck models.

use super::fitted::{ConceptNetwork, Reading};
use super::joint::JointTask;
use crate::builders::concept_labels;
use crate::builders::layers::Layers;
use crate::train::{
    ClassTask, ConceptLoss, ConceptTask, Mlp, Purpose, Run, Scaling, Schedule, Shape, Split, WHOLE, Watch, single,
    stream,
};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Measure, Observer, ProbeError};
use ndarray::{Array2, ArrayView2, Axis};

/// What the head learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Independent,
    Sequential,
    Joint,
}

/// A concept bottleneck model to be fitted.
#[derive(Debug)]
pub(super) struct Cbm {
    pub(super) kind: Kind,
    pub(super) reading: Reading,
    pub(super) lambda: f64,
    pub(super) hidden: Vec<usize>,
    pub(super) head_hidden: Vec<usize>,
    pub(super) dropout: f64,
    pub(super) balanced: bool,
    pub(super) schedule: Schedule,
    pub(super) settings: serde_json::Value,
}

/// Names of the measures of the concept predictor's training, and of the head's.
const CONCEPTS: [&str; 4] =
    ["concept_epochs", "concept_best_epoch", "concept_training_loss", "concept_validation_loss"];
const HEAD: [&str; 4] = ["head_epochs", "head_best_epoch", "head_training_loss", "head_validation_loss"];

impl Builder for Cbm {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Independent => "cbm-independent",
            Kind::Sequential => "cbm-sequential",
            Kind::Joint => "cbm-joint",
        }
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let labels = concept_labels(self.name(), data)?;
        let scaling = Scaling::of(data.embeddings());
        let inputs = scaling.apply(data.embeddings());
        let loss = if self.balanced { ConceptLoss::balanced(labels) } else { ConceptLoss::plain(data.n_concepts()) };
        let weights: Vec<Measure> = if self.balanced {
            let names = data.names().concepts.iter().zip(&loss.positive);
            names.map(|(name, &w)| Measure::concept("positive_weight", name, f64::from(w))).collect()
        } else {
            vec![]
        };
        let (g, f) = self.networks(data, seed);
        let boxed = |g: &Mlp, f: &Mlp| -> Box<dyn Bottleneck> {
            let layers = (Layers::new(g, Some(&scaling)), Layers::new(f, None));
            Box::new(ConceptNetwork::new(self.name(), data.names().clone(), self.reading, layers, data.embeddings()))
        };
        let split = Split::new(data.n_samples(), self.schedule.validation, seed);
        let mut watch = Watch::start(observer, || boxed(&g, &f));
        let mut fitted = if self.kind == Kind::Joint {
            let concepts = single(labels);
            let (labels, lambda, reading) = (data.labels(), self.lambda, self.reading);
            let task = JointTask { inputs, concepts, labels, loss, lambda, reading };
            let trained = self.run(seed, 0).train(&task, (g, f), &split, &mut watch, |m| boxed(&m.0, &m.1))?;
            Fitted {
                bottleneck: boxed(&trained.model.0, &trained.model.1),
                measures: trained.measures(WHOLE),
                warnings: trained.warning(self.name(), &self.schedule).into_iter().collect(),
            }
        } else {
            watch.later = self.schedule.epochs;
            let task = ConceptTask { inputs, concepts: single(labels), loss };
            let concepts = self.run(seed, 0).train(&task, g, &split, &mut watch, |g| boxed(g, &f))?;
            watch.later = 0;
            let inputs = match self.kind {
                Kind::Independent => self.read_labels(labels),
                _ => self.reading.in_training(&concepts.model.forward(task.inputs.view())),
            };
            let task = ClassTask { inputs, labels: data.labels() };
            let g = &concepts.model;
            let head = self.run(seed, 1).train(&task, f, &split, &mut watch, |f| boxed(g, f))?;
            let warnings = [
                concepts.warning(&format!("{}, concept predictor", self.name()), &self.schedule),
                head.warning(&format!("{}, head", self.name()), &self.schedule),
            ];
            Fitted {
                bottleneck: boxed(g, &head.model),
                measures: [concepts.measures(CONCEPTS), head.measures(HEAD)].concat(),
                warnings: warnings.into_iter().flatten().collect(),
            }
        };
        fitted.measures.extend(weights);
        Ok(fitted)
    }
}

impl Cbm {
    /// The concept predictor and the head before training: for the same seed those of all three kinds.
    fn networks(&self, data: &ConceptData, seed: u64) -> (Mlp, Mlp) {
        let (d, l, k) = (data.n_features(), data.n_concepts(), data.n_classes());
        let weights = |part| stream(seed, Purpose::Weights, part, 0);
        (
            Mlp::new(&Shape::relu(d, &self.hidden, l, self.dropout), &mut weights(0)),
            Mlp::new(&Shape::relu(l, &self.head_hidden, k, self.dropout), &mut weights(1)),
        )
    }

    fn run(&self, seed: u64, part: u16) -> Run<'_> {
        Run { builder: self.name(), schedule: &self.schedule, steps: vec![self.schedule.step], seed, part }
    }

    /// What a head that learns from the labels is given: for a missing one the concept's mean.
    fn read_labels(&self, labels: ArrayView2<'_, f64>) -> Array2<f32> {
        let mut read = labels.to_owned();
        for mut column in read.axis_iter_mut(Axis(1)) {
            let seen = column.iter().filter(|c| !c.is_nan());
            let mean = seen.clone().sum::<f64>() / seen.count().max(1) as f64;
            column.mapv_inplace(|c| if c.is_nan() { mean } else { c });
            if self.reading == Reading::Hard {
                column.mapv_inplace(|c| f64::from(c >= 0.5));
            }
        }
        single(read.view())
    }
}
