//! `{name}` in a job's values.

use anyhow::{Result, bail};
use toml::{Table, Value};

/// Puts values in place of the names in braces, in every text of a table; a text that is one name alone becomes the value
/// itself. `{{` and `}}` are braces.
///
/// # Errors
/// When `lookup` knows no such name, or a brace stands alone.
pub(super) fn fill(table: &Table, lookup: &mut dyn FnMut(&str) -> Result<Value>) -> Result<Table> {
    table.iter().map(|(key, value)| Ok((key.clone(), filled(value, lookup)?))).collect()
}

fn filled(value: &Value, lookup: &mut dyn FnMut(&str) -> Result<Value>) -> Result<Value> {
    Ok(match value {
        Value::String(text) => text_of(text, lookup)?,
        Value::Array(items) => {
            let mut filled_items = vec![];
            for item in items {
                filled_items.push(filled(item, lookup)?);
            }
            Value::Array(filled_items)
        }
        Value::Table(inner) => Value::Table(fill(inner, lookup)?),
        other => other.clone(),
    })
}

fn text_of(text: &str, lookup: &mut dyn FnMut(&str) -> Result<Value>) -> Result<Value> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..];
        if let Some(after) = brace.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = brace.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else if let Some((name, after)) = brace.strip_prefix('{').and_then(|b| b.split_once('}')) {
            let value = lookup(name)?;
            if out.is_empty() && after.is_empty() && at == 0 && brace.len() == text.len() {
                return Ok(value);
            }
            out.push_str(&bare(&value));
            rest = after;
        } else {
            bail!("\"{text}\": a brace stands alone: write {{name}}, or {{{{ and }}}} for braces");
        }
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

/// A value as it stands in a text, a label or a table's field.
pub(super) fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number.to_string(),
        Value::Array(items) => items.iter().map(bare).collect::<Vec<_>>().join("x"),
        Value::Table(entries) => {
            entries.iter().map(|(key, value)| format!("{key}={}", bare(value))).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Table> {
        fill(&toml::from_str(text).unwrap(), &mut |name| match name {
            "seed" => Ok(Value::Integer(3)),
            "kind" => Ok(Value::String("relu".into())),
            "hidden" => Ok(Value::Array(vec![Value::Integer(10), Value::Integer(5)])),
            other => bail!("no {other}"),
        })
    }

    #[test]
    fn values_keep_their_type_where_they_stand_alone() {
        let filled = with(
            "a = \"{seed}\"\nb = \"{kind}-{seed}\"\nc = [\"x:{seed}\"]\nd = { e = \"{hidden}\" }\nf = \"{{x}} {hidden}\"",
        );
        let expected = "a = 3\nb = \"relu-3\"\nc = [\"x:3\"]\nd = { e = [10, 5] }\nf = \"{x} 10x5\"";
        assert_eq!(filled.unwrap(), toml::from_str::<Table>(expected).unwrap());
        assert!(with("a = \"{sed}\"").unwrap_err().to_string().contains("no sed"));
        assert!(with("a = \"{seed\"").unwrap_err().to_string().contains("a brace stands alone"));
        assert!(with("a = \"seed}\"").unwrap_err().to_string().contains("a brace stands alone"));
    }
}
