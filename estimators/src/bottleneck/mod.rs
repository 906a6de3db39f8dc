//! The information bottleneck of a known joint distribution: how much of Y can be kept at a given I(X;T).
//!
//! For discrete p(x, y) the curve F(r) = max I(T;Y) over all p(t|x) with I(X;T) ≤ r is found by the self-consistent
//! equations of Tishby, Pereira & Bialek (1999) along a schedule of β, with annealing from both ends; where the labels
//! are a function of the input it is the corner min(r, H(Y)) and needs no search (Kolchinsky, Tracey & Van Kuyk 2019).
//! Two closed forms stand beside it: the binary symmetric channel and jointly Gaussian variables.

mod closed;
mod clusters;
mod curve;
mod error;
mod gaussian;
mod joint;
mod points;
mod schedule;
mod solve;
#[cfg(test)]
mod tests;

pub use closed::{binary_symmetric_bound, binary_symmetric_critical_beta};
pub use curve::{BottleneckCurve, CurveLimits};
pub use error::BottleneckError;
pub use gaussian::GaussianBottleneck;
pub use joint::JointDistribution;
pub use points::{CurvePoint, Origin};
pub use schedule::BottleneckOptions;
