//! What the models know of the machine, and what the codes mean.

use super::{Plan, Saved};
use crate::table::{CodeRow, CodebookRow};
use anyhow::Result;
use burn::tensor::Device;
use narrows_dictionaries::codebook::Usage;
use narrows_dictionaries::codebook::metrics::{
    CodeState, Firing, NextStates, Purity, Sharing, Walks, best_of_states, match_neurons,
};
use narrows_dictionaries::transformer::{Kind, Model, Traced};
use ndarray::{Array2, ArrayView2};

/// Draws of sequences that no training sees: those of a training are its steps.
const HELD_OUT: u64 = 1 << 41;
/// From this precision and recall on, a state counts as having a code.
const CLEAR: f64 = 0.9;

/// What an evaluation came to.
#[derive(Debug, Clone, Default)]
pub struct Evaluated {
    /// Numbers of models and codebooks.
    pub numbers: Vec<CodebookRow>,
    /// Codes at states, those of a recall above 0.01.
    pub codes: Vec<CodeRow>,
}

/// Evaluates all models on `sequences` sequences that were not trained on, and as many that each draws.
///
/// # Errors
/// When the plan and a model do not go together.
pub fn evaluate(saved: &Saved, sequences: usize, seed: u64) -> Result<Evaluated> {
    let plan = &saved.plan;
    let (walks, device) = (plan.walks()?, plan.device());
    let tokens = plan.machine()?.sequences(sequences, plan.length, plan.recipe.seed ^ seed, HELD_OUT);
    let firing = Firing::new(&walks, tokens.view());
    let mut found = Evaluated::default();
    let mut neurons: Vec<Array2<f32>> = vec![];
    for (name, model) in saved.models.iter().rev() {
        // `plain` comes first: its neurons are what codes are compared with.
        let step = saved.steps.get(name).copied().unwrap_or(0);
        let table = Table { name, step };
        let traced = model.trace(&device, tokens.view(), name == "plain")?;
        let mut numbers = table.losses(plan, &traced, tokens.view())?;
        numbers.extend(table.walks(plan, model, &walks, (sequences, seed), &device)?);
        if name == "plain" {
            neurons = traced.activations.into_iter().map(|(_, _, a)| a).collect();
        } else {
            let codes = table.codes(model, &walks, &firing, &traced, &device, &neurons)?;
            numbers.extend(codes.numbers);
            found.codes = codes.codes;
        }
        found.numbers.extend(numbers);
    }
    Ok(found)
}

/// A state's tokens after the start token, a row a state.
fn bigrams(walks: &Walks) -> Array2<u32> {
    let rows: Vec<u32> =
        (0..walks.states()).flat_map(|s| std::iter::once(walks.start()).chain(walks.write(s))).collect();
    let shape = (walks.states(), walks.digits + 1);
    Array2::from_shape_vec(shape, rows).unwrap_or_else(|_| Array2::zeros(shape))
}

/// Mean and standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// Rows of a model.
struct Table<'a> {
    name: &'a str,
    step: u64,
}

impl Table<'_> {
    fn row(&self, metric: &str, value: f64) -> CodebookRow {
        CodebookRow {
            model: self.name.into(),
            step: self.step,
            metric: metric.into(),
            value: Some(value),
            ..CodebookRow::default()
        }
    }

    /// Loss and accuracy of held-out tokens, beside the best there can be.
    fn losses(&self, plan: &Plan, traced: &Traced, tokens: ArrayView2<u32>) -> Result<Vec<CodebookRow>> {
        let bound = plan.machine()?.bound(plan.length);
        let n = (plan.length - 1) as f64;
        let (mut losses, mut hits) = (vec![], vec![]);
        for (sequence, row) in tokens.rows().into_iter().enumerate() {
            let (mut loss, mut hit) = (0.0, 0.0);
            for place in 0..plan.length - 1 {
                let logs = traced.predictions.after(sequence, place);
                let target = row[place + 1] as usize;
                loss -= f64::from(logs[target]);
                hit += f64::from(u8::from(logs.iter().all(|l| *l <= logs[target])));
            }
            losses.push(loss / n);
            hits.push(hit / n);
        }
        let told = |metric: &str, values: &[f64], best: &[f64]| {
            let (value, error) = mean(values);
            CodebookRow {
                std_error: Some(error),
                reference: Some(best.iter().sum::<f64>() / best.len() as f64),
                n: Some(values.len() as u64),
                ..self.row(metric, value)
            }
        };
        Ok(vec![told("loss", &losses, &bound.loss), told("accuracy", &hits, &bound.accuracy)])
    }

    /// Transitions that the model draws, and its likeliest next states.
    fn walks(
        &self,
        plan: &Plan,
        model: &Model,
        walks: &Walks,
        (count, seed): (usize, u64),
        device: &Device,
    ) -> Result<Vec<CodebookRow>> {
        let drawn = model.sample(device, walks.start(), (count, plan.length), seed.wrapping_add(1))?;
        let found = walks.accuracy(drawn.view())?;
        let n = count as f64;
        let states: Vec<usize> = (0..walks.states()).collect();
        let edges = NextStates::after(model, device, walks, bigrams(walks).view())?.edges(walks, &states);
        let of_states = |row: CodebookRow| CodebookRow { n: Some(walks.states() as u64), ..row };
        let drawn = |row: CodebookRow, error: f64| CodebookRow { std_error: Some(error), n: Some(count as u64), ..row };
        Ok(vec![
            drawn(self.row("transition_accuracy", found.accuracy), found.std_error),
            drawn(self.row("drawn_first_pair_accuracy", found.first), (found.first * (1.0 - found.first) / n).sqrt()),
            self.row("broken_pairs", found.broken as f64),
            of_states(self.row("first_transition_accuracy", edges.accuracy)),
            of_states(self.row("mass_on_edges", edges.mass)),
            of_states(self.row("next_state_divergence", edges.divergence)),
        ])
    }

    fn codes(
        &self,
        model: &Model,
        walks: &Walks,
        firing: &Firing,
        traced: &Traced,
        device: &Device,
        neurons: &[Array2<f32>],
    ) -> Result<Evaluated> {
        let mut found = Evaluated::default();
        let inputs = model.trace(device, bigrams(walks).view(), false)?;
        let last: Vec<usize> = (0..walks.states()).map(|s| (s + 1) * (walks.digits + 1) - 1).collect();
        let mut pairs: Vec<CodeState> = vec![];
        for ((site, ids), (_, of_states)) in traced.ids.iter().zip(&inputs.ids) {
            let Some(codebook) = model.codebook(*site) else { continue };
            let k = codebook.settings.k;
            let mut usage = Usage::new(&codebook);
            usage.add(ids.view());
            let all = usage.counts().len();
            let purity = Purity::of(&of_states.select(ndarray::Axis(0), &last), k);
            let sharing = Sharing::of(walks, firing, ids, k);
            let at = |metric: &str, value: Option<f64>, reference: Option<f64>, n: Option<u64>| CodebookRow {
                layer: Some(site.layer as u64 + 1),
                part: site.kind.to_string(),
                value,
                reference,
                n,
                ..self.row(metric, 0.0)
            };
            found.numbers.extend([
                at("live_codes", Some(usage.live() as f64), None, Some(all as u64)),
                at("dead_codes", Some((all - usage.live()) as f64), None, Some(all as u64)),
                at("purity", Some(purity.share()), None, Some(purity.used as u64)),
                at("divergence_of_sharing_pairs", sharing.shared, Some(sharing.random), None),
            ]);
            let own = firing.code_states(*site, ids, k);
            let value = clear(&own, walks.states());
            found.numbers.push(at("states_with_code", Some(value), None, Some(walks.states() as u64)));
            pairs.extend(own);
        }
        let states = Some(walks.states() as u64);
        for (part, kind) in [("", None), ("attention", Some(Kind::Attention)), ("mlp", Some(Kind::Mlp))] {
            let own: Vec<CodeState> = pairs.iter().filter(|p| kind.is_none_or(|k| p.site.kind == k)).cloned().collect();
            let row = self.row("states_with_code", clear(&own, walks.states()));
            found.numbers.push(CodebookRow { part: part.into(), n: states, ..row });
        }
        let best: Vec<&CodeState> = best_of_states(&pairs, walks.states()).into_iter().flatten().collect();
        let mut matched = vec![None; best.len()];
        if !neurons.is_empty() && !best.is_empty() {
            let layers: Vec<&Array2<f32>> = neurons.iter().collect();
            let matches = match_neurons(firing, &best, &layers);
            let n = matches.len() as f64;
            let beat = matches.iter().filter(|m| m.code > m.neuron).count() as f64 / n;
            let told = |row: CodebookRow| CodebookRow { n: Some(matches.len() as u64), ..row };
            found.numbers.push(told(self.row("codes_beat_neurons", beat)));
            found
                .numbers
                .push(told(self.row("mean_precision_of_best_codes", matches.iter().map(|m| m.code).sum::<f64>() / n)));
            found.numbers.push(told(
                self.row("mean_precision_of_best_neurons", matches.iter().map(|m| m.neuron).sum::<f64>() / n),
            ));
            matched = matches.iter().map(|m| Some(m.neuron)).collect();
        }
        found.codes = pairs
            .iter()
            .map(|pair| {
                let at = best.iter().position(|b| *b == pair);
                CodeRow {
                    layer: pair.site.layer as u64 + 1,
                    part: pair.site.kind.to_string(),
                    head: (pair.site.kind == Kind::Attention).then_some(pair.group as u64 + 1),
                    code: u64::from(pair.code),
                    state: pair.state as u64,
                    precision: pair.precision(),
                    recall: pair.recall(),
                    count: pair.fired as u64,
                    best: if at.is_some() { "yes" } else { "" }.into(),
                    neuron_precision: at.and_then(|at| matched[at]),
                }
            })
            .collect();
        Ok(found)
    }
}

/// Share of the states that have a code of precision and recall above 0.9.
fn clear(pairs: &[CodeState], states: usize) -> f64 {
    let has = best_of_states(pairs, states).into_iter().flatten();
    has.filter(|p| p.precision() > CLEAR && p.recall() > CLEAR).count() as f64 / states as f64
}
