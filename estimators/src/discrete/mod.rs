//! Entropies of discrete variables from counts.

mod plug_in;
mod rows;

pub use plug_in::{Correction, PlugIn, SymbolCounts};
pub use rows::row_symbols;

pub(crate) use plug_in::{ENTRY as PLUG_IN, plug_in_entropy};
