//! Estimates of files that are read some rows at a time.

use super::told::{Kind, Side, Told};
use super::{Asked, EstimateArgs, IntervalKind};
use crate::benchmark::available_bytes;
use crate::cli::options::byte_size;
use crate::cli::output::Output;
use crate::variable::{VariableFile, VariableStream};
use anyhow::{Context, Result, bail, ensure};
use narrows_estimators::{EstimatorError, OwnedVariable, Pass, Streaming};
use std::time::Instant;

/// Memory for the rows in hand, when nobody says how much.
const IN_HAND: u64 = 16_000_000;
/// Bytes that reading a byte of a file into memory takes: its own, and its number's of 64 bits where the file has 32.
const COPIES: u64 = 3;

/// How large data are read.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Large data")]
pub(super) struct StreamArgs {
    /// Read the data some rows at a time and never as a whole, with the same result; for the estimators that can
    /// (`narrows estimators`). Done unasked where the data would take more than half of the memory that is free
    #[arg(long)]
    stream: bool,
    /// Read the data as a whole, however large they are
    #[arg(long, conflicts_with_all = ["stream", "chunk_rows", "max_memory"])]
    in_memory: bool,
    /// Rows in hand at once while streaming; no result depends on it [default: as many as 16 MB hold]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    chunk_rows: Option<u64>,
    /// Memory for the data: streamed data have so much for the rows in hand, and data that would take more are streamed
    /// (200M, 1.5GB, 512MiB)
    #[arg(long, value_name = "SIZE", value_parser = byte_size, conflicts_with = "chunk_rows")]
    max_memory: Option<u64>,
}

impl StreamArgs {
    /// Whether streaming was asked for.
    pub(super) fn asked(&self) -> bool {
        self.stream
    }

    /// Whether these files are to be streamed; `needs_memory` is an option that was given and needs all samples at once, and
    /// `estimate` makes what streams, or says why it does not.
    ///
    /// # Errors
    /// When streaming was asked for and cannot be done.
    pub(super) fn applies(
        &self,
        files: &[(&'static str, VariableFile)],
        estimate: &dyn Fn() -> Result<Streaming, EstimatorError>,
        needs_memory: Option<&str>,
    ) -> Result<bool> {
        if self.in_memory {
            return Ok(false);
        }
        if self.stream {
            if let Some(option) = needs_memory {
                bail!("{option} needs all samples at once, and --stream never has them: leave out one of the two");
            }
            return match estimate() {
                Ok(_) => Ok(true),
                Err(e @ EstimatorError::NotStreaming { .. }) => bail!("{e} (--estimator); or leave out --stream"),
                Err(e) => Err(e.into()),
            };
        }
        let sizes = files.iter().map(|(_, file)| file.bytes());
        let needed = COPIES * sizes.sum::<u64>();
        let limit = self.max_memory.or_else(|| available_bytes().map(|bytes| bytes / 2)).unwrap_or(u64::MAX);
        if needed <= limit {
            return Ok(false);
        }
        // Unasked only where it will work: what a whole would be read of is no reason to fail.
        let why = match needs_memory {
            Some(option) => format!("{option} needs all samples at once"),
            None => match first_rows(files, estimate) {
                Ok(()) => return Ok(true),
                Err(e) => format!("{e:#}"),
            },
        };
        ensure!(
            self.max_memory.is_none(),
            "the data would take about {} MB in memory, more than --max-memory, and {why}",
            needed / 1_000_000
        );
        Ok(false)
    }

    /// Rows in hand at once, when a row takes so many bytes.
    fn rows(&self, bytes_of_row: u64, count: usize) -> usize {
        let fit = self.max_memory.unwrap_or(IN_HAND) / bytes_of_row.max(1);
        let rows = self.chunk_rows.unwrap_or(fit);
        usize::try_from(rows).unwrap_or(usize::MAX).clamp(1, count.max(1))
    }
}

/// Whether the estimate takes these files: their first rows are shown to it.
fn first_rows(
    files: &[(&'static str, VariableFile)],
    estimate: &dyn Fn() -> Result<Streaming, EstimatorError>,
) -> Result<()> {
    let mut estimate = estimate()?;
    let parts = files.iter().map(|(_, file)| file.stream()?.next(2)).collect::<Result<Vec<_>>>()?;
    Ok(estimate.add(&parts.iter().map(OwnedVariable::view).collect::<Vec<_>>())?)
}

/// Reads the files, as often as it takes, and says what comes out.
pub(super) fn answer(
    asked: &Asked<'_>,
    mut estimate: Streaming,
    files: &[(&'static str, VariableFile)],
    args: &EstimateArgs,
    how: &StreamArgs,
    output: Output,
) -> Result<()> {
    let start = Instant::now();
    let mut streams = files.iter().map(|(_, file)| file.stream()).collect::<Result<Vec<_>>>()?;
    let count = streams[0].count();
    for ((name, file), stream) in files.iter().zip(&streams) {
        ensure!(
            stream.count() == count,
            "{} has {count} samples and {} ({name}) has {}: row i of one must go with row i of the other",
            files[0].1.place,
            file.place,
            stream.count()
        );
    }
    let rows = how.rows(streams.iter().map(|s| s.bytes_of_row() as u64).sum(), count);
    let bar = output.bar(count as u64, "rows", "rows");
    let mut passes = 0;
    let mut found = loop {
        passes += 1;
        bar.set_position(0);
        let end = pass(&mut streams, &mut estimate, rows, &bar).with_context(|| {
            let places: Vec<&str> = files.iter().map(|(_, file)| file.place.as_str()).collect();
            format!("{} of {}", asked.specification, places.join(" and "))
        })?;
        if let Pass::Done(found) = end {
            break found;
        }
    };
    bar.finish_and_clear();
    for ((name, file), stream) in files.iter().zip(&streams) {
        if let Some(note) = stream.note() {
            output.note(&format!("note: {}: {note}; if they are labels, add --{name}-discrete", file.place));
        }
    }
    if args.interval == IntervalKind::None {
        found.std_error = None;
    }
    if args.clip {
        found = found.clipped();
    }
    let sides: Vec<Side<'_>> = files
        .iter()
        .zip(&streams)
        .map(|((name, file), stream)| Side {
            name,
            place: &file.place,
            kind: stream.width().map_or_else(|| Kind::Discrete(stream.distinct()), Kind::Continuous),
        })
        .collect();
    let streamed =
        format!("streamed, {rows} rows at a time, in {passes} {}", if passes == 1 { "pass" } else { "passes" });
    let told = Told {
        asked,
        args,
        estimate: &found,
        test: None,
        seconds: start.elapsed().as_secs_f64(),
        is_information: asked.is_information(),
        sides: &sides,
        streamed: Some(&streamed),
    };
    output.summary(&told.lines(), &told.json())
}

/// Reads all rows once.
fn pass(
    streams: &mut [VariableStream],
    estimate: &mut Streaming,
    rows: usize,
    bar: &indicatif::ProgressBar,
) -> Result<Pass> {
    streams.iter_mut().try_for_each(VariableStream::rewind)?;
    loop {
        let parts = streams.iter_mut().map(|stream| stream.next(rows)).collect::<Result<Vec<_>>>()?;
        let views: Vec<_> = parts.iter().map(OwnedVariable::view).collect();
        if views[0].is_empty() {
            return Ok(estimate.end_pass()?);
        }
        estimate.add(&views)?;
        bar.inc(views[0].len() as u64);
    }
}
