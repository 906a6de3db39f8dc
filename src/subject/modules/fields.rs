//! A table of a description, from which keys are taken until none may be left.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value};

/// Largest whole number in a description: lengths that are multiplied stay far from overflow.
const MOST: u64 = i32::MAX as u64;

/// A table and the name under which messages speak of it.
pub(super) struct Fields {
    what: String,
    left: Map<String, Value>,
    asked: Vec<&'static str>,
}

impl Fields {
    /// A table called `what`.
    ///
    /// # Errors
    /// When the value is no table.
    pub(super) fn new(what: impl Into<String>, value: Value) -> Result<Self> {
        let what = what.into();
        match value {
            Value::Object(left) => Ok(Self { what, left, asked: Vec::new() }),
            other => bail!("{what} is {other}, where a table is expected, such as {{ kind = \"conv\", … }}"),
        }
    }

    /// What messages call the table.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// Calls the table something better, once more is known of it.
    pub(super) fn call(&mut self, what: String) {
        self.what = what;
    }

    /// Adds what the table does not say itself.
    pub(super) fn default_to(&mut self, defaults: &Map<String, Value>) {
        for (key, value) in defaults {
            if !self.left.contains_key(key) {
                self.left.insert(key.clone(), value.clone());
            }
        }
    }

    /// The value of a key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.asked.push(key);
        self.left.remove(key)
    }

    /// The value of a key, if it is one.
    ///
    /// # Errors
    /// When the key is there but `of` makes nothing of its value; the message says what is expected.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        of: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match of(&value) {
            Some(found) => Ok(Some(found)),
            None => bail!("{}: {key} = {value}, but {expected} is expected", self.what),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        self.get(key, "a text", |v| v.as_str().map(str::to_string))
    }

    /// One text or a list of them.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>> {
        self.get(key, "a text or a list of texts", |v| match v {
            Value::Array(list) => list.iter().map(|v| v.as_str().map(str::to_string)).collect(),
            other => Some(vec![other.as_str()?.to_string()]),
        })
    }

    /// A whole number from `least` on.
    pub(super) fn whole(&mut self, key: &'static str, least: u64) -> Result<Option<usize>> {
        self.get(key, &format!("a whole number from {least} to {MOST}"), |v| whole(v, least))
    }

    /// One whole number from `least` on or a list of them, one an axis of space.
    pub(super) fn wholes(&mut self, key: &'static str, least: u64) -> Result<Option<Vec<usize>>> {
        self.get(key, &format!("a whole number from {least} to {MOST}, or a list with one an axis"), |v| {
            wholes(v, least)
        })
    }

    /// A number above zero.
    pub(super) fn positive(&mut self, key: &'static str) -> Result<Option<f32>> {
        self.get(key, "a number above zero", |v| v.as_f64().map(|f| f as f32).filter(|f| f.is_finite() && *f > 0.0))
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        self.get(key, "true or false", Value::as_bool)
    }

    /// A list of tables.
    pub(super) fn list(&mut self, key: &'static str) -> Result<Option<Vec<Value>>> {
        self.get(key, "a list of tables", |v| v.as_array().cloned())
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// When a key is left that nobody asked for.
    pub(super) fn finish(self) -> Result<()> {
        let unknown: Vec<&str> = self.left.keys().map(String::as_str).collect();
        ensure!(
            unknown.is_empty(),
            "{}: unknown key(s) {}; it takes {}",
            self.what,
            unknown.join(", "),
            self.asked.join(", ")
        );
        Ok(())
    }
}

fn whole(value: &Value, least: u64) -> Option<usize> {
    value.as_u64().filter(|n| (least..=MOST).contains(n)).and_then(|n| usize::try_from(n).ok())
}

/// One whole number or a list of them that is not empty.
pub(super) fn wholes(value: &Value, least: u64) -> Option<Vec<usize>> {
    match value {
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) => list.iter().map(|v| whole(v, least)).collect(),
        other => Some(vec![whole(other, least)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_or_is_left_is_told() {
        let mut f = Fields::new("module 1", json!({"stride": -1, "name": "a", "widht": 3})).unwrap();
        assert_eq!(f.text("name").unwrap().unwrap(), "a");
        assert_eq!(
            f.whole("stride", 1).unwrap_err().to_string(),
            "module 1: stride = -1, but a whole number from 1 to 2147483647 is expected"
        );
        assert_eq!(f.finish().unwrap_err().to_string(), "module 1: unknown key(s) widht; it takes name, stride");
        assert!(
            Fields::new("module 2", json!(3)).err().unwrap().to_string().starts_with("module 2 is 3, where a table")
        );
    }

    #[test]
    fn one_or_many() {
        let mut f = Fields::new("m", json!({"a": 2, "b": [1, 2], "c": [], "d": [1, 0]})).unwrap();
        assert_eq!(f.wholes("a", 1).unwrap().unwrap(), [2]);
        assert_eq!(f.wholes("b", 1).unwrap().unwrap(), [1, 2]);
        assert!(f.wholes("c", 1).is_err() && f.wholes("d", 1).is_err());
    }
}
