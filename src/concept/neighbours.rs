//! Over many samples: what the correction of one concept, or one group, does to those that go with it.

use super::data::{Part, few};
use super::intervene::{units, warnings};
use super::{Model, Subject};
use crate::table::ConceptNeighbourRow;
use anyhow::{Context, Result, ensure};
use narrows_probes::interventions::{Corrected, Effect, Interventions, Relation, Target, Units, phi, relations};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Samples below which an interval is not to be relied on.
const FEW: u64 = 30;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighbourSpec {
    /// Whether whole groups are corrected at once.
    pub grouped: bool,
    /// Least |φ| between the training labels of a concept and of its neighbours.
    pub phi: f64,
}

/// Tables of a measurement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Neighboured {
    /// Rows of single concepts or groups.
    pub rows: Vec<ConceptNeighbourRow>,
    /// Pooled.
    pub summary: Vec<ConceptNeighbourRow>,
    /// What came out, in sentences.
    pub findings: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl NeighbourSpec {
    /// Tells what hinders [`NeighbourSpec::run`], by a look at a few samples.
    ///
    /// # Errors
    /// As [`NeighbourSpec::run`].
    pub fn check(&self, model: &Model, subject: &Subject, rows: &[usize]) -> Result<()> {
        self.run(model, subject, &rows[..rows.len().min(2)], &|_| ()).map(|_| ())
    }

    /// Corrects each concept, or group, of these samples in turn; `advance` is called with each number of samples that
    /// is done.
    ///
    /// # Errors
    /// When the samples have no concept labels, or the bottleneck nothing to correct.
    pub fn run(
        &self,
        model: &Model,
        subject: &Subject,
        rows: &[usize],
        advance: &(dyn Fn(usize) + Sync),
    ) -> Result<Neighboured> {
        let bottleneck = model.bottleneck.as_ref();
        ensure!(
            bottleneck.corrections().is_some(),
            "{} has features and no concepts: there is nothing to correct",
            model.probe
        );
        let part = &subject.for_bottleneck(rows, bottleneck)?;
        let truth = part.concepts.as_ref().with_context(|| {
            "what corrections do needs the true concepts of the samples: give --concepts FILE, with names that the model \
             knows"
        })?;
        let mut found = Neighboured { warnings: warnings(model, part), ..Neighboured::default() };
        let units = units(&part.names, subject, self.grouped)?;
        let relations = self.relations(model, subject, part, &units, &mut found.warnings)?;
        let (e, names) = (part.embeddings.view(), units.names().to_vec());
        let mut run = Interventions::new(bottleneck, e, &part.labels, truth.view(), units)?;
        if let Some(propagation) = bottleneck.propagation() {
            run = run.with_propagation(propagation)?;
        }
        for effect in run.effects(&relations, advance)? {
            let row = self.row(&model.probe, &names, &effect);
            if effect.unit.is_some() { found.rows.push(row) } else { found.summary.push(row) }
        }
        found.findings = neighboured(&found.summary, self, bottleneck.propagation().is_some());
        found.warnings.extend(unsure(&found.summary));
        Ok(found)
    }

    fn relations(
        &self,
        model: &Model,
        subject: &Subject,
        part: &Part,
        units: &Units,
        warnings: &mut Vec<String>,
    ) -> Result<Array2<Relation>> {
        let train = subject.for_bottleneck(&subject.train, model.bottleneck.as_ref())?;
        let association = match (train.concepts.filter(|c| c.nrows() > 1), &part.concepts) {
            (Some(labels), _) => phi(labels.view()),
            (None, Some(labels)) => {
                warnings.push(format!(
                    "{}: these data have no training samples: which concepts go together is read from the labels of the \
                     samples that are corrected",
                    model.probe
                ));
                phi(labels.view())
            }
            (None, None) => phi(Array2::zeros((0, part.names.concepts.len())).view()),
        };
        let relations = relations(units, association.view(), &groups(&part.names.concepts, subject), self.phi)?;
        if !relations.iter().any(|r| *r == Relation::Neighbour) {
            warnings.push(format!(
                "{}: no concept goes with one of another group at |φ| ≥ {}: there are no neighbours to measure (a smaller \
                 --phi finds some)",
                model.probe, self.phi
            ));
        }
        Ok(relations)
    }

    fn row(&self, probe: &str, names: &[String], effect: &Effect) -> ConceptNeighbourRow {
        ConceptNeighbourRow {
            probe: probe.into(),
            units: if self.grouped { "group" } else { "single" }.into(),
            corrected: effect.unit.map_or(String::new(), |u| names[u].clone()),
            over: match effect.corrected {
                Corrected::Wrong => "wrong",
                Corrected::All => "all",
            }
            .into(),
            target: name(effect.target).into(),
            concepts: effect.things,
            before: effect.before,
            after: effect.after,
            change: effect.change,
            std_error: effect.std_error,
            ci_low: effect.low,
            ci_high: effect.high,
            n_corrections: effect.corrections as u64,
            n_samples: effect.samples as u64,
        }
    }
}

fn name(target: Target) -> &'static str {
    match target {
        Target::SameGroup => "same_group",
        Target::Neighbours => "neighbours",
        Target::Rest => "rest",
        Target::Others => "others",
        Target::AllOthers => "all_others",
        Target::AllConcepts => "all_concepts",
        Target::Class => "class",
    }
}

/// The number of each concept's group; those that are in none have one of their own.
fn groups(concepts: &[String], subject: &Subject) -> Vec<usize> {
    let own = &subject.data.names().concepts;
    let of = |name: &String| subject.groups.iter().position(|g| g.members.iter().any(|&m| own[m] == *name));
    concepts.iter().enumerate().map(|(at, name)| of(name).unwrap_or(subject.groups.len() + at)).collect()
}

/// The sentences on one bottleneck.
fn neighboured(summary: &[ConceptNeighbourRow], spec: &NeighbourSpec, propagates: bool) -> Vec<String> {
    let Some(first) = summary.first() else { return vec![] };
    let what = if spec.grouped { "group" } else { "concept" };
    let of = |over: &str, target: &str| summary.iter().find(|r| r.over == over && r.target == target);
    let mut sentences = vec![];
    for (over, which) in [("wrong", " that was wrong"), ("all", " of every sample")] {
        let told = |target: &str, name: String| {
            let row = of(over, target)?;
            let error = row.std_error.map_or(String::new(), |e| format!(" ± {:.1}", 196.0 * e));
            let (before, after, change) = (100.0 * row.before, 100.0 * row.after, 100.0 * row.change);
            Some(format!("{name} from {before:.1} to {after:.1} % ({change:+.1}{error})"))
        };
        let concepts: Vec<String> = [
            ("neighbours", format!("concepts of other groups that go with it (|φ| ≥ {})", spec.phi)),
            ("same_group", "other values of its own group".into()),
            ("rest", "the remaining concepts".into()),
        ]
        .into_iter()
        .filter_map(|(target, name)| told(target, name))
        .collect();
        let wholes: Vec<String> = [("class", "the class"), ("all_concepts", "all concepts at once")]
            .into_iter()
            .filter_map(|(target, name)| told(target, name.into()))
            .collect();
        let Some(class) = of(over, "class") else { continue };
        let others = if propagates {
            format!("accuracy of {}", concepts.join(", of "))
        } else {
            "no other concept moves, by construction; accuracy".into()
        };
        let joined = if propagates {
            format!("{others}, of {}", wholes.join(", of "))
        } else {
            format!("{others} of {}", wholes.join(", of "))
        };
        sentences.push(format!(
            "{}: a {what}{which} is corrected ({} corrections in {} samples): {joined}.",
            first.probe, class.n_corrections, class.n_samples
        ));
    }
    sentences
}

/// That there are too few samples for some of the intervals.
fn unsure(summary: &[ConceptNeighbourRow]) -> Option<String> {
    let few_of: Vec<&ConceptNeighbourRow> = summary.iter().filter(|r| r.n_samples < FEW).collect();
    let probe = &few_of.first()?.probe;
    let names: Vec<String> =
        few_of.iter().map(|r| format!("{} over {} ({} samples)", r.target, r.over, r.n_samples)).collect();
    Some(format!("{probe}: fewer than {FEW} samples tell of {}: their intervals are rough", few(&names)))
}

#[cfg(test)]
mod tests {
    use super::super::data::Group;
    use super::*;
    use narrows_probes::ConceptData;
    use ndarray::array;

    fn words(w: &[&str]) -> Vec<String> {
        w.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn groups_are_found_by_the_names_of_concepts() {
        let data = ConceptData::new(array![[0.0], [1.0]], vec![0, 1]).unwrap();
        let concepts = array![[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]];
        let data = data.with_concepts(concepts, words(&["red", "green", "round"])).unwrap();
        let subject = Subject {
            groups: vec![Group { name: "colour".into(), members: vec![0, 1], cost: 1.0 }],
            ..Subject::built_in("s".into(), data, (vec![0], vec![1]), &[], None, None)
        };
        let found = groups(&words(&["round", "green", "red", "new"]), &subject);
        assert_eq!((found[1], found[2]), (0, 0));
        assert!(found[0] != 0 && found[3] != 0 && found[0] != found[3]);
    }

    #[test]
    fn sentences_say_what_moved_and_what_could_not() {
        let row = |over: &str, target: &str, change: f64| ConceptNeighbourRow {
            probe: "p".into(),
            over: over.into(),
            target: target.into(),
            before: 0.5,
            after: 0.5 + change,
            change,
            std_error: Some(0.01),
            n_corrections: 40,
            n_samples: 20,
            ..ConceptNeighbourRow::default()
        };
        let rows = [row("wrong", "neighbours", 0.1), row("wrong", "class", -0.05)];
        let spec = NeighbourSpec { grouped: false, phi: 0.3 };
        let found = neighboured(&rows, &spec, true);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("(|φ| ≥ 0.3) from 50.0 to 60.0 % (+10.0 ± 2.0)"), "{}", found[0]);
        assert!(found[0].contains("the class from 50.0 to 45.0 % (-5.0 ± 2.0)"), "{}", found[0]);
        let still = neighboured(&rows, &spec, false);
        assert!(still[0].contains("by construction; accuracy of the class") && !still[0].contains("φ"), "{}", still[0]);
        assert!(unsure(&rows).unwrap().contains("neighbours over wrong (20 samples), class over wrong"));
    }
}
