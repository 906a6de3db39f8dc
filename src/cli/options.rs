//! Options that several subcommands share.

use crate::run::Existing;
use crate::subject::data::DataOptions;
use std::path::{Path, PathBuf};

/// Seeds stand in tables as signed integers, which every reader of Parquet has.
pub(super) const LARGEST_SEED: u64 = i64::MAX as u64;

/// Where results go.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutArgs {
    /// Folder of the run
    #[arg(long, short, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Replace the run that the folder holds
    #[arg(long)]
    pub(super) force: bool,
    /// Go on with the run that was begun in the folder
    #[arg(long, conflicts_with = "force")]
    pub(super) resume: bool,
}

impl OutArgs {
    /// The folder: as given, or a name under `notebooks-out`.
    pub(super) fn folder(&self, default: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| Path::new("notebooks-out").join(default))
    }

    pub(super) fn existing(&self) -> Existing {
        match (self.force, self.resume) {
            (true, _) => Existing::Force,
            (_, true) => Existing::Resume,
            _ => Existing::Refuse,
        }
    }
}

/// Which data.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataArgs {
    /// Inputs: `digits`, `twelve-bit`, or a CSV, npy, npz or IDX file (also gzipped)
    #[arg(long, value_name = "FILE|NAME")]
    pub(super) inputs: Option<String>,
    /// Labels: a CSV, npy, npz or IDX file with one label a sample
    #[arg(long, value_name = "FILE")]
    pub(super) labels: Option<String>,
    /// Column of a CSV that holds the labels, by name or by number from 1
    #[arg(long, value_name = "COLUMN")]
    pub(super) label_column: Option<String>,
    /// Multiply every input by this; unsigned bytes of IDX images are divided by 255 unless it is given
    #[arg(long, value_name = "FACTOR")]
    pub(super) scale: Option<f64>,
}

impl DataArgs {
    pub(super) fn options(&self) -> DataOptions {
        DataOptions {
            inputs: self.inputs.clone(),
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            scale: self.scale,
        }
    }
}
