//! Steering jobs: which pairs of states, after which walks, at which codebooks.

use super::Saved;
use crate::table::{CodebookRow, SteeringRow};
use anyhow::{Result, ensure};
use narrows_dictionaries::codebook::metrics::{Components, steer};
use ndarray::Array2;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// From which share of the mass on, steering succeeded.
const MOST: f64 = 0.5;

/// What is steered.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Request {
    /// The state that is read; all where none is given.
    pub from: Option<usize>,
    /// The state whose codes are put in place; all where none is given.
    pub to: Option<usize>,
    /// Pairs at most, drawn at random where there are more.
    pub pairs: usize,
    /// States of the random valid walk before each state.
    pub history: usize,
    /// Of the walks and the draw of pairs.
    pub seed: u64,
}

impl Request {
    /// Checks that the models of a run can be steered so.
    ///
    /// # Errors
    /// When a state is none of the machine's, both are the same, or the walk is too long for the model.
    pub fn check(&self, saved: &Saved) -> Result<()> {
        let plan = &saved.plan;
        let digits = plan.walks()?.digits;
        for state in self.from.iter().chain(&self.to) {
            ensure!(*state < plan.states, "state {state}: the machine's states are 0 to {}", plan.states - 1);
        }
        ensure!(
            self.from.is_none() || self.from != self.to,
            "--from and --to are the same state: there is nothing to steer"
        );
        let tokens = 1 + self.history.saturating_add(2).saturating_mul(digits) - 1;
        ensure!(
            tokens <= plan.length,
            "a walk of {} states, a state and the digits after it are {tokens} tokens, but the model reads {}: give a \
             smaller --history",
            self.history,
            plan.length
        );
        Ok(())
    }
}

/// Steers at every set of components; `progress` gets the number of sets done, and how many there are.
///
/// # Errors
/// When a state is none of the machine's, or the walk is too long for the model.
pub fn steering(saved: &Saved, request: &Request, mut progress: impl FnMut(u64, u64)) -> Result<Vec<SteeringRow>> {
    request.check(saved)?;
    let plan = &saved.plan;
    let (walks, machine) = (plan.walks()?, plan.machine()?);
    let model = saved.models.get("codebook").ok_or_else(|| anyhow::anyhow!("the run has no model with codebooks"))?;
    let mut rng = ChaCha8Rng::seed_from_u64(request.seed);
    let all = |fixed: Option<usize>| fixed.map_or(0..plan.states, |s| s..s + 1);
    let mut pairs: Vec<(usize, usize)> = all(request.from)
        .flat_map(|from| all(request.to).map(move |to| (from, to)))
        .filter(|(from, to)| from != to)
        .collect();
    if pairs.len() > request.pairs {
        pairs.shuffle(&mut rng);
        pairs.truncate(request.pairs);
        pairs.sort_unstable();
    }
    // Walks are cut to the shortest that leads to a state, so that all states stand at the same place.
    let walked: Vec<Vec<usize>> = (0..plan.states).map(|s| machine.history(s, request.history, &mut rng)).collect();
    let shortest = walked.iter().map(Vec::len).min().unwrap_or(0);
    let mut prefixes = vec![];
    for (state, walk) in walked.iter().enumerate() {
        prefixes.push(walks.start());
        let kept = walk[walk.len() - shortest..].iter().copied().chain(std::iter::once(state));
        prefixes.extend(kept.flat_map(|s| walks.write(s)));
    }
    let prefixes = Array2::from_shape_vec((plan.states, 1 + (shortest + 1) * walks.digits), prefixes)?;
    let sets = Components::all(model);
    let mut rows = vec![];
    for (at, set) in sets.iter().enumerate() {
        for steered in steer(model, &plan.device(), &walks, prefixes.view(), &pairs, set)? {
            rows.push(SteeringRow {
                components: set.name.clone(),
                from: steered.from as u64,
                to: steered.to as u64,
                divergence: steered.divergence,
                true_divergence: steered.true_divergence,
                mass: steered.mass,
                old_mass: steered.old_mass,
                success: if steered.mass > MOST { "yes" } else { "no" }.into(),
            });
        }
        progress(at as u64 + 1, sets.len() as u64);
    }
    Ok(rows)
}

/// Means over pairs: divergences as shares of those without steering, mass, success. Their standard errors take pairs as
/// independent, which those of one state are not.
pub fn summary(rows: &[SteeringRow], step: u64) -> Vec<CodebookRow> {
    let mut sets: Vec<&str> = vec![];
    for row in rows {
        if !sets.contains(&row.components.as_str()) {
            sets.push(&row.components);
        }
    }
    let of = |set: &str, value: &dyn Fn(&SteeringRow) -> f64| -> (f64, f64, usize) {
        let values: Vec<f64> = rows.iter().filter(|r| r.components == set).map(value).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        (mean, (variance / n).sqrt(), values.len())
    };
    type Of<'a> = (&'a str, &'a dyn Fn(&SteeringRow) -> f64);
    let metrics: [Of<'_>; 4] = [
        ("steered_divergence", &|r| r.divergence),
        ("steered_true_divergence", &|r| r.true_divergence),
        ("steered_mass", &|r| r.mass),
        ("steering_success", &|r| f64::from(u8::from(r.success == "yes"))),
    ];
    let mut all = vec![];
    for set in &sets {
        for (metric, value) in metrics {
            let ((mean, error, n), (none, ..)) = (of(set, value), of("none", value));
            let scale = if metric.ends_with("divergence") && none > 0.0 { none } else { 1.0 };
            let metric = if scale == 1.0 { metric.to_owned() } else { format!("{metric}_ratio") };
            all.push(CodebookRow {
                model: "codebook".into(),
                step,
                part: (*set).to_owned(),
                metric,
                value: Some(mean / scale),
                std_error: Some(error / scale),
                reference: Some(none / scale),
                n: Some(n as u64),
                ..CodebookRow::default()
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_relative_to_no_steering() {
        let row = |components: &str, divergence: f64, success: &str| SteeringRow {
            components: components.into(),
            divergence,
            success: success.into(),
            ..SteeringRow::default()
        };
        let rows = [row("none", 0.6, "no"), row("none", 0.4, "no"), row("mlp", 0.1, "yes"), row("mlp", 0.2, "no")];
        let found = summary(&rows, 7);
        let of = |metric: &str, part: &str| found.iter().find(|r| r.metric == metric && r.part == part).unwrap();
        assert!((of("steered_divergence_ratio", "mlp").value.unwrap() - 0.3).abs() < 1e-12);
        assert_eq!(of("steered_divergence_ratio", "none").value, Some(1.0));
        assert_eq!(of("steering_success", "mlp").value, Some(0.5));
        assert_eq!(of("steering_success", "mlp").reference, Some(0.0));
    }
}
