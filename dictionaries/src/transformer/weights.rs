//! A transformer's parameters, by name.

use super::{Config, Kind, Positions, Site};
use crate::codebook::Codebook;
use crate::random::{Purpose, stream};
use crate::{DictionaryError, dictionary};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn};
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;

/// Standard deviation of the weights as they start, that of GPT-NeoX.
const SPREAD: f32 = 0.02;

/// A transformer: what it is, and its parameters.
///
/// Weight matrices are [inputs × outputs]. Names: `embedding` [vocabulary × width], `positions` [length × width];
/// `layers.L.norm_1.gain`, `.shift`; `layers.L.attention.in.weight` [width × 3·width] (queries, keys, values, each head
/// after head), `.bias`; `layers.L.attention.out.*`; `layers.L.norm_2.*`, `layers.L.mlp.in.*`, `layers.L.mlp.out.*`;
/// `norm.*`; `head` [width × vocabulary]; and of a codebook `layers.L.attention.codebook.gain`, `.shift`, `.codes`, or
/// `layers.L.mlp.codebook.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    config: Config,
    pub(super) parameters: BTreeMap<String, ArrayD<f32>>,
}

/// How a parameter starts.
enum Start {
    Normal,
    Zeros,
    Ones,
}

impl Model {
    /// A fresh model.
    ///
    /// # Errors
    /// When the config does not hold together.
    pub fn new(config: Config, seed: u64) -> Result<Self, DictionaryError> {
        config.check()?;
        let mut parameters = BTreeMap::new();
        for (part, (name, shape, start)) in outline(&config).into_iter().enumerate() {
            // A stream a parameter: codebooks or tied heads move no other weight.
            let mut generator = stream(seed, Purpose::Weights, part as u16, 0);
            let mut normal = || SPREAD * <StandardNormal as Distribution<f32>>::sample(&StandardNormal, &mut generator);
            let values = match start {
                Start::Normal => ArrayD::from_shape_simple_fn(IxDyn(&shape), &mut normal),
                Start::Zeros => ArrayD::zeros(IxDyn(&shape)),
                Start::Ones => ArrayD::ones(IxDyn(&shape)),
            };
            parameters.insert(name, values);
        }
        let mut model = Self { config, parameters };
        for (part, site) in model.config.sites().into_iter().enumerate() {
            if let Some(settings) = model.config.settings(site.kind) {
                model.set_codebook(site, Codebook::new(model.config.width, settings, seed, part as u16)?);
            }
        }
        Ok(model)
    }

    /// A model of given parameters.
    ///
    /// # Errors
    /// When one is missing, unknown, of another shape, or not finite.
    pub fn from_parameters(
        config: Config,
        mut parameters: BTreeMap<String, ArrayD<f32>>,
    ) -> Result<Self, DictionaryError> {
        let expected = Self::new(config.clone(), 0)?;
        if let Some(name) = parameters.keys().find(|name| !expected.parameters.contains_key(*name)) {
            return Err(DictionaryError::Data(format!("the parameter '{name}' has no place in this transformer")));
        }
        for (name, array) in &expected.parameters {
            let Some(found) = parameters.get_mut(name) else {
                return Err(DictionaryError::Data(format!("the parameter '{name}' is missing")));
            };
            if found.shape() != array.shape() {
                return Err(DictionaryError::Data(format!(
                    "the parameter '{name}' has the shape {:?}, but {:?} is expected",
                    found.shape(),
                    array.shape()
                )));
            }
            *found = found.as_standard_layout().into_owned();
            let columns = *array.shape().last().unwrap_or(&1);
            if let Some(values) = found.as_slice()
                && let Ok(matrix) = ndarray::ArrayView2::from_shape((values.len() / columns, columns), values)
            {
                dictionary::finite(name, matrix)?;
            }
        }
        Ok(Self { config, parameters })
    }

    /// What it is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its parameters by name.
    pub fn parameters(&self) -> &BTreeMap<String, ArrayD<f32>> {
        &self.parameters
    }

    /// How many numbers it has.
    pub fn size(&self) -> usize {
        self.parameters.values().map(ArrayD::len).sum()
    }

    /// The codebook at a place.
    pub fn codebook(&self, site: Site) -> Option<Codebook> {
        let settings = self.config.settings(site.kind)?;
        let place = place(site);
        let vector = |name: &str| -> Option<Array1<f32>> {
            self.parameters.get(&format!("{place}.{name}"))?.clone().into_dimensionality().ok()
        };
        let codes: Array2<f32> = self.parameters.get(&format!("{place}.codes"))?.clone().into_dimensionality().ok()?;
        Some(Codebook { settings, gain: vector("gain")?, shift: vector("shift")?, codes })
    }

    /// Puts a codebook in its place.
    pub(super) fn set_codebook(&mut self, site: Site, codebook: Codebook) {
        let place = place(site);
        self.parameters.insert(format!("{place}.gain"), codebook.gain.into_dyn());
        self.parameters.insert(format!("{place}.shift"), codebook.shift.into_dyn());
        self.parameters.insert(format!("{place}.codes"), codebook.codes.into_dyn());
    }
}

/// What the parameters of a codebook begin with.
pub(super) fn place(site: Site) -> String {
    match site.kind {
        Kind::Attention => format!("layers.{}.attention.codebook", site.layer),
        Kind::Mlp => format!("layers.{}.mlp.codebook", site.layer),
    }
}

/// Whether the weight decay is for a parameter: matrices, but no codes.
pub(super) fn decays(name: &str, array: &ArrayD<f32>) -> bool {
    array.ndim() == 2 && !name.ends_with(".codes")
}

/// Names, shapes and starts of all parameters but the codebooks'.
fn outline(config: &Config) -> Vec<(String, Vec<usize>, Start)> {
    let (width, hidden) = (config.width, config.hidden);
    let mut all = vec![("embedding".to_owned(), vec![config.vocabulary, width], Start::Normal)];
    if config.positions == Positions::Learned {
        all.push(("positions".into(), vec![config.length, width], Start::Normal));
    }
    let norm = |name: String| {
        [(format!("{name}.gain"), vec![width], Start::Ones), (format!("{name}.shift"), vec![width], Start::Zeros)]
    };
    let linear = |name: String, from: usize, to: usize| {
        [(format!("{name}.weight"), vec![from, to], Start::Normal), (format!("{name}.bias"), vec![to], Start::Zeros)]
    };
    for layer in 0..config.layers {
        let name = |part: &str| format!("layers.{layer}.{part}");
        all.extend(norm(name("norm_1")));
        all.extend(linear(name("attention.in"), width, 3 * width));
        all.extend(linear(name("attention.out"), width, width));
        all.extend(norm(name("norm_2")));
        all.extend(linear(name("mlp.in"), width, hidden));
        all.extend(linear(name("mlp.out"), hidden, width));
    }
    all.extend(norm("norm".into()));
    if !config.tied {
        all.push(("head".into(), vec![width, config.vocabulary], Start::Normal));
    }
    all
}

/// The numbers of an array in order; parameters are kept in standard layout.
pub(super) fn numbers(array: &ArrayD<f32>) -> Result<&[f32], DictionaryError> {
    array.as_slice().ok_or_else(|| DictionaryError::Data("a parameter does not lie in order".into()))
}

/// Rows of a batch, as a matrix of its own.
pub(super) fn rows(tokens: ndarray::ArrayView2<u32>, range: std::ops::Range<usize>) -> Array2<u32> {
    tokens.slice_axis(Axis(0), (range.start as isize..range.end as isize).into()).to_owned()
}
