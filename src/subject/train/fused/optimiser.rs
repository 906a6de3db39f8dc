//! Optimisers on one flat row of parameters, in PyTorch's formulas and defaults.

use super::super::config::{OptimiserConfig, OptimiserKind};
use super::super::optimiser::SavedState;
use super::vector::fma;
use anyhow::{Context, Result, ensure};
use narrows_estimators::simd::{Arch, Simd, WithSimd};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

const FIRST: &str = "optimiser.fused.first";
const SECOND: &str = "optimiser.fused.second";
const TIME: &str = "fused.time";

/// An optimiser with its state.
#[derive(Debug, Clone)]
pub(super) struct Flat {
    config: OptimiserConfig,
    /// Velocity of SGD, first moment of Adam; empty for SGD without momentum.
    first: Vec<f32>,
    /// Second moment of Adam.
    second: Vec<f32>,
    /// Steps taken.
    time: u64,
}

impl Flat {
    pub(super) fn new(config: &OptimiserConfig, parameters: usize) -> Self {
        let adaptive = config.kind != OptimiserKind::Sgd;
        let length = |needed| if needed { parameters } else { 0 };
        Self {
            config: *config,
            first: vec![0.0; length(adaptive || config.momentum > 0.0)],
            second: vec![0.0; length(adaptive)],
            time: 0,
        }
    }

    /// One step down the gradient.
    pub(super) fn step(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        self.time += 1;
        Arch::new().dispatch(Step { optimiser: self, parameters, gradient });
    }

    pub(super) fn save(&self) -> SavedState {
        let mut saved = SavedState::default();
        for (name, values) in [(FIRST, &self.first), (SECOND, &self.second)] {
            if !values.is_empty() {
                saved.tensors.push((name.into(), vec![values.len()], values.clone()));
            }
        }
        saved.scalars.insert(TIME.into(), self.time.to_string());
        saved
    }

    /// Goes back to a saved state.
    ///
    /// # Errors
    /// When it is not that of this optimiser and engine.
    pub(super) fn restore(&mut self, saved: SavedState) -> Result<()> {
        let foreign = "the saved state is of another engine or optimiser; train anew with --force";
        self.time = saved.scalars.get(TIME).and_then(|text| text.parse().ok()).context(foreign)?;
        for (name, values) in [(FIRST, &mut self.first), (SECOND, &mut self.second)] {
            let found = saved.tensors.iter().find(|(n, ..)| n == name).map_or(&[][..], |(_, _, v)| v);
            ensure!(found.len() == values.len(), "{foreign}: {name} has {} values of {}", found.len(), values.len());
            values.copy_from_slice(found);
        }
        Ok(())
    }
}

struct Step<'a> {
    optimiser: &'a mut Flat,
    parameters: &'a mut [f32],
    gradient: &'a [f32],
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Step { optimiser: Flat { config, first, second, time }, parameters, gradient } = self;
        let rate = config.learning_rate;
        if config.kind == OptimiserKind::Sgd {
            let rate = rate as f32;
            if first.is_empty() {
                for (p, &g) in parameters.iter_mut().zip(gradient) {
                    *p = fma::<S>(-rate, g, *p);
                }
                return;
            }
            let momentum = config.momentum as f32;
            for ((p, &g), v) in parameters.iter_mut().zip(gradient).zip(first) {
                *v = fma::<S>(momentum, *v, g);
                *p = fma::<S>(-rate, *v, *p);
            }
            return;
        }
        // Beyond this the corrections are one to the last bit.
        let steps = (*time).min(100_000) as i32;
        let corrected = (1.0 - BETA_2.powi(steps)).sqrt();
        let size = (rate * corrected / (1.0 - BETA_1.powi(steps))) as f32;
        let epsilon = (EPSILON * corrected) as f32;
        let kept = match config.kind {
            OptimiserKind::AdamW => (1.0 - rate * config.weight_decay) as f32,
            OptimiserKind::Adam | OptimiserKind::Sgd => 1.0,
        };
        let (of_first, of_second) = ((1.0 - BETA_1) as f32, (1.0 - BETA_2) as f32);
        let moments = first.iter_mut().zip(second.iter_mut());
        for ((p, &g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *m = fma::<S>(of_first, g - *m, *m);
            *v = fma::<S>(of_second, fma::<S>(g, g, -*v), *v);
            *p = fma::<S>(-size, *m / (v.sqrt() + epsilon), *p * kept);
        }
    }
}
