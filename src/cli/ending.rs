//! How the commands that leave a run folder end: figures, report, manifest, and the lines that all of them print.

use super::report::LookArgs;
use crate::report::compose;
use crate::run::{Identity, Manifest, RunFolder};
use crate::table::{Row, to_csv, write_parquet};
use anyhow::Result;
use std::path::PathBuf;

/// A run that is complete.
pub(super) struct Ending {
    /// Its folder.
    pub(super) path: PathBuf,
    /// What it says of itself.
    pub(super) manifest: Manifest,
}

/// What a run has to say.
#[derive(Default)]
pub(super) struct Said {
    /// Where the data come from, when that must be said.
    pub(super) attribution: Option<&'static str>,
    /// What came out.
    pub(super) findings: Vec<String>,
    /// What to beware of.
    pub(super) warnings: Vec<String>,
}

/// Draws, writes the report, and completes the run.
pub(super) fn finish(folder: RunFolder, identity: &Identity, said: Said, look: &LookArgs) -> Result<Ending> {
    let mut manifest = folder.manifest(identity);
    manifest.attribution = said.attribution.map(String::from);
    manifest.findings = said.findings;
    manifest.warnings = said.warnings;
    compose(folder.path(), &manifest, &look.options())?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    Ok(Ending { path, manifest })
}

impl Ending {
    /// Lines on the warnings, and on where the table and the report are.
    pub(super) fn warnings_and_files(&self, table: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.manifest.warnings.iter().map(|w| format!("warning: {w}")).collect();
        lines.push(format!("table   {}", self.path.join(table).display()));
        lines.push(format!("report  {}", self.path.join("report.html").display()));
        lines
    }
}

/// A table as CSV and as Parquet; no file where there are no rows.
pub(super) fn write_table<R: Row>(folder: &RunFolder, name: &str, rows: &[R]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    folder.write(&format!("{name}.csv"), &to_csv(rows)?)?;
    folder.write(&format!("{name}.parquet"), &write_parquet(name, rows)?)
}
