//! Samples on which an edit is looked at.

use crate::concept::Model;
use crate::concept::data::Part;
use crate::table::ConceptEditRow;
use anyhow::Result;
use narrows_probes::edit::{Editable, EditedScores, Gain, compare};
use narrows_probes::metrics::Bootstrap;
use narrows_probes::{Head, best_class};

/// Samples with their scores under the head as it was.
pub(super) struct Set<'a> {
    pub(super) name: &'static str,
    pub(super) scores: EditedScores,
    pub(super) labels: Vec<u32>,
    pub(super) before: Vec<u32>,
    pub(super) model: &'a Model,
}

impl<'a> Set<'a> {
    pub(super) fn new(name: &'static str, model: &'a Model, editable: &Editable<'_>, part: &Part) -> Result<Self> {
        let scores = editable.scores(part.embeddings.view())?;
        let before = best_class(scores.before());
        Ok(Self { name, scores, labels: part.labels.clone(), before, model })
    }

    pub(super) fn rows_of(&self, name: &'static str, rows: &[usize]) -> Self {
        let pick = |of: &[u32]| rows.iter().map(|&r| of[r]).collect();
        let (labels, before) = (pick(&self.labels), pick(&self.before));
        Self { name, scores: self.scores.rows(rows), labels, before, model: self.model }
    }

    pub(super) fn after(&self, from: &Head, to: &Head) -> Vec<u32> {
        best_class(self.scores.with(from, to).view())
    }

    /// Rows of one edit.
    pub(super) fn compare(
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
    pub(super) fn places(&self, edited: &[usize], of_edited: bool) -> Vec<usize> {
        (0..self.labels.len()).filter(|&i| edited.contains(&(self.labels[i] as usize)) == of_edited).collect()
    }

    /// Share of these samples that a prediction is right on, less that before.
    pub(super) fn gain(&self, after: &[u32], places: &[usize]) -> f64 {
        let right = |p: &[u32]| places.iter().filter(|&&i| p[i] == self.labels[i]).count() as f64;
        (right(after) - right(&self.before)) / places.len() as f64
    }
}
