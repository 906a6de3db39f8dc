//! A saved network that can be run, whatever saved it.
//!
//! Dense networks are run here; everything else is a graph: an ONNX file, a state dict with a description of its
//! modules, a Hugging Face folder with its tokeniser.

mod cost;
#[cfg(test)]
mod noise_tests;
mod pool;
mod prepared;

pub use pool::Pool;
pub use prepared::{Layers, Prepared};
pub(crate) use prepared::{axes_text, flat};

use super::graph::{Graph, Tap};
use super::modules::{Description, Matching, Tokeniser, assemble, assemble_folder};
use super::samples::Samples;
use super::{Architecture, NOISE_METADATA, Network, Noise, NoiseSource};
use crate::checkpoint::{Contents, Format, ReadOptions};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

/// How to read the models of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelOptions {
    /// The network; that of the file itself when absent.
    pub description: Option<Description>,
    /// Key of the state dict in a PyTorch file, when it must be given.
    pub state_dict_key: Option<String>,
    /// Tokens of a text at most, where the model would take more.
    pub max_tokens: Option<usize>,
    /// Noise on every hidden layer; that with which the file says it was trained when absent.
    pub noise: Option<Noise>,
    /// Seed of the noise.
    pub noise_seed: u64,
}

/// A network and what is known of it.
pub struct Model {
    /// File or folder.
    pub path: PathBuf,
    /// Name of the run that it belongs to, when it says so.
    pub run: Option<String>,
    /// Epoch, when known.
    pub epoch: Option<u64>,
    /// Optimiser step, when known.
    pub step: Option<u64>,
    /// Seed that trained it, when known.
    pub seed: Option<u64>,
    /// What the user should hear of.
    pub notes: Vec<String>,
    /// Noise on every hidden layer while it is run.
    pub noise: Option<NoiseSource>,
    /// Names of its weights in their order, where it was matched by name.
    pub weights: Vec<String>,
    engine: Engine,
    layers: Vec<Tap>,
}

enum Engine {
    Dense(Network),
    Graph { graph: Box<Graph>, tokeniser: Option<Box<Tokeniser>> },
}

impl Model {
    /// Opens a file, or the folder of a Hugging Face model.
    ///
    /// Noise is that of the options, else that of which the file tells.
    ///
    /// # Errors
    /// When the file cannot be read, does not say what network it is of and no description was given, or does not fit
    /// the description.
    pub fn open(path: &Path, options: &ModelOptions) -> Result<Self> {
        let mut model = Self::quiet(path, options)?;
        if let Some(noise) = options.noise {
            model.noise = Some(NoiseSource { noise, seed: options.noise_seed });
        }
        model.noise = model.noise.map(|n| NoiseSource { seed: options.noise_seed, ..n }).filter(|n| n.noise.is_some());
        if let (Some(source), None) = (&model.noise, options.noise) {
            model.notes.push(format!(
                "{} is on every hidden layer, as when the network was trained; --noise-std 0 runs it without",
                source.noise
            ));
        }
        Ok(model)
    }

    /// The model with the noise that its file tells of.
    fn quiet(path: &Path, options: &ModelOptions) -> Result<Self> {
        if path.is_dir() {
            return Self::of_folder(path, options);
        }
        let contents = Contents::open(path, &ReadOptions { with_key: options.state_dict_key.clone() })?;
        if contents.format == Format::Onnx {
            ensure!(
                options.description.is_none(),
                "{} is an ONNX file, which holds its own graph: leave out --arch",
                path.display()
            );
            let graph = Graph::read(path)?;
            let mut notes = vec![];
            for (operator, nodes) in graph.unknown_operators() {
                notes.push(format!(
                    "{}: the operator {operator} ({} node(s)) is not known; layers after it cannot be taken",
                    path.display(),
                    nodes.len()
                ));
            }
            return Self::of_graph(&contents, graph, None, notes);
        }
        match description(&contents, options)? {
            Description::Dense(architecture) => Self::dense(contents, &architecture),
            Description::Modules(net) => {
                // A square matrix would be taken the wrong way round without a word.
                ensure!(
                    contents.format != Format::Burnpack,
                    "{}: burnpack keeps linear layers as [inputs, outputs], and networks of modules are read as PyTorch keeps \
                     them: save it as safetensors with burn-store's adapter to PyTorch",
                    path.display()
                );
                let assembled = assemble(&net, &contents)?;
                let unused = Matching::of(&net, &contents)?.unused;
                let mut notes = assembled.notes.clone();
                if !unused.is_empty() {
                    let names: Vec<&str> = unused.iter().map(|t| t.name.as_str()).collect();
                    notes.push(format!("{}: the description has no use for {}", path.display(), names.join(", ")));
                }
                let graph = Graph::of_modules(assembled);
                ensure!(
                    graph.inputs().iter().all(|i| i.name == "input"),
                    "{}: the network takes tokens, and a file alone has no tokeniser: give a folder with config.json and tokenizer.json",
                    path.display()
                );
                Self::of_graph(&contents, graph, None, notes)
            }
        }
    }

    fn of_folder(path: &Path, options: &ModelOptions) -> Result<Self> {
        ensure!(
            path.join("config.json").exists(),
            "{} is a folder without config.json, so it is no Hugging Face model; name the files in it, or a pattern",
            path.display()
        );
        let contents = Contents::open(path, &ReadOptions::default())?;
        let assembled = assemble_folder(path)?;
        let mut tokeniser = Tokeniser::open(path)?;
        let limit = [assembled.longest, options.max_tokens].into_iter().flatten().min();
        if let Some(limit) = limit {
            tokeniser.cut_to(limit)?;
        }
        if let Some(vocabulary) = assembled.vocabulary {
            ensure!(
                tokeniser.vocabulary() <= vocabulary,
                "{}: the tokeniser has {} tokens, but the model knows {vocabulary}: they do not belong together",
                path.display(),
                tokeniser.vocabulary()
            );
        }
        let notes = assembled.notes.clone();
        Self::of_graph(&contents, Graph::of_modules(assembled), Some(tokeniser), notes)
    }

    fn of_graph(contents: &Contents, graph: Graph, tokeniser: Option<Tokeniser>, notes: Vec<String>) -> Result<Self> {
        Ok(Self {
            noise: noise_of(contents)?,
            path: contents.file.clone(),
            run: contents.run.clone(),
            epoch: contents.epoch,
            step: contents.step,
            seed: contents.seed,
            notes,
            weights: vec![],
            layers: graph.taps().to_vec(),
            engine: Engine::Graph { graph: Box::new(graph), tokeniser: tokeniser.map(Box::new) },
        })
    }

    fn dense(contents: Contents, architecture: &Architecture) -> Result<Self> {
        let (path, run) = (contents.file.clone(), contents.run.clone());
        let (epoch, step, seed) = (contents.epoch, contents.step, contents.seed);
        let noise = noise_of(&contents)?;
        // Burn keeps the weights of a linear layer as [inputs, outputs], where everybody else has them the other way round.
        let is_burn = contents.format == Format::Burnpack;
        let mut file = contents.load()?;
        if is_burn {
            file.tensors.transpose_matrices();
        }
        let network = Network::from_checkpoint(architecture, &file)?;
        let weights = Network::tensor_names(architecture, &file)?.into_iter().map(|(weight, _)| weight).collect();
        let layers = dense_layers(architecture);
        Ok(Self { path, run, epoch, step, seed, notes: vec![], noise, weights, engine: Engine::Dense(network), layers })
    }

    /// Everything that can be taken from it, in order.
    pub fn layers(&self) -> &[Tap] {
        &self.layers
    }

    /// Whether it is run on texts.
    pub fn takes_texts(&self) -> bool {
        matches!(&self.engine, Engine::Graph { tokeniser: Some(_), .. })
    }

    /// Places of the layers that patterns ask for.
    ///
    /// A pattern is a name, a glob, a number from 1, `all`, `all-activations` or `outputs`. Without patterns: of a dense
    /// network all layers, of others their activations and outputs, or the layers of an encoder.
    ///
    /// # Errors
    /// When a pattern matches nothing: the message lists what there is.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<usize>> {
        let name = self.path.display().to_string();
        let of = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let patterns = match (&self.engine, patterns) {
            (Engine::Dense(_), []) => of(&["all"]),
            (Engine::Graph { tokeniser: Some(_), .. }, []) => {
                let has = |p: &String| super::graph::select(&self.layers, std::slice::from_ref(p), &name).is_ok();
                let encoder = of(&["embeddings", "encoder.layer.?", "encoder.layer.??", "outputs"]);
                encoder.into_iter().filter(has).collect()
            }
            (_, given) => given.to_vec(),
        };
        super::graph::select(&self.layers, &patterns, &name)
    }

    /// Checks that samples are what it takes.
    ///
    /// # Errors
    /// When they are not: the message says what they are, and what is taken.
    pub fn check(self, samples: &Samples) -> Result<()> {
        let layers = match &self.engine {
            Engine::Dense(network) => {
                let found = samples.kind().shape().map(|shape| shape.iter().product::<usize>());
                let expected = network.architecture.layers[0];
                ensure!(
                    found == Some(expected),
                    "the inputs have {} features, but the network {} of {} takes {expected}",
                    found.map_or_else(|| "no".into(), |n| n.to_string()),
                    network.architecture,
                    self.path.display()
                );
                return Ok(());
            }
            Engine::Graph { .. } => self.select(&[])?,
        };
        self.prepare(&layers)?.check(samples, 0).map(drop)
    }

    /// Makes ready what is needed for these layers.
    ///
    /// # Errors
    /// When the engine cannot run the graph.
    pub fn prepare(self, layers: &[usize]) -> Result<Prepared> {
        Prepared::new(self, layers)
    }
}

/// What network a file of weights is of: as given, or as the file itself says.
fn description(contents: &Contents, options: &ModelOptions) -> Result<Description> {
    if let Some(given) = &options.description {
        return Ok(given.clone());
    }
    let file = contents.file.display();
    match contents.metadata.get("architecture") {
        Some(text) => Description::of_json(text)
            .with_context(|| format!("the architecture in the metadata of {file} cannot be used: give --arch FILE")),
        None => bail!(
            "{file} does not say what network it belongs to: give --arch FILE (sizes, activation and output of a dense \
             network, or the modules of another)"
        ),
    }
}

/// The noise with which a file says that its network was trained; its seed is for whoever runs it to say.
fn noise_of(contents: &Contents) -> Result<Option<NoiseSource>> {
    let Some(text) = contents.metadata.get(NOISE_METADATA) else { return Ok(None) };
    let noise: Noise = serde_json::from_str(text).with_context(|| {
        format!(
            "{}: {NOISE_METADATA} = {text} in the metadata, but something like {{\"std\": 0.001, \"relative\": true}} is \
             expected; --noise-std says what noise there is",
            contents.file.display()
        )
    })?;
    Ok(Some(NoiseSource { noise, seed: 0 }))
}

fn dense_layers(architecture: &Architecture) -> Vec<Tap> {
    use super::graph::Axis;
    let names = architecture.layer_names();
    let last = names.len().saturating_sub(1);
    let of = |(index, name): (usize, String)| Tap {
        name,
        node: String::new(),
        operator: if index == last { "output".into() } else { "hidden".into() },
        shape: Some(vec![Axis::Open("batch".into()), Axis::Known(architecture.layers[index + 1])]),
        is_output: index == last,
        is_layer: true,
        blocked_by: None,
        lower_saturation: architecture.lower_saturation(index),
    };
    names.into_iter().enumerate().map(of).collect()
}
