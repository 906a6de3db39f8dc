//! Epoch and step from the name of a file.

use std::ffi::OsStr;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) epoch: Option<u64>,
    pub(super) step: Option<u64>,
    /// Whether the epoch is only the last number of the name.
    pub(super) is_guess: bool,
}

/// `epoch_00100`, `epoch=12-step=3400`, `ep7`, `step_300`; where neither word stands before a whole number, the last
/// one of the name is taken for the epoch. The ending is not looked at, and `0.34` is no whole number.
///
/// Folders are looked at where all files are called the same, as in Hugging Face's layout: the number of a folder
/// `checkpoint-500` is that of a step.
pub(super) fn of_name(path: &Path) -> Place {
    let lower = |name: Option<&OsStr>| name.unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let (file, folder) = (lower(path.file_name()), lower(path.parent().and_then(Path::file_name)));
    let is_plain = matches!(file.as_str(), "model.safetensors" | "pytorch_model.bin") || file.ends_with(".index.json");
    let is_of_folder = is_plain && !folder.is_empty();
    let name = if is_of_folder { &folder } else { &file };
    let (mut place, mut last) = (Place::default(), None);
    for (word, number) in numbers(without_endings(name)) {
        match word.as_str() {
            "checkpoint" if is_of_folder => place.step = place.step.or(number),
            "epoch" | "epochs" | "ep" | "e" => place.epoch = place.epoch.or(number),
            "step" | "steps" | "iter" | "iters" | "iteration" | "it" | "globalstep" => {
                place.step = place.step.or(number);
            }
            _ => {}
        }
        last = number.or(last);
    }
    if place.epoch.is_none() && place.step.is_none() {
        // A longer number is a date or a part of a hash.
        let last = last.filter(|&number| number < 10_000_000);
        (place.epoch, place.is_guess) = (last, last.is_some());
    }
    place
}

/// `epoch_00100.activations.npz` is `epoch_00100`.
fn without_endings(mut name: &str) -> &str {
    const ENDINGS: [&str; 17] = [
        ".safetensors",
        ".activations",
        ".index.json",
        ".parquet",
        ".weights",
        ".keras",
        ".ckpt",
        ".hdf5",
        ".onnx",
        ".npy",
        ".npz",
        ".bin",
        ".bpk",
        ".pth",
        ".tar",
        ".h5",
        ".pt",
    ];
    while let Some(stem) = ENDINGS.into_iter().find_map(|ending| name.strip_suffix(ending)) {
        name = stem;
    }
    name
}

/// The whole numbers of a name, each with the word before it. A number of more than 64 bits has no value.
fn numbers(name: &str) -> Vec<(String, Option<u64>)> {
    let (mut numbers, mut word, mut rest) = (Vec::new(), String::new(), name);
    while let Some(c) = rest.chars().next() {
        if !c.is_ascii_digit() {
            match c {
                _ if c.is_alphabetic() => word.push(c),
                // A separator before letters begins a new word; one before digits belongs to the word.
                _ if rest[c.len_utf8()..].starts_with(char::is_alphabetic) => word.clear(),
                _ => {}
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let is_decimal = rest[..length].trim_end_matches('.').contains('.');
        if is_decimal {
            rest = &rest[length..];
        } else {
            numbers.push((std::mem::take(&mut word), rest[..digits].parse().ok()));
            rest = &rest[digits..];
        }
        word.clear();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_understood() {
        for (name, epoch, step) in [
            ("epoch_00100.safetensors", Some(100), None),
            ("epoch_00100.activations.npz", Some(100), None),
            ("epoch=12-step=3400.ckpt", Some(12), Some(3400)),
            ("ckpt/ep7.pt", Some(7), None),
            ("model-v2_epoch-30.pth", Some(30), None),
            ("step_300.pt", None, Some(300)),
            ("iteration-0042.pt", None, Some(42)),
            ("resnet18_5.pt", Some(5), None),
            ("efficientnet-lite0-57934424.pth", None, None),
            ("checkpoint-500.pt", Some(500), None),
            ("model.pt", None, None),
            ("epoch_99999999999999999999999.pt", None, None),
            ("ep100.ckpt", Some(100), None),
            ("ckpt-500", Some(500), None),
            ("model_12.pt", Some(12), None),
            ("model_12.activations.npz", Some(12), None),
            ("run1.epoch_100.pt", Some(100), None),
            ("epoch=12-val_loss=0.34.ckpt", Some(12), None),
            ("val_loss=0.34.ckpt", None, None),
            ("seed3_e20.pt", Some(20), None),
            ("global_step1200.bin", None, Some(1200)),
            ("epoch 4 (best).pt", Some(4), None),
            ("2024/final.pt", None, None),
            ("epoch.7.pt", Some(7), None),
            ("épоch…3.pt", Some(3), None),
            ("checkpoint.pth.tar", None, None),
            ("", None, None),
            ("epoch_3.h5", Some(3), None),
            ("mlp_12.weights.h5", Some(12), None),
            ("model.hdf5", None, None),
            ("epoch-7.keras", Some(7), None),
            ("step_9.bpk", None, Some(9)),
            ("ep2.onnx", Some(2), None),
            ("e5.npy", Some(5), None),
            ("epoch_4.parquet", Some(4), None),
            ("run/checkpoint-500/model.safetensors", None, Some(500)),
            ("run/checkpoint-500/pytorch_model.bin", None, Some(500)),
            ("step1000/model.safetensors.index.json", None, Some(1000)),
            ("epoch_7/pytorch_model.bin.index.json", Some(7), None),
            ("run_12/model.safetensors", Some(12), None),
            ("checkpoint-500/model-00001-of-00002.safetensors", Some(2), None),
            ("checkpoint-500/weights.safetensors", None, None),
            ("2024/model.pt", None, None),
            ("model.safetensors", None, None),
        ] {
            let found = of_name(Path::new(name));
            assert_eq!((found.epoch, found.step), (epoch, step), "{name}");
        }
        assert!(of_name(Path::new("ckpt-500.pt")).is_guess && !of_name(Path::new("ep500.pt")).is_guess);
    }
}
