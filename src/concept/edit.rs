//! An edit of a bottleneck: the edited model, and what the edit does to samples of its own data and of others.

use super::data::Part;
use super::{Model, Split};
use crate::table::{ConceptEditRow, ConceptPruneRow};
use anyhow::{Result, ensure};
use narrows_probes::edit::{
    Edit, Editable, EditedScores, Gain, apply, compare, fine_tune, greedy_prunes, random_prunes,
};
use narrows_probes::metrics::Bootstrap;
use narrows_probes::{Head, best_class};
use serde::{Deserialize, Serialize};

/// What is done to a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditSpec {
    /// Changes of weights, in this order.
    pub edits: Vec<Edit>,
    /// Whether a class that lost weights is scaled to its former Σ|w|.
    pub renormalise: bool,
    /// Classes whose weights are then fitted anew.
    pub fine_tune: Vec<usize>,
    /// Whether to half of the target samples rather than the model's own training samples.
    pub fine_tune_on_target: bool,
    /// L2 penalty on how far standardised weights move in that.
    pub lambda: f64,
    /// Random prunes to compare with.
    pub draws: usize,
    /// Resamples of the intervals.
    pub resamples: usize,
    /// Seed of draws, resamples and the halves of the target samples.
    pub seed: u64,
}

/// Samples that an edit is looked at on.
#[derive(Debug, Clone, Copy, Default)]
pub struct EditSamples<'a> {
    /// The model's own training samples, where they can be read.
    pub train: Option<&'a Part>,
    /// The model's own test samples, where they can be read.
    pub test: Option<&'a Part>,
    /// Samples of other data, shifted say.
    pub target: Option<&'a Part>,
}

/// What an edit came to.
#[derive(Debug)]
pub struct Edited {
    /// The edited head.
    pub head: Head,
    /// Before and after.
    pub rows: Vec<ConceptEditRow>,
    /// Every draw of random prunes.
    pub prunes: Vec<ConceptPruneRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Samples with their scores under the head as it was.
struct Set<'a> {
    name: &'static str,
    scores: EditedScores,
    labels: Vec<u32>,
    before: Vec<u32>,
    model: &'a Model,
}

impl<'a> Set<'a> {
    fn new(name: &'static str, model: &'a Model, editable: &Editable<'_>, part: &Part) -> Result<Self> {
        let scores = editable.scores(part.embeddings.view())?;
        let before = best_class(scores.before());
        Ok(Self { name, scores, labels: part.labels.clone(), before, model })
    }

    fn rows_of(&self, name: &'static str, rows: &[usize]) -> Self {
        let pick = |of: &[u32]| rows.iter().map(|&r| of[r]).collect();
        let (labels, before) = (pick(&self.labels), pick(&self.before));
        Self { name, scores: self.scores.rows(rows), labels, before, model: self.model }
    }

    fn after(&self, from: &Head, to: &Head) -> Vec<u32> {
        best_class(self.scores.with(from, to).view())
    }

    /// Rows of one edit.
    fn compare(
        &self,
        edit: &str,
        after: &[u32],
        edited: &[usize],
        bootstrap: Bootstrap,
    ) -> Result<Vec<ConceptEditRow>> {
        let classes = &self.model.bottleneck.names().classes;
        let row = |gain: &Gain| {
            let class = gain.class.map(|k| k as usize);
            ConceptEditRow {
                probe: self.model.probe.clone(),
                edit: edit.into(),
                split: self.name.into(),
                metric: gain.metric.into(),
                class: class.map_or(String::new(), |k| classes[k].clone()),
                edited: class.map_or("", |k| if edited.contains(&k) { "yes" } else { "no" }).into(),
                before: gain.before,
                after: gain.after,
                gain: gain.gain(),
                std_error: gain.std_error,
                ci_low: gain.interval.map(|i| i.0),
                ci_high: gain.interval.map(|i| i.1),
                p_value: gain.p_value,
                n_samples: gain.samples as u64,
                draws: None,
                flags: String::new(),
            }
        };
        let whole = compare(&self.before, after, &self.labels, classes.len(), bootstrap)?;
        let mut rows: Vec<ConceptEditRow> = whole.iter().map(row).collect();
        for (metric, of_edited) in [("recall_edited", true), ("recall_others", false)] {
            let own = self.places(edited, of_edited);
            if own.is_empty() {
                continue;
            }
            let pick = |of: &[u32]| own.iter().map(|&r| of[r]).collect::<Vec<u32>>();
            let part = compare(&pick(&self.before), &pick(after), &pick(&self.labels), classes.len(), bootstrap)?;
            let edited = if of_edited { "yes" } else { "no" };
            rows.insert(2, ConceptEditRow { metric: metric.into(), edited: edited.into(), ..row(&part[0]) });
        }
        Ok(rows)
    }

    /// Samples of the edited classes, or of the others.
    fn places(&self, edited: &[usize], of_edited: bool) -> Vec<usize> {
        (0..self.labels.len()).filter(|&i| edited.contains(&(self.labels[i] as usize)) == of_edited).collect()
    }

    /// Share of these samples that a prediction is right on, less that before.
    fn gain(&self, after: &[u32], places: &[usize]) -> f64 {
        let right = |p: &[u32]| places.iter().filter(|&&i| p[i] == self.labels[i]).count() as f64;
        (right(after) - right(&self.before)) / places.len() as f64
    }
}

impl EditSpec {
    /// Classes that the edit changes.
    fn classes(&self, before: &Head, after: &Head) -> Vec<usize> {
        (0..before.weights.ncols())
            .filter(|&k| {
                before.weights.column(k) != after.weights.column(k) || before.intercepts[k] != after.intercepts[k]
            })
            .collect()
    }

    /// Edits the model's head and compares.
    ///
    /// # Errors
    /// When the head cannot be edited, or the samples do not allow what is asked for.
    pub fn run(&self, model: &Model, samples: EditSamples<'_>) -> Result<Edited> {
        ensure!(
            !(self.edits.is_empty() && self.fine_tune.is_empty()),
            "nothing to edit: give --prune, --scale, --weight, --sign, --bound or --fine-tune"
        );
        let editable = Editable::new(model.bottleneck.as_ref())?;
        let before = editable.head();
        let mut warnings = vec![];
        let set = |name, part: Option<&Part>| part.map(|p| Set::new(name, model, &editable, p)).transpose();
        let test = set("test", samples.test)?;
        let target = set("target", samples.target)?;
        // One half is for whatever is chosen by target samples, the other judges it.
        let halves = match &target {
            None => None,
            Some(target) => {
                let (chooses, judges) = Split::Share(0.5).rows(&target.labels, "target", self.seed, &mut vec![])?;
                Some((target.rows_of("target-chooses", &chooses), target.rows_of("target-half", &judges)))
            }
        };
        let plain = apply(before, &self.edits, self.renormalise)?;
        self.warn_of_idle(model, before, &mut warnings);
        let fitted_on = match (&halves, self.fine_tune_on_target, self.fine_tune.is_empty()) {
            (_, _, true) => None,
            (Some((chooses, _)), true, _) => Some(chooses.rows_of("", &(0..chooses.labels.len()).collect::<Vec<_>>())),
            (None, true, _) => {
                anyhow::bail!("--fine-tune-on target needs target samples: give --embeddings and --labels")
            }
            (_, false, _) => set("train", samples.train)?,
        };
        let head = match (&fitted_on, self.fine_tune.is_empty()) {
            (_, true) => plain.clone(),
            (Some(on), _) => self.tuned(before, &plain, &self.fine_tune, on, true, &mut warnings)?,
            (None, _) => {
                anyhow::bail!("the model's own training samples cannot be read: --fine-tune has nothing to fit to")
            }
        };
        let edited = self.classes(before, &head);
        let bootstrap = Bootstrap { resamples: self.resamples, seed: self.seed };
        let mut rows = vec![];
        let mut sets: Vec<&Set<'_>> = test.iter().collect();
        // A target that half of was fitted to is judged on the other half alone.
        sets.extend(target.iter().filter(|_| !self.fine_tune_on_target || self.fine_tune.is_empty()));
        sets.extend(halves.iter().map(|(_, judges)| judges));
        for set in &sets {
            if !self.fine_tune.is_empty() && !self.edits.is_empty() {
                rows.extend(set.compare("without-fine-tuning", &set.after(before, &plain), &edited, bootstrap)?);
            }
            rows.extend(set.compare("edit", &set.after(before, &head), &edited, bootstrap)?);
        }
        let mut prunes = vec![];
        if self.draws > 0 && self.edits.iter().any(|e| e.pruned().is_some()) {
            self.random(model, before, &plain, &edited, &sets, (&mut rows, &mut prunes))?;
        }
        if let Some((chooses, judges)) = &halves {
            self.bounds(before, &edited, (chooses, judges), bootstrap, (&mut rows, &mut warnings))?;
        }
        Ok(Edited { head, rows, prunes, warnings })
    }

    /// A prune of what has no weight does nothing.
    fn warn_of_idle(&self, model: &Model, head: &Head, warnings: &mut Vec<String>) {
        let names = model.bottleneck.names();
        for (class, concept) in self.edits.iter().filter_map(Edit::pruned) {
            if head.weights[[concept, class]] == 0.0 {
                let (class, concept) = (&names.classes[class], &names.concepts[concept]);
                warnings.push(format!("'{concept}' has no weight for '{class}': pruning it changes nothing"));
            }
        }
    }

    /// A head with these classes fitted anew.
    fn tuned(
        &self,
        before: &Head,
        from: &Head,
        classes: &[usize],
        on: &Set<'_>,
        hold: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Head> {
        let mut head = from.clone();
        for &class in classes {
            let pruned = self.edits.iter().filter_map(Edit::pruned).filter(|p| p.0 == class).map(|p| p.1);
            let held: Vec<usize> = pruned.filter(|_| hold).collect();
            let found = fine_tune(before, &head, class, &held, &on.scores, &on.labels, self.lambda)?;
            if !found.converged {
                let class = &on.model.bottleneck.names().classes[class];
                warnings
                    .push(format!("the weights of '{class}' were not fitted to a minimum; a larger --lambda helps"));
            }
            head = found.head;
        }
        Ok(head)
    }

    /// As many prunes of other concepts, again and again.
    fn random(
        &self,
        model: &Model,
        before: &Head,
        plain: &Head,
        edited: &[usize],
        sets: &[&Set<'_>],
        (rows, prunes): (&mut Vec<ConceptEditRow>, &mut Vec<ConceptPruneRow>),
    ) -> Result<()> {
        let scores: Vec<&EditedScores> = sets.iter().map(|s| &s.scores).collect();
        let random = random_prunes(before, &self.edits, self.renormalise, &scores, self.draws, self.seed)?;
        let names = model.bottleneck.names();
        let text = |set: &[(usize, usize)]| {
            let one =
                |(class, concept): &(usize, usize)| format!("{}:{}", names.classes[*class], names.concepts[*concept]);
            set.iter().map(one).collect::<Vec<_>>().join(" + ")
        };
        for (at, set) in sets.iter().enumerate() {
            let all: Vec<usize> = (0..set.labels.len()).collect();
            let after = set.after(before, plain);
            let parts = [
                ("accuracy", all, ""),
                ("recall_edited", set.places(edited, true), "yes"),
                ("recall_others", set.places(edited, false), "no"),
            ];
            for (metric, places, of) in parts.iter().filter(|(_, places, _)| !places.is_empty()) {
                let gains: Vec<f64> = random.predictions.iter().map(|p| set.gain(&p[at], places)).collect();
                let own = set.gain(&after, places);
                let right = places.iter().filter(|&&i| set.before[i] == set.labels[i]).count();
                let share = right as f64 / places.len() as f64;
                let mean = gains.iter().sum::<f64>() / gains.len() as f64;
                let squares: f64 = gains.iter().map(|g| (g - mean).powi(2)).sum();
                let mut sorted = gains.clone();
                sorted.sort_by(f64::total_cmp);
                let quantile = |q: f64| sorted[((sorted.len() - 1) as f64 * q).round() as usize];
                rows.push(ConceptEditRow {
                    probe: model.probe.clone(),
                    edit: "random".into(),
                    split: set.name.into(),
                    metric: (*metric).into(),
                    edited: (*of).into(),
                    before: Some(share),
                    after: Some(share + mean),
                    gain: Some(mean),
                    std_error: (gains.len() > 1).then(|| (squares / (gains.len() - 1) as f64).sqrt()),
                    ci_low: Some(quantile(0.025)),
                    ci_high: Some(quantile(0.975)),
                    p_value: Some(random.p_value(&gains, own)),
                    n_samples: places.len() as u64,
                    draws: Some(gains.len() as u64),
                    flags: if random.exhaustive { "every combination once" } else { "" }.into(),
                    ..ConceptEditRow::default()
                });
                prunes.extend(random.prunes.iter().zip(&gains).enumerate().map(|(draw, (pruned, gain))| {
                    ConceptPruneRow {
                        probe: model.probe.clone(),
                        draw: draw as u64 + 1,
                        prunes: text(pruned),
                        split: set.name.into(),
                        metric: (*metric).into(),
                        gain: *gain,
                    }
                }));
            }
        }
        Ok(())
    }

    /// What could be had from target samples: as many prunes chosen by one half, or the edited classes fitted to it,
    /// judged on the other.
    fn bounds(
        &self,
        before: &Head,
        edited: &[usize],
        (chooses, judges): (&Set<'_>, &Set<'_>),
        bootstrap: Bootstrap,
        (rows, warnings): (&mut Vec<ConceptEditRow>, &mut Vec<String>),
    ) -> Result<()> {
        let count = self.edits.iter().filter(|e| e.pruned().is_some()).count();
        if count > 0 {
            let found = greedy_prunes(before, edited, count, self.renormalise, &chooses.scores, &chooses.labels)?;
            let names = judges.model.bottleneck.names();
            let text: Vec<String> = found
                .iter()
                .filter_map(Edit::pruned)
                .map(|(k, c)| format!("{}:{}", names.classes[k], names.concepts[c]))
                .collect();
            let after = judges.after(before, &apply(before, &found, self.renormalise)?);
            let mut own = judges.compare("greedy", &after, edited, bootstrap)?;
            let chosen = if text.is_empty() { "no prune helps".into() } else { text.join(" + ") };
            own.iter_mut().for_each(|r| r.flags = format!("chosen by the other half: {chosen}"));
            rows.extend(own);
        }
        let absent = edited.iter().any(|&k| chooses.labels.iter().all(|&l| l as usize != k));
        if absent {
            warnings.push("an edited class has no target sample to be fitted to: no bound by fine-tuning".into());
            return Ok(());
        }
        let head = self.tuned(before, before, edited, chooses, false, warnings)?;
        let mut own = judges.compare("fine-tuned", &judges.after(before, &head), edited, bootstrap)?;
        own.iter_mut().for_each(|r| r.flags = "the edited classes fitted to the other half".into());
        rows.extend(own);
        Ok(())
    }
}

/// The sentences of an edit, a few for each set of samples.
pub fn edited(rows: &[ConceptEditRow]) -> Vec<String> {
    let mut sentences = vec![];
    let mut splits: Vec<&str> = vec![];
    rows.iter().for_each(|r| {
        if !splits.contains(&r.split.as_str()) {
            splits.push(&r.split);
        }
    });
    let points = |v: Option<f64>| v.map_or("?".into(), |v| format!("{:+.1}", 100.0 * v));
    let p = |v: Option<f64>| v.map_or("?".into(), |v| if v < 0.001 { "< 0.001".into() } else { format!("{v:.3}") });
    for split in splits {
        let of = |edit: &str, metric: &str| {
            rows.iter().find(|r| r.split == split && r.edit == edit && r.metric == metric && r.class.is_empty())
        };
        let Some(accuracy) = of("edit", "accuracy") else { continue };
        let mut text = format!(
            "On {split} ({} samples) the edit takes accuracy from {:.1} % to {:.1} % ({} points [{}, {}], McNemar p {})",
            accuracy.n_samples,
            100.0 * accuracy.before.unwrap_or(f64::NAN),
            100.0 * accuracy.after.unwrap_or(f64::NAN),
            points(accuracy.gain),
            points(accuracy.ci_low),
            points(accuracy.ci_high),
            p(accuracy.p_value),
        );
        let (own, others) = (of("edit", "recall_edited"), of("edit", "recall_others"));
        if let (Some(own), Some(others)) = (own, others) {
            text.push_str(&format!(
                "; recall of the edited class(es) {}, of all others {}",
                points(own.gain),
                points(others.gain)
            ));
        }
        sentences.push(format!("{text}."));
        if let Some(random) = of("random", "accuracy") {
            sentences.push(format!(
                "As many random prunes of the same class(es) on {split}: {} points on average, 95 % of {} between {} and {}; a \
                 share of {} gains as much as the edit.",
                points(random.gain),
                random.draws.unwrap_or(0),
                points(random.ci_low),
                points(random.ci_high),
                p(random.p_value),
            ));
        }
        for (edit, what) in
            [("greedy", "prunes chosen by target samples"), ("fine-tuned", "weights fitted to target samples")]
        {
            if let Some(bound) = of(edit, "accuracy") {
                sentences.push(format!("Reference on {split}: {what} gain {} points.", points(bound.gain)));
            }
        }
    }
    sentences
}
