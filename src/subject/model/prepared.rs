//! A network made ready for some of its layers.

use super::cost::bytes_per_sample;
use super::{Engine, Model};
use crate::subject::graph::{Feed, NoiseInput, Runner, Tap, fold};
use crate::subject::modules::Tokeniser;
use crate::subject::samples::{Batch, SampleKind, Samples};
use crate::subject::{Network, NoiseSource};
use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::{Array2, ArrayD, Axis, Ix2};
use std::path::PathBuf;

/// A network that yields some layers.
pub struct Prepared {
    path: PathBuf,
    engine: Ready,
    layers: Vec<Tap>,
    all: Vec<Tap>,
    kept: Vec<usize>,
    noise: Option<NoiseSource>,
}

enum Ready {
    Dense(Network),
    Graph { runner: Box<Runner>, tokeniser: Option<Box<Tokeniser>>, noise: Vec<NoiseInput> },
}

/// What layers yield.
#[derive(Debug, Clone, PartialEq)]
pub struct Layers {
    /// A layer each [samples × …], in the order that was asked for.
    pub values: Vec<ArrayD<f32>>,
    /// Of texts, which tokens are no padding [samples × tokens].
    pub mask: Option<Array2<f32>>,
}

impl Prepared {
    pub(super) fn new(model: Model, kept: &[usize]) -> Result<Self> {
        let Model { path, engine, layers: all, noise, .. } = model;
        let layers = kept.iter().map(|&i| all[i].clone()).collect();
        let engine = match engine {
            Engine::Dense(network) => Ready::Dense(network),
            Engine::Graph { mut graph, tokeniser } => {
                if let Some(source) = &noise {
                    ensure!(
                        tokeniser.is_none(),
                        "{} is run on texts, and noise is not put into networks of texts: --noise-std 0 runs it without",
                        path.display()
                    );
                    graph.add_noise(source.noise.relative).with_context(|| format!("{}", path.display()))?;
                }
                let runner = graph.runner(kept).with_context(|| format!("{}", path.display()))?;
                Ready::Graph { runner: Box::new(runner), tokeniser, noise: graph.noise_inputs().to_vec() }
            }
        };
        Ok(Self { path, engine, layers, all, kept: kept.to_vec(), noise })
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[Tap] {
        &self.layers
    }

    /// Whether it is a dense network, which is run here.
    pub fn is_dense(&self) -> bool {
        matches!(self.engine, Ready::Dense(_))
    }

    /// Checks that samples are what the network takes, by running it on one of them.
    ///
    /// # Errors
    /// When they are not: the message says what they are and what is taken.
    pub fn check(&self, samples: &Samples, row: usize) -> Result<Layers> {
        self.run(&samples.batch(&[row])?, &[row])
    }

    /// Bytes that one sample, a text of `tokens` at most, takes while the network is run, about.
    pub fn bytes_per_sample(&self, samples: &Samples, tokens: usize) -> u64 {
        let open = match samples.kind() {
            SampleKind::Images { height, width, .. } => height.max(width),
            SampleKind::Array { shape } => shape.into_iter().max().unwrap_or(1),
            SampleKind::Texts => tokens,
        };
        // Draws, and the tensor that they are copied to.
        let noise = match &self.engine {
            Ready::Graph { noise, .. } => noise.iter().map(|n| 8 * n.shape.iter().product::<usize>() as u64).sum(),
            Ready::Dense(_) => 0u64,
        };
        bytes_per_sample(&self.all, &self.kept, open) + noise
    }

    /// Tokens of the longest of these texts; one where it is not run on texts.
    ///
    /// # Errors
    /// When a text cannot be told apart into tokens.
    pub fn longest(&self, samples: &Samples, rows: &[usize]) -> Result<usize> {
        let Ready::Graph { tokeniser: Some(tokeniser), .. } = &self.engine else { return Ok(1) };
        let mut longest = 1;
        for rows in rows.chunks(1024) {
            if let Batch::Text(texts) = samples.batch(rows)? {
                longest = longest.max(tokeniser.encode(&texts)?.input_ids.ncols());
            }
        }
        Ok(longest)
    }

    /// Runs the network on a batch: these rows of the data, which the draws of noise follow from.
    ///
    /// # Errors
    /// When the batch is not what the network takes, the engine fails, or a layer has not one row a sample.
    pub fn run(&self, batch: &Batch, data_rows: &[usize]) -> Result<Layers> {
        let n = match batch {
            Batch::Real(values) => values.shape().first().copied().unwrap_or(0),
            Batch::Text(texts) => texts.len(),
        };
        ensure!(data_rows.len() == n, "a batch of {n} sample(s) was given with {} row(s)", data_rows.len());
        let layers = match (&self.engine, batch) {
            (Ready::Dense(network), Batch::Real(values)) => self.dense(network, values, data_rows)?,
            (Ready::Graph { runner, tokeniser: None, noise }, Batch::Real(values)) => Layers {
                values: runner
                    .run(&self.feed(runner, values, noise, data_rows)?)
                    .with_context(|| format!("cannot run {}", self.path.display()))?,
                mask: None,
            },
            (Ready::Graph { runner, tokeniser: Some(tokeniser), .. }, Batch::Text(texts)) => {
                self.texts(runner, tokeniser, texts)?
            }
            (_, Batch::Text(_)) => bail!("{} is run on numbers, but the inputs are texts", self.path.display()),
            (_, Batch::Real(_)) => bail!(
                "{} is run on texts, but the inputs are numbers: give a .txt with one text a line, or a CSV and --text-column",
                self.path.display()
            ),
        };
        for (tap, values) in self.layers.iter().zip(&layers.values) {
            ensure!(
                values.ndim() >= 2 && values.shape()[0] == n && values.len() >= n,
                "{}: {} has the shape {:?} for {n} sample(s), so it is no layer: choose others by --layers",
                self.path.display(),
                tap.name,
                values.shape()
            );
        }
        Ok(layers)
    }

    fn dense(&self, network: &Network, values: &ArrayD<f32>, data_rows: &[usize]) -> Result<Layers> {
        let n = values.shape()[0];
        let width = values.len() / n.max(1);
        let rows = values.as_standard_layout().into_owned().into_shape_with_order((n, width))?;
        let noise = self.noise.as_ref().map(|source| (source, data_rows));
        let traced = network.trace_disturbed(rows.view(), noise).with_context(|| format!("{}", self.path.display()))?;
        let mut traced: Vec<Option<ArrayD<f32>>> = traced.into_iter().map(|l| Some(l.values.into_dyn())).collect();
        let values = self.kept.iter().map(|&i| traced[i].take().ok_or_else(|| anyhow!("a layer was asked for twice")));
        Ok(Layers { values: values.collect::<Result<_>>()?, mask: None })
    }

    fn feed(
        &self,
        runner: &Runner,
        values: &ArrayD<f32>,
        noise: &[NoiseInput],
        data_rows: &[usize],
    ) -> Result<Vec<Feed>> {
        let drawn = |name: &str| noise.iter().find(|n| n.name == name);
        let own: Vec<&str> =
            runner.inputs().iter().map(|i| i.name.as_str()).filter(|name| drawn(name).is_none()).collect();
        ensure!(
            own.len() == 1,
            "{} has {} inputs ({}), and only networks with one are run on arrays",
            self.path.display(),
            own.len(),
            own.join(", ")
        );
        let feed = runner.inputs().iter().map(|input| match (drawn(&input.name), &self.noise) {
            (Some(layer), Some(source)) => Ok(Feed::Real(source.draws(layer.index, data_rows, &layer.shape))),
            _ => {
                let values =
                    fold(values.clone(), input).with_context(|| format!("cannot run {}", self.path.display()))?;
                let whole = input.dtype.is_integer();
                Ok(if whole { Feed::Whole(values.mapv(|v| v as i64)) } else { Feed::Real(values) })
            }
        });
        feed.collect()
    }

    fn texts(&self, runner: &Runner, tokeniser: &Tokeniser, texts: &[String]) -> Result<Layers> {
        let encoded = tokeniser.encode(texts)?;
        let mask = encoded.attention_mask.mapv(|v| v as f32);
        let feeds = runner.inputs().iter().map(|input| {
            let values = match input.name.as_str() {
                "input_ids" => &encoded.input_ids,
                "attention_mask" => &encoded.attention_mask,
                "token_type_ids" => &encoded.token_type_ids,
                other => bail!("{} takes {other}, which no tokeniser makes", self.path.display()),
            };
            Ok(Feed::Whole(values.clone().into_dyn()))
        });
        let feeds = feeds.collect::<Result<Vec<_>>>()?;
        let values = runner.run(&feeds).with_context(|| format!("cannot run {}", self.path.display()))?;
        Ok(Layers { values, mask: Some(mask) })
    }
}

impl Layers {
    /// Whether layer `index` has a row a token.
    pub fn is_tokens(&self, index: usize) -> bool {
        let values = &self.values[index];
        self.mask.as_ref().is_some_and(|m| values.ndim() == 3 && values.shape()[1] == m.ncols())
    }

    /// Brings layers of tokens to a width of `longest` tokens, with zeros wherever there is padding: what a network makes
    /// of padding depends on the texts beside it.
    pub fn widened(mut self, longest: usize) -> Self {
        let Some(mask) = &self.mask else { return self };
        for index in 0..self.values.len() {
            if !self.is_tokens(index) {
                continue;
            }
            let values = &self.values[index];
            let mut shape = values.shape().to_vec();
            shape[1] = longest.max(shape[1]);
            let mut wide = ArrayD::zeros(shape);
            for ((row, token), _) in mask.indexed_iter().filter(|(_, is_token)| **is_token > 0.0) {
                let from = values.index_axis(Axis(0), row);
                wide.index_axis_mut(Axis(0), row)
                    .index_axis_mut(Axis(0), token)
                    .assign(&from.index_axis(Axis(0), token));
            }
            self.values[index] = wide;
        }
        self
    }
}

/// A layer's axes in a table: `32x7x7`.
pub(crate) fn axes_text(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// A layer's rows as a matrix [samples × units].
pub(crate) fn flat(values: ArrayD<f32>) -> Result<Array2<f32>> {
    let n = values.shape()[0];
    let width = values.len() / n.max(1);
    let values = values.as_standard_layout().into_owned();
    Ok(values.into_shape_with_order((n, width))?.into_dimensionality::<Ix2>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn padding_is_zero_wherever_it_is() {
        let layers = Layers {
            values: vec![array![[[1.0f32], [9.0]], [[2.0], [3.0]]].into_dyn(), array![[9.0f32], [8.0]].into_dyn()],
            mask: Some(array![[1.0, 0.0], [1.0, 1.0]]),
        };
        for longest in [1, 2] {
            let wide = layers.clone().widened(longest);
            assert_eq!(wide.values[0], array![[[1.0f32], [0.0]], [[2.0], [3.0]]].into_dyn());
            assert_eq!(wide.values[1], layers.values[1]);
        }
        assert_eq!(layers.widened(3).values[0], array![[[1.0f32], [0.0], [0.0]], [[2.0], [3.0], [0.0]]].into_dyn());
    }
}
