//! Single files of other tools: sparsify, Gemma Scope, OpenAI's sparse_autoencoder, Discover-then-Name, and tensors with
//! SAELens' names.

use super::dictionary_learning;
use super::fold::{jump, shift};
use super::saelens::CONFIG;
use super::store::Saved;
use super::weights::Weights;
use anyhow::{Context, Result, bail, ensure};
use narrows_dictionaries::{Activation, Dictionary};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzWriter;
use serde_json::{Value, json};
use std::io::Cursor;
use std::path::Path;

/// sparsify: `encoder.weight`, `encoder.bias`, `W_dec`, `b_dec`, beside a `cfg.json`.
pub(super) const SPARSIFY: &str = "sae.safetensors";
/// Gemma Scope: `W_enc`, `b_enc`, `W_dec`, `b_dec`, `threshold`.
pub(super) const GEMMA_SCOPE: &str = "params.npz";

pub(super) fn load(file: &Path) -> Result<Saved> {
    let mut weights = Weights::read(file)?;
    let (layout, dictionary) = if weights.has("W_skip") {
        bail!(
            "{} is a transcoder (W_skip), which predicts one layer from another: autoencoders are read",
            file.display()
        )
    } else if weights.has("pre_bias") && weights.has("latent_bias") {
        ("openai", openai(&mut weights)?)
    } else if weights.has("encoder.weight") && weights.has("W_dec") {
        ("sparsify", sparsify(&mut weights)?)
    } else if let Some(bias) = tied_bias(&weights) {
        ("discover-then-name", discover_then_name(&mut weights, &bias)?)
    } else if weights.has("W_enc") && weights.has("threshold") && !weights.has("group_sizes") {
        ("gemma-scope", jump_relu(&mut weights)?)
    } else {
        return dictionary_learning::load(file);
    };
    let mut saved = Saved::new(dictionary, "");
    saved.about = json!({ "layout": layout });
    Ok(saved)
}

/// A ReLU or top-k autoencoder whose linear layers are [outputs × inputs].
fn linear(encoder: Array2<f32>, decoder: Array2<f32>, weights: &Weights) -> Result<(Array2<f32>, Array2<f32>)> {
    let (e, d) = (encoder.dim(), decoder.dim());
    ensure!(
        e == d,
        "{}: the encoder is of {e:?} features and inputs, and the decoder of {d:?}",
        weights.file.display()
    );
    Ok((encoder, decoder))
}

/// Gao et al. 2024: `z = act((x − pre_bias) Wᵀ + latent_bias)`; its activation is named in the file.
fn openai(weights: &mut Weights) -> Result<Dictionary> {
    let encoder = weights.matrix("encoder.weight")?;
    let decoder = weights.transposed("decoder.weight")?;
    let (encoder, decoder) = linear(encoder, decoder, weights)?;
    let (width, inputs) = encoder.dim();
    let activation = match weights.texts.get("activation").map(String::as_str) {
        Some("ReLU") => Activation::Relu,
        Some("TopK") => bail!(
            "{} is a top-k autoencoder that rescales every sample by itself before it encodes (layer norm), which cannot \
             be folded into weights",
            weights.file.display()
        ),
        Some(other) => bail!("{}: the activation '{other}' is not read; ReLU is", weights.file.display()),
        None => bail!("{} does not say which activation it has", weights.file.display()),
    };
    let (encoder_bias, bias) = (weights.vector("latent_bias", width)?, weights.vector("pre_bias", inputs)?);
    Ok(Dictionary { encoder, encoder_bias, decoder, bias, centred: true, activation, prefixes: vec![] })
}

/// `z = topk(ReLU((x − b_dec) Wᵀ + b))`, or the groups' largest, which is not read.
fn sparsify(weights: &mut Weights) -> Result<Dictionary> {
    let path = weights.file.with_file_name(CONFIG);
    let text = std::fs::read(&path).with_context(|| format!("{} says k, and cannot be read", path.display()))?;
    let config: Value = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    if config.get("transcode").and_then(Value::as_bool) == Some(true) {
        bail!("{} is of a transcoder, which predicts one layer from another: autoencoders are read", path.display());
    }
    let function = config.get("activation").and_then(Value::as_str).unwrap_or("topk");
    ensure!(function == "topk", "{}: the activation '{function}' is not read; topk is", path.display());
    let k = config.get("k").and_then(Value::as_u64).filter(|&k| k > 0);
    let k = k.with_context(|| format!("{} has no k above 0", path.display()))? as usize;
    let encoder = weights.matrix("encoder.weight")?;
    let decoder = weights.matrix("W_dec")?;
    let (encoder, decoder) = linear(encoder, decoder, weights)?;
    let (width, inputs) = encoder.dim();
    let (encoder_bias, bias) = (weights.vector("encoder.bias", width)?, weights.vector("b_dec", inputs)?);
    let activation = Activation::TopK { k };
    Ok(Dictionary { encoder, encoder_bias, decoder, bias, centred: true, activation, prefixes: vec![] })
}

/// The bias that is taken off before and added after, under the names that it has had.
fn tied_bias(weights: &Weights) -> Option<String> {
    let is_bias = |n: &&str| ["tied_bias", "post_decoder_bias", "pre_encoder_bias"].iter().any(|b| n.starts_with(b));
    weights.names().into_iter().find(is_bias).map(String::from)
}

/// The autoencoder of ai-safety-foundation, as Rao et al. 2024 train it; tensors may have an axis of one component.
fn discover_then_name(weights: &mut Weights, bias: &str) -> Result<Dictionary> {
    let encoder = weights.matrix("encoder.weight")?;
    let decoder = weights.transposed("decoder.weight")?;
    let (encoder, decoder) = linear(encoder, decoder, weights)?;
    let (width, inputs) = encoder.dim();
    let (encoder_bias, bias) = (weights.vector("encoder.bias", width)?, weights.vector(bias, inputs)?);
    let activation = Activation::Relu;
    Ok(Dictionary { encoder, encoder_bias, decoder, bias, centred: true, activation, prefixes: vec![] })
}

/// Lieberum et al. 2024: the decoder's bias is not taken off the input.
fn jump_relu(weights: &mut Weights) -> Result<Dictionary> {
    let encoder = weights.transposed("W_enc")?;
    let decoder = weights.matrix("W_dec")?;
    let (encoder, decoder) = linear(encoder, decoder, weights)?;
    let (width, inputs) = encoder.dim();
    let activation = Activation::JumpRelu { thresholds: jump(weights.vector("threshold", width)?) };
    let (encoder_bias, bias): (Array1<f32>, Array1<f32>) =
        (weights.vector("b_enc", width)?, weights.vector("b_dec", inputs)?);
    Ok(Dictionary { encoder, encoder_bias, decoder, bias, centred: false, activation, prefixes: vec![] })
}

/// `params.npz`. The layout has a threshold for each feature, and takes no bias off the input: what has none of the
/// former has zeros, and the encoder's bias takes on the latter.
///
/// # Errors
/// For a dictionary that is neither a ReLU's nor a JumpReLU's.
pub(super) fn files(saved: &Saved) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let dictionary = &saved.dictionary;
    let thresholds = match &dictionary.activation {
        Activation::Relu => Array1::zeros(dictionary.width()),
        Activation::JumpRelu { thresholds } => thresholds.clone(),
        Activation::TopK { .. } | Activation::Gated { .. } => bail!(
            "{GEMMA_SCOPE} is for dictionaries of ReLU and JumpReLU, but {} is of another kind; the other layouts have it",
            saved.name
        ),
    };
    let mut zip = NpzWriter::new(Cursor::new(Vec::new()));
    zip.add_array("W_enc", &dictionary.encoder.t().as_standard_layout())?;
    zip.add_array("W_dec", &dictionary.decoder.as_standard_layout())?;
    zip.add_array("b_enc", &(&dictionary.encoder_bias + &shift(dictionary, false)))?;
    zip.add_array("b_dec", &dictionary.bias)?;
    zip.add_array("threshold", &thresholds)?;
    Ok(vec![(GEMMA_SCOPE, zip.finish()?.into_inner())])
}

#[cfg(test)]
mod tests {
    use super::super::store::tests::{activations, differences, small};
    use super::super::store::{Layout, files_as, load};
    use super::*;
    use crate::checkpoint::{Values, safetensors_bytes, torch_bytes};
    use std::collections::BTreeMap;

    fn flat(m: ndarray::ArrayView2<f32>) -> Vec<f32> {
        m.iter().copied().collect()
    }

    #[test]
    fn gemma_scope_comes_back_with_the_same_codes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(GEMMA_SCOPE);
        for (i, activation) in activations().into_iter().enumerate() {
            let saved = Saved::new(small(activation, true), "mine");
            let written = files_as(&saved, Layout::Npz);
            if i == 1 || i == 3 {
                assert!(written.unwrap_err().to_string().contains("mine is of another kind"));
                continue;
            }
            std::fs::write(&file, &written.unwrap()[0].1).unwrap();
            for place in [dir.path(), &file] {
                let found = load(place).unwrap();
                let (codes, decoded) = differences(&saved.dictionary, &found.dictionary);
                assert!(codes < 1e-5 && decoded < 1e-5, "{codes} {decoded}");
            }
        }
    }

    #[test]
    fn sparsify_reads_with_its_config() {
        let dir = tempfile::tempdir().unwrap();
        let plain = small(Activation::TopK { k: 1 }, true);
        let (encoder, decoder) = (flat(plain.encoder.view()), flat(plain.decoder.view()));
        let tensors = [
            ("encoder.weight".to_string(), vec![3, 2], &encoder[..]),
            ("encoder.bias".to_string(), vec![3], plain.encoder_bias.as_slice().unwrap()),
            ("W_dec".to_string(), vec![3, 2], &decoder[..]),
            ("b_dec".to_string(), vec![2], plain.bias.as_slice().unwrap()),
        ];
        std::fs::write(dir.path().join(SPARSIFY), safetensors_bytes(&tensors, &BTreeMap::new()).unwrap()).unwrap();
        let message = || format!("{:#}", load(dir.path()).unwrap_err());
        assert!(message().contains("cfg.json says k, and cannot be read"), "{}", message());
        let config = |text: &str| std::fs::write(dir.path().join(CONFIG), text).unwrap();
        config(r#"{"activation": "groupmax", "k": 1}"#);
        assert!(message().contains("'groupmax' is not read"), "{}", message());
        config(r#"{"transcode": true, "k": 1}"#);
        assert!(message().contains("of a transcoder"), "{}", message());
        config(r#"{"activation": "topk", "k": 1, "expansion_factor": 2, "num_latents": 0}"#);
        assert_eq!(load(dir.path()).unwrap().dictionary, plain);
    }

    #[test]
    fn the_autoencoder_of_discover_then_name_may_have_an_axis_of_one_component() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sparse_autoencoder_final.pt");
        let plain = small(Activation::Relu, true);
        let (encoder, decoder) = (flat(plain.encoder.view()), flat(plain.decoder.t()));
        let of = |name: &str, shape: &[usize], v| (name.to_string(), shape.to_vec(), Values::Float(v));
        for one in [&[][..], &[1]] {
            let shape = |rest: &[usize]| [one, rest].concat();
            let tensors = [
                of("tied_bias", &shape(&[2]), plain.bias.as_slice().unwrap()),
                of("encoder.weight", &shape(&[3, 2]), &encoder),
                of("encoder.bias", &shape(&[3]), plain.encoder_bias.as_slice().unwrap()),
                of("decoder.weight", &shape(&[2, 3]), &decoder),
            ];
            std::fs::write(&file, torch_bytes("sae", &tensors).unwrap()).unwrap();
            let found = load(&file).unwrap();
            assert_eq!((found.dictionary, found.name.as_str()), (plain.clone(), "sparse_autoencoder_final"));
        }
    }
}
