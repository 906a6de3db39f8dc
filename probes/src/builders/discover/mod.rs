//! `discover`: discover-then-name (Rao et al. 2024), a bottleneck of features that a dictionary finds without labels.
//!
//! A sparse autoencoder is trained on the embeddings alone; its features are the concepts, named afterwards by the nearest
//! vector where there are any ([`naming`](narrows_dictionaries::naming)), and a sparse linear probe on their activations predicts
//! the classes. The dictionary knows nothing of the task: [`Discover::of_dictionary`] fits a head to one that is there, so
//! that several tasks share it.
//!
//! As in the authors' program the probe sees the activations as they are, and the absolute penalty is on the weights
//! (they minimise by Adam with λ times the *mean* of |W| and without an intercept; here the minimum is reached, weights
//! that are zero are zero, and there is an intercept). `penalty` is a share of the smallest λ that leaves no weight, and so
//! does not depend on the units. By default the dictionary is a TopK one instead of the paper's ReLU with an L1 penalty
//! (`variant=l1`).
//!
//! Features that share a name are told apart: the nearest bears the name alone, the others with their number. Features
//! without names are features: their scale is [`Scale::Feature`](crate::Scale), and nothing can be corrected.

mod fitted;
mod head;
mod measures;
mod plan;
#[cfg(test)]
mod tests;

use crate::registry::{Entry, Needs};
use crate::train::{Given, joined, single};
use crate::{Builder, ConceptData, Fitted, Names, Observer, ProbeError};
use fitted::Discovered;
use narrows_dictionaries::naming::{FEWEST_WORDS, Name, Naming};
use narrows_dictionaries::{Dictionary, DictionaryError};
use narrows_estimators::registry::ParameterDoc;
use plan::{TRAINING, TrainingPlan};
use serde_json::json;
use std::collections::BTreeSet;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "features of a dictionary learned without labels, named afterwards, with a sparse probe (Rao et al. 2024)",
    parameters: &PARAMETERS,
    needs: Needs::Nothing,
    build: |parameters| {
        let given = Given { parameters, docs: &PARAMETERS };
        let rule = "it must be above 0 and at most 1, where no weight is left";
        Ok(Box::new(Discover {
            source: Source::Training(TrainingPlan::read(&given)?),
            penalty: given.value("penalty", rule, |p: &f64| *p > 0.0 && *p <= 1.0)?,
            standardise: given.yes("standardise")?,
            settings: given.settings(),
        }))
    },
    restore: fitted::restore,
};

const NAME: &str = "discover";

const HEAD: [ParameterDoc; 2] = [
    ParameterDoc {
        name: "penalty",
        default: PENALTY,
        meaning: "of the probe: share of the smallest absolute penalty that leaves no weight",
    },
    ParameterDoc {
        name: "standardise",
        default: "no",
        meaning: "yes: the penalty sees each feature in units of its root mean square",
    },
];

const PENALTY: &str = "0.002";

const PARAMETERS: [ParameterDoc; 10] = joined(TRAINING, HEAD);

/// Where the dictionary comes from.
#[derive(Debug, Clone)]
enum Source {
    Training(TrainingPlan),
    Given(Box<Dictionary>),
}

/// A bottleneck of discovered features to be fitted.
#[derive(Debug, Clone)]
pub struct Discover {
    source: Source,
    penalty: f64,
    standardise: bool,
    settings: serde_json::Value,
}

impl Discover {
    /// On a dictionary that is already trained, for embeddings of its width: only names and head are fitted. `penalty` is
    /// the share, in (0, 1], of the smallest absolute penalty that leaves no weight.
    ///
    /// # Errors
    /// When the dictionary's shapes do not fit each other, or the penalty is outside its range.
    pub fn of_dictionary(dictionary: Dictionary, penalty: f64) -> Result<Self, ProbeError> {
        if !(penalty > 0.0 && penalty <= 1.0) {
            let rule = "it must be above 0 and at most 1, where no weight is left";
            return Err(ProbeError::BadParameter { name: "penalty", value: penalty, rule });
        }
        dictionary.check().map_err(told)?;
        let settings = json!({ "dictionary": "given", "features": dictionary.width(), "penalty": penalty });
        Ok(Self { source: Source::Given(Box::new(dictionary)), penalty, standardise: false, settings })
    }
}

impl Builder for Discover {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let embeddings = single(data.embeddings());
        let dictionary = match &self.source {
            Source::Training(plan) => plan.train(embeddings.view(), seed, observer)?,
            Source::Given(dictionary) => (**dictionary).clone(),
        };
        let codes = dictionary.encode(embeddings.view()).map_err(told)?;
        let fit = head::fit(&codes, data.labels(), data.n_classes(), (self.penalty, self.standardise))?;
        let mut warnings = vec![];
        let words = match data.vectors() {
            Some(vectors) if vectors.nrows() < FEWEST_WORDS => {
                warnings.push(format!(
                    "{NAME}: {} concept vectors are too few to name features by (at least {FEWEST_WORDS} are needed): they \
                     are numbered",
                    vectors.nrows()
                ));
                None
            }
            Some(vectors) => {
                Some(Naming::default().names(dictionary.decoder.view(), single(vectors).view()).map_err(told)?)
            }
            None => None,
        };
        let concepts = match &words {
            Some(words) => distinct(words, &data.names().concepts),
            None => (1..=dictionary.width()).map(numbered).collect(),
        };
        let fitted = Discovered {
            names: Names { concepts, classes: data.names().classes.clone() },
            named: words.is_some(),
            corrections: fitted::corrections(&codes),
            dictionary,
            head: fit.head.clone(),
        };
        let measures = measures::measures(&fitted, &fit, embeddings.view(), &codes, words.as_deref())?;
        if !fit.converged {
            warnings.push(format!(
                "{NAME}: the probe was left with a duality gap of {:.1e} after {} steps; a larger penalty converges faster",
                fit.gap, fit.steps
            ));
        }
        if fit.head.weights.iter().all(|&w| w == 0.0) {
            warnings.push(format!("{NAME}: the penalty leaves no weight: every prediction is the most frequent class"));
        }
        Ok(Fitted { bottleneck: Box::new(fitted), measures, warnings })
    }
}

/// What a feature without a name is called; counted from 1.
fn numbered(feature: usize) -> String {
    format!("feature {feature}")
}

/// Names that differ: of the features with one word the nearest bears it alone, the others with their number.
fn distinct(names: &[Option<Name>], words: &[String]) -> Vec<String> {
    let mut nearest: Vec<Option<(usize, f32)>> = vec![None; words.len()];
    for (feature, name) in names.iter().enumerate().filter_map(|(f, n)| Some((f, n.as_ref()?))) {
        let best = &mut nearest[name.word];
        if best.is_none_or(|(_, score)| name.score > score) {
            *best = Some((feature, name.score));
        }
    }
    // A word that looks like a number of a feature must not become another's name.
    let taken: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    let call = |(feature, name): (usize, &Option<Name>)| {
        let mut called = match name {
            Some(name) if nearest[name.word].is_some_and(|(best, _)| best == feature) => {
                return words[name.word].clone();
            }
            Some(name) => format!("{} ({})", words[name.word], numbered(feature + 1)),
            None => numbered(feature + 1),
        };
        while taken.contains(called.as_str()) {
            called.push('\'');
        }
        called
    };
    names.iter().enumerate().map(call).collect()
}

/// What the dictionary refuses, as this crate says it.
fn told(error: DictionaryError) -> ProbeError {
    ProbeError::Data(format!("{NAME}: {error}"))
}
