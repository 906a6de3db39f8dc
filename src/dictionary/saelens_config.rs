//! `cfg.json` of SAELens: which dictionary the tensors beside it are.
//!
//! Layout: SAELens 6 (`saes/sae.py`, `SAEConfig`); older files are read by the rules of its `handle_pre_6_0_config`.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};
use std::path::Path;

/// The version whose layout is written.
pub(super) const VERSION: &str = "6.18.0";

/// Keys of an older, flat file that are metadata since.
const METADATA: [&str; 16] = [
    "model_name",
    "hook_name",
    "model_class_name",
    "hook_head_index",
    "model_from_pretrained_kwargs",
    "prepend_bos",
    "exclude_special_tokens",
    "neuronpedia_id",
    "context_size",
    "seqpos_slice",
    "dataset_path",
    "sae_lens_training_version",
    "hook_name_out",
    "hook_head_index_out",
    "hf_hook_name",
    "hf_hook_name_out",
];

/// How pre-activations become activations, by the name that SAELens has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    Standard,
    TopK,
    JumpRelu,
    Gated,
    /// Of a training that is not done, or done and saved as it was: the threshold is a number, `topk_threshold`.
    BatchTopK,
}

/// What happens to activations before the dictionary sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Normalisation {
    None,
    /// A factor that is kept beside the weights.
    Factor,
}

/// A `cfg.json` that can be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) architecture: Architecture,
    pub(super) inputs: usize,
    pub(super) width: usize,
    /// Features that may be active.
    pub(super) k: Option<usize>,
    pub(super) centred: bool,
    /// Whether pre-activations are compared after they are multiplied with the norms of the decoder's rows.
    pub(super) rescaled: bool,
    pub(super) normalisation: Normalisation,
    /// `hook_z`, where heads are laid side by side.
    pub(super) reshape: Option<String>,
    /// Everything under `metadata`, but the version.
    pub(super) metadata: Map<String, Value>,
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let value = serde_json::from_slice::<Value>(&text).context("it is not JSON");
        value.and_then(Self::of).with_context(|| format!("{} cannot be used", path.display()))
    }

    fn of(value: Value) -> Result<Self> {
        let Value::Object(mut raw) = value else { bail!("it is no JSON object") };
        let metadata = raw.get("metadata").and_then(Value::as_object).cloned();
        let version = raw.get("sae_lens_version").or_else(|| metadata.as_ref()?.get("sae_lens_version"));
        let version = version.and_then(Value::as_str).filter(|v| !v.is_empty());
        let mut metadata = match major(version)? {
            6 => metadata.unwrap_or_default(),
            _ => older(&mut raw),
        };
        metadata.shift_remove("sae_lens_version");
        let text = |key: &str| raw.get(key).and_then(Value::as_str).map(str::to_lowercase);
        let size = |key: &str| -> Result<usize> {
            let value = raw.get(key).with_context(|| format!("there is no {key}"))?;
            let whole = value.as_u64().filter(|&n| n > 0 && n < 1 << 40);
            Ok(whole.with_context(|| format!("{key} is {value}, but a whole number from 1 is expected"))? as usize)
        };
        let flag = |key: &str, default: bool| raw.get(key).and_then(Value::as_bool).unwrap_or(default);
        let architecture = architecture(&text("architecture").unwrap_or_else(|| "standard".into()))?;
        if let Some(function) = text("activation_fn").filter(|f| f != "relu" && f != "topk") {
            bail!("the activation function '{function}' is not read; relu and topk are");
        }
        // k of a batch's mean may be broken, and is of no use once there is a threshold.
        let k = if architecture == Architecture::TopK { Some(size("k")?) } else { None };
        Ok(Self {
            architecture,
            inputs: size("d_in")?,
            width: size("d_sae")?,
            k,
            centred: flag("apply_b_dec_to_input", true),
            // Only these have the option; a training has it on unless it says otherwise.
            rescaled: match architecture {
                Architecture::TopK => flag("rescale_acts_by_decoder_norm", false),
                Architecture::BatchTopK => flag("rescale_acts_by_decoder_norm", true),
                _ => false,
            },
            normalisation: normalisation(text("normalize_activations").as_deref())?,
            reshape: text("reshape_activations").filter(|r| r != "none"),
            metadata,
        })
    }
}

/// The generation of the layout: 6, or 0 for all that came before.
fn major(version: Option<&str>) -> Result<u32> {
    let Some(version) = version else { return Ok(0) };
    let major = version.split('.').next().and_then(|m| m.parse::<u32>().ok());
    let major = major.with_context(|| {
        format!("the version of SAELens is '{version}', which is no version; as {VERSION} it would be")
    })?;
    ensure!(
        major <= 6,
        "version {version} of SAELens wrote it; the layouts of versions up to 6 are read: save it with one of those"
    );
    Ok(if major == 6 { 6 } else { 0 })
}

/// Brings a flat file of before version 6 into today's form, and yields its metadata.
fn older(raw: &mut Map<String, Value>) -> Map<String, Value> {
    for (old, new) in [
        ("hook_point", "hook_name"),
        ("hook_point_head_index", "hook_head_index"),
        ("activation_fn_str", "activation_fn"),
    ] {
        if let Some(value) = raw.shift_remove(old) {
            raw.insert(new.into(), value);
        }
    }
    let k = raw.get("activation_fn_kwargs").and_then(|kwargs| kwargs.get("k")).cloned();
    if let (Some("topk"), Some(k)) = (raw.get("activation_fn").and_then(Value::as_str), k) {
        raw.insert("architecture".into(), "topk".into());
        raw.insert("k".into(), k);
    }
    if let Some(Value::Bool(on)) = raw.get("normalize_activations") {
        let name = if *on { "expected_average_only_in" } else { "none" };
        raw.insert("normalize_activations".into(), name.into());
    }
    let in_heads = raw.get("hook_name").and_then(Value::as_str).is_some_and(|name| name.contains("hook_z"));
    if in_heads && !raw.contains_key("reshape_activations") {
        raw.insert("reshape_activations".into(), "hook_z".into());
    }
    METADATA.iter().filter_map(|key| Some((key.to_string(), raw.get(*key)?.clone()))).collect()
}

fn architecture(name: &str) -> Result<Architecture> {
    Ok(match name {
        "standard" => Architecture::Standard,
        "topk" => Architecture::TopK,
        "jumprelu" => Architecture::JumpRelu,
        "gated" => Architecture::Gated,
        "batchtopk" | "matryoshka_batchtopk" => Architecture::BatchTopK,
        name if name.contains("transcoder") => bail!(
            "the architecture '{name}' is a transcoder, which predicts one layer from another; dictionaries \
             (autoencoders of one place) are read: standard, topk, jumprelu, gated"
        ),
        name => bail!(
            "the architecture '{name}' is not read; those that are: standard, topk, jumprelu, gated, and batchtopk or \
             matryoshka_batchtopk of a training"
        ),
    })
}

fn normalisation(name: Option<&str>) -> Result<Normalisation> {
    Ok(match name {
        None | Some("none" | "") => Normalisation::None,
        Some("expected_average_only_in") => Normalisation::Factor,
        Some(name @ ("layer_norm" | "constant_norm_rescale")) => bail!(
            "normalize_activations is '{name}', which rescales every sample by itself and cannot be folded into weights: \
             do that to the activations beforehand, and set it to \"none\""
        ),
        Some(name) => bail!(
            "normalize_activations is '{name}', which is not read; none and expected_average_only_in are: fold it in \
             with SAELens, and save the dictionary again"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(value: Value) -> String {
        format!("{:#}", Config::of(value).unwrap_err())
    }

    fn current() -> Value {
        json!({ "d_in": 2, "d_sae": 3, "architecture": "topk", "k": 2, "apply_b_dec_to_input": false,
            "normalize_activations": "none", "metadata": { "sae_lens_version": "6.54.12", "hook_name": "x" } })
    }

    #[test]
    fn version_six_reads() {
        let config = Config::of(current()).unwrap();
        assert_eq!((config.architecture, config.k, config.centred), (Architecture::TopK, Some(2), false));
        assert_eq!((config.rescaled, config.metadata), (false, Map::from_iter([("hook_name".into(), json!("x"))])));
    }

    #[test]
    fn older_files_read_by_their_rules() {
        let config = Config::of(json!({ "d_in": 2, "d_sae": 3, "hook_point": "blocks.0.attn.hook_z",
            "activation_fn_str": "topk", "activation_fn_kwargs": { "k": 1 }, "normalize_activations": true,
            "sae_lens_version": "3.22.1" }))
        .unwrap();
        assert_eq!((config.architecture, config.k, config.centred), (Architecture::TopK, Some(1), true));
        assert_eq!((config.normalisation, config.reshape.as_deref()), (Normalisation::Factor, Some("hook_z")));
        assert_eq!(config.metadata["hook_name"], "blocks.0.attn.hook_z");
        let config = Config::of(json!({ "d_in": 2, "d_sae": 3 })).unwrap();
        assert_eq!((config.architecture, config.normalisation), (Architecture::Standard, Normalisation::None));
    }

    #[test]
    fn what_is_not_read_is_named() {
        let with = |key: &str, value: Value| {
            let mut config = current();
            config[key] = value;
            message(config)
        };
        assert_eq!(
            with("architecture", json!("temporal")),
            "the architecture 'temporal' is not read; those that are: standard, topk, jumprelu, gated, and batchtopk or \
             matryoshka_batchtopk of a training"
        );
        assert!(with("architecture", json!("skip_transcoder")).contains("'skip_transcoder' is a transcoder"));
        assert_eq!(
            with("metadata", json!({ "sae_lens_version": "7.1.0" })),
            "version 7.1.0 of SAELens wrote it; the layouts of versions up to 6 are read: save it with one of those"
        );
        assert!(with("metadata", json!({ "sae_lens_version": "new" })).contains("'new', which is no version"));
        assert!(
            with("normalize_activations", json!("layer_norm")).contains("'layer_norm', which rescales every sample")
        );
        assert!(with("normalize_activations", json!("covariance_whitening")).contains("fold it in"));
        assert_eq!(with("d_sae", json!(0)), "d_sae is 0, but a whole number from 1 is expected");
        assert_eq!(with("k", json!(null)), "k is null, but a whole number from 1 is expected");
        assert!(message(json!({ "d_in": 2, "d_sae": 3, "activation_fn": "tanh-relu" })).contains("'tanh-relu'"));
    }
}
