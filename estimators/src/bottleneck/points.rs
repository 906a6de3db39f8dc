//! One point of the curve.

use serde::{Deserialize, Serialize};

/// Which search found a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Known in closed form: the corner of a deterministic y, or the point that knows nothing.
    Exact,
    /// Annealing downwards from a β at which every x has a cluster of its own.
    Reverse,
    /// Annealing upwards, with clusters split by small perturbations.
    Forward,
    /// A start at random.
    Random,
    /// The encoder of another β, which turned out to be better here too.
    Neighbour,
}

impl Origin {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Reverse => "reverse",
            Self::Forward => "forward",
            Self::Random => "random",
            Self::Neighbour => "neighbour",
        }
    }
}

/// The best encoder that was found at one β. Amounts are in nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// β of the Lagrangian I(X;T) − β I(T;Y); the curve's slope there is 1/β.
    pub beta: f64,
    /// I(X;T).
    pub i_xt: f64,
    /// I(T;Y).
    pub i_ty: f64,
    /// H(T): equal to I(X;T) where the encoder is a partition.
    pub h_t: f64,
    /// Clusters that are not empty and not equal to another.
    pub clusters: usize,
    /// Iterations of the search that found it.
    pub iterations: usize,
    /// Whether that search ended by standing still, and not by its maximum of iterations.
    pub converged: bool,
    /// Which search it was.
    pub origin: Origin,
}

impl CurvePoint {
    /// I(X;T) − β I(T;Y), at this point's β or another's.
    pub fn lagrangian(&self, beta: f64) -> f64 {
        self.i_xt - beta * self.i_ty
    }
}
