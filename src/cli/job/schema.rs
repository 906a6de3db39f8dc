//! `narrows job-schema`: the JSON Schema of job files, for editors.

use super::argv::reads_config;
use super::keys::{commands, is_key, is_switch, key, takes_many};
use crate::cli::output::Output;
use anyhow::Result;
use clap::{Arg, Command};
use serde_json::{Map, Value, json};
use std::any::TypeId;

/// Print the JSON Schema of job files, for editors that complete and check them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example: narrows job-schema > narrows-job.schema.json, and in an editor with Taplo or Even Better TOML, the first line
of a job: #:schema ./narrows-job.schema.json")]
pub(in crate::cli) struct SchemaArgs {}

/// Prints the schema.
pub(in crate::cli) fn run(output: Output) -> Result<()> {
    let schema = schema(&super::tree());
    output.summary(&[serde_json::to_string_pretty(&schema)?], &schema)
}

/// One alternative a command.
pub(super) fn schema(root: &Command) -> Value {
    let commands = commands(root);
    // `if` and `then`, and not one of many: so an editor says what is wrong with the job, and not that it fits none.
    let jobs: Vec<Value> = commands
        .iter()
        .map(|(name, command)| {
            json!({
                "if": { "properties": { "command": { "const": name } }, "required": ["command"] },
                "then": of_command(name, command),
            })
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "narrows-job/1",
        "title": "A job of narrows",
        "type": "object",
        "required": ["command"],
        "properties": { "command": { "enum": commands.iter().map(|(name, _)| name).collect::<Vec<_>>() } },
        "allOf": jobs,
    })
}

fn of_command(name: &str, command: &Command) -> Value {
    let mut properties = Map::new();
    properties.insert("command".into(), json!({ "const": name }));
    let mut required = vec!["command".to_string()];
    for arg in command.get_arguments().filter(|arg| is_key(arg)) {
        let key = key(arg);
        if arg.is_required_set() {
            required.push(key.clone());
        }
        let value = of_option(arg);
        // `-` and `_` are the same in a key; required ones are checked in the form of the command line.
        if key.contains('-') {
            properties.insert(key.replace('-', "_"), value.clone());
        }
        properties.insert(key, value);
    }
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    json!({
        "title": format!("narrows {name}"),
        "description": about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_option(arg: &Arg) -> Value {
    let one = one_value(arg);
    let mut schema = if is_switch(arg) {
        json!({ "type": "boolean" })
    } else if reads_config(arg) {
        json!({ "type": ["string", "object"] })
    } else if takes_many(arg) {
        json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    } else {
        one
    };
    let entries = schema.as_object_mut();
    if let Some(entries) = entries {
        let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        entries.insert("description".into(), json!(help));
        if let [default] = arg.get_default_values()
            && !is_switch(arg)
        {
            let text = default.to_string_lossy();
            let value = serde_json::from_str::<Value>(&text).ok().filter(Value::is_number);
            entries.insert("default".into(), value.unwrap_or_else(|| json!(text)));
        }
    }
    schema
}

/// What one value may be, by the type that the command line parses it to.
fn one_value(arg: &Arg) -> Value {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let names: Vec<&str> = possible.iter().filter(|p| !p.is_hide_set()).map(|p| p.get_name()).collect();
        if names == ["true", "false"] {
            return json!({ "type": "boolean" });
        }
        return json!({ "enum": names });
    }
    let kind = arg.get_value_parser().type_id();
    let is = |types: &[TypeId]| types.iter().any(|t| kind == *t);
    if is(&[TypeId::of::<u8>(), TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()]) {
        json!({ "type": "integer", "minimum": 0 })
    } else if is(&[TypeId::of::<i32>(), TypeId::of::<i64>()]) {
        json!({ "type": "integer" })
    } else if is(&[TypeId::of::<f32>(), TypeId::of::<f64>()]) {
        json!({ "type": "number" })
    } else {
        // A column may be named by its number, a size be a number of bytes.
        json!({ "type": ["string", "number"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_options_with_their_types() {
        let root = crate::cli::job::tree();
        let schema = schema(&root);
        let jobs = schema["allOf"].as_array().unwrap();
        assert_eq!(jobs.len(), commands(&root).len());
        let of = |name: &str| {
            let found = jobs.iter().find(|job| job["if"]["properties"]["command"]["const"] == name).unwrap();
            found["then"].clone()
        };
        let plane = of("plane");
        assert_eq!(plane["properties"]["relative-noise"]["type"], "boolean");
        assert_eq!(plane["properties"]["relative_noise"]["type"], "boolean");
        assert_eq!(plane["properties"]["samples"]["type"], "integer");
        assert_eq!(plane["properties"]["seed"]["default"], 0);
        assert!(plane["properties"]["checkpoints"]["anyOf"][1]["type"] == "array");
        assert!(plane["required"].as_array().unwrap().contains(&json!("checkpoints")));
        assert!(plane["properties"]["unit"]["enum"].as_array().unwrap().contains(&json!("nats")));
        assert_eq!(of("train")["properties"]["config"]["type"], json!(["string", "object"]));
        assert!(plane["properties"]["threads"].is_object() && plane["properties"].get("worker").is_none());
    }
}
