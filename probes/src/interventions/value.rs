//! Policies that look at the concepts one by one: uncertainty and gradient.

use super::policy::{Policy, PolicyEntry, View};
use crate::ProbeError;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array2, Axis};
use serde_json::{Value, json};

pub(super) const POOL: ParameterDoc =
    ParameterDoc { name: "pool", default: "max", meaning: "number of a group from its concepts': max, mean or sum" };

/// How the numbers of a group's concepts become the group's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pool {
    Max,
    Mean,
    Sum,
}

impl Pool {
    pub(super) fn read(parameters: &Parameters, default: Self) -> Result<Self, ProbeError> {
        match parameters.text("pool") {
            None => Ok(default),
            Some("max") => Ok(Self::Max),
            Some("mean") => Ok(Self::Mean),
            Some("sum") => Ok(Self::Sum),
            Some(other) => Err(parameters.bad("pool", other, "it is max, mean or sum").into()),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Sum => "sum",
        }
    }

    /// Numbers [rows × units] of numbers [rows × concepts].
    pub(super) fn units(self, view: &View<'_>, of_concepts: &Array2<f64>) -> Array2<f64> {
        Array2::from_shape_fn((view.rows.len(), view.units.len()), |(i, u)| {
            let members = view.units.members(u);
            let values = members.iter().map(|&c| of_concepts[[i, c]]);
            match self {
                Self::Max => values.fold(f64::NEG_INFINITY, f64::max),
                Self::Mean => values.sum::<f64>() / members.len() as f64,
                Self::Sum => values.sum(),
            }
        })
    }
}

/// Entropy of a binary variable in bits.
pub(super) fn binary_entropy(p: f64) -> f64 {
    let part = |q: f64| if q > 0.0 { -q * q.log2() } else { 0.0 };
    part(p) + part(1.0 - p)
}

/// Presence [rows × concepts] of the view's rows.
pub(super) fn presence(view: &View<'_>) -> Array2<f64> {
    view.state.model.presence(view.state.concepts.select(Axis(0), view.rows).view())
}

pub(super) const UNCERTAINTY: PolicyEntry = PolicyEntry {
    name: "uncertainty",
    summary: "the concept whose presence is least certain (binary entropy of its probability)",
    parameters: &[POOL],
    build: |parameters| Ok(Box::new(Uncertainty { pool: Pool::read(parameters, Pool::Max)? })),
};

/// The most uncertain concept. Its order is that of 1/|p − ½|, the form in the released code of Espinosa Zarlenga et
/// al. 2022.
#[derive(Debug, Clone, Copy)]
struct Uncertainty {
    pool: Pool,
}

impl Policy for Uncertainty {
    fn name(&self) -> &'static str {
        UNCERTAINTY.name
    }

    fn settings(&self) -> Value {
        json!({ "pool": self.pool.name() })
    }

    fn next(&self, view: &View<'_>) -> Result<Vec<Vec<usize>>, ProbeError> {
        Ok(view.highest(&self.pool.units(view, &presence(view).mapv(binary_entropy))))
    }
}

pub(super) const GRADIENT: PolicyEntry = PolicyEntry {
    name: "gradient",
    summary: "the concept to which the predicted class's score is most sensitive: |∂ score/∂ concept| × weight",
    parameters: &[
        ParameterDoc {
            name: "weight",
            default: "swing",
            meaning: "swing: |present − absent|; move: expected |correction − concept|; none: 1",
        },
        POOL,
    ],
    build: |parameters| {
        let weight = match parameters.text("weight") {
            None | Some("swing") => Weight::Swing,
            Some("move") => Weight::Move,
            Some("none") => Weight::One,
            Some(other) => return Err(parameters.bad("weight", other, "it is swing, move or none").into()),
        };
        Ok(Box::new(Gradient { weight, pool: Pool::read(parameters, Pool::Max)? }))
    },
};

/// What a derivative is multiplied by.
#[derive(Debug, Clone, Copy)]
enum Weight {
    /// From absent to present: concepts on different scales become comparable; 1 on the scale of probabilities.
    Swing,
    /// p |present − c| + (1 − p) |c − absent|: how far a correction is expected to move the concept.
    Move,
    One,
}

/// |∂ s_ŷ/∂ c_k| times a weight, s_ŷ the score of the class predicted as things stand; by central differences over a
/// thousandth of the swing (exact where the head is linear).
#[derive(Debug, Clone, Copy)]
struct Gradient {
    weight: Weight,
    pool: Pool,
}

impl Policy for Gradient {
    fn name(&self) -> &'static str {
        GRADIENT.name
    }

    fn settings(&self) -> Value {
        let weight = match self.weight {
            Weight::Swing => "swing",
            Weight::Move => "move",
            Weight::One => "none",
        };
        json!({ "weight": weight, "pool": self.pool.name() })
    }

    fn next(&self, view: &View<'_>) -> Result<Vec<Vec<usize>>, ProbeError> {
        let (classes, presence) = (view.state.classes(), presence(view));
        let mut numbers = Array2::zeros(presence.dim());
        for unit in 0..view.units.len() {
            let (places, rows) = view.open_rows(unit);
            for &concept in view.units.members(unit).iter().filter(|_| !rows.is_empty()) {
                let [absent, present] = [0, 1].map(|b| view.state.model.corrections[[concept, b]]);
                let swing = (present - absent).abs();
                let step = if swing > 0.0 { swing * 1e-3 } else { 1e-3 };
                let shifted = |by: f64| {
                    let values =
                        Array2::from_shape_fn((rows.len(), 1), |(i, _)| view.state.concepts[[rows[i], concept]] + by);
                    view.state.scores_if(&rows, &[concept], values.view(), false)
                };
                let (up, down) = (shifted(step)?, shifted(-step)?);
                for (i, (&place, &row)) in places.iter().zip(&rows).enumerate() {
                    let class = classes[row] as usize;
                    let derivative = ((up[[i, class]] - down[[i, class]]) / (2.0 * step)).abs();
                    let (p, value) = (presence[[place, concept]], view.state.concepts[[row, concept]]);
                    numbers[[place, concept]] = derivative
                        * match self.weight {
                            Weight::Swing => swing,
                            Weight::Move => p * (present - value).abs() + (1.0 - p) * (value - absent).abs(),
                            Weight::One => 1.0,
                        };
                }
            }
        }
        Ok(view.highest(&self.pool.units(view, &numbers)))
    }
}
