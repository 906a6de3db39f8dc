//! One sample: what is believed of its concepts and class before and after some of them are told.

use super::data::{Part, few};
use super::{Model, Subject};
use crate::table::ConceptPropagationRow;
use anyhow::{Context, Result, ensure};
use narrows_probes::interventions::{Correction, presence};
use narrows_probes::{Bottleneck, Known};
use ndarray::{Array2, ArrayView2};
use std::collections::BTreeMap;

/// A move that is worth a word.
const NOTED: f64 = 0.1;

/// What somebody says of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Concepts, by the bottleneck's numbers, and whether they are present.
    pub concepts: BTreeMap<usize, bool>,
    /// The class, by the bottleneck's numbers.
    pub class: Option<u32>,
}

/// Probabilities of one sample.
struct Belief {
    concepts: Vec<f64>,
    classes: Vec<f64>,
}

/// One row a concept and one a class of the sample in this row of the data.
///
/// A class can be told to a joint model of concepts and class alone; its probabilities are then p(c | x, y), before and
/// after by the same inference. Without a class, concepts follow as [`Bottleneck::propagation`] has it, and stay where
/// they are where there is none.
///
/// # Errors
/// When nothing is told, the bottleneck has nothing to correct or, for a class, is no joint model.
pub fn propagated(model: &Model, subject: &Subject, row: usize, told: &Told) -> Result<Vec<ConceptPropagationRow>> {
    let bottleneck = model.bottleneck.as_ref();
    let corrections = bottleneck
        .corrections()
        .with_context(|| format!("{} has features and no concepts: there is nothing to tell it", model.probe))?;
    ensure!(told.class.is_some() || !told.concepts.is_empty(), "nothing is told of the sample");
    let part = subject.for_bottleneck(&[row], bottleneck)?;
    let names = &part.names.concepts;
    let mask = Array2::from_shape_fn((1, names.len()), |(_, j)| told.concepts.contains_key(&j));
    let [before, after] = if told.class.is_some() {
        by_joint(model, &part, told, &mask)?
    } else {
        let predicted = bottleneck.concepts(part.embeddings.view())?;
        let mut corrected = predicted.clone();
        for (&concept, &present) in &told.concepts {
            corrected[[0, concept]] = corrections[[concept, usize::from(present)]];
        }
        let after = match bottleneck.propagation() {
            Some(propagation) => propagation.propagate(Correction {
                predicted: predicted.view(),
                corrected: corrected.view(),
                mask: &mask,
                embeddings: part.embeddings.view(),
            })?,
            None => corrected,
        };
        [belief(bottleneck, &part, predicted.view())?, belief(bottleneck, &part, after.view())?]
    };
    let make = |kind: &str, name: &str, values: (f64, f64)| ConceptPropagationRow {
        probe: model.probe.clone(),
        sample: row as u64 + 1,
        kind: kind.into(),
        name: name.into(),
        before: values.0,
        after: values.1,
        ..ConceptPropagationRow::default()
    };
    let number = |yes: bool| f64::from(u8::from(yes));
    let concepts = names.iter().enumerate().map(|(j, name)| ConceptPropagationRow {
        group: group(subject, name),
        truth: part.concepts.as_ref().map(|c| c[[0, j]]).filter(|t| !t.is_nan()),
        told: told.concepts.get(&j).map(|&present| number(present)),
        ..make("concept", name, (before.concepts[j], after.concepts[j]))
    });
    let classes = part.names.classes.iter().enumerate().map(|(k, name)| ConceptPropagationRow {
        truth: Some(number(part.labels[0] as usize == k)),
        told: told.class.map(|class| number(class as usize == k)),
        ..make("class", name, (before.classes[k], after.classes[k]))
    });
    Ok(concepts.chain(classes).collect())
}

fn belief(bottleneck: &dyn Bottleneck, part: &Part, concepts: ArrayView2<'_, f64>) -> Result<Belief> {
    let scores = bottleneck.scores(concepts, part.embeddings.view())?;
    let presence = presence(bottleneck, concepts).context("it has no concepts")?;
    Ok(Belief {
        concepts: presence.row(0).to_vec(),
        classes: bottleneck.class_probabilities(scores.view()).row(0).to_vec(),
    })
}

/// Before and after by the joint model's own inference.
fn by_joint(model: &Model, part: &Part, told: &Told, mask: &Array2<bool>) -> Result<[Belief; 2]> {
    let joint = model.bottleneck.joint().with_context(|| {
        format!(
            "{} is no joint model of concepts and class: it has no p(concepts | class) for --set-class to ask for",
            model.probe
        )
    })?;
    let present = Array2::from_shape_fn(mask.dim(), |(_, j)| {
        f64::from(u8::from(told.concepts.get(&j).copied().unwrap_or(false)))
    });
    let classes = [told.class];
    let known =
        Known { concepts: (!told.concepts.is_empty()).then_some((present.view(), mask)), classes: Some(&classes) };
    let infer = |known: Known<'_>| -> Result<Belief> {
        let found = joint.infer(part.embeddings.view(), known)?;
        Ok(Belief { concepts: found.concepts.row(0).to_vec(), classes: found.classes.row(0).to_vec() })
    };
    Ok([infer(Known::default())?, infer(known)?])
}

/// The name of a concept's group, where it has company there.
fn group(subject: &Subject, concept: &str) -> String {
    let own = &subject.data.names().concepts;
    let found = subject.groups.iter().find(|g| g.members.len() > 1 && g.members.iter().any(|&m| own[m] == concept));
    found.map_or(String::new(), |g| g.name.clone())
}

/// The sentences on the sample in one bottleneck; `follows` says whether other concepts can move at all.
pub fn followed(rows: &[ConceptPropagationRow], follows: bool) -> Vec<String> {
    let Some(first) = rows.first() else { return vec![] };
    let side = |truth: f64| if truth >= 0.5 { "present" } else { "absent" };
    let (concepts, classes): (Vec<_>, Vec<_>) = rows.iter().partition(|r| r.kind == "concept");
    let (told, mut others): (Vec<_>, Vec<_>) = concepts.into_iter().partition(|r| r.told.is_some());
    let mut said: Vec<String> = told.iter().map(|r| format!("{} is {}", r.name, side(r.told.unwrap_or(0.0)))).collect();
    said.extend(classes.iter().find(|r| r.told == Some(1.0)).map(|r| format!("the class is {}", r.name)));
    let head = format!("{}, sample {}, told that {}:", first.probe, first.sample, few(&said));
    let mut sentences = vec![];
    if follows {
        let size = |r: &&ConceptPropagationRow| (r.after - r.before).abs();
        others.sort_by(|a, b| size(b).total_cmp(&size(a)));
        let moved = others.iter().filter(|r| size(r) >= NOTED).count();
        let crossed: Vec<_> = others.iter().filter(|r| (r.before > 0.5) != (r.after > 0.5)).collect();
        let right = crossed.iter().filter(|r| r.truth.is_some_and(|t| (t >= 0.5) == (r.after > 0.5))).count();
        let wrong = crossed.iter().filter(|r| r.truth.is_some_and(|t| (t >= 0.5) != (r.after > 0.5))).count();
        let most: Vec<String> = others
            .iter()
            .take(3)
            .map(|r| {
                let truth = r.truth.map_or(String::new(), |t| format!(" (it is {})", side(t)));
                format!("{} {:.2} → {:.2}{truth}", r.name, r.before, r.after)
            })
            .collect();
        sentences.push(format!(
            "{head} of {} other concepts {moved} move by {NOTED} or more and {} cross one half, {right} to the side of their \
             label and {wrong} away from it; most: {}.",
            others.len(),
            crossed.len(),
            most.join(", ")
        ));
    } else {
        sentences.push(format!("{head} none of {} other concepts moves, by construction.", others.len()));
    }
    // Of equal ones the first, as everywhere.
    let best = |of: fn(&ConceptPropagationRow) -> f64| classes.iter().rev().max_by(|a, b| of(a).total_cmp(&of(b)));
    let label = classes.iter().find(|r| r.truth == Some(1.0)).map_or("", |r| r.name.as_str());
    if let (Some(before), Some(after)) = (best(|r| r.before), best(|r| r.after)) {
        let moves = if before.name == after.name {
            format!("{} {:.2} → {:.2}", before.name, before.before, before.after)
        } else {
            format!("from {} ({:.2}) to {} ({:.2})", before.name, before.before, after.name, after.after)
        };
        sentences.push(format!("{}: the likeliest class is {moves} (label: {label}).", first.probe));
    }
    sentences
}

#[cfg(test)]
#[path = "propagate_tests.rs"]
mod tests;
