//! Derivatives of the loss by the weights, feature by feature: only entries that take part are visited.

use super::residual::group_of;
use crate::kernel::{Entries, Matrix, Places, add_scaled, dot};
use crate::variants::Weights;
use rayon::prelude::*;

/// Features of one task, and of one sum over features.
pub(super) const BLOCK: usize = 32;

/// Entries that were decoded together, with what their output's derivative is.
pub(super) struct Pass<'a> {
    pub(super) entries: &'a Entries,
    /// For each group of features, the derivative by what is decoded [samples × inputs]; `None` when the decoder is a
    /// constant.
    pub(super) outputs: Option<&'a [Matrix]>,
    /// Where the groups of features end.
    pub(super) prefixes: &'a [usize],
    /// Whether the encoder's bias gets the slopes.
    pub(super) to_bias: bool,
}

/// Derivatives by the weights of a [`Weights`].
#[derive(Debug)]
pub(super) struct Gradient {
    pub(super) encoder: Matrix,
    pub(super) decoder: Matrix,
    pub(super) encoder_bias: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) own: Vec<Vec<f32>>,
}

impl Gradient {
    pub(super) fn zeros(width: usize, inputs: usize, own: usize) -> Self {
        Self {
            encoder: Matrix::zeros(width, inputs),
            decoder: Matrix::zeros(width, inputs),
            encoder_bias: vec![0.0; width],
            bias: vec![0.0; inputs],
            own: vec![vec![0.0; width]; own],
        }
    }

    /// Fills in all but `own`. `centred` are the inputs less the pre-bias; `by_output` the derivative by the whole
    /// output, which the bias gets. The decoder's part that would change the norm of a row is removed.
    ///
    /// Returns the squared norm of all, `own` too.
    pub(super) fn fill(&mut self, weights: &Weights, centred: &Matrix, passes: &[Pass<'_>], by_output: &Matrix) -> f64 {
        let inputs = centred.n_columns();
        let width = weights.decoder.n_rows();
        let places: Vec<Places> = passes.iter().map(|p| p.entries.by_feature(width)).collect();
        let biases = self.encoder_bias.par_chunks_mut(BLOCK);
        let blocks = self.encoder.par_blocks_mut(BLOCK).zip(self.decoder.par_blocks_mut(BLOCK)).zip(biases);
        let parts: Vec<(Vec<f32>, f64)> = blocks
            .enumerate()
            .map(|(block, ((encoder, decoder), biases))| {
                let mut to_input = vec![0f32; inputs];
                let mut squared = 0.0;
                let rows = encoder.chunks_exact_mut(inputs).zip(decoder.chunks_exact_mut(inputs)).zip(biases);
                for (i, ((encoder, decoder), bias)) in rows.enumerate() {
                    let feature = block * BLOCK + i;
                    encoder.fill(0.0);
                    decoder.fill(0.0);
                    *bias = 0.0;
                    let mut slopes = 0f32;
                    for (pass, places) in passes.iter().zip(&places) {
                        let outputs = pass.outputs.map(|o| &o[group_of(pass.prefixes, feature as u32)]);
                        for &(sample, place) in places.of(feature) {
                            let (sample, place) = (sample as usize, place as usize);
                            let (value, slope) = (pass.entries.values[place], pass.entries.slopes[place]);
                            if slope != 0.0 {
                                add_scaled(encoder, slope, centred.row(sample));
                                slopes += slope;
                                *bias += if pass.to_bias { slope } else { 0.0 };
                            }
                            if let Some(outputs) = outputs
                                && value != 0.0
                            {
                                add_scaled(decoder, value, outputs.row(sample));
                            }
                        }
                    }
                    let direction = weights.decoder.row(feature);
                    let along = dot(decoder, direction);
                    add_scaled(decoder, -along, direction);
                    // The input is centred: what moves it moves the pre-bias the other way.
                    add_scaled(&mut to_input, -slopes, weights.encoder.row(feature));
                    squared += f64::from(dot(encoder, encoder)) + f64::from(dot(decoder, decoder));
                    squared += f64::from(*bias * *bias);
                }
                (to_input, squared)
            })
            .collect();
        self.bias.fill(0.0);
        for row in by_output.rows() {
            add_scaled(&mut self.bias, 1.0, row);
        }
        let mut squared: f64 = parts.iter().map(|p| p.1).sum();
        for (to_input, _) in &parts {
            add_scaled(&mut self.bias, 1.0, to_input);
        }
        squared += f64::from(dot(&self.bias, &self.bias));
        squared + self.own.iter().map(|o| f64::from(dot(o, o))).sum::<f64>()
    }
}
