//! What an edit is measured by: as many random prunes, and what target samples themselves point at.

use super::EditSpec;
use super::set::Set;
use crate::concept::Model;
use crate::table::{ConceptEditRow, ConceptPruneRow};
use anyhow::Result;
use narrows_probes::Head;
use narrows_probes::edit::{Edit, EditedScores, apply, greedy_prunes, random_prunes};
use narrows_probes::metrics::Bootstrap;

impl EditSpec {
    /// As many prunes of other concepts, again and again.
    pub(super) fn random(
        &self,
        model: &Model,
        before: &Head,
        plain: &Head,
        edited: &[usize],
        sets: &[&Set<'_>],
        (rows, prunes): (&mut Vec<ConceptEditRow>, &mut Vec<ConceptPruneRow>),
    ) -> Result<()> {
        let scores: Vec<&EditedScores> = sets.iter().map(|s| &s.scores).collect();
        let random = random_prunes(before, &self.edits, self.settle(model), &scores, self.draws, self.seed)?;
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
    pub(super) fn bounds(
        &self,
        before: &Head,
        edited: &[usize],
        (chooses, judges): (&Set<'_>, &Set<'_>),
        bootstrap: Bootstrap,
        (rows, warnings): (&mut Vec<ConceptEditRow>, &mut Vec<String>),
    ) -> Result<()> {
        let count = self.edits.iter().filter(|e| e.pruned().is_some()).count();
        if count > 0 {
            let found =
                greedy_prunes(before, edited, count, self.settle(judges.model), &chooses.scores, &chooses.labels)?;
            let names = judges.model.bottleneck.names();
            let text: Vec<String> = found
                .iter()
                .filter_map(Edit::pruned)
                .map(|(k, c)| format!("{}:{}", names.classes[k], names.concepts[c]))
                .collect();
            let after = judges.after(before, &apply(before, &found, self.settle(judges.model))?);
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
