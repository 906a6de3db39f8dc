//! Training a transformer.

use super::forward::Mode;
use super::shards::gradient;
use super::weights::{decays, numbers};
use super::{Model, Site};
use crate::codebook::Usage;
use crate::{AdamW, DictionaryError, Moments, clip};
use burn::tensor::Device;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a transformer is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// AdamW's learning rate, constant.
    pub learning_rate: f64,
    /// Of weight matrices; codes, biases and norms do not decay.
    pub weight_decay: f64,
    /// Gradients of a larger Euclidean norm are scaled down to it.
    pub clip: f64,
    /// Every so many steps, codes that did not fire since are put where activations are; 0 for never.
    pub replace_after: u64,
    /// Noise of these codes, as a share of the activation's length.
    pub rho: f64,
    /// Of what is random in a training.
    pub seed: u64,
}

impl Default for Recipe {
    /// The released code's for the finite-state machine.
    fn default() -> Self {
        Self { learning_rate: 1e-3, weight_decay: 0.01, clip: 1.0, replace_after: 0, rho: 1e-4, seed: 0 }
    }
}

/// What a codebook did in a step.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteReport {
    /// Where it is.
    pub site: Site,
    /// Mean over tokens of `‖q − x‖²`, x being the layer-normed activation.
    pub error: f64,
    /// Codes that were put where activations are after this step.
    pub replaced: usize,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Number of the step, from 1.
    pub step: u64,
    /// Mean loss of the predicted tokens, in nats, before the step.
    pub loss: f64,
    /// Euclidean norm of the gradient, before it was clipped.
    pub gradient_norm: f64,
    /// Of each codebook.
    pub sites: Vec<SiteReport>,
}

/// A training under way.
pub struct Trainer {
    pub(super) model: Model,
    recipe: Recipe,
    device: Device,
    pub(super) step: u64,
    pub(super) moments: BTreeMap<String, Moments>,
    /// What fired since codes were replaced.
    pub(super) window: Vec<Usage>,
    /// What fired since somebody asked.
    pub(super) recent: Vec<Usage>,
}

impl Trainer {
    /// A training of this model, on a device that need not record gradients.
    ///
    /// # Errors
    /// When a number of the recipe is outside its domain.
    pub fn new(model: Model, recipe: Recipe, device: Device) -> Result<Self, DictionaryError> {
        let positive = [("learning rate", recipe.learning_rate), ("clip", recipe.clip)];
        for (name, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return Err(DictionaryError::BadParameter { name, value, rule: "it must be a number above 0" });
            }
        }
        for (name, value) in [("weight decay", recipe.weight_decay), ("rho", recipe.rho)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(DictionaryError::BadParameter { name, value, rule: "it must be a number of 0 or more" });
            }
        }
        let moments = model.parameters().iter().map(|(name, a)| (name.clone(), Moments::new(a.len()))).collect();
        let usages: Vec<Usage> =
            model.config().sites().into_iter().filter_map(|s| model.codebook(s)).map(|b| Usage::new(&b)).collect();
        Ok(Self { model, recipe, device: device.autodiff(), step: 0, moments, window: usages.clone(), recent: usages })
    }

    /// The model as it is now.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Puts all codes at the centres of k-means over what is at their places for these tokens [sequences × length], before
    /// any codebook is used.
    ///
    /// # Errors
    /// When there are fewer tokens than codes.
    pub fn start_by_k_means(&mut self, tokens: ArrayView2<u32>) -> Result<(), DictionaryError> {
        let mode = Mode { codebooks: false, activations: true, hook: None };
        let traced = self.model.pass(&self.device.clone().inner(), tokens, mode)?;
        for (part, site) in self.model.config().sites().into_iter().enumerate() {
            let kind = site.kind.to_string();
            let at = traced.activations.iter().find(|(layer, name, _)| *layer == site.layer && *name == kind);
            let (Some(mut book), Some((_, _, activations))) = (self.model.codebook(site), at) else { continue };
            book.start_by_k_means(activations.view(), self.recipe.seed.wrapping_add(1000 * part as u64))?;
            self.model.set_codebook(site, book);
        }
        Ok(())
    }

    /// One step on tokens [sequences × length], each predicted from those before it.
    ///
    /// # Errors
    /// When a token is unknown, nothing is to be predicted, or the loss is no longer finite.
    pub fn step(&mut self, tokens: ArrayView2<u32>) -> Result<StepReport, DictionaryError> {
        let replaces = self.recipe.replace_after > 0 && (self.step + 1).is_multiple_of(self.recipe.replace_after);
        let mut found = gradient(&self.model, &self.device, tokens, replaces)?;
        self.step += 1;
        if !found.loss.is_finite() {
            let name = "transformer".into();
            return Err(DictionaryError::Diverged { name, step: self.step as usize, loss: found.loss });
        }
        let gradient_norm = clip(found.gradients.values_mut().map(Vec::as_mut_slice), self.recipe.clip);
        let rule = AdamW {
            learning_rate: self.recipe.learning_rate,
            weight_decay: self.recipe.weight_decay,
            ..AdamW::default()
        };
        for (name, array) in &mut self.model.parameters {
            let decays = decays(name, array);
            let size = numbers(array)?.len();
            let (Some(values), Some(gradient), Some(moments)) =
                (array.as_slice_mut(), found.gradients.get(name), self.moments.get_mut(name))
            else {
                let what = format!("gradients of '{name}'");
                return Err(DictionaryError::Shape { what, found: 0, expected: size });
            };
            rule.step(self.step, values, gradient, moments, decays)?;
        }
        let mut sites = vec![];
        for (part, book) in found.books.into_iter().enumerate() {
            for ids in &book.ids {
                self.window[part].add(ids.view());
                self.recent[part].add(ids.view());
            }
            let mut replaced = 0;
            if let (Some(normed), Some(mut codebook)) = (&book.normed, self.model.codebook(book.site)) {
                let draw = (self.recipe.seed, part as u16, self.step);
                replaced = codebook.replace_dead_by(normed.view(), &self.window[part], self.recipe.rho, draw)?;
                self.window[part].clear();
                self.model.set_codebook(book.site, codebook);
            }
            sites.push(SiteReport { site: book.site, error: book.error, replaced });
        }
        Ok(StepReport { step: self.step, loss: found.loss, gradient_norm, sites })
    }

    /// Codes of each codebook that fired since the last time this was asked, and how many it has.
    pub fn live(&mut self) -> Vec<(Site, usize, usize)> {
        let sites = self.model.config().sites();
        sites
            .into_iter()
            .zip(&mut self.recent)
            .map(|(site, usage)| {
                let (live, all) = (usage.live(), usage.counts().len());
                usage.clear();
                (site, live, all)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny;
    use super::super::{PADDING, Positions, Residual};
    use super::*;
    use ndarray::{Array2, Axis};

    /// Counts up from a start, modulo four; token 4 begins. The place decides nothing, the token before everything.
    fn counting(sequences: usize, from: usize) -> Array2<u32> {
        Array2::from_shape_fn((sequences, 6), |(i, t)| if t == 0 { 4 } else { ((from + i + t) % 4) as u32 })
    }

    fn trainer(codebooks: bool, replace_after: u64) -> Trainer {
        let config = tiny(Positions::Rotary { share: 1.0 }, Residual::Parallel, false, codebooks);
        let recipe = Recipe { learning_rate: 1e-2, replace_after, ..Recipe::default() };
        Trainer::new(Model::new(config, 1).unwrap(), recipe, Device::flex()).unwrap()
    }

    #[test]
    fn training_learns_with_and_without_codebooks() {
        for codebooks in [false, true] {
            let mut trainer = trainer(codebooks, 0);
            let first = trainer.step(counting(16, 0).view()).unwrap();
            let last = (0..250).map(|i| trainer.step(counting(16, i).view()).unwrap().loss).last().unwrap();
            // One of five tokens is drawn: ln 4 / 5 is the least there is.
            let least = 4f64.ln() / 5.0;
            assert!(first.loss > 1.4 && last < least + 0.05, "{codebooks}: {} to {last} of {least}", first.loss);
            assert_eq!(first.sites.len(), if codebooks { 4 } else { 0 });
            assert!(trainer.live().iter().all(|(_, live, all)| (2..=*all).contains(live)));
        }
    }

    #[test]
    fn a_restored_training_goes_on_in_the_same_bits() {
        let mut whole = trainer(true, 3);
        whole.start_by_k_means(counting(8, 0).view()).unwrap();
        (0..4).for_each(|i| drop(whole.step(counting(7, i).view()).unwrap()));
        let state = whole.state();
        let fresh = trainer(true, 3);
        let mut second = Trainer::restore(fresh.model, fresh.recipe, Device::flex(), state.clone()).unwrap();
        for i in 4..8 {
            assert_eq!(whole.step(counting(7, i).view()).unwrap(), second.step(counting(7, i).view()).unwrap());
        }
        assert_eq!(whole.model, second.model);
        assert_ne!(whole.state(), state);
        let mut damaged = state;
        damaged.tensors.remove("first.head");
        let fresh = trainer(true, 3);
        let refused = Trainer::restore(fresh.model, fresh.recipe, Device::flex(), damaged);
        assert!(refused.err().unwrap().to_string().contains("'head'"));
    }

    /// One thread and two give the same bits.
    #[test]
    fn threads_change_nothing() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut trainer = trainer(true, 2);
                (0..4).for_each(|i| drop(trainer.step(counting(9, i).view()).unwrap()));
                trainer.model
            })
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn padding_is_not_learned_from() {
        let mut padded = Array2::from_elem((4, 6), PADDING);
        padded.slice_axis_mut(Axis(1), (0..4).into()).assign(&counting(4, 0).slice_axis(Axis(1), (0..4).into()));
        let short = counting(4, 0).slice_axis(Axis(1), (0..4).into()).to_owned();
        let (a, b) = (trainer(false, 0).step(padded.view()).unwrap(), trainer(false, 0).step(short.view()).unwrap());
        assert!((a.loss - b.loss).abs() < 1e-5 && (a.gradient_norm - b.gradient_norm).abs() < 1e-4, "{a:?} {b:?}");
        padded.fill(PADDING);
        assert!(trainer(false, 0).step(padded.view()).is_err());
        assert!(
            trainer(false, 0).step(Array2::from_elem((2, 3), 7).view()).unwrap_err().to_string().contains("token 7")
        );
    }
}
