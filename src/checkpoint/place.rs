//! Epoch and step from the name of a file.

use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) epoch: Option<u64>,
    pub(super) step: Option<u64>,
}

/// `epoch_00100`, `epoch=12-step=3400`, `ep7`, `step_300`; where neither word stands before a number, the last number
/// of the name is taken for the epoch.
pub(super) fn of_name(path: &Path) -> Place {
    // `epoch_00100.activations.npz`: only what stands before the first dot is the name of the checkpoint.
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    let mut place = Place::default();
    let mut last = None;
    let mut word = String::new();
    let mut rest = stem;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest[..end].parse::<u64>().ok();
            match word.as_str() {
                "epoch" | "epochs" | "ep" | "e" => place.epoch = place.epoch.or(number),
                "step" | "steps" | "iter" | "iteration" | "global_step" | "globalstep" => {
                    place.step = place.step.or(number)
                }
                _ => {}
            }
            last = number.or(last);
            word.clear();
            rest = &rest[end..];
        } else {
            if c.is_alphabetic() {
                word.push(c);
            } else if rest.chars().nth(1).is_some_and(char::is_alphabetic) {
                // A separator before letters begins a new word; one before digits belongs to the word.
                word.clear();
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    if place.epoch.is_none() && place.step.is_none() {
        place.epoch = last;
    }
    place
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
            ("checkpoint-500.pt", Some(500), None),
            ("model.pt", None, None),
            ("epoch_99999999999999999999999.pt", None, None),
        ] {
            assert_eq!(of_name(Path::new(name)), Place { epoch, step }, "{name}");
        }
    }
}
