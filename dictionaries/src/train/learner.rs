//! One dictionary in training.

use super::adam::Moments;
use super::auxiliary::Auxiliary;
use super::gradient::{Gradient, Pass};
use super::progress::Sums;
use super::residual::Residual;
use super::{Plan, Recipe, resample, schedule, start};
use crate::kernel::{Matrix, products};
use crate::variants::{self, Scene, Settings, Weights};
use crate::{Dictionary, DictionaryError};
use ndarray::Array1;

/// A dictionary, what Adam knows, and what is to be remembered between steps.
pub(super) struct Learner {
    pub(super) recipe: Recipe,
    pub(super) settings: Settings,
    pub(super) plan: Plan,
    /// What inputs are divided by.
    pub(super) scale: f32,
    pub(super) weights: Weights,
    pub(super) moments: Moments,
    /// For each feature, the samples since its last code.
    pub(super) silent: Vec<u64>,
    /// Moving average of the smallest positive activation of a batch; none yet at first.
    pub(super) threshold: Option<f64>,
    pub(super) sums: Sums,
    pub(super) gradient: Gradient,
    products: Matrix,
}

/// What a step computes before anything moves.
pub(super) struct Forward {
    pub(super) loss: f64,
    pub(super) squared: f64,
    pub(super) active: u64,
    /// Squared norm of the gradient.
    pub(super) length: f64,
    pub(super) residual: Residual,
    pub(super) fired: Vec<u32>,
    pub(super) smallest: Option<f32>,
}

impl Learner {
    pub(super) fn new(recipe: Recipe, plan: Plan, scale: f32, median: &Array1<f64>) -> Result<Self, DictionaryError> {
        let (_, settings) = variants::settings(&recipe.specification)?;
        if recipe.width == 0 {
            let rule = "a dictionary needs at least one feature";
            return Err(DictionaryError::BadParameter { name: "width", value: 0.0, rule });
        }
        settings.variant.check(recipe.width)?;
        let scale = if settings.common.normalise { scale } else { 1.0 };
        let bias = median.iter().map(|&m| (m / f64::from(scale)) as f32).collect();
        let weights = start::weights(&*settings.variant, recipe.width, bias, recipe.seed);
        Ok(Self::with_weights(recipe, settings, plan, scale, weights))
    }

    pub(super) fn with_weights(recipe: Recipe, settings: Settings, plan: Plan, scale: f32, weights: Weights) -> Self {
        let (width, inputs) = (recipe.width, weights.bias.len());
        Self {
            gradient: Gradient::zeros(width, inputs, weights.own.len()),
            products: Matrix::zeros(0, width),
            moments: Moments::zeros(&weights),
            silent: vec![0; width],
            threshold: None,
            sums: Sums::default(),
            recipe,
            settings,
            plan,
            scale,
            weights,
        }
    }

    /// Loss and gradient of a batch (of inputs as they are scaled, and the same centred) in step `step` (from 0).
    pub(super) fn forward(&mut self, inputs: &Matrix, centred: &Matrix, step: u64) -> Forward {
        products(centred, &self.weights.encoder, &mut self.products);
        let variant = &*self.settings.variant;
        let scene = Scene { products: &self.products, weights: &self.weights };
        let decoder = &self.weights.decoder;
        let prefixes = variant.prefixes(self.recipe.width);
        let whole = [self.recipe.width];
        let warmth = schedule::sparsity(self.plan, &self.settings.common, step) as f32;

        let mut codes = variant.select(&scene);
        let residual = Residual::of(&codes, decoder, Some(&self.weights.bias), inputs, &prefixes);
        residual.by_values(&mut codes, decoder, &prefixes);
        let fired = codes.features.iter().zip(&codes.values).filter(|e| *e.1 > 0.0).map(|e| *e.0).collect();
        let smallest = codes.values.iter().copied().filter(|v| *v > 0.0).reduce(f32::min);
        let active = codes.values.iter().filter(|v| **v > 0.0).count() as u64;

        let dead = if self.settings.common.auxiliary > 0.0 { self.dead() } else { vec![] };
        let auxiliary = Auxiliary::of(&scene, &residual.full, &dead, self.settings.common.auxiliary);
        let second = variant.second(&scene).map(|mut entries| {
            let residual = Residual::of(&entries, decoder, Some(&self.weights.bias), inputs, &whole);
            residual.by_values(&mut entries, decoder, &whole);
            let penalty = variant.backward_second(&mut entries, warmth);
            (entries, residual.loss + penalty)
        });

        self.gradient.own.iter_mut().for_each(|o| o.fill(0.0));
        let mut loss = residual.loss + variant.backward(&scene, &mut codes, &mut self.gradient.own, warmth);
        let mut passes = vec![Pass {
            entries: &codes,
            outputs: Some(&residual.slopes),
            prefixes: &prefixes,
            to_bias: variant.bias_follows_codes(),
        }];
        if let Some((entries, lost)) = &second {
            loss += lost;
            passes.push(Pass { entries, outputs: None, prefixes: &whole, to_bias: true });
        }
        if let Some(part) = &auxiliary {
            loss += part.loss;
            let outputs = Some(std::slice::from_ref(&part.slopes));
            passes.push(Pass { entries: &part.entries, outputs, prefixes: &whole, to_bias: true });
        }
        let length = self.gradient.fill(&self.weights, centred, &passes, &residual.slopes[0]);
        Forward { loss, squared: residual.squared, active, length, residual, fired, smallest }
    }

    /// One step (from 0) on a batch as it is.
    pub(super) fn step(&mut self, batch: ndarray::ArrayView2<f32>, step: u64) -> Result<(), DictionaryError> {
        let mut inputs = Matrix::from_view(batch);
        let factor = 1.0 / self.scale;
        inputs.data_mut().iter_mut().for_each(|x| *x *= factor);
        let centred = self.centred(&inputs);
        let forward = self.forward(&inputs, &centred, step);
        if !forward.loss.is_finite() || !forward.length.is_finite() {
            let name = self.recipe.name.clone();
            return Err(DictionaryError::Diverged { name, step: step as usize + 1, loss: forward.loss });
        }
        let common = &self.settings.common;
        let length = forward.length.sqrt() as f32;
        let factor = if common.clip > 0.0 && length > common.clip { common.clip / length } else { 1.0 };
        let rate = common.learning_rate * schedule::learning_rate(self.plan, common, step);
        self.moments.step(&mut self.weights, &self.gradient, step + 1, rate, factor);

        let samples = batch.nrows() as u64;
        self.silent.iter_mut().for_each(|s| *s = s.saturating_add(samples));
        forward.fired.iter().for_each(|&j| self.silent[j as usize] = 0);
        if let (Some(rate), Some(smallest)) = (self.settings.variant.threshold_rate(), forward.smallest) {
            let smallest = f64::from(smallest);
            self.threshold = Some(self.threshold.map_or(smallest, |t| t + rate * (smallest - t)));
        }
        let common = &self.settings.common;
        if schedule::resamples(self.plan, common, step) {
            let dead = self.dead();
            let revived = resample::resample(
                &*self.settings.variant,
                &mut self.weights,
                &mut self.moments,
                &dead,
                &centred,
                &forward.residual.full,
                (self.recipe.seed, step),
            );
            revived.iter().for_each(|&j| self.silent[j as usize] = 0);
            self.sums.resampled += revived.len() as u64;
        }
        self.sums.steps += 1;
        self.sums.samples += samples;
        self.sums.loss += forward.loss * samples as f64;
        self.sums.squared += forward.squared * f64::from(self.scale).powi(2);
        self.sums.active += forward.active;
        Ok(())
    }

    pub(super) fn centred(&self, inputs: &Matrix) -> Matrix {
        let mut centred = inputs.clone();
        for sample in 0..inputs.n_rows() {
            centred.row_mut(sample).iter_mut().zip(&self.weights.bias).for_each(|(x, b)| *x -= b);
        }
        centred
    }

    /// Features without a code for too long.
    pub(super) fn dead(&self) -> Vec<u32> {
        let after = schedule::dead_after(self.plan, &self.settings.common);
        (0..).zip(&self.silent).filter(|(_, s)| **s > after).map(|(j, _)| j).collect()
    }

    /// As it is now, for activations as they are.
    pub(super) fn dictionary(&self) -> Dictionary {
        let weights = &self.weights;
        let scaled = |vector: &[f32]| vector.iter().map(|b| b * self.scale).collect::<Array1<f32>>();
        let prefixes = self.settings.variant.prefixes(self.recipe.width);
        Dictionary {
            encoder: weights.encoder.to_array(),
            encoder_bias: scaled(&weights.encoder_bias),
            decoder: weights.decoder.to_array(),
            bias: scaled(&weights.bias),
            centred: true,
            activation: self.settings.variant.activation(weights, self.threshold.unwrap_or(0.0), self.scale),
            prefixes: if prefixes.len() > 1 { prefixes } else { vec![] },
        }
    }
}
