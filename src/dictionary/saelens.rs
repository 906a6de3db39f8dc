//! SAELens' folder: `cfg.json`, `sae_weights.safetensors`, and `sparsity.safetensors` where it is known.
//!
//! Layout: SAELens 6, `saes/sae.py` (`save_model`, `load_from_disk`) and `constants.py`. There W_enc is [inputs × width]
//! and W_dec [width × inputs]. What a training did to its inputs or its decoder is folded in on reading, so that a
//! [`Dictionary`] takes activations as they are.

use super::fold::{fold_factor, fold_norms, jump};
use super::saelens_config::{Architecture, Config, Normalisation, VERSION};
use super::store::Saved;
use super::weights::Weights;
use crate::checkpoint::safetensors_bytes;
use anyhow::{Context, Result, bail, ensure};
use narrows_dictionaries::{Activation, Dictionary};
use ndarray::Array1;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What the dictionary is.
pub(super) const CONFIG: &str = "cfg.json";
/// Its tensors.
pub(super) const WEIGHTS: &str = "sae_weights.safetensors";
const SPARSITY: &str = "sparsity.safetensors";
const SCALER: &str = "activation_scaler.json";

/// Where what is ours stands in the metadata.
const OURS: &str = "narrows";

pub(super) fn files(saved: &Saved) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let dictionary = &saved.dictionary;
    let (width, inputs) = (dictionary.width(), dictionary.inputs());
    let mut vectors = vec![("b_dec", inputs, &dictionary.bias)];
    let (architecture, k) = match &dictionary.activation {
        Activation::Relu => ("standard", None),
        Activation::TopK { k } => ("topk", Some(*k)),
        Activation::JumpRelu { thresholds } => {
            vectors.push(("threshold", width, thresholds));
            ("jumprelu", None)
        }
        Activation::Gated { log_scales, magnitude_biases } => {
            vectors.push(("r_mag", width, log_scales));
            vectors.push(("b_mag", width, magnitude_biases));
            ("gated", None)
        }
    };
    vectors.push((if architecture == "gated" { "b_gate" } else { "b_enc" }, width, &dictionary.encoder_bias));
    let encoder = dictionary.encoder.t().as_standard_layout().into_owned();
    let decoder = dictionary.decoder.as_standard_layout();
    let mut tensors = vec![
        ("W_enc".to_string(), vec![inputs, width], encoder.as_slice().unwrap_or_default()),
        ("W_dec".to_string(), vec![width, inputs], decoder.as_slice().unwrap_or_default()),
    ];
    tensors.extend(vectors.into_iter().map(|(name, n, v)| (name.into(), vec![n], v.as_slice().unwrap_or_default())));
    let mut files = vec![
        (CONFIG, serde_json::to_vec_pretty(&config(saved, architecture, k))?),
        (WEIGHTS, safetensors_bytes(&tensors, &BTreeMap::new())?),
    ];
    if let Some(sparsity) = &saved.sparsity {
        let tensor = ("sparsity".to_string(), vec![sparsity.len()], &sparsity[..]);
        files.push((SPARSITY, safetensors_bytes(&[tensor], &BTreeMap::new())?));
    }
    Ok(files)
}

fn config(saved: &Saved, architecture: &str, k: Option<usize>) -> Value {
    let mut ours = Map::new();
    ours.insert("name".into(), json!(saved.name));
    if !saved.dictionary.prefixes.is_empty() {
        ours.insert("prefixes".into(), json!(saved.dictionary.prefixes));
    }
    for (key, value) in saved.about.as_object().into_iter().flatten() {
        ours.entry(key).or_insert_with(|| value.clone());
    }
    let mut metadata = Map::new();
    metadata.insert("sae_lens_version".into(), json!(VERSION));
    metadata.extend(saved.metadata.clone());
    metadata.insert(OURS.into(), Value::Object(ours));
    let mut config = json!({
        "architecture": architecture,
        "d_in": saved.dictionary.inputs(),
        "d_sae": saved.dictionary.width(),
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": saved.dictionary.centred,
        "normalize_activations": "none",
        "reshape_activations": saved.said("reshape_activations").unwrap_or_else(|| "none".into()),
    });
    if let Some(k) = k {
        config["k"] = json!(k);
        config["rescale_acts_by_decoder_norm"] = json!(false);
    }
    config["metadata"] = Value::Object(metadata);
    config
}

pub(super) fn load(folder: &Path) -> Result<Saved> {
    let path = folder.join(CONFIG);
    ensure!(path.is_file(), "{WEIGHTS} is there, but {CONFIG} is not: it says what the tensors mean");
    let mut config = Config::read(&path)?;
    let mut weights = Weights::read(&folder.join(WEIGHTS))?;
    let mut dictionary = dictionary(&config, &mut weights)?;
    if config.normalisation == Normalisation::Factor {
        fold_factor(&mut dictionary, factor(&folder.join(SCALER))?);
    }
    let ours = config.metadata.shift_remove(OURS);
    let mut about = ours.and_then(|ours| ours.as_object().cloned()).unwrap_or_default();
    let name = about.shift_remove("name").and_then(|n| n.as_str().map(String::from)).unwrap_or_default();
    if let Some(prefixes) = about.shift_remove("prefixes") {
        dictionary.prefixes = serde_json::from_value(prefixes.clone())
            .with_context(|| format!("{CONFIG}: metadata.{OURS}.prefixes is {prefixes}, but sizes are expected"))?;
    }
    if let Some(reshape) = config.reshape {
        about.insert("reshape_activations".into(), reshape.into());
    }
    let sparsity = folder.join(SPARSITY);
    let sparsity = if sparsity.is_file() { Some(Weights::read(&sparsity)?.list("sparsity")?) } else { None };
    Ok(Saved { dictionary, name, about: Value::Object(about), metadata: config.metadata, sparsity })
}

fn dictionary(config: &Config, weights: &mut Weights) -> Result<Dictionary> {
    let (width, inputs) = (config.width, config.inputs);
    let mut decoder = weights.matrix("W_dec")?;
    let mut encoder = weights.transposed("W_enc")?;
    for (name, found) in [("W_dec", decoder.dim()), ("W_enc (transposed)", encoder.dim())] {
        ensure!(
            found == (width, inputs),
            "{}: {name} has the shape {found:?}, but {CONFIG} says {width} features (d_sae) of {inputs} inputs (d_in)",
            weights.file.display()
        );
    }
    no_finetuning(weights)?;
    let gated = config.architecture == Architecture::Gated;
    let mut encoder_bias = weights.vector(if gated { "b_gate" } else { "b_enc" }, width)?;
    // Activations in units of the decoder's norms: the same codes come of an encoder that has them.
    if config.rescaled {
        fold_norms(&mut encoder, &mut encoder_bias, &mut decoder);
    }
    let activation = match config.architecture {
        Architecture::Standard => Activation::Relu,
        Architecture::TopK => Activation::TopK { k: config.k.context("k is missing")? },
        Architecture::JumpRelu => {
            let log = !weights.has("threshold") && weights.has("log_threshold");
            let thresholds = weights.vector(if log { "log_threshold" } else { "threshold" }, width)?;
            Activation::JumpRelu { thresholds: jump(if log { thresholds.exp() } else { thresholds }) }
        }
        Architecture::BatchTopK => {
            let threshold = weights.scalar("topk_threshold")?.with_context(|| {
                format!("{} has no topk_threshold, without which its codes are not known", weights.file.display())
            })?;
            Activation::JumpRelu { thresholds: jump(Array1::from_elem(width, threshold)) }
        }
        Architecture::Gated => Activation::Gated {
            log_scales: weights.vector("r_mag", width)?,
            magnitude_biases: weights.vector("b_mag", width)?,
        },
    };
    let bias = weights.vector("b_dec", inputs)?;
    Ok(Dictionary { encoder, encoder_bias, decoder, bias, centred: config.centred, activation, prefixes: vec![] })
}

/// Older files have a factor for each feature's activation, from fine-tuning; one of ones says nothing.
fn no_finetuning(weights: &mut Weights) -> Result<()> {
    for name in ["scaling_factor", "finetuning_scaling_factor"] {
        if weights.has(name) && weights.list(name)?.iter().any(|f| (f - 1.0).abs() > 1e-5) {
            bail!(
                "{}: the tensor {name} rescales activations after fine-tuning, which is not read: multiply the rows of \
                 W_dec with it, and leave it out",
                weights.file.display()
            );
        }
    }
    Ok(())
}

/// The factor by which a training multiplied its inputs.
fn factor(path: &Path) -> Result<f32> {
    let what_to_do = "give it as {\"scaling_factor\": √inputs / mean length of the activations}, or fold it in with \
                      SAELens' fold_activation_norm_scaling_factor and save the dictionary again";
    ensure!(
        path.is_file(),
        "normalize_activations is 'expected_average_only_in', but the factor is not there: there is no {SCALER}; {what_to_do}"
    );
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let value: Value = serde_json::from_slice(&text).with_context(|| format!("{SCALER} is not JSON"))?;
    let factor = value.get("scaling_factor").and_then(Value::as_f64).filter(|f| f.is_finite() && *f > 0.0);
    let factor = factor.with_context(|| format!("{SCALER} has no scaling_factor above 0; {what_to_do}"))?;
    Ok(factor as f32)
}

#[cfg(test)]
mod tests {
    use super::super::store::tests::{activations, differences, samples, small};
    use super::super::store::{load, save};
    use super::*;

    /// A folder of a dictionary whose `cfg.json` says something else too.
    fn folder(activation: Activation, set: &[(&str, Value)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), &Saved::new(small(activation, true), "a")).unwrap();
        let path = dir.path().join(CONFIG);
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for (key, value) in set {
            config[key] = value.clone();
        }
        std::fs::write(path, config.to_string()).unwrap();
        dir
    }

    fn message(dir: &tempfile::TempDir) -> String {
        format!("{:#}", load(dir.path()).unwrap_err())
    }

    #[test]
    fn an_unknown_architecture_and_version_are_named_with_the_file() {
        let dir = folder(Activation::Relu, &[("architecture", json!("matching_pursuit"))]);
        let text = message(&dir);
        assert!(text.contains("cfg.json cannot be used: the architecture 'matching_pursuit' is not read"), "{text}");
        let dir = folder(Activation::Relu, &[("metadata", json!({ "sae_lens_version": "8.0.0" }))]);
        assert!(message(&dir).contains("version 8.0.0 of SAELens"), "{}", message(&dir));
        let dir = folder(Activation::Relu, &[("d_sae", json!(4))]);
        assert!(message(&dir).contains("W_dec has the shape (3, 2), but cfg.json says 4 features (d_sae) of 2 inputs"));
        let dir = folder(Activation::Relu, &[("architecture", json!("jumprelu"))]);
        assert!(message(&dir).contains("has no tensor threshold"), "{}", message(&dir));
    }

    #[test]
    fn a_factor_of_the_inputs_is_folded_in_or_asked_for() {
        for activation in activations() {
            let dir = folder(activation.clone(), &[("normalize_activations", json!("expected_average_only_in"))]);
            assert!(message(&dir).contains("there is no activation_scaler.json"), "{}", message(&dir));
            std::fs::write(dir.path().join(SCALER), "{\"scaling_factor\": null}").unwrap();
            assert!(message(&dir).contains("no scaling_factor above 0"), "{}", message(&dir));
            std::fs::write(dir.path().join(SCALER), "{\"scaling_factor\": 2.5}").unwrap();
            let folded = load(dir.path()).unwrap().dictionary;
            let (plain, inputs) = (small(activation, true), samples());
            let codes = folded.encode(inputs.view()).unwrap();
            let expected = plain.encode((&inputs * 2.5).view()).unwrap();
            let gap = (codes.to_dense() - expected.to_dense()).iter().fold(0f32, |m, v| m.max(v.abs()));
            assert!(gap < 1e-5, "{gap}");
            let gap = folded.decode(&codes).unwrap() - plain.decode(&expected).unwrap() / 2.5;
            assert!(gap.iter().all(|v| v.abs() < 1e-5));
        }
    }

    // Rows of the decoder have the lengths 1, 2 and 1: rescaled, the second feature counts twice.
    #[test]
    fn norms_of_the_decoder_are_folded_before_the_largest_are_chosen() {
        let dir = folder(Activation::TopK { k: 1 }, &[("rescale_acts_by_decoder_norm", json!(true))]);
        let folded = load(dir.path()).unwrap().dictionary;
        let pre = small(Activation::Relu, true).encode(samples().view()).unwrap().to_dense();
        let codes = folded.encode(samples().view()).unwrap().to_dense();
        let mut fired = 0;
        for (pre, code) in pre.rows().into_iter().zip(codes.rows()) {
            let scaled = [pre[0], 2.0 * pre[1], pre[2]];
            let best = scaled.iter().fold(0f32, |m, &v| m.max(v));
            let found: Vec<f32> = code.iter().copied().filter(|&v| v > 0.0).collect();
            if best > 0.0 {
                assert!((found[0] - best).abs() < 1e-5, "{found:?} {best}");
                fired += 1;
            }
            assert!(found.len() <= 1);
        }
        assert!(fired > 20, "{fired}");
        let norms: Vec<f32> = folded.decoder.rows().into_iter().map(|r| r.dot(&r)).collect();
        assert!(norms.iter().all(|n| (n - 1.0).abs() < 1e-6), "{norms:?}");
    }

    #[test]
    fn a_training_checkpoint_with_one_threshold_is_a_jump() {
        let dir = tempfile::tempdir().unwrap();
        let plain = small(Activation::Relu, true);
        let mut saved = super::files(&Saved::new(plain.clone(), "")).unwrap();
        let mut config: Value = serde_json::from_slice(&saved.remove(0).1).unwrap();
        config["architecture"] = json!("matryoshka_batchtopk");
        config["rescale_acts_by_decoder_norm"] = json!(false);
        std::fs::write(dir.path().join(CONFIG), config.to_string()).unwrap();
        let encoder = plain.encoder.t().as_standard_layout().into_owned();
        let tensors = [
            ("W_enc".to_string(), vec![2, 3], encoder.as_slice().unwrap()),
            ("W_dec".to_string(), vec![3, 2], plain.decoder.as_slice().unwrap()),
            ("b_enc".to_string(), vec![3], plain.encoder_bias.as_slice().unwrap()),
            ("b_dec".to_string(), vec![2], plain.bias.as_slice().unwrap()),
            ("topk_threshold".to_string(), vec![], &[0.75f32][..]),
        ];
        std::fs::write(dir.path().join(WEIGHTS), safetensors_bytes(&tensors, &BTreeMap::new()).unwrap()).unwrap();
        let found = load(dir.path()).unwrap().dictionary;
        let expected = small(Activation::JumpRelu { thresholds: Array1::from_elem(3, 0.75) }, true);
        assert_eq!(differences(&found, &expected), (0.0, 0.0));
    }
}
