//! What codes have to do with the states of a finite-state machine, and what a model knows of it (Tamkin, Taufeeque &
//! Goodman 2023, section 4, and the released code's definitions).

mod firing;
mod neurons;
mod next;
mod purity;
mod steer;
mod walks;

pub use firing::{CodeState, Firing, best_of_states};
pub use neurons::{NeuronMatch, match_neurons};
pub use next::{Edges, NextStates};
pub use purity::{Purity, Sharing};
pub use steer::{Components, Steered, steer};
pub use walks::{WalkAccuracy, Walks};

/// Jensen–Shannon divergence of two distributions, in nats.
pub fn jensen_shannon(p: ndarray::ArrayView1<f64>, q: ndarray::ArrayView1<f64>) -> f64 {
    let part = |a: f64, b: f64| if a > 0.0 { a * (2.0 * a / (a + b)).ln() } else { 0.0 };
    p.iter().zip(q).map(|(&p, &q)| 0.5 * (part(p, q) + part(q, p))).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn jensen_shannon_by_hand() {
        let (p, q) = (array![1.0, 0.0], array![0.0, 1.0]);
        assert!((jensen_shannon(p.view(), q.view()) - 2f64.ln()).abs() < 1e-12);
        assert_eq!(jensen_shannon(p.view(), p.view()), 0.0);
        // Of (1, 0) and (½, ½): ½ ln(4/3) + ¼ ln(2/3) + ¼ ln 2.
        let half = array![0.5, 0.5];
        let expected = 0.5 * (4.0f64 / 3.0).ln() + 0.25 * (2.0f64 / 3.0).ln() + 0.25 * 2f64.ln();
        assert!((jensen_shannon(p.view(), half.view()) - expected).abs() < 1e-12);
    }
}
