//! Each concept given all others and the class: the conditionals of the pseudo-likelihood.
//!
//! Flipping concept k moves p by ±D_k, so that its log odds given the rest are
//! E_global(c with c_k = 0, y) − E_global(c with c_k = 1, y) = Σ_h g_h (ReLU(p_h − c_k D_kh) − ReLU(p_h + (1 − c_k) D_kh))
//! with g = a_cy ∘ (1 + ū_y): exact, at H steps a concept.

use ndarray::{Array1, Array2, Axis};

/// What the conditionals of a batch are made of.
pub(super) struct Rest<'a> {
    /// p [rows × H].
    pub(super) projected: &'a Array2<f32>,
    /// c [rows × concepts].
    pub(super) context: &'a Array2<f32>,
    /// D [concepts × H].
    pub(super) change: &'a Array2<f32>,
    /// g of each row's class [rows × H].
    pub(super) own: &'a Array2<f32>,
}

impl Rest<'_> {
    /// Log odds [rows × concepts] that a concept is present, given the others and the class.
    pub(super) fn odds(&self) -> Array2<f32> {
        Array2::from_shape_fn(self.context.dim(), |(i, k)| {
            let c = self.context[[i, k]];
            let (p, g, d) = (self.projected.row(i), self.own.row(i), self.change.row(k));
            let [p, g, d] = [&p, &g, &d].map(|a| a.to_slice().unwrap_or_default());
            // Eight sums side by side, so that they need not wait for each other.
            let mut sums = [0.0f32; 8];
            let chunks = p.chunks(8).zip(g.chunks(8)).zip(d.chunks(8));
            for ((p, g), d) in chunks {
                for (((sum, &p), &g), &d) in sums.iter_mut().zip(p).zip(g).zip(d) {
                    *sum += g * ((p - c * d).max(0.0) - (p + (1.0 - c) * d).max(0.0));
                }
            }
            sums.iter().sum()
        })
    }

    /// From the derivatives by the log odds: adds those by p and by D, and returns those by g.
    pub(super) fn back(
        &self,
        by_odds: &Array2<f32>,
        by_projected: &mut Array2<f32>,
        by_change: &mut Array2<f32>,
    ) -> Array2<f32> {
        let mut by_own = Array2::zeros(self.own.dim());
        let mut slope = Array1::<f32>::zeros(self.own.ncols());
        for (i, mut by_g) in by_own.axis_iter_mut(Axis(0)).enumerate() {
            let (p, g) = (self.projected.row(i), self.own.row(i));
            slope.fill(0.0);
            for (k, mut by_d) in by_change.outer_iter_mut().enumerate() {
                let (c, by) = (self.context[[i, k]], by_odds[[i, k]]);
                if by == 0.0 {
                    continue;
                }
                let [p, g] = [&p, &g].map(|a| a.to_slice().unwrap_or_default());
                let d = self.change.row(k).to_slice().unwrap_or_default();
                let to = by_g.as_slice_mut().unwrap_or_default().iter_mut();
                let to = to.zip(slope.iter_mut()).zip(by_d.as_slice_mut().unwrap_or_default());
                for (((by_g, by_p), by_d), ((&p, &g), &d)) in to.zip(p.iter().zip(g).zip(d)) {
                    let (without, with) = (p - c * d, p + (1.0 - c) * d);
                    let (off, on) = (f32::from(without > 0.0), f32::from(with > 0.0));
                    *by_g += by * (without * off - with * on);
                    *by_p += by * g * (off - on);
                    *by_d -= by * g * (c * off + (1.0 - c) * on);
                }
            }
            by_projected.row_mut(i).scaled_add(1.0, &slope);
        }
        by_own
    }
}
