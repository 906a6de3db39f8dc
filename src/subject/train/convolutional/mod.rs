//! Training of convolutional networks: the same session, optimisers, tables and states as for dense ones.
//!
//! A block is a convolution, a max-pooling and the activation function, in this order, as in the networks of Butakov et
//! al. 2024; noise and dropout come behind the function. Dense layers follow the blocks. Weights are kept as matrices
//! [outputs × inputs], a kernel laid out in a row, so that optimisers and gradient statistics need not know them apart.

mod convolve;
mod model;
mod session;
mod shape;
#[cfg(test)]
mod tests;

pub(super) use session::train;
pub use shape::Convolutions;
