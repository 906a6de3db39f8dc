//! Fitting a sparse bottleneck.

use super::fitted::SparseBottleneck;
use super::sparsity::{concepts_for_most, correlations, small_weights};
use super::task::{LayerLoss, Maps, SparseTask};
use crate::builders::outer_quantiles;
use crate::builders::similarity::{cosines, unit_rows};
use crate::train::{Method, Purpose, Run, Schedule, Split, Step, WHOLE, Watch, single, stream};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Head, Measure, Observer, ProbeError};
use ndarray::{Array1, Array2};
use rand::RngExt;

/// A sparse bottleneck to be fitted.
#[derive(Debug)]
pub(super) struct Sparse {
    pub(super) name: &'static str,
    pub(super) loss: LayerLoss,
    pub(super) scale: f64,
    pub(super) into_layer: bool,
    /// Whether the layer starts as the identity.
    pub(super) identity: bool,
    /// Whether layer and head become one head on the similarities.
    pub(super) merged: bool,
    pub(super) head_rate: f64,
    pub(super) schedule: Schedule,
    pub(super) settings: serde_json::Value,
}

impl Builder for Sparse {
    fn name(&self) -> &'static str {
        self.name
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let what = "concept vectors (one of each concept, as wide as the embeddings)";
        let vectors = data.vectors().ok_or(ProbeError::Needs { builder: self.name, what })?;
        let similarities = cosines(data.embeddings(), vectors) * self.scale;
        let start = self.start(data, seed);
        let fitted = |maps: &Maps| {
            let (layer, weights) = (maps.0.mapv(f64::from), maps.1.mapv(f64::from));
            let (layer, weights) = if self.merged { (None, layer.dot(&weights)) } else { (Some(layer), weights) };
            let corrections = match &layer {
                Some(layer) => outer_quantiles(similarities.dot(layer).view()),
                None => outer_quantiles(similarities.view()),
            };
            SparseBottleneck {
                builder: self.name,
                names: data.names().clone(),
                scale: self.scale,
                vectors: unit_rows(vectors),
                head: Head { intercepts: Array1::zeros(weights.ncols()), weights },
                layer,
                corrections,
            }
        };
        let boxed = |maps: &Maps| -> Box<dyn Bottleneck> { Box::new(fitted(maps)) };
        let mut watch = Watch::start(observer, || boxed(&start));
        let task = SparseTask {
            similarities: single(similarities.view()),
            labels: data.labels(),
            loss: self.loss,
            into_layer: self.into_layer,
        };
        let head_step = Step { method: Method::Adam, rate: self.head_rate as f32, decay: 0.0, momentum: 0.0 };
        let steps = vec![self.schedule.step, head_step];
        let split = Split::new(data.n_samples(), self.schedule.validation, seed);
        let run = Run { builder: self.name, schedule: &self.schedule, steps, seed, part: 0 };
        let trained = run.train(&task, start, &split, &mut watch, boxed)?;
        let bottleneck = fitted(&trained.model);
        let mut measures = trained.measures(WHOLE);
        let mut warnings: Vec<String> = trained.warning(self.name, &self.schedule).into_iter().collect();
        if let Some(layer) = &bottleneck.layer {
            let units = similarities.dot(layer);
            let own = correlations(&units, &similarities);
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            measures.push(Measure::whole("layer_small_weights", small_weights(layer.view())));
            measures.push(concepts_for_most(units.view(), &bottleneck.head));
            measures.push(Measure::whole("unit_concept_correlation", mean));
            let names = data.names().concepts.iter().zip(&own);
            measures.extend(names.map(|(name, &r)| Measure::concept("unit_concept_correlation", name, r)));
            if mean < 0.5 {
                warnings.push(format!(
                    "{}: the layer's units correlate at {mean:.2} with the concepts whose names they bear (mean over \
                     concepts): nothing in this loss ties them together; init=identity starts from the concepts, and \
                     concepts=similarities reads layer and head as one map from the concepts themselves",
                    self.name
                ));
            }
        } else {
            measures.push(concepts_for_most(similarities.view(), &bottleneck.head));
        }
        measures.push(Measure::whole("head_small_weights", small_weights(bottleneck.head.weights.view())));
        Ok(Fitted { bottleneck: Box::new(bottleneck), measures, warnings })
    }
}

impl Sparse {
    /// Layer and head before training: uniform within ±1/√concepts, or the identity for the layer.
    fn start(&self, data: &ConceptData, seed: u64) -> Maps {
        let (l, k) = (data.n_concepts(), data.n_classes());
        let limit = 1.0 / (l as f32).sqrt();
        let uniform = |part, columns| {
            let mut random = stream(seed, Purpose::Weights, part, 0);
            Array2::from_shape_simple_fn((l, columns), || random.random_range(-limit..limit))
        };
        (if self.identity { Array2::eye(l) } else { uniform(0, l) }, uniform(1, k))
    }
}
