//! Files as variables: arrays and columns of npy, npz, IDX, CSV and Parquet, continuous or discrete.

mod file;
mod table;

pub(crate) use file::columns_of;
pub(crate) use file::symbols;
pub use file::{LoadedVariable, VariableFile};
pub use table::{Column, Table, Values};
