//! Metrics of concept bottlenecks: arrays in, numbers out, each with its uncertainty and its chance level.
//!
//! One file a job. Quality ([`concept_quality`], [`task_quality`]) and guards ([`class_balance`], [`certificate`]) say
//! whether the numbers can be believed at all.

mod activation_map;
mod calibration;
mod certificate;
mod concept_quality;
mod existence;
mod global_importance;
mod guards;
mod location;
mod mask;
mod metric;
mod proportion;
pub(crate) mod random;
mod ranking;
pub(crate) mod resample;
mod sparsity;
mod task_quality;

pub use activation_map::{Resize, concept_map, resize};
pub use calibration::{Bin, Binning, Calibration, calibration};
pub use certificate::{Certificate, certificate};
pub use concept_quality::{ConceptScores, concept_quality};
pub use existence::{Decisions, Existence, OfClass, Ties, existence};
pub use global_importance::{GlobalImportance, concept_frequencies, global_importance};
pub use guards::{class_balance, concept_balance, constant_features, hard_concept_ceiling};
pub use location::{Among, Location, Maps, Over, in_region, location, region_size};
pub use mask::{Masking, Masks, Overlap, Region, mask_metrics, overlap, region};
pub use metric::Metric;
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
