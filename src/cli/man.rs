//! `narrows man`

use anyhow::{Context, Result};
use std::io::Write;
use std::path::PathBuf;

/// Print the manual page, or write the pages of all commands to a folder
///
/// Example: narrows man | man -l -
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Write one page a command into this folder
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> Result<()> {
    match &args.out {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            clap_mangen::generate_to(super::command(), folder)
                .with_context(|| format!("cannot write to {}", folder.display()))
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(super::command()).render(&mut page)?;
            Ok(std::io::stdout().write_all(&page)?)
        }
    }
}
