//! A dictionary with a linear head as a bottleneck.

use super::{NAME, told};
use crate::builders::check_embeddings;
use crate::train::single;
use crate::{Bottleneck, Head, Names, ProbeError, Record, Scale};
use narrows_dictionaries::{Activation, Codes, Dictionary};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde_json::json;

/// Embeddings → activations of a dictionary's features → class scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Discovered {
    pub(super) names: Names,
    /// Whether words name the features: without, they are no concepts that a person could correct.
    pub(super) named: bool,
    pub(super) dictionary: Dictionary,
    /// What stands for absent and present [features × 2].
    pub(super) corrections: Array2<f64>,
    pub(super) head: Head,
}

impl Discovered {
    /// Codes of embeddings, which are encoded in single precision.
    fn codes(&self, embeddings: ArrayView2<'_, f64>) -> Result<Codes, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        self.dictionary.encode(single(embeddings).view()).map_err(told)
    }
}

/// Absent is 0; present the 95 % quantile of a feature's activations where it is active (interpolated linearly), 0 for one that never is.
pub(super) fn corrections(codes: &Codes) -> Array2<f64> {
    let mut corrections = Array2::zeros((codes.width(), 2));
    for (mut row, column) in corrections.outer_iter_mut().zip(codes.by_feature()) {
        let mut values: Vec<f64> = column.iter().map(|(_, v)| f64::from(*v)).collect();
        values.sort_unstable_by(f64::total_cmp);
        if let Some(last) = values.len().checked_sub(1) {
            let place = 0.95 * last as f64;
            let (below, part) = (place.floor() as usize, place.fract());
            row[1] = values[below] + part * (values[(below + 1).min(last)] - values[below]);
        }
    }
    corrections
}

/// Scores [samples × classes] of codes.
pub(super) fn sparse_scores(codes: &Codes, head: &Head) -> Array2<f64> {
    let mut scores = Array2::zeros((codes.n_samples(), head.intercepts.len()));
    for (mut to, (features, values)) in scores.outer_iter_mut().zip(codes.rows()) {
        to.assign(&head.intercepts);
        for (&feature, &value) in features.iter().zip(values) {
            to.scaled_add(f64::from(value), &head.weights.row(feature as usize));
        }
    }
    scores
}

impl Bottleneck for Discovered {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.dictionary.inputs()
    }

    fn scale(&self) -> Scale {
        if self.named { Scale::Similarity } else { Scale::Feature }
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        let codes = self.codes(embeddings)?;
        let mut concepts = Array2::zeros((codes.n_samples(), codes.width()));
        for (mut to, (features, values)) in concepts.outer_iter_mut().zip(codes.rows()) {
            features.iter().zip(values).for_each(|(&f, &v)| to[f as usize] = f64::from(v));
        }
        Ok(concepts)
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(concepts, self.dictionary.width())?;
        Ok(self.head.scores(concepts))
    }

    fn predict(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        Ok(sparse_scores(&self.codes(embeddings)?, &self.head))
    }

    fn record(&self) -> Record {
        let Dictionary { encoder, encoder_bias, decoder, bias, centred, activation, prefixes } = &self.dictionary;
        let wide = |m: &Array2<f32>| m.mapv(f64::from);
        let long = |v: &Array1<f32>| v.mapv(f64::from);
        let (kind, k) = match activation {
            Activation::Relu => ("relu", 0),
            Activation::TopK { k } => ("topk", *k),
            Activation::JumpRelu { .. } => ("jumprelu", 0),
            Activation::Gated { .. } => ("gated", 0),
        };
        let settings =
            json!({ "named": self.named, "centred": centred, "activation": kind, "k": k, "prefixes": prefixes });
        let mut record = Record::new(NAME, &self.names, self.n_features(), settings)
            .with_matrix("dictionary.encoder", wide(encoder).view())
            .with_vector("dictionary.encoder-bias", long(encoder_bias).view())
            .with_matrix("dictionary.decoder", wide(decoder).view())
            .with_vector("dictionary.bias", long(bias).view())
            .with_matrix("corrections", self.corrections.view())
            .with_matrix("head.weights", self.head.weights.view())
            .with_vector("head.intercepts", self.head.intercepts.view());
        match activation {
            Activation::Relu | Activation::TopK { .. } => {}
            Activation::JumpRelu { thresholds } => {
                record = record.with_vector("dictionary.thresholds", long(thresholds).view());
            }
            Activation::Gated { log_scales, magnitude_biases } => {
                record = record
                    .with_vector("dictionary.log-scales", long(log_scales).view())
                    .with_vector("dictionary.magnitude-biases", long(magnitude_biases).view());
            }
        }
        record
    }

    fn head(&self) -> Option<Head> {
        Some(self.head.clone())
    }

    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        Some(Box::new(Self { head, ..self.clone() }))
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        self.named.then(|| self.corrections.clone())
    }
}

/// Brings back what [`Bottleneck::record`] wrote.
pub(super) fn restore(record: &Record) -> Result<Box<dyn Bottleneck>, ProbeError> {
    let (width, inputs) = (record.names.concepts.len(), record.n_features);
    let classes = record.names.classes.len();
    let narrow = |v: &f64| *v as f32;
    let vector = |name: &str, length: usize| record.vector(name, length).map(|v| v.map(narrow));
    let matrix = |name: &str| record.matrix(name, (width, inputs)).map(|m| m.map(narrow));
    let activation = match record.setting::<String>("activation")?.as_str() {
        "relu" => Activation::Relu,
        "topk" => Activation::TopK { k: record.setting("k")? },
        "jumprelu" => Activation::JumpRelu { thresholds: vector("dictionary.thresholds", width)? },
        "gated" => Activation::Gated {
            log_scales: vector("dictionary.log-scales", width)?,
            magnitude_biases: vector("dictionary.magnitude-biases", width)?,
        },
        other => {
            return Err(ProbeError::Record(format!(
                "the activation is '{other}': relu, topk, jumprelu or gated is expected"
            )));
        }
    };
    let dictionary = Dictionary {
        encoder: matrix("dictionary.encoder")?,
        encoder_bias: vector("dictionary.encoder-bias", width)?,
        decoder: matrix("dictionary.decoder")?,
        bias: vector("dictionary.bias", inputs)?,
        centred: record.setting("centred")?,
        activation,
        prefixes: record.setting("prefixes")?,
    };
    dictionary.check().map_err(|e| ProbeError::Record(e.to_string()))?;
    Ok(Box::new(Discovered {
        names: record.names.clone(),
        named: record.setting("named")?,
        dictionary,
        corrections: record.matrix("corrections", (width, 2))?,
        head: Head {
            weights: record.matrix("head.weights", (width, classes))?,
            intercepts: record.vector("head.intercepts", classes)?,
        },
    }))
}

/// For each sample, the fewest features whose positive contributions to the predicted class, the largest first, make
/// each of `shares` of all of them [shares][samples]; 0 for a sample without any.
pub(super) fn energy(codes: &Codes, head: &Head, shares: &[f64]) -> Vec<Vec<f64>> {
    let predicted = crate::best_class(sparse_scores(codes, head).view());
    let mut needed = vec![Vec::with_capacity(codes.n_samples()); shares.len()];
    for ((features, values), class) in codes.rows().zip(predicted) {
        let column: ArrayView1<'_, f64> = head.weights.column(class as usize);
        let parts = features.iter().zip(values).map(|(&f, &v)| f64::from(v) * column[f as usize]);
        let mut parts: Vec<f64> = parts.filter(|p| *p > 0.0).collect();
        parts.sort_unstable_by(|a, b| b.total_cmp(a));
        let total: f64 = parts.iter().sum();
        for (to, share) in needed.iter_mut().zip(shares) {
            let mut sum = 0.0;
            let enough = parts.iter().position(|part| {
                sum += part;
                sum >= share * total
            });
            to.push(enough.map_or(parts.len(), |at| at + 1) as f64);
        }
    }
    needed
}
