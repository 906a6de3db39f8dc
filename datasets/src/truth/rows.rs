//! How a row of each variable is drawn, before any map.

use rand::Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

/// A standard normal number.
pub(super) fn normal(rng: &mut impl Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Standard normal rows where the first `pairs` coordinates of X and Y are correlated one to one and all else is
/// independent. The information of a pair is given and not its correlation: √(1 − ρ²) = e^(−I) keeps its digits where ρ
/// is nearly 1.
pub(super) fn paired_normals(rng: &mut impl Rng, x: &mut [f64], y: &mut [f64], pairs: usize, information: f64) {
    let (rho, rest) = (super::closed_form::normal_correlation(information), (-information).exp());
    x.fill_with(|| normal(rng));
    y.fill_with(|| normal(rng));
    for (y, &x) in y.iter_mut().zip(x.iter()).take(pairs) {
        *y = rho * x + rest * *y;
    }
}

/// Standard normal rows where every two coordinates, within and across, have the correlation `rho` ≥ 0: all share one
/// normal factor.
pub(super) fn equicorrelated_normals(rng: &mut impl Rng, x: &mut [f64], y: &mut [f64], rho: f64) {
    let (shared, own) = (rho.sqrt() * normal(rng), (1.0 - rho).sqrt());
    for value in x.iter_mut().chain(y) {
        *value = shared + own * normal(rng);
    }
}

/// √(χ²/ν), by which both rows of a pair are divided: normal rows become Student rows, dependent even where they were
/// independent.
#[derive(Clone, Copy)]
pub(super) struct Denominator {
    chi_squared: ChiSquared<f64>,
    dof: f64,
}

impl Denominator {
    /// Of at least one degree of freedom.
    pub(super) fn new(dof: u32) -> Self {
        let dof = f64::from(dof.max(1));
        Self { chi_squared: ChiSquared::new(dof).expect("there is a χ² at one degree of freedom or more"), dof }
    }

    pub(super) fn divide(&self, rng: &mut impl Rng, x: &mut [f64], y: &mut [f64]) {
        let denominator = (self.chi_squared.sample(rng) / self.dof).sqrt();
        for value in x.iter_mut().chain(y) {
            *value /= denominator;
        }
    }
}
