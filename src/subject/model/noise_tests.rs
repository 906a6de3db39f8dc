//! Noise in networks that are run here, and in graphs.

use super::{Model, ModelOptions};
use crate::checkpoint::write_safetensors;
use crate::subject::modules::Description;
use crate::subject::samples::Samples;
use crate::subject::{NOISE_METADATA, Noise};
use ndarray::{Array2, ArrayD, Axis};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DENSE: &str = r#"{"layers": [3, 5, 4, 2], "activation": "tanh", "output": "softmax"}"#;

const MODULES: &str = r#"{"input": [3], "module": [
    {"kind": "linear", "name": "0"}, {"kind": "tanh", "name": "hidden1"},
    {"kind": "linear", "name": "2"}, {"kind": "tanh", "name": "hidden2"},
    {"kind": "linear", "name": "4"}, {"kind": "softmax", "name": "output"}]}"#;

fn file(folder: &Path, noise: Option<Noise>) -> PathBuf {
    let tensors: Vec<(String, Vec<usize>, Vec<f32>)> = [(0, 3, 5), (2, 5, 4), (4, 4, 2)]
        .into_iter()
        .flat_map(|(at, inputs, outputs)| {
            let weight = (0..inputs * outputs).map(|i| ((i * 7 + at) as f32 * 0.61).sin()).collect();
            let bias = (0..outputs).map(|i| (i as f32 + at as f32).cos() / 3.0).collect();
            [(format!("{at}.weight"), vec![outputs, inputs], weight), (format!("{at}.bias"), vec![outputs], bias)]
        })
        .collect();
    let views: Vec<_> = tensors.iter().map(|(n, s, v)| (n.clone(), s.clone(), v.as_slice())).collect();
    let mut about = BTreeMap::from([("architecture".to_string(), DENSE.to_string())]);
    about.extend(noise.map(|n| (NOISE_METADATA.to_string(), serde_json::to_string(&n).unwrap())));
    let path = folder.join("epoch_00003.safetensors");
    write_safetensors(&path, &views, &about).unwrap();
    path
}

fn samples() -> Samples {
    Samples::of_matrix("x", Array2::from_shape_fn((9, 3), |(i, k)| ((i * 5 + k) as f32 * 0.7).sin())).unwrap()
}

fn run(path: &Path, description: &str, noise: Option<Noise>, layers: &[&str], rows: &[usize]) -> Vec<ArrayD<f32>> {
    let description = Some(Description::of_json(description).unwrap());
    let model = Model::open(path, &ModelOptions { description, noise, noise_seed: 11, ..Default::default() }).unwrap();
    let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
    let kept = model.select(&layers).unwrap();
    model.prepare(&kept).unwrap().run(&samples().batch(rows).unwrap(), rows).unwrap().values
}

fn distance(a: &ArrayD<f32>, b: &ArrayD<f32>) -> f32 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_dense_network_and_its_graph_are_equally_noisy() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), None);
    let names = ["hidden1", "hidden2", "output"];
    let rows = [0, 4, 2, 8];
    let quiet = run(&path, DENSE, None, &names, &rows);
    for relative in [false, true] {
        let noise = Some(Noise { std: 0.2, relative });
        let dense = run(&path, DENSE, noise, &names, &rows);
        let graph = run(&path, MODULES, noise, &names, &rows);
        for ((dense, graph), quiet) in dense.iter().zip(&graph).zip(&quiet) {
            assert!(distance(dense, graph) < 1e-5, "relative {relative}: {dense}\n{graph}");
            assert!(distance(dense, quiet) > 0.01, "relative {relative}: there is no noise");
        }
    }
    assert!(quiet.iter().zip(&run(&path, MODULES, None, &names, &rows)).all(|(a, b)| distance(a, b) < 1e-5));
}

#[test]
fn neither_batches_nor_the_choice_of_layers_change_a_sample() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), None);
    let noise = Some(Noise { std: 0.2, relative: true });
    for description in [DENSE, MODULES] {
        let all = run(&path, description, noise, &["hidden2", "output"], &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let few = run(&path, description, noise, &["output"], &[7, 3]);
        let expected = all[1].select(Axis(0), &[7, 3]);
        assert!(distance(&few[0], &expected) < 1e-6, "{description}");
    }
}

#[test]
fn noise_of_the_training_is_in_force_until_it_is_switched_off() {
    let dir = tempfile::tempdir().unwrap();
    let told = Noise { std: 0.2, relative: true };
    let path = file(dir.path(), Some(told));
    let rows = [1, 2];
    let by_default = run(&path, DENSE, None, &["output"], &rows);
    assert_eq!(by_default, run(&path, DENSE, Some(told), &["output"], &rows));
    let off = run(&path, DENSE, Some(Noise { std: 0.0, relative: false }), &["output"], &rows);
    assert!(distance(&by_default[0], &off[0]) > 0.001);
    let notes = Model::open(&path, &ModelOptions::default()).unwrap().notes;
    assert!(notes.len() == 1 && notes[0].contains("0.2 times the value"), "{notes:?}");
    let other = tempfile::tempdir().unwrap();
    let quiet = file(other.path(), None);
    assert_eq!(off, run(&quiet, DENSE, None, &["output"], &rows));
}

#[test]
fn a_network_without_hidden_activations_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), None);
    let linear = r#"{"input": [3], "module": [{"kind": "linear", "name": "0"}, {"kind": "linear", "name": "2"},
        {"kind": "linear", "name": "4"}, {"kind": "softmax", "name": "output"}]}"#;
    let description = Some(Description::of_json(linear).unwrap());
    let noise = Some(Noise { std: 0.1, relative: false });
    let model = Model::open(&path, &ModelOptions { description, noise, ..Default::default() }).unwrap();
    let kept = model.select(&["output".into()]).unwrap();
    let e = format!("{:#}", model.prepare(&kept).err().unwrap());
    assert!(e.contains("hidden activation functions") && e.contains("--noise-std 0"), "{e}");
}

#[test]
fn the_sum_of_a_block_is_a_hidden_layer_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("e.safetensors");
    let weight: Vec<f32> = (0..9).map(|i| (i as f32 * 0.9).cos()).collect();
    let tensors = ["block.a", "end"].map(|n| (format!("{n}.weight"), vec![3, 3], weight.as_slice()));
    write_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
    let text = r#"{"input": [3], "module": [
        {"kind": "residual", "name": "block", "activation": "relu", "module": [{"kind": "linear", "name": "a"}]},
        {"kind": "linear", "name": "end"}]}"#;
    let noise = |std| Some(Noise { std, relative: false });
    let [noisy, quiet] = [0.1, 0.0].map(|std| run(&path, text, noise(std), &["block"], &[2, 5]).remove(0));
    let draws = crate::subject::NoiseSource { noise: noise(0.1).unwrap(), seed: 11 }.draws(0, &[2, 5], &[3]);
    assert!(distance(&noisy, &(quiet + draws)) < 1e-6);
}
