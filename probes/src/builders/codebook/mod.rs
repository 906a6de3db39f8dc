//! `codebook`: codebook features for a dense network (Tamkin, Taufeeque & Goodman 2023), a prediction from codes that fire.
//!
//! Embeddings → rectifier layers → codebook → linear head. The last hidden activations are replaced by the mean of the k
//! codes most like them (in each group), and nothing goes around that: the concepts, whether a code fires, 0 or 1, are all that the
//! scores are made of, linearly, so the head can be read and edited as any other. Codes have no names: their scale is
//! [`Scale::Feature`](crate::Scale). Only the last hidden layer has a codebook; one behind another would tell nothing more of what the
//! prediction rests on.
//!
//! The layer is `narrows_dictionaries::codebook`'s. Its passes are written out here as those of the other networks are (a step of
//! such a network is a few products, of which a general differentiation makes several times their time), and held to
//! that crate's recorded ones by a test. Training keeps the epoch of the smallest validation loss, as the other builders do.

mod fitted;
mod network;

use crate::registry::{Entry, Needs};
use crate::train::{
    Given, Optimiser, Purpose, Scaling, Schedule, Split, Watch, Weights, cross_entropy, joined, stream,
};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Measure, Observer, ProbeError};
use fitted::CodeBottleneck;
use narrows_dictionaries::codebook::{Combine, Settings, Similarity, SnapLoss, Usage};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array2, Axis};
use network::{CodeNetwork, told};
use rand::seq::SliceRandom;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "network whose hidden activations are replaced by few of many codes (Tamkin et al. 2023)",
    parameters: &PARAMETERS,
    needs: Needs::Nothing,
    build: |parameters| {
        let given = Given { parameters, docs: &PARAMETERS };
        let similarities = [
            ("inner-product", Similarity::InnerProduct),
            ("cosine", Similarity::Cosine),
            ("euclidean", Similarity::Euclidean),
        ];
        let hidden = given.widths("hidden")?;
        let rule = "a hidden layer is needed, whose activations codes replace: 128, 256x128";
        let width = *hidden.last().ok_or_else(|| parameters.bad("hidden", "none", rule))?;
        let loss: SnapLoss =
            given.text("loss").parse().map_err(|e: String| parameters.bad("loss", given.text("loss"), &e))?;
        let book = Settings {
            codes: given.count("codes")?,
            k: given.count("k")?,
            groups: given.count("groups")?,
            similarity: given.choice("similarity", &similarities)?,
            combine: given.choice("combine", &[("mean", Combine::Mean), ("sum", Combine::Sum)])?,
            loss,
        };
        book.check(width).map_err(told)?;
        Ok(Box::new(CodebookBuilder {
            hidden,
            book,
            k_means: given.choice("start", &[("kmeans", true), ("normal", false)])?,
            replace: given.yes("replace-dead")?,
            schedule: Schedule::read(&given)?,
            settings: given.settings(),
        }))
    },
    restore: fitted::restore,
};

const NAME: &str = "codebook";

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

const OWN: [ParameterDoc; 9] = [
    doc("hidden", "128", "units of the hidden layers, the last of which has the codebook: 128, 256x128"),
    doc("codes", "64", "codes of a group"),
    doc("k", "1", "codes that fire in a group"),
    doc("groups", "8", "equal parts of the hidden units, each with codes of its own"),
    doc("similarity", "inner-product", "inner-product (codes normalised), cosine or euclidean"),
    doc("combine", "mean", "mean (released code) or sum (the paper's prose) of the codes that fire"),
    doc("loss", "aeloss", "base, aeloss, fullaeloss-BETA or vqvae-BETA: which gradients reach codes and activations"),
    doc("start", "kmeans", "kmeans of the first activations, or normal"),
    doc("replace-dead", "yes", "codes that did not fire in an epoch become random activations"),
];

const PARAMETERS: [ParameterDoc; 17] = joined(OWN, Schedule::docs("100", "64", "adam", "1e-3", "0", "0.9", "0.1"));

/// Activations that k-means and replacements of dead codes see, at most.
const MOST_SEEN: usize = 4096;
/// Noise of a replaced code, in its length.
const NOISE: f64 = 1e-4;
/// Rows that are evaluated at once.
const ROWS: usize = 1024;

#[derive(Debug)]
struct CodebookBuilder {
    hidden: Vec<usize>,
    book: Settings,
    k_means: bool,
    replace: bool,
    schedule: Schedule,
    settings: serde_json::Value,
}

/// A network with how good it was.
struct Best {
    network: CodeNetwork,
    epoch: usize,
    loss: f64,
    validation: Option<f64>,
}

impl Builder for CodebookBuilder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let scaling = Scaling::of(data.embeddings());
        let inputs = scaling.apply(data.embeddings());
        let mut network = CodeNetwork::new(data.n_features(), &self.hidden, data.n_classes(), self.book.clone(), seed)?;
        let split = Split::new(data.n_samples(), self.schedule.validation, seed);
        let mut seen = split.train.clone();
        seen.shuffle(&mut stream(seed, Purpose::Noise, 1, 0));
        seen.truncate(MOST_SEEN);
        if self.k_means {
            let activations = network.encoder.forward(inputs.select(Axis(0), &seen).view());
            network.book.start_by_k_means(activations.view(), seed).map_err(told)?;
        }
        let classes = data.names().classes.clone();
        let boxed = |n: &CodeNetwork| -> Box<dyn Bottleneck> { Box::new(CodeBottleneck::new(n, &scaling, &classes)) };
        let mut watch = Watch::start(observer, || boxed(&network));
        let (best, epochs) = self.train(network, &inputs, data.labels(), (&split, &seen, seed), &mut watch, boxed)?;
        let mut usage = Usage::new(&best.network.book);
        for rows in split.train.chunks(ROWS) {
            let hidden = best.network.encoder.forward(inputs.select(Axis(0), rows).view());
            usage.add(best.network.book.ids(hidden.view()).map_err(told)?.view());
        }
        let values = [
            ("epochs", Some(epochs as f64)),
            ("best_epoch", Some(best.epoch as f64)),
            ("training_loss", Some(best.loss)),
            ("validation_loss", best.validation),
            ("live_codes", Some(usage.live() as f64 / usage.counts().len() as f64)),
        ];
        let measures = values.into_iter().filter_map(|(name, v)| Some(Measure::whole(name, v?))).collect();
        let unfinished = best.validation.is_some() && best.epoch == self.schedule.epochs && best.epoch > 1;
        let warnings = if unfinished {
            vec![format!(
                "{NAME}: the validation loss was still falling in the last of {} epochs; more of them may help",
                best.epoch
            )]
        } else {
            vec![]
        };
        Ok(Fitted { bottleneck: boxed(&best.network), measures, warnings })
    }
}

impl CodebookBuilder {
    /// Trains; yields the best network by the validation loss, or the last without one, and the epochs that were run.
    fn train(
        &self,
        mut network: CodeNetwork,
        inputs: &Array2<f32>,
        labels: &[u32],
        (split, seen, seed): (&Split, &[usize], u64),
        watch: &mut Watch<'_>,
        boxed: impl Fn(&CodeNetwork) -> Box<dyn Bottleneck>,
    ) -> Result<(Best, usize), ProbeError> {
        let Schedule { epochs, batch, patience, step, .. } = self.schedule;
        let mut optimiser = Optimiser::new(vec![step], &network);
        let mut gradient = network.clone();
        let mut best: Option<Best> = None;
        let mut order = split.train.clone();
        let mut run = 0;
        for epoch in 1..=epochs {
            run = epoch;
            order.copy_from_slice(&split.train);
            order.shuffle(&mut stream(seed, Purpose::Order, 0, epoch));
            let mut noise = stream(seed, Purpose::Noise, 0, epoch);
            let (mut usage, mut total) = (Usage::new(&network.book), 0.0);
            for rows in order.chunks(batch) {
                let own: Vec<u32> = rows.iter().map(|&r| labels[r]).collect();
                gradient.clear();
                let (loss, ids) = network.gradient(inputs.select(Axis(0), rows), &own, &mut noise, &mut gradient)?;
                usage.add(ids.view());
                total += loss * rows.len() as f64;
                optimiser.step(&mut network, &gradient);
            }
            let loss = total / order.len() as f64;
            let validation = validation(&network, inputs, labels, &split.validation)?;
            if let Some(&bad) = [Some(loss), validation].iter().flatten().find(|l| !l.is_finite()) {
                return Err(ProbeError::Diverged { builder: NAME, epoch, loss: bad });
            }
            watch.epoch(epochs - epoch, || boxed(&network));
            let least = best.as_ref().and_then(|b| b.validation);
            if validation.is_none_or(|now| least.is_none_or(|least| now < least)) {
                best = Some(Best { network: network.clone(), epoch, loss, validation });
            }
            if best.as_ref().is_some_and(|b| epoch - b.epoch >= patience) {
                break;
            }
            if self.replace && usage.live() < usage.counts().len() && epoch < epochs {
                let activations = network.encoder.forward(inputs.select(Axis(0), seen).view());
                network.book.replace_dead(activations.view(), &usage, NOISE, (seed, 0, epoch as u64)).map_err(told)?;
            }
        }
        let best = best.ok_or_else(|| ProbeError::Data(format!("{NAME}: no epoch was asked for")))?;
        Ok((best, run))
    }
}

/// Mean loss over the rows for validation; none without any.
fn validation(
    network: &CodeNetwork,
    inputs: &Array2<f32>,
    labels: &[u32],
    rows: &[usize],
) -> Result<Option<f64>, ProbeError> {
    let mut total = 0.0;
    for part in rows.chunks(ROWS) {
        let scores = network.scores(inputs.select(Axis(0), part).view())?;
        total += cross_entropy(&scores, part.iter().map(|&r| labels[r])).0 * part.len() as f64;
    }
    Ok((!rows.is_empty()).then(|| total / rows.len() as f64))
}

#[cfg(test)]
mod tests {
    use crate::builders::toys::{accuracy, assert_consistent, assert_survives, fitted, toy};
    use crate::registry::builder;

    #[test]
    fn it_learns_what_no_linear_probe_can_from_codes_alone() {
        let (train, test) = (toy("xor", 1500, 1), toy("xor", 1500, 2));
        let specification = "codebook:hidden=32,codes=16,groups=2,lr=1e-2";
        let found = accuracy(specification, &train, &test);
        assert!(found > 0.93, "{found}");
        for more in ["", ",k=2,combine=sum,loss=vqvae,start=normal,similarity=euclidean"] {
            let fitted = fitted(&format!("codebook:hidden=8,codes=8,groups=2,epochs=3{more}"), &train, 1).bottleneck;
            assert_survives(&*fitted, test.embeddings());
            assert_consistent(&*fitted, test.embeddings());
            assert!(fitted.corrections().is_none());
            let concepts = fitted.concepts(test.embeddings()).unwrap();
            let firing = if more.is_empty() { 2.0 } else { 4.0 };
            assert_eq!((concepts.ncols(), fitted.names().concepts[9].as_str()), (16, "group2 code2"));
            assert!(concepts.rows().into_iter().all(|c| c.sum() == firing && c.iter().all(|v| *v == 0.0 || *v == 1.0)));
        }
    }

    #[test]
    fn its_head_can_be_replaced() {
        let data = toy("dot", 200, 1);
        let fitted = fitted("codebook:hidden=8,codes=4,groups=2,epochs=2", &data, 1).bottleneck;
        let mut head = fitted.head().unwrap();
        head.intercepts += 100.0;
        let moved = fitted.with_head(head).unwrap();
        let shift = moved.predict(data.embeddings()).unwrap() - fitted.predict(data.embeddings()).unwrap();
        assert!(shift.iter().all(|s| (s - 100.0).abs() < 1e-9));
        assert_survives(&*moved, data.embeddings());
    }

    #[test]
    fn what_cannot_be_is_told() {
        let error = |s: &str| builder(s).unwrap_err().to_string();
        assert!(error("codebook:hidden=none").contains("hidden layer is needed"));
        assert!(error("codebook:hidden=10,groups=3").contains("groups = 3"));
        assert!(error("codebook:k=65").contains("k = 65"));
        assert!(error("codebook:loss=l1").contains("'l1' is not known"));
    }
}
