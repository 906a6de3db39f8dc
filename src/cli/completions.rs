//! `narrows completions SHELL`

use anyhow::Result;
use std::io::Write;

/// Print a completion script for a shell
///
/// Example: narrows completions bash > ~/.local/share/bash-completion/completions/narrows
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "narrows", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}
