//! What goes to the terminal: a summary to stdout, progress and errors to stderr.

use super::progress::told;
use crate::study::sweep::{PROGRESS, is_full};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::path::Path;

/// How the user wants to be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
    /// This process does a cell of a study, which wants to know how it goes on.
    worker: bool,
}

impl Output {
    pub(super) fn new(json: bool, quiet: bool, worker: bool) -> Self {
        Self { json, quiet, worker }
    }

    /// Whether somebody sits at a terminal and wants to see how it goes on.
    pub(super) fn is_watched(self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// The end of a command that finds its run complete.
    pub(super) fn complete(self, path: &Path) -> Result<()> {
        let line = format!("{} is complete already: nothing to do", path.display());
        self.summary(&[line], &json!({ "out": path, "complete": true }))
    }

    /// The end of a command: lines for people, or one JSON value.
    pub(super) fn summary(self, lines: &[String], value: &Value) -> Result<()> {
        if self.quiet {
            return Ok(());
        }
        let mut stdout = std::io::stdout().lock();
        if self.json {
            writeln!(stdout, "{}", serde_json::to_string_pretty(value)?)?;
        } else {
            for line in lines {
                writeln!(stdout, "{line}")?;
            }
        }
        Ok(stdout.flush()?)
    }

    /// Something to know while it goes on.
    pub(super) fn note(self, text: &str) {
        if !self.quiet {
            // A closed stderr is no reason to stop the work.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    pub(super) fn error(self, error: &anyhow::Error) {
        let message = format!("{error:#}");
        if self.worker {
            let value = json!({ "error": message, "storage": is_full(error) });
            let _ = writeln!(std::io::stderr(), "{PROGRESS}{value}");
            return;
        }
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(stderr, "narrows: error: {message}");
        if self.json {
            let _ = writeln!(std::io::stdout(), "{}", json!({ "error": message }));
        }
    }

    /// A progress bar over `length` steps; invisible when stderr is not a terminal, or with `--quiet`.
    pub(super) fn bar(self, length: u64, what: &'static str, unit: &'static str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        if self.worker {
            return told(length, what, unit);
        }
        let bar = ProgressBar::new(length).with_message(what).with_prefix(unit);
        let style =
            ProgressStyle::with_template("{msg:>9} [{bar:30}] {pos}/{len} {prefix}  {elapsed} elapsed, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar
    }
}
