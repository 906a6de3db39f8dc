//! The learners, one file a kind.

pub(super) mod closed_form;
pub(super) mod key_value;
pub(super) mod network;
mod statistics;
