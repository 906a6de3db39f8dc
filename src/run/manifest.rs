//! How a run came about.

use super::InputFile;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What decides a run's results: two runs of equal identity have equal tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Program and version.
    pub program: String,
    /// Subcommand.
    pub command: String,
    /// The full effective configuration, defaults included.
    pub config: Value,
    /// Every file that is read.
    pub inputs: Vec<InputFile>,
}

impl Identity {
    /// The identity of a command of this program.
    pub fn new(command: &str, config: Value, inputs: Vec<InputFile>) -> Self {
        Self { program: concat!("narrows ", env!("CARGO_PKG_VERSION")).into(), command: command.into(), config, inputs }
    }

    /// Where two identities first differ, in words.
    pub fn difference(&self, other: &Self) -> Option<String> {
        fn walk(at: &str, a: &Value, b: &Value) -> Option<String> {
            match (a, b) {
                (Value::Object(x), Value::Object(y)) => x.keys().chain(y.keys()).find_map(|key| {
                    let missing = &Value::Null;
                    walk(&format!("{at}.{key}"), x.get(key).unwrap_or(missing), y.get(key).unwrap_or(missing))
                }),
                (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
                    x.iter().zip(y).enumerate().find_map(|(i, (a, b))| walk(&format!("{at}[{i}]"), a, b))
                }
                (a, b) => (a != b).then(|| {
                    let short = |v: &Value| {
                        let text = v.to_string();
                        if text.chars().count() > 60 {
                            text.chars().take(60).chain("…".chars()).collect()
                        } else {
                            text
                        }
                    };
                    format!("{} was {}, now {}", at.trim_start_matches('.'), short(a), short(b))
                }),
            }
        }
        walk("", &serde_json::to_value(self).ok()?, &serde_json::to_value(other).ok()?)
    }
}

/// The ceilings that the sample sets, for figures that are redrawn later.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Samples N; log N bounds what binning and kernels can read.
    pub n_samples: Option<u64>,
    /// H(Y) in bits.
    pub label_entropy_bits: Option<f64>,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Schema of this file.
    pub schema: String,
    /// What decides the results.
    #[serde(flatten)]
    pub identity: Identity,
    /// Ceilings of the plane.
    pub limits: Limits,
    /// Threads that worked on it; results do not depend on them.
    pub threads: usize,
    /// When it began, or went on for the last time (UTC).
    pub started: String,
    /// When it was done (UTC).
    pub finished: String,
    /// Whether it went on after an interruption.
    pub resumed: bool,
    /// What a reader should beware of.
    pub warnings: Vec<String>,
    /// What was found, in sentences.
    pub findings: Vec<String>,
    /// Where the data come from, where that must be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

impl Manifest {
    /// The schema that this version writes.
    pub const SCHEMA: &'static str = "narrows-manifest/1";
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named() {
        let a = Identity::new("plane", json!({"samples": 10, "unit": "bits"}), vec![]);
        let mut b = a.clone();
        assert_eq!(a.difference(&b), None);
        b.config = json!({"samples": 20, "unit": "bits"});
        assert_eq!(a.difference(&b).unwrap(), "config.samples was 10, now 20");
    }
}
