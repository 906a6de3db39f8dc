//! Files as variables: arrays and columns of npy, npz, IDX, CSV, Parquet and safetensors, continuous or discrete; read as a whole, or
//! some rows at a time.

mod file;
mod stream;
mod symbols;
mod table;
mod tensors;

pub(crate) use file::columns_of;
pub use file::{LoadedVariable, VariableFile};
pub(crate) use stream::VariableStream;
pub(crate) use symbols::symbols;
pub use table::{Column, Table, Values};
