//! Which classes a PyTorch file may name.
//!
//! A list of what is allowed, not of what is forbidden: every list of the latter kind has been found to have holes.

use super::Problem;

/// Whether a state dict, or the plain values that people save beside it, is made of this.
pub(super) fn is_allowed(module: &str, name: &str) -> bool {
    match module {
        "collections" => matches!(name, "OrderedDict" | "Counter"),
        // Python 2's name of the module is the one that protocol 2 writes. Bytes go through `encode` there.
        "builtins" | "__builtin__" => matches!(name, "set" | "frozenset" | "bytes"),
        "_codecs" => name == "encode",
        "torch" => matches!(name, "Tensor" | "Size" | "device") || is_storage(name) || DTYPES.contains(&name),
        "torch.cuda" => is_storage(name),
        "torch.storage" => matches!(name, "TypedStorage" | "UntypedStorage"),
        "torch._utils" => matches!(
            name,
            "_rebuild_tensor"
                | "_rebuild_tensor_v2"
                | "_rebuild_tensor_v3"
                | "_rebuild_parameter"
                | "_rebuild_parameter_with_state"
        ),
        "torch._tensor" => name == "_rebuild_from_type_v2",
        "torch.nn.parameter" => matches!(name, "Parameter" | "Buffer"),
        _ => false,
    }
}

const DTYPES: &[&str] = &[
    "float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
    "uint64", "bool",
];

fn is_storage(name: &str) -> bool {
    matches!(
        name,
        "FloatStorage"
            | "DoubleStorage"
            | "HalfStorage"
            | "BFloat16Storage"
            | "LongStorage"
            | "IntStorage"
            | "ShortStorage"
            | "CharStorage"
            | "ByteStorage"
            | "BoolStorage"
            | "UntypedStorage"
    )
}

/// What to say of a class that is not allowed, at a place in the saved object.
pub(super) fn refusal(module: &str, name: &str, place: String) -> Problem {
    let exotic = ["complex", "Complex", "float8", "float4", "qint", "quint", "QInt", "QUInt", "bits"];
    match module {
        "torch" | "torch.cuda" if exotic.iter().any(|start| name.starts_with(start)) => {
            Problem::Dtype { tensor: place, dtype: format!("{module}.{name}") }
        }
        "torch._utils" if name.starts_with("_rebuild_") => Problem::Unsupported {
            format: "PyTorch",
            reason: format!(
                "a sparse, quantized or otherwise special tensor ({name}, {place}); make it an ordinary one by .to_dense() or .dequantize() before saving"
            ),
        },
        _ => Problem::ForeignClass { class: format!("{module}.{name}"), place },
    }
}
