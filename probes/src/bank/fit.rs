//! One concept of a bank: choose C, fit, judge.

use super::direction::{Direction, directions};
use super::sample::{Rows, sides, split};
use super::{BankPlan, ConceptVector, MarginStatistics, separation};
use crate::ProbeError;
use ndarray::{ArrayView1, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Streams of the seed: a concept's samples, and its shuffled labels.
const SAMPLES: u64 = 0x6000_0000;
const SHUFFLES: u64 = 0x7000_0000;

/// Why a concept is not in the bank.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// Its name.
    pub name: String,
    /// As a sentence's end: "it is present in none of the 40 samples".
    pub reason: String,
}

/// Fits the vector of a column of concept labels; `Err(Dropped)` within says why there is none.
pub(super) fn concept(
    plan: &BankPlan,
    x: ArrayView2<'_, f64>,
    labels: ArrayView1<'_, f64>,
    (column, name): (usize, &str),
    seed: u64,
) -> Result<Result<ConceptVector, Dropped>, ProbeError> {
    let name = name.to_owned();
    let (up, down) = sides(labels);
    let known = up.len() + down.len();
    let drop = |reason: String| Ok(Err(Dropped { name: name.clone(), reason }));
    if up.is_empty() || down.is_empty() {
        let found = if up.is_empty() { "none" } else { "all" };
        return drop(format!("it is present in {found} of the {known} training samples that say: nothing to learn"));
    }
    if up.len().min(down.len()) < plan.min_positives {
        let (least, what) = if up.len() < down.len() { (up.len(), "with") } else { (down.len(), "without") };
        return drop(format!("only {least} training samples are {what} it (min-positives {})", plan.min_positives));
    }
    let counts = (up.len(), down.len());
    let validation = if plan.folds == 0 { plan.validation } else { 0.0 };
    let (train, held) = split((up, down), validation, plan.per_side, seed, SAMPLES + column as u64);
    let fitted = choose(plan, x, &train, &held)?;
    let [of_train, of_held] = [&fitted.train_margins, &fitted.held_margins];
    let (Some(own), Some(judged)) = (separation(of_train, &train.positive), separation(of_held, &fitted.held.positive))
    else {
        return drop("its samples do not suffice for training and validation".into());
    };
    if judged.auc < plan.min_auc {
        return drop(format!("its validation AUC {:.3} is below min-auc {}", judged.auc, plan.min_auc));
    }
    let p_value = permutation(plan, x, (&train, &held), fitted.cost, judged.auc, (seed, column))?;
    let all = fitted.direction.margins(x);
    let mean = |present: bool| {
        let of = all.iter().zip(labels).filter(|(_, l)| !l.is_nan() && (**l >= 0.5) == present).map(|(m, _)| *m);
        of.sum::<f64>() / if present { counts.0 } else { counts.1 } as f64
    };
    let norm = fitted.direction.norm();
    Ok(Ok(ConceptVector {
        name,
        column,
        corrections: [mean(false), mean(true)],
        vector: &fitted.direction.weights / norm,
        intercept: fitted.direction.intercept / norm,
        cost: fitted.cost,
        positives: counts.0,
        negatives: counts.1,
        margins: MarginStatistics::new(of_train),
        train_accuracy: own.balanced_accuracy,
        validation: Some(judged),
        p_value,
        converged: fitted.direction.converged,
    }))
}

/// A vector with the cost that was chosen, and margins of the samples it was fitted to and judged on.
struct Chosen {
    direction: Direction,
    cost: Option<f64>,
    train_margins: Vec<f64>,
    held: Rows,
    held_margins: Vec<f64>,
}

/// The cost with the largest balanced accuracy on held-out samples, of equal ones the smallest.
fn choose(plan: &BankPlan, x: ArrayView2<'_, f64>, train: &Rows, held: &Rows) -> Result<Chosen, ProbeError> {
    let costs: &[f64] = if plan.method.has_cost() { &plan.costs } else { &[f64::NAN] };
    let cost = |place: usize| plan.method.has_cost().then(|| costs[place]);
    let inputs = x.select(Axis(0), &train.rows);
    if plan.folds == 0 {
        let candidates = directions(plan.method, inputs.view(), &train.positive, costs)?;
        let outside = x.select(Axis(0), &held.rows);
        let margins: Vec<Vec<f64>> = candidates.iter().map(|c| c.margins(outside.view())).collect();
        let best = best(&margins, &held.positive);
        let direction = candidates[best].clone();
        let train_margins = direction.margins(inputs.view());
        let held_margins = margins[best].clone();
        return Ok(Chosen { direction, cost: cost(best), train_margins, held: held.clone(), held_margins });
    }
    let fold_of = train.folds(plan.folds);
    let mut margins = vec![vec![0.0; train.rows.len()]; costs.len()];
    for fold in 0..plan.folds {
        let (outside, inside): (Vec<usize>, Vec<usize>) = (0..fold_of.len()).partition(|&p| fold_of[p] == fold);
        let part = train.pick(&inside);
        if outside.is_empty() || !part.positive.contains(&true) || !part.positive.contains(&false) {
            continue;
        }
        let fitted = directions(plan.method, inputs.select(Axis(0), &inside).view(), &part.positive, costs)?;
        let rest = inputs.select(Axis(0), &outside);
        for (margins, direction) in margins.iter_mut().zip(&fitted) {
            outside.iter().zip(direction.margins(rest.view())).for_each(|(&place, m)| margins[place] = m);
        }
    }
    let best = best(&margins, &train.positive);
    let chosen = directions(plan.method, inputs.view(), &train.positive, &costs[best..=best])?;
    let direction = chosen.into_iter().next().unwrap_or_else(|| unreachable!("one cost, one vector"));
    let train_margins = direction.margins(inputs.view());
    Ok(Chosen {
        direction,
        cost: cost(best),
        train_margins,
        held: train.clone(),
        held_margins: margins.swap_remove(best),
    })
}

fn best(margins: &[Vec<f64>], positive: &[bool]) -> usize {
    let accuracy = |m: &Vec<f64>| separation(m, positive).map_or(0.0, |s| s.balanced_accuracy);
    let scores: Vec<f64> = margins.iter().map(accuracy).collect();
    (0..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best })
}

/// Share of fits to shuffled labels whose validation AUC is no smaller, the fit itself counted among them: the whole
/// procedure is repeated at the cost that was chosen.
fn permutation(
    plan: &BankPlan,
    x: ArrayView2<'_, f64>,
    (train, held): (&Rows, &Rows),
    cost: Option<f64>,
    auc: f64,
    (seed, column): (u64, usize),
) -> Result<Option<f64>, ProbeError> {
    if plan.permutations == 0 {
        return Ok(None);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(SHUFFLES + column as u64);
    let plan = BankPlan { costs: cost.into_iter().collect(), ..plan.clone() };
    let mut reached = 1;
    for _ in 0..plan.permutations {
        let (mut train, mut held) = (train.clone(), held.clone());
        train.positive.shuffle(&mut rng);
        held.positive.shuffle(&mut rng);
        let chosen = choose(&plan, x, &train, &held)?;
        let found = separation(&chosen.held_margins, &chosen.held.positive).map_or(0.5, |s| s.auc);
        reached += usize::from(found >= auc);
    }
    Ok(Some(f64::from(u32::try_from(reached).unwrap_or(u32::MAX)) / (plan.permutations + 1) as f64))
}
