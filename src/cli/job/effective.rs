//! What a job comes to: every option that decides its results, defaults included, and the files that it names.

use super::argv::{reads_config, words};
use super::keys::{command, decides, is_switch, key, refuse_keys_of_a_study};
use crate::study::Job;
use crate::study::sweep::{Effective, Yields};
use crate::{generalisation, regression, subject};
use anyhow::{Context, Result, anyhow, ensure};
use clap::Command;
use serde_json::{Map, Value, json};
use std::io::Write;

/// The job, parsed as the command line would be.
///
/// # Errors
/// When a key is unknown or a value is not what the option takes, or a config cannot be used.
pub(super) fn effective(root: &Command, job: &Job) -> Result<Effective> {
    let leaf = command(root, &job.command)?;
    refuse_keys_of_a_study(job.options.keys())?;
    ensure!(
        job.command != "report",
        "command = \"report\": it draws a run that is there, in its own folder, and has no place in a study"
    );
    let mut job = job.clone();
    if leaf.get_arguments().any(|arg| key(arg) == "out" && arg.is_required_set()) {
        // The cell's folder will stand there.
        job.options.insert("out".into(), "out".into());
    }
    let mut held = vec![];
    let words = words(root, &job, &mut |text| {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().context("cannot write a temporary file")?;
        file.write_all(text.as_bytes())?;
        let path = file.path().display().to_string();
        held.push(file);
        Ok(path)
    })?;
    // The innermost command alone: a copy of the whole tree for each cell of a large study takes its time.
    let own = words.into_iter().skip(job.command.split_whitespace().count());
    let matches = leaf.clone().no_binary_name(true).try_get_matches_from(own).map_err(|e| anyhow!("{}", said(&e)))?;
    let (mut config, mut names, mut files) = (Map::new(), vec![], vec![]);
    let mut arguments: Vec<_> = leaf.get_arguments().filter(|arg| decides(arg)).collect();
    arguments.sort_by_key(|arg| key(arg));
    for arg in arguments {
        let raw: Vec<String> = matches
            .get_raw(arg.get_id().as_str())
            .map(|values| values.map(|v| v.to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        // A switch that is off is no setting: a later version may have more of them.
        if raw.is_empty() || (is_switch(arg) && raw.iter().all(|v| v == "false")) {
            continue;
        }
        let value = if reads_config(arg) {
            if job.options.values().any(|value| value.as_str() == Some(&raw[0])) {
                files.push(raw[0].clone());
            }
            read(&job.command, &raw[0]).map_err(|e| super::of_config(e, std::path::Path::new(&raw[0]), "the step"))?
        } else {
            json!(raw)
        };
        strings(&value, &mut names);
        config.insert(key(arg), value);
    }
    let yields = match leaf
        .get_arguments()
        .map(key)
        .fold((false, false), |(out, resume), k| (out || k == "out", resume || k == "resume"))
    {
        (true, true) => Yields::Run,
        (true, false) => Yields::Files,
        _ => Yields::Summary,
    };
    Ok(Effective { config: Value::Object(config), names, read: files, yields })
}

/// A training's or study's config with its defaults.
fn read(command: &str, path: &str) -> Result<Value> {
    let path = std::path::Path::new(path);
    Ok(match command {
        "train" => serde_json::to_value(subject::train::ConfigFile::read(path)?)?,
        "regress" => serde_json::to_value(regression::ConfigFile::read(path)?)?,
        "generalise" => serde_json::to_value(generalisation::ConfigFile::read(path)?)?,
        _ => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            json!(text)
        }
    })
}

/// Every text in a value.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(entries) => entries.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

/// What the command line says of wrong words, without its advice on usage, which is of words and not of keys.
pub(super) fn said(error: &clap::Error) -> String {
    let text = error.to_string();
    let told: Vec<&str> =
        text.lines().take_while(|l| !l.starts_with("Usage:") && !l.starts_with("For more information")).collect();
    told.join(" ").split_whitespace().collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_string()
}
