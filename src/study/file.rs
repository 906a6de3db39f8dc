//! A study's file: what is done, the job, its presets, and what the paper claims.

use super::{BUILTIN, Claim};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// What a study does with its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Trains networks over a grid of settings and seeds, and traces their information plane.
    Trace,
    /// What `narrows regress` does.
    Regress,
    /// What `narrows generalise` does.
    Generalise,
}

/// A study.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Its name; also of the folder of its results.
    pub name: String,
    /// What it is about, in a few words.
    pub title: String,
    /// The paper that it follows.
    pub reference: String,
    /// What it does.
    pub kind: Kind,
    /// The job, in the keys of what does it. A number as `seeds` stands for the seeds from 0 on.
    pub job: Table,
    /// Changes to the job, by the name of the preset; `small` is taken where none is asked for.
    #[serde(default)]
    pub presets: BTreeMap<String, Table>,
    /// What the paper says, as statements that the results can be held against.
    #[serde(default)]
    pub claims: Vec<Claim>,
}

/// The preset of a study that is run without one.
const USUAL: &str = "small";

impl Study {
    /// Reads a study: a file, or one that is built in.
    ///
    /// # Errors
    /// When there is no such file and no built-in study of that name, or it cannot be understood.
    pub fn read(name_or_path: &str) -> Result<Self> {
        if let Some(builtin) = BUILTIN.iter().find(|b| b.name == name_or_path) {
            return Self::parse(builtin.text).with_context(|| format!("the built-in study {name_or_path}"));
        }
        let path = Path::new(name_or_path);
        ensure!(
            path.exists(),
            "{name_or_path}: there is no such file (from the working directory), and no built-in study of that name; built \
             in are {}",
            BUILTIN.iter().map(|b| b.name).collect::<Vec<_>>().join(", ")
        );
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the study {name_or_path}"))?;
        Self::parse(&text).with_context(|| format!("the study {name_or_path} cannot be used"))
    }

    /// Reads a study's text.
    ///
    /// # Errors
    /// When it is no TOML, a key is unknown or missing, or the name could not be a folder's.
    pub fn parse(text: &str) -> Result<Self> {
        let study: Self = toml::from_str(text)?;
        ensure!(
            study.name.chars().any(|c| c.is_ascii_alphanumeric())
                && study.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
            "name = {:?}: it becomes a folder's name: letters, digits, - and _",
            study.name
        );
        for claim in &study.claims {
            claim.check()?;
        }
        Ok(study)
    }

    /// The preset's name, and the job under it.
    ///
    /// # Errors
    /// When there is no such preset, or `seeds` is a number that stands for none.
    pub fn job(&self, preset: Option<&str>) -> Result<(String, Table)> {
        let mut job = self.job.clone();
        let name = match (preset, self.presets.get(preset.unwrap_or(USUAL))) {
            (asked, Some(changes)) => {
                let name = asked.unwrap_or(USUAL);
                merge(&mut job, changes).with_context(|| format!("the preset {name} of the study {}", self.name))?;
                name.to_string()
            }
            (None, None) => "default".into(),
            (Some(asked), None) => {
                let known: Vec<&str> = self.presets.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                bail!("the study {} has no preset {asked}; it has: {known}", self.name)
            }
        };
        if let Some(Value::Integer(count)) = job.get("seeds") {
            ensure!((1..=100_000).contains(count), "seeds = {count}: a number of seeds lies between 1 and 100000");
            let seeds = (0..*count).map(Value::Integer).collect();
            job.insert("seeds".into(), Value::Array(seeds));
        }
        Ok((name, job))
    }
}

/// A table in which a value stands under a path of keys, a table in a table.
pub(super) fn nested<'a>(path: impl DoubleEndedIterator<Item = &'a str>, value: Value) -> Table {
    let whole = path.rev().fold(value, |inner, key| Value::Table(Table::from_iter([(key.to_string(), inner)])));
    match whole {
        Value::Table(table) => table,
        // Under no key at all there is nothing to put it into.
        _ => Table::new(),
    }
}

/// Puts the values of `changes` over those of `base`, table by table.
///
/// # Errors
/// When a table would take the place of a value, or a value that of a table: the message names the key.
pub fn merge(base: &mut Table, changes: &Table) -> Result<()> {
    for (key, value) in changes {
        match (base.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(changes)) => {
                merge(inner, changes).with_context(|| format!("in {key}"))?;
            }
            (Some(before), value) if before.is_table() != value.is_table() => bail!(
                "{key} = {value} cannot be put over {key} = {before}: one is a table of keys and the other is not"
            ),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
name = "s"
title = "t"
reference = "r"
kind = "trace"
[job]
seeds = 5
training = { epochs = 10, l2 = 0.5 }
[presets.small]
seeds = 2
training.epochs = 3
"#;

    #[test]
    fn a_preset_changes_what_it_names_and_nothing_else() {
        let study = Study::parse(TEXT).unwrap();
        let (name, job) = study.job(None).unwrap();
        assert_eq!(name, "small");
        let expected: Table = toml::from_str("seeds = [0, 1]\ntraining = { epochs = 3, l2 = 0.5 }").unwrap();
        assert_eq!(job, expected);
        let e = study.job(Some("huge")).unwrap_err().to_string();
        assert!(e.contains("no preset huge") && e.contains("small"), "{e}");
    }

    #[test]
    fn a_table_is_no_value() {
        let study = Study::parse(&TEXT.replace("training.epochs = 3", "training = 3")).unwrap();
        let e = format!("{:#}", study.job(None).unwrap_err());
        assert!(e.contains("the preset small") && e.contains("training = 3"), "{e}");
    }

    #[test]
    fn faults_of_the_file_are_named() {
        let e = |text: &str| format!("{:#}", Study::parse(text).unwrap_err());
        assert!(e(&TEXT.replace("name = \"s\"", "name = \"a/b\"")).contains("folder"));
        assert!(e(&TEXT.replace("name = \"s\"", "name = \"..\"")).contains("folder"));
        assert!(e(&TEXT.replace("kind = \"trace\"", "kind = \"tarce\"")).contains("trace"));
        assert!(e(&TEXT.replace("title", "titel")).contains("unknown field `titel`"));
        let study = Study::parse(&TEXT.replace("seeds = 2", "seeds = 0")).unwrap();
        assert!(study.job(None).unwrap_err().to_string().contains("between 1 and"));
        assert!(Study::read("no-such-study").unwrap_err().to_string().contains("tishby-tanh"));
    }
}
