//! Data with named concepts: samples whose concepts are known by construction, with the exact ceilings of what they
//! tell of the class.

pub mod birds;
mod ceilings;
mod known_joint;
mod set;
mod toys;

use crate::DatasetError;

pub use ceilings::Ceilings;
pub use known_joint::KnownJoint;
pub use set::{ConceptGroup, ConceptSet};
pub use toys::{dot, tabular_toy, trigonometric, xor};

/// A built-in concept set.
#[derive(Debug, Clone, Copy)]
pub struct ConceptBuiltin {
    /// Name on the command line.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Draws so many samples from a seed.
    pub make: fn(usize, u64) -> Result<ConceptSet, DatasetError>,
}

/// All of them, with their default options.
pub const CONCEPT_SETS: &[ConceptBuiltin] = &[
    ConceptBuiltin {
        name: "xor",
        summary: "two uniform numbers, two concepts, their exclusive or: complete concepts, no linear head",
        make: xor,
    },
    ConceptBuiltin {
        name: "trigonometric",
        summary: "seven functions of three normal numbers, their signs as concepts: incomplete (Bayes accuracy 0.813)",
        make: trigonometric,
    },
    ConceptBuiltin {
        name: "dot",
        summary: "sum and difference of two normal vectors, a sign of each as concept: incomplete (Bayes accuracy 0.75)",
        make: dot,
    },
    ConceptBuiltin {
        name: "tabular-toy",
        summary: "the majority of three signs; tabular-toy:0.25 correlates the numbers: complete, concepts correlated",
        make: |samples, seed| tabular_toy(samples, 0.0, seed),
    },
    ConceptBuiltin {
        name: "known-joint",
        summary: "a chain of eight concepts that the class (of four) couples: the whole joint law is known as a table",
        make: |samples, seed| KnownJoint { samples, seed, ..KnownJoint::default() }.draw(),
    },
    ConceptBuiltin {
        name: "birds",
        summary: "drawn birds of 64 × 64 pixels, 20 classes, 59 concepts of nine parts whose places are known",
        make: birds::birds,
    },
];

/// Draws `samples` from the concept set of this name; `tabular-toy:0.25` sets its correlation. Birds have options of
/// their own: [`birds::BirdsOptions::parse`].
///
/// # Errors
/// When there is no such set, or its parameter or the number of samples is outside what is allowed.
pub fn by_name(name: &str, samples: usize, seed: u64) -> Result<ConceptSet, DatasetError> {
    if let Some(entry) = CONCEPT_SETS.iter().find(|b| b.name == name) {
        return (entry.make)(samples, seed);
    }
    if let Some(correlation) = name.strip_prefix("tabular-toy:").and_then(|d| d.parse().ok()) {
        return tabular_toy(samples, correlation, seed);
    }
    let known = CONCEPT_SETS.iter().map(|b| b.name).collect::<Vec<_>>().join(", ");
    Err(DatasetError::NoConceptSet { name: name.into(), known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_makes_a_set_of_its_name_from_its_seed() {
        for entry in CONCEPT_SETS {
            let set = by_name(entry.name, 60, 5).unwrap();
            assert_eq!((set.name.as_str(), set.len()), (entry.name, 60));
            assert_eq!(set, by_name(entry.name, 60, 5).unwrap());
            assert_ne!(set, by_name(entry.name, 60, 6).unwrap());
            assert!(set.ceilings.is_some());
        }
        assert_eq!(by_name("tabular-toy:0.5", 9, 0).unwrap().len(), 9);
        for (name, wanted) in [("mnist", "xor, trigonometric"), ("tabular-toy:x", "tabular-toy:x")] {
            assert!(by_name(name, 10, 0).unwrap_err().to_string().contains(wanted));
        }
        assert!(by_name("tabular-toy:-0.5", 10, 0).unwrap_err().to_string().contains("correlation = -0.5"));
        assert!(by_name("xor", 1, 0).unwrap_err().to_string().contains("1 sample(s)"));
    }
}
