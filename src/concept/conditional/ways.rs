//! The ways to know the probabilities that a bottleneck and its data allow.

use super::ConditionalSpec;
use crate::concept::data::Part;
use crate::concept::{Model, Subject};
use anyhow::{Context, Result, ensure};
use narrows_probes::conditional::{Calibration, ClassLaw, Conditionals, Exact, Sampled, Tally, Truth};
use narrows_probes::{Names, Scale, best_class};
use ndarray::Array2;

/// Effective draws of a class below which a warning is due.
pub(super) const FEW_DRAWS: f64 = 100.0;

/// All ways, the model's own first, and the references last.
pub(super) struct Ways<'a> {
    pub(super) all: Vec<Box<dyn Conditionals + 'a>>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Ways<'a> {
    pub(super) fn new(
        spec: &ConditionalSpec,
        model: &Model,
        subject: &Subject,
        part: &Part,
        law: Option<&'a ClassLaw<'a>>,
    ) -> Result<Self> {
        let (predicted_concepts, mut warnings) = present(model, subject, part)?;
        let alone = model.bottleneck.concepts_alone(part.embeddings.view())?;
        let present = alone.as_ref().unwrap_or(&predicted_concepts);
        let (concepts, classes) = (part.names.concepts.len(), part.names.classes.len());
        let mut all: Vec<Box<dyn Conditionals + 'a>> = vec![];
        match law {
            Some(law) if concepts <= spec.exact_limit => {
                all.push(Box::new(Exact::new(present.view(), classes, law, spec.top)?));
            }
            Some(law) => {
                let sampled = Sampled::new(present.view(), classes, law, spec.draws, spec.seed)?;
                let few: Vec<&str> = (0..classes)
                    .filter(|&y| sampled.effective_draws(y) < FEW_DRAWS)
                    .map(|y| part.names.classes[y].as_str())
                    .collect();
                if !few.is_empty() {
                    warnings.push(format!(
                        "{}: fewer than {FEW_DRAWS} of {} draws count for the class(es) {}: more by --draws.",
                        model.probe,
                        sampled.draws(),
                        few.join(", ")
                    ));
                }
                all.push(Box::new(sampled));
            }
            None => warnings.push(format!(
                "{} lets something pass beside the concepts: it has no p(y | c), and only its predictions are counted.",
                model.probe
            )),
        }
        let predicted = best_class(model.bottleneck.predict(part.embeddings.view())?.view());
        let counted = Tally::new("counted", predicted_concepts.view(), &predicted, classes)?;
        let said = |classes: Vec<usize>| -> String {
            classes.iter().map(|&y| part.names.classes[y].as_str()).collect::<Vec<_>>().join(", ")
        };
        if !counted.absent_classes().is_empty() {
            let never = said(counted.absent_classes());
            warnings.push(format!("{} predicts the class(es) {never} for no sample: nothing to count.", model.probe));
        }
        all.push(Box::new(counted));
        match &part.concepts {
            None => warnings.push(format!(
                "The data have no labels of the concepts of {}: nothing to compare with (give --concepts FILE).",
                model.probe
            )),
            Some(truth) => {
                let data = Tally::new("data", truth.view(), &part.labels, classes)?;
                if !data.absent_classes().is_empty() {
                    let never = said(data.absent_classes());
                    warnings.push(format!("No sample is of the class(es) {never}: the data say nothing of them."));
                }
                all.push(Box::new(data));
            }
        }
        if let Some(joint) = subject.joint.as_ref().and_then(|joint| table(joint, subject, &part.names)) {
            all.push(Box::new(Truth::new(joint.view(), part.labels.len(), spec.top)?));
        }
        Ok(Self { all, warnings })
    }

    /// Which ways are held against which, by their numbers: everything against data and truth.
    pub(super) fn compared(&self) -> Vec<(usize, usize)> {
        let references: Vec<usize> =
            (0..self.all.len()).filter(|&w| ["data", "truth"].contains(&self.all[w].method())).collect();
        references.iter().flat_map(|&r| (0..r).map(move |w| (w, r))).collect()
    }
}

/// Predicted p(c_k | x) [samples × concepts], with a word on where they come from if they are not the bottleneck's own.
///
/// # Errors
/// When the bottleneck has no concepts, or margins and nothing to calibrate them by.
pub(super) fn present(model: &Model, subject: &Subject, part: &Part) -> Result<(Array2<f64>, Vec<String>)> {
    let bottleneck = model.bottleneck.as_ref();
    ensure!(
        bottleneck.scale() != Scale::Feature,
        "{} has features and no concepts: there are no probabilities of concepts",
        model.probe
    );
    let concepts = bottleneck.concepts(part.embeddings.view())?;
    if let Some(found) = bottleneck.concept_probabilities(concepts.view()) {
        return Ok((found, vec![]));
    }
    let needed = || {
        format!(
            "the concepts of {} are no probabilities, and become such by Platt's scaling on training samples with concept \
             labels: give data with --concepts and --train-share",
            model.probe
        )
    };
    ensure!(!subject.train.is_empty(), needed());
    let training = subject.for_bottleneck(&subject.train, bottleneck)?;
    let truth = training.concepts.as_ref().with_context(needed)?;
    let values = bottleneck.concepts(training.embeddings.view())?;
    let curves = Calibration::fit(values.view(), truth.view()).with_context(needed)?;
    let note = format!(
        "The concepts of {} are no probabilities: they were made such by Platt's scaling on {} training samples.",
        model.probe,
        training.labels.len()
    );
    Ok((curves.probabilities(concepts.view())?, vec![note]))
}

/// The law of the data by a bottleneck's own concepts and classes; `None` where the data lack one of them.
fn table(joint: &Array2<f64>, subject: &Subject, names: &Names) -> Option<Array2<f64>> {
    let own = subject.data.names();
    let concepts: Vec<usize> =
        names.concepts.iter().map(|c| own.concepts.iter().position(|k| k == c)).collect::<Option<_>>()?;
    let classes: Vec<usize> =
        own.classes.iter().map(|c| names.classes.iter().position(|k| k == c)).collect::<Option<_>>()?;
    let mut table = Array2::zeros((1 << concepts.len(), names.classes.len()));
    for (number, row) in joint.outer_iter().enumerate() {
        let pattern: usize = concepts.iter().enumerate().map(|(j, &c)| (number >> c & 1) << j).sum();
        for (&p, &y) in row.iter().zip(&classes) {
            table[[pattern, y]] += p;
        }
    }
    Some(table)
}
