//! What tensors each kind of module asks for, by PyTorch's names.

use super::description::{EncoderStyle, Kind, Module};

/// A tensor that a module asks for.
pub(super) struct Want {
    /// The names that it may have, the usual one first.
    pub(super) names: Vec<String>,
    /// What its axes are.
    pub(super) shape: &'static str,
    /// Whether the module cannot do without.
    pub(super) required: bool,
}

/// What a module asks for.
pub(super) fn wants(module: &Module) -> Vec<Want> {
    let want =
        |ending: &str, shape, required| Want { names: vec![format!("{}.{ending}", module.name)], shape, required };
    let norm = |name: String, shape, required| {
        // Weights that came from TensorFlow say gamma and beta.
        [("weight", "gamma", required), ("bias", "beta", false)].map(|(ending, old, required)| Want {
            names: vec![format!("{name}.{ending}"), format!("{name}.{old}")],
            shape,
            required,
        })
    };
    match &module.kind {
        Kind::Conv { bias, .. } => {
            let mut wants = vec![want("weight", "[outputs, inputs / groups, …kernel]", true)];
            if *bias != Some(false) {
                wants.push(want("bias", "[outputs]", *bias == Some(true)));
            }
            wants
        }
        Kind::Linear { bias } => {
            let mut wants = vec![want("weight", "[outputs, inputs]", true)];
            if *bias != Some(false) {
                wants.push(want("bias", "[outputs]", *bias == Some(true)));
            }
            wants
        }
        Kind::BatchNorm { .. } => {
            let mut wants: Vec<Want> = norm(module.name.clone(), "[channels]", false).into();
            wants.push(want("running_mean", "[channels]", true));
            wants.push(want("running_var", "[channels]", true));
            wants
        }
        Kind::LayerNorm { .. } => norm(module.name.clone(), "[…last axes]", true).into(),
        Kind::GroupNorm { .. } => norm(module.name.clone(), "[channels]", false).into(),
        Kind::Embedding => vec![want("weight", "[tokens, units]", true)],
        Kind::PositionEmbedding => vec![Want {
            names: vec![format!("{}.weight", module.name), module.name.clone()],
            shape: "[places, units]",
            required: true,
        }],
        Kind::Attention { .. } => attention_wants(&module.name),
        Kind::Encoder(encoder) => {
            let mut wants = Vec::new();
            for layer in 0..encoder.layers {
                match encoder.style {
                    EncoderStyle::Bert => {
                        let name = format!("{}.layer.{layer}", module.name);
                        for part in ["query", "key", "value"] {
                            wants.extend(linear_wants(&format!("{name}.attention.self.{part}")));
                        }
                        for part in ["attention.output.dense", "intermediate.dense", "output.dense"] {
                            wants.extend(linear_wants(&format!("{name}.{part}")));
                        }
                        for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
                            wants.extend(norm(format!("{name}.{part}"), "[units]", true));
                        }
                    }
                    EncoderStyle::Torch => {
                        let name = format!("{}.layers.{layer}", module.name);
                        wants.extend(attention_wants(&format!("{name}.self_attn")));
                        for part in ["linear1", "linear2"] {
                            wants.extend(linear_wants(&format!("{name}.{part}")));
                        }
                        for part in ["norm1", "norm2"] {
                            wants.extend(norm(format!("{name}.{part}"), "[units]", true));
                        }
                    }
                }
            }
            if encoder.style == EncoderStyle::Torch {
                wants.extend(norm(format!("{}.norm", module.name), "[units]", false));
            }
            wants
        }
        _ => Vec::new(),
    }
}

fn linear_wants(name: &str) -> [Want; 2] {
    [("weight", "[outputs, inputs]", true), ("bias", "[outputs]", false)].map(|(ending, shape, required)| Want {
        names: vec![format!("{name}.{ending}")],
        shape,
        required,
    })
}

fn attention_wants(name: &str) -> Vec<Want> {
    let mut wants: Vec<Want> = [("in_proj_weight", "[3 units, units]", true), ("in_proj_bias", "[3 units]", false)]
        .map(|(ending, shape, required)| Want { names: vec![format!("{name}.{ending}")], shape, required })
        .into();
    wants.extend(linear_wants(&format!("{name}.out_proj")));
    wants
}
