//! The folder of a run: what is in it, whole or not at all, and how a killed run goes on.

mod file;
mod folder;
mod ledger;
mod manifest;

pub(crate) use file::PARTIAL;
pub use file::{InputFile, write_atomic};
pub(crate) use file::{hexadecimal, read_config, within, write_atomic_with};
pub use folder::{Existing, Opened, RunFolder};
pub(crate) use folder::{TABLES, now};
pub(crate) use ledger::Ledger;
pub use manifest::{Identity, Limits, Manifest};
