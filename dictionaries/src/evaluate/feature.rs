//! One feature: how it fires and where it points.

use super::measure::Measure;
use super::neighbours::{neighbours, row_cosines};
use super::pairs::Pair;
use super::{DENSE, DUPLICATE};
use crate::coder::{Coder, norms};
use ndarray::Axis;

/// How a feature fired.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Firing {
    fires: u64,
    sum: f64,
    largest: Option<(f32, u64)>,
}

impl Firing {
    pub(super) fn add(&mut self, value: f32, sample: u64) {
        self.fires += 1;
        self.sum += f64::from(value);
        if self.largest.is_none_or(|(most, _)| value > most) {
            self.largest = Some((value, sample));
        }
    }

    pub(super) fn fires(&self) -> u64 {
        self.fires
    }
}

/// A feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Samples on which it was active.
    pub fires: u64,
    /// Their share, with its standard error √(p(1 − p)/N).
    pub density: f64,
    /// Of the density.
    pub density_error: f64,
    /// Mean activation over all samples.
    pub mean: f64,
    /// Mean activation over the samples on which it was active.
    pub mean_active: Option<f64>,
    /// Largest activation, and the first sample (from 0) that has it.
    pub largest: Option<(f32, u64)>,
    /// Norm of its decoder row.
    pub decoder_norm: f64,
    /// Norm of its encoder row.
    pub encoder_norm: Option<f64>,
    /// Cosine of its encoder and decoder rows: near 1, it is written as it is read.
    pub encoder_decoder_cosine: Option<f64>,
    /// The other feature of the largest cosine of decoder rows, alive or not, and that cosine; `None` where none is
    /// positive.
    pub nearest: Option<(u32, f64)>,
    /// The same among live features; `None` for a dead one.
    pub nearest_live: Option<(u32, f64)>,
}

pub(super) fn features(coder: &dyn Coder, firing: &[Firing], samples: u64) -> Vec<Feature> {
    let decoder = coder.decoder();
    let decoder_norms = norms(decoder);
    let encoder = coder.encoder();
    let encoder_norms = encoder.map(norms);
    let cosines = encoder.map(|e| row_cosines(e, decoder));
    let nearest = neighbours(decoder, 1, 0.0);
    let alive: Vec<usize> = (0..firing.len()).filter(|&j| firing[j].fires > 0).collect();
    let mut nearest_live = vec![None; firing.len()];
    for (&feature, near) in alive.iter().zip(neighbours(decoder.select(Axis(0), &alive).view(), 1, 0.0)) {
        nearest_live[feature] = near.first().map(|&(j, c)| (alive[j as usize] as u32, c));
    }
    let n = samples as f64;
    let one = |(j, f): (usize, &Firing)| {
        let density = f.fires as f64 / n;
        Feature {
            fires: f.fires,
            density,
            density_error: (density * (1.0 - density) / n).sqrt(),
            mean: f.sum / n,
            mean_active: (f.fires > 0).then(|| f.sum / f.fires as f64),
            largest: f.largest,
            decoder_norm: decoder_norms[j],
            encoder_norm: encoder_norms.as_ref().map(|e| e[j]),
            encoder_decoder_cosine: cosines.as_ref().and_then(|c| c[j]),
            nearest: nearest[j].first().copied(),
            nearest_live: nearest_live[j],
        }
    };
    firing.iter().enumerate().map(one).collect()
}

/// Measures that are shares of features.
pub(super) fn shares(features: &[Feature], pairs: &[Pair]) -> Vec<Measure> {
    let live = features.iter().filter(|f| f.fires > 0).count();
    let share = |name, count: usize, of: usize| Measure {
        name,
        value: (of > 0).then(|| count as f64 / of as f64),
        std_error: None,
        n: of as u64,
    };
    let count = |holds: &dyn Fn(&Feature) -> bool| features.iter().filter(|f| holds(f)).count();
    let in_pairs = |mut members: Vec<u32>| {
        members.sort_unstable();
        members.dedup();
        members.len()
    };
    let exclusive = pairs.iter().filter(|p| p.exclusive).flat_map(|p| [p.frequent, p.rare]).collect();
    let absorbed = pairs.iter().filter(|p| p.absorption_like).map(|p| p.frequent).collect();
    let cosines: Vec<f64> =
        features.iter().filter(|f| f.fires > 0).map(|f| f.nearest_live.map_or(0.0, |n| n.1)).collect();
    let mean = (live > 1).then(|| cosines.iter().sum::<f64>() / live as f64);
    vec![
        share("dead_share", features.len() - live, features.len()),
        share("dense_share", count(&|f| f.density > DENSE), features.len()),
        Measure { name: "mean_max_cosine", value: mean, std_error: None, n: live as u64 },
        share("duplicate_share", cosines.iter().filter(|c| **c > DUPLICATE).count(), live),
        share("exclusive_share", in_pairs(exclusive), live),
        share("absorption_like_share", in_pairs(absorbed), live),
    ]
}
