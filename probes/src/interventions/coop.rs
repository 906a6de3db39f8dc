//! CooP: what knowing a concept is expected to change.

use super::policy::{Policy, PolicyEntry, View};
use super::value::{POOL, Pool, binary_entropy, presence};
use crate::ProbeError;
use narrows_estimators::registry::ParameterDoc;
use ndarray::Array2;
use serde_json::{Value, json};

pub(super) const COOP: PolicyEntry = PolicyEntry {
    name: "coop",
    summary: "CooP: concept uncertainty + expected change of the prediction − cost",
    parameters: &[
        ParameterDoc { name: "uncertainty", default: "1", meaning: "weight of the concept's entropy in bits" },
        ParameterDoc { name: "change", default: "1", meaning: "weight of the change of the predicted class" },
        ParameterDoc { name: "cost", default: "0", meaning: "weight of the unit's cost, which is taken off" },
        ParameterDoc {
            name: "importance",
            default: "expected",
            meaning: "expected: |E P − P| as in the paper; absolute: E |P − P|",
        },
        ParameterDoc { default: "mean", ..POOL },
    ],
    build: |parameters| {
        let weight = |key, default| {
            let read = parameters.value(key, "it is a finite number, 0 or more", |v: &f64| *v >= 0.0 && v.is_finite());
            read.map(|v| v.unwrap_or(default))
        };
        let absolute = match parameters.text("importance") {
            None | Some("expected") => false,
            Some("absolute") => true,
            Some(other) => return Err(parameters.bad("importance", other, "it is expected or absolute").into()),
        };
        Ok(Box::new(Coop {
            uncertainty: weight("uncertainty", 1.0)?,
            change: weight("change", 1.0)?,
            cost: weight("cost", 0.0)?,
            absolute,
            pool: Pool::read(parameters, Pool::Mean)?,
        }))
    },
};

/// CooP (Chauhan et al. 2023, section 4): α H(p_k) + β |Σ_b p_k(b) P(ŷ | c_k = b) − P(ŷ)| − γ cost, ŷ the class
/// predicted as things stand.
///
/// Three faults of a released implementation are not repeated: both outcomes are weighted by their probability whatever
/// the number of classes, every sample keeps its own list of what was corrected, and a cost counts against a concept.
/// On a scale of probabilities the linear part of P cancels in the expectation, so that only its curvature is left;
/// `importance=absolute` (E_b |P(ŷ | c_k = b) − P(ŷ)|) has not that weakness.
#[derive(Debug, Clone, Copy)]
struct Coop {
    uncertainty: f64,
    change: f64,
    cost: f64,
    absolute: bool,
    pool: Pool,
}

impl Policy for Coop {
    fn name(&self) -> &'static str {
        COOP.name
    }

    fn settings(&self) -> Value {
        let importance = if self.absolute { "absolute" } else { "expected" };
        json!({
            "uncertainty": self.uncertainty, "change": self.change, "cost": self.cost, "importance": importance,
            "pool": self.pool.name(),
        })
    }

    fn next(&self, view: &View<'_>) -> Result<Vec<Vec<usize>>, ProbeError> {
        let (classes, now, presence) = (view.state.classes(), view.state.probabilities(), presence(view));
        let mut numbers = presence.mapv(|p| self.uncertainty * binary_entropy(p));
        for unit in (0..view.units.len()).filter(|_| self.change > 0.0) {
            let (places, rows) = view.open_rows(unit);
            for &concept in view.units.members(unit).iter().filter(|_| !rows.is_empty()) {
                let outcome = |b: usize| {
                    let values = Array2::from_elem((rows.len(), 1), view.state.model.corrections[[concept, b]]);
                    view.state.probabilities_if(&rows, &[concept], values.view())
                };
                let (absent, present) = (outcome(0)?, outcome(1)?);
                for (i, (&place, &row)) in places.iter().zip(&rows).enumerate() {
                    let class = classes[row] as usize;
                    let (p, before) = (presence[[place, concept]], now[[row, class]]);
                    let (up, down) = (present[[i, class]] - before, absent[[i, class]] - before);
                    let change = match self.absolute {
                        true => p * up.abs() + (1.0 - p) * down.abs(),
                        false => (p * up + (1.0 - p) * down).abs(),
                    };
                    numbers[[place, concept]] += self.change * change;
                }
            }
        }
        let mut units = self.pool.units(view, &numbers);
        units.indexed_iter_mut().for_each(|((_, u), v)| *v -= self.cost * view.units.cost(u));
        Ok(view.highest(&units))
    }
}
