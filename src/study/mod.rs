//! Studies: one file describes an experiment, with presets for a laptop and for a cluster, and one command runs it.
//!
//! A study names what is to be done ([`Kind`]), a job in the words of that command's own config, and presets that change
//! some of its keys. Those of the papers are built in ([`BUILTIN`]).

mod association;
mod builtin;
mod claim;
pub mod cluster;
mod file;
mod grid;
mod job;
pub mod sweep;

pub use association::{association, association_findings};
pub use builtin::{BUILTIN, Builtin};
pub use claim::{Claim, Verdict};
use file::nested;
pub use file::{Kind, Study, merge};
pub use grid::{Cell, expand};
pub use job::Job;
