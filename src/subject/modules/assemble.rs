//! From modules and a checkpoint to an ONNX graph in memory.

use super::description::{Input, Kind, Module, ModuleNet};
use super::graph::{Axis, Graph};
use super::matching::Matching;
use super::read::graph_inputs;
use super::weights::Weights;
use crate::checkpoint::Contents;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

/// Values of one sample at most, at any place in the network: a description can ask for more than any memory has.
const MOST_VALUES: usize = 1 << 31;

/// A graph and what is to be known for running it.
///
/// Every input has the batch first; token inputs are whole numbers of 64 bits, `[batch, sequence]`. The runner's table
/// look-ups do not check their indices, so token ids must be below `vocabulary` and sequences no longer than `longest`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// The graph; its only output is the last module's.
    pub model: ModelProto,
    /// Names of its inputs: `input`; `input_ids` and `attention_mask`; or these and `token_type_ids`.
    pub inputs: Vec<String>,
    /// Tensors that can be asked for, in order; the output is the last.
    pub taps: Vec<Tap>,
    /// Token ids must be below this.
    pub vocabulary: Option<usize>,
    /// Tokens of a sequence at most.
    pub longest: Option<usize>,
    /// What the caller should hear of, such as parts of a folder that are not read.
    pub notes: Vec<String>,
}

/// A tensor that can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Tap {
    /// Its name in the graph, which is the module's full name.
    pub name: String,
    /// What the module does.
    pub kind: &'static str,
    /// Its shape without the batch; `None` is the length of the sequence.
    pub shape: Vec<Option<usize>>,
    /// Value at which it saturates from below, when known.
    pub lower_saturation: Option<f32>,
}

/// A tensor while the graph is made.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) name: String,
    /// Without the batch; `None` is the length of the sequence.
    pub(super) shape: Vec<Option<usize>>,
    /// Whether it holds token ids.
    pub(super) tokens: bool,
}

/// A graph in the making, and what it is made of.
pub(super) struct Assembler<'a> {
    pub(super) graph: Graph,
    pub(super) weights: &'a Weights<'a>,
    pub(super) taps: Vec<Tap>,
    pub(super) vocabulary: Option<usize>,
    pub(super) longest: Option<usize>,
    /// Name of the mask, where there is one.
    pub(super) mask: Option<&'static str>,
    /// Whether the graph has what lowers padding's scores.
    pub(super) lowered: bool,
    values: HashMap<String, Value>,
    unnamed: usize,
}

/// Puts the modules of a description and the tensors of a checkpoint together.
///
/// # Errors
/// When a tensor is missing, a shape does not fit (the message says both), or a weight is NaN or infinite.
pub fn assemble(net: &ModuleNet, contents: &Contents) -> Result<Assembled> {
    Matching::of(net, contents)?.check()?;
    let weights = Weights::new(contents, &net.rename)?;
    let mut a = Assembler::new(&weights);
    let inputs = graph_inputs(&net.input);
    let first = match &net.input {
        Input::Values(shape) => {
            let mut axes = vec![Axis::Name("batch")];
            axes.extend(shape.iter().map(|&n| Axis::Length(n)));
            a.graph.input(inputs[0], DataType::Float, &axes);
            Value { name: inputs[0].into(), shape: shape.iter().map(|&n| Some(n)).collect(), tokens: false }
        }
        Input::Tokens => {
            for input in inputs {
                a.graph.input(input, DataType::Int64, &[Axis::Name("batch"), Axis::Name("sequence")]);
            }
            a.mask = Some(inputs[1]);
            Value { name: inputs[0].into(), shape: vec![None], tokens: true }
        }
    };
    a.values.insert(first.name.clone(), first.clone());
    let last = a
        .modules(&net.modules, first)
        .with_context(|| format!("{} does not fit the described network", contents.file.display()))?;
    ensure!(!last.tokens, "the network ends with token ids; describe what is done with them");
    Ok(a.finish(&last, inputs.iter().map(ToString::to_string).collect()))
}

/// A sample's shape for messages.
pub(super) fn shape_text(shape: &[Option<usize>]) -> String {
    let axes: Vec<String> = shape.iter().map(|n| n.map_or("tokens".into(), |n| n.to_string())).collect();
    format!("[{}]", axes.join(", "))
}

impl<'a> Assembler<'a> {
    pub(super) fn new(weights: &'a Weights<'a>) -> Self {
        Self {
            graph: Graph::default(),
            weights,
            taps: Vec::new(),
            vocabulary: None,
            longest: None,
            mask: None,
            lowered: false,
            values: HashMap::new(),
            unnamed: 0,
        }
    }

    pub(super) fn finish(self, last: &Value, inputs: Vec<String>) -> Assembled {
        Assembled {
            model: self.graph.finish(&last.name),
            inputs,
            taps: self.taps,
            vocabulary: self.vocabulary,
            longest: self.longest,
            notes: Vec::new(),
        }
    }

    /// Notes that a tensor can be asked for.
    ///
    /// # Errors
    /// When it has more values than are run.
    pub(super) fn tap(
        &mut self,
        name: &str,
        kind: &'static str,
        shape: Vec<Option<usize>>,
        saturation: Option<f32>,
    ) -> Result<Value> {
        let count = shape.iter().flatten().try_fold(1usize, |n, &axis| n.checked_mul(axis));
        ensure!(
            count.is_some_and(|n| n <= MOST_VALUES),
            "it yields {} values a sample, but at most {MOST_VALUES} are run",
            shape_text(&shape)
        );
        // Parts of a stack of layers have names that no description shows.
        ensure!(!self.values.contains_key(name), "two of the graph's tensors would be called {name}; rename a module");
        let value = Value { name: name.into(), shape: shape.clone(), tokens: false };
        if !name.contains('/') {
            self.taps.push(Tap { name: name.into(), kind, shape, lower_saturation: saturation });
        }
        self.values.insert(name.into(), value.clone());
        Ok(value)
    }

    fn modules(&mut self, modules: &[Module], mut x: Value) -> Result<Value> {
        for module in modules {
            x = self.module(module, x).with_context(|| format!("{} ({})", module.name, module.kind.name()))?;
        }
        Ok(x)
    }

    fn module(&mut self, module: &Module, before: Value) -> Result<Value> {
        let mut from = Vec::with_capacity(module.from.len().max(1));
        for name in &module.from {
            match self.values.get(name) {
                Some(value) => from.push(value.clone()),
                None => bail!("it takes the values of {name}, which is no tensor of the graph"),
            }
        }
        let x = from.first().cloned().unwrap_or(before);
        let many = matches!(module.kind, Kind::Add | Kind::Concat { .. });
        ensure!(many || from.len() <= 1, "it takes one module's values, but `from` names {}", from.len());
        ensure!(
            !x.tokens || matches!(module.kind, Kind::Embedding | Kind::Dropout | Kind::Sequence { .. }),
            "it takes numbers, but gets token ids; an embedding comes first"
        );

        let residual = matches!(module.kind, Kind::Residual { .. });
        let out = match (module.name.as_str(), module.activation) {
            ("", _) => {
                self.unnamed += 1;
                format!("unnamed/{}", self.unnamed)
            }
            (name, Some(_)) if residual => format!("{name}.sum"),
            (name, _) => name.to_string(),
        };
        let y = self.kind(module, &x, &from, &out)?;
        match module.activation {
            None => Ok(y),
            Some(function) => {
                let name = match module.name.as_str() {
                    "" => format!("{out}/{}", function.name()),
                    name if residual => name.to_string(),
                    name => format!("{name}.{}", function.name()),
                };
                function.apply(&mut self.graph, &y.name, y.shape.len() + 1, &name);
                let kind = if residual { module.kind.name() } else { function.name() };
                self.tap(&name, kind, y.shape, function.lower_saturation())
            }
        }
    }

    fn kind(&mut self, module: &Module, x: &Value, from: &[Value], out: &str) -> Result<Value> {
        let name = module.name.as_str();
        match &module.kind {
            Kind::Conv { window, bias } => self.conv(name, x, window, *bias != Some(false)),
            Kind::BatchNorm { eps } => self.batch_norm(name, x, *eps),
            Kind::LayerNorm { eps } => self.layer_norm(name, x, *eps),
            Kind::GroupNorm { groups, eps } => self.group_norm(name, x, *groups, *eps),
            Kind::Linear { bias } => self.linear(name, x, *bias != Some(false)),
            Kind::Function(function) => {
                function.apply(&mut self.graph, &x.name, x.shape.len() + 1, out);
                self.tap(out, function.name(), x.shape.clone(), function.lower_saturation())
            }
            Kind::Pool { average, size, window, ceil, count_padding } => {
                self.pool(out, x, (*average, size, *ceil, *count_padding), window)
            }
            Kind::GlobalPool { average } => self.global_pool(out, x, *average),
            Kind::Flatten => self.flatten(out, x),
            Kind::Dropout => self.alias(out, "dropout", x),
            Kind::Embedding => self.embedding(name, x),
            Kind::PositionEmbedding => self.position_embedding(name, x),
            Kind::Add => self.add(out, "add", from),
            Kind::Concat { axis } => self.concat(out, from, *axis),
            Kind::Sequence { modules } => {
                let y = self.modules(modules, x.clone())?;
                if name.is_empty() { Ok(y) } else { self.alias(out, "sequence", &y) }
            }
            Kind::Residual { modules, shortcut } => {
                let long = self.modules(modules, x.clone())?;
                let short = self.modules(shortcut, x.clone())?;
                self.add(out, "residual", &[long, short])
            }
            Kind::Encoder(encoder) => self.encoder(name, x, encoder),
            Kind::Attention { heads } => self.self_attention(name, x, *heads),
            Kind::TokenMean => self.token_mean(out, x),
            Kind::TokenFirst => self.token_first(out, x),
        }
    }

    /// The same values under another name.
    pub(super) fn alias(&mut self, out: &str, kind: &'static str, x: &Value) -> Result<Value> {
        self.graph.node("Identity", &[&x.name], vec![], out);
        if x.tokens {
            let value = Value { name: out.into(), ..x.clone() };
            self.values.insert(out.into(), value.clone());
            return Ok(value);
        }
        self.tap(out, kind, x.shape.clone(), None)
    }
}
