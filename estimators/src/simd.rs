//! The vector instructions of the machine, for loops elsewhere in the program that are as hot as those in here.
//!
//! A loop is written plainly in a function that is always inlined into [`WithSimd::with_simd`]; [`Arch::dispatch`] runs
//! it as compiled for the widest vectors that the machine has.

pub use crate::kernel::Fused;
pub use pulp::{Arch, Scalar, Simd, WithSimd};
