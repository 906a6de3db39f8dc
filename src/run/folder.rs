//! Opening a run's folder without ever destroying what is not ours.

use super::{Identity, InputFile, Manifest, PARTIAL, write_atomic};
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// What to do with a folder that holds a run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Leave it alone and say so.
    #[default]
    Refuse,
    /// Replace the run.
    Force,
    /// Go on with the run.
    Resume,
}

/// A folder that is ready to be worked in.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    resumed: bool,
    started: String,
    /// Held as long as the run: two processes never work in one folder.
    _lock: File,
}

/// What opening a folder came to.
#[derive(Debug)]
pub enum Opened {
    /// Ready for work.
    Ready(RunFolder),
    /// The same run is complete: there is nothing to do.
    Complete(PathBuf),
}

const MANIFEST: &str = "manifest.json";
const STATE: &str = ".resume";
const LOCK: &str = "lock";

/// The tables that a run may have, in the order in which its page leads to them.
pub(crate) const TABLES: &[&str] = &[
    "claims.csv",
    "association.csv",
    "association.parquet",
    "plane.csv",
    "plane.parquet",
    "phases.csv",
    "phases.parquet",
    "processing.csv",
    "plane_mean.csv",
    "plane_mean.parquet",
    "phases_mean.csv",
    "phases_mean.parquet",
    "agreement.csv",
    "agreement.parquet",
    "training.csv",
    "training.parquet",
    "gradients.csv",
    "ib_curve.csv",
    "ib_curve.parquet",
    "regression.csv",
    "regression.parquet",
    "regression_summary.csv",
    "regression_summary.parquet",
    "models.csv",
    "models.parquet",
    "correlation.csv",
    "correlation.parquet",
    "comparison.csv",
    "comparison.parquet",
    "path.csv",
    "path.parquet",
    "metrics.csv",
    "metrics.parquet",
    "scores.csv",
    "scores.parquet",
    "calibration.csv",
    "calibration.parquet",
    "overlays.csv",
    "overlays.parquet",
    "weights.csv",
    "weights.parquet",
    "predictions.csv",
    "predictions.parquet",
    "contributions.csv",
    "curves.csv",
    "curves.parquet",
    "interventions.csv",
    "interventions.parquet",
    "conditional_agreement.csv",
    "conditional_agreement.parquet",
    "conditional.csv",
    "conditional.parquet",
    "propagation.csv",
    "propagation.parquet",
    "neighbours_summary.csv",
    "neighbours_summary.parquet",
    "neighbours.csv",
    "neighbours.parquet",
    "energy_trace.csv",
    "energy_trace.parquet",
    "edits.csv",
    "edits.parquet",
    "prunes.csv",
    "prunes.parquet",
    "incremental.csv",
    "incremental.parquet",
    "incremental_summary.csv",
    "incremental_summary.parquet",
    "unlearning.csv",
    "unlearning.parquet",
    "contributions.parquet",
    "timings.csv",
    "codebook_training.csv",
    "codebook_training.parquet",
    "codebook_metrics.csv",
    "codebook_metrics.parquet",
    "codes.csv",
    "codes.parquet",
    "steering.csv",
    "steering.parquet",
    "dictionaries.csv",
    "dictionaries.parquet",
    "names.csv",
    "names.parquet",
    "features.csv",
    "features.parquet",
    "pairs.csv",
    "pairs.parquet",
    "dictionary_training.csv",
    "dictionary_training.parquet",
];

/// What else a run writes at the top of its folder; `--force` removes these and the tables, and nothing else.
const OTHERS: &[&str] = &[
    MANIFEST,
    STATE,
    "processing.parquet",
    "gradients.parquet",
    "report.html",
    "figures",
    "checkpoints",
    "config.toml",
    "split.csv",
    "activations",
    "activations.csv",
    "activations.parquet",
    "samples.csv",
    "accuracy.csv",
    "accuracy.parquet",
    "summary.csv",
    "summary.parquet",
    "models",
    "dictionaries",
    "features.html",
    "map.npy",
    "overlays.safetensors",
    "sample.safetensors",
    "concepts.csv",
    "concepts.npy",
    "embeddings.npy",
    "maps.npy",
    "images.npy",
    "masks.npz",
    "centres.npy",
    "centres.csv",
    "labels.csv",
    "class_names.txt",
    "concept_names.txt",
    "concept_groups.csv",
    "concept_parts.csv",
    "ceilings.csv",
    "contact_sheet.png",
    "model.json",
    "bank.json",
    "bank.safetensors",
    "model.safetensors",
];

impl RunFolder {
    /// Opens `path` for the run that `identity` describes.
    ///
    /// # Errors
    /// When the folder holds another run or foreign files, is being worked in by another process, or cannot be written.
    pub fn open(path: &Path, existing: Existing, identity: &Identity) -> Result<Opened> {
        let shown = path.display();
        if path.exists() && !path.is_dir() {
            bail!("{shown} is a file, but a run needs a folder: give another --out");
        }
        let begun = path.join(STATE).join("identity.json");
        let (is_run, is_begun) = (path.join(MANIFEST).exists(), begun.exists());
        let is_empty = !path.exists() || (!is_begun && holds_nothing(path)?);
        // Before anything is touched: a run that is under way is nobody's to replace.
        let held = path.join(STATE).join(LOCK).exists().then(|| lock(path)).transpose()?;
        let mut resumed = false;
        match existing {
            _ if is_empty => {}
            _ if !is_run && !is_begun => {
                bail!("{shown} holds files that are not a run of narrows; they are left alone: give another --out")
            }
            Existing::Refuse => {
                let state = if is_run { "a complete run" } else { "a run that was interrupted" };
                bail!(
                    "{shown} already holds {state}: --resume goes on with it, --force replaces it, or give another --out"
                )
            }
            Existing::Force => {
                refuse_to_eat_inputs(path, identity)?;
                for name in TABLES.iter().chain(OTHERS) {
                    let old = path.join(name);
                    let removed = if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) };
                    match removed {
                        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                            return Err(e).with_context(|| format!("cannot remove {}", old.display()));
                        }
                        _ => {}
                    }
                }
            }
            Existing::Resume => {
                let file = if is_begun { begun.clone() } else { path.join(MANIFEST) };
                let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let before: Identity = serde_json::from_slice(&text).with_context(|| {
                    format!("{} cannot be understood: replace the run with --force", file.display())
                })?;
                if let Some(difference) = before.difference(identity) {
                    bail!(
                        "{shown} holds another run: {difference}. Repeat the command that began it, or give --force to replace it"
                    );
                }
                if !is_begun {
                    return Ok(Opened::Complete(path.to_path_buf()));
                }
                resumed = true;
            }
        }
        let state = path.join(STATE);
        fs::create_dir_all(&state).with_context(|| format!("cannot create {}", state.display()))?;
        let lock = match held.filter(|_| existing != Existing::Force) {
            Some(lock) => lock,
            None => lock(path)?,
        };
        remove_partial_files(path)?;
        if !resumed {
            write_atomic(&begun, &serde_json::to_vec_pretty(identity)?)?;
        }
        Ok(Opened::Ready(Self { path: path.to_path_buf(), resumed, started: now(), _lock: lock }))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder for what a killed run goes on from; removed when the run is done.
    pub fn state(&self) -> PathBuf {
        self.path.join(STATE)
    }

    /// Creates a folder inside.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Writes a file of the run, whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_atomic(&self.path.join(name), bytes)
    }

    /// The manifest of this run, complete but for what is known to the caller alone.
    pub fn manifest(&self, identity: &Identity) -> Manifest {
        Manifest {
            schema: Manifest::SCHEMA.into(),
            identity: identity.clone(),
            limits: super::Limits::default(),
            threads: rayon::current_num_threads(),
            started: self.started.clone(),
            finished: now(),
            resumed: self.resumed,
            warnings: vec![],
            findings: vec![],
            attribution: None,
        }
    }

    /// Writes the manifest, which makes the run complete, and removes the state.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub fn finish(self, manifest: &Manifest) -> Result<()> {
        ensure!(manifest.schema == Manifest::SCHEMA, "a manifest of this version is written");
        self.write(MANIFEST, &serde_json::to_vec_pretty(manifest)?)?;
        let state = self.state();
        fs::remove_dir_all(&state)
            .with_context(|| format!("the run is complete, but {} cannot be removed", state.display()))
    }

    /// Reads the manifest of a complete run.
    ///
    /// # Errors
    /// When the folder holds no complete run.
    pub fn read_manifest(path: &Path) -> Result<Manifest> {
        let file = path.join(MANIFEST);
        if !file.exists() {
            let hint =
                if path.join(STATE).exists() { "; the run was interrupted: finish it with --resume" } else { "" };
            bail!("{} is not a complete run: it has no {MANIFEST}{hint}", path.display());
        }
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} cannot be understood", file.display()))
    }
}

/// Takes the lock of a folder's state, which ends with the process however it ends.
fn lock(path: &Path) -> Result<File> {
    let file = path.join(STATE).join(LOCK);
    let lock = File::create(&file).with_context(|| format!("cannot create {}", file.display()))?;
    match lock.try_lock() {
        // Some network file systems have no locks; results are still written whole.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!("another narrows is working in {}: wait for it, or give another --out", path.display())
        }
    }
}

/// `--force` into a folder that holds what the run is to read would remove it before it is read.
fn refuse_to_eat_inputs(path: &Path, identity: &Identity) -> Result<()> {
    let folder = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
    let inside = |input: &&InputFile| Path::new(&input.path).canonicalize().is_ok_and(|p| p.starts_with(&folder));
    if let Some(input) = identity.inputs.iter().find(inside) {
        bail!("{} lies in {}, which --force would replace: give another --out", input.path, path.display());
    }
    Ok(())
}

/// Removes unfinished files that a killed run left behind, in the folder and below.
fn remove_partial_files(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_partial_files(&entry.path())?;
        } else if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            fs::remove_file(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Whether a folder is empty, but for a state that was killed before it said what it was the state of.
fn holds_nothing(path: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(entries.all(|entry| entry.is_ok_and(|e| e.file_name() == STATE)))
}

/// The time in UTC, to the second.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_else(|_| jiff::Timestamp::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn identity(n: u32) -> Identity {
        Identity::new("plane", json!({ "n": n }), vec![])
    }

    fn ready(opened: Opened) -> RunFolder {
        match opened {
            Opened::Ready(folder) => folder,
            Opened::Complete(path) => panic!("{} is complete", path.display()),
        }
    }

    fn message(path: &Path, existing: Existing, n: u32) -> String {
        RunFolder::open(path, existing, &identity(n)).unwrap_err().to_string()
    }

    #[test]
    fn from_nothing_to_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let folder = ready(RunFolder::open(&path, Existing::Refuse, &identity(1)).unwrap());
        assert!(message(&path, Existing::Resume, 1).contains("another narrows is working"));
        drop(folder);
        assert!(message(&path, Existing::Refuse, 1).contains("interrupted"));
        let folder = ready(RunFolder::open(&path, Existing::Resume, &identity(1)).unwrap());
        let manifest = folder.manifest(&identity(1));
        folder.finish(&manifest).unwrap();
        assert!(message(&path, Existing::Refuse, 1).contains("a complete run"));
        assert!(message(&path, Existing::Resume, 2).contains("config.n was 1, now 2"));
        assert!(matches!(RunFolder::open(&path, Existing::Resume, &identity(1)).unwrap(), Opened::Complete(_)));
        assert_eq!(RunFolder::read_manifest(&path).unwrap(), manifest);
        drop(ready(RunFolder::open(&path, Existing::Force, &identity(2)).unwrap()));
        assert!(RunFolder::read_manifest(&path).unwrap_err().to_string().contains("--resume"));
        assert!(ready(RunFolder::open(&path, Existing::Resume, &identity(2)).unwrap()).resumed);
    }

    #[test]
    fn a_run_under_way_is_not_replaced_and_inputs_are_not_eaten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let folder = ready(RunFolder::open(&path, Existing::Refuse, &identity(1)).unwrap());
        assert!(message(&path, Existing::Force, 1).contains("another narrows is working"));
        let manifest = folder.manifest(&identity(1));
        folder.write("checkpoints.txt", b"weights").unwrap();
        folder.finish(&manifest).unwrap();
        let mut eats = identity(2);
        eats.inputs.push(InputFile::of(&path.join("checkpoints.txt")).unwrap());
        let refused = RunFolder::open(&path, Existing::Force, &eats).unwrap_err().to_string();
        assert!(refused.contains("which --force would replace"), "{refused}");
        assert!(path.join(MANIFEST).exists());
    }

    #[test]
    fn what_a_kill_left_unfinished_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let folder = ready(RunFolder::open(&path, Existing::Refuse, &identity(1)).unwrap());
        let left = folder.create_dir("figures").unwrap().join(format!("{PARTIAL}x"));
        fs::write(&left, "half").unwrap();
        drop(folder);
        drop(ready(RunFolder::open(&path, Existing::Resume, &identity(1)).unwrap()));
        assert!(!left.exists());
    }

    #[test]
    fn foreign_files_are_never_touched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        for existing in [Existing::Refuse, Existing::Force, Existing::Resume] {
            assert!(message(dir.path(), existing, 1).contains("left alone"));
        }
        assert!(dir.path().join("thesis.tex").exists());
    }
}
