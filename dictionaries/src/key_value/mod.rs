//! The discrete key–value bottleneck (Träuble et al. 2023, "Discrete Key-Value Bottleneck").
//!
//! A frozen embedding is split over heads; each head looks up the nearest of its keys and fetches that key's value; the
//! scores of the classes are the mean of the fetched values: nothing is trained behind it. Keys are fitted without labels
//! ([`learn_keys`]) and then frozen for good, so that the only thing that learns is the table of values, and a sample moves
//! nothing but the values that it fetched ([`ValueTraining`]): what other classes wrote stays where it is unless they share
//! a key. That is why classes that come one after the other are forgotten less than by a network, whose every weight is
//! shared.
//!
//! Because keys are frozen, the pairs that a sample fetches ([`Fetched`]) are found once, and training is a matter of rows
//! of a table.

mod fetched;
mod keys;
mod memory;
mod splitter;
#[cfg(test)]
mod toy_tests;
mod training;
mod unlearn;

pub use fetched::Fetched;
pub use keys::{Expiry, KeyPlan, KeyStart, learn_keys};
pub use memory::KeyValueMemory;
pub use splitter::{Split, Splitter};
pub use training::{ValueMethod, ValueTraining};
pub use unlearn::most_fetched;
