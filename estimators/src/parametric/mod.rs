//! Estimators that fit a family of distributions: exact where the family is right, whatever the dimension.

mod canonical;
mod gaussian;
mod student;

pub(crate) use gaussian::{COPULA_ENTRY as GAUSSIAN_COPULA, ENTRY as GAUSSIAN};
pub use gaussian::{Gaussian, Shrinkage};
pub(crate) use student::ENTRY as STUDENT_COPULA;
pub use student::StudentCopula;
