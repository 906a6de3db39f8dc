//! Which keys a job of a command has: those of its options, as the command line declares them.

use crate::similar::hint;
use anyhow::{Result, bail};
use clap::{Arg, ArgAction, Command};

/// What says how to work or to show, and not what: the same results come out under every value.
const HOW: [&str; 11] = [
    "out",
    "force",
    "resume",
    "threads",
    "json",
    "quiet",
    "color-scale",
    "colormap",
    "stream",
    "in-memory",
    "chunk-rows",
];

/// Commands whose work is no job: they print what the program knows of itself, or are about jobs.
const NO_JOBS: [&str; 12] = [
    "run",
    "job-schema",
    "study list",
    "study show",
    "study plan",
    "study merge",
    "study status",
    "study submit",
    "columns",
    "completions",
    "man",
    "help",
];

/// What a study says of its cells, and a job in it does not.
const OF_STUDY: [&str; 6] = ["out", "force", "resume", "threads", "json", "quiet"];

/// Every command that a job may name, with its words: `plane`, `concept fit`.
pub(super) fn commands(root: &Command) -> Vec<(String, &Command)> {
    fn below<'a>(before: &str, command: &'a Command, found: &mut Vec<(String, &'a Command)>) {
        for inner in command.get_subcommands().filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
            let name = format!("{before}{}", inner.get_name());
            if NO_JOBS.contains(&name.as_str()) {
                continue;
            }
            if inner.has_subcommands() {
                below(&format!("{name} "), inner, found);
            } else {
                found.push((name, inner));
            }
        }
    }
    let mut found = vec![];
    below("", root, &mut found);
    found
}

/// The command of a name.
///
/// # Errors
/// When there is none: the message names one that is similar.
pub(super) fn command<'a>(root: &'a Command, name: &str) -> Result<&'a Command> {
    let all = commands(root);
    let words: Vec<&str> = name.split_whitespace().collect();
    let asked = words.join(" ");
    if let Some((_, command)) = all.iter().find(|(name, _)| *name == asked) {
        return Ok(command);
    }
    let names = || all.iter().map(|(name, _)| name.as_str());
    let of_group: Vec<&str> = names().filter(|n| n.starts_with(&format!("{asked} "))).collect();
    if !of_group.is_empty() {
        bail!("command = \"{asked}\" is a group of commands: one of {} is expected", of_group.join(", "));
    }
    bail!(
        "command = \"{name}\": there is no such work{}; there are: {}",
        hint(&asked, names()),
        names().collect::<Vec<_>>().join(", ")
    )
}

/// Whether it can be a key of a job.
pub(super) fn is_key(arg: &Arg) -> bool {
    !matches!(arg.get_id().as_str(), "help" | "version") && !arg.is_hide_set()
}

/// The key of an option: its long name, or that of what stands without one.
pub(super) fn key(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| arg.get_id().as_str().replace('_', "-"), String::from)
}

/// Refuses what a study says itself of each of its cells.
///
/// # Errors
/// When a key is one of these.
pub(super) fn refuse_keys_of_a_study<'a>(mut keys: impl Iterator<Item = &'a String>) -> Result<()> {
    match keys.find(|key| OF_STUDY.contains(&key.as_str())) {
        Some(key) => bail!(
            "the key '{key}' has no place in a study: its cells have folders of their own, go on by themselves, and share the \
             threads; leave it out"
        ),
        None => Ok(()),
    }
}

/// Whether an option decides results.
pub(super) fn decides(arg: &Arg) -> bool {
    is_key(arg) && !HOW.contains(&key(arg).as_str())
}

/// Whether an option is a switch.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count)
}

/// Whether an option takes several values.
pub(super) fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append) || arg.get_num_args().is_some_and(|n| n.max_values() > 1)
}

/// The option that a key means; `-` and `_` are the same.
///
/// # Errors
/// When there is none: the message names one that is similar.
pub(super) fn find<'a>(of: &str, command: &'a Command, asked: &str) -> Result<&'a Arg> {
    let name = asked.replace('_', "-");
    let means =
        |arg: &&Arg| key(arg) == name || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name.as_str()));
    if let Some(arg) = command.get_arguments().filter(|arg| is_key(arg)).find(means) {
        return Ok(arg);
    }
    let keys: Vec<String> = command.get_arguments().filter(|arg| is_key(arg)).map(key).collect();
    let near = hint(&name, keys.iter().map(String::as_str));
    bail!("the key '{asked}' is unknown{near}; `narrows {of}` has: command, {}", keys.join(", "))
}
