//! Dictionaries by kind: those of one variant belong together, baselines stand apart.

use crate::figure::data::distinct;
use narrows_dictionaries::baselines::BASELINES;

/// The variant without its parameters.
pub(super) fn kind(variant: &str) -> &str {
    variant.split(':').next().unwrap_or(variant)
}

/// Whether it is a baseline's method.
pub(super) fn is_baseline(variant: &str) -> bool {
    BASELINES.iter().any(|b| b.name == kind(variant))
}

/// The kinds in the order in which they first occur, variants before baselines.
pub(super) fn kinds<'a>(variants: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all = distinct(variants.map(|v| kind(v).to_string()));
    all.sort_by_key(|k| is_baseline(k));
    all
}
