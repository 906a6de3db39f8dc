//! The joint energy of soft concepts and a soft class, and its gradient.
//!
//! Embeddings are mixed by the probabilities and then brought to length one, as in the paper's inference:
//! ū(q) = Σ q_m u_m / |Σ q_m u_m|, v̄_k(ĉ) likewise; E_global reads the mixed, unnormalised concept embeddings, that is
//! p(ĉ). Because energies are linear in ū, r·ū(q) = Σ q_m (r·u_m) / √(qᵀ G q) with the embeddings' products
//! G = U Uᵀ: once r·u_m is known, a step costs nothing of width H but p. (The released code reads ĉ > ½ in E_global
//! instead, through which no gradient passes.)

use super::choices::{Partition, Weighing};
use super::parts::{Evidence, Tables, length};
use super::sample::log_partition;
use ndarray::{Array2, ArrayView1, Axis};

/// The joint energy of samples.
pub(super) struct Relaxed<'a> {
    tables: &'a Tables,
    partition: Partition,
    evidence: &'a Evidence,
    /// One a sample.
    weights: &'a [Weighing],
    /// a_cy ∘ u_mᵀ [H × M].
    along: Array2<f64>,
}

/// Some samples at some place.
pub(super) struct Point<'a> {
    rows: &'a [usize],
    concepts: &'a Array2<f64>,
    classes: &'a Array2<f64>,
    /// p [rows × H].
    projected: Array2<f64>,
    /// Of E_global: ReLU(p) · (a_cy ∘ u_m) [rows × M].
    along: Array2<f64>,
    /// Energies of all classes [rows × M], where G is normalised over them.
    all: Option<Array2<f64>>,
    /// q G [rows × M].
    products: Array2<f64>,
    /// In nats, one a row.
    pub(super) energies: Vec<f64>,
}

/// Of a concept: the length of its mixed embedding, and the derivative of its square by ĉ.
fn mixed(products: ArrayView1<'_, f64>, c: f64) -> (f64, f64) {
    let [off, both, on] = [products[0], products[1], products[2]];
    let square = (1.0 - c).powi(2) * off + 2.0 * c * (1.0 - c) * both + c * c * on;
    (length(square), 2.0 * ((c - 1.0) * off + (1.0 - 2.0 * c) * both + c * on))
}

impl<'a> Relaxed<'a> {
    pub(super) fn new(
        tables: &'a Tables,
        partition: Partition,
        evidence: &'a Evidence,
        weights: &'a [Weighing],
    ) -> Self {
        let along = &tables.classes.t() * &tables.readout.view().insert_axis(Axis(1));
        Self { tables, partition, evidence, weights, along }
    }

    /// These samples at these concepts [rows × K] and classes [rows × M].
    pub(super) fn at<'b>(&self, rows: &'b [usize], concepts: &'b Array2<f64>, classes: &'b Array2<f64>) -> Point<'b> {
        let tables = self.tables;
        let projected = tables.projected(concepts.view());
        let lit = projected.mapv(|p| p.max(0.0));
        let (along, plain) = (lit.dot(&self.along), lit.dot(&tables.readout));
        let all = (self.partition == Partition::Class).then(|| lit.dot(&tables.reads));
        let products = classes.dot(&tables.class_products);
        let energy = |i: usize| {
            let (row, weights) = (rows[i], self.weights[rows[i]]);
            let q = classes.row(i);
            let size = length(q.dot(&products.row(i)));
            let class = self.evidence.class_plain[row] + q.dot(&self.evidence.class_along.row(row)) / size;
            let mut global = plain[i] + q.dot(&along.row(i)) / size;
            if let Some(energies) = &all {
                global += log_partition(&energies.row(i).to_vec());
            }
            let mut own = 0.0;
            for (k, &c) in concepts.row(i).iter().enumerate() {
                let [off, on] = [0, 1].map(|b| self.evidence.concept_along[b][[row, k]]);
                let size = mixed(tables.concept_products.row(k), c).0;
                own += self.evidence.concept_plain[[row, k]] + ((1.0 - c) * off + c * on) / size;
            }
            weights.class * class + weights.concept * own + weights.global * global
        };
        let energies = (0..rows.len()).map(energy).collect();
        Point { rows, concepts, classes, projected, along, all, products, energies }
    }

    /// Derivatives of the energies by concepts [rows × K] and classes [rows × M].
    pub(super) fn slopes(&self, point: &Point<'_>) -> (Array2<f64>, Array2<f64>) {
        let tables = self.tables;
        let mut by_classes = Array2::zeros(point.classes.dim());
        // By p: what every ReLU is read with, where it is lit.
        let mut by_projected = point.classes.dot(&tables.classes);
        for (i, &row) in point.rows.iter().enumerate() {
            let weights = self.weights[row];
            let (q, products, along) = (point.classes.row(i), point.products.row(i), point.along.row(i));
            let size = length(q.dot(&products));
            let of_class = self.evidence.class_along.row(row);
            let scaled = (weights.class * q.dot(&of_class) + weights.global * q.dot(&along)) / size.powi(3);
            for (m, by) in by_classes.row_mut(i).iter_mut().enumerate() {
                *by = (weights.class * of_class[m] + weights.global * along[m]) / size - scaled * products[m];
            }
            let mut by = by_projected.row_mut(i);
            by.mapv_inplace(|u| 1.0 + u / size);
            by *= &tables.readout;
            if let Some(energies) = &point.all {
                let energies = energies.row(i);
                let shift = log_partition(&energies.to_vec());
                let shares = energies.mapv(|e| (-e - shift).exp());
                by -= &tables.reads.dot(&shares);
            }
            by.iter_mut().zip(point.projected.row(i)).for_each(|(by, p)| *by *= weights.global * f64::from(*p > 0.0));
        }
        let mut by_concepts = by_projected.dot(&tables.change.t());
        for (i, &row) in point.rows.iter().enumerate() {
            let weight = self.weights[row].concept;
            for (k, by) in by_concepts.row_mut(i).iter_mut().enumerate() {
                let c = point.concepts[[i, k]];
                let [off, on] = [0, 1].map(|b| self.evidence.concept_along[b][[row, k]]);
                let (size, by_square) = mixed(tables.concept_products.row(k), c);
                let top = (1.0 - c) * off + c * on;
                *by += weight * ((on - off) / size - top * by_square / (2.0 * size.powi(3)));
            }
        }
        (by_concepts, by_classes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::random_parts;
    use super::*;

    #[test]
    fn slopes_are_those_of_small_steps_and_corners_are_the_three_energies() {
        let parts = random_parts(5, 4, 3, 6);
        let tables = Tables::of(&parts);
        let x = Array2::from_shape_fn((2, 5), |(i, j)| ((i * 5 + j) as f64 * 0.7).cos());
        let evidence = tables.evidence(&parts, x.view());
        let weights = vec![Weighing { concept: 0.8, class: 1.3, global: 0.6 }; 2];
        let concepts = Array2::from_shape_fn((2, 4), |(i, k)| 0.2 + 0.15 * (i + k) as f64);
        let classes = ndarray::array![[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]];
        for partition in [Partition::Class, Partition::Joint] {
            let relaxed = Relaxed::new(&tables, partition, &evidence, &weights);
            let energy = |c: &Array2<f64>, q: &Array2<f64>, i: usize| relaxed.at(&[0, 1], c, q).energies[i];
            let (by_concepts, by_classes) = relaxed.slopes(&relaxed.at(&[0, 1], &concepts, &classes));
            let step = 1e-6;
            for i in 0..2 {
                for k in 0..4 {
                    let at = |by: f64| {
                        let mut moved = concepts.clone();
                        moved[[i, k]] += by;
                        energy(&moved, &classes, i)
                    };
                    let found = (at(step) - at(-step)) / (2.0 * step);
                    assert!((found - by_concepts[[i, k]]).abs() < 1e-7, "{found} for {}", by_concepts[[i, k]]);
                }
                for m in 0..3 {
                    let at = |by: f64| {
                        let mut moved = classes.clone();
                        moved[[i, m]] += by;
                        energy(&concepts, &moved, i)
                    };
                    let found = (at(step) - at(-step)) / (2.0 * step);
                    assert!((found - by_classes[[i, m]]).abs() < 1e-7, "{found} for {}", by_classes[[i, m]]);
                }
            }
            // Between two corners that differ in one concept lie its log odds and the global energies.
            let corner = |c: f64| ndarray::array![[1.0, c, 0.0, 1.0], [0.0, c, 1.0, 1.0]];
            let sure = ndarray::array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
            let global = super::super::global::Global { tables: &tables, partition };
            for (i, y) in [(0, 1), (1, 2)] {
                let found = energy(&corner(0.0), &sure, i) - energy(&corner(1.0), &sure, i);
                let g = [0.0, 1.0].map(|c| global.at(&tables.projected(corner(c).view()))[[i, y]]);
                let expected = 0.8 * evidence.odds[[i, 1]] + 0.6 * (g[0] - g[1]);
                assert!((found - expected).abs() < 1e-10, "{found} for {expected}");
            }
        }
    }
}
