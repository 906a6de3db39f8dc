//! What a Hugging Face folder's `config.json` says of an encoder of BERT's family.

use super::function::Function;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::path::Path;

/// Bytes of a JSON file at most; vocabularies are the longest.
pub(super) const MOST_BYTES: u64 = 256 << 20;

/// Whose names the tensors have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `encoder.layer.0.attention.self.query`, …
    Bert,
    /// `transformer.layer.0.attention.q_lin`, …; no types of tokens, no pooler.
    DistilBert,
}

/// An encoder of BERT's family.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) family: Family,
    pub(super) units: usize,
    pub(super) heads: usize,
    pub(super) layers: usize,
    /// Units between the two linear layers.
    pub(super) middle: usize,
    /// Added to the variances.
    pub(super) eps: f32,
    pub(super) function: Function,
    /// Row of the table of places that the first token has: RoBERTa leaves rows for padding.
    pub(super) first_place: usize,
}

/// Reads a JSON file; nothing where there is none.
///
/// # Errors
/// When it cannot be read, is too long or is no JSON.
pub(super) fn json(path: &Path) -> Result<Option<Value>> {
    let Some(bytes) = bytes(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{} is no JSON", path.display()))
}

/// Reads a file of a folder; nothing where there is none.
///
/// # Errors
/// When it cannot be read or is too long.
pub(super) fn bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    let Ok(kind) = std::fs::metadata(path) else { return Ok(None) };
    ensure!(
        kind.is_file() && kind.len() <= MOST_BYTES,
        "{}: a file of at most {MOST_BYTES} bytes is expected",
        path.display()
    );
    std::fs::read(path).map(Some).with_context(|| format!("cannot read {}", path.display()))
}

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// When it is missing, or of a model that is not read.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let Some(value) = json(&path)? else {
            bail!("{} has no config.json; a folder in Hugging Face's layout is expected", folder.display());
        };
        Self::of(&value).with_context(|| format!("{} describes no model that is read", path.display()))
    }

    fn of(value: &Value) -> Result<Self> {
        let model = value.get("model_type").and_then(Value::as_str).unwrap_or("nothing");
        let family = match model {
            "bert" | "roberta" | "xlm-roberta" | "camembert" => Family::Bert,
            "distilbert" => Family::DistilBert,
            other => bail!(
                "model_type is {other}, but bert, roberta, xlm-roberta, camembert and distilbert are read; export any \
                 other model to ONNX"
            ),
        };
        let positions = value.get("position_embedding_type").and_then(Value::as_str).unwrap_or("absolute");
        ensure!(positions == "absolute", "position_embedding_type is {positions}, but only absolute is read");
        let decodes = ["is_decoder", "add_cross_attention"].iter().any(|k| value.get(k) == Some(&Value::Bool(true)));
        ensure!(!decodes, "the model is a decoder, but encoders are read");
        // BERT's name and DistilBERT's.
        let whole = |name: &str, short: &str| -> Result<usize> {
            let key = if family == Family::DistilBert { short } else { name };
            let found = value.get(key).and_then(Value::as_u64).filter(|n| (1..=1 << 20).contains(n));
            let found = found.with_context(|| format!("{key} should be a whole number from 1 to 1048576"))?;
            Ok(found as usize)
        };
        let key = if family == Family::DistilBert { "activation" } else { "hidden_act" };
        let function = match value.get(key).and_then(Value::as_str).unwrap_or("gelu") {
            "gelu" => Function::Gelu,
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Function::GeluTanh,
            "relu" => Function::Relu,
            "silu" | "swish" => Function::Silu,
            "tanh" => Function::Tanh,
            "mish" => Function::Mish,
            other => bail!("{key} is {other}, which is not read"),
        };
        let eps = value.get("layer_norm_eps").and_then(Value::as_f64).unwrap_or(1e-12) as f32;
        ensure!(eps.is_finite() && eps >= 0.0, "layer_norm_eps = {eps} is no small number above zero");
        let (units, heads) = (whole("hidden_size", "dim")?, whole("num_attention_heads", "n_heads")?);
        ensure!(units % heads == 0, "hidden_size = {units} is no multiple of num_attention_heads = {heads}");
        let padding = value.get("pad_token_id").and_then(Value::as_u64).filter(|n| *n < 1 << 20).unwrap_or(1);
        let first_place = match model {
            "bert" | "distilbert" => 0,
            // Rows up to padding's own are for padding.
            _ => padding as usize + 1,
        };
        Ok(Self {
            family,
            units,
            heads,
            layers: whole("num_hidden_layers", "n_layers")?,
            middle: whole("intermediate_size", "hidden_dim")?,
            eps,
            function,
            first_place,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn configs_are_read_or_refused() {
        let bert = json!({"model_type": "bert", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 3,
            "intermediate_size": 16, "hidden_act": "gelu_new", "layer_norm_eps": 1e-5});
        let c = Config::of(&bert).unwrap();
        assert_eq!((c.units, c.heads, c.layers, c.middle, c.function), (8, 2, 3, 16, Function::GeluTanh));
        assert_eq!((c.family, c.first_place, c.eps), (Family::Bert, 0, 1e-5));
        let with = |key: &str, v: Value| {
            let mut changed = bert.clone();
            changed[key] = v;
            Config::of(&changed).map_err(|e| e.to_string())
        };
        assert_eq!(with("model_type", json!("xlm-roberta")).unwrap().first_place, 2);
        assert!(with("model_type", json!("t5")).unwrap_err().contains("model_type is t5, but bert"));
        assert!(with("position_embedding_type", json!("relative_key")).unwrap_err().contains("only absolute"));
        assert!(with("is_decoder", json!(true)).unwrap_err().contains("decoder"));
        assert!(with("num_attention_heads", json!(3)).unwrap_err().contains("no multiple"));
        assert!(with("hidden_act", json!("quick_gelu")).unwrap_err().contains("quick_gelu"));
        assert!(with("num_hidden_layers", json!(-1)).unwrap_err().contains("num_hidden_layers should be"));
    }
}
