//! Interventions: what a prediction gains, or loses, when a person corrects concepts one after the other.
//!
//! A [`Policy`] says which concept of a sample is to be asked for next; [`Interventions::simulate`] asks a simulated
//! [`Human`] until everything is corrected, and the [`Paths`] that result become a [`curve`] (accuracy against the
//! number or the cost of corrections, with intervals) and a [`summary`] (area under the curve, harmful corrections).
//! Koh et al. 2020, "Concept bottleneck models", section 4.3; Chauhan et al. 2023, "Interactive concept bottleneck
//! models"; Espinosa Zarlenga et al. 2022, "Concept embedding models", section 5.
//!
//! Where a bottleneck says what corrections mean for other concepts ([`Propagation`]), [`Interventions::effects`]
//! measures what one of them does to those that go together with it.
//!
//! What is corrected at once is a unit ([`Units`]): a concept, or a group of them, with a cost.

mod coop;
mod curve;
mod effects;
mod flip;
mod human;
mod moments;
mod neighbours;
mod paths;
mod policy;
mod run;
mod share;
mod state;
mod summary;
#[cfg(test)]
mod tests;
mod units;
mod value;

pub use curve::{Axis, Point, curve};
pub use effects::{Corrected, Effect, Target};
pub use human::Human;
pub use neighbours::{Relation, phi, relations};
pub use paths::Paths;
pub use policy::{POLICIES, Policy, PolicyEntry, View, policy};
pub use run::Interventions;
pub use state::{Correction, Independent, Propagation, presence};
pub use summary::{auc_difference, summary};
pub use units::Units;
