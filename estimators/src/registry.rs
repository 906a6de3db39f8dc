//! Every plane estimator by name: the one list that the command line, the configs and the contract tests see.

use crate::binning::{AdaptiveBinning, UniformBinning};
use crate::kernel::{Bound, KernelDensity};
use crate::{EstimatorError, Parameters, PlaneEstimator};

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

/// One estimator.
pub struct Entry {
    /// Name on the command line.
    pub name: &'static str,
    /// One line: what it does and where it comes from.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [ParameterDoc],
    keys: &'static [&'static str],
    build: fn(&Parameters) -> Result<Box<dyn PlaneEstimator>, EstimatorError>,
}

/// All estimators, in the order in which help lists them.
pub const ESTIMATORS: &[Entry] = &[
    Entry {
        name: UniformBinning::NAME,
        summary: "equal bins of each activation; the row of bin numbers is the state (Shwartz-Ziv & Tishby 2017)",
        parameters: UniformBinning::PARAMETERS,
        keys: UniformBinning::KEYS,
        build: |p| Ok(Box::new(UniformBinning::from_parameters(p)?)),
    },
    Entry {
        name: AdaptiveBinning::NAME,
        summary: "EBAB: bins with equally many distinct values, a cell of its own for saturated units (Chelombiev et al. 2019)",
        parameters: AdaptiveBinning::PARAMETERS,
        keys: AdaptiveBinning::KEYS,
        build: |p| Ok(Box::new(AdaptiveBinning::from_parameters(p)?)),
    },
    Entry {
        name: Bound::Upper.name(),
        summary: "pairwise-distance upper bound of a Gaussian mixture on the activations (Kolchinsky & Tracey 2017)",
        parameters: KernelDensity::PARAMETERS,
        keys: KernelDensity::KEYS,
        build: |p| Ok(Box::new(KernelDensity::from_parameters(Bound::Upper, p)?)),
    },
    Entry {
        name: Bound::Lower.name(),
        summary: "pairwise-distance lower bound, by the Bhattacharyya distance (Kolchinsky & Tracey 2017)",
        parameters: KernelDensity::PARAMETERS,
        keys: KernelDensity::KEYS,
        build: |p| Ok(Box::new(KernelDensity::from_parameters(Bound::Lower, p)?)),
    },
    Entry {
        name: KernelDensity::ADAPTIVE_NAME,
        summary: "aKDE: the upper bound with a noise variance that grows with the layer's largest activation (Chelombiev et al. 2019)",
        parameters: KernelDensity::ADAPTIVE_PARAMETERS,
        keys: KernelDensity::KEYS,
        build: |p| Ok(Box::new(KernelDensity::adaptive_from_parameters(p)?)),
    },
];

/// Builds the estimator that `NAME` or `NAME:KEY=VALUE,KEY=VALUE` asks for.
///
/// # Errors
/// When there is no such estimator or parameter, or a value is outside its domain; the message lists what there is.
pub fn parse(specification: &str) -> Result<Box<dyn PlaneEstimator>, EstimatorError> {
    let (name, rest) = specification.split_once(':').unwrap_or((specification, ""));
    let entry = ESTIMATORS.iter().find(|e| e.name == name.trim()).ok_or_else(|| EstimatorError::UnknownEstimator {
        name: name.into(),
        known: ESTIMATORS.iter().map(|e| e.name).collect::<Vec<_>>().join(", "),
    })?;
    (entry.build)(&Parameters::parse(entry.name, entry.keys, rest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_builds_by_its_defaults_and_names_itself() {
        for entry in ESTIMATORS {
            assert_eq!(parse(entry.name).unwrap().name(), entry.name);
            assert_eq!(entry.parameters.iter().map(|p| p.name).collect::<Vec<_>>(), entry.keys, "{}", entry.name);
        }
    }

    #[test]
    fn effective_parameters_read_back_to_the_same_estimator() {
        for entry in ESTIMATORS {
            let parameters = parse(entry.name).unwrap().parameters();
            let again = parse(&format!("{}:{}", entry.name, parameters.replace(' ', ","))).unwrap();
            assert_eq!(again.parameters(), parameters);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let e = parse("ksgg").err().unwrap().to_string();
        assert!(e.contains("'ksgg'") && e.contains("binning, adaptive, kde, kde-lower, adaptive-kde"), "{e}");
    }
}
