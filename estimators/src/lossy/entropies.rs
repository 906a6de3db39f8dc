//! Entropies of codes: each sample's share of h, whose mean is the entropy.

use super::EntropyMethod;
use crate::kernel::{DensityWidth, LeaveOneOut};
use crate::linalg::{Whitened, side_by_side, whitened};
use crate::{EstimatorError, KozachenkoLeonenko};
use ndarray::ArrayView2;

/// A way to an entropy.
pub(super) enum Method {
    Neighbours(KozachenkoLeonenko),
    Density(LeaveOneOut),
}

impl Method {
    pub(super) fn new(method: EntropyMethod, k: usize) -> Self {
        match method {
            // Whitened before it is called, so that the rank is known.
            EntropyMethod::Neighbours => {
                Self::Neighbours(KozachenkoLeonenko { whiten: false, ..KozachenkoLeonenko::new(k) })
            }
            EntropyMethod::Density => Self::Density(LeaveOneOut { width: DensityWidth::Likelihood }),
        }
    }

    /// Contributions to h of one variable.
    pub(super) fn entropy(&self, x: ArrayView2<'_, f64>) -> Result<Vec<f64>, EstimatorError> {
        let Whitened { values, log_scale } = whitened(x);
        match self {
            Self::Neighbours(neighbours) => Ok(shifted(neighbours.contributions(values.view())?, log_scale)),
            Self::Density(density) => {
                Ok(shifted(LeaveOneOut::surprises(values.view(), density.width_for(values.view())), log_scale))
            }
        }
    }

    /// Contributions to h(x), h(t) and h(x, t); `None` where a variable follows from the other.
    pub(super) fn entropies(
        &self,
        x: ArrayView2<'_, f64>,
        t: ArrayView2<'_, f64>,
    ) -> Result<Option<[Vec<f64>; 3]>, EstimatorError> {
        let joint = side_by_side(x, t);
        if whitened(joint.view()).values.ncols() < joint.ncols() {
            return Ok(None);
        }
        match self {
            Self::Neighbours(_) => Ok(Some([self.entropy(x)?, self.entropy(t)?, self.entropy(joint.view())?])),
            Self::Density(density) => {
                // One width for all three, so that what the kernel blurs is blurred alike on both sides. The margins'
                // scales are the joint sample's too, and cancel.
                let (x, t) = (whitened(x).values, whitened(t).values);
                let joint = side_by_side(x.view(), t.view());
                let width = density.width_for(joint.view());
                Ok(Some([x, t, joint].map(|z| LeaveOneOut::surprises(z.view(), width))))
            }
        }
    }
}

fn shifted(mut contributions: Vec<f64>, by: f64) -> Vec<f64> {
    contributions.iter_mut().for_each(|h| *h += by);
    contributions
}
