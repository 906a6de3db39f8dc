//! k-flip: the set of at most k units that is most likely to change the prediction.

use super::policy::{Policy, PolicyEntry, View};
use super::value::binary_entropy;
use crate::{ProbeError, best_class};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array2, ArrayView2, Axis};
use serde_json::{Value, json};

pub(super) const K_FLIP: PolicyEntry = PolicyEntry {
    name: "k-flip",
    summary: "of all sets of at most k units the one most likely to change the prediction; then the next set",
    parameters: &[
        ParameterDoc { name: "k", default: "1", meaning: "largest number of units in a set" },
        ParameterDoc {
            name: "threshold",
            default: "0",
            meaning: "a sample is left alone when no set is likelier than this to change its prediction; 0: never",
        },
    ],
    build: |parameters| {
        let k = parameters.value("k", "it is a whole number, 1 to 4", |k: &usize| (1..=4).contains(k))?;
        let threshold = parameters.value("threshold", "it is a probability", |t: &f64| (0.0..1.0).contains(t))?;
        Ok(Box::new(KFlip { k: k.unwrap_or(1), threshold: threshold.unwrap_or(0.0) }))
    },
};

/// Questions (sets of units × values of their concepts) that are put to the bottleneck for one choice at most.
const MOST_QUESTIONS: usize = 100_000;

/// The set S of at most k units with the largest Σ_b p(b) 1[argmax P(· | c_S = b) ≠ ŷ], the concepts' presences being
/// independent (the rule of concept-benchmark 0.4.1, "kflip"). The whole set is corrected, its likeliest flip first,
/// before the next is chosen. Where no set can change the prediction the most uncertain unit is taken, so that the
/// curve goes on to the end unless a threshold stops it.
#[derive(Debug, Clone, Copy)]
struct KFlip {
    k: usize,
    threshold: f64,
}

impl Policy for KFlip {
    fn name(&self) -> &'static str {
        K_FLIP.name
    }

    fn settings(&self) -> Value {
        json!({ "k": self.k, "threshold": self.threshold })
    }

    fn next(&self, view: &View<'_>) -> Result<Vec<Vec<usize>>, ProbeError> {
        let open: Vec<usize> =
            (0..view.units.len()).filter(|&u| view.rows.iter().any(|&row| view.open[[row, u]])).collect();
        let sets = subsets(&open, self.k);
        let questions = sets.iter().map(|set| 2f64.powi(concepts(view, set).len() as i32)).sum::<f64>();
        if questions > MOST_QUESTIONS as f64 {
            return Err(ProbeError::Data(format!(
                "k-flip with k = {} over {} units asks {questions:.0} questions a choice, and {MOST_QUESTIONS} are \
                 allowed: take a smaller k or smaller groups",
                self.k,
                open.len()
            )));
        }
        let presence = view.state.model.presence(view.state.concepts.select(Axis(0), view.rows).view());
        let classes = view.state.classes();
        let mut singles = Array2::<f64>::zeros((view.rows.len(), view.units.len()));
        let mut best: Vec<(f64, f64, &[usize])> = vec![(0.0, 0.0, &[]); view.rows.len()];
        for set in &sets {
            let (places, rows): (Vec<usize>, Vec<usize>) = (view.rows.iter().enumerate())
                .filter(|(_, row)| set.iter().all(|&u| view.open[[**row, u]]))
                .map(|(i, &row)| (i, row))
                .unzip();
            if rows.is_empty() {
                continue;
            }
            let chances = flip_chances(view, set, &rows, presence.select(Axis(0), &places).view(), &classes)?;
            let cost: f64 = if view.per_cost { set.iter().map(|&u| view.units.cost(u)).sum() } else { 1.0 };
            for (&place, chance) in places.iter().zip(chances) {
                if let [unit] = set[..] {
                    singles[[place, unit]] = chance;
                }
                // A larger set must be likelier by more than rounding.
                if chance / cost > best[place].1 + 1e-12 {
                    best[place] = (chance, chance / cost, set);
                }
            }
        }
        let certain = Array2::from_shape_fn(singles.dim(), |(i, u)| {
            view.units.members(u).iter().map(|&c| binary_entropy(presence[[i, c]])).fold(0.0, f64::max)
        });
        let fallback = view.highest(&certain);
        let choose = |(i, (chance, _, set)): (usize, &(f64, f64, &[usize]))| {
            if self.threshold > 0.0 && *chance <= self.threshold {
                return vec![];
            }
            if set.is_empty() {
                return fallback[i].clone();
            }
            let mut order = set.to_vec();
            order.sort_by(|&a, &b| singles[[i, b]].total_cmp(&singles[[i, a]]));
            order
        };
        Ok(best.iter().enumerate().map(choose).collect())
    }
}

/// Columns of the concepts of these units.
fn concepts(view: &View<'_>, units: &[usize]) -> Vec<usize> {
    units.iter().flat_map(|&u| view.units.members(u).iter().copied()).collect()
}

/// For each row the probability that knowing the units changes its class.
fn flip_chances(
    view: &View<'_>,
    units: &[usize],
    rows: &[usize],
    presence: ArrayView2<'_, f64>,
    classes: &[u32],
) -> Result<Vec<f64>, ProbeError> {
    let members = concepts(view, units);
    let mut chances = vec![0.0; rows.len()];
    for outcome in 0..1usize << members.len() {
        let bit = |m: usize| outcome >> m & 1;
        let values = Array2::from_shape_fn((rows.len(), members.len()), |(_, m)| {
            view.state.model.corrections[[members[m], bit(m)]]
        });
        let found = best_class(view.state.scores_if(rows, &members, values.view(), true)?.view());
        for (i, _) in found.iter().enumerate().filter(|(i, class)| **class != classes[rows[*i]]) {
            let likely = |(m, &c): (usize, &usize)| if bit(m) == 1 { presence[[i, c]] } else { 1.0 - presence[[i, c]] };
            chances[i] += members.iter().enumerate().map(likely).product::<f64>();
        }
    }
    Ok(chances)
}

/// All sets of 1 to `k` of these, smaller ones first, each in order.
fn subsets(of: &[usize], k: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![];
    let mut last: Vec<(usize, Vec<usize>)> = vec![(0, vec![])];
    for _ in 0..k.min(of.len()) {
        last = last
            .iter()
            .flat_map(|(next, set)| {
                (*next..of.len()).map(|place| (place + 1, set.iter().copied().chain([of[place]]).collect()))
            })
            .collect();
        all.extend(last.iter().map(|(_, set)| set.clone()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::subsets;

    #[test]
    fn sets_come_once_each_smaller_first() {
        assert_eq!(subsets(&[3, 5, 8], 2), [vec![3], vec![5], vec![8], vec![3, 5], vec![3, 8], vec![5, 8]]);
        assert_eq!(subsets(&[1, 2, 3, 4, 5], 3).len(), 5 + 10 + 10);
        assert_eq!(subsets(&[7], 3), [vec![7]]);
    }
}
