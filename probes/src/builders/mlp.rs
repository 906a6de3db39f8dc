//! The black box: a rectifier network from embeddings to classes, without concepts.
//!
//! What the bottlenecks' accuracies are compared with. Trained by cross entropy on standardised features; its numbers
//! between embeddings and classes are the embeddings themselves, as for the linear probe.

use super::check_embeddings;
use super::layers::Layers;
use crate::registry::{Entry, Needs};
use crate::train::{
    ClassTask, Given, Mlp, Purpose, Run, Scaling, Schedule, Shape, Split, WHOLE, Watch, joined, stream,
};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Head, Names, Observer, ProbeError, Record, Scale};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array2, ArrayView2};
use serde_json::json;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "black-box rectifier network on the embeddings, without concepts",
    parameters: &PARAMETERS,
    needs: Needs::Nothing,
    build: |parameters| {
        let given = Given { parameters, docs: &PARAMETERS };
        Ok(Box::new(BlackBoxBuilder {
            hidden: given.widths("hidden")?,
            dropout: given.value("dropout", "it must be in [0, 1)", |d: &f64| (0.0..1.0).contains(d))?,
            schedule: Schedule::read(&given)?,
            settings: given.settings(),
        }))
    },
    restore: |record| {
        let layers = Layers::read("network", record, record.n_features, record.names.classes.len())?;
        Ok(Box::new(BlackBox { names: record.names.clone(), layers }))
    },
};

const NAME: &str = "mlp";

const OWN: [ParameterDoc; 2] = [
    ParameterDoc { name: "hidden", default: "128", meaning: "units of the hidden layers: 128, 256x128, none" },
    ParameterDoc { name: "dropout", default: "0", meaning: "share of the hidden units dropped in a training step" },
];

const PARAMETERS: [ParameterDoc; 10] = joined(OWN, Schedule::docs("300", "64", "adamw", "1e-3", "0.01", "0.9", "0.1"));

#[derive(Debug)]
struct BlackBoxBuilder {
    hidden: Vec<usize>,
    dropout: f64,
    schedule: Schedule,
    settings: serde_json::Value,
}

impl Builder for BlackBoxBuilder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let scaling = Scaling::of(data.embeddings());
        let shape = Shape::relu(data.n_features(), &self.hidden, data.n_classes(), self.dropout);
        let network = Mlp::new(&shape, &mut stream(seed, Purpose::Weights, 0, 0));
        let task = ClassTask { inputs: scaling.apply(data.embeddings()), labels: data.labels() };
        let concepts = (1..=data.n_features()).map(|f| format!("feature{f}")).collect();
        let names = Names { concepts, classes: data.names().classes.clone() };
        let boxed = |network: &Mlp| -> Box<dyn Bottleneck> {
            Box::new(BlackBox { names: names.clone(), layers: Layers::new(network, Some(&scaling)) })
        };
        let split = Split::new(data.n_samples(), self.schedule.validation, seed);
        let mut watch = Watch::start(observer, || boxed(&network));
        let run = Run { builder: NAME, schedule: &self.schedule, steps: vec![self.schedule.step], seed, part: 0 };
        let trained = run.train(&task, network, &split, &mut watch, boxed)?;
        let measures = trained.measures(WHOLE);
        let warnings = trained.warning(NAME, &self.schedule).into_iter().collect();
        Ok(Fitted { bottleneck: boxed(&trained.model), measures, warnings })
    }
}

/// A fitted black box. Its concepts are the features themselves.
#[derive(Debug, Clone, PartialEq)]
struct BlackBox {
    names: Names,
    layers: Layers,
}

impl Bottleneck for BlackBox {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.layers.inputs()
    }

    fn scale(&self) -> Scale {
        Scale::Feature
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        Ok(embeddings.to_owned())
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        self.layers.of_embeddings(concepts)
    }

    fn record(&self) -> Record {
        let settings = json!({ "network": self.layers.plan() });
        self.layers.write("network", Record::new(NAME, &self.names, self.n_features(), settings))
    }

    fn head(&self) -> Option<Head> {
        self.layers.head()
    }

    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        self.head()?;
        Some(Box::new(Self { names: self.names.clone(), layers: Layers::linear(head) }))
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::builders::toys::{accuracy, assert_consistent, assert_survives, fitted, toy};

    #[test]
    fn it_learns_what_no_linear_probe_can_and_survives_being_written_down() {
        let (train, test) = (toy("xor", 1500, 1), toy("xor", 1500, 2));
        assert!(accuracy("linear-probe", &train, &test) < 0.6);
        assert!(accuracy("mlp:hidden=32x32,lr=1e-2", &train, &test) > 0.97);
        let fitted = fitted("mlp:hidden=8,epochs=2", &train, 1);
        assert_survives(&*fitted.bottleneck, test.embeddings());
        assert_consistent(&*fitted.bottleneck, test.embeddings());
        assert!(fitted.bottleneck.corrections().is_none() && fitted.bottleneck.head().is_none());
    }

    #[test]
    fn without_hidden_layers_it_has_a_linear_head_that_can_be_replaced() {
        let data = toy("dot", 200, 1);
        let fitted = fitted("mlp:hidden=none,epochs=1", &data, 1).bottleneck;
        assert_consistent(&*fitted, data.embeddings());
        let mut head = fitted.head().unwrap();
        head.intercepts += 100.0;
        let moved = fitted.with_head(head).unwrap();
        let shift = moved.predict(data.embeddings()).unwrap() - fitted.predict(data.embeddings()).unwrap();
        assert!(shift.iter().all(|s| (s - 100.0).abs() < 1e-9));
    }
}
