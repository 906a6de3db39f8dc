//! Fitting a concept embedding model.

use super::NAME;
use super::fitted::ConceptEmbedding;
use super::task::{EmbeddingTask, Networks};
use crate::builders::concept_labels;
use crate::builders::layers::Layers;
use crate::train::{ConceptLoss, Mlp, Purpose, Run, Scaling, Schedule, Shape, Split, WHOLE, Watch, single, stream};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Observer, ProbeError};

/// A concept embedding model to be fitted.
#[derive(Debug)]
pub(super) struct Cem {
    pub(super) width: usize,
    pub(super) lambda: f64,
    pub(super) random_interventions: f32,
    pub(super) hidden: Vec<usize>,
    pub(super) head_hidden: Vec<usize>,
    pub(super) balanced: bool,
    pub(super) schedule: Schedule,
    pub(super) settings: serde_json::Value,
}

/// Slope of LeakyReLU below zero (PyTorch's default, which the released code uses).
const LEAK: f32 = 0.01;

impl Builder for Cem {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let concepts = concept_labels(NAME, data)?;
        let scaling = Scaling::of(data.embeddings());
        let networks = self.networks(data, seed);
        let task = EmbeddingTask {
            inputs: scaling.apply(data.embeddings()),
            concepts: single(concepts),
            labels: data.labels(),
            loss: if self.balanced { ConceptLoss::balanced(concepts) } else { ConceptLoss::plain(concepts.ncols()) },
            lambda: self.lambda,
            width: self.width,
            random_interventions: self.random_interventions,
        };
        let boxed = |n: &Networks| -> Box<dyn Bottleneck> {
            Box::new(ConceptEmbedding::new(
                data.names().clone(),
                self.width,
                Layers::new(&n.contexts, Some(&scaling)),
                Layers::new(&n.scorer, None),
                Layers::new(&n.head, None),
            ))
        };
        let split = Split::new(data.n_samples(), self.schedule.validation, seed);
        let mut watch = Watch::start(observer, || boxed(&networks));
        let run = Run { builder: NAME, schedule: &self.schedule, steps: vec![self.schedule.step], seed, part: 0 };
        let trained = run.train(&task, networks, &split, &mut watch, boxed)?;
        Ok(Fitted {
            bottleneck: boxed(&trained.model),
            measures: trained.measures(WHOLE),
            warnings: trained.warning(NAME, &self.schedule).into_iter().collect(),
        })
    }
}

impl Cem {
    fn networks(&self, data: &ConceptData, seed: u64) -> Networks {
        let (d, l, k) = (data.n_features(), data.n_concepts(), data.n_classes());
        let weights = |part| stream(seed, Purpose::Weights, part, 0);
        let contexts = Shape { leak: LEAK, closing: true, ..Shape::relu(d, &self.hidden, 2 * l * self.width, 0.0) };
        let head = Shape { leak: LEAK, ..Shape::relu(l * self.width, &self.head_hidden, k, 0.0) };
        Networks {
            contexts: Mlp::new(&contexts, &mut weights(0)),
            scorer: Mlp::new(&Shape::relu(2 * self.width, &[], 1, 0.0), &mut weights(1)),
            head: Mlp::new(&head, &mut weights(2)),
        }
    }
}
