//! An edit of a bottleneck: the edited model, and what the edit does to samples of its own data and of others.

mod references;
mod sentences;
mod set;

pub use sentences::edited;

use super::data::Part;
use super::{Model, Split};
use crate::table::{ConceptEditRow, ConceptPruneRow};
use anyhow::{Result, bail, ensure};
use narrows_probes::Head;
use narrows_probes::edit::{Edit, Editable, Settle, apply, fine_tune};
use narrows_probes::metrics::Bootstrap;
use serde::{Deserialize, Serialize};
use set::Set;

/// What is done to a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditSpec {
    /// Changes of weights, in this order.
    pub edits: Vec<Edit>,
    /// Whether a class that lost weights is scaled to its former Σ|w|.
    pub renormalise: bool,
    /// Whether intercepts take over what changed weights added on average over the training samples.
    pub keep_mean: bool,
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

impl EditSpec {
    /// Classes that the edit changes.
    fn classes(&self, before: &Head, after: &Head) -> Vec<usize> {
        (0..before.weights.ncols())
            .filter(|&k| {
                before.weights.column(k) != after.weights.column(k) || before.intercepts[k] != after.intercepts[k]
            })
            .collect()
    }

    /// What is done after the changes.
    fn settle<'a>(&self, model: &'a Model) -> Settle<'a> {
        let means = Some(&model.statistics.mean[..]).filter(|_| self.keep_mean);
        Settle { renormalise: self.renormalise, means }
    }

    /// Tells whether the head can be edited so.
    ///
    /// # Errors
    /// When there is nothing to do, the head is not linear, or an edit does not fit it.
    pub fn check(&self, model: &Model) -> Result<()> {
        ensure!(
            !(self.edits.is_empty() && self.fine_tune.is_empty()),
            "nothing to edit: give --prune, --scale, --weight, --sign, --bound or --fine-tune"
        );
        let editable = Editable::new(model.bottleneck.as_ref())?;
        apply(editable.head(), &self.edits, self.settle(model))?;
        Ok(())
    }

    /// Edits the model's head and compares.
    ///
    /// # Errors
    /// When the head cannot be edited, or the samples do not allow what is asked for.
    pub fn run(&self, model: &Model, samples: EditSamples<'_>) -> Result<Edited> {
        self.check(model)?;
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
        let plain = apply(before, &self.edits, self.settle(model))?;
        self.warn_of_idle(model, before, &mut warnings);
        let fitted_on = match (&halves, self.fine_tune_on_target, self.fine_tune.is_empty()) {
            (_, _, true) => None,
            (Some((chooses, _)), true, _) => Some(chooses.rows_of("", &(0..chooses.labels.len()).collect::<Vec<_>>())),
            (None, true, _) => {
                bail!("--fine-tune-on target needs target samples: give --embeddings and --labels")
            }
            (_, false, _) => set("train", samples.train)?,
        };
        let head = match (&fitted_on, self.fine_tune.is_empty()) {
            (_, true) => plain.clone(),
            (Some(on), _) => self.tuned(before, &plain, &self.fine_tune, on, true, &mut warnings)?,
            (None, _) => {
                bail!("the model's own training samples cannot be read: --fine-tune has nothing to fit to")
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
}
