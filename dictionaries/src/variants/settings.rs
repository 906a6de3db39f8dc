//! What all variants can be told about their training.

use super::Variant;
use crate::DictionaryError;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;

/// A variant and how it is trained.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) variant: Box<dyn Variant>,
    pub(crate) common: Common,
}

/// How a dictionary is trained, whatever its variant. Shares are of the plan's steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Common {
    /// Adam's, once warm.
    pub(crate) learning_rate: f64,
    /// Share over which the learning rate rises from nothing.
    pub(crate) warm_up: f64,
    /// Share at the end over which it falls to nothing.
    pub(crate) decay: f64,
    /// Share over which the weight of the sparsity rises from nothing.
    pub(crate) sparsity_warm_up: f64,
    /// Longest gradient, over all parameters together; 0 for any.
    pub(crate) clip: f32,
    /// Samples without a code after which a feature counts as dead; of the plan when not given.
    pub(crate) dead_after: Option<u64>,
    /// Weight of the dead features' auxiliary loss; 0 for none.
    pub(crate) auxiliary: f32,
    /// Share of the plan between resamplings of dead features; 0 for never.
    pub(crate) resample: f64,
    /// Whether inputs are scaled to a mean square norm of 1.
    pub(crate) normalise: bool,
}

pub(super) const fn learning_rate(default: &'static str) -> ParameterDoc {
    ParameterDoc { name: "learning-rate", default, meaning: "of Adam (β 0.9, 0.999), once it is warm" }
}
pub(super) const WARM_UP: ParameterDoc = ParameterDoc {
    name: "warm-up",
    default: "0.05",
    meaning: "share of the steps over which the learning rate rises from 0",
};
pub(super) const DECAY: ParameterDoc =
    ParameterDoc { name: "decay", default: "0.2", meaning: "share of the steps, at the end, over which it falls to 0" };
pub(super) const fn sparsity_warm_up(default: &'static str) -> ParameterDoc {
    ParameterDoc {
        name: "sparsity-warm-up",
        default,
        meaning: "share of the steps over which the weight of the sparsity rises from 0",
    }
}
pub(super) const fn clip(default: &'static str) -> ParameterDoc {
    ParameterDoc { name: "clip", default, meaning: "longest gradient (norm over all parameters), or 0: any" }
}
pub(super) const DEAD_AFTER: ParameterDoc = ParameterDoc {
    name: "dead-after",
    default: "5 % of the samples to be seen",
    meaning: "samples in a row without an activation after which a feature counts as dead",
};
pub(super) const AUXILIARY: ParameterDoc = ParameterDoc {
    name: "auxiliary",
    default: "0.03125",
    meaning: "weight of the loss by which dead features learn the residual, or 0: none",
};
pub(super) const RESAMPLE: ParameterDoc = ParameterDoc {
    name: "resample",
    default: "0.1",
    meaning: "share of the steps after which dead features start anew, again and again, or 0: never",
};
pub(super) const NORMALISE: ParameterDoc = ParameterDoc {
    name: "normalise",
    default: "yes",
    meaning: "yes: train on inputs scaled to a mean square norm of 1 (the scale is folded in at the end); no",
};

/// Defaults in which the variants differ.
pub(super) struct Defaults {
    pub(super) learning_rate: f64,
    pub(super) sparsity_warm_up: f64,
    pub(super) clip: f32,
    pub(super) auxiliary: f32,
    pub(super) resample: f64,
}

impl Common {
    pub(super) fn read(p: &Parameters, defaults: &Defaults) -> Result<Self, DictionaryError> {
        let share = |key: &str, default: f64| {
            Ok::<_, DictionaryError>(
                p.value(key, "it must be a share, 0 to 1", |v: &f64| (0.0..=1.0).contains(v))?.unwrap_or(default),
            )
        };
        let positive = |v: &f64| v.is_finite() && *v > 0.0;
        let weight = |v: &f32| v.is_finite() && *v >= 0.0;
        Ok(Self {
            learning_rate: p.value("learning-rate", "it must be positive", positive)?.unwrap_or(defaults.learning_rate),
            warm_up: share("warm-up", 0.05)?,
            decay: share("decay", 0.2)?,
            sparsity_warm_up: share("sparsity-warm-up", defaults.sparsity_warm_up)?,
            clip: p.value("clip", "it must not be negative", weight)?.unwrap_or(defaults.clip),
            dead_after: p.value("dead-after", "it must be a number of samples, at least 1", |v: &u64| *v > 0)?,
            auxiliary: p.value("auxiliary", "it must not be negative", weight)?.unwrap_or(defaults.auxiliary),
            resample: share("resample", defaults.resample)?,
            normalise: p.yes_or_no("normalise")?.unwrap_or(true),
        })
    }
}
