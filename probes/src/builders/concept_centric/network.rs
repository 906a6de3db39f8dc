//! The network: cells, slots, cross-attention; its weights by name and its two passes.

use super::blocks::Normed;
use super::cross::{CrossAttention, CrossTrace};
use super::gru::Gru;
use super::plan::{Begin, Plan, Starts};
use super::slots::{SlotAttention, SlotTrace};
use crate::ProbeError;
use crate::train::{Mlp, Purpose, Shape, Trace, Weights, stream};
use ndarray::{Array1, Array2, Axis};
use rand_distr::{Distribution, StandardNormal, Uniform};

/// All weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Network {
    pub(super) plan: Plan,
    /// Cells to width D.
    pub(super) embed: Mlp,
    /// [cells × D], or [0 × D] without any.
    pub(super) positions: Array2<f32>,
    /// Layer norm of cells [1 × D].
    pub(super) gain: Array2<f32>,
    pub(super) bias: Array2<f32>,
    /// [slots × D], or mean and logarithm of the spread [2 × D].
    pub(super) starts: Array2<f32>,
    pub(super) attention: SlotAttention,
    /// Added to the slots after slot attention [slots × D].
    pub(super) offsets: Array2<f32>,
    pub(super) cross: CrossAttention,
    /// Standard normal numbers [slots × D] that prediction begins slots from a distribution with; not trained.
    pub(super) noise: Array2<f32>,
}

/// What the backward pass needs of some samples.
pub(super) struct Traced {
    embed: Trace,
    normed: Normed,
    slots: SlotTrace,
    /// With the offsets [samples · slots × D].
    ends: Array2<f32>,
    pub(super) cross: CrossTrace,
}

impl Network {
    /// Untrained.
    pub(super) fn new(plan: Plan, slots: usize, classes: usize, seed: u64) -> Result<Self, ProbeError> {
        let random = &mut stream(seed, Purpose::Weights, 0, 0);
        let mut matrices = Vec::new();
        for (_, rows, columns, begin) in plan.parts(slots, classes)? {
            let mut draw = || match begin {
                Begin::Within(limit) => Uniform::new(-limit, limit).map_or(0.0, |u| u.sample(random)),
                Begin::Normal(spread) => spread * Distribution::<f64>::sample(&StandardNormal, random),
                Begin::Constant(value) => value,
            };
            matrices.push(Array2::from_shape_simple_fn((rows, columns), || draw() as f32));
        }
        let random = &mut stream(seed, Purpose::Weights, 1, 0);
        let noise =
            Array2::from_shape_simple_fn((slots, plan.width), || Distribution::<f32>::sample(&StandardNormal, random));
        Ok(Self::of(plan, matrices, noise))
    }

    /// Of matrices that have the shapes of [`Plan::parts`], in their order.
    pub(super) fn of(plan: Plan, matrices: Vec<Array2<f32>>, noise: Array2<f32>) -> Self {
        let shape = Shape::relu(plan.grid.channels, &plan.hidden, plan.width, 0.0);
        let layers = plan.hidden.len() + 1;
        let mut matrices = matrices.into_iter();
        let mut next = || matrices.next().unwrap_or_default();
        let mut embed = Mlp::new(&shape, &mut stream(0, Purpose::Weights, 0, 0));
        for layer in embed.layers.iter_mut().take(layers) {
            layer.weights = next();
            layer.bias = Array1::from_iter(next());
        }
        let (positions, gain, bias, starts) = (next(), next(), next(), next());
        let (query, key, value, slot_gain, slot_bias) = (next(), next(), next(), next(), next());
        let gru = Gru { input: next(), state: next(), bias: next(), state_bias: next() };
        let attention = SlotAttention { query, key, value, gain: slot_gain, bias: slot_bias, gru };
        let offsets = next();
        let cross = CrossAttention { query: next(), key: next(), value: next(), output: next(), bias: next() };
        Self { plan, embed, positions, gain, bias, starts, attention, offsets, cross, noise }
    }

    /// Slots.
    pub(super) fn slots(&self) -> usize {
        self.offsets.nrows()
    }

    /// Cells of a sample.
    pub(super) fn cells(&self) -> usize {
        self.plan.grid.cells()
    }

    /// Every matrix of weights with its name.
    pub(super) fn matrices(&self) -> Vec<(String, Array2<f32>)> {
        let parts = self.plan.parts(self.slots(), self.cross.output.ncols()).unwrap_or_default();
        let named = parts.into_iter().zip(self.slices()).filter_map(|((name, rows, columns, _), values)| {
            Some((name, Array2::from_shape_vec((rows, columns), values.to_vec()).ok()?))
        });
        named.collect()
    }

    /// Starts [samples · slots × D]; `noise` are standard normal numbers of that shape, the network's own where none are
    /// given.
    fn starts(&self, samples: usize, noise: Option<Array2<f32>>) -> Array2<f32> {
        let (slots, d) = (self.slots(), self.plan.width);
        match self.plan.starts {
            Starts::Learned => Array2::from_shape_fn((samples * slots, d), |(row, j)| self.starts[[row % slots, j]]),
            Starts::Gaussian => {
                let own = || Array2::from_shape_fn((samples * slots, d), |(row, j)| self.noise[[row % slots, j]]);
                let mut starts = noise.unwrap_or_else(own);
                let spread = self.starts.row(1).mapv(f32::exp);
                starts *= &spread;
                starts + self.starts.row(0)
            }
        }
    }

    /// Passes standardised cells [samples · cells × channels] through.
    pub(super) fn forward(&self, cells: Array2<f32>, noise: Option<Array2<f32>>) -> Traced {
        let (n, slots) = (self.cells(), self.slots());
        let samples = cells.nrows() / n;
        // Nothing is dropped: the stream is not drawn from.
        let embed = self.embed.trace(cells, &mut stream(0, Purpose::Noise, 0, 0));
        let mut placed = embed.output().clone();
        if self.plan.positions {
            placed.axis_chunks_iter_mut(Axis(0), n).for_each(|mut sample| sample += &self.positions);
        }
        let normed = Normed::of(placed, &self.gain, &self.bias);
        let how = (self.plan.iterations, self.plan.gradient);
        let (mut ends, trace) = self.attention.forward(&normed.out, self.starts(samples, noise), samples, how);
        ends.axis_chunks_iter_mut(Axis(0), slots).for_each(|mut sample| sample += &self.offsets);
        let cross = self.cross.forward(&normed.out, &ends, samples, self.plan.heads);
        Traced { embed, normed, slots: trace, ends, cross }
    }

    /// Adds the derivatives by the weights, given those by scores [samples × classes] and by the attention [samples · cells
    /// × slots]; `noise` as in the forward pass.
    pub(super) fn backward(
        &self,
        traced: &Traced,
        slopes: (&Array2<f32>, &Array2<f32>),
        noise: Option<&Array2<f32>>,
        into: &mut Network,
    ) {
        let (n, slots) = (self.cells(), self.slots());
        let cells = &traced.normed.out;
        let (mut by_cells, by_ends) =
            self.cross.backward((cells, &traced.ends), &traced.cross, slopes, &mut into.cross);
        by_ends.axis_chunks_iter(Axis(0), slots).for_each(|sample| into.offsets += &sample);
        let through = self.plan.gradient;
        let (more, by_starts) = self.attention.backward(cells, &traced.slots, by_ends, through, &mut into.attention);
        by_cells += &more;
        match self.plan.starts {
            Starts::Learned => by_starts.axis_chunks_iter(Axis(0), slots).for_each(|sample| into.starts += &sample),
            Starts::Gaussian => {
                let mut mean = into.starts.row_mut(0);
                mean += &by_starts.sum_axis(Axis(0));
                let of = |row: usize, j: usize| noise.map_or(self.noise[[row % slots, j]], |noise| noise[[row, j]]);
                for ((row, j), s) in by_starts.indexed_iter() {
                    into.starts[[1, j]] += s * of(row, j) * self.starts[[1, j]].exp();
                }
            }
        }
        let by_placed = traced.normed.backward(by_cells, &self.gain, (&mut into.gain, &mut into.bias));
        if self.plan.positions {
            by_placed.axis_chunks_iter(Axis(0), n).for_each(|sample| into.positions += &sample);
        }
        self.embed.backward(&traced.embed, by_placed, &mut into.embed);
    }
}

impl Weights for Network {
    fn slices(&self) -> Vec<&[f32]> {
        let (a, g, c) = (&self.attention, &self.attention.gru, &self.cross);
        let rest = [
            &self.positions,
            &self.gain,
            &self.bias,
            &self.starts,
            &a.query,
            &a.key,
            &a.value,
            &a.gain,
            &a.bias,
            &g.input,
            &g.state,
            &g.bias,
            &g.state_bias,
            &self.offsets,
            &c.query,
            &c.key,
            &c.value,
            &c.output,
            &c.bias,
        ];
        let mut all = self.embed.slices();
        all.extend(rest.into_iter().filter_map(|m| m.as_slice()));
        all
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let (a, c) = (&mut self.attention, &mut self.cross);
        let g = &mut a.gru;
        let rest = [
            &mut self.positions,
            &mut self.gain,
            &mut self.bias,
            &mut self.starts,
            &mut a.query,
            &mut a.key,
            &mut a.value,
            &mut a.gain,
            &mut a.bias,
            &mut g.input,
            &mut g.state,
            &mut g.bias,
            &mut g.state_bias,
            &mut self.offsets,
            &mut c.query,
            &mut c.key,
            &mut c.value,
            &mut c.output,
            &mut c.bias,
        ];
        let mut all = self.embed.slices_mut();
        all.extend(rest.into_iter().filter_map(|m| m.as_slice_mut()));
        all
    }
}
