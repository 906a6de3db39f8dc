//! What a network is run on, a batch at a time: arrays, images, texts.
//!
//! Arrays keep the type that is smallest, images stay in their files, and both become 32-bit floats when their batch
//! comes. Images go through the same steps whether they are files, a batch of CIFAR or an array: see [`ImageOptions`].

mod array;
mod cifar;
mod decode;
mod folder;
mod image_options;
mod images;
mod level;
mod options;
mod prepare;
mod resample;
mod table;

pub use image_options::{Channels, ImageOptions, Layout, Resize, Size};
pub use options::SampleOptions;
pub use resample::Resample;

use crate::run::InputFile;
use anyhow::{Context, Result};
use array::Array;
use images::Images;
use narrows_datasets::DatasetError;
use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

/// What a network is run on: samples that are there, or are read when their batch comes.
#[derive(Debug, Clone)]
pub struct Samples {
    name: String,
    store: Store,
    labels: Option<Vec<i64>>,
    class_names: Option<Vec<String>>,
    ids: Option<Vec<String>>,
    files: Vec<InputFile>,
    attribution: Option<&'static str>,
}

/// Where samples are.
#[derive(Debug, Clone)]
enum Store {
    Array(Box<Array>),
    Images(Images),
    Texts(Vec<String>),
}

/// Some samples, as a network is given them.
#[derive(Debug, Clone, PartialEq)]
pub enum Batch {
    /// Numbers [samples × …].
    Real(ArrayD<f32>),
    /// Texts, one a sample.
    Text(Vec<String>),
}

/// What samples are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleKind {
    /// Numbers.
    Array {
        /// Lengths of the axes of one sample.
        shape: Vec<usize>,
    },
    /// Images, all of one size.
    Images {
        /// One or three.
        channels: usize,
        /// Pixels down.
        height: usize,
        /// Pixels across.
        width: usize,
        /// Where the channels stand.
        layout: Layout,
    },
    /// Texts.
    Texts,
}

impl SampleKind {
    /// Lengths of the axes of one sample; texts have none.
    pub fn shape(&self) -> Option<Vec<usize>> {
        match self {
            SampleKind::Array { shape } => Some(shape.clone()),
            SampleKind::Images { channels, height, width, layout: Layout::Nchw } => {
                Some(vec![*channels, *height, *width])
            }
            SampleKind::Images { channels, height, width, layout: Layout::Nhwc } => {
                Some(vec![*height, *width, *channels])
            }
            SampleKind::Texts => None,
        }
    }
}

impl Samples {
    /// A matrix [samples × features] that is in memory.
    ///
    /// # Errors
    /// When it has no values, or one is not finite.
    pub fn of_matrix(name: &str, values: ndarray::Array2<f32>) -> Result<Self> {
        let values = narrows_datasets::load::Compact::Floats(values.into_dyn());
        Ok(Self::of(name, Store::Array(Box::new(Array::new(values, 1.0, &ImageOptions::default())?)), vec![]))
    }

    /// Samples without labels; whoever has read them knows more.
    fn of(name: &str, store: Store, files: Vec<InputFile>) -> Self {
        Self { name: name.into(), store, labels: None, class_names: None, ids: None, files, attribution: None }
    }

    /// Number of samples; at least one.
    pub fn len(&self) -> usize {
        match &self.store {
            Store::Array(array) => array.len(),
            Store::Images(images) => images.len(),
            Store::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are no samples; never true of samples that were opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they are.
    pub fn kind(&self) -> SampleKind {
        match &self.store {
            Store::Array(array) => array.kind(),
            Store::Images(images) => images.kind(),
            Store::Texts(_) => SampleKind::Texts,
        }
    }

    /// Where they come from, as the user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The label of each sample, when there are labels.
    pub fn labels(&self) -> Option<&[i64]> {
        self.labels.as_deref()
    }

    /// Names of classes 0, 1, …, when they have names: those of folders, or labels that are text, in sorted order.
    pub fn class_names(&self) -> Option<&[String]> {
        self.class_names.as_deref()
    }

    /// What tells a sample from the others: the name of an image's file within its folder.
    pub fn ids(&self) -> Option<&[String]> {
        self.ids.as_deref()
    }

    /// Every file that was read or will be, by the hash of its content. The images of a folder are one entry: see
    /// [`InputFile::of_all`].
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }

    /// Where built-in data come from, when their licence asks that it be said.
    pub fn attribution(&self) -> Option<&'static str> {
        self.attribution
    }

    /// The samples of these rows, counted from 0, in this order. Rows are prepared on all threads; neither their number
    /// nor what else is in the batch changes a sample.
    ///
    /// # Errors
    /// When a row does not exist, or an image is damaged or has changed since it was opened.
    pub fn batch(&self, rows: &[usize]) -> Result<Batch> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.len()) {
            return Err(DatasetError::NoSuchRow { row, samples: self.len() })
                .with_context(|| format!("cannot use {}", self.name));
        }
        if let Store::Texts(texts) = &self.store {
            return Ok(Batch::Text(rows.iter().map(|&row| texts[row].clone()).collect()));
        }
        let shape: Vec<usize> = std::iter::once(rows.len()).chain(self.kind().shape().unwrap_or_default()).collect();
        let too_large = || format!("a batch of shape {shape:?} does not fit into memory: take fewer samples at a time");
        let count = shape.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis)).with_context(too_large)?;
        let mut values: Vec<f32> = Vec::new();
        values.try_reserve_exact(count).with_context(too_large)?;
        values.resize(count, 0.0);
        let each = (count / rows.len().max(1)).max(1);
        // Gathered first: of several damaged images it is always the first that is named.
        let results: Vec<Result<()>> = values
            .par_chunks_mut(each)
            .zip(rows)
            .map(|(out, &row)| match &self.store {
                Store::Array(array) => array.sample(row, out),
                Store::Images(images) => images.sample(row, out),
                Store::Texts(_) => Ok(()),
            })
            .collect();
        results.into_iter().collect::<Result<()>>()?;
        Ok(Batch::Real(ArrayD::from_shape_vec(IxDyn(&shape), values)?))
    }

    /// Bytes that are held in memory between batches, for a budget.
    pub fn resident_bytes(&self) -> u64 {
        let text = |texts: &[String]| texts.iter().map(|t| size_of::<String>() + t.capacity()).sum::<usize>();
        let store = match &self.store {
            Store::Array(array) => array.resident_bytes(),
            Store::Images(images) => images.resident_bytes(),
            Store::Texts(texts) => text(texts),
        };
        let labels = self.labels.as_ref().map_or(0, |l| l.len() * size_of::<i64>());
        (store + labels + self.ids.as_deref().map_or(0, text)) as u64
    }
}

#[cfg(test)]
mod tests;
