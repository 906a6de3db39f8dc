//! Using a transformer: predictions, the codes behind them, and tokens drawn from it.

use super::forward::{Mode, forward};
use super::tensors::Tensors;
use super::weights::rows;
use super::{Model, Site};
use crate::DictionaryError;
use crate::random::{Purpose, stream};
use crate::tensors::to_matrix;
use burn::tensor::{Device, activation};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::RngExt;
use rayon::prelude::*;

/// Sequences of one pass.
const CHUNK: usize = 32;

/// What a model predicts of tokens [sequences × length].
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Natural logarithms of the chances of the token after each, a row a token, sequence after sequence
    /// [sequences·length × vocabulary].
    pub logs: Array2<f32>,
    /// Tokens of a sequence.
    pub length: usize,
}

impl Predictions {
    /// Logarithms of the chances of what follows token `place` of a sequence \[vocabulary\].
    pub fn after(&self, sequence: usize, place: usize) -> ndarray::ArrayView1<'_, f32> {
        self.logs.row(sequence * self.length + place)
    }
}

/// Predictions, and what was inside.
#[derive(Debug, Clone)]
pub struct Traced {
    /// Predictions.
    pub predictions: Predictions,
    /// The codes that fired at each place [sequences·length × groups·k].
    pub ids: Vec<(Site, Array2<u32>)>,
    /// Where asked for: the heads' outputs (`attention`), the MLPs' inside (`mlp_hidden`) and output (`mlp`) of each layer
    /// [sequences·length × columns].
    pub activations: Vec<(usize, &'static str, Array2<f32>)>,
}

impl Model {
    /// What follows each token.
    ///
    /// # Errors
    /// When a token is unknown, or the sequences are longer than the model's.
    pub fn predict(&self, device: &Device, tokens: ArrayView2<u32>) -> Result<Predictions, DictionaryError> {
        Ok(self.trace(device, tokens, false)?.predictions)
    }

    /// The same with the codes that fire, and with activations where asked for.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn trace(
        &self,
        device: &Device,
        tokens: ArrayView2<u32>,
        activations: bool,
    ) -> Result<Traced, DictionaryError> {
        self.pass(device, tokens, Mode { codebooks: true, activations, hook: None })
    }

    /// Predictions while a hook changes which codes fire. It gets the place, the number of its first sequence, and the ids
    /// [sequences·length × groups·k] of some whole sequences; [`crate::codebook::NONE`] forbids a code.
    ///
    /// # Errors
    /// As [`Model::predict`], and when the hook names a code that there is not.
    pub fn steered(
        &self,
        device: &Device,
        tokens: ArrayView2<u32>,
        hook: &(dyn Fn(Site, usize, &mut Array2<u32>) + Sync),
    ) -> Result<Predictions, DictionaryError> {
        let parts: Vec<Result<Array2<f32>, DictionaryError>> = chunks(tokens)
            .into_par_iter()
            .map(|range| {
                let first = range.start;
                let own = |site: Site, ids: &mut Array2<u32>| hook(site, first, ids);
                let mode = Mode { codebooks: true, activations: false, hook: Some(&own) };
                Ok(self.part(device, rows(tokens, range).view(), mode)?.predictions.logs)
            })
            .collect();
        let logs = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Predictions { logs: joined(&logs, self.config().vocabulary), length: tokens.ncols() })
    }

    pub(super) fn pass(
        &self,
        device: &Device,
        tokens: ArrayView2<u32>,
        mode: Mode<'_>,
    ) -> Result<Traced, DictionaryError> {
        let parts: Vec<Result<Traced, DictionaryError>> =
            chunks(tokens).into_par_iter().map(|range| self.part(device, rows(tokens, range).view(), mode)).collect();
        let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
        let logs: Vec<_> = parts.iter().map(|p| p.predictions.logs.clone()).collect();
        let predictions = Predictions { logs: joined(&logs, self.config().vocabulary), length: tokens.ncols() };
        let (mut ids, mut activations) = (vec![], vec![]);
        if let Some(first) = parts.first() {
            for (at, (site, part)) in first.ids.iter().enumerate() {
                let all: Vec<_> = parts.iter().map(|p| p.ids[at].1.clone()).collect();
                ids.push((*site, joined(&all, part.ncols())));
            }
            for (at, (layer, name, part)) in first.activations.iter().enumerate() {
                let all: Vec<_> = parts.iter().map(|p| p.activations[at].2.clone()).collect();
                activations.push((*layer, *name, joined(&all, part.ncols())));
            }
        }
        Ok(Traced { predictions, ids, activations })
    }

    fn part(&self, device: &Device, tokens: ArrayView2<u32>, mode: Mode<'_>) -> Result<Traced, DictionaryError> {
        let tensors = Tensors::new(self, device)?;
        let pass = forward(&tensors, tokens, mode)?;
        let logs = to_matrix(&activation::log_softmax(pass.logits, 1))?;
        let activations = pass
            .activations
            .iter()
            .map(|(layer, name, x)| Ok((*layer, *name, to_matrix(x)?)))
            .collect::<Result<_, DictionaryError>>()?;
        let ids = pass.fired.into_iter().map(|f| (f.site, f.ids)).collect();
        Ok(Traced { predictions: Predictions { logs, length: tokens.ncols() }, ids, activations })
    }

    /// Draws sequences from the model, token after token, all beginning with `start` [count × length].
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn sample(
        &self,
        device: &Device,
        start: u32,
        (count, length): (usize, usize),
        seed: u64,
    ) -> Result<Array2<u32>, DictionaryError> {
        let mut generator = stream(seed, Purpose::Sampling, 0, 0);
        let mut tokens = Array2::from_elem((count, length), start);
        for place in 1..length {
            let before = tokens.slice_axis(Axis(1), (..place).into());
            let predictions = self.predict(device, before)?;
            for sequence in 0..count {
                let mut left = generator.random::<f32>();
                let chances = predictions.after(sequence, place - 1);
                let drawn = chances.iter().position(|log| {
                    left -= log.exp();
                    left < 0.0
                });
                tokens[[sequence, place]] = drawn.unwrap_or(chances.len() - 1) as u32;
            }
        }
        Ok(tokens)
    }
}

fn chunks(tokens: ArrayView2<u32>) -> Vec<std::ops::Range<usize>> {
    (0..tokens.nrows()).step_by(CHUNK).map(|from| from..(from + CHUNK).min(tokens.nrows())).collect()
}

/// Parts under each other; none are a matrix of no rows.
fn joined<T: Clone>(parts: &[Array2<T>], columns: usize) -> Array2<T> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(0), &views)
        .unwrap_or_else(|_| Array2::from_shape_vec((0, columns), vec![]).unwrap_or_else(|_| unreachable!("no numbers")))
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny;
    use super::super::{Kind, Positions, Residual};
    use super::*;
    use crate::codebook::NONE;

    fn tokens() -> Array2<u32> {
        Array2::from_shape_fn((70, 6), |(i, t)| ((i * 3 + t * t) % 5) as u32)
    }

    fn shapes() -> Vec<Model> {
        let mut all = vec![];
        for positions in [Positions::Learned, Positions::Rotary { share: 0.5 }] {
            for residual in [Residual::Parallel, Residual::Sequential] {
                for (tied, codebooks) in [(false, true), (true, false)] {
                    let mut model = Model::new(tiny(positions, residual, tied, codebooks), 3).unwrap();
                    // Larger weights than a fresh model's, so that everything matters.
                    for (name, array) in &mut model.parameters {
                        if !name.contains("norm") && !name.contains("codebook") {
                            array.mapv_inplace(|w| 15.0 * w);
                        }
                    }
                    all.push(model);
                }
            }
        }
        all
    }

    #[test]
    fn what_comes_later_changes_nothing_and_what_came_does() {
        let device = Device::flex();
        for model in shapes() {
            let before = model.predict(&device, tokens().view()).unwrap();
            let mut changed = tokens();
            changed.column_mut(3).mapv_inplace(|t| (t + 1) % 5);
            let after = model.predict(&device, changed.view()).unwrap();
            let mut moved = 0;
            for i in 0..70 {
                for t in 0..6 {
                    let far = (&before.after(i, t) - &after.after(i, t)).iter().fold(0.0f32, |m, d| m.max(d.abs()));
                    if t < 3 {
                        assert!(far < 1e-5, "{far}");
                    } else {
                        moved += usize::from(far > 1e-4);
                    }
                }
                let total: f32 = before.after(i, 5).iter().map(|l| l.exp()).sum();
                assert!((total - 1.0).abs() < 1e-5);
            }
            assert!(moved > 70, "{moved} {:?}", model.config());
        }
    }

    #[test]
    fn devices_agree() {
        #[allow(deprecated)]
        let other = Device::ndarray();
        for model in shapes() {
            let a = model.trace(&Device::flex(), tokens().view(), true).unwrap();
            let b = model.trace(&other, tokens().view(), true).unwrap();
            assert!((&a.predictions.logs - &b.predictions.logs).iter().all(|d| d.abs() < 1e-4));
            assert_eq!(a.ids, b.ids);
            assert_eq!(a.activations.len(), 6);
        }
    }

    #[test]
    fn hooks_reach_their_place_and_tokens_alone() {
        let device = Device::flex();
        let model = &shapes()[0];
        let traced = model.trace(&device, tokens().view(), false).unwrap();
        let same = model.steered(&device, tokens().view(), &|_, _, _| {}).unwrap();
        assert_eq!(traced.predictions.logs, same.logs);
        let at = Site { layer: 1, kind: Kind::Mlp };
        let changed = model
            .steered(&device, tokens().view(), &|site, first, ids| {
                if site == at && first <= 40 && 40 < first + ids.nrows() / 6 {
                    ids[[(40 - first) * 6 + 2, 0]] = NONE;
                }
            })
            .unwrap();
        for i in 0..70 {
            for t in 0..6 {
                assert_eq!(traced.predictions.after(i, t) == changed.after(i, t), (i, t) != (40, 2), "{i} {t}");
            }
        }
    }

    #[test]
    fn drawn_tokens_follow_the_chances() {
        let device = Device::flex();
        let model = &shapes()[0];
        let drawn = model.sample(&device, 4, (2000, 3), 1).unwrap();
        let expected = model.predict(&device, Array2::from_elem((1, 1), 4).view()).unwrap();
        for token in 0..5 {
            let share = drawn.column(1).iter().filter(|&&t| t == token).count() as f32 / 2000.0;
            let chance = expected.after(0, 0)[token as usize].exp();
            assert!((share - chance).abs() < 5.0 * (chance * (1.0 - chance) / 2000.0).sqrt() + 1e-3);
        }
        assert_eq!(drawn, model.sample(&device, 4, (2000, 3), 1).unwrap());
        assert!(model.predict(&device, Array2::from_elem((1, 7), 0).view()).is_err());
    }
}
