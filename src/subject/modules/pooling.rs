//! How a sentence-transformers folder makes one vector of a sentence: `modules.json` and the pooling's `config.json`.

use super::bert_config::json;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Component, Path};

/// How one vector is made of a sentence's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pooling {
    /// The mean of all tokens, instead of the first token.
    pub(super) mean: bool,
    /// Whether the vector is divided by its length.
    pub(super) normalise: bool,
}

/// What a folder says of pooling: a way, or why there is none to speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A way that is read.
    Way(Pooling),
    /// The folder says nothing.
    Nothing,
    /// It says something that is not read.
    NotRead(String),
}

/// Reads `modules.json` and what it names; `1_Pooling/config.json` alone will do.
///
/// # Errors
/// When a file cannot be read or is no JSON.
pub(super) fn find(folder: &Path) -> Result<Found> {
    let Some(modules) = json(&folder.join("modules.json"))? else {
        return match json(&folder.join("1_Pooling/config.json"))? {
            Some(config) => Ok(of(&config, false)),
            None => Ok(Found::Nothing),
        };
    };
    let Some(steps) = modules.as_array() else { return Ok(Found::NotRead("modules.json is no list".into())) };
    let mut pooling = None;
    let mut normalise = false;
    for step in steps {
        // Modules have moved from package to package; their last name has stayed.
        let kind = step.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => (),
            "Normalize" => normalise = true,
            "Pooling" => {
                let path = step.get("path").and_then(Value::as_str).unwrap_or("1_Pooling");
                let inside = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
                let file = folder.join(path).join("config.json");
                let config = if inside { json(&file)? } else { None };
                pooling = Some(config.with_context(|| format!("there is no file {}", file.display()))?);
            }
            other => return Ok(Found::NotRead(format!("modules.json has the step {other}"))),
        }
    }
    Ok(match pooling {
        Some(config) => of(&config, normalise),
        None => Found::Nothing,
    })
}

fn of(config: &Value, normalise: bool) -> Found {
    let modes: Vec<&str> = match config.get("pooling_mode").and_then(Value::as_str) {
        Some(mode) => vec![mode],
        None => config
            .as_object()
            .map(|map| map.iter().filter(|(_, v)| **v == Value::Bool(true)))
            .into_iter()
            .flatten()
            .filter_map(|(key, _)| key.strip_prefix("pooling_mode_"))
            .collect(),
    };
    match modes[..] {
        ["mean" | "mean_tokens"] => Found::Way(Pooling { mean: true, normalise }),
        ["cls" | "cls_token"] => Found::Way(Pooling { mean: false, normalise }),
        _ => Found::NotRead(format!("the pooling's modes are [{}]", modes.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read_or_told() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        assert_eq!(find(dir.path()).unwrap(), Found::Nothing);
        std::fs::create_dir(dir.path().join("1_Pooling")).unwrap();
        write("1_Pooling/config.json", r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#);
        assert_eq!(find(dir.path()).unwrap(), Found::Way(Pooling { mean: false, normalise: false }));
        write("1_Pooling/config.json", r#"{"pooling_mode": "mean"}"#);
        write(
            "modules.json",
            r#"[{"type": "a.Transformer"}, {"type": "b.Pooling", "path": "1_Pooling"}, {"type": "Normalize"}]"#,
        );
        assert_eq!(find(dir.path()).unwrap(), Found::Way(Pooling { mean: true, normalise: true }));
        write("1_Pooling/config.json", r#"{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": true}"#);
        assert!(matches!(find(dir.path()).unwrap(), Found::NotRead(why) if why.ends_with("[max_tokens, mean_tokens]")));
        write("modules.json", r#"[{"type": "Dense"}]"#);
        assert!(matches!(find(dir.path()).unwrap(), Found::NotRead(why) if why.contains("the step Dense")));
        write("modules.json", r#"[{"type": "Pooling", "path": "../x"}]"#);
        assert!(find(dir.path()).unwrap_err().to_string().starts_with("there is no file"));
    }
}
