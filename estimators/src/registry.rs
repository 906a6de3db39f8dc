//! Every estimator by name: the one list that the command line, the configs, the benchmarks and the contract tests see.
//!
//! An estimator is listed by an [`Entry`] that stands in its own file; adding one is that file and a line here.

use crate::streaming::{CompressedStream, State, Streaming, Wanted};
use crate::{
    Compressing, ConditionalMutualInformation, Entropy, EstimatorError, MutualInformation, Parameters, PlaneEstimator,
    auto, binning, compression, discrete, edge, kernel, lossy, neighbours, neural, parametric, sliced,
};

/// One parameter of an estimator, for help texts.
#[derive(Debug, Clone, Copy)]
pub struct ParameterDoc {
    /// Key.
    pub name: &'static str,
    /// Default, as it would be written.
    pub default: &'static str,
    /// One line.
    pub meaning: &'static str,
}

/// Which kinds of pairs a mutual information can be estimated of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain {
    /// Two continuous variables.
    pub continuous: bool,
    /// One continuous and one discrete variable.
    pub mixed: bool,
    /// Two discrete variables.
    pub discrete: bool,
}

impl Domain {
    pub(crate) const CONTINUOUS: Self = Self { continuous: true, mixed: false, discrete: false };
    pub(crate) const MIXED: Self = Self { continuous: false, mixed: true, discrete: false };
    pub(crate) const DISCRETE: Self = Self { continuous: false, mixed: false, discrete: true };
    pub(crate) const NOT_DISCRETE: Self = Self { continuous: true, mixed: true, discrete: false };
    pub(crate) const ANY: Self = Self { continuous: true, mixed: true, discrete: true };
}

type Builder<T> = fn(&Parameters) -> Result<Box<T>, EstimatorError>;

type StreamBuilder = fn(&Parameters, Wanted) -> Result<Box<dyn State>, EstimatorError>;

/// What the value of an estimator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// An amount of information, in nats.
    Information,
    /// A measure of dependence in a unit of its own: not to be converted, nor compared with nats.
    Dependence,
}

/// What an estimator can be built as.
#[derive(Clone, Copy)]
pub(crate) struct Build {
    pub(crate) mutual_information: Option<Builder<dyn MutualInformation>>,
    pub(crate) conditional: Option<Builder<dyn ConditionalMutualInformation>>,
    pub(crate) entropy: Option<Builder<dyn Entropy>>,
    pub(crate) plane: Option<Builder<dyn PlaneEstimator>>,
    /// Of data that are read some rows at a time: what is [`Wanted`] must be among the estimator's other capabilities.
    pub(crate) stream: Option<StreamBuilder>,
    /// The parameters with which it streams; empty when it always does.
    pub(crate) streams_when: &'static str,
}

impl Build {
    /// The start of every list of capabilities.
    pub(crate) const NOTHING: Self = Self {
        mutual_information: None,
        conditional: None,
        entropy: None,
        plane: None,
        stream: None,
        streams_when: "",
    };
}

/// One estimator.
pub struct Entry {
    /// Name on the command line.
    pub name: &'static str,
    /// One line: what it does and where it comes from.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [ParameterDoc],
    /// The pairs of variables that it takes.
    pub domain: Domain,
    /// What its value is.
    pub measure: Measure,
    /// Whether it trains a network on the sample: seconds to minutes, and a value that depends on the seed and on the
    /// order of the samples.
    pub trained: bool,
    /// How time grows with samples N and features D.
    pub cost: &'static str,
    /// When to choose it, and when not.
    pub choose: &'static str,
    pub(crate) build: Build,
}

impl Entry {
    /// Whether it estimates the mutual information of two variables.
    pub fn is_mutual_information(&self) -> bool {
        self.build.mutual_information.is_some()
    }

    /// Whether it estimates a mutual information given a third variable.
    pub fn is_conditional(&self) -> bool {
        self.build.conditional.is_some()
    }

    /// Whether it estimates the entropy of one variable.
    pub fn is_entropy(&self) -> bool {
        self.build.entropy.is_some()
    }

    /// Whether it can read its data some rows at a time, for mutual information and entropy as far as it estimates them.
    pub fn streams(&self) -> bool {
        self.build.stream.is_some()
    }

    /// The parameters with which [`Entry::streams`] holds; empty when it always does.
    pub fn streams_when(&self) -> &'static str {
        self.build.streams_when
    }

    /// Whether it estimates the information plane's numbers of a layer.
    pub fn is_plane(&self) -> bool {
        self.build.plane.is_some()
    }
}

/// All estimators, in the order in which help lists them.
#[rustfmt::skip] // One line each, however short.
pub const ESTIMATORS: &[&Entry] = &[
    &auto::ENTRY,
    &discrete::PLUG_IN,
    &binning::UNIFORM,
    &binning::ADAPTIVE,
    &binning::EQUAL_MASS,
    &neighbours::KSG,
    &neighbours::LNC,
    &neighbours::KOZACHENKO_LEONENKO,
    &neighbours::ROSS,
    &neighbours::MIXED_KSG,
    &parametric::GAUSSIAN,
    &parametric::GAUSSIAN_COPULA,
    &parametric::STUDENT_COPULA,
    &sliced::ENTRY,
    &edge::ENTRY,
    &kernel::UPPER,
    &kernel::LOWER,
    &kernel::ADAPTIVE,
    &kernel::CHANNEL,
    &kernel::LEAVE_ONE_OUT,
    &kernel::CAUCHY_SCHWARZ,
    &kernel::HSIC,
    &kernel::RENYI,
    &lossy::ENTRY,
    &neural::INFONCE,
    &neural::MINE,
    &neural::NWJ,
    &neural::SMILE,
    &neural::ENTROPIES,
    &neural::LATENT,
];

/// Builds the plane estimator that `NAME` or `NAME:KEY=VALUE,KEY=VALUE` asks for.
///
/// # Errors
/// When there is no such estimator or parameter, or a value is outside its domain; the message lists what there is.
pub fn plane(specification: &str) -> Result<Box<dyn PlaneEstimator>, EstimatorError> {
    build(specification, "the information plane", |b| b.plane)
}

/// Builds the mutual-information estimator that a specification asks for.
///
/// `ENCODER/ESTIMATOR`, each as NAME or NAME:KEY=VALUE,…, puts an encoder in front: `pca:components=4/ksg:k=5`.
///
/// # Errors
/// As [`plane`].
pub fn mutual_information(specification: &str) -> Result<Box<dyn MutualInformation>, EstimatorError> {
    let (encoder, own) = parts(specification);
    let estimator = build(own, "mutual information", |b| b.mutual_information)?;
    Ok(match encoder {
        Some(encoder) => Box::new(Compressing::new(compression::encoder(encoder)?, estimator)),
        None => estimator,
    })
}

/// Builds the estimator of conditional mutual information that a specification asks for; see [`mutual_information`].
///
/// # Errors
/// As [`plane`].
pub fn conditional(specification: &str) -> Result<Box<dyn ConditionalMutualInformation>, EstimatorError> {
    let (encoder, own) = parts(specification);
    let estimator = build(own, "conditional mutual information", |b| b.conditional)?;
    Ok(match encoder {
        Some(encoder) => Box::new(Compressing::new(compression::encoder(encoder)?, estimator)),
        None => estimator,
    })
}

/// The encoder's part of a specification, if it has one, and the estimator's.
fn parts(specification: &str) -> (Option<&str>, &str) {
    specification.split_once('/').map_or((None, specification), |(encoder, own)| (Some(encoder), own))
}

/// The entry that a specification names, whatever its parameters and whatever is in front of it.
pub fn entry(specification: &str) -> Option<&'static Entry> {
    let name = parts(specification).1.split(':').next().unwrap_or_default().trim();
    ESTIMATORS.iter().copied().find(|e| e.name == name)
}

/// Builds the entropy estimator that a specification asks for.
///
/// # Errors
/// As [`plane`].
pub fn entropy(specification: &str) -> Result<Box<dyn Entropy>, EstimatorError> {
    build(specification, "entropy", |b| b.entropy)
}

/// The estimate that a specification asks for, of data that are read some rows at a time; see [`mutual_information`].
/// Its value is that of the estimator in memory, bit for bit.
///
/// # Errors
/// As [`mutual_information`]; also when the estimator needs all samples at once: the message lists those that do not.
pub fn streaming_mutual_information(specification: &str) -> Result<Streaming, EstimatorError> {
    let (encoder, own) = parts(specification);
    // For its refusals of what is not known, or no mutual information.
    mutual_information(specification)?;
    let wanted = Wanted::MutualInformation;
    let state = streaming(own, wanted)?;
    Ok(Streaming::new(
        match encoder {
            Some(encoder) => Box::new(CompressedStream::new(compression::streaming_encoder(encoder)?, state)),
            None => state,
        },
        wanted,
    ))
}

/// As [`streaming_mutual_information`], for [`entropy`].
///
/// # Errors
/// As [`streaming_mutual_information`].
pub fn streaming_entropy(specification: &str) -> Result<Streaming, EstimatorError> {
    entropy(specification)?;
    Ok(Streaming::new(streaming(specification, Wanted::Entropy)?, Wanted::Entropy))
}

fn streaming(specification: &str, wanted: Wanted) -> Result<Box<dyn State>, EstimatorError> {
    let (name, rest) = specification.split_once(':').unwrap_or((specification, ""));
    let entry = ESTIMATORS.iter().find(|e| e.name == name.trim());
    let Some((entry, build)) = entry.and_then(|e| Some((e, e.build.stream?))) else {
        return Err(EstimatorError::NotStreaming { estimator: name.into(), known: streaming_names() });
    };
    build(&Parameters::parse(entry.name, entry.parameters, rest)?, wanted)
}

/// The estimators that can read their data some rows at a time, joined by commas.
pub fn streaming_names() -> String {
    let told = |e: &&Entry| match e.streams_when() {
        "" => e.name.to_string(),
        when => format!("{}:{when}", e.name),
    };
    ESTIMATORS.iter().filter(|e| e.streams()).map(told).collect::<Vec<_>>().join(", ")
}

fn build<T: ?Sized>(
    specification: &str,
    quantity: &'static str,
    capability: impl Fn(&Build) -> Option<Builder<T>>,
) -> Result<Box<T>, EstimatorError> {
    let (name, rest) = specification.split_once(':').unwrap_or((specification, ""));
    let able = || ESTIMATORS.iter().filter(|e| capability(&e.build).is_some()).map(|e| e.name).collect::<Vec<_>>();
    let entry = ESTIMATORS
        .iter()
        .find(|e| e.name == name.trim())
        .ok_or_else(|| EstimatorError::UnknownEstimator { name: name.into(), known: able().join(", ") })?;
    let builder = capability(&entry.build).ok_or_else(|| EstimatorError::NotOfThis {
        estimator: entry.name,
        quantity,
        known: able().join(", "),
    })?;
    builder(&Parameters::parse(entry.name, entry.parameters, rest)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Estimator;

    /// Checks a builder of every entry that has one.
    fn every(check: impl Fn(&Entry, &dyn Fn(&str) -> Result<(&'static str, String), EstimatorError>)) {
        fn told<T: Estimator + ?Sized>(built: &T) -> (&'static str, String) {
            (built.name(), built.parameters())
        }
        for entry in ESTIMATORS {
            let build = entry.build;
            assert!(
                build.plane.is_some() || build.mutual_information.is_some() || build.entropy.is_some(),
                "{} can be built as nothing",
                entry.name
            );
            if build.plane.is_some() {
                check(entry, &|spec| plane(spec).map(|built| told(&*built)));
            }
            if build.mutual_information.is_some() {
                check(entry, &|spec| mutual_information(spec).map(|built| told(&*built)));
            }
            if build.conditional.is_some() {
                check(entry, &|spec| conditional(spec).map(|built| told(&*built)));
            }
            if build.entropy.is_some() {
                check(entry, &|spec| entropy(spec).map(|built| told(&*built)));
            }
        }
    }

    #[test]
    fn every_entry_builds_by_its_defaults_and_names_itself() {
        every(|entry, build| assert_eq!(build(entry.name).unwrap().0, entry.name));
    }

    #[test]
    fn effective_parameters_read_back_to_the_same_estimator() {
        every(|entry, build| {
            let parameters = build(entry.name).unwrap().1;
            let again = build(&format!("{}:{}", entry.name, parameters.replace(' ', ","))).unwrap();
            assert_eq!(again.1, parameters, "{}", entry.name);
        });
    }

    #[test]
    fn names_are_unique_and_every_default_is_accepted() {
        for (i, entry) in ESTIMATORS.iter().enumerate() {
            assert!(ESTIMATORS[..i].iter().all(|e| e.name != entry.name), "{} twice", entry.name);
        }
        every(|entry, build| {
            for p in entry.parameters.iter().filter(|p| !p.default.is_empty()) {
                let spec = format!("{}:{}={}", entry.name, p.name, p.default);
                assert!(build(&spec).is_ok(), "{spec}: {:?}", build(&spec).err());
            }
        });
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let e = plane("ksgg").err().unwrap().to_string();
        assert!(
            e.contains("'ksgg'") && e.contains("binning, adaptive, equal-mass, kde, kde-lower, adaptive-kde"),
            "{e}"
        );
    }

    #[test]
    fn an_estimator_of_something_else_is_told_apart_from_an_unknown_one() {
        let e = plane("plug-in").err().unwrap().to_string();
        assert!(e.contains("plug-in does not estimate the information plane") && e.contains("binning"), "{e}");
    }
}
