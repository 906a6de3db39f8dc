//! A dictionary on disk, in the layout of SAELens 6, with what is ours under `metadata.narrows`.
//!
//! Reading takes the layouts of others too, told apart by the names of files and tensors.

use super::{dictionary_learning, others, saelens};
use crate::run::write_atomic;
use anyhow::{Context, Result, bail, ensure};
use narrows_dictionaries::Dictionary;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Folder of a run that holds its dictionaries, each in a folder of its own.
pub const FOLDER: &str = "dictionaries";

/// A dictionary with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The weights.
    pub dictionary: Dictionary,
    /// Name in tables.
    pub name: String,
    /// What is ours to say of it (`metadata.narrows`): variant, specification, seed, steps, source files, …; an object.
    pub about: Value,
    /// What else SAELens' metadata say (`model_name`, `hook_name`, …), handed on as it is.
    pub metadata: Map<String, Value>,
    /// log₁₀ of the share of samples on which each feature is active (+ 1e-10), where it is known \[width\].
    pub sparsity: Option<Vec<f32>>,
}

impl Saved {
    /// A dictionary of which nothing else is known.
    pub fn new(dictionary: Dictionary, name: impl Into<String>) -> Self {
        Self { dictionary, name: name.into(), about: json!({}), metadata: Map::new(), sparsity: None }
    }

    /// Something that `about` says, as text.
    pub fn said(&self, key: &str) -> Option<String> {
        match self.about.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// Names and contents of the files that a dictionary is saved as, for whoever has a way of its own to write them.
///
/// # Errors
/// When the dictionary does not pass its own check.
pub fn files(saved: &Saved) -> Result<Vec<(&'static str, Vec<u8>)>> {
    files_as(saved, Layout::SaeLens)
}

/// A way of laying a dictionary out on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `cfg.json` and `sae_weights.safetensors`: ours.
    SaeLens,
    /// `ae.pt` and `config.json`.
    DictionaryLearning,
    /// `params.npz`, as Gemma Scope has it.
    Npz,
}

/// Names and contents of the files of a dictionary in another tool's layout.
///
/// # Errors
/// When the dictionary does not pass its own check, or the layout has no way to say what it is.
pub fn files_as(saved: &Saved, layout: Layout) -> Result<Vec<(&'static str, Vec<u8>)>> {
    saved.dictionary.check().with_context(|| format!("the dictionary {} cannot be saved", saved.name))?;
    match layout {
        Layout::SaeLens => saelens::files(saved),
        Layout::DictionaryLearning => dictionary_learning::files(saved),
        Layout::Npz => others::files(saved),
    }
}

/// Writes a dictionary into a folder, which is made where it is missing; each file appears whole or not at all.
///
/// # Errors
/// When a file cannot be written.
pub fn save(folder: &Path, saved: &Saved) -> Result<()> {
    let files = files(saved)?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    files.iter().try_for_each(|(name, bytes)| write_atomic(&folder.join(name), bytes))
}

/// Reads a dictionary: a folder of SAELens, dictionary_learning, sparsify or Gemma Scope, a file of one of them or of
/// another tool, or the folder of a run that made one dictionary.
///
/// # Errors
/// When there is none, it is of an architecture or version that is not read (which is named), or it is damaged.
pub fn load(place: &Path) -> Result<Saved> {
    let found = find(place)?;
    let read = match &found {
        Place::SaeLens(folder) => saelens::load(folder),
        Place::DictionaryLearning(file) => dictionary_learning::load(file),
        Place::Other(file) => others::load(file),
    };
    let mut saved = read.with_context(|| format!("{} is not a dictionary that can be used", place.display()))?;
    saved.dictionary.check().with_context(|| format!("the dictionary of {} is damaged", place.display()))?;
    if let Some(sparsity) = &saved.sparsity {
        ensure!(
            sparsity.len() == saved.dictionary.width(),
            "{}: the sparsity has {} value(s), but the dictionary {} features",
            place.display(),
            sparsity.len(),
            saved.dictionary.width()
        );
    }
    if saved.name.is_empty() {
        saved.name = name_of(place);
    }
    Ok(saved)
}

/// The files behind the dictionary at `place`, for the manifest of a run that reads it.
///
/// # Errors
/// When there is no dictionary.
pub fn sources(place: &Path) -> Result<Vec<PathBuf>> {
    let beside = |file: &Path, name: &str| {
        let other = file.with_file_name(name);
        if other.is_file() { vec![file.to_path_buf(), other] } else { vec![file.to_path_buf()] }
    };
    Ok(match find(place)? {
        Place::SaeLens(folder) => vec![folder.join(saelens::CONFIG), folder.join(saelens::WEIGHTS)],
        Place::DictionaryLearning(file) => beside(&file, dictionary_learning::CONFIG),
        Place::Other(file) => beside(&file, saelens::CONFIG),
    })
}

/// Where a dictionary is, and how it is laid out.
enum Place {
    SaeLens(PathBuf),
    DictionaryLearning(PathBuf),
    Other(PathBuf),
}

fn find(place: &Path) -> Result<Place> {
    let shown = place.display();
    ensure!(place.exists(), "there is no {shown}: the folder or file of a dictionary is expected");
    if place.is_file() {
        let folder = place.parent().unwrap_or(Path::new(".")).to_path_buf();
        return Ok(match place.file_name().and_then(|n| n.to_str()) {
            Some(saelens::CONFIG) => return in_folder(&folder, place),
            Some(saelens::WEIGHTS) => Place::SaeLens(folder),
            Some(_) if dictionary_learning::is_one(place) => Place::DictionaryLearning(place.to_path_buf()),
            _ => Place::Other(place.to_path_buf()),
        });
    }
    let inner = place.join(FOLDER);
    if !place.join(saelens::CONFIG).exists() && inner.is_dir() {
        let mut names: Vec<PathBuf> = std::fs::read_dir(&inner)
            .with_context(|| format!("cannot read {}", inner.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join(saelens::CONFIG).is_file())
            .collect();
        names.sort();
        return match &names[..] {
            [one] => in_folder(one, place),
            [] => bail!("{} holds no dictionary", inner.display()),
            several => {
                let known: Vec<String> = several.iter().map(|n| n.display().to_string()).collect();
                bail!("{shown} holds {} dictionaries: give one of them: {}", several.len(), known.join(", "))
            }
        };
    }
    in_folder(place, place)
}

fn in_folder(folder: &Path, place: &Path) -> Result<Place> {
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    if file(saelens::WEIGHTS).is_some() {
        return Ok(Place::SaeLens(folder.to_path_buf()));
    }
    if let Some(file) = file(dictionary_learning::WEIGHTS) {
        return Ok(Place::DictionaryLearning(file));
    }
    if let Some(file) = [others::SPARSIFY, others::GEMMA_SCOPE].into_iter().find_map(file) {
        return Ok(Place::Other(file));
    }
    bail!(
        "{} holds no dictionary: {} beside {} (SAELens), {} (dictionary_learning), {} (sparsify) or {} (Gemma Scope) \
         is expected",
        place.display(),
        saelens::WEIGHTS,
        saelens::CONFIG,
        dictionary_learning::WEIGHTS,
        others::SPARSIFY,
        others::GEMMA_SCOPE
    )
}

/// A name for a dictionary that has none: its folder's, or its file's.
fn name_of(place: &Path) -> String {
    let absolute = std::fs::canonicalize(place).unwrap_or_else(|_| place.to_path_buf());
    let generic = absolute.is_file()
        && [saelens::CONFIG, saelens::WEIGHTS, dictionary_learning::WEIGHTS, others::SPARSIFY, others::GEMMA_SCOPE]
            .iter()
            .any(|name| absolute.ends_with(name));
    let named = if generic { absolute.parent().map(Path::to_path_buf) } else { Some(absolute.clone()) };
    let name = named.as_deref().and_then(|p| if p.is_dir() { p.file_name() } else { p.file_stem() });
    name.map_or("dictionary".into(), |n| n.to_string_lossy().into_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use narrows_dictionaries::Activation;
    use ndarray::{Array1, Array2, array};

    /// Three features of two inputs, with an activation of each kind.
    pub(crate) fn small(activation: Activation, centred: bool) -> Dictionary {
        Dictionary {
            encoder: array![[1.0, 0.25], [-0.5, 1.0], [1.0, 1.0]],
            encoder_bias: array![0.125, 0.5, -1.0],
            decoder: array![[1.0, 0.0], [0.0, 2.0], [0.6, 0.8]],
            bias: array![1.0, -0.5],
            centred,
            activation,
            prefixes: vec![],
        }
    }

    pub(crate) fn activations() -> [Activation; 4] {
        [
            Activation::Relu,
            Activation::TopK { k: 2 },
            Activation::JumpRelu { thresholds: array![0.5, 1.0, 0.25] },
            Activation::Gated { log_scales: array![0.0, 0.5, -0.5], magnitude_biases: array![0.25, 0.0, 0.5] },
        ]
    }

    /// Samples on which the codes and what they stand for are compared.
    pub(crate) fn samples() -> Array2<f32> {
        Array2::from_shape_fn((40, 2), |(i, j)| ((i * 7 + j * 11) % 23) as f32 * 0.3 - 3.0)
    }

    /// The largest differences of the codes and of what they stand for.
    pub(crate) fn differences(a: &Dictionary, b: &Dictionary) -> (f32, f32) {
        let code = |d: &Dictionary| d.encode(samples().view()).unwrap();
        let (x, y) = (code(a), code(b));
        let largest = |p: Array2<f32>, q: Array2<f32>| (p - q).iter().fold(0f32, |m, v| m.max(v.abs()));
        (largest(x.to_dense(), y.to_dense()), largest(a.decode(&x).unwrap(), b.decode(&y).unwrap()))
    }

    #[test]
    fn what_is_saved_loads_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        for (i, activation) in activations().into_iter().enumerate() {
            let folder = dir.path().join(format!("sae-{i}"));
            let mut saved = Saved::new(small(activation, i % 2 == 0), "mine");
            saved.dictionary.prefixes = if i == 2 { vec![1, 3] } else { vec![] };
            saved.about = json!({ "variant": "x", "seed": 3, "files": ["a.npy"] });
            saved.metadata.insert("hook_name".into(), "blocks.3.hook_resid_post".into());
            saved.sparsity = (i == 1).then(|| vec![-1.0, -2.5, -10.0]);
            save(&folder, &saved).unwrap();
            assert_eq!(load(&folder).unwrap(), saved);
            // The path of either file does as well.
            assert_eq!(load(&folder.join("cfg.json")).unwrap(), saved);
            // The same dictionary is the same bytes.
            assert_eq!(files(&saved).unwrap()[1].1, std::fs::read(folder.join("sae_weights.safetensors")).unwrap());
        }
    }

    #[test]
    fn a_run_of_one_dictionary_stands_for_it_and_one_of_several_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let of = |name: &str| dir.path().join(FOLDER).join(name);
        save(&of("a"), &Saved::new(small(Activation::Relu, true), "a")).unwrap();
        assert_eq!(load(dir.path()).unwrap().name, "a");
        save(&of("b"), &Saved::new(small(Activation::Relu, true), "b")).unwrap();
        let message = load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("holds 2 dictionaries") && message.contains("dictionaries/b"), "{message}");
    }

    #[test]
    fn what_is_no_dictionary_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let message = load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("holds no dictionary") && message.contains("ae.pt"), "{message}");
        assert!(load(Path::new("nowhere")).unwrap_err().to_string().starts_with("there is no nowhere"));
        let mut saved = Saved::new(small(Activation::Relu, true), "a");
        saved.dictionary.encoder_bias = Array1::from_elem(3, f32::NAN);
        let message = format!("{:#}", save(dir.path(), &saved).unwrap_err());
        assert!(message.contains("encoder bias") && message.contains("NaN"), "{message}");
    }

    /// Folders that the packages themselves wrote (`fixtures/make.py`), with what they compute of them.
    #[test]
    fn what_other_tools_saved_gives_the_codes_that_they_give() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dictionary/fixtures");
        let mut read = 0;
        for entry in std::fs::read_dir(fixtures).unwrap() {
            let folder = entry.unwrap().path();
            if !folder.is_dir() {
                continue;
            }
            let expected =
                crate::checkpoint::read(&folder.join("expected.safetensors"), &Default::default()).unwrap().tensors;
            let matrix = |name: &str| {
                let t = expected.get(name).unwrap();
                Array2::from_shape_vec((t.shape[0], t.shape[1]), t.values.clone()).unwrap()
            };
            let saved = load(&folder).unwrap();
            let codes = saved.dictionary.encode(matrix("inputs").view()).unwrap();
            let near = |found: Array2<f32>, name: &str| {
                let gap = (found - matrix(name)).iter().fold(0f32, |m, v| m.max(v.abs()));
                assert!(gap < 1e-5, "{}: {name} {gap}", folder.display());
            };
            near(codes.to_dense(), "codes");
            near(saved.dictionary.decode(&codes).unwrap(), "decoded");
            assert!(matrix("codes").iter().filter(|c| **c > 0.0).count() > 10);
            let hook = saved.metadata.get("hook_name").and_then(Value::as_str);
            let theirs = folder.file_name().unwrap().to_str().unwrap().starts_with("saelens");
            if theirs && !folder.ends_with("saelens-batchtopk") && !folder.ends_with("saelens-batchtopk-training") {
                assert_eq!(hook, Some("blocks.0.hook_resid_post"));
            }
            // In each layout that can say what it is, it comes back with the same codes.
            for layout in [Layout::SaeLens, Layout::DictionaryLearning, Layout::Npz] {
                let Ok(files) = files_as(&saved, layout) else { continue };
                let dir = tempfile::tempdir().unwrap();
                files.iter().for_each(|(name, bytes)| std::fs::write(dir.path().join(name), bytes).unwrap());
                let again = load(dir.path()).unwrap().dictionary;
                // dictionary_learning's AutoEncoder has codes in units of the decoder's norms.
                let plain = again.decoder.iter().zip(&saved.dictionary.decoder).all(|(a, b)| (a - b).abs() < 1e-6);
                let codes = again.encode(matrix("inputs").view()).unwrap();
                if plain {
                    near(codes.to_dense(), "codes");
                }
                near(again.decode(&codes).unwrap(), "decoded");
            }
            read += 1;
        }
        assert_eq!(read, 15);
    }
}
