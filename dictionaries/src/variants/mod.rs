//! Every kind of sparse autoencoder by name: the one list that the command line, the jobs and the tests see.
//!
//! A variant is listed by an [`Entry`] that stands in its own file; adding one is that file and a line here. It is
//! written `name:key=value,…`, like an estimator.

mod batch_topk;
mod gated;
mod jumprelu;
mod l1;
mod matryoshka;
mod settings;
mod topk;
mod variant;

pub(crate) use settings::{Common, Settings};
pub(crate) use variant::{Scene, Variant, Weights};

use crate::DictionaryError;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;

/// One kind of sparse autoencoder.
pub struct Entry {
    /// Name on the command line.
    pub name: &'static str,
    /// One line: what it does and where it comes from.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [ParameterDoc],
    pub(crate) build: fn(&Parameters) -> Result<Settings, DictionaryError>,
}

/// All variants, in the order in which help lists them.
#[rustfmt::skip] // One line each, however short.
pub const VARIANTS: &[&Entry] = &[
    &l1::ENTRY,
    &gated::ENTRY,
    &topk::ENTRY,
    &batch_topk::ENTRY,
    &jumprelu::ENTRY,
    &matryoshka::ENTRY,
];

/// The entry of a variant.
///
/// # Errors
/// When there is none of that name.
pub fn find(name: &str) -> Result<&'static Entry, DictionaryError> {
    VARIANTS.iter().copied().find(|e| e.name == name).ok_or_else(|| {
        let known: Vec<&str> = VARIANTS.iter().map(|e| e.name).collect();
        let similar = known.iter().find(|k| !name.is_empty() && (k.contains(name) || name.contains(**k)));
        let hint = similar.map_or(String::new(), |k| format!(" (did you mean {k}?)"));
        DictionaryError::Unknown { kind: "kind of dictionary", name: name.into(), hint, known: known.join(", ") }
    })
}

/// Checks `name` or `name:key=value,…` and gives its entry.
///
/// # Errors
/// When there is no such variant or parameter, or a value is outside its domain.
pub fn variant(specification: &str) -> Result<&'static Entry, DictionaryError> {
    settings(specification).map(|(entry, _)| entry)
}

/// What a specification says.
pub(crate) fn settings(specification: &str) -> Result<(&'static Entry, Settings), DictionaryError> {
    let (name, parameters) = specification.split_once(':').unwrap_or((specification, ""));
    let entry = find(name.trim())?;
    let settings = (entry.build)(&Parameters::parse(entry.name, entry.parameters, parameters)?)?;
    Ok((entry, settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_variant_s_each_and_defaults_build() {
        for (i, entry) in VARIANTS.iter().enumerate() {
            assert!(VARIANTS[..i].iter().all(|other| other.name != entry.name), "{}", entry.name);
            assert_eq!(variant(entry.name).unwrap().name, entry.name);
        }
    }

    // A default in the help that is not the program's would mislead: what can be written out is, and must change nothing.
    #[test]
    fn defaults_are_those_that_the_help_tells() {
        for entry in VARIANTS {
            let (_, plain) = settings(entry.name).unwrap();
            let told = entry.parameters.iter().filter(|p| p.default.parse::<f64>().is_ok() || p.name == "normalise");
            let told: Vec<String> = told.map(|p| format!("{}={}", p.name, p.default)).collect();
            assert!(!told.is_empty());
            let (_, written) = settings(&format!("{}:{}", entry.name, told.join(","))).unwrap();
            assert_eq!(format!("{plain:?}"), format!("{written:?}"));
        }
    }

    #[test]
    fn unknown_names_and_parameters_are_told() {
        let unknown = variant("jump").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(unknown.contains("did you mean jumprelu?"), "{unknown}");
        let parameter = variant("topk:lambda=1").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(parameter.starts_with("topk has no parameter 'lambda'; it has: k,"), "{parameter}");
        let value = variant("topk:k=0").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(value.contains("topk: k = 0, but"), "{value}");
    }
}
