//! `narrows inspect FILE`

use super::models::is_model_folder;
use super::output::Output;
use super::tree;
use crate::checkpoint::{Contents, Format, ReadOptions, Statistics, shown};
use crate::subject::graph::{Graph, Tap};
use crate::subject::model::{Model, ModelOptions};
use crate::subject::modules::{Description, Matching};
use anyhow::{Context, Result, ensure};
use globset::Glob;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Say what is in a checkpoint, a dump of activations, or a graph
///
/// Format, size, and every tensor with shape, type, mean, standard deviation, smallest and largest value, NaNs and share of
/// zeros; of ONNX files also inputs, outputs, operators, and the names at which activations can be taken. Nothing in the
/// file is executed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows inspect epoch_12.pt
  narrows inspect model.onnx --graph
  narrows inspect efficientnet-lite0.pth --arch examples/arch/efficientnet-lite0.toml --no-values
  narrows inspect model.safetensors --tensors 'encoder.layer.0.*'
  narrows inspect model.h5 --json")]
pub(super) struct InspectArgs {
    /// A file (.safetensors, .pt, .pth, .onnx, .npz, .npy, .h5, .keras, .bpk), or the folder of a Hugging Face model
    file: PathBuf,
    /// Only tensors whose names match, by name or pattern; repeatable
    #[arg(long, value_name = "PATTERN")]
    tensors: Vec<String>,
    /// Key of the state dict inside a PyTorch file, when it is not one of the usual names
    #[arg(long, value_name = "KEY")]
    state_dict: Option<String>,
    /// A description of the network: says which tensor belongs to which module, what is unused, what is missing, and what
    /// layers can be taken
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,
    /// Do not look at values: names, shapes and types alone
    #[arg(long)]
    no_values: bool,
    /// Of ONNX files, list every value that can be taken, not only the layers
    #[arg(long)]
    graph: bool,
}

pub(super) fn run(args: &InspectArgs, output: Output) -> Result<()> {
    let contents = Contents::open(&args.file, &ReadOptions { with_key: args.state_dict.clone() })?;
    let graph = (contents.format == Format::Onnx).then(|| Graph::read(&args.file)).transpose()?;
    let network = network(args, &contents)?;
    let chosen = chosen(&contents, &args.tensors)?;
    let bar = output.bar(chosen.len() as u64, "looking", "tensors");
    let statistics: Vec<Option<Statistics>> = chosen
        .par_iter()
        .map(|&i| {
            let (name, tensor) = &contents.tensors[i];
            let found = match args.no_values || tensor.dtype.size().is_none() {
                true => None,
                false => Some(
                    Statistics::of(tensor)
                        .with_context(|| format!("{}: the tensor {}", args.file.display(), shown(name)))?,
                ),
            };
            bar.inc(1);
            Ok(found)
        })
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let bytes = size(&args.file)?;
    let mut lines = head(&contents, bytes);
    if let Some(graph) = &graph {
        lines.extend(graph_lines(graph, args.graph));
    }
    lines.extend(network.lines());
    lines.extend(tensor_lines(&contents, &chosen, &statistics));
    let mut value = value(&contents, graph.as_ref(), &chosen, &statistics, bytes);
    if let Some(matching) = &network.matching {
        value["matching"] = json!(matching);
    }
    if !network.layers.is_empty() {
        value["layers"] = json!(network.layers);
    }
    output.summary(&lines, &value)
}

/// What a description, or a folder's configuration, makes of the tensors.
#[derive(Default)]
struct Network {
    matching: Option<Matching>,
    layers: Vec<Tap>,
    /// Why it cannot be run.
    fault: Option<String>,
}

fn network(args: &InspectArgs, contents: &Contents) -> Result<Network> {
    let mut description = args.arch.as_deref().map(Description::read).transpose()?;
    // What the file itself says is looked at too; where that is no description, the metadata show it.
    if description.is_none() {
        let own = contents.metadata.get("architecture").and_then(|text| Description::of_json(text).ok());
        description = own.filter(|own| matches!(own, Description::Modules(_)));
    }
    if description.is_none() && !is_model_folder(&args.file) {
        return Ok(Network::default());
    }
    let matching = match &description {
        Some(Description::Modules(net)) => Some(Matching::of(net, contents)?),
        _ => None,
    };
    let options = ModelOptions { description, state_dict_key: args.state_dict.clone(), ..ModelOptions::default() };
    // A description that does not fit is what this is asked about: it is told, and no failure.
    Ok(match Model::open(&args.file, &options) {
        Ok(model) => Network { matching, layers: model.layers().to_vec(), fault: None },
        Err(e) => Network { matching, layers: vec![], fault: Some(format!("{e:#}")) },
    })
}

impl Network {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![];
        if let Some(matching) = &self.matching {
            lines.extend([String::new(), "modules and their tensors".into()]);
            lines.extend(matching.explain().lines().map(|line| format!("  {line}")));
        }
        if let Some(fault) = &self.fault {
            lines.extend([String::new(), format!("the network cannot be run: {fault}")]);
        }
        if !self.layers.is_empty() {
            lines.extend([String::new(), format!("{} layer(s) that can be taken (--layers)", self.layers.len())]);
            let rows: Vec<[String; 3]> =
                self.layers.iter().map(|t| [shown(&t.name), t.operator.clone(), t.shape_text()]).collect();
            lines.extend(tree::aligned(&rows, &[]).into_iter().map(|line| format!("  {line}")));
        }
        lines
    }
}

fn chosen(contents: &Contents, patterns: &[String]) -> Result<Vec<usize>> {
    if patterns.is_empty() {
        return Ok((0..contents.tensors.len()).collect());
    }
    let mut chosen = vec![false; contents.tensors.len()];
    for pattern in patterns {
        let glob =
            Glob::new(pattern).with_context(|| format!("--tensors {pattern} is not a pattern"))?.compile_matcher();
        let mut hits = 0;
        for (keep, (name, _)) in chosen.iter_mut().zip(&contents.tensors) {
            if name == pattern || glob.is_match(name) {
                *keep = true;
                hits += 1;
            }
        }
        ensure!(hits > 0, "{} has no tensor that matches {pattern}", contents.file.display());
    }
    Ok((0..chosen.len()).filter(|&i| chosen[i]).collect())
}

/// Size of a file, or of the files in a folder.
fn size(path: &Path) -> Result<u64> {
    let kind = std::fs::metadata(path)?;
    if !kind.is_dir() {
        return Ok(kind.len());
    }
    let mut total = 0;
    for entry in std::fs::read_dir(path)? {
        let kind = entry?.metadata()?;
        total += if kind.is_file() { kind.len() } else { 0 };
    }
    Ok(total)
}

fn head(contents: &Contents, bytes: u64) -> Vec<String> {
    let mut facts = vec![contents.format.to_string(), tree::bytes(bytes)];
    for (word, number) in [("epoch", contents.epoch), ("step", contents.step), ("seed", contents.seed)] {
        facts.extend(number.map(|n| format!("{word} {n}")));
    }
    let mut lines = vec![format!("{}  {}", contents.file.display(), facts.join(", "))];
    let taken = ["epoch", "step", "seed", "global_step", "iteration"];
    for (key, text) in contents.metadata.iter().filter(|(key, _)| !taken.contains(&key.as_str())) {
        let text = shown(text);
        let short: String = text.chars().take(90).collect();
        lines.push(format!("  {}: {short}{}", shown(key), if short.len() < text.len() { "…" } else { "" }));
    }
    lines
}

fn graph_lines(graph: &Graph, all: bool) -> Vec<String> {
    let mut lines = vec![String::new(), "graph".into()];
    for input in graph.inputs() {
        let shape = crate::subject::graph::shape_text(input.shape.as_deref());
        lines.push(format!("  input   {}  {shape}  {}", shown(&input.name), input.dtype));
    }
    for tap in graph.taps().iter().filter(|t| t.is_output) {
        lines.push(format!("  output  {}  {}", shown(&tap.name), tap.shape_text()));
    }
    let operators: Vec<String> = graph.operators().iter().map(|(name, n)| format!("{name} {n}")).collect();
    lines.push(format!("  nodes   {}", operators.join(", ")));
    for (operator, nodes) in graph.unknown_operators() {
        lines.push(format!(
            "  unknown {} ({}): what comes after it cannot be taken",
            shown(operator),
            nodes.iter().map(|n| shown(n)).collect::<Vec<_>>().join(", ")
        ));
    }
    let taps: Vec<_> = graph.taps().iter().filter(|t| t.blocked_by.is_none() && (all || t.is_layer)).collect();
    lines.push(String::new());
    lines.push(format!("{} value(s) at which activations can be taken (--layers)", taps.len()));
    let rows: Vec<[String; 3]> = taps.iter().map(|t| [shown(&t.name), t.operator.clone(), t.shape_text()]).collect();
    lines.extend(tree::aligned(&rows, &[false, false, false]).into_iter().map(|line| format!("  {line}")));
    lines
}

fn tensor_lines(contents: &Contents, chosen: &[usize], statistics: &[Option<Statistics>]) -> Vec<String> {
    let tensors: Vec<_> = chosen.iter().map(|&i| &contents.tensors[i]).collect();
    let values: usize = tensors.iter().filter_map(|(_, t)| t.count()).sum();
    let length: usize = tensors.iter().filter_map(|(_, t)| t.byte_len()).sum();
    let mut lines = vec![
        String::new(),
        format!("{} tensor(s), {} values, {}", tensors.len(), tree::grouped(values as u64), tree::bytes(length as u64)),
    ];
    let number = |v: Option<f64>| v.map_or_else(|| "-".into(), tree::short);
    let rows = tensors.iter().zip(statistics).map(|((name, tensor), found)| {
        let mut cells = vec![format!("{:?}", tensor.shape), tensor.dtype.to_string()];
        if let Some(s) = found {
            cells.extend([
                number(s.mean),
                number(s.std),
                number(s.min.map(f64::from)),
                number(s.max.map(f64::from)),
                s.zero_share.map_or_else(|| "-".into(), |z| format!("{:.1} %", 100.0 * z)),
            ]);
            let faults = [(s.nan, "NaN"), (s.infinite, "infinite")];
            let faults: Vec<String> =
                faults.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
            cells.push(faults.join(", "));
        }
        (name.clone(), cells)
    });
    let header = ["shape", "type", "mean", "std", "min", "max", "zeros", ""];
    let columns = if statistics.iter().any(Option::is_some) { header.len() } else { 2 };
    lines.extend(tree::tree(&rows.collect::<Vec<_>>(), &header[..columns]));
    lines
}

fn value(
    contents: &Contents,
    graph: Option<&Graph>,
    chosen: &[usize],
    statistics: &[Option<Statistics>],
    bytes: u64,
) -> Value {
    let tensors: Vec<Value> = chosen
        .iter()
        .zip(statistics)
        .map(|(&i, found)| {
            let (name, tensor) = &contents.tensors[i];
            let mut entry = Map::new();
            entry.insert("name".into(), json!(name));
            entry.insert("shape".into(), json!(tensor.shape));
            entry.insert("dtype".into(), json!(tensor.dtype.name()));
            entry.insert("values".into(), json!(tensor.count()));
            if let Some(Value::Object(found)) = found.as_ref().and_then(|s| serde_json::to_value(s).ok()) {
                entry.extend(found);
            }
            Value::Object(entry)
        })
        .collect();
    let mut value = json!({
        "schema": "narrows-inspect/1",
        "file": contents.file,
        "format": contents.format.to_string(),
        "bytes": bytes,
        "epoch": contents.epoch,
        "step": contents.step,
        "seed": contents.seed,
        "run": contents.run,
        "metadata": contents.metadata,
        "tensors": tensors,
    });
    if let Some(graph) = graph {
        let inputs =
            graph.inputs().iter().map(|i| json!({ "name": i.name, "dtype": i.dtype.name(), "shape": i.shape }));
        value["graph"] = json!({
            "inputs": inputs.collect::<Vec<_>>(),
            "outputs": graph.taps().iter().filter(|t| t.is_output).map(|t| &t.name).collect::<Vec<_>>(),
            "operators": graph.operators(),
            "unknown_operators": graph.unknown_operators(),
            "taps": graph.taps(),
        });
    }
    value
}
