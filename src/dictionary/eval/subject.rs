//! What is judged: a saved dictionary, or a baseline in its place.

use crate::dictionary::store;
use anyhow::{Context, Result};
use narrows_dictionaries::{Activation, Coder};
use std::path::{Path, PathBuf};

/// A dictionary with what tables say of it.
pub struct Judged {
    /// Name, unlike any other's.
    pub name: String,
    /// Variant with its parameters, or a baseline's method.
    pub variant: String,
    /// Seed of its training, where that is known.
    pub seed: u64,
    /// Encodes and decodes.
    pub coder: Box<dyn Coder>,
    pub(super) layer: Option<String>,
}

impl std::fmt::Debug for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.variant)
    }
}

impl Judged {
    /// The layer that it says it is of, or that of the activations.
    pub(super) fn layer(&self, otherwise: &str) -> String {
        self.layer.clone().unwrap_or_else(|| otherwise.into())
    }

    /// Reads the dictionaries of places, each a dictionary or a run with several.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(places: &[String]) -> Result<(Vec<Self>, Vec<PathBuf>)> {
        let (mut all, mut files): (Vec<Self>, Vec<PathBuf>) = (vec![], vec![]);
        for place in places.iter().map(|p| expand(Path::new(p))).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
            let saved = store::load(&place)?;
            files.extend(store::sources(&place)?);
            let variant = saved.said("specification").unwrap_or_else(|| kind(&saved.dictionary.activation));
            let seed = saved.said("seed").and_then(|s| s.parse().ok()).unwrap_or(0);
            // Of one name, those after the first are called by their places too.
            let taken = all.iter().any(|j| j.name == saved.name);
            let name = if taken { format!("{} ({})", saved.name, place.display()) } else { saved.name.clone() };
            let layer = saved.said("layer");
            all.push(Self { name, variant, seed, coder: Box::new(saved.dictionary), layer });
        }
        Ok((all, files))
    }
}

/// The dictionaries of a run, or the place itself.
fn expand(place: &Path) -> Result<Vec<PathBuf>> {
    let folder = place.join(store::FOLDER);
    if !folder.is_dir() {
        return Ok(vec![place.into()]);
    }
    let mut all: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    anyhow::ensure!(!all.is_empty(), "{} holds no dictionaries", folder.display());
    Ok(all)
}

/// What a dictionary is that does not say how it was trained.
fn kind(activation: &Activation) -> String {
    match activation {
        Activation::Relu => "relu".into(),
        Activation::TopK { k } => format!("topk:k={k}"),
        Activation::JumpRelu { .. } => "jumprelu".into(),
        Activation::Gated { .. } => "gated".into(),
    }
}
