//! The folders of `dictionary_learning`: `ae.pt`, a state dict, and `config.json`.
//!
//! Layout: `dictionary.py`, `trainers/*.py` and `training.py` of saprmarks/dictionary_learning. Linear layers have their
//! weights as [outputs × inputs], so that `encoder.weight` is [width × inputs] and `decoder.weight` [inputs × width].

use super::fold::{fold_norms, jump, shift};
use super::store::Saved;
use super::weights::Weights;
use crate::checkpoint::{Values, torch_bytes};
use anyhow::{Context, Result, bail, ensure};
use narrows_dictionaries::{Activation, Dictionary};
use ndarray::Array1;
use serde_json::{Value, json};
use std::path::Path;

/// The tensors.
pub(super) const WEIGHTS: &str = "ae.pt";
/// What they are.
pub(super) const CONFIG: &str = "config.json";

/// Whether a file is one of this layout: a config of it is at hand.
pub(super) fn is_one(file: &Path) -> bool {
    config(file).is_ok_and(|found| found.is_some())
}

/// What `config.json` says under `trainer`. Checkpoints of a training lie one folder deeper.
fn config(file: &Path) -> Result<Option<Value>> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let places = [Some(folder), folder.parent().filter(|_| folder.ends_with("checkpoints"))];
    let Some(path) = places.into_iter().flatten().map(|f| f.join(CONFIG)).find(|p| p.is_file()) else {
        return Ok(None);
    };
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let value: Value = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    Ok(value.get("trainer").filter(|t| t.get("dict_class").is_some()).cloned())
}

/// The class of a state dict, by its keys.
fn class_by_keys(weights: &Weights) -> Result<&'static str> {
    let has = |name: &str| weights.has(name);
    Ok(match () {
        () if has("gate_bias") => "GatedAutoEncoder",
        () if has("group_sizes") => "MatryoshkaBatchTopKSAE",
        () if has("W_enc") && has("threshold") => "JumpReluAutoEncoder",
        () if has("encoder.weight") && has("decoder.bias") => "AutoEncoderNew",
        () if has("encoder.weight") && has("bias") => "AutoEncoder",
        () if has("encoder.weight") && has("k") => bail!(
            "{}: its tensors are those of AutoEncoderTopK and of BatchTopKSAE, which read them differently: {CONFIG} \
             beside it says which, as {{\"trainer\": {{\"dict_class\": \"AutoEncoderTopK\"}}}}",
            weights.file.display()
        ),
        () => bail!(
            "{}: its tensors are none of a dictionary that is read; it has: {}",
            weights.file.display(),
            weights.names().join(", ")
        ),
    })
}

pub(super) fn load(file: &Path) -> Result<Saved> {
    let trainer = config(file)?;
    let mut weights = Weights::read(file)?;
    // A backup of a training holds the optimiser too.
    weights.within("ae");
    let said = trainer.as_ref().and_then(|t| t.get("dict_class")?.as_str());
    let class = match said {
        // Written as a class: "<class 'dictionary_learning.dictionary.AutoEncoder'>".
        Some(class) => class.trim_end_matches(['>', '\'']).rsplit(['.', '\'']).next().unwrap_or(class).to_string(),
        None => class_by_keys(&weights)?.to_string(),
    };
    let (dictionary, note) = dictionary(&class, &mut weights, trainer.as_ref())?;
    let mut about = json!({ "dict_class": class });
    for key in ["trainer_class", "lr", "steps", "seed", "k", "norm_factor"] {
        if let Some(value) = trainer.as_ref().and_then(|t| t.get(key)).filter(|v| !v.is_null()) {
            about[key] = value.clone();
        }
    }
    if let Some(note) = note {
        about["note"] = json!(note);
    }
    let mut saved = Saved::new(dictionary, "");
    saved.about = about;
    for (theirs, ours) in [("lm_name", "model_name"), ("submodule_name", "hook_name"), ("layer", "hook_layer")] {
        if let Some(value) = trainer.as_ref().and_then(|t| t.get(theirs)).filter(|v| !v.is_null()) {
            saved.metadata.insert(ours.into(), value.clone());
        }
    }
    Ok(saved)
}

fn dictionary(
    class: &str,
    weights: &mut Weights,
    trainer: Option<&Value>,
) -> Result<(Dictionary, Option<&'static str>)> {
    let linear = !weights.has("W_enc");
    let mut encoder = if linear { weights.matrix("encoder.weight")? } else { weights.transposed("W_enc")? };
    let mut decoder = if linear { weights.transposed("decoder.weight")? } else { weights.matrix("W_dec")? };
    ensure!(
        encoder.dim() == decoder.dim(),
        "{}: the encoder is of {:?} features and inputs, and the decoder of {:?}",
        weights.file.display(),
        encoder.dim(),
        decoder.dim()
    );
    let (width, inputs) = encoder.dim();
    let (encoder_bias, bias) = match class {
        "AutoEncoder" => ("encoder.bias", "bias"),
        "AutoEncoderNew" => ("encoder.bias", "decoder.bias"),
        "GatedAutoEncoder" => ("gate_bias", "decoder_bias"),
        "AutoEncoderTopK" | "BatchTopKSAE" => ("encoder.bias", "b_dec"),
        "JumpReluAutoEncoder" | "MatryoshkaBatchTopKSAE" => ("b_enc", "b_dec"),
        other => bail!(
            "{CONFIG}: the dict_class '{other}' is not read; those that are: AutoEncoder, AutoEncoderNew, \
             GatedAutoEncoder, AutoEncoderTopK, BatchTopKSAE, JumpReluAutoEncoder, MatryoshkaBatchTopKSAE"
        ),
    };
    let mut encoder_bias = weights.vector(encoder_bias, width)?;
    let bias = weights.vector(bias, inputs)?;
    let (mut prefixes, mut note) = (vec![], None);
    let activation = match class {
        // As its loader does: activations are in units of the decoder's norms.
        "AutoEncoder" => {
            fold_norms(&mut encoder, &mut encoder_bias, &mut decoder);
            Activation::Relu
        }
        "AutoEncoderNew" => Activation::Relu,
        "GatedAutoEncoder" => Activation::Gated {
            log_scales: weights.vector("r_mag", width)?,
            magnitude_biases: weights.vector("mag_bias", width)?,
        },
        "AutoEncoderTopK" => Activation::TopK { k: active(weights, trainer)? },
        "JumpReluAutoEncoder" => Activation::JumpRelu { thresholds: jump(weights.vector("threshold", width)?) },
        _ => {
            if weights.has("group_sizes") {
                let mut end = 0;
                for size in weights.list("group_sizes")? {
                    end += size as usize;
                    prefixes.push(end);
                }
            }
            match weights.scalar("threshold")?.filter(|t| *t >= 0.0) {
                Some(threshold) => Activation::JumpRelu { thresholds: Array1::from_elem(width, threshold) },
                None => {
                    note = Some("the threshold was not set: the k largest activations of each sample are taken");
                    Activation::TopK { k: active(weights, trainer)? }
                }
            }
        }
    };
    let centred = !matches!(class, "AutoEncoderNew" | "JumpReluAutoEncoder");
    Ok((Dictionary { encoder, encoder_bias, decoder, bias, centred, activation, prefixes }, note))
}

fn active(weights: &mut Weights, trainer: Option<&Value>) -> Result<usize> {
    let k = weights.scalar("k")?.map(|k| k as usize);
    let said = || trainer?.get("k")?.as_u64().map(|k| k as usize);
    k.or_else(said).with_context(|| format!("neither {} nor {CONFIG} says k", weights.file.display()))
}

/// k of a training by the batch, which its specification has.
fn batch_k(saved: &Saved) -> Option<i32> {
    let of_text = |text: String| {
        let (_, parameters) = text.split_once(':')?;
        parameters.split(',').find_map(|p| p.trim().strip_prefix("k=")?.parse::<f64>().ok())
    };
    let k = saved.about.get("k").and_then(Value::as_f64).or_else(|| of_text(saved.said("specification")?))?;
    (k >= 1.0 && k.fract() == 0.0).then_some(k as i32)
}

/// Names and contents of the files. What a class cannot say is folded into its biases: codes and reconstructions stay.
///
/// # Errors
/// When the weights cannot be written.
pub(super) fn files(saved: &Saved) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let Dictionary { encoder, decoder, bias, .. } = &saved.dictionary;
    let (width, inputs) = encoder.dim();
    let one_threshold = match &saved.dictionary.activation {
        Activation::JumpRelu { thresholds } if thresholds.iter().all(|t| *t == thresholds[0]) => Some(thresholds[0]),
        _ => None,
    };
    let (class, trainer_class, centred) = match (&saved.dictionary.activation, one_threshold, batch_k(saved)) {
        (Activation::Relu, ..) if saved.dictionary.centred => ("AutoEncoder", "StandardTrainer", true),
        (Activation::Relu, ..) => ("AutoEncoderNew", "StandardTrainerAprilUpdate", false),
        (Activation::Gated { .. }, ..) => ("GatedAutoEncoder", "GatedSAETrainer", true),
        (Activation::TopK { .. }, ..) => ("AutoEncoderTopK", "TopKTrainer", true),
        (Activation::JumpRelu { .. }, Some(_), Some(_)) if !saved.dictionary.prefixes.is_empty() => {
            ("MatryoshkaBatchTopKSAE", "MatryoshkaBatchTopKTrainer", true)
        }
        (Activation::JumpRelu { .. }, Some(_), Some(_)) => ("BatchTopKSAE", "BatchTopKTrainer", true),
        (Activation::JumpRelu { .. }, ..) => ("JumpReluAutoEncoder", "JumpReluTrainer", false),
    };
    let shift = shift(&saved.dictionary, centred);
    let encoder_bias = &saved.dictionary.encoder_bias + &shift;
    let flat = |m: ndarray::ArrayView2<f32>| -> Vec<f32> { m.iter().copied().collect() };
    let linear = !matches!(class, "JumpReluAutoEncoder" | "MatryoshkaBatchTopKSAE");
    let mut floats: Vec<(&str, Vec<usize>, Vec<f32>)> = if linear {
        vec![
            ("encoder.weight", vec![width, inputs], flat(encoder.view())),
            ("decoder.weight", vec![inputs, width], flat(decoder.t())),
        ]
    } else {
        vec![("W_enc", vec![inputs, width], flat(encoder.t())), ("W_dec", vec![width, inputs], flat(decoder.view()))]
    };
    let (bias_name, encoder_bias_name) = match class {
        "AutoEncoder" => ("bias", "encoder.bias"),
        "AutoEncoderNew" => ("decoder.bias", "encoder.bias"),
        "GatedAutoEncoder" => ("decoder_bias", "gate_bias"),
        "AutoEncoderTopK" | "BatchTopKSAE" => ("b_dec", "encoder.bias"),
        _ => ("b_dec", "b_enc"),
    };
    floats.push((encoder_bias_name, vec![width], encoder_bias.to_vec()));
    floats.push((bias_name, vec![inputs], bias.to_vec()));
    let mut k = None;
    match &saved.dictionary.activation {
        Activation::Gated { log_scales, magnitude_biases } => {
            let shifted = magnitude_biases + &(log_scales.exp() * &shift);
            floats.push(("r_mag", vec![width], log_scales.to_vec()));
            floats.push(("mag_bias", vec![width], shifted.to_vec()));
        }
        Activation::TopK { k: active } => {
            k = Some(i32::try_from(*active)?);
            floats.push(("threshold", vec![], vec![-1.0]));
        }
        Activation::JumpRelu { thresholds } => match (class, one_threshold) {
            ("BatchTopKSAE" | "MatryoshkaBatchTopKSAE", Some(threshold)) => {
                k = batch_k(saved);
                floats.push(("threshold", vec![], vec![threshold]));
            }
            _ => floats.push(("threshold", vec![width], thresholds.to_vec())),
        },
        Activation::Relu => {}
    }
    let whole: Vec<i32> = k.into_iter().collect();
    let groups: Vec<i64> = if class == "MatryoshkaBatchTopKSAE" {
        let mut before = 0;
        saved.dictionary.prefixes.iter().map(|&p| (p - std::mem::replace(&mut before, p)) as i64).collect()
    } else {
        vec![]
    };
    let mut tensors: Vec<(String, Vec<usize>, Values<'_>)> =
        floats.iter().map(|(name, shape, values)| (name.to_string(), shape.clone(), Values::Float(values))).collect();
    if !whole.is_empty() {
        tensors.push(("k".into(), vec![], Values::Int(&whole)));
    }
    if !groups.is_empty() {
        tensors.push(("group_sizes".into(), vec![groups.len()], Values::Long(&groups)));
    }
    let known = |key: &str| saved.about.get(key).cloned().unwrap_or(Value::Null);
    let metadata = |key: &str| saved.metadata.get(key).cloned().unwrap_or(Value::Null);
    let mut trainer = json!({
        "dict_class": class,
        "trainer_class": trainer_class,
        "activation_dim": inputs,
        "dict_size": width,
        "lr": known("lr"),
        "steps": known("steps"),
        "seed": known("seed"),
        "device": "cpu",
        "layer": metadata("hook_layer"),
        "lm_name": metadata("model_name"),
        "submodule_name": metadata("hook_name"),
        "wandb_name": saved.name,
    });
    if let Some(k) = k {
        trainer["k"] = json!(k);
    }
    let config = json!({ "trainer": trainer, "buffer": {} });
    Ok(vec![(WEIGHTS, torch_bytes("ae", &tensors)?), (CONFIG, serde_json::to_vec_pretty(&config)?)])
}

#[cfg(test)]
mod tests {
    use super::super::store::load;
    use super::super::store::tests::{activations, differences, small};
    use super::*;

    fn written(saved: &Saved) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files(saved).unwrap() {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        dir
    }

    fn class(dir: &tempfile::TempDir) -> String {
        load(dir.path()).unwrap().said("dict_class").unwrap()
    }

    #[test]
    fn every_kind_comes_back_with_the_same_codes() {
        let classes = ["AutoEncoder", "AutoEncoderTopK", "JumpReluAutoEncoder", "GatedAutoEncoder"];
        for centred in [true, false] {
            for (activation, expected) in activations().into_iter().zip(classes) {
                let mut saved = Saved::new(small(activation, centred), "a");
                // The loader of AutoEncoder, and so ours, brings the decoder's rows to unit length.
                let row = &mut saved.dictionary.decoder.row_mut(1);
                *row /= 2.0;
                let dir = written(&saved);
                let found = load(dir.path()).unwrap();
                let (codes, decoded) = differences(&saved.dictionary, &found.dictionary);
                assert!(codes < 1e-5 && decoded < 1e-5, "{expected} {centred}: {codes} {decoded}");
                let expected = if expected == "AutoEncoder" && !centred { "AutoEncoderNew" } else { expected };
                assert_eq!(class(&dir), expected);
            }
        }
    }

    #[test]
    fn one_threshold_and_a_known_k_are_a_batch_top_k() {
        let mut saved = Saved::new(small(Activation::JumpRelu { thresholds: Array1::from_elem(3, 0.5) }, true), "a");
        saved.about = json!({ "specification": "batch-topk:learning-rate=0.1,k=2" });
        let dir = written(&saved);
        let found = load(dir.path()).unwrap();
        assert_eq!(differences(&saved.dictionary, &found.dictionary), (0.0, 0.0));
        assert_eq!((class(&dir), found.about["k"].clone()), ("BatchTopKSAE".into(), json!(2)));
        saved.dictionary.prefixes = vec![1, 3];
        let dir = written(&saved);
        assert_eq!(
            (class(&dir), load(dir.path()).unwrap().dictionary.prefixes),
            ("MatryoshkaBatchTopKSAE".into(), vec![1, 3])
        );
        // Without the config it is not known whether k or the threshold counts, unless there are groups.
        std::fs::remove_file(dir.path().join(CONFIG)).unwrap();
        assert_eq!(class(&dir), "MatryoshkaBatchTopKSAE");
    }

    #[test]
    fn norms_of_the_decoder_are_folded_and_the_reconstruction_stays() {
        let saved = Saved::new(small(Activation::Relu, true), "a");
        let dir = written(&saved);
        let found = load(dir.path()).unwrap().dictionary;
        let norms: Vec<f32> = found.decoder.rows().into_iter().map(|r| r.dot(&r).sqrt()).collect();
        assert!(norms.iter().all(|n| (n - 1.0).abs() < 1e-6), "{norms:?}");
        assert!(differences(&saved.dictionary, &found).1 < 1e-5);
    }

    #[test]
    fn what_cannot_be_told_is_asked_for() {
        let saved = Saved::new(small(Activation::TopK { k: 2 }, true), "a");
        let dir = written(&saved);
        let message = || format!("{:#}", load(dir.path()).unwrap_err());
        let config = dir.path().join(CONFIG);
        std::fs::write(&config, r#"{"trainer": {"dict_class": "IdentityDict"}}"#).unwrap();
        assert!(message().contains("config.json: the dict_class 'IdentityDict' is not read"), "{}", message());
        std::fs::remove_file(&config).unwrap();
        assert!(message().contains("those of AutoEncoderTopK and of BatchTopKSAE"), "{}", message());
    }
}
