//! What the training and the encoding of a dictionary spend their time in.

mod entries;
mod matrix;
mod product;
mod select;
mod vector;

pub(crate) use entries::{Entries, Places, Row};
pub(crate) use matrix::Matrix;
pub(crate) use product::{Packed, ROWS, products};
pub(crate) use select::{above, largest, largest_of_all, top};
pub(crate) use vector::{add_scaled, dot};
