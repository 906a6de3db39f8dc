//! Sparse concept bottlenecks with three losses (Semenov et al. 2024, "Sparse concept bottleneck models: Gumbel tricks
//! in contrastive learning").
//!
//! ψ = scale · cosines of the embedding and the concept vectors; u = W ψ with W [concepts × concepts], no intercept;
//! scores = F u, no intercept. The head F learns from the cross entropy, the layer W from a loss of its own by an
//! optimiser of its own: ℓ1 (λ/L Σ|W|), contrastive, or Gumbel ([`contrast`]). In the paper's formulas the cross entropy
//! reaches the layer for ℓ1 alone, in the released code, which the published accuracies are of, for all three: that is
//! the default, `ce-into-layer=no` the other. (The released snapshot builds the head's optimiser without the head's
//! weights, so that its head stays as it was drawn; ours learns.)
//!
//! No loss but `pairs=nearest` ties a unit to the concept whose name it bears: the fit measures how far it does.
//!
//! What is contrasted with what: the paper pairs the sample φ_k with the row w_k, k its place in the minibatch, which
//! ties concepts to samples at random; `pairs=position` is that. With more concepts than samples the last rows have no
//! partner, with fewer the last samples have none; either is still told apart from by the others. `pairs=nearest`
//! pairs each sample with the row of the concept that is most similar to it.
//!
//! Not offered is the released `gumbel_hard`: it takes the logarithm of a sample that is zero in all entries but one.

mod contrast;
mod fit;
mod fitted;
mod sparsity;
mod task;

use crate::registry::{Entry, Needs};
use crate::train::{Given, Schedule, joined};
use crate::{Builder, ProbeError};
use fit::Sparse;
use fitted::SparseBottleneck;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;
use task::{LayerLoss, Pairing};

pub(crate) const L1: Entry = Entry {
    name: "sparse-l1",
    summary: "similarities to concept vectors, a layer under an L1 penalty, a head (Semenov et al. 2024)",
    parameters: &L1_PARAMETERS,
    needs: Needs::Vectors,
    build: |parameters| {
        let given = Given { parameters, docs: &L1_PARAMETERS };
        build("sparse-l1", &given, LayerLoss::L1(given.not_negative("l1")?))
    },
    restore: |record| Ok(Box::new(SparseBottleneck::read("sparse-l1", record)?)),
};

pub(crate) const CONTRASTIVE: Entry = Entry {
    name: "sparse-contrastive",
    summary: "similarities to concept vectors, a layer under a contrastive loss, a head (Semenov et al. 2024)",
    parameters: &CONTRASTIVE_PARAMETERS,
    needs: Needs::Vectors,
    build: |parameters| {
        let given = Given { parameters, docs: &CONTRASTIVE_PARAMETERS };
        build("sparse-contrastive", &given, LayerLoss::Contrastive(pairing(&given)?))
    },
    restore: |record| Ok(Box::new(SparseBottleneck::read("sparse-contrastive", record)?)),
};

pub(crate) const GUMBEL: Entry = Entry {
    name: "sparse-gumbel",
    summary: "similarities to concept vectors, a layer under a Gumbel-softmax loss, a head (Semenov et al. 2024)",
    parameters: &GUMBEL_PARAMETERS,
    needs: Needs::Vectors,
    build: gumbel,
    restore: |record| Ok(Box::new(SparseBottleneck::read("sparse-gumbel", record)?)),
};

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

const SHARED: [ParameterDoc; 5] = [
    doc("ce-into-layer", "yes", "whether the cross entropy changes the layer too (as in the released code)"),
    doc("scale", "100", "what cosines are multiplied by (CLIP's logit scale)"),
    doc("init", "uniform", "the layer before training: uniform (as released) or identity"),
    doc("concepts", "layer", "what the concepts are: layer (its units) or similarities (layer and head become one)"),
    doc("head-lr", "1e-3", "learning rate of the head (Adam); lr, optimiser and so on are the layer's"),
];

const PAIRS: ParameterDoc = doc(
    "pairs",
    "position",
    "which unit a sample of a minibatch belongs to: position (as published) or nearest concept",
);

const L1_PARAMETERS: [ParameterDoc; 14] = joined::<6, 8, 14>(
    joined([doc("l1", "1e-3", "λ of the penalty λ/L Σ|W|")], SHARED),
    Schedule::docs("10", "32", "adamw", "3e-4", "0.01", "0", "0"),
);

const CONTRASTIVE_PARAMETERS: [ParameterDoc; 14] =
    joined::<6, 8, 14>(joined([PAIRS], SHARED), Schedule::docs("10", "32", "adam", "3e-4", "0", "0", "0"));

const GUMBEL_PARAMETERS: [ParameterDoc; 16] = joined::<8, 8, 16>(
    joined(
        [
            doc("gumbel", "paper", "paper (pairs under Gumbel noise) or released (mean over all entries: flattens)"),
            doc("tau", "1", "temperature of the Gumbel softmax"),
            PAIRS,
        ],
        SHARED,
    ),
    Schedule::docs("10", "32", "sgd", "1e-3", "0", "0", "0"),
);

fn pairing(given: &Given<'_>) -> Result<Pairing, ProbeError> {
    given.choice("pairs", &[("position", Pairing::Position), ("nearest", Pairing::Nearest)])
}

fn gumbel(parameters: &Parameters) -> Result<Box<dyn Builder>, ProbeError> {
    let given = Given { parameters, docs: &GUMBEL_PARAMETERS };
    let tau = given.positive("tau")? as f32;
    let pairing = pairing(&given)?;
    let forms = [("paper", LayerLoss::Gumbel(pairing, tau)), ("released", LayerLoss::Released(tau))];
    build("sparse-gumbel", &given, given.choice("gumbel", &forms)?)
}

fn build(name: &'static str, given: &Given<'_>, loss: LayerLoss) -> Result<Box<dyn Builder>, ProbeError> {
    Ok(Box::new(Sparse {
        name,
        loss,
        scale: given.positive("scale")?,
        into_layer: given.yes("ce-into-layer")?,
        identity: given.choice("init", &[("uniform", false), ("identity", true)])?,
        merged: given.choice("concepts", &[("layer", false), ("similarities", true)])?,
        head_rate: given.positive("head-lr")?,
        schedule: Schedule::read(given)?,
        settings: given.settings(),
    }))
}

#[cfg(test)]
mod tests;
