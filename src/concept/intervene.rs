//! Curves of interventions: who corrects which concepts of a bottleneck, and what comes of it.

use super::data::{Part, few};
use super::{Model, Subject};
use crate::table::ConceptInterventionRow;
use anyhow::{Context, Result, ensure};
use narrows_probes::interventions::{
    Axis, Human, Interventions, Paths, Point, Policy, Units, auc_difference, curve, policy, summary,
};
use narrows_probes::{Names, Scale};
use serde::{Deserialize, Serialize};

/// What is simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterventionSpec {
    /// Policies, as `name` or `name:key=value,…`.
    pub policies: Vec<String>,
    /// Probabilities that a correction is wrong.
    pub error_rates: Vec<f64>,
    /// Whether the groups of the data are corrected together.
    pub grouped: bool,
    /// Whether a policy divides what it expects by the cost.
    pub per_cost: bool,
    /// Corrections a sample, at most.
    pub most_steps: Option<usize>,
    /// Seeds of the random parts, from 0.
    pub seeds: u64,
    /// Whether a correction leaves the other concepts alone, even where the bottleneck knows what follows for them.
    #[serde(default)]
    pub independent: bool,
}

/// Tables of a simulation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intervened {
    /// Rows with an amount.
    pub curves: Vec<ConceptInterventionRow>,
    /// Rows without.
    pub summary: Vec<ConceptInterventionRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl InterventionSpec {
    /// The policies, each with its specification.
    ///
    /// # Errors
    /// When there is none of that name, or a parameter is wrong.
    pub fn read(&self) -> Result<Vec<(String, Box<dyn Policy>)>> {
        self.policies.iter().map(|p| Ok((p.clone(), policy(p)?))).collect()
    }

    /// Tells what hinders [`InterventionSpec::run`], by a look at a few samples.
    ///
    /// # Errors
    /// As [`InterventionSpec::run`].
    pub fn check(&self, model: &Model, subject: &Subject, rows: &[usize]) -> Result<()> {
        let few = Self { seeds: 1, most_steps: Some(1), error_rates: vec![0.0], ..self.clone() };
        few.run(model, subject, &rows[..rows.len().min(2)], &|| ()).map(|_| ())
    }

    /// Curves of one bottleneck over these samples; `advance` is called once a policy and error rate.
    ///
    /// # Errors
    /// When the samples have no concept labels, the bottleneck nothing to correct, or a policy is unknown.
    pub fn run(&self, model: &Model, subject: &Subject, rows: &[usize], advance: &dyn Fn()) -> Result<Intervened> {
        ensure!(
            model.bottleneck.corrections().is_some(),
            "{} has features and no concepts: there is nothing to correct",
            model.probe
        );
        let part = &subject.for_bottleneck(rows, model.bottleneck.as_ref())?;
        let truth = part.concepts.as_ref().with_context(|| {
            "interventions need the true concepts of the samples: give --concepts FILE, with names that the model knows"
        })?;
        let mut found = Intervened { warnings: warnings(model, part), ..Intervened::default() };
        let units = units(&part.names, subject, self.grouped)?;
        let by_cost = !units.cost_alike();
        let classes = part.names.classes.len();
        for &error_rate in &self.error_rates {
            let mut run = Interventions::new(
                model.bottleneck.as_ref(),
                part.embeddings.view(),
                &part.labels,
                truth.view(),
                units.clone(),
            )?
            .with_human(Human::new(error_rate)?)
            .per_cost(self.per_cost)
            .most_steps(self.most_steps);
            if let Some(propagation) = model.bottleneck.propagation().filter(|_| !self.independent) {
                run = run.with_propagation(propagation)?;
            }
            let mut random: Option<Vec<Paths>> = None;
            for (name, policy) in self.read()? {
                let seeds = if run.depends_on_seed(policy.as_ref()) { self.seeds } else { 1 };
                let paths: Vec<Paths> =
                    (0..seeds).map(|seed| run.simulate(policy.as_ref(), seed)).collect::<Result<_, _>>()?;
                let row = |axis: Axis, point: &Point, amount: Option<f64>| ConceptInterventionRow {
                    probe: model.probe.clone(),
                    policy: name.clone(),
                    error_rate,
                    units: if self.grouped { "group" } else { "single" }.into(),
                    axis: axis_name(axis).into(),
                    amount,
                    metric: point.metric.into(),
                    value: point.value,
                    std_error: Some(point.std_error),
                    ci_low: Some(point.low),
                    ci_high: Some(point.high),
                    seeds,
                    n_samples: part.labels.len() as u64,
                };
                let axes: &[Axis] = if by_cost { &[Axis::Number, Axis::Cost] } else { &[Axis::Number] };
                for &axis in axes {
                    let points = curve(&paths, &part.labels, classes, axis)?;
                    found.curves.extend(points.iter().map(|p| row(axis, p, Some(p.amount))));
                    let whole = summary(&paths, &part.labels, classes, axis)?;
                    // Harm does not depend on what the abscissa counts.
                    let own = whole.iter().filter(|p| axis == Axis::Number || p.metric.starts_with("auc"));
                    found.summary.extend(own.map(|p| row(axis, p, None)));
                    if let Some(random) = random.as_ref().filter(|_| policy.name() != "random") {
                        let gain = auc_difference(&paths, random, &part.labels, axis)?;
                        let metric = "auc_gain_over_random";
                        found.summary.push(ConceptInterventionRow { metric: metric.into(), ..row(axis, &gain, None) });
                    }
                }
                if policy.name() == "random" {
                    random = Some(paths);
                }
                advance();
            }
        }
        Ok(found)
    }
}

fn axis_name(axis: Axis) -> &'static str {
    match axis {
        Axis::Number => "number",
        Axis::Cost => "cost",
    }
}

/// The data's groups as far as the bottleneck has their concepts.
pub(super) fn units(names: &Names, subject: &Subject, grouped: bool) -> Result<Units> {
    if !grouped {
        return Ok(Units::single(&names.concepts));
    }
    let groups = &subject.groups;
    let own = &subject.data.names().concepts;
    let kept =
        |members: &[usize]| members.iter().map(|&m| own[m].clone()).filter(|c| names.concepts.contains(c)).collect();
    let known: Vec<(String, Vec<String>)> = groups
        .iter()
        .map(|g| (g.name.clone(), kept(&g.members)))
        .filter(|(_, members): &(String, Vec<String>)| !members.is_empty())
        .collect();
    ensure!(
        known.iter().any(|(_, members)| members.len() > 1) || groups.iter().any(|g| g.cost != 1.0),
        "no group has more than one of the model's concepts, and all cost the same: give --concept-groups FILE, or leave out \
         --grouped"
    );
    let costs: Vec<(String, f64)> =
        groups.iter().filter(|g| known.iter().any(|(n, _)| *n == g.name)).map(|g| (g.name.clone(), g.cost)).collect();
    Ok(Units::grouped(&names.concepts, &known)?.with_costs(&costs)?)
}

pub(super) fn warnings(model: &Model, part: &Part) -> Vec<String> {
    let mut warnings = vec![];
    let Some(truth) = &part.concepts else { return warnings };
    let unknown: Vec<String> = (0..truth.ncols())
        .filter(|&c| truth.column(c).iter().all(|t| t.is_nan()))
        .map(|c| part.names.concepts[c].clone())
        .collect();
    if !unknown.is_empty() {
        warnings.push(format!(
            "{}: {} concept(s) have no label here and are never corrected: {}",
            model.probe,
            unknown.len(),
            few(&unknown)
        ));
    }
    if matches!(model.bottleneck.scale(), Scale::Margin | Scale::Similarity) {
        warnings.push(format!(
            "{}: its concepts are no probabilities; a concept's place between the values that stand for absent and present is \
             read instead",
            model.probe
        ));
    }
    warnings
}

/// The sentences of a run: where the curves start and end, the best policy, and the harm that the first correction does.
pub fn intervened(curves: &[ConceptInterventionRow], summary: &[ConceptInterventionRow]) -> Vec<String> {
    let mut sentences = vec![];
    let mut seen: Vec<(&str, f64)> = vec![];
    for row in summary {
        let key = (row.probe.as_str(), row.error_rate);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let of = |r: &&ConceptInterventionRow| (r.probe.as_str(), r.error_rate) == key && r.axis == "number";
        let accuracy: Vec<&ConceptInterventionRow> =
            curves.iter().filter(of).filter(|r| r.policy == row.policy && r.metric == "accuracy").collect();
        let (Some(first), Some(last)) = (accuracy.first(), accuracy.last()) else { continue };
        let mut areas: Vec<&ConceptInterventionRow> =
            summary.iter().filter(of).filter(|r| r.metric == "auc_accuracy").collect();
        areas.sort_by(|a, b| b.value.total_cmp(&a.value));
        let half = |r: &ConceptInterventionRow| 1.96 * r.std_error.unwrap_or(0.0);
        let listed: Vec<String> =
            areas.iter().map(|r| format!("{} {:.3} ± {:.3}", r.policy, r.value, half(r))).collect();
        let person = match row.error_rate {
            0.0 => String::new(),
            1.0 => ", every correction being wrong".into(),
            rate => format!(", {:.0} % of the corrections being wrong", 100.0 * rate),
        };
        sentences.push(format!(
            "{}{person}: accuracy {:.1} % without corrections, {:.1} % after {:.0} of them ({}); mean height of the curves: {}.",
            row.probe,
            100.0 * first.value,
            100.0 * last.value,
            last.amount.unwrap_or(0.0),
            row.policy,
            listed.join(", ")
        ));
        let harm: Vec<String> = summary
            .iter()
            .filter(of)
            .filter(|r| r.metric == "first_harmful")
            .map(|r| format!("{} {:.1} %", r.policy, 100.0 * r.value))
            .collect();
        sentences.push(format!(
            "{}{person}: the first correction turns a right prediction wrong in {} of all samples.",
            row.probe,
            harm.join(", ")
        ));
    }
    sentences
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

    fn subject(groups: &[(&str, &[usize], f64)]) -> Subject {
        let concepts = array![[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]];
        let data = ConceptData::new(array![[0.0], [1.0]], vec![0, 1]).unwrap();
        let data = data.with_concepts(concepts, words(&["red", "green", "blue", "round"])).unwrap();
        let group = |(name, members, cost): &(&str, &[usize], f64)| Group {
            name: (*name).into(),
            members: members.to_vec(),
            cost: *cost,
        };
        Subject {
            groups: groups.iter().map(group).collect(),
            ..Subject::built_in("s".into(), data, (vec![0], vec![1]), &[], None, None)
        }
    }

    #[test]
    fn groups_follow_the_concepts_that_the_model_kept() {
        let names = Names { concepts: words(&["red", "blue", "round"]), classes: words(&["a", "b"]) };
        let subject_of = subject(&[("colour", &[0, 1, 2], 2.0), ("gone", &[1], 1.0)]);
        let found = units(&names, &subject_of, true).unwrap();
        assert_eq!(found.names(), ["colour", "round"]);
        assert_eq!((found.members(0), found.cost(0), found.cost(1)), (&[0, 1][..], 2.0, 1.0));
        assert_eq!(units(&names, &subject_of, false).unwrap().len(), 3);
        let none = units(&names, &subject(&[("round", &[3], 1.0)]), true).unwrap_err().to_string();
        assert!(none.contains("--concept-groups"), "{none}");
    }
}
