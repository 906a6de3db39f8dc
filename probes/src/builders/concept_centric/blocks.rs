//! Small pieces of the passes: rows of one sample, softmax and layer norm.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// Keeps a norm off zero, as PyTorch does.
const EPSILON: f32 = 1e-5;

/// The rows of sample `i` in an array that holds `rows` of each.
pub(super) fn block(all: &Array2<f32>, i: usize, rows: usize) -> ArrayView2<'_, f32> {
    all.slice_axis(Axis(0), Slice::from(i * rows..(i + 1) * rows))
}

/// The rows of sample `i`, to be changed.
pub(super) fn block_mut(all: &mut Array2<f32>, i: usize, rows: usize) -> ArrayViewMut2<'_, f32> {
    all.slice_axis_mut(Axis(0), Slice::from(i * rows..(i + 1) * rows))
}

/// The rows of an array one after another.
pub(super) fn rows(all: &Array2<f32>) -> std::slice::ChunksExact<'_, f32> {
    all.as_slice().unwrap_or_default().chunks_exact(all.ncols().max(1))
}

/// The rows of an array one after another, to be changed.
pub(super) fn rows_mut(all: &mut Array2<f32>) -> std::slice::ChunksExactMut<'_, f32> {
    let width = all.ncols().max(1);
    all.as_slice_mut().unwrap_or_default().chunks_exact_mut(width)
}

/// Softmax of each row, in its place.
pub(super) fn softmax(all: &mut Array2<f32>) {
    for row in rows_mut(all) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut total = 0.0;
        for v in row.iter_mut() {
            *v = (*v - largest).exp();
            total += *v;
        }
        row.iter_mut().for_each(|v| *v /= total);
    }
}

/// From derivatives by softmax values to those by what went into them, in their place.
pub(super) fn through_softmax(values: &Array2<f32>, slope: &mut Array2<f32>) {
    for (p, s) in rows(values).zip(rows_mut(slope)) {
        let along: f32 = p.iter().zip(&*s).map(|(p, s)| p * s).sum();
        p.iter().zip(s).for_each(|(p, s)| *s = p * (*s - along));
    }
}

/// Rows of mean 0 and variance 1, scaled and moved (layer norm; Ba, Kiros & Hinton 2016).
pub(super) struct Normed {
    hat: Array2<f32>,
    /// One over the standard deviation of each row.
    inverse: Vec<f32>,
    pub(super) out: Array2<f32>,
}

impl Normed {
    pub(super) fn of(mut values: Array2<f32>, gain: &Array2<f32>, bias: &Array2<f32>) -> Self {
        let width = values.ncols() as f32;
        let mut inverse = Vec::with_capacity(values.nrows());
        for row in rows_mut(&mut values) {
            let mean = row.iter().sum::<f32>() / width;
            row.iter_mut().for_each(|v| *v -= mean);
            let variance = row.iter().map(|v| v * v).sum::<f32>() / width;
            let by = 1.0 / (variance + EPSILON).sqrt();
            row.iter_mut().for_each(|v| *v *= by);
            inverse.push(by);
        }
        let out = &values * gain + bias;
        Self { hat: values, inverse, out }
    }

    /// From derivatives by the output to those by the input; adds those by gain and bias.
    pub(super) fn backward(
        &self,
        mut slope: Array2<f32>,
        gain: &Array2<f32>,
        (by_gain, by_bias): (&mut Array2<f32>, &mut Array2<f32>),
    ) -> Array2<f32> {
        *by_gain += &(&slope * &self.hat).sum_axis(Axis(0));
        *by_bias += &slope.sum_axis(Axis(0));
        slope *= gain;
        let width = slope.ncols() as f32;
        for ((s, hat), by) in rows_mut(&mut slope).zip(rows(&self.hat)).zip(&self.inverse) {
            let mean = s.iter().sum::<f32>() / width;
            let along = s.iter().zip(hat).map(|(s, h)| s * h).sum::<f32>() / width;
            s.iter_mut().zip(hat).for_each(|(s, h)| *s = by * (*s - mean - h * along));
        }
        slope
    }
}
