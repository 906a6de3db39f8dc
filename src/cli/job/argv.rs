//! A job as the words of the command line.

use super::keys::{command, find, is_switch, key, takes_many};
use crate::study::Job;
use anyhow::{Context, Result, bail, ensure};
use clap::{Arg, Command};
use toml::Value;

/// The words that follow `narrows` for a job. A table stands where a command reads a config: `inline` is given its text
/// and yields the file in which it then is.
///
/// # Errors
/// When a key is unknown, or its value of another kind than the option takes.
pub(super) fn words(root: &Command, job: &Job, inline: &mut dyn FnMut(&str) -> Result<String>) -> Result<Vec<String>> {
    let leaf = command(root, &job.command)?;
    let mut words: Vec<String> = job.command.split_whitespace().map(String::from).collect();
    let (mut named, mut bare): (Vec<String>, Vec<(usize, Vec<String>)>) = (vec![], vec![]);
    let mut seen: Vec<(String, &str)> = vec![];
    for (name, value) in &job.options {
        let arg = find(&job.command, leaf, name)?;
        let key = key(arg);
        if let Some((_, before)) = seen.iter().find(|(k, _)| *k == key) {
            bail!("'{before}' and '{name}' are the same key: give one of them");
        }
        seen.push((key.clone(), name));
        if is_switch(arg) {
            match value {
                Value::Boolean(true) => named.push(format!("--{key}")),
                Value::Boolean(false) => {}
                other => bail!("{name} = {other}: it is a switch, true or false"),
            }
            continue;
        }
        let values = values(arg, name, value, inline)?;
        if arg.is_positional() {
            bare.push((arg.get_index().unwrap_or(usize::MAX), values));
        } else {
            named.extend(values.into_iter().map(|value| format!("--{key}={value}")));
        }
    }
    words.extend(named);
    if !bare.is_empty() {
        bare.sort();
        words.push("--".into());
        words.extend(bare.into_iter().flat_map(|(_, values)| values));
    }
    Ok(words)
}

/// The value of an option as text; several where it takes several.
fn values(arg: &Arg, name: &str, value: &Value, inline: &mut dyn FnMut(&str) -> Result<String>) -> Result<Vec<String>> {
    match value {
        Value::Array(items) => {
            ensure!(takes_many(arg), "{name} = {value}: one value is expected, and no list");
            ensure!(!items.is_empty(), "{name} = []: leave the key out, or give at least one value");
            items.iter().map(|item| text(name, item)).collect()
        }
        Value::Table(table) => {
            ensure!(reads_config(arg), "{name} = {{ … }}: a value is expected, and no table");
            let text = toml::to_string(table).with_context(|| format!("{name} cannot be written as a config"))?;
            Ok(vec![inline(&text)?])
        }
        one => Ok(vec![text(name, one)?]),
    }
}

/// Whether an option names the config of a training or a study, which may stand in the job itself.
pub(super) fn reads_config(arg: &Arg) -> bool {
    arg.is_positional() && arg.get_id() == "config"
}

fn text(name: &str, value: &Value) -> Result<String> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Table(_) => bail!("{name}: {value} is a list or a table in a list of values"),
        // As TOML writes it, but for `1.0`, which an option of whole numbers takes as 1.
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    })
}
