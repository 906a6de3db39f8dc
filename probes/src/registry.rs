//! Every builder by name: the one list that the command line, the configs and the contract tests see.
//!
//! A builder is listed by an [`Entry`] that stands in its own file; adding one is that file and a line here. It is
//! written `name:key=value,key=value`, like an estimator.

use crate::builders::{
    cbm, cem, cms, codebook, concept_centric, discover, energy, key_value, linear_probe, mlp, posthoc, sparse,
};
use crate::{Bottleneck, Builder, ProbeError, Record};
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;

/// What a builder must be given beside embeddings and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Concept labels.
    Labels,
    /// Concept labels or concept vectors.
    LabelsOrVectors,
    /// Concept vectors.
    Vectors,
    /// Concept vectors and class vectors.
    ClassVectors,
}

/// One builder.
pub struct Entry {
    /// Name on the command line.
    pub name: &'static str,
    /// One line: what it does and where it comes from.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [ParameterDoc],
    /// What it must be given.
    pub needs: Needs,
    /// Makes it from its parameters.
    pub(crate) build: fn(&Parameters) -> Result<Box<dyn Builder>, ProbeError>,
    /// Brings back what it fitted.
    pub(crate) restore: fn(&Record) -> Result<Box<dyn Bottleneck>, ProbeError>,
}

/// All builders, in the order in which help lists them.
#[rustfmt::skip] // One line each, however short.
pub const BUILDERS: &[&Entry] = &[
    &linear_probe::ENTRY,
    &mlp::ENTRY,
    &cbm::INDEPENDENT,
    &cbm::SEQUENTIAL,
    &cbm::JOINT,
    &cem::ENTRY,
    &energy::ENTRY,
    &posthoc::ENTRY,
    &posthoc::HYBRID,
    &sparse::L1,
    &sparse::CONTRASTIVE,
    &sparse::GUMBEL,
    &cms::ENTRY,
    &codebook::ENTRY,
    &discover::ENTRY,
    &key_value::ENTRY,
    &concept_centric::ENTRY,
];

/// The entry of a builder.
///
/// # Errors
/// When there is none of that name.
pub fn find(name: &str) -> Result<&'static Entry, ProbeError> {
    BUILDERS.iter().copied().find(|e| e.name == name).ok_or_else(|| {
        let known: Vec<&str> = BUILDERS.iter().map(|e| e.name).collect();
        let similar = known.iter().find(|k| !name.is_empty() && (k.contains(name) || name.contains(**k)));
        let hint = similar.map_or(String::new(), |k| format!(" (did you mean {k}?)"));
        ProbeError::UnknownBuilder { name: name.into(), hint, known: known.join(", ") }
    })
}

/// Reads `name` or `name:key=value,…`.
///
/// # Errors
/// When there is no such builder or parameter, or a value is outside its domain.
pub fn builder(specification: &str) -> Result<Box<dyn Builder>, ProbeError> {
    let (name, parameters) = specification.split_once(':').unwrap_or((specification, ""));
    let entry = find(name.trim())?;
    (entry.build)(&Parameters::parse(entry.name, entry.parameters, parameters)?)
}

/// Brings back a bottleneck from its record.
///
/// # Errors
/// When no builder of this version knows it, or something in it is missing or damaged.
pub fn restore(record: &Record) -> Result<Box<dyn Bottleneck>, ProbeError> {
    (find(&record.builder)?.restore)(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_builder_s_each_and_defaults_build() {
        for (i, entry) in BUILDERS.iter().enumerate() {
            assert!(BUILDERS[..i].iter().all(|other| other.name != entry.name), "{}", entry.name);
            assert_eq!(builder(entry.name).unwrap().name(), entry.name);
        }
    }

    #[test]
    fn unknown_names_and_parameters_are_told() {
        let unknown = builder("linear").unwrap_err().to_string();
        assert!(unknown.contains("did you mean linear-probe?"), "{unknown}");
        let parameter = builder("linear-probe:mu=1").unwrap_err().to_string();
        assert_eq!(parameter, "linear-probe has no parameter 'mu'; it has: lambda");
    }
}
