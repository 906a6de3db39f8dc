//! Image files as samples: decoded when their batch comes.

use super::decode::ImageFile;
use super::image_options::{ImageOptions, Size};
use super::prepare::Plan;
use super::{SampleKind, Samples, Store};
use crate::run::InputFile;
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Images that are still in their files, and what is done to each.
#[derive(Debug, Clone)]
pub(super) struct Images {
    files: Vec<ImageFile>,
    plan: Plan,
    options: ImageOptions,
    size: Size,
}

/// Opens the images of these names and paths: every header is read, every file is hashed, none is decoded.
///
/// # Errors
/// When an image cannot be read, or the images do not end in one size.
pub(super) fn open(name: &str, found: Vec<(String, PathBuf)>, options: &ImageOptions) -> Result<Samples> {
    let opened: Vec<Result<ImageFile>> = found.par_iter().map(|(_, path)| ImageFile::open(path)).collect();
    let images = Images::new(opened.into_iter().collect::<Result<Vec<_>>>()?, options)?;
    let files = match &found[..] {
        [(_, only)] if only == Path::new(name) => vec![InputFile::of(only)?],
        _ => vec![InputFile::of_all(Path::new(name), &found)?],
    };
    let mut samples = Samples::of(name, Store::Images(images), files);
    samples.ids = Some(found.into_iter().map(|(name, _)| name).collect());
    Ok(samples)
}

impl Images {
    fn new(files: Vec<ImageFile>, options: &ImageOptions) -> Result<Self> {
        let geometry = |file: &ImageFile| {
            options.geometry(file.size).with_context(|| format!("cannot use the image {}", file.path.display()))
        };
        let Some(first) = files.first() else { bail!("there are no images") };
        let size = geometry(first)?.size;
        for file in &files {
            let other = geometry(file)?.size;
            if other != size {
                let done =
                    if options.resize.is_some() || options.crop.is_some() { ", when it is prepared" } else { "" };
                bail!(
                    "{} is {size} pixels{done}, but {} is {other}, and a network takes images of one size: give \
                     --resize WIDTHxHEIGHT, or --resize N with --crop N to keep proportions",
                    first.path.display(),
                    file.path.display()
                );
            }
        }
        // Grey only where all of them are.
        let channels = files.iter().map(|file| file.channels).max().unwrap_or(1);
        let plan = Plan::new(options, channels, options.scale.unwrap_or(1.0 / 255.0))?;
        Ok(Self { files, plan, options: options.clone(), size })
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn kind(&self) -> SampleKind {
        SampleKind::Images {
            channels: self.plan.channels(),
            height: self.size.height,
            width: self.size.width,
            layout: self.plan.layout(),
        }
    }

    pub(super) fn sample(&self, row: usize, out: &mut [f32]) -> Result<()> {
        let file = &self.files[row];
        let decoded = file.decode()?;
        self.plan.apply(&decoded.picture(), &self.options.geometry(file.size)?, out);
        Ok(())
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.files.iter().map(|file| size_of::<ImageFile>() + file.path.as_os_str().len()).sum()
    }
}
