//! `key-value`: the discrete key–value bottleneck (Träuble et al. 2023) on embeddings, a prediction from fetched pairs.
//!
//! Its concepts are choices, not amounts: concept h of a sample is the number of the pair that head h fetched (0 … pairs − 1).
//! They carry everything that the classes are scored from, heads · log₂ pairs bits at most, but have no name, no order and
//! no "present": their scale is [`Scale::Feature`](crate::Scale), nothing can be corrected, and what the scores read of them, the fetched values,
//! is [`Bottleneck::representation`](crate::Bottleneck::representation). The scores are linear in the one-hot codes of the choices, not in their numbers, so
//! there is no linear head to edit; whatever treats the numbers as amounts (a kernel density, a correlation) says nothing.
//!
//! The published setting, 256 heads of 4096 pairs trained for 2000 epochs a block, holds 25 million floats; the defaults
//! here are 64 heads of 256 pairs. The learning rate is that of the mean loss of a minibatch by values that are averaged over heads, so
//! that one value's gradient is a 16 384th of one sample's: rates that look enormous are not. Small ones (up to about 10 on
//! these sizes) make each sample add a vote to the pairs that it fetches, in which case the order of the samples hardly matters;
//! large ones fit more closely and forget more.

mod fitted;
mod plan;

use crate::registry::{Entry, Needs};
use crate::train::{Given, Purpose, Watch, single, stream};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Measure, Observer, ProbeError};
use fitted::KeyValue;
use narrows_estimators::registry::ParameterDoc;
use rand::seq::SliceRandom;

pub(crate) use plan::{MEMORY, MemoryPlan, told};

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "discrete key-value memory: frozen keys found without labels, trained values (Träuble et al. 2023)",
    parameters: &PARAMETERS,
    needs: Needs::Nothing,
    build: |parameters| {
        let given = Given { parameters, docs: &PARAMETERS };
        Ok(Box::new(KeyValueBuilder {
            plan: MemoryPlan::read(&given)?,
            epochs: given.count("epochs")?,
            batch: given.count("batch")?,
            settings: given.settings(),
        }))
    },
    restore: fitted::restore,
};

const NAME: &str = "key-value";

const OWN: [ParameterDoc; 3] = [
    ParameterDoc {
        name: "learning-rate",
        default: "1000",
        meaning: "of the values; divided by heads and batch in effect",
    },
    ParameterDoc { name: "epochs", default: "20", meaning: "passes over the training rows" },
    ParameterDoc { name: "batch", default: "256", meaning: "samples of a minibatch" },
];

const PARAMETERS: [ParameterDoc; 15] = crate::train::joined(OWN, MEMORY);

#[derive(Debug)]
struct KeyValueBuilder {
    plan: MemoryPlan,
    epochs: usize,
    batch: usize,
    settings: serde_json::Value,
}

impl Builder for KeyValueBuilder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let embeddings = single(data.embeddings());
        let mut memory = self.plan.memory(embeddings.view(), data.n_classes(), seed)?;
        let mut training = self.plan.training(&memory)?;
        let fetched = memory.fetch(embeddings.view(), None).map_err(told)?;
        let classes = &data.names().classes;
        let boxed = |memory: &_| -> Box<dyn Bottleneck> { Box::new(KeyValue::new(memory, classes, self.plan.mask)) };
        let mut watch = Watch::start(observer, || boxed(&memory));
        let mut order: Vec<usize> = (0..data.n_samples()).collect();
        let mut loss = 0.0;
        for epoch in 1..=self.epochs {
            order.shuffle(&mut stream(seed, Purpose::Order, 0, epoch));
            let mut total = 0.0;
            for rows in order.chunks(self.batch) {
                let labels: Vec<u32> = rows.iter().map(|&r| data.labels()[r]).collect();
                total += training.step(&mut memory, &fetched.rows(rows), &labels) * rows.len() as f64;
            }
            loss = total / order.len() as f64;
            if !loss.is_finite() {
                return Err(ProbeError::Diverged { builder: NAME, epoch, loss });
            }
            watch.epoch(self.epochs - epoch, || boxed(&memory));
        }
        let used = memory.counts.iter().filter(|c| **c > 0).count() as f64 / memory.counts.len() as f64;
        let measures = vec![
            Measure::whole("epochs", self.epochs as f64),
            Measure::whole("training_loss", loss),
            Measure::whole("used_pairs", used),
        ];
        Ok(Fitted { bottleneck: boxed(&memory), measures, warnings: vec![] })
    }
}

#[cfg(test)]
mod tests {
    use crate::builders::toys::{accuracy, assert_consistent, assert_survives, fitted, toy, with_vectors};
    use crate::registry::builder;

    #[test]
    fn it_learns_what_no_linear_probe_can_and_survives_being_written_down() {
        let (train, test) = (toy("xor", 1500, 1), toy("xor", 1500, 2));
        assert!(accuracy("key-value:heads=8,pairs=64,key-dimension=2", &train, &test) > 0.95);
        for more in
            ["", ",nearest=2,mask-unused=yes", ",splitter=identity,keys=ema", ",splitter=chunks,heads=2,keys=random"]
        {
            let specification = format!("key-value:pairs=32,key-dimension=2,epochs=3,heads=4{more}");
            let specification =
                if more.contains(",heads") { specification.replacen(",heads=4", "", 1) } else { specification };
            let fitted = fitted(&specification, &train, 1);
            assert_survives(&*fitted.bottleneck, test.embeddings());
            assert_consistent(&*fitted.bottleneck, test.embeddings());
            assert!(fitted.bottleneck.corrections().is_none() && fitted.bottleneck.head().is_none());
        }
    }

    #[test]
    fn concepts_are_the_pairs_and_the_representation_their_values() {
        let data = with_vectors(200, 4);
        let fitted = fitted("key-value:heads=5,pairs=16,key-dimension=3,nearest=2", &data, 1).bottleneck;
        let concepts = fitted.concepts(data.embeddings()).unwrap();
        assert_eq!(concepts.dim(), (200, 10));
        assert_eq!(fitted.names().concepts[1], "head1 nearest2");
        assert!(concepts.iter().all(|c| c.fract() == 0.0 && (0.0..16.0).contains(c)));
        let values = fitted.representation(concepts.view(), data.embeddings()).unwrap().unwrap();
        assert_eq!(values.dim(), (200, 10, 4));
        let scores = fitted.scores(concepts.view(), data.embeddings()).unwrap();
        let sum = values.sum_axis(ndarray::Axis(1)) / 5.0;
        assert!((&sum - &scores).iter().all(|d| d.abs() < 1e-9));
        assert!(fitted.accuracy(data.embeddings(), data.labels()).unwrap() > 0.95);
        let wrong = concepts.mapv(|c| c + 0.5);
        let error = fitted.scores(wrong.view(), data.embeddings()).unwrap_err().to_string();
        assert!(error.contains("number of a pair"), "{error}");
    }

    #[test]
    fn what_cannot_be_is_told() {
        let data = with_vectors(20, 4);
        let error = |s: &str| builder(s).and_then(|b| b.fit(&data, 0, &mut crate::Unwatched)).unwrap_err().to_string();
        assert!(error("key-value:pairs=50").contains("20 row(s)"), "{}", error("key-value:pairs=50"));
        assert!(error("key-value:splitter=chunks,heads=3").contains("3 heads do not divide"));
        assert!(error("key-value:keys=magic").contains("kmeans, ema, random"));
        assert!(error("key-value:pairs=8,nearest=9").contains("nearest = 9"));
    }
}
