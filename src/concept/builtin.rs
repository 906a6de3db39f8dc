//! Built-in data for concept jobs: `NAME` or `NAME:key=value,…`.

use super::birds::{BirdsSubject, birds};
use super::data::Subject;
use super::split::Split;
use crate::subject::drawn::bird_options;
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::BlobTasks;
use narrows_datasets::concepts::{self, ConceptSet, KnownJoint};
use narrows_probes::ConceptData;
use ndarray::Array2;

/// Samples of a toy set where the user names no number; the number of its source.
const SAMPLES: usize = 3000;

/// Built-in data, as they were made.
#[derive(Debug, Clone, PartialEq)]
pub enum BuiltIn {
    /// Inputs that are the embeddings.
    Toy(Box<ConceptSet>),
    /// Images with feature maps and embeddings.
    Birds(Box<BirdsSubject>),
}

impl BuiltIn {
    /// Makes the data of a name. Keys of the toys: `samples`, `seed`; those of birds:
    /// [`narrows_datasets::concepts::birds::BirdsOptions::parse`].
    ///
    /// # Errors
    /// When there is no such set or key, or a value is outside what it allows.
    pub fn make(name: &str) -> Result<Self> {
        match bird_options(name) {
            Some(options) => Ok(Self::Birds(Box::new(birds(&options?)?))),
            None => Ok(Self::Toy(Box::new(toy(name)?))),
        }
    }

    /// Classes and concepts.
    pub fn set(&self) -> &ConceptSet {
        match self {
            Self::Toy(set) => set,
            Self::Birds(subject) => &subject.birds.set,
        }
    }

    /// Which samples follow another law than the others; none of them may train.
    pub fn shifted(&self) -> Vec<bool> {
        match self {
            Self::Toy(set) => vec![false; set.len()],
            Self::Birds(subject) => subject.birds.shifted.clone(),
        }
    }
}

/// Sets without concepts, which learners of classes alone are for.
fn plain(set: &str, samples: usize, seed: u64) -> Result<Option<ConceptSet>> {
    let (data, classes) = match set {
        "digits" => (narrows_datasets::digits()?, (0..10).map(|d| d.to_string()).collect()),
        "blob-tasks" => (BlobTasks::default().draw(samples.div_ceil(4), seed, 0)?, BlobTasks::classes()),
        _ => return Ok(None),
    };
    let none = Array2::zeros((data.len(), 0));
    let made = ConceptSet::new(&data.name, data.inputs, (data.labels, classes), (none, vec![]))?;
    Ok(Some(ConceptSet { attribution: data.attribution, ..made }))
}

/// Keys that only one set has.
fn own_keys(set: &str) -> &'static [&'static str] {
    match set {
        "tabular-toy" => &["correlation"],
        "known-joint" => &["noise", "coupling"],
        _ => &[],
    }
}

fn toy(name: &str) -> Result<ConceptSet> {
    let (set, settings) = name.split_once(':').unwrap_or((name, ""));
    let (mut samples, mut seed) = (SAMPLES, 0u64);
    let mut own: Vec<(&str, f64)> = vec![];
    for piece in settings.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (key, value) =
            piece.split_once('=').with_context(|| format!("--data {name}: '{piece}' is no KEY=VALUE"))?;
        match key.trim() {
            "samples" => {
                samples = value.trim().parse().ok().filter(|n| (2..=10_000_000).contains(n)).with_context(|| {
                    format!("--data {name}: samples = {value}, but a number from 2 to 10 000 000 is expected")
                })?
            }
            "seed" => {
                seed = value
                    .trim()
                    .parse()
                    .with_context(|| format!("--data {name}: seed = {value} is no whole number"))?;
            }
            key if own_keys(set).contains(&key) => {
                let number =
                    value.trim().parse().with_context(|| format!("--data {name}: {key} = {value} is no number"))?;
                own.push((key, number));
            }
            other => {
                let keys = [&["samples", "seed"], own_keys(set)].concat().join(", ");
                bail!("--data {name}: there is no key '{other}'; there are: {keys}")
            }
        }
    }
    if let Some(made) = plain(set, samples, seed)? {
        ensure!(set != "digits" || settings.trim().is_empty(), "--data {name}: digits have no settings");
        return Ok(made);
    }
    let given = |key: &str, default: f64| own.iter().rev().find(|o| o.0 == key).map_or(default, |o| o.1);
    let usual = KnownJoint::default();
    Ok(match set {
        "tabular-toy" => concepts::tabular_toy(samples, given("correlation", 0.0), seed)?,
        "known-joint" => {
            let (noise, coupling) = (given("noise", usual.noise), given("coupling", usual.coupling));
            KnownJoint { samples, seed, noise, coupling }.draw()?
        }
        _ => concepts::by_name(set, samples, seed)?,
    })
}

/// Makes the built-in data of a name, and splits them; the data's own seed is among their settings.
///
/// # Errors
/// As [`BuiltIn::make`], and when they cannot be split so.
pub(crate) fn load(name: &str, split: &Split, seed: u64) -> Result<Subject> {
    ensure!(!matches!(split, Split::Column(_)), "--split-column is for data from files: {name} has no columns");
    let made = BuiltIn::make(name)?;
    let (mut train, mut test) = split.rows(&made.set().labels, name, seed, &mut vec![])?;
    let shifted = made.shifted();
    let moved: Vec<usize> = train.iter().copied().filter(|&r| shifted[r]).collect();
    let mut warnings = vec![];
    if !moved.is_empty() {
        train.retain(|&r| !shifted[r]);
        ensure!(
            !train.is_empty(),
            "{name}: every sample is shifted, and none is left to train on: a smaller shift_share"
        );
        warnings.push(format!("{} shifted samples of the training share test instead.", moved.len()));
        test.extend(moved);
        test.sort_unstable();
    }
    // A ceiling is one of the law that it was worked out for.
    let others = test.iter().filter(|&&r| shifted[r]).count();
    if others > 0 {
        warnings.push(format!("{others} of {} test samples are shifted: no ceiling holds for them.", test.len()));
    }
    let (embeddings, places, set) = match made {
        BuiltIn::Toy(set) => (set.inputs.mapv(f64::from), None, *set),
        BuiltIn::Birds(subject) => (subject.embeddings.mapv(f64::from), Some(subject.places()), subject.birds.set),
    };
    let mut data = ConceptData::new(embeddings, set.labels)?.with_classes(set.classes)?;
    if !set.concept_names.is_empty() {
        data = data.with_concepts(set.concepts, set.concept_names)?;
    }
    let ceilings = set.ceilings.filter(|_| others == 0);
    let joint = set.joint.filter(|_| others == 0);
    let subject = Subject::built_in(set.name, data, (train, test), &set.groups, ceilings, set.attribution);
    Ok(Subject { joint, places, warnings, ..subject })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn birds_come_with_maps_and_places() {
        let subject = load("birds:samples=40,seed=3", &Split::First(0.5), 0).unwrap();
        assert_eq!((subject.data.n_features(), subject.groups.len(), subject.train.len()), (64, 14, 20));
        assert_eq!(subject.places.unwrap().maps.dim().0, 40);
        assert!(subject.ceilings.is_some() && subject.warnings.is_empty());
        let e = format!("{:#}", load("birds:colour=red", &Split::First(0.5), 0).unwrap_err());
        assert!(e.contains("colour=red"), "{e}");
        assert!(load("xor:samples=50,seed=1", &Split::First(0.5), 0).unwrap().places.is_none());
    }

    #[test]
    fn a_known_joint_comes_with_its_table() {
        let subject = load("known-joint:samples=50,noise=0.1,coupling=2", &Split::First(0.5), 0).unwrap();
        let flat = load("known-joint:samples=50,coupling=0", &Split::First(0.5), 0).unwrap();
        assert_eq!((subject.data.n_concepts(), subject.data.n_classes()), (8, 4));
        assert_eq!(subject.joint.as_ref().unwrap().dim(), (256, 4));
        assert_ne!(subject.joint, flat.joint);
        let e = load("known-joint:correlation=1", &Split::First(0.5), 0).unwrap_err().to_string();
        assert!(e.contains("samples, seed, noise, coupling"), "{e}");
        assert!(load("xor:samples=50", &Split::First(0.5), 0).unwrap().joint.is_some());
        assert!(load("tabular-toy:samples=50,correlation=x", &Split::First(0.5), 0).is_err());
    }

    #[test]
    fn digits_and_blobs_have_classes_alone() {
        let digits = load("digits", &Split::First(0.5), 0).unwrap();
        assert_eq!((digits.data.n_samples(), digits.data.n_classes(), digits.data.n_concepts()), (1797, 10, 0));
        assert!(digits.attribution.is_some());
        assert!(load("digits:samples=5", &Split::First(0.5), 0).unwrap_err().to_string().contains("no settings"));
        let blobs = load("blob-tasks:samples=80", &Split::First(0.5), 0).unwrap();
        assert_eq!((blobs.data.n_samples(), blobs.data.names().classes[1].as_str()), (80, "4"));
    }

    #[test]
    fn shifted_samples_do_not_train() {
        let name = "birds:samples=40,spurious=0.9,shift=permuted,shift_share=0.5";
        let subject = load(name, &Split::First(0.8), 0).unwrap();
        assert_eq!((subject.train, subject.test), ((0..20).collect(), (20..40).collect()));
        assert!(subject.warnings[0].starts_with("12 shifted") && subject.warnings[1].starts_with("20 of 20 test"));
        assert!(subject.ceilings.is_none());
    }
}
