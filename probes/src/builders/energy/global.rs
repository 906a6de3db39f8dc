//! The global term G(c, y) as inference reads it.
//!
//! Trained with the partition over classes alone, E_global is known up to a function of c: adding one changes no
//! p(y | c). Used raw in a joint energy that arbitrary function would act as a prior of concepts that nobody trained;
//! so there G = −ln softmax_y(−E_global). Trained with the joint partition E_global is used as it is.

use super::choices::Partition;
use super::parts::Tables;
use super::sample::log_partition;
use ndarray::Array2;

/// G at points p.
#[derive(Debug, Clone, Copy)]
pub(super) struct Global<'a> {
    pub(super) tables: &'a Tables,
    pub(super) partition: Partition,
}

impl Global<'_> {
    /// G [patterns × M] of p [patterns × H].
    pub(super) fn at(&self, projected: &Array2<f64>) -> Array2<f64> {
        let mut energies = self.tables.global(projected);
        if self.partition == Partition::Class {
            for mut row in energies.outer_iter_mut() {
                let shift = row.as_slice().map_or(0.0, log_partition);
                row += shift;
            }
        }
        energies
    }

    /// G [M] of one p, into `out`.
    pub(super) fn into(&self, projected: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (&p, reads) in projected.iter().zip(self.tables.reads.outer_iter()) {
            if p > 0.0 {
                let reads = reads.to_slice().unwrap_or_default();
                out.iter_mut().zip(reads).for_each(|(o, r)| *o += p * r);
            }
        }
        if self.partition == Partition::Class {
            let shift = log_partition(out);
            out.iter_mut().for_each(|o| *o += shift);
        }
    }

    /// p of one sample's concepts.
    pub(super) fn projected(&self, concepts: &[f64]) -> Vec<f64> {
        let mut p = self.tables.origin.to_vec();
        for (&c, change) in concepts.iter().zip(self.tables.change.outer_iter()) {
            if c != 0.0 {
                p.iter_mut().zip(&change).for_each(|(p, d)| *p += c * d);
            }
        }
        p
    }
}
