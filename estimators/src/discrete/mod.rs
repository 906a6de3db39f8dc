//! Entropies of discrete variables from counts.

mod correction;
mod plug_in;
mod rows;

pub use correction::Correction;
pub use plug_in::{PlugIn, SymbolCounts};
pub(crate) use rows::{RowNumbers, row_symbols};

pub(crate) use plug_in::{ENTRY as PLUG_IN, entropy_of_labels, plug_in_entropy};
