//! Pairs of variables whose mutual information is known, to measure estimators against.
//!
//! [`beyond_normal`] is the benchmark of forty tasks of Czyż et al. (NeurIPS 2023); [`dial`] makes families whose
//! information is what one asks for, after Butakov et al. (ICLR 2024); [`mixtures`] are shapes without a
//! closed form, whose information is a numerical integral. Information is in nats throughout.

mod beyond_normal;
mod closed_form;
mod dial;
mod error;
mod families;
mod images;
mod maps;
mod mixtures;
mod rows;
mod task;

pub use beyond_normal::beyond_normal;
pub use dial::Dial;
pub use error::TruthError;
pub use families::{dial, high_dimensional};
pub use mixtures::mixtures;
pub use task::{Pairs, Task, TruthVariable};
