//! Loaders: bytes in, arrays out.

pub mod csv;
mod gzip;
pub mod idx;
pub mod npy;
pub mod npz;
mod sniff;

pub use gzip::gunzip;
pub use sniff::{Format, sniff};
