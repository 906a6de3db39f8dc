//! Encoders of BERT's family (Devlin et al. 2019), from a folder in Hugging Face's layout.
//!
//! The folder has `config.json` and `model.safetensors` or `pytorch_model.bin`. Taps are `embeddings`;
//! `encoder.layer.N` with `.attention.self`, `.attention` and `.intermediate`, counted from 0; `last_hidden_state`;
//! `pooler` where its weights are there; and `sentence_embedding` where the folder is of sentence-transformers.

use super::assemble::{Assembled, Assembler, Value};
use super::attention::Heads;
use super::bert_config::{Config, Family};
use super::graph::{Axis, int, ints};
use super::pooling::{Found, Pooling, find};
use super::transformer::{Layer, Style, bert_names};
use super::weights::Weights;
use crate::checkpoint::{Contents, ReadOptions};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use tract_onnx::pb::tensor_proto::DataType;

/// Files of weights, the most welcome first.
const FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// Tensor by which the model's prefix is told.
const WORDS: &str = "embeddings.word_embeddings.weight";

/// Puts a folder's configuration and weights together.
///
/// Inputs are `input_ids`, `attention_mask` and, but for DistilBERT, `token_type_ids`, whole numbers of 64 bits
/// [batch, sequence]; padding comes behind the tokens. The output is the sentence's embedding, or else the last layer's
/// values.
///
/// # Errors
/// When a file is missing or damaged, the model is of no kind that is read, or a tensor is not as the configuration says.
pub fn assemble_folder(folder: &Path) -> Result<Assembled> {
    let config = Config::read(folder)?;
    let file = weights_of(folder)?;
    let contents = Contents::open(&file, &ReadOptions::default())?;
    put_together(&config, &contents, find(folder)?)
        .with_context(|| format!("{} is not the model of its config.json", file.display()))
}

fn weights_of(folder: &Path) -> Result<PathBuf> {
    if let Some(file) = FILES.iter().map(|name| folder.join(name)).find(|path| path.exists()) {
        return Ok(file);
    }
    if let Some(index) = FILES.iter().map(|name| folder.join(format!("{name}.index.json"))).find(|p| p.exists()) {
        return Ok(index);
    }
    bail!("{} has neither {}", folder.display(), FILES.join(" nor "))
}

fn put_together(config: &Config, contents: &Contents, pooling: Found) -> Result<Assembled> {
    let weights = Weights::new(contents, &[])?;
    let prefix = prefix_of(&weights)?;
    let mut a = Assembler::new(&weights);
    let mut inputs = vec!["input_ids", "attention_mask"];
    if config.family == Family::Bert {
        inputs.push("token_type_ids");
    }
    for input in &inputs {
        a.graph.input(input, DataType::Int64, &[Axis::Name("batch"), Axis::Name("sequence")]);
    }
    a.mask = Some("attention_mask");
    let mut x = embeddings(&mut a, config, &prefix)?;
    let Config { units, heads, function, eps, .. } = *config;
    let style = Style { units, heads, norm_first: false, function, eps };
    for number in 0..config.layers {
        let layer = match config.family {
            Family::Bert => a.bert_layer(&format!("{prefix}encoder.layer.{number}"), units),
            Family::DistilBert => distil_layer(&a, &format!("{prefix}transformer.layer.{number}"), config),
        };
        let layer = layer.with_context(|| format!("layer {number}, counted from 0"))?;
        let middle = layer.up.outputs();
        ensure!(
            middle == config.middle,
            "layer {number} has {middle} units between its linear layers, but config.json says {}",
            config.middle
        );
        x = a.layer(&x.name, &layer, &style, &bert_names(&format!("encoder.layer.{number}")), None)?;
    }
    let folder = if config.family == Family::Bert { "encoder" } else { "transformer" };
    let further = format!("{prefix}{folder}.layer.{}.", config.layers);
    if let Some(name) = weights.names().iter().find(|name| name.starts_with(&further)) {
        bail!("config.json says that there are {} layers, but there is the tensor {name}", config.layers);
    }
    let mut last = a.alias("last_hidden_state", "encoder", &x)?;
    pooler(&mut a, &prefix, &x, units)?;
    let mut notes = Vec::new();
    match pooling {
        Found::Way(pooling) => last = sentence(&mut a, &last, &pooling, units)?,
        Found::Nothing => (),
        Found::NotRead(why) => notes.push(format!("there is no sentence_embedding, since {why}, which is not read")),
    }
    let mut assembled = a.finish(&last, inputs.iter().map(ToString::to_string).collect());
    assembled.notes = notes;
    Ok(assembled)
}

/// What stands before every name: nothing, `bert.`, `roberta.`, ….
fn prefix_of(weights: &Weights<'_>) -> Result<String> {
    let mut prefixes: Vec<&str> = weights
        .names()
        .iter()
        .filter_map(|name| name.strip_suffix(WORDS))
        .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        .collect();
    match (prefixes.pop(), prefixes.pop()) {
        (Some(prefix), None) => Ok(prefix.into()),
        (Some(a), Some(b)) => bail!("there are several models: {a}{WORDS} and {b}{WORDS}"),
        (None, _) => bail!("there is no tensor {WORDS}, with or without a prefix"),
    }
}

/// Words, places and types of tokens, summed and normalised.
fn embeddings(a: &mut Assembler<'_>, config: &Config, prefix: &str) -> Result<Value> {
    let units = config.units;
    let table = |a: &Assembler<'_>, name: &str| {
        let table = a.weights.load(&format!("{prefix}embeddings.{name}.weight"))?;
        ensure!(
            table.shape.len() == 2 && table.shape[1] == units && table.shape[0] > 0,
            "{} has the shape {:?}, but config.json says that there are {units} units",
            table.key,
            table.shape
        );
        Ok(table)
    };
    let words = table(a, "word_embeddings")?;
    a.vocabulary = Some(words.shape[0]);
    a.look_up("input_ids", &words, "embeddings/words");
    let mut places = table(a, "position_embeddings")?;
    let first = config.first_place;
    ensure!(
        first < places.shape[0],
        "{} has {} rows, but the first token's is row {first}",
        places.key,
        places.shape[0]
    );
    places.values.drain(..first * units);
    places.shape[0] -= first;
    a.first_rows("input_ids", &places, "embeddings/places");
    a.graph.node("Add", &["embeddings/words", "embeddings/places"], vec![], "embeddings/sum");
    let mut sum = "embeddings/sum";
    if config.family == Family::Bert {
        let types = table(a, "token_type_embeddings")?;
        a.look_up("token_type_ids", &types, "embeddings/types");
        a.graph.node("Add", &[sum, "embeddings/types"], vec![], "embeddings/all");
        sum = "embeddings/all";
    }
    let norm = a.norm_of(&format!("{prefix}embeddings.LayerNorm"), units)?;
    a.norm(sum, &norm, config.eps, "embeddings");
    a.tap("embeddings", "embedding", vec![None, Some(units)], None)
}

/// DistilBERT's layer of this name.
fn distil_layer(a: &Assembler<'_>, name: &str, config: &Config) -> Result<Layer> {
    let units = config.units;
    let part = |n: &str| format!("{name}.{n}");
    let square = |n: &str| a.affine_of(&part(n), units, units);
    Ok(Layer {
        heads: Heads {
            query: square("attention.q_lin")?,
            key: square("attention.k_lin")?,
            value: square("attention.v_lin")?,
            output: square("attention.out_lin")?,
        },
        norm1: a.norm_of(&part("sa_layer_norm"), units)?,
        up: a.affine_of(&part("ffn.lin1"), units, config.middle)?,
        down: a.affine_of(&part("ffn.lin2"), config.middle, units)?,
        norm2: a.norm_of(&part("output_layer_norm"), units)?,
    })
}

/// tanh of a linear map of the first token, where there are weights for it.
fn pooler(a: &mut Assembler<'_>, prefix: &str, x: &Value, units: usize) -> Result<()> {
    let name = format!("{prefix}pooler.dense");
    if a.weights.get(&format!("{name}.weight")).is_none() {
        return Ok(());
    }
    let map = a.affine_of(&name, units, units)?;
    a.first_token(&x.name, "pooler/first");
    a.map("pooler/first", &map, "pooler/mapped");
    a.graph.node("Tanh", &["pooler/mapped"], vec![], "pooler");
    a.tap("pooler", "linear", vec![Some(units)], Some(-1.0))?;
    Ok(())
}

fn sentence(a: &mut Assembler<'_>, x: &Value, pooling: &Pooling, units: usize) -> Result<Value> {
    const OUT: &str = "sentence_embedding";
    let pooled = if pooling.normalise { "sentence_embedding/pooled" } else { OUT };
    match pooling.mean {
        true => a.masked_mean(&x.name, "attention_mask", pooled),
        false => a.first_token(&x.name, pooled),
    }
    if pooling.normalise {
        let least = a.graph.scalar(1e-12);
        let g = &mut a.graph;
        let length = vec![ints("axes", [1]), int("keepdims", 1)];
        g.node("ReduceL2", &[pooled], length, "sentence_embedding/length");
        g.node("Clip", &["sentence_embedding/length", &least], vec![], "sentence_embedding/divisor");
        g.node("Div", &[pooled, "sentence_embedding/divisor"], vec![], OUT);
    }
    a.tap(OUT, "token-mean", vec![Some(units)], None)
}
