//! The format of a file that is to be read some rows at a time.

use super::Rows;
use super::array::{ArrayRows, Source};
use super::csv::CsvRows;
use super::parquet::ParquetRows;
use crate::checkpoint::Blob;
use crate::variable::tensors::{self, Placed};
use anyhow::{Context, Result, bail};
use narrows_datasets::load::npy::{self, MAX_HEADER};
use narrows_datasets::load::{Format, checked_from, gunzip_from, idx, inflate_from, sniff};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes in which every header ends.
const HEAD: u64 = MAX_HEADER as u64 + 12;

/// The rows of a file, and the choice of columns that is left of what the user named.
pub(super) fn open(path: &Path, which: Option<&str>) -> Result<(Box<dyn Rows>, Option<String>)> {
    let blob = Blob::open(path)?;
    let head = blob.head(HEAD)?;
    if tensors::is_safetensors(&head) {
        let Placed { blob, offset, length, header } = tensors::tensor(path, which)?;
        return Ok((Box::new(ArrayRows::new(Source::placed(&blob, offset, offset + length), header)?), None));
    }
    if head.starts_with(b"PAR1") {
        return Ok((Box::new(ParquetRows::open(path)?), which.map(String::from)));
    }
    let packed = head.starts_with(&[0x1f, 0x8b]);
    let source = if packed {
        let of = blob.clone();
        Source::flowing(&blob, move || Ok(Box::new(gunzip_from(of.cursor()))))
    } else {
        Source::placed(&blob, 0, blob.len())
    };
    let head = if packed { source.head(HEAD)? } else { head };
    let which = which.map(String::from);
    Ok(match sniff(&head)? {
        Format::Npy => (Box::new(ArrayRows::new(source, npy::header(&head)?)?), which),
        Format::Idx => (Box::new(ArrayRows::whole(source, idx::header(&head)?)?), which),
        Format::Csv => (Box::new(CsvRows::new(source, by_name(which.as_deref()))?), which),
        Format::Npz if packed => bail!("it is an archive within a gzip stream: take the gzip off (gunzip)"),
        Format::Npz => (Box::new(entry(&blob, path, which.as_deref())?), None),
    })
}

/// Whether columns are asked for by name, so that the first line must be names.
fn by_name(which: Option<&str>) -> bool {
    which.is_some_and(|w| w.chars().any(|c| !(c.is_ascii_digit() || ", -".contains(c))))
}

/// One array of an npz archive.
fn entry(blob: &Blob, path: &Path, which: Option<&str>) -> Result<ArrayRows> {
    let mut archive = zip::ZipArchive::new(blob.cursor()).context("it is not a valid npz")?;
    let names: Vec<String> =
        archive.file_names().map(|name| name.strip_suffix(".npy").unwrap_or(name).to_string()).collect();
    let name = match which {
        None if names.len() == 1 => names[0].clone(),
        None => bail!("the archive holds {}: say which, as {}:NAME", names.join(", "), path.display()),
        Some(name) if names.iter().any(|n| n == name) => name.to_string(),
        Some(name) => bail!("the archive has no array {name}; it has: {}", names.join(", ")),
    };
    let at = (0..archive.len())
        .find(|&i| archive.name_for_index(i).is_some_and(|n| n.strip_suffix(".npy").unwrap_or(n) == name))
        .with_context(|| format!("the archive has no array {name}"))?;
    let (method, begin, length, checksum) = {
        let entry = archive.by_index_raw(at).with_context(|| format!("entry {name}"))?;
        (entry.compression(), entry.data_start(), entry.compressed_size(), entry.crc32())
    };
    let of = blob.clone();
    let packed = move || -> Result<_> {
        let mut cursor = of.cursor();
        cursor.seek(SeekFrom::Start(begin))?;
        Ok(cursor.take(length))
    };
    let mut source = match method {
        zip::CompressionMethod::Stored => {
            Source::flowing(blob, move || Ok(Box::new(checked_from(packed()?, checksum))))
        }
        zip::CompressionMethod::Deflated => {
            Source::flowing(blob, move || Ok(Box::new(checked_from(inflate_from(packed()?), checksum))))
        }
        other => bail!("entry {name} is compressed by {other}: save it with numpy.savez"),
    };
    let header = npy::header(&source.head(HEAD)?).with_context(|| format!("entry {name}"))?;
    if header.fortran_order && method == zip::CompressionMethod::Stored {
        // Its columns are read at their places, and the checksum is not compared.
        source = Source::placed(blob, begin, begin.saturating_add(length).min(blob.len()));
    }
    ArrayRows::new(source, header).with_context(|| format!("entry {name}"))
}
