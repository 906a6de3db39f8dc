//! One minibatch through the network, and back.

use super::function::{apply, apply_with_slopes, keeps_slopes, pull_back};
use super::loss::{Tally, Wanted};
use super::parameters::Place;
use super::product::{backward_matrix, backward_tile, forward_matrix, forward_tile, gradients, gradients_matrix};
use super::vector::{LANES, Lanes};
use crate::subject::{Activation, Architecture, Output};
use narrows_estimators::simd::{Arch, Simd, WithSimd};
use ndarray::{ArrayView2, ShapeError};

/// A network with a layer of more weights than this is multiplied as matrices: the two ways take equally long at about
/// 32 to 64 units a layer.
const LARGEST_TILED: usize = 2048;

/// What is random in one pass, for the hidden layers, laid out as their values; empty where there is none.
#[derive(Debug, Default)]
pub(super) struct Draws {
    /// Added to the values.
    pub(super) noise: Vec<Vec<Lanes>>,
    /// Multiplies the values: noise in proportion to them.
    pub(super) scale: Vec<Vec<Lanes>>,
    /// Multiplies the values after the noise.
    pub(super) mask: Vec<Vec<Lanes>>,
}

/// The values of a pass.
///
/// Samples are worked on in chunks of [`LANES`], the last one filled up with zeros. A small network's layer is laid
/// out chunk by chunk, and within a chunk unit by unit, so that one chunk at a time goes through all layers; a large
/// one's unit by unit, and within a unit chunk by chunk, which is a matrix [units × samples].
#[derive(Debug)]
pub(super) struct Workspace {
    activation: Activation,
    output: Output,
    places: Vec<Place>,
    tiled: bool,
    /// The input, each hidden layer and the logits.
    values: Vec<Vec<Lanes>>,
    /// Slopes of the hidden layers, where they are kept.
    slopes: Vec<Vec<Lanes>>,
    /// Gradients by each layer's values before its activation.
    deltas: Vec<Vec<Lanes>>,
    wanted: Vec<Wanted>,
}

impl Workspace {
    pub(super) fn new(architecture: &Architecture, places: Vec<Place>) -> Self {
        let tiled = places.iter().all(|p| p.weight.len() <= LARGEST_TILED);
        Self::laid_out(architecture, places, tiled)
    }

    pub(super) fn laid_out(architecture: &Architecture, places: Vec<Place>, tiled: bool) -> Self {
        let depth = places.len();
        Self {
            activation: architecture.activation,
            output: architecture.output,
            places,
            tiled,
            values: vec![Vec::new(); depth + 1],
            slopes: vec![Vec::new(); depth - 1],
            deltas: vec![Vec::new(); depth],
            wanted: Vec::new(),
        }
    }

    /// Where chunk `chunk` of unit `unit` is, in a layer of so many units.
    pub(super) fn at(&self, units: usize, unit: usize, chunk: usize) -> usize {
        if self.tiled { chunk * units + unit } else { unit * self.wanted.len() + chunk }
    }

    /// Takes in a minibatch.
    pub(super) fn load(&mut self, inputs: ArrayView2<'_, f32>, labels: &[u32], rows: &[usize]) {
        let weight = 1.0 / rows.len() as f32;
        self.wanted.clear();
        self.wanted.extend(rows.chunks(LANES).map(|rows| {
            let labels = std::array::from_fn(|lane| rows.get(lane).map_or(u32::MAX, |&row| labels[row]));
            Wanted { labels, count: rows.len(), weight }
        }));
        let chunks = self.wanted.len();
        let features = inputs.ncols();
        self.values[0].resize(chunks * features, [0.0; LANES]);
        let sizes = self.places.iter().map(|p| p.outputs * chunks);
        for ((values, deltas), size) in self.values[1..].iter_mut().zip(&mut self.deltas).zip(sizes) {
            values.resize(size, [0.0; LANES]);
            deltas.resize(size, [0.0; LANES]);
        }
        for (slopes, place) in self.slopes.iter_mut().zip(&self.places) {
            slopes.resize(place.outputs * chunks, [0.0; LANES]);
        }
        let filling = vec![0.0; features];
        for (chunk, rows) in rows.chunks(LANES).enumerate() {
            let samples: [&[f32]; LANES] = std::array::from_fn(|lane| {
                let row = rows.get(lane).and_then(|&row| inputs.row(row).to_slice());
                row.unwrap_or(&filling)
            });
            let (start, stride) = if self.tiled { (chunk * features, 1) } else { (chunk, chunks) };
            let places = self.values[0][start..].iter_mut().step_by(stride).take(features);
            for (feature, lanes) in places.enumerate() {
                *lanes = std::array::from_fn(|lane| samples[lane][feature]);
            }
        }
    }

    /// Losses of the samples that were loaded, without noise.
    pub(super) fn score(&mut self, parameters: &[f32], tally: &mut Tally) -> Result<(), ShapeError> {
        Arch::new().dispatch(Pass { work: self, parameters, draws: None, tally, gradient: None })
    }

    /// Losses of the samples that were loaded, and the gradient of their mean by the parameters.
    pub(super) fn step(
        &mut self,
        parameters: &[f32],
        draws: &Draws,
        tally: &mut Tally,
        gradient: &mut [f32],
    ) -> Result<(), ShapeError> {
        Arch::new().dispatch(Pass { work: self, parameters, draws: Some(draws), tally, gradient: Some(gradient) })
    }
}

struct Pass<'a> {
    work: &'a mut Workspace,
    parameters: &'a [f32],
    draws: Option<&'a Draws>,
    tally: &'a mut Tally,
    gradient: Option<&'a mut [f32]>,
}

impl WithSimd for Pass<'_> {
    type Output = Result<(), ShapeError>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> Self::Output {
        let chunks = self.work.wanted.len();
        let (passes, at_once) = if self.work.tiled { (chunks, 1) } else { (1, chunks) };
        for pass in 0..passes {
            self.forward::<S>(pass, at_once)?;
            self.losses::<S>(pass, at_once);
            if self.gradient.is_some() {
                self.backward::<S>(pass, at_once)?;
            }
        }
        let Some(gradient) = self.gradient else { return Ok(()) };
        let work = self.work;
        for (layer, place) in work.places.iter().enumerate() {
            let (values, by_output) = (&work.values[layer], &work.deltas[layer]);
            let (weight, bias) = gradient[place.weight.start..place.bias.end].split_at_mut(place.weight.len());
            if work.tiled {
                gradients::<S>(values, by_output, place.inputs, weight, bias);
            } else {
                gradients_matrix(values, by_output, place.inputs, weight, bias)?;
            }
        }
        Ok(())
    }
}

/// The part of a layer of `units` units that pass number `pass` works on.
#[inline(always)]
fn part(units: usize, pass: usize, at_once: usize) -> std::ops::Range<usize> {
    pass * units * at_once..(pass + 1) * units * at_once
}

impl Pass<'_> {
    #[inline(always)]
    fn forward<S: Simd>(&mut self, pass: usize, at_once: usize) -> Result<(), ShapeError> {
        let work = &mut *self.work;
        for (layer, place) in work.places.iter().enumerate() {
            let (before, after) = work.values.split_at_mut(layer + 1);
            let input = &before[layer][part(place.inputs, pass, at_once)];
            let here = part(place.outputs, pass, at_once);
            let output = &mut after[0][here.clone()];
            let (weight, bias) = (&self.parameters[place.weight.clone()], &self.parameters[place.bias.clone()]);
            if work.tiled {
                forward_tile::<S>(weight, bias, input, output);
            } else {
                forward_matrix(weight, bias, input, place.inputs, output)?;
            }
            let Some(slopes) = work.slopes.get_mut(layer) else { continue };
            let (mask, scale, noise) = match self.draws {
                Some(draws) => (draws.mask.get(layer), draws.scale.get(layer), draws.noise.get(layer)),
                None => (None, None, None),
            };
            let slopes = slopes[here.clone()].as_flattened_mut();
            if self.draws.is_some_and(|draws| draws.keep_slopes(work.activation)) {
                apply_with_slopes::<S>(work.activation, output.as_flattened_mut(), slopes);
            } else {
                apply::<S>(work.activation, output.as_flattened_mut());
            }
            if let Some(noise) = noise {
                for (value, z) in output.as_flattened_mut().iter_mut().zip(noise[here.clone()].as_flattened()) {
                    *value += z;
                }
            }
            for factors in [scale, mask].into_iter().flatten() {
                let factors = factors[here.clone()].as_flattened();
                for ((value, slope), f) in output.as_flattened_mut().iter_mut().zip(&mut *slopes).zip(factors) {
                    *value *= f;
                    *slope *= f;
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn losses<S: Simd>(&mut self, pass: usize, at_once: usize) {
        let work = &mut *self.work;
        let Some(last) = work.places.last() else { return };
        let here = part(last.outputs, pass, at_once);
        let depth = work.places.len();
        let (logits, deltas) = (&work.values[depth][here.clone()], &mut work.deltas[depth - 1][here]);
        for chunk in 0..at_once {
            let wanted = &work.wanted[pass * at_once + chunk];
            self.tally.add::<S>(work.output, wanted, &logits[chunk..], &mut deltas[chunk..], at_once);
        }
    }

    #[inline(always)]
    fn backward<S: Simd>(&mut self, pass: usize, at_once: usize) -> Result<(), ShapeError> {
        let work = &mut *self.work;
        let kept = self.draws.is_some_and(|draws| draws.keep_slopes(work.activation));
        for layer in (1..work.places.len()).rev() {
            let place = &work.places[layer];
            let (before, after) = work.deltas.split_at_mut(layer);
            let by_output = &after[0][part(place.outputs, pass, at_once)];
            let here = part(place.inputs, pass, at_once);
            let by_input = &mut before[layer - 1][here.clone()];
            let weight = &self.parameters[place.weight.clone()];
            if work.tiled {
                backward_tile::<S>(weight, by_output, by_input);
            } else {
                backward_matrix(weight, by_output, place.outputs, by_input, place.inputs)?;
            }
            let by_input = by_input.as_flattened_mut();
            if kept {
                for (g, s) in by_input.iter_mut().zip(work.slopes[layer - 1][here].as_flattened()) {
                    *g *= s;
                }
            } else {
                pull_back::<S>(work.activation, by_input, work.values[layer][here].as_flattened());
            }
        }
        Ok(())
    }
}

impl Draws {
    /// Whether slopes are kept beside the values: what the next layer gets is not the function's value alone.
    fn keep_slopes(&self, activation: Activation) -> bool {
        keeps_slopes(activation) || [&self.noise, &self.scale, &self.mask].iter().any(|draws| !draws.is_empty())
    }
}
