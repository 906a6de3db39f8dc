//! Changes of single weights.

use crate::{Head, ProbeError};
use serde::{Deserialize, Serialize};

/// A sign that weights may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Not below 0.
    Positive,
    /// Not above 0.
    Negative,
}

/// One change of a head. Classes and concepts are numbers from 0; `None` stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// The weight becomes 0.
    Prune {
        /// Class.
        class: usize,
        /// Concept.
        concept: usize,
    },
    /// The weight is multiplied.
    Scale {
        /// Class.
        class: usize,
        /// Concept.
        concept: usize,
        /// By what.
        factor: f64,
    },
    /// The weight gets a value.
    Set {
        /// Class.
        class: usize,
        /// Concept.
        concept: usize,
        /// Which.
        value: f64,
    },
    /// Weights of the other sign become 0 (the nearest that is allowed).
    Constrain {
        /// Class.
        class: Option<usize>,
        /// Concept.
        concept: Option<usize>,
        /// The sign that stays.
        sign: Sign,
    },
    /// Weights beyond ± `most` become ± `most`.
    Bound {
        /// Class.
        class: Option<usize>,
        /// Concept.
        concept: Option<usize>,
        /// Largest absolute value, 0 or more.
        most: f64,
    },
}

impl Edit {
    /// The class and concept of a prune.
    pub fn pruned(&self) -> Option<(usize, usize)> {
        match *self {
            Self::Prune { class, concept } => Some((class, concept)),
            _ => None,
        }
    }

    fn place(&self) -> (Option<usize>, Option<usize>) {
        match *self {
            Self::Prune { class, concept } | Self::Scale { class, concept, .. } | Self::Set { class, concept, .. } => {
                (Some(class), Some(concept))
            }
            Self::Constrain { class, concept, .. } | Self::Bound { class, concept, .. } => (class, concept),
        }
    }

    fn of(&self, weight: f64) -> f64 {
        match *self {
            Self::Prune { .. } => 0.0,
            Self::Scale { factor, .. } => weight * factor,
            Self::Set { value, .. } => value,
            Self::Constrain { sign: Sign::Positive, .. } => weight.max(0.0),
            Self::Constrain { sign: Sign::Negative, .. } => weight.min(0.0),
            Self::Bound { most, .. } => weight.clamp(-most, most),
        }
    }

    fn check(&self, head: &Head) -> Result<(), ProbeError> {
        let (concepts, classes) = head.weights.dim();
        let (class, concept) = self.place();
        for (what, number, of) in [("class", class, classes), ("concept", concept, concepts)] {
            if let Some(number) = number.filter(|n| *n >= of) {
                return Err(ProbeError::Data(format!("an edit names {what} number {number}, and there are {of}")));
            }
        }
        let bad = |name, value, rule| Err(ProbeError::BadParameter { name, value, rule });
        match *self {
            Self::Scale { factor, .. } if !factor.is_finite() => bad("factor", factor, "it must be a finite number"),
            Self::Set { value, .. } if !value.is_finite() => bad("value", value, "it must be a finite number"),
            Self::Bound { most, .. } if !(most >= 0.0 && most.is_finite()) => {
                bad("bound", most, "it must be a finite number, 0 or more")
            }
            _ => Ok(()),
        }
    }
}

/// What is done after weights were changed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Settle<'a> {
    /// Whether the weights of every class that lost one are multiplied so that Σ|w| of the class is what it was.
    pub renormalise: bool,
    /// Means of the concepts: intercepts take over what changed weights added to a class's score on average, so that an
    /// edit takes away what a concept says of a sample and not a constant as well.
    pub means: Option<&'a [f64]>,
}

/// The head with these changes, one after the other, and then settled.
///
/// The sum is over absolute values: with the signed sum, or with the signed pruned weight, a class whose pruned weight
/// is negative would be scaled the wrong way.
///
/// # Errors
/// When a number is no class or concept of the head or a value is not finite, a class that is to be renormalised has no
/// weight left, or there is not one mean a concept.
pub fn apply(head: &Head, edits: &[Edit], settle: Settle<'_>) -> Result<Head, ProbeError> {
    if let Some(means) = settle.means.filter(|m| m.len() != head.weights.nrows()) {
        let expected = head.weights.nrows();
        return Err(ProbeError::Shape { what: "means of concepts".into(), found: means.len(), expected });
    }
    let mut weights = head.weights.clone();
    for edit in edits {
        edit.check(head)?;
        let (class, concept) = edit.place();
        for ((j, k), weight) in weights.indexed_iter_mut() {
            if class.is_none_or(|c| c == k) && concept.is_none_or(|c| c == j) {
                *weight = edit.of(*weight);
            }
        }
    }
    let norm = |column: ndarray::ArrayView1<'_, f64>| column.iter().map(|w| w.abs()).sum::<f64>();
    let mut pruned: Vec<usize> = edits.iter().filter_map(|e| e.pruned().map(|p| p.0)).collect();
    pruned.sort_unstable();
    pruned.dedup();
    for class in pruned.into_iter().filter(|_| settle.renormalise) {
        let (before, after) = (norm(head.weights.column(class)), norm(weights.column(class)));
        if after == 0.0 && before > 0.0 {
            return Err(ProbeError::Data(format!(
                "class number {class} (from 0) has no weight left, so its weights cannot be renormalised"
            )));
        }
        if after > 0.0 {
            weights.column_mut(class).mapv_inplace(|w| w * before / after);
        }
    }
    let mut intercepts = head.intercepts.clone();
    if let Some(means) = settle.means {
        intercepts += &ndarray::ArrayView1::from(means).dot(&(&head.weights - &weights));
    }
    Ok(Head { weights, intercepts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const RENORMALISED: Settle<'static> = Settle { renormalise: true, means: None };

    fn head() -> Head {
        Head { weights: array![[-2.0, 1.0], [1.0, 0.5], [3.0, -4.0]], intercepts: array![0.1, 0.2] }
    }

    #[test]
    fn renormalising_restores_the_sum_of_absolute_values() {
        // The trap: −2 is pruned. Σ|w| was 6 and is 4, so the factor is 1.5; the signed sum says 2/4, and the signed
        // weight 4 + (−2) = 2 of 4: both would shrink the class instead.
        let found = apply(&head(), &[Edit::Prune { class: 0, concept: 0 }], RENORMALISED).unwrap();
        assert_eq!(found.weights, array![[0.0, 1.0], [1.5, 0.5], [4.5, -4.0]]);
        assert_eq!(found.intercepts, head().intercepts);
        let plain = apply(&head(), &[Edit::Prune { class: 0, concept: 0 }], Settle::default()).unwrap();
        assert_eq!(plain.weights, array![[0.0, 1.0], [1.0, 0.5], [3.0, -4.0]]);
    }

    #[test]
    fn several_prunes_of_a_class_are_renormalised_together() {
        let edits = [Edit::Prune { class: 1, concept: 0 }, Edit::Prune { class: 1, concept: 2 }];
        assert_eq!(apply(&head(), &edits, RENORMALISED).unwrap().weights.column(1).to_vec(), [0.0, 5.5, 0.0]);
        let all = [edits[0], edits[1], Edit::Prune { class: 1, concept: 1 }];
        assert!(apply(&head(), &all, RENORMALISED).unwrap_err().to_string().contains("no weight left"));
        assert_eq!(apply(&head(), &all, Settle::default()).unwrap().weights.column(1).sum(), 0.0);
    }

    #[test]
    fn weights_are_scaled_set_constrained_and_bounded() {
        let of = |edit| apply(&head(), &[edit], Settle::default()).unwrap().weights;
        assert_eq!(of(Edit::Scale { class: 0, concept: 2, factor: -0.5 })[[2, 0]], -1.5);
        assert_eq!(of(Edit::Set { class: 1, concept: 1, value: 7.0 })[[1, 1]], 7.0);
        let positive = of(Edit::Constrain { class: None, concept: None, sign: Sign::Positive });
        assert_eq!(positive, array![[0.0, 1.0], [1.0, 0.5], [3.0, 0.0]]);
        let negative = of(Edit::Constrain { class: Some(1), concept: None, sign: Sign::Negative });
        assert_eq!(negative, array![[-2.0, 0.0], [1.0, 0.0], [3.0, -4.0]]);
        let bound = of(Edit::Bound { class: None, concept: Some(2), most: 2.5 });
        assert_eq!(bound, array![[-2.0, 1.0], [1.0, 0.5], [2.5, -2.5]]);
    }

    #[test]
    fn the_mean_of_what_is_pruned_can_stay() {
        let settle = Settle { renormalise: true, means: Some(&[2.0, 1.0, 0.5]) };
        let found = apply(&head(), &[Edit::Prune { class: 0, concept: 0 }], settle).unwrap();
        // −4 + 1 + 1.5 before, 1.5 + 2.25 after: the score of the mean sample stays.
        assert!((found.intercepts[0] - (0.1 - 1.5 - 3.75)).abs() < 1e-12 && found.intercepts[1] == 0.2);
        assert!(apply(&head(), &[], Settle { means: Some(&[1.0]), ..settle }).is_err());
    }

    #[test]
    fn what_is_no_edit_is_refused() {
        let of = |edit| apply(&head(), &[edit], Settle::default()).unwrap_err().to_string();
        assert!(of(Edit::Prune { class: 2, concept: 0 }).contains("class number 2, and there are 2"));
        assert!(of(Edit::Prune { class: 0, concept: 3 }).contains("concept number 3"));
        assert!(of(Edit::Set { class: 0, concept: 0, value: f64::NAN }).contains("finite"));
        assert!(of(Edit::Bound { class: None, concept: None, most: -1.0 }).contains("0 or more"));
    }
}
