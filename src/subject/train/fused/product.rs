//! The three matrix products of a dense layer, for tiles of few units and for matrices.
//!
//! A tile is [`LANES`] samples of all units of a layer, unit by unit: for small layers everything that a tile needs
//! stays in the nearest cache, and the inner loops run over the samples, of which there are always enough.

use super::vector::{LANES, Lanes, fma, fold};
use narrows_estimators::simd::Simd;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeError};

/// output = weight · input + bias for one tile; the weight is [outputs × inputs].
#[inline(always)]
pub(super) fn forward_tile<S: Simd>(weight: &[f32], bias: &[f32], input: &[Lanes], output: &mut [Lanes]) {
    let inputs = input.len();
    let (blocks, rest) = output.as_chunks_mut::<4>();
    let done = 4 * blocks.len();
    let split = done * inputs;
    for ((weight, bias), out) in weight[..split].chunks_exact(4 * inputs).zip(bias.as_chunks::<4>().0).zip(blocks) {
        *out = outputs::<S, 4>(weight, *bias, input);
    }
    match (&bias[done..], rest) {
        (&[b0], rest @ [_]) => rest.copy_from_slice(&outputs::<S, 1>(&weight[split..], [b0], input)),
        (&[b0, b1], rest @ [_, _]) => rest.copy_from_slice(&outputs::<S, 2>(&weight[split..], [b0, b1], input)),
        (&[b0, b1, b2], rest @ [_, _, _]) => {
            rest.copy_from_slice(&outputs::<S, 3>(&weight[split..], [b0, b1, b2], input));
        }
        _ => {}
    }
}

#[inline(always)]
fn outputs<S: Simd, const O: usize>(weight: &[f32], bias: [f32; O], input: &[Lanes]) -> [Lanes; O] {
    let inputs = input.len();
    let rows: [&[f32]; O] = std::array::from_fn(|o| &weight[o * inputs..][..inputs]);
    let mut sums: [Lanes; O] = bias.map(|b| [b; LANES]);
    for (k, values) in input.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(&rows) {
            let w = row[k];
            for (s, &v) in sum.iter_mut().zip(values) {
                *s = fma::<S>(v, w, *s);
            }
        }
    }
    sums
}

/// gradient by the inputs = weightᵀ · gradient by the outputs, for one tile.
#[inline(always)]
pub(super) fn backward_tile<S: Simd>(weight: &[f32], by_output: &[Lanes], by_input: &mut [Lanes]) {
    let inputs = by_input.len();
    let (blocks, rest) = by_input.as_chunks_mut::<4>();
    let done = 4 * blocks.len();
    for (block, out) in blocks.iter_mut().enumerate() {
        *out = by_inputs::<S, 4>(weight, inputs, 4 * block, by_output);
    }
    match rest {
        [_] => rest.copy_from_slice(&by_inputs::<S, 1>(weight, inputs, done, by_output)),
        [_, _] => rest.copy_from_slice(&by_inputs::<S, 2>(weight, inputs, done, by_output)),
        [_, _, _] => rest.copy_from_slice(&by_inputs::<S, 3>(weight, inputs, done, by_output)),
        _ => {}
    }
}

#[inline(always)]
fn by_inputs<S: Simd, const K: usize>(weight: &[f32], inputs: usize, at: usize, by_output: &[Lanes]) -> [Lanes; K] {
    let mut sums = [[0.0; LANES]; K];
    for (row, gradient) in weight.chunks_exact(inputs).zip(by_output) {
        let row = &row[at..at + K];
        for (sum, &w) in sums.iter_mut().zip(row) {
            for (s, &g) in sum.iter_mut().zip(gradient) {
                *s = fma::<S>(g, w, *s);
            }
        }
    }
    sums
}

/// Gradients by weight and bias, summed over all tiles.
#[inline(always)]
pub(super) fn gradients<S: Simd>(
    values: &[Lanes],
    by_output: &[Lanes],
    inputs: usize,
    weight: &mut [f32],
    bias: &mut [f32],
) {
    let outputs = bias.len();
    for (o, row) in weight.chunks_exact_mut(inputs).enumerate() {
        let (blocks, rest) = row.as_chunks_mut::<4>();
        let done = 4 * blocks.len();
        for (number, block) in blocks.iter_mut().enumerate() {
            *block = products::<S, 4>(values, by_output, [inputs, outputs], [4 * number, o]).map(fold);
        }
        let sizes = [inputs, outputs];
        match rest {
            [_] => rest.copy_from_slice(&products::<S, 1>(values, by_output, sizes, [done, o]).map(fold)),
            [_, _] => rest.copy_from_slice(&products::<S, 2>(values, by_output, sizes, [done, o]).map(fold)),
            [_, _, _] => rest.copy_from_slice(&products::<S, 3>(values, by_output, sizes, [done, o]).map(fold)),
            _ => {}
        }
    }
    for (o, bias) in bias.iter_mut().enumerate() {
        let mut sum = [0.0; LANES];
        for gradient in by_output.iter().skip(o).step_by(outputs) {
            for (s, &g) in sum.iter_mut().zip(gradient) {
                *s += g;
            }
        }
        *bias = fold(sum);
    }
}

/// Products of output `o`'s gradient with K inputs' values from `k` on, summed over all tiles.
#[inline(always)]
fn products<S: Simd, const K: usize>(
    values: &[Lanes],
    by_output: &[Lanes],
    [inputs, outputs]: [usize; 2],
    [k, o]: [usize; 2],
) -> [Lanes; K] {
    let mut sums = [[0.0; LANES]; K];
    for (value, gradient) in values.chunks_exact(inputs).zip(by_output.chunks_exact(outputs)) {
        let gradient = &gradient[o];
        for (sum, value) in sums.iter_mut().zip(&value[k..k + K]) {
            for ((s, &v), &g) in sum.iter_mut().zip(value).zip(gradient) {
                *s = fma::<S>(v, g, *s);
            }
        }
    }
    sums
}

/// A layer's values as a matrix of `rows` rows.
fn matrix(flat: &[f32], rows: usize) -> Result<ArrayView2<'_, f32>, ShapeError> {
    ArrayView2::from_shape((rows, flat.len() / rows), flat)
}

fn matrix_mut(flat: &mut [f32], rows: usize) -> Result<ArrayViewMut2<'_, f32>, ShapeError> {
    ArrayViewMut2::from_shape((rows, flat.len() / rows), flat)
}

/// [`forward_tile`] for all samples at once, values [units × samples].
pub(super) fn forward_matrix(
    weight: &[f32],
    bias: &[f32],
    input: &[Lanes],
    inputs: usize,
    output: &mut [Lanes],
) -> Result<(), ShapeError> {
    let outputs = bias.len();
    let mut output = matrix_mut(output.as_flattened_mut(), outputs)?;
    for (mut row, &b) in output.outer_iter_mut().zip(bias) {
        row.fill(b);
    }
    let input = matrix(input.as_flattened(), inputs)?;
    general_mat_mul(1.0, &matrix(weight, outputs)?, &input, 1.0, &mut output);
    Ok(())
}

/// [`backward_tile`] for all samples at once.
pub(super) fn backward_matrix(
    weight: &[f32],
    by_output: &[Lanes],
    outputs: usize,
    by_input: &mut [Lanes],
    inputs: usize,
) -> Result<(), ShapeError> {
    let by_output = matrix(by_output.as_flattened(), outputs)?;
    let mut by_input = matrix_mut(by_input.as_flattened_mut(), inputs)?;
    general_mat_mul(1.0, &matrix(weight, outputs)?.t(), &by_output, 0.0, &mut by_input);
    Ok(())
}

/// [`gradients`] for values [units × samples].
pub(super) fn gradients_matrix(
    values: &[Lanes],
    by_output: &[Lanes],
    inputs: usize,
    weight: &mut [f32],
    bias: &mut [f32],
) -> Result<(), ShapeError> {
    let outputs = bias.len();
    let by_output = matrix(by_output.as_flattened(), outputs)?;
    let values = matrix(values.as_flattened(), inputs)?;
    general_mat_mul(1.0, &by_output, &values.t(), 0.0, &mut matrix_mut(weight, outputs)?);
    for (bias, row) in bias.iter_mut().zip(by_output.outer_iter()) {
        *bias = row.sum();
    }
    Ok(())
}
