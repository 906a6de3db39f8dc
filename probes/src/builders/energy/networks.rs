//! What is trained, and the small pieces of its passes.

use crate::train::{Mlp, Purpose, Shape, Weights, stream};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, Axis, Slice, Zip};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// The networks and embeddings of an energy-based bottleneck; d features, K concepts, M classes, width H.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    /// ReLU(W_xy x + b) [d → H].
    pub(super) class_gate: Mlp,
    /// ReLU(W_xc x + b) [d → H].
    pub(super) concept_gate: Mlp,
    /// a_xy [1 × H].
    pub(super) class_readout: Array2<f32>,
    /// a_cy [1 × H].
    pub(super) global_readout: Array2<f32>,
    /// a_k [K × H].
    pub(super) concept_readouts: Array2<f32>,
    /// u_m [M × H].
    pub(super) classes: Array2<f32>,
    /// v_k⁰ [K × H].
    pub(super) absent: Array2<f32>,
    /// v_k¹ [K × H].
    pub(super) present: Array2<f32>,
    /// W_p [K·H × H]: of concept k the rows from k·H.
    pub(super) projection: Array2<f32>,
    /// [1 × H].
    pub(super) projection_bias: Array2<f32>,
}

impl Networks {
    /// Layers uniform within ±1/√inputs and normal embeddings: PyTorch's defaults, which the released code uses.
    pub(super) fn new(features: usize, concepts: usize, classes: usize, width: usize, seed: u64) -> Self {
        let gate = Shape { closing: true, ..Shape::relu(features, &[], width, 0.0) };
        let mut random = stream(seed, Purpose::Weights, 2, 0);
        let mut uniform = |shape: (usize, usize), inputs: usize| {
            let limit = 1.0 / (inputs as f32).sqrt();
            Array2::from_shape_simple_fn(shape, || random.random_range(-limit..limit))
        };
        let class_readout = uniform((1, width), width);
        let global_readout = uniform((1, width), width);
        let concept_readouts = uniform((concepts, width), width);
        let projection = uniform((concepts * width, width), concepts * width);
        let projection_bias = uniform((1, width), concepts * width);
        let mut random = stream(seed, Purpose::Weights, 3, 0);
        let mut normal = |rows| Array2::from_shape_simple_fn((rows, width), || StandardNormal.sample(&mut random));
        Self {
            class_gate: Mlp::new(&gate, &mut stream(seed, Purpose::Weights, 0, 0)),
            concept_gate: Mlp::new(&gate, &mut stream(seed, Purpose::Weights, 1, 0)),
            class_readout,
            global_readout,
            concept_readouts,
            classes: normal(classes),
            absent: normal(concepts),
            present: normal(concepts),
            projection,
            projection_bias,
        }
    }
}

impl Weights for Networks {
    fn slices(&self) -> Vec<&[f32]> {
        let mut all = [self.class_gate.slices(), self.concept_gate.slices()].concat();
        for matrix in [
            &self.class_readout,
            &self.global_readout,
            &self.concept_readouts,
            &self.classes,
            &self.absent,
            &self.present,
            &self.projection,
            &self.projection_bias,
        ] {
            all.extend(matrix.as_slice());
        }
        all
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let mut all = self.class_gate.slices_mut();
        all.extend(self.concept_gate.slices_mut());
        for matrix in [
            &mut self.class_readout,
            &mut self.global_readout,
            &mut self.concept_readouts,
            &mut self.classes,
            &mut self.absent,
            &mut self.present,
            &mut self.projection,
            &mut self.projection_bias,
        ] {
            all.extend(matrix.as_slice_mut());
        }
        all
    }
}

/// Rows at length one, with the lengths that they had.
pub(super) struct Unit {
    pub(super) rows: Array2<f32>,
    lengths: Array1<f32>,
}

impl Unit {
    pub(super) fn of(rows: &Array2<f32>) -> Self {
        let lengths: Array1<f32> = rows.outer_iter().map(|r| r.dot(&r).sqrt().max(1e-12)).collect();
        let rows = rows / &lengths.view().insert_axis(Axis(1));
        Self { rows, lengths }
    }

    /// Adds to `into` the derivatives by the rows as they were, from those by the rows at length one: what points along
    /// a row changes its length alone.
    pub(super) fn back(&self, slope: &Array2<f32>, into: &mut Array2<f32>) {
        for (i, mut to) in into.outer_iter_mut().enumerate() {
            let (row, slope) = (self.rows.row(i), slope.row(i));
            let along = row.dot(&slope);
            Zip::from(&mut to).and(&row).and(&slope).for_each(|t, &r, &s| *t += (s - along * r) / self.lengths[i]);
        }
    }
}

/// The projected embeddings T[k, b] = v_kᵇ · W_p,k: p is affine in the concepts, p(c) = p₀ + Σ c_k D_k with
/// D_k = T[k, 1] − T[k, 0] and p₀ the bias and all T[k, 0].
pub(super) struct Table {
    /// p₀ [H].
    pub(super) origin: Array1<f32>,
    /// D [K × H].
    pub(super) change: Array2<f32>,
}

impl Table {
    pub(super) fn of(model: &Networks) -> Self {
        let (concepts, width) = model.absent.dim();
        let mut origin = model.projection_bias.row(0).to_owned();
        let mut change = Array2::zeros((concepts, width));
        let mut pair = Array2::zeros((2, width));
        for k in 0..concepts {
            pair.row_mut(0).assign(&model.absent.row(k));
            pair.row_mut(1).assign(&model.present.row(k));
            let both = pair.dot(&model.projection.slice_axis(Axis(0), Slice::from(k * width..(k + 1) * width)));
            origin += &both.row(0);
            change.row_mut(k).assign(&(&both.row(1) - &both.row(0)));
        }
        Self { origin, change }
    }

    /// Adds the derivatives by embeddings and projection to `into`, from those by p₀ and D.
    pub(super) fn back(model: &Networks, by_origin: &Array1<f32>, by_change: &Array2<f32>, into: &mut Networks) {
        let (concepts, width) = model.absent.dim();
        into.projection_bias.row_mut(0).scaled_add(1.0, by_origin);
        let (mut pair, mut slope) = (Array2::zeros((2, width)), Array2::zeros((2, width)));
        for k in 0..concepts {
            pair.row_mut(0).assign(&model.absent.row(k));
            pair.row_mut(1).assign(&model.present.row(k));
            slope.row_mut(0).assign(&(by_origin - &by_change.row(k)));
            slope.row_mut(1).assign(&by_change.row(k));
            let rows = Slice::from(k * width..(k + 1) * width);
            let mut gradient = into.projection.slice_axis_mut(Axis(0), rows);
            general_mat_mul(1.0, &pair.t(), &slope, 1.0, &mut gradient);
            let by_pair = slope.dot(&model.projection.slice_axis(Axis(0), rows).t());
            into.absent.row_mut(k).scaled_add(1.0, &by_pair.row(0));
            into.present.row_mut(k).scaled_add(1.0, &by_pair.row(1));
        }
    }
}
