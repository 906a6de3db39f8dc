//! A cell as a process of its own: what it does cannot harm the study, and the study hears how it goes on.

use super::plan::Yields;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// What lines of the process's stderr begin with that are for the study: one JSON value follows.
pub const PROGRESS: &str = "\u{1e}narrows ";

/// Why a cell could not be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The command failed; it would again.
    Failed(String),
    /// The disk is full or cannot be written to: nothing is wrong with the cell.
    Storage(String),
    /// The process was ended from outside.
    Killed(String),
}

/// Does the work that `words` say, in a process; results are in `results` afterwards, what it printed in `log`.
pub(super) fn perform(
    words: &[String],
    yields: Yields,
    (results, log): (&Path, &Path),
    threads: usize,
    progress: &mut dyn FnMut(&Value),
) -> Result<Option<Trouble>> {
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    let mut command = Command::new(program);
    let (named, bare) = words.split_at(words.iter().position(|w| w == "--").unwrap_or(words.len()));
    command.args(named).arg("--worker").arg("--json").arg(format!("--threads={threads}"));
    match yields {
        Yields::Run => {
            command.arg(format!("--out={}", results.display())).arg("--resume");
        }
        Yields::Files => {
            command.arg(format!("--out={}", results.display()));
        }
        Yields::Summary => {}
    }
    // The pipe ends when this process does, however it ends; the cell's process then ends too.
    command.args(bare).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start a process for a cell")?;
    let held = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut told, mut error, mut storage) = (String::new(), None, false);
    let mut log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let printed = std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut text = Vec::new();
            stdout.map(|mut out| out.read_to_end(&mut text));
            text
        });
        for line in stderr.map(BufReader::new).into_iter().flat_map(|reader| reader.split(b'\n')).map_while(Result::ok)
        {
            let line = String::from_utf8_lossy(&line).into_owned();
            match line.strip_prefix(PROGRESS).and_then(|json| serde_json::from_str::<Value>(json).ok()) {
                Some(value) if value.get("error").is_some() => {
                    error = value["error"].as_str().map(String::from);
                    storage = value["storage"].as_bool().unwrap_or(false);
                }
                Some(value) => progress(&value),
                None => {
                    let _ = writeln!(log, "{line}");
                    if told.len() < 2000 && !line.trim().is_empty() {
                        told = format!("{told}{line}\n");
                    }
                }
            }
        }
        reader.join().unwrap_or_default()
    });
    let status = child.wait().context("cannot wait for the process of a cell")?;
    drop(held);
    if status.success() {
        if yields == Yields::Summary {
            std::fs::create_dir_all(results).with_context(|| format!("cannot create {}", results.display()))?;
            crate::run::write_atomic(&results.join("result.json"), &printed)?;
        }
        return Ok(None);
    }
    if let Some(message) = error {
        let _ = writeln!(log, "{message}");
        return Ok(Some(if storage { Trouble::Storage(message) } else { Trouble::Failed(message) }));
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let why = if signal == 9 { " (by the system where memory was short, or by somebody)" } else { "" };
        return Ok(Some(Trouble::Killed(format!("its process was ended by signal {signal}{why}"))));
    }
    let told = told.trim();
    let told =
        if told.is_empty() { format!("its process ended with {status} and said nothing") } else { told.to_string() };
    Ok(Some(Trouble::Failed(told)))
}
