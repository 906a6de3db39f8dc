//! The manifest for reading: whatever it holds, as lists of names and values and as tables.

use serde::Serialize;
use serde_json::{Map, Value};

/// A part of the manifest.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Section {
    title: String,
    /// Names and values, in the manifest's order.
    entries: Vec<(String, Cell)>,
    tables: Vec<Table>,
}

/// Things of one kind, such as the input files.
#[derive(Debug, PartialEq, Serialize)]
struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// How many more rows the manifest has.
    more: usize,
}

/// A value ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Cell {
    text: String,
    /// Whether it is for copying rather than for reading, such as a checksum.
    code: bool,
}

/// Rows of one table beyond which the reader is better served by the file.
const MOST_ROWS: usize = 100;
/// Items of a list that are shown in a line.
const MOST_ITEMS: usize = 50;

/// The manifest's parts: first what stands at its top, then a section for each of its objects and lists.
pub(super) fn sections(manifest: &Value) -> Vec<Section> {
    let Value::Object(top) = manifest else { return Vec::new() };
    let mut first = Section::new("Run");
    let mut others = Vec::new();
    for (name, value) in top {
        match value {
            Value::Object(_) | Value::Array(_) if !is_list_of_scalars(value) => {
                let mut section = Section::new(&readable(name));
                section.add("", value);
                others.push(section);
            }
            _ => first.add(&readable(name), value),
        }
    }
    let all = std::iter::once(first).chain(others);
    all.filter(|section| !section.entries.is_empty() || !section.tables.is_empty()).collect()
}

impl Section {
    fn new(title: &str) -> Self {
        Self { title: title.into(), entries: Vec::new(), tables: Vec::new() }
    }

    /// Adds a value under a name; nested objects become names with dots.
    fn add(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    let dot = if name.is_empty() { "" } else { " › " };
                    self.add(&format!("{name}{dot}{}", readable(key)), inner);
                }
            }
            Value::Array(items) if !is_list_of_scalars(value) => {
                let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
                if objects.len() == items.len() {
                    self.tables.push(Table::new(name, &objects));
                } else {
                    self.entries.push((name.into(), Cell { text: value.to_string(), code: true }));
                }
            }
            _ => self.entries.push((name.into(), cell(name, value))),
        }
    }
}

impl Table {
    fn new(title: &str, objects: &[&Map<String, Value>]) -> Self {
        let mut keys: Vec<&String> = Vec::new();
        for key in objects.iter().take(MOST_ROWS).flat_map(|object| object.keys()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let row = |object: &&Map<String, Value>| {
            keys.iter().map(|key| object.get(*key).map_or_else(|| cell(key, &Value::Null), |v| cell(key, v))).collect()
        };
        Self {
            title: title.into(),
            columns: keys.iter().map(|key| readable(key)).collect(),
            rows: objects.iter().take(MOST_ROWS).map(row).collect(),
            more: objects.len().saturating_sub(MOST_ROWS),
        }
    }
}

fn is_list_of_scalars(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()))
}

fn readable(key: &str) -> String {
    match key {
        "sha256" => "SHA-256".into(),
        // The value is shown in the unit that fits it.
        "bytes" => "size".into(),
        key => key.replace('_', " "),
    }
}

fn cell(key: &str, value: &Value) -> Cell {
    let is_size = key == "bytes";
    let text = match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => match number.as_u64() {
            Some(bytes) if is_size => size(bytes),
            _ => number.to_string(),
        },
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => {
            let mut text: Vec<String> = items.iter().take(MOST_ITEMS).map(|item| cell(key, item).text).collect();
            if items.len() > MOST_ITEMS {
                text.push(format!("and {} more", items.len() - MOST_ITEMS));
            }
            text.join(", ")
        }
        Value::Object(_) => value.to_string(),
    };
    let is_digest = text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    Cell { code: is_digest || value.is_object(), text }
}

/// A number of bytes in the unit that keeps it short; exact below a thousand.
fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    if value < 1000.0 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    value /= 1000.0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.*} {}", if value < 9.95 { 1 } else { 0 }, units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_manifest_reads_from_the_general_to_the_particular() {
        let digest = "ab".repeat(32);
        let manifest = json!({
            "version": "0.1.0",
            "config": { "seed": 1, "plane": { "estimators": ["binned", "ksg"], "quick": false } },
            "inputs": [{ "path": "a.npy", "bytes": 12_345_678, "sha256": digest }, { "path": "b", "note": null }],
            "finished": null,
        });
        let sections = sections(&manifest);
        let titles: Vec<&str> = sections.iter().map(|s| s.title.as_str()).collect();
        assert_eq!(titles, ["Run", "config", "inputs"]);
        let config: Vec<(&str, &str)> =
            sections[1].entries.iter().map(|(k, v)| (k.as_str(), v.text.as_str())).collect();
        assert_eq!(config, [("seed", "1"), ("plane › estimators", "binned, ksg"), ("plane › quick", "no")]);
        let inputs = &sections[2].tables[0];
        assert_eq!(inputs.columns, ["path", "size", "SHA-256", "note"]);
        assert_eq!(inputs.rows[0][1].text, "12 MB");
        assert!(inputs.rows[0][2].code && inputs.rows[1][2].text == "–");
    }

    #[test]
    fn what_is_no_manifest_has_no_sections() {
        assert!(
            sections(&Value::Null).is_empty() && sections(&json!([1, 2])).is_empty() && sections(&json!({})).is_empty()
        );
        let mixed = sections(&json!({ "odd": [1, [2], { "a": 3 }] }));
        assert!(mixed[0].entries[0].1.code);
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let many: Vec<Value> = (0..250).map(|i| json!({ "path": format!("{i}") })).collect();
        let sections = sections(&json!({ "inputs": many, "seeds": (0..60).collect::<Vec<_>>() }));
        assert!(sections[0].entries[0].1.text.ends_with("49, and 10 more"));
        assert_eq!((sections[1].tables[0].rows.len(), sections[1].tables[0].more), (100, 150));
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [0, 999, 1000, 9_960, 999_499, 999_500, 3_200_000_000].map(size),
            ["0 B", "999 B", "1.0 kB", "10 kB", "999 kB", "1.0 MB", "3.2 GB"]
        );
    }
}
