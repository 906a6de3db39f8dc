//! The concept bottleneck models of Koh et al. 2020 ("Concept bottleneck models", section 3).
//!
//! A concept predictor g yields log odds of each concept from the embeddings, a head f the class from the concepts.
//!
//! - *independent*: f learns from the true concepts, g from the embeddings; f is given g's predictions when it is used.
//! - *sequential*: g first, then f from g's predictions.
//! - *joint*: both at once, cross entropy of the class plus λ times the binary cross entropy of the concepts. The
//!   latter is the mean over the labels that are there; the paper sums over concepts, so that its λ times the number
//!   of concepts is ours. The default, 5, keeps concepts that are concepts: with 1 on the 64 rare ones of the WordNet
//!   embeddings, their mean AUC falls from 0.94 to 0.84, while the class gains nothing.
//!
//! Missing concept labels count in no loss; a head that learns from the labels is given a concept's mean instead.

mod fit;
mod fitted;
mod joint;

use crate::registry::{Entry, Needs};
use crate::train::{Given, Schedule, joined};
use crate::{Builder, ProbeError};
use fit::{Cbm, Kind};
use fitted::{ConceptNetwork, Reading};
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;

pub(crate) const INDEPENDENT: Entry = Entry {
    name: "cbm-independent",
    summary: "concept bottleneck model, head trained on true concepts (Koh et al. 2020)",
    parameters: &INDEPENDENT_PARAMETERS,
    needs: Needs::Labels,
    build: |parameters| build(parameters, &INDEPENDENT_PARAMETERS, Kind::Independent),
    restore: |record| Ok(Box::new(ConceptNetwork::read("cbm-independent", record)?)),
};

pub(crate) const SEQUENTIAL: Entry = Entry {
    name: "cbm-sequential",
    summary: "concept bottleneck model, head trained on predicted concepts (Koh et al. 2020)",
    parameters: &SEQUENTIAL_PARAMETERS,
    needs: Needs::Labels,
    build: |parameters| build(parameters, &SEQUENTIAL_PARAMETERS, Kind::Sequential),
    restore: |record| Ok(Box::new(ConceptNetwork::read("cbm-sequential", record)?)),
};

pub(crate) const JOINT: Entry = Entry {
    name: "cbm-joint",
    summary: "concept bottleneck model, concepts and head trained together (Koh et al. 2020)",
    parameters: &JOINT_PARAMETERS,
    needs: Needs::Labels,
    build: |parameters| build(parameters, &JOINT_PARAMETERS, Kind::Joint),
    restore: |record| Ok(Box::new(ConceptNetwork::read("cbm-joint", record)?)),
};

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

const NETWORKS: [ParameterDoc; 4] = [
    doc("hidden", "none", "units of the concept predictor's hidden layers: none, 128, 256x128"),
    doc("head-hidden", "none", "units of the head's hidden layers; none: a linear head"),
    doc("dropout", "0", "share of the hidden units dropped in a training step"),
    doc("pos-weight", "no", "yes: a concept's positive labels weigh (negatives / positives) times its negative ones"),
];

const SCHEDULE: [ParameterDoc; 8] = Schedule::docs("300", "64", "adamw", "1e-3", "0.01", "0.9", "0.1");

const SHARED: [ParameterDoc; 12] = joined(NETWORKS, SCHEDULE);

const INDEPENDENT_PARAMETERS: [ParameterDoc; 13] =
    joined([doc("bottleneck", "sigmoid", "what the head reads when it is used: sigmoid, hard")], SHARED);

const SEQUENTIAL_PARAMETERS: [ParameterDoc; 13] =
    joined([doc("bottleneck", "sigmoid", "what the head reads: sigmoid, logit, hard (0 or 1)")], SHARED);

const JOINT_PARAMETERS: [ParameterDoc; 14] = joined(
    [
        doc("lambda", "5", "weight of the concepts' mean cross entropy beside that of the class"),
        doc("bottleneck", "sigmoid", "what the head reads: sigmoid, logit, hard (0 or 1, the sigmoid's gradient)"),
    ],
    SHARED,
);

fn build(parameters: &Parameters, docs: &'static [ParameterDoc], kind: Kind) -> Result<Box<dyn Builder>, ProbeError> {
    let given = Given { parameters, docs };
    let readings = [("sigmoid", Reading::Sigmoid), ("hard", Reading::Hard), ("logit", Reading::Logit)];
    // A head that has learnt from labels of 0 and 1 can make nothing of log odds.
    let allowed = if kind == Kind::Independent { &readings[..2] } else { &readings[..] };
    Ok(Box::new(Cbm {
        kind,
        reading: given.choice("bottleneck", allowed)?,
        lambda: if kind == Kind::Joint { given.not_negative("lambda")? } else { 1.0 },
        hidden: given.widths("hidden")?,
        head_hidden: given.widths("head-hidden")?,
        dropout: given.value("dropout", "it must be in [0, 1)", |d: &f64| (0.0..1.0).contains(d))?,
        balanced: given.yes("pos-weight")?,
        schedule: Schedule::read(&given)?,
        settings: given.settings(),
    }))
}

#[cfg(test)]
mod tests;
