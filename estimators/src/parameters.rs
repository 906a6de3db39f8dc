//! `name:key=value,key=value`, the way an estimator is written on a command line and in a config.

use crate::EstimatorError;
use crate::registry::ParameterDoc;
use std::str::FromStr;

/// The key–value pairs of one specification, taken out one by one by the estimator that they build.
#[derive(Debug, Clone)]
pub struct Parameters {
    estimator: &'static str,
    pairs: Vec<(String, String)>,
}

impl Parameters {
    /// Reads `key=value,key=value`; an empty text means no parameters.
    ///
    /// # Errors
    /// When a piece has no `=`, a key is not among `known`, or a key is given twice.
    pub fn parse(estimator: &'static str, known: &'static [ParameterDoc], text: &str) -> Result<Self, EstimatorError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for piece in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (key, value) = piece.split_once('=').ok_or_else(|| EstimatorError::Malformed { text: piece.into() })?;
            let (key, value) = (key.trim(), value.trim());
            if !known.iter().any(|p| p.name == key) {
                let known = match known {
                    [] => "none".into(),
                    known => known.iter().map(|p| p.name).collect::<Vec<_>>().join(", "),
                };
                return Err(EstimatorError::UnknownParameter { estimator, name: key.into(), known });
            }
            if pairs.iter().any(|(k, _)| k == key) {
                return Err(bad(estimator, key, value, "it is given twice"));
            }
            pairs.push((key.into(), value.into()));
        }
        Ok(Self { estimator, pairs })
    }

    /// The value of a key as text; `None` when it was not given, or is not one of this estimator's.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The value of a key, read as `T` and checked.
    ///
    /// # Errors
    /// When it is not a `T`, or `allowed` is false of it; `rule` is the sentence that the user is shown.
    pub fn value<T: FromStr>(
        &self,
        key: &str,
        rule: &str,
        allowed: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, EstimatorError> {
        self.text(key)
            .map(|text| text.parse().ok().filter(&allowed).ok_or_else(|| bad(self.estimator, key, text, rule)))
            .transpose()
    }

    /// The value of a key that is `yes` or `no`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn yes_or_no(&self, key: &str) -> Result<Option<bool>, EstimatorError> {
        match self.text(key) {
            None => Ok(None),
            Some("yes") => Ok(Some(true)),
            Some("no") => Ok(Some(false)),
            Some(other) => Err(self.bad(key, other, "it must be yes or no")),
        }
    }

    /// The error for a value of this estimator that breaks a rule.
    pub fn bad(&self, key: &str, value: &str, rule: &str) -> EstimatorError {
        bad(self.estimator, key, value, rule)
    }
}

fn bad(estimator: &'static str, name: &str, value: &str, rule: &str) -> EstimatorError {
    EstimatorError::BadParameter { estimator, name: name.into(), value: value.into(), rule: rule.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ParameterDoc = ParameterDoc { name: "a", default: "", meaning: "" };
    const B: ParameterDoc = ParameterDoc { name: "b", default: "", meaning: "" };

    #[test]
    fn reads_and_checks() {
        let p = Parameters::parse("e", &[A, B], "a=1, b=x").unwrap();
        assert_eq!(p.value("a", "", |v: &u32| *v > 0).unwrap(), Some(1));
        assert_eq!(p.text("b"), Some("x"));
        let e = p.value("b", "it must be a number", |_: &f64| true).unwrap_err();
        assert_eq!(e.to_string(), "e: b = x, but it must be a number");
    }

    #[test]
    fn refuses_unknown_repeated_and_malformed() {
        let parse = |t| Parameters::parse("e", &[A], t).unwrap_err().to_string();
        assert_eq!(parse("c=1"), "e has no parameter 'c'; it has: a");
        assert!(parse("a=1,a=2").contains("twice"));
        assert!(parse("a").contains("KEY=VALUE"));
    }
}
