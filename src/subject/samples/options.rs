//! Which samples, as the user names them.

use super::array::Array;
use super::decode::{format_of, regular};
use super::image_options::ImageOptions;
use super::{Samples, Store, cifar, folder, images, table};
use crate::run::InputFile;
use crate::subject::data::{builtin_names, labels_of};
use crate::subject::drawn::{BIRD_SHAPE, birds};
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::concepts::birds::Birds;
use narrows_datasets::load::Compact;
use narrows_datasets::{Builtin, DatasetError, by_name};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Which samples and labels, as the user names them, and how images are prepared.
///
/// Inputs are the name of a built-in set; a CSV, npy, npz or IDX file; a CIFAR batch or a folder of them; a PNG or JPEG
/// or a folder of them; a CSV with a column of texts, or a .txt file with one text a line. A pattern (`*`, `?`, `[…]`)
/// stands for several CIFAR batches or images, in sorted order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampleOptions {
    /// A built-in name, a file, a folder or a pattern.
    pub inputs: Option<String>,
    /// File of labels; those that come with the inputs are used without it.
    pub labels: Option<String>,
    /// Column of a CSV that holds the labels.
    pub label_column: Option<String>,
    /// Column of a CSV that holds texts.
    pub text_column: Option<String>,
    /// How images are prepared.
    pub images: ImageOptions,
}

impl SampleOptions {
    /// Opens the samples: arrays and texts are read, of images only the headers are. Labels may be absent.
    ///
    /// # Errors
    /// When a file cannot be read or does not hold what is asked of it, there are no samples, labels and samples do not
    /// go together, a value is not finite, or images cannot be prepared as they should.
    pub fn open(&self) -> Result<Samples> {
        let inputs = self.inputs.as_deref().with_context(|| {
            format!(
                "no inputs were given: --inputs takes {}, a file of data or images, or a folder of images",
                builtin_names()
            )
        })?;
        self.images.check()?;
        if let Some(birds) = birds(inputs) {
            return self.drawn(inputs, birds?);
        }
        if let Some(builtin) = by_name(inputs) {
            return self.builtin(builtin);
        }
        let mut samples = self.read(inputs).with_context(|| format!("cannot use the inputs {inputs}"))?;
        if let Some(file) = &self.labels {
            let path = Path::new(file);
            let labels = labels_of(path, self.label_column.as_deref())
                .with_context(|| format!("cannot use the labels {file}"))?;
            (samples.labels, samples.class_names) = (Some(labels.values), labels.names);
            samples.files.push(InputFile::of(path)?);
        }
        if let Some(labels) = &samples.labels
            && labels.len() != samples.len()
        {
            let count = DatasetError::LabelCount { inputs: samples.len(), labels: labels.len() };
            return Err(count).with_context(|| match &self.labels {
                Some(file) => format!("{inputs} with the labels of {file}"),
                None => inputs.to_string(),
            });
        }
        Ok(samples)
    }

    /// Built-in data take no labels.
    fn bare(&self, name: &str) -> Result<()> {
        for (option, given) in
            [("labels", &self.labels), ("label column", &self.label_column), ("text column", &self.text_column)]
        {
            ensure!(given.is_none(), "{name} is built in and has its own labels: leave out the {option}");
        }
        Ok(())
    }

    fn drawn(&self, name: &str, birds: Birds) -> Result<Samples> {
        self.bare(name)?;
        let set = birds.set;
        let shape: Vec<usize> = std::iter::once(set.len()).chain(BIRD_SHAPE).collect();
        let inputs = if let Some(scale) = self.images.scale { set.inputs * scale as f32 } else { set.inputs };
        let array = Array::new(Compact::Floats(inputs.into_dyn().into_shape_with_order(shape)?), 1.0, &self.images)
            .with_context(|| format!("cannot use the inputs {name}"))?;
        let mut samples = Samples::of(name, Store::Array(Box::new(array)), vec![]);
        samples.labels = Some(set.labels.into_iter().map(i64::from).collect());
        samples.class_names = Some(set.classes);
        samples.attribution = set.attribution;
        Ok(samples)
    }

    fn builtin(&self, builtin: &Builtin) -> Result<Samples> {
        let name = builtin.name;
        self.bare(name)?;
        let mut data = (builtin.make)()?;
        if let Some(scale) = self.images.scale {
            data.inputs *= scale as f32;
        }
        let array = Array::new(Compact::Floats(data.inputs.into_dyn()), 1.0, &self.images)
            .with_context(|| format!("cannot use the inputs {name}"))?;
        let mut samples = Samples::of(name, Store::Array(Box::new(array)), vec![]);
        samples.labels = Some(data.labels.into_iter().map(i64::from).collect());
        samples.attribution = data.attribution;
        Ok(samples)
    }

    fn read(&self, inputs: &str) -> Result<Samples> {
        let path = Path::new(inputs);
        if path.is_dir() {
            return match cifar::batches(path)? {
                Some(batches) => self.cifar(inputs, &batches),
                None => self.folder(inputs),
            };
        }
        if path.exists() {
            return self.file(inputs);
        }
        let found = pattern(inputs)?;
        if found.iter().all(|path| folder::is_image(path)) {
            let named = found.into_iter().map(|path| (path.display().to_string(), path)).collect();
            self.plain("several images")?;
            return images::open(inputs, named, &self.images);
        }
        ensure!(
            found.iter().all(|path| cifar::is_batch(path)),
            "the pattern stands for {} files ({}, …): several files are read as images (.png, .jpg) or CIFAR batches \
             (.bin) only",
            found.len(),
            found.first().map(|path| path.display().to_string()).unwrap_or_default()
        );
        self.cifar(inputs, &found)
    }

    fn folder(&self, inputs: &str) -> Result<Samples> {
        self.plain("a folder of images")?;
        let found = folder::list(Path::new(inputs))?;
        let mut samples = images::open(inputs, found.images, &self.images)?;
        if let Some((labels, names)) = found.classes {
            (samples.labels, samples.class_names) = (Some(labels), Some(names));
        }
        Ok(samples)
    }

    fn file(&self, inputs: &str) -> Result<Samples> {
        let path = Path::new(inputs);
        regular(path)?;
        let mut head = Vec::new();
        File::open(path)?.take(16).read_to_end(&mut head)?;
        if format_of(&head)?.is_some() {
            self.plain("an image")?;
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            return images::open(inputs, vec![(name, path.into())], &self.images);
        }
        if cifar::is_batch(path) {
            return self.cifar(inputs, &[path.to_path_buf()]);
        }
        table::open(inputs, self)
    }

    fn cifar(&self, inputs: &str, batches: &[PathBuf]) -> Result<Samples> {
        self.plain("CIFAR")?;
        cifar::open(inputs, batches, &self.images)
    }

    /// Columns belong to a CSV.
    fn plain(&self, what: &str) -> Result<()> {
        ensure!(self.text_column.is_none(), "a text column belongs to a CSV, but this is {what}");
        ensure!(
            self.label_column.is_none() || self.labels.is_some(),
            "a label column belongs to a CSV, but this is {what}: give --labels FILE"
        );
        Ok(())
    }
}

/// The files that a pattern stands for, sorted.
fn pattern(inputs: &str) -> Result<Vec<PathBuf>> {
    let missing = || {
        format!(
            "there is no such file or folder (from the working directory), and no built-in data set of that name; built \
             in are {}",
            builtin_names()
        )
    };
    if !inputs.contains(['*', '?', '[']) {
        bail!(missing());
    }
    let matches = glob::glob(inputs).with_context(missing)?;
    let mut found = matches.collect::<Result<Vec<PathBuf>, _>>()?;
    ensure!(!found.is_empty(), "no file matches the pattern");
    found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(found)
}
