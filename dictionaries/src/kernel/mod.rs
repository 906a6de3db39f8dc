//! What the training and the encoding of a dictionary spend their time in.

mod entries;
mod matrix;
mod product;
mod select;
mod vector;

pub(crate) use entries::{Entries, Places};
pub(crate) use matrix::Matrix;
pub(crate) use product::products;
pub(crate) use select::{largest, largest_of_all};
pub(crate) use vector::{add_scaled, dot};
