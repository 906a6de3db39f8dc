//! The concept embedding model (Espinosa Zarlenga et al. 2022, "Concept embedding models: beyond the
//! accuracy–explainability trade-off", section 3).
//!
//! For each concept k the embedding e yields two vectors of width m, c⁺ and c⁻ = LeakyReLU(W e + b). One scorer, shared
//! by all concepts, gives p_k = σ(s·[c⁺, c⁻] + s₀); the head reads p_k c⁺ + (1 − p_k) c⁻ of all concepts. Trained by
//! the cross entropy of the class plus λ times the mean binary cross entropy of the p_k. RandInt: in a training step
//! each p_k is replaced by its label with probability ¼ where the vectors are mixed, so that the head learns what a
//! correction does. It is drawn for each sample and concept, as the paper has it; the released code draws once a
//! minibatch and corrects the same concepts in all of its samples. The released code's class weights scale positive and
//! negative labels alike; `pos-weight` scales the positive ones.
//!
//! The vectors carry more than the probabilities: this is a bottleneck with a way around it, and says so
//! ([`crate::Bottleneck::bypasses`]).

mod fit;
mod fitted;
mod task;

use crate::registry::{Entry, Needs};
use crate::train::{Given, Schedule, joined};
use fit::Cem;
use fitted::ConceptEmbedding;
use narrows_estimators::registry::ParameterDoc;

const NAME: &str = "cem";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "concept embedding model: two vectors a concept, mixed by its probability (Espinosa Zarlenga et al. 2022)",
    parameters: &PARAMETERS,
    needs: Needs::Labels,
    build: |parameters| {
        let given = Given { parameters, docs: &PARAMETERS };
        let share = |v: &f64| (0.0..=1.0).contains(v);
        Ok(Box::new(Cem {
            width: given.count("width")?,
            lambda: given.not_negative("lambda")?,
            random_interventions: given.value("randint", "it must be in [0, 1]", share)? as f32,
            hidden: given.widths("hidden")?,
            head_hidden: given.widths("head-hidden")?,
            balanced: given.yes("pos-weight")?,
            schedule: Schedule::read(&given)?,
            settings: given.settings(),
        }))
    },
    restore: |record| Ok(Box::new(ConceptEmbedding::read(record)?)),
};

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

const OWN: [ParameterDoc; 6] = [
    doc("width", "16", "numbers in each of a concept's two vectors"),
    doc("lambda", "5", "weight of the concepts' mean cross entropy beside that of the class"),
    doc("randint", "0.25", "probability that a training step mixes by a concept's label, for each sample and concept"),
    doc("hidden", "none", "units of hidden layers before the vectors: none, 128, 256x128"),
    doc("head-hidden", "none", "units of the head's hidden layers; none: a linear head on the vectors"),
    doc("pos-weight", "no", "yes: a concept's positive labels weigh (negatives / positives) times its negative ones"),
];

const PARAMETERS: [ParameterDoc; 14] = joined(OWN, Schedule::docs("300", "128", "adamw", "1e-3", "0.01", "0.9", "0.1"));

#[cfg(test)]
mod tests;
