//! Loaders: bytes in, arrays out.

pub mod cifar;
mod compact;
pub mod csv;
mod gzip;
pub mod idx;
pub mod npy;
pub mod npz;
mod sniff;
pub mod text;

pub use compact::Compact;
pub use gzip::{checked_from, gunzip, gunzip_from, inflate_from};
pub use sniff::{Format, sniff};
