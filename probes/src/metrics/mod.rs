//! Metrics of concept bottlenecks: arrays in, numbers out, each with its uncertainty and its chance level.
//!
//! One file a job; [`METRICS`] lists every name. Quality ([`concept_quality`], [`task_quality`]) and guards
//! ([`class_balance`], [`concept_balance`], [`certificate`]) say whether the numbers can be believed at all; importance
//! ([`global_importance`], [`existence`], [`location`], [`mask_metrics`]) whether what a decision rests on is there, and
//! where the map is hot; representations ([`alignment_score`], [`oracle_impurity`], [`niche_impurity`],
//! [`effective_concepts`], [`contributing_concepts`]) what a concept holds; leakage ([`task_leakage`], [`pair_leakage`],
//! [`whole_leakage`], [`published_leakage`], [`bypass()`]) what passes beside the concepts.

mod about;
mod activation_map;
mod alignment;
mod bypass;
mod calibration;
mod certificate;
mod concept_plane;
mod concept_quality;
mod existence;
mod global_importance;
mod guards;
mod impurity_niche;
mod impurity_oracle;
mod leakage;
mod location;
mod mask;
mod medoids;
mod metric;
mod predictor;
mod proportion;
pub(crate) mod random;
mod ranking;
pub(crate) mod resample;
mod sparsity;
mod task_quality;

pub use about::{About, METRICS, about};
pub use activation_map::{Resize, concept_map, resize};
pub use alignment::{Alignment, alignment_score, scalar_representation};
pub use bypass::bypass;
pub use calibration::{Bin, Binning, Calibration, calibration};
pub use certificate::{Certificate, certificate};
pub use concept_plane::{DEFAULT_PLANE, concept_plane};
pub use concept_quality::{ConceptScores, concept_quality};
pub use existence::{ClassWeights, Decisions, Existence, OfClass, Ties, existence};
pub use global_importance::{GlobalImportance, concept_frequencies, global_importance};
pub use guards::{class_balance, concept_balance, constant_features, hard_concept_ceiling};
pub use impurity_niche::{Masking as NicheMasking, NicheImpurity, niche_impurity};
pub use impurity_oracle::{Impurity, OracleImpurity, oracle_impurity};
pub use leakage::{
    LeakageOptions, Null, movable, pair_leakage, patterns, published_leakage, representation_leakage, self_information,
    task_leakage, whole_leakage,
};
pub use location::{Among, Location, Maps, Over, in_region, location, region_size};
pub use mask::{Masking, Masks, Overlap, Region, mask_metrics, overlap, region};
pub use metric::Metric;
pub use predictor::Predictor;
pub use proportion::{lower_bound, upper_tail, wilson};
pub use ranking::{Auc, auc, average_precision};
pub use resample::{Bootstrap, Spread};
pub use sparsity::{contributing_concepts, effective_concepts};
pub use task_quality::task_quality;

use crate::ProbeError;

/// Refuses two counts that must be one.
pub(crate) fn check_rows(what: &str, found: usize, expected: usize) -> Result<(), ProbeError> {
    if found == expected { Ok(()) } else { Err(ProbeError::Shape { what: what.into(), found, expected }) }
}
