//! The energy-based concept bottleneck (Xu, Qin, Mi, Wang & Li 2024, "Energy-based concept bottleneck models:
//! unifying prediction, concept intervention, and probabilistic interpretations").
//!
//! Three networks give energies, low where things go together: E_class(x, y) of embedding and class, E_concept_k(x, c_k)
//! of embedding and each concept, E_global(c, y) of all concepts and class. Each is a·ReLU(s + s ∘ e), with s a linear
//! map of the embedding, or of the concatenated embeddings of the concepts' values, and e the embedding of a class or of
//! a concept's value, at length one. Index 0 is an absent concept and 1 a present one everywhere. (The released code
//! turns them round between E_concept and E_global: what is "present" for one network is "absent" for the other.)
//!
//! What makes this fast:
//! - No |e_h| is above one, so ReLU(s + s ∘ e) = ReLU(s) ∘ (1 + e): the energies of all classes are one product,
//!   (a ∘ ReLU(s)) · (1 + Ū)ᵀ, and the log odds of a concept are linear in ReLU(s).
//! - p(c) = W_p [v_1^{c_1}, …] is affine in the concepts, p₀ + Σ c_k D_k with D_k = W_p,k (v_k¹ − v_k⁰): a batch costs one
//!   product, a flip adds or takes away D_k, and a soft concept mixes.
//! - The read-outs' intercepts cancel in every softmax: they never learn, and are left out.
//!
//! Trained by 3 NLL(y | x) + Σ_k NLL(c_k | x) + NLL of the global term, in which a share of the samples of a batch has a
//! share of its concepts flipped, drawn for each sample (the released code flips the same concepts in all of them). A
//! missing label has no loss; in E_global the concept's mean stands for it.
//!
//! What the global term is normalised over is `partition`. The paper's joint energy sums over concepts and classes,
//! which no one can for many concepts; the released code, over classes alone. `class` does that: E_global is then known
//! up to a function of c, and may stand in a joint energy only after −ln softmax_y (see `global`); but Σ_y p(y | c) = 1
//! says nothing about concepts, which then go together only by way of what E_class knows of the class. `joint` realises
//! the paper's sum as a pseudo-likelihood (Besag 1975, "Statistical analysis of non-lattice data"),
//! −ln p(y | c) − Σ_k ln p(c_k | c_−k, y), each conditional exact by a flip of D_k (see `rest`).
//!
//! Inference is of p(c, y | x) ∝ exp(−w_c Σ E_concept − w_y E_class − w_g G): exact by enumeration (`exact`),
//! mean field (`mean_field`), sampling (`gibbs`), or the paper's descent (`descent`). A correction fixes concepts, and the others become
//! their marginals given it (proposition 3.1).

mod choices;
mod descent;
mod exact;
mod fit;
mod fitted;
mod gate;
mod gibbs;
mod global;
mod infer;
mod mean_field;
mod networks;
mod parts;
mod relaxed;
mod rest;
mod sample;
mod task;
mod weight;

use crate::ProbeError;
use crate::registry::{Entry, Needs};
use crate::train::{Given, Schedule, joined};
use choices::{Chain, Choices, Descent, Evidential, Inference, Partition, Weighing};
use fit::EnergyBuilder;
use fitted::Energy;
use narrows_estimators::registry::ParameterDoc;

const NAME: &str = "energy";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "energies of class, concepts and both; corrections reach other concepts (Xu et al. 2024)",
    parameters: &PARAMETERS,
    needs: Needs::Labels,
    build: |parameters| {
        let given = Given { parameters, docs: &PARAMETERS };
        let share = |key: &str| given.value(key, "it must be in [0, 1]", |v: &f64| (0.0..=1.0).contains(v));
        let global = number_or(&given, "global-weight", "auto")?;
        let corrected = number_or(&given, "correction-weight", "same")?;
        let weight = global.unwrap_or(UNTIL_CHOSEN);
        Ok(Box::new(EnergyBuilder {
            width: given.count("width")?,
            terms: [
                given.not_negative("class-loss")? as f32,
                given.not_negative("concept-loss")? as f32,
                given.not_negative("global-loss")? as f32,
            ],
            perturbed: [share("perturbed-samples")? as f32, share("perturbed-concepts")? as f32],
            dropout: given.value("dropout", "it must be in [0, 1)", |v: &f64| (0.0..1.0).contains(v))? as f32,
            choices: Choices {
                partition: given.choice("partition", &[("joint", Partition::Joint), ("class", Partition::Class)])?,
                inference: given.choice("inference", &METHODS)?,
                weights: Weighing {
                    concept: given.not_negative("concept-weight")?,
                    class: given.not_negative("class-weight")?,
                    global: weight,
                },
                correction: given
                    .choice("correction", &[("joint", Evidential::Joint), ("global", Evidential::Global)])?,
                correction_weight: corrected.unwrap_or(weight),
                descent: Descent {
                    rate: given.positive("inference-lr")?,
                    steps: given.count("inference-steps")?,
                    patience: given.count("inference-patience")?,
                    delta: given.not_negative("inference-delta")?,
                    restarts: given.count("restarts")?,
                    seed: 0,
                },
                chain: Chain { sweeps: given.count("sweeps")?, seed: 0 },
            },
            chosen_weight: global.is_none(),
            same_weight: corrected.is_none(),
            schedule: Schedule::read(&given)?,
            settings: given.settings(),
        }))
    },
    restore: |record| Ok(Box::new(Energy::read(record)?)),
};

/// w_g of the snapshots of a training after which it is chosen.
const UNTIL_CHOSEN: f64 = 0.3;

const METHODS: [(&str, Inference); 6] = [
    ("auto", Inference::Auto),
    ("exact", Inference::Exact),
    ("mean-field", Inference::MeanField),
    ("sampling", Inference::Sampling),
    ("gradient", Inference::Gradient),
    ("feed-forward", Inference::FeedForward),
];

/// A number of at least zero, or `None` for this word.
fn number_or(given: &Given<'_>, key: &str, word: &str) -> Result<Option<f64>, ProbeError> {
    if given.text(key) == word {
        return Ok(None);
    }
    let rule = format!("it must be {word} or a number of at least 0");
    given.value(key, &rule, |v: &f64| *v >= 0.0 && v.is_finite()).map(Some)
}

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

const OWN: [ParameterDoc; 18] = [
    doc("width", "128", "numbers in an embedding and units of each energy"),
    doc("partition", "joint", "what the global energy is normalised over: joint (concepts and class), class"),
    doc("class-loss", "3", "weight of the class energy's loss"),
    doc("concept-loss", "1", "weight of the concept energies' loss, summed over concepts"),
    doc("global-loss", "1", "weight of the global energy's loss"),
    doc("perturbed-samples", "0.2", "share of a batch's samples whose concepts are perturbed for the global energy"),
    doc("perturbed-concepts", "0.2", "share of their concepts that is flipped"),
    doc("dropout", "0.2", "share of the units of class and concept energies dropped in a training step"),
    doc(
        "inference",
        "auto",
        "auto (exact up to 16 concepts, else mean-field), exact, mean-field, sampling, gradient, feed-forward",
    ),
    doc("concept-weight", "1", "weight of the concept energies in inference"),
    doc("class-weight", "1", "weight of the class energy in inference"),
    doc("global-weight", "auto", "weight of the global energy in inference (paper: 0.01); auto: by validation rows"),
    doc("correction", "joint", "what corrections are weighed against: joint (all energies), global (that one alone)"),
    doc("correction-weight", "same", "weight of the global energy where concepts are known (paper: 3)"),
    doc("inference-lr", "0.1", "Adam's learning rate in gradient inference"),
    doc("inference-steps", "300", "most steps of gradient inference"),
    doc("inference-patience", "10", "steps without a gain after which a sample's gradient inference stops"),
    doc("inference-delta", "0.1", "nats that count as a gain there (released code: 1, of a batch)"),
];

const LAST: [ParameterDoc; 2] = [
    doc("restarts", "1", "starts of gradient inference: zero, then random logits"),
    doc("sweeps", "120", "sweeps of inference by sampling, of which the first fifth is not counted"),
];

const PARAMETERS: [ParameterDoc; 28] = joined(OWN, SCHEDULE);

const SCHEDULE: [ParameterDoc; 10] = joined(LAST, Schedule::docs("300", "64", "adamw", "3e-3", "0.01", "0.9", "0.1"));

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
