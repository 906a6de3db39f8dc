//! Why a file could not be read as a checkpoint.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// A problem with a file.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}: {problem}", file.display())]
pub struct CheckpointError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a file. Names that come from the file are shown without control characters, and cut when long.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The system would not read it.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// Of no format that is read.
    #[error("not a checkpoint: {0}")]
    UnknownFormat(&'static str),
    /// Not an archive of arrays.
    #[error("not a dump of activations: {0}")]
    NotADump(&'static str),
    /// Not what its first bytes promise.
    #[error("a damaged or truncated {format} file: {}", shown(reason))]
    Damaged {
        /// The format.
        format: &'static str,
        /// Why.
        reason: String,
    },
    /// Sound, but made in a way that is not read.
    #[error("{} {format} file of a kind that is not read: {}", article(format), shown(reason))]
    Unsupported {
        /// The format.
        format: &'static str,
        /// Why, and what to do.
        reason: String,
    },
    /// Somebody else wrote to it.
    #[error("the file changed while it was read; read it again when it has been written")]
    Changed,
    /// A type of values that is not read.
    #[error(
        "the tensor {} holds values of type {dtype}, which are not read; floating-point types of 16 to 64 bits and integers are",
        shown(tensor)
    )]
    Dtype {
        /// Name of the tensor.
        tensor: String,
        /// Name of the type.
        dtype: String,
    },
    /// A class that a checkpoint has no need of.
    #[error(
        "the file holds the Python class {} ({}); only tensors, plain containers and numbers are read, and nothing is \
         ever executed. Save the weights alone, with torch.save(model.state_dict(), …)",
        shown(class),
        shown(place)
    )]
    ForeignClass {
        /// Module and name of the class.
        class: String,
        /// Where in the saved object it sits, in Python's notation.
        place: String,
    },
    /// No dict at the top.
    #[error(
        "the file holds {}, where a dict of tensors is expected: save it with torch.save(model.state_dict(), …)",
        shown(found)
    )]
    NotADict {
        /// What it holds.
        found: String,
    },
    /// Several places could hold the state dict.
    #[error("{}: name the state dict's key by --state-dict; the file has: {}", shown(reason), shown(known))]
    WhichStateDict {
        /// Why it is not clear.
        reason: String,
        /// The keys.
        known: String,
    },
    /// A file that an index names.
    #[error("in its shard {}: {problem}", shown(shard))]
    Shard {
        /// Name of the file.
        shard: String,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
    /// No tensors at all.
    #[error("the file holds no tensors")]
    NoTensors,
    /// NaN or infinity.
    #[error(
        "the tensor {} holds {count} value(s) that are not finite; the first is {value} at {index:?} (counted from 0)",
        shown(tensor)
    )]
    NotFinite {
        /// Name of the tensor.
        tensor: String,
        /// Place of the first.
        index: Vec<usize>,
        /// The value.
        value: f32,
        /// How many there are.
        count: usize,
    },
    /// Layers of a dump are not of the same samples.
    #[error(
        "the layers {} and {} have {first_rows} and {second_rows} rows: each has one row a sample",
        shown(first),
        shown(second)
    )]
    RaggedDump {
        /// A layer.
        first: String,
        /// Its rows.
        first_rows: usize,
        /// Another layer.
        second: String,
        /// Its rows.
        second_rows: usize,
    },
    /// An array of a dump that is no layer.
    #[error("the array {} has the shape {shape:?}, but a layer's activations are [samples, units, …]", shown(name))]
    NotALayer {
        /// Name of the array.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
}

impl Problem {
    /// The same, of a tensor, where it is a tensor's and does not say so.
    pub(super) fn at(self, name: &str) -> Self {
        match self {
            Problem::Dtype { tensor, dtype } if tensor.is_empty() => Problem::Dtype { tensor: name.into(), dtype },
            other => other,
        }
    }

    /// The same, of a file.
    pub fn of(self, file: &Path) -> CheckpointError {
        CheckpointError { file: file.into(), problem: self }
    }
}

/// The article before the name of a format as it is spoken.
fn article(format: &str) -> &'static str {
    if format.starts_with(['O', 'H', 'n']) && !format.starts_with("Hugging") && format != "numpy" { "an" } else { "a" }
}

/// Text from a file that nobody vouches for, fit for a terminal: a name may hold escape sequences, or a megabyte.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 400;
    let mut shown = String::new();
    for c in text.chars().take(MOST) {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_names_the_file_and_says_what_to_do() {
        let text = |s: &str| s.to_string();
        for (problem, expected) in [
            (Problem::Unreadable(text("no")), "a.pt: cannot be read: no"),
            (Problem::Empty, "a.pt: the file is empty"),
            (Problem::UnknownFormat("it is x"), "a.pt: not a checkpoint: it is x"),
            (Problem::NotADump("it is x"), "a.pt: not a dump of activations: it is x"),
            (
                Problem::Damaged { format: "safetensors", reason: text("x") },
                "a.pt: a damaged or truncated safetensors file: x",
            ),
            (
                Problem::Unsupported { format: "PyTorch", reason: text("x") },
                "a.pt: a PyTorch file of a kind that is not read: x",
            ),
            (Problem::Changed, "a.pt: the file changed while it was read; read it again when it has been written"),
            (
                Problem::Dtype { tensor: text("w"), dtype: text("C64") },
                "a.pt: the tensor w holds values of type C64, which are not read; floating-point types of 16 to 64 bits and integers are",
            ),
            (
                Problem::ForeignClass { class: text("os.system"), place: text("at [\"x\"]") },
                "a.pt: the file holds the Python class os.system (at [\"x\"]); only tensors, plain containers and numbers are read, and nothing is ever executed. Save the weights alone, with torch.save(model.state_dict(), …)",
            ),
            (
                Problem::NotADict { found: text("a tensor") },
                "a.pt: the file holds a tensor, where a dict of tensors is expected: save it with torch.save(model.state_dict(), …)",
            ),
            (
                Problem::WhichStateDict { reason: text("there is no entry x"), known: text("a, b") },
                "a.pt: there is no entry x: name the state dict's key by --state-dict; the file has: a, b",
            ),
            (
                Problem::Shard { shard: text("b.pt"), problem: Box::new(Problem::Empty) },
                "a.pt: in its shard b.pt: the file is empty",
            ),
            (Problem::NoTensors, "a.pt: the file holds no tensors"),
            (
                Problem::NotFinite { tensor: text("w"), index: vec![1, 0], value: f32::NAN, count: 2 },
                "a.pt: the tensor w holds 2 value(s) that are not finite; the first is NaN at [1, 0] (counted from 0)",
            ),
            (
                Problem::RaggedDump { first: text("a"), first_rows: 2, second: text("b"), second_rows: 1 },
                "a.pt: the layers a and b have 2 and 1 rows: each has one row a sample",
            ),
            (
                Problem::NotALayer { name: text("y"), shape: vec![3] },
                "a.pt: the array y has the shape [3], but a layer's activations are [samples, units, …]",
            ),
        ] {
            assert_eq!(problem.of(Path::new("a.pt")).to_string(), expected);
        }
    }

    #[test]
    fn a_hostile_name_cannot_reach_the_terminal() {
        let tensor = format!("\u{1b}[2J\0\n{}", "x".repeat(1_000_000));
        let message = Problem::Dtype { tensor, dtype: "C64".into() }.to_string();
        assert!(message.starts_with("the tensor \\u{1b}[2J\\u{0}\\nxxx") && message.len() < 800);
    }
}
